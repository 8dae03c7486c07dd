package email

import (
	"strings"
	"testing"

	"golang.org/x/net/idna"
	"pgregory.net/rapid"
)

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	good := []string{"a@b.fr", "jean.dupont+x@dupont.example", "o'neil@dupont.ie", "compta@société.fr", "zoë@dupont.fr"}
	bad := []string{
		"", "a", "@b.fr", "a@", "a@b", " a@b.fr", "a@b.fr ", "a b@c.fr", "a@b.fr\n", "a@b.fr\r\nBcc: c@d.fr", "a\t@b.fr",
		"a@b.fr,c@d.fr", "a@b.fr;c@d.fr", "<a@b.fr>", "A <a@b.fr>", `"a b"@c.fr`, "a(x)@b.fr", ".a@b.fr", "a.@b.fr", "a..b@c.fr",
		"a@-b.fr", "a@b..fr", "a@[1.2.3.4]", "a\u00a0b@c.fr", "a\u202eb@c.fr", "a\u200bb@c.fr", "a@b\x00.fr", "a@@b.fr",
		strings.Repeat("a", 65) + "@b.fr", "a@" + strings.Repeat("b.", 130) + "fr", "a\xff@b.fr",
	}
	for _, a := range good {
		if err := CheckAddress(a); err != nil {
			t.Errorf("%q: %v", a, err)
		}
	}
	for _, a := range bad {
		if CheckAddress(a) == nil {
			t.Errorf("%q passed for an address", a)
		}
	}
}

func TestSameAddress(t *testing.T) {
	t.Parallel()
	same := [][2]string{
		{"Jean@Dupont.FR", " jean@dupont.fr"},
		{"jean+factures@dupont.fr", "jean@dupont.fr"},
		{"j.e.a.n@gmail.com", "jean@googlemail.com"},
		{"compta@société.fr", "compta@xn--socit-esab.fr"},
	}
	for _, pair := range same {
		if !SameAddress(pair[0], pair[1]) {
			t.Errorf("%q and %q differ: %q %q", pair[0], pair[1], Canonical(pair[0]), Canonical(pair[1]))
		}
	}
	for _, pair := range [][2]string{{"j.ean@dupont.fr", "jean@dupont.fr"}, {"a@b.fr", "a@b.com"}, {"", ""}, {"+x@b.fr", "+y@b.fr"}} {
		if SameAddress(pair[0], pair[1]) {
			t.Errorf("%q and %q are the same", pair[0], pair[1])
		}
	}
}

func TestIsPublicDomain(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string]bool{
		"gmail.com": true, "Hotmail.FR": true, "yahoo.co.uk": true, "outlook.com": true, "orange.fr": true, "laposte.net": true,
		"dupont.fr": false, "hotmail.dupont.fr": false, "outlook": false, "": false, "mail.gmail.com": false,
	} {
		if got := IsPublicDomain(domain); got != want {
			t.Errorf("IsPublicDomain(%q) = %v", domain, got)
		}
	}
}

// TestASCIIDomain_plainOnesAsConverted: a domain that is not converted would
// have stayed as it is.
func TestASCIIDomain_plainOnesAsConverted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		domain := rapid.StringOfN(rapid.SampledFrom([]rune("aZ0-._ @xné")), 0, 12, -1).Draw(t, "domain")
		want := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(domain)), ".")
		if ascii, err := idna.Lookup.ToASCII(want); err == nil {
			want = ascii
		}
		if got := ASCIIDomain(domain); got != want {
			t.Fatalf("%q becomes %q, want %q", domain, got, want)
		}
	})
}
