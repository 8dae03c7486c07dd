package email

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func ring(t testing.TB, current int) Keys {
	t.Helper()
	k, err := NewKeys(current, map[int][]byte{
		1: bytes.Repeat([]byte{1}, 32),
		2: bytes.Repeat([]byte{2}, 32),
	})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const someID = ID("7k4qm2tx01234567")

func TestMessageID_hasTheFormAndIsFoundAgain(t *testing.T) {
	t.Parallel()
	k := ring(t, 2)
	mid := k.MessageID(someID, "Dupont.Example")
	if !strings.HasPrefix(mid, "<r2.7k4qm2tx01234567.") || !strings.HasSuffix(mid, "@dupont.example>") || len(mid) > 75 {
		t.Errorf("MessageID = %q", mid)
	}
	if !IsMessageID(mid) {
		t.Errorf("%q is not taken as a message id", mid)
	}
	if got := ring(t, 1).Find(mid); !cmp.Equal(got, []ID{someID}) {
		t.Errorf("after the keys were rotated: Find = %v", got)
	}
}

func TestFind_forgivesMangling(t *testing.T) {
	t.Parallel()
	k := ring(t, 1)
	mid := k.MessageID(someID, "dupont.example")
	half := len(mid) / 2
	tests := map[string]string{
		"upper case":         "In-Reply-To: " + strings.ToUpper(mid),
		"comma list":         "References: <a@b.example>," + mid + ",<c@d.example>",
		"fold in the id":     "References: " + mid[:half] + "\r\n\t" + mid[half:],
		"fold and spaces in": "References: <x@y.example>\r\n " + mid[:30] + " \r\n " + mid[30:],
		"doubled brackets":   "References: <" + mid + ">",
		"percent signs":      "References: " + strings.NewReplacer("<", "%3C", ">", "%3e", "@", "%40").Replace(mid),
		"fold between two":   "References: <x@y.example>\r\n " + strings.Trim(mid, "<>") + "\r\n <z@y.example>",
		"the reference":      "X-Relanced-Ref: " + k.Ref(someID, "dupont.example"),
		"the token address":  "Delivered-To: " + k.TokenAddress(someID, "billing@dupont.example"),
		"domain cut off":     "References: " + mid[:strings.IndexByte(mid, '@')],
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := k.Find(text, "autre.example", "dupont.example"); !cmp.Equal(got, []ID{someID}) {
				t.Errorf("Find(%q) = %v", text, got)
			}
		})
	}
}

func TestFind_refusesWhatWeDidNotSign(t *testing.T) {
	t.Parallel()
	k := ring(t, 1)
	mid := k.MessageID(someID, "dupont.example")
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(4, 36).Draw(t, "at")
		to := rapid.SampledFrom([]byte(alphabet)).Draw(t, "to")
		forged := mid[:at] + string(to) + mid[at+1:]
		if forged != mid && len(k.Find(forged)) > 0 {
			t.Fatalf("%q was taken as ours", forged)
		}
	})
	if got := k.Find(strings.Replace(mid, "dupont", "durand", 1)); got != nil {
		t.Errorf("another domain: %v", got)
	}
}

func TestTokenAddress_neverPassesTheLimitOfALocalPart(t *testing.T) {
	t.Parallel()
	k := ring(t, 1)
	if got := k.TokenAddress(someID, "billing@dupont.example"); !IsAddress(got) {
		t.Errorf("%q is no address", got)
	}
	if got := k.TokenAddress(someID, strings.Repeat("a", 40)+"@dupont.example"); got != "" {
		t.Errorf("too long: %q", got)
	}
}

func TestReference_survivesRetyping(t *testing.T) {
	t.Parallel()
	ref := Reference(someID)
	if !strings.HasPrefix(ref, "R-7K4Q-M2") || len(ref) != 11 {
		t.Fatalf("Reference = %q", ref)
	}
	for _, text := range []string{
		"Réf. de suivi : " + ref + ".", strings.ToLower(ref), strings.ReplaceAll(ref, "-", " "),
		strings.ReplaceAll(ref, "-", "–"), "(" + ref + ")", ref + "\n" + ref,
	} {
		if got := FindReferences(text); !cmp.Equal(got, []string{ref}) {
			t.Errorf("FindReferences(%q) = %v", text, got)
		}
	}
}

func TestReference_noticesWrongAndSwappedCharacters(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := ID(rapid.StringMatching("["+alphabet+"]{16}").Draw(t, "id"))
		ref := strings.ReplaceAll(Reference(id)[2:], "-", "")
		at := rapid.IntRange(0, 7).Draw(t, "at")
		wrong := ref[:at] + strings.ToUpper(rapid.StringMatching("["+alphabet+"]").Draw(t, "c")) + ref[at+1:]
		if at < 7 && rapid.Bool().Draw(t, "swap") {
			wrong = ref[:at] + string([]byte{ref[at+1], ref[at]}) + ref[at+2:]
		}
		if wrong == ref {
			return
		}
		if got := FindReferences("R-" + wrong[:4] + "-" + wrong[4:]); got != nil {
			t.Fatalf("%s passed for %s", wrong, ref)
		}
	})
}

func TestToken_isBoundToItsRecipientAndTime(t *testing.T) {
	t.Parallel()
	k := ring(t, 1)
	now := time.Date(2026, 11, 24, 7, 30, 0, 0, time.UTC)
	want := Token{ID: someID, For: "marie@dupont.example", Expires: now.Add(72 * time.Hour)}
	subject := "Re: À traiter [" + strings.ToUpper(k.Sign(want)) + "]"
	got, ok, err := ring(t, 2).Open(subject, "Marie+x@Dupont.Example", now)
	if diff := cmp.Diff(want, got); !ok || err != nil || diff != "" {
		t.Errorf("Open: %v %v\n%s", ok, err, diff)
	}
	if _, _, err := k.Open(subject, "paul@dupont.example", now); err != ErrForged {
		t.Errorf("another sender: %v", err)
	}
	if _, _, err := k.Open(subject, want.For, now.Add(73*time.Hour)); err != ErrExpired {
		t.Errorf("too late: %v", err)
	}
	later := want
	later.Expires = now.Add(1000 * time.Hour)
	parts, other := strings.Split(k.Sign(want), "."), strings.Split(k.Sign(later), ".")
	parts[2] = other[2]
	if _, _, err := k.Open(strings.Join(parts, "."), want.For, now); err != ErrForged {
		t.Errorf("expiry moved: %v", err)
	}
	if _, ok, err := k.Open("ok sauf 3", want.For, now); ok || err != nil {
		t.Errorf("no token: %v %v", ok, err)
	}
}

func TestThreadIndex_keepsTheGUIDOverACase(t *testing.T) {
	t.Parallel()
	k := ring(t, 1)
	began := time.Date(2026, 11, 24, 7, 30, 0, 0, time.UTC)
	first, third, other := k.ThreadIndex("1042", began, 0), k.ThreadIndex("1042", began, 2), k.ThreadIndex("1043", began, 0)
	raw, err := base64.StdEncoding.DecodeString(first)
	if err != nil || len(raw) != 22 || raw[0] != 1 {
		t.Errorf("ThreadIndex = %x, %v", raw, err)
	}
	if ThreadGUID(first) == "" || ThreadGUID(first) != ThreadGUID(third) || ThreadGUID(first) == ThreadGUID(other) {
		t.Errorf("GUIDs %q %q %q", ThreadGUID(first), ThreadGUID(third), ThreadGUID(other))
	}
}

func TestReferences_firstAndLastTenWithin900Bytes(t *testing.T) {
	t.Parallel()
	var thread []string
	for i := range 30 {
		thread = append(thread, fmt.Sprintf("<m%d@dupont.example>", i))
	}
	got := References(thread)
	if len(got) != 11 || got[0] != thread[0] || got[1] != thread[20] || got[10] != thread[29] {
		t.Errorf("References = %v", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOf(rapid.StringMatching(`<[a-z]{1,300}@[a-z]{1,300}>|<a b@c>|x|<a@b>\r\nTo: x@y`)).Draw(t, "ids")
		list := References(ids)
		if joined := strings.Join(list, " "); len(joined) > 900 {
			t.Fatalf("%d bytes", len(joined))
		}
		for _, id := range list {
			if !IsMessageID(id) {
				t.Fatalf("%q", id)
			}
		}
		if n := len(ids); n > 0 && IsMessageID(ids[n-1]) && list[len(list)-1] != ids[n-1] {
			t.Fatalf("the parent %q is missing from %v", ids[n-1], list)
		}
	})
}

func FuzzFind(f *testing.F) {
	k := ring(f, 1)
	f.Add("References: " + k.MessageID(someID, "dupont.example"))
	f.Add("=\r\n%4")
	f.Fuzz(func(t *testing.T, text string) {
		for _, id := range k.Find(text, "dupont.example") {
			if !id.Valid() {
				t.Errorf("%q", id)
			}
		}
		FindReferences(text)
		_, _, _ = k.Open(text, "a@b.example", time.Time{})
	})
}
