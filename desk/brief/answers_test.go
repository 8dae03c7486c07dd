package brief

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"relanced/inbox"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

func TestAnswers_actOnceAsTheyAreMeant(t *testing.T) {
	t.Parallel()
	const draft, queued, cancelled = dossier.StateDraft, dossier.StateQueued, dossier.StateCancelled
	for text, want := range map[string][3]dossier.State{
		"ok":                           {queued, queued, queued},
		"Bonjour,\n\nok, merci\nMarie": {queued, queued, queued},
		"ok sauf 3":                    {queued, queued, draft},
		"non 3":                        {draft, draft, cancelled},
		"ok\nnon 2":                    {queued, cancelled, queued},
		"yes except 1":                 {draft, queued, queued},
		"3: Suite à notre appel.":      {draft, draft, queued},
		"1, 2 ok":                      {queued, queued, draft},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "fr")
			w.drafts(3)
			lists := w.mail()
			if len(lists) != 1 {
				t.Fatalf("%d lists", len(lists))
			}
			if acks := w.answer("Marie+x@Dupont.example", text, lists[0].Text); len(acks) != 0 {
				t.Errorf("acknowledged: %s", acks[0].Text)
			}
			got := w.states()
			if diff := gocmp.Diff(map[string]dossier.State{"C001": want[0], "C002": want[1], "C003": want[2]}, got); diff != "" {
				t.Error(diff)
			}
			if err := w.brief.Answers(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(got, w.states()); diff != "" {
				t.Errorf("carried out again: %s", diff)
			}
		})
	}
}

func TestAnswers_aSentenceGoesOnTopOfTheMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.drafts(2)
	list := w.mail()[0]
	w.answer("marie@dupont.example", "2: Suite à notre appel de mardi.", list.Text)
	rows := w.reminders()
	if rows[1].State != dossier.StateQueued || rows[1].Added != "Suite à notre appel de mardi." || rows[1].ApprovedBy != "marie@dupont.example" {
		t.Errorf("%s, added %q by %s", rows[1].State, rows[1].Added, rows[1].ApprovedBy)
	}
	mail, err := w.box.Preview(t.Context(), rows[1])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(mail.Text, "Suite à notre appel de mardi.") {
		t.Errorf("the sentence is not in the message:\n%s", mail.Text)
	}
	w.sweep()
	if state := w.states()["C002"]; state != dossier.StateQueued {
		t.Errorf("the next sweep made it %s", state)
	}
}

func TestAnswers_whatIsNotAllowedIsRefusedAndShown(t *testing.T) {
	t.Parallel()
	const ok = "ok"
	for name, test := range map[string]struct {
		change  func(w *world, quoted string) string // of what is quoted
		mailbox string
		from    string
		text    string
		why     string
		acks    int
	}{
		"a stranger":          {from: "eve@evil.example", why: "n'est pas de l'équipe"},
		"a stranger's domain": {from: "marie@dupont.example.evil.example", why: "n'est pas de l'équipe"},
		"one who may not":     {from: "luc@dupont.example", why: "ne vous permet pas", acks: 1},
		"another mailbox":     {mailbox: "ventes", why: "autre messagerie", acks: 1},
		"no reference":        {change: func(*world, string) string { return "rien" }, why: "n'est celle d'aucune liste", acks: 1},
		"a forged reference": {change: func(_ *world, quoted string) string {
			return "t1.0123456789abcdef.zzzzzz.0123456789abcdef"
		}, why: "n'est celle d'aucune liste", acks: 1},
		"an altered reference": {change: func(_ *world, quoted string) string {
			token := email.FindTokens(quoted)[0]
			last := "0"
			if strings.HasSuffix(token, "0") {
				last = "1"
			}
			return token[:len(token)-1] + last
		}, why: "n'est celle d'aucune liste", acks: 1},
		"too late": {change: func(w *world, quoted string) string {
			w.now = w.now.Add(valid + time.Minute)
			return quoted
		}, why: "n'est plus valable", acks: 1},
		"not understood":   {text: "ok mais attendez pour Client 2", why: "Non compris", acks: 1},
		"no order":         {text: "Merci !", why: "rien à faire", acks: 1},
		"a number unknown": {text: "ok 7", why: "pas de numéro 7", acks: 1},
		"a contradiction":  {text: "ok 2\nnon 2", why: "numéro 2 est à la fois", acks: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "fr")
			w.drafts(2)
			quoted := w.mail()[0].Text
			if test.change != nil {
				quoted = test.change(w, quoted)
			}
			acks := w.answerIn(cmp.Or(test.mailbox, boxKey.Name), cmp.Or(test.from, "marie@dupont.example"), cmp.Or(test.text, ok), quoted)
			if diff := gocmp.Diff(map[string]dossier.State{"C001": "draft", "C002": "draft"}, w.states()); diff != "" {
				t.Errorf("acted on: %s", diff)
			}
			if len(acks) != test.acks {
				t.Fatalf("%d acknowledgements, want %d", len(acks), test.acks)
			}
			for _, ack := range acks {
				if !strings.Contains(ack.Text, test.why) {
					t.Errorf("the acknowledgement does not say %q:\n%s", test.why, ack.Text)
				}
				if to := ack.To[0]; !email.SameAddress(to, cmp.Or(test.from, "marie@dupont.example")) {
					t.Errorf("acknowledged to %s", to)
				}
			}
			if events := w.events(eventRefused); len(events) != 1 || !strings.Contains(events[0], test.why) {
				t.Errorf("events: %q", events)
			}
			w.morning()
			next := w.mail()
			if len(next) != 1 || !strings.Contains(next[0].Text, test.why) {
				t.Errorf("the next list does not show it: %v", next)
			}
		})
	}
}

func TestAnswers_aListIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "en")
	w.drafts(3)
	list := w.mail()[0]
	if acks := w.answer("marie@dupont.example", "ok 1", list.Text); len(acks) != 0 {
		t.Fatalf("acknowledged: %s", acks[0].Text)
	}
	acks := w.answer("paul@dupont.example", "ok", list.Text)
	if len(acks) != 1 || !strings.Contains(acks[0].Text, "answered already, by marie@dupont.example") {
		t.Errorf("acknowledgements: %v", acks)
	}
	if diff := gocmp.Diff(map[string]dossier.State{"C001": "queued", "C002": "draft", "C003": "draft"}, w.states()); diff != "" {
		t.Error(diff)
	}
}

func TestAnswers_notUnderstoodLeavesTheListOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.drafts(1)
	list := w.mail()[0]
	w.answer("marie@dupont.example", "peut-être", list.Text)
	w.answer("marie@dupont.example", "ok", list.Text)
	if state := w.states()["C001"]; state != dossier.StateQueued {
		t.Errorf("the second answer left it %s", state)
	}
}

func TestAnswers_aColleagueWhoMayCanAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.drafts(1)
	if acks := w.answer("paul@dupont.example", "ok", w.mail()[0].Text); len(acks) != 0 || w.states()["C001"] != dossier.StateQueued {
		t.Errorf("%s, %d acknowledgements", w.states()["C001"], len(acks))
	}
}

func TestAnswers_whatChangedIsNamedAndShownAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.drafts(3)
	list := w.mail()[0]
	// C002 pays a part: its draft has other figures now.
	part := w.invoice("C002", 0, "2026-11-10")
	part.External, part.Number, part.Total, part.Outstanding = "F-002", "F-002", money.New(100_100, "EUR"), money.New(40_000, "EUR")
	part.Dues[0].Total, part.Dues[0].Outstanding = part.Total, part.Outstanding
	w.page(store.Page{Documents: []receivable.Document{part}})
	acks := w.answer("marie@dupont.example", "ok", list.Text)
	if diff := gocmp.Diff(map[string]dossier.State{"C001": "queued", "C002": "draft", "C003": "queued"}, w.states()); diff != "" {
		t.Error(diff)
	}
	if len(acks) != 1 || !strings.Contains(acks[0].Text, "La 2, Client 2 (C002), first,") || !strings.Contains(acks[0].Text, "a changé depuis la liste") {
		t.Fatalf("acknowledgements: %v", acks)
	}
	if strings.Contains(acks[0].Text, "C001") || strings.Contains(acks[0].Text, "C003") {
		t.Errorf("names what went well:\n%s", acks[0].Text)
	}
	w.morning()
	next := w.mail()
	if len(next) != 1 || !strings.Contains(next[0].Text, "1. Client 2 (C002), first, 400,00\u00a0€") {
		t.Errorf("not shown anew: %v", next)
	}
}

func TestAnswers_whatIsPaidMeanwhileDoesNotLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "en")
	w.drafts(2)
	list := w.mail()[0]
	w.pay("F-001", "C001", 1000)
	w.sweep()
	acks := w.answer("marie@dupont.example", "ok", list.Text)
	if diff := gocmp.Diff(map[string]dossier.State{"C001": "cancelled", "C002": "queued"}, w.states()); diff != "" {
		t.Error(diff)
	}
	if len(acks) != 1 || !strings.Contains(acks[0].Text, "Number 1, Client 1 (C001), first, €1,000.00, is not to be sent any more") {
		t.Errorf("acknowledgements: %v", acks)
	}
}

func TestAnswers_theSameMailActsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.drafts(1)
	list := w.mail()[0]
	for range 3 {
		w.record(boxKey.Name, "marie@dupont.example", "non 1", list.Text, "same")
		if err := w.brief.Answers(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if events := w.events(eventAnswered); len(events) != 1 {
		t.Errorf("events: %q", events)
	}
}

func TestAnswers_damagedOnesDoNotStopTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.drafts(1)
	list := w.mail()[0]
	w.tx(func(tx *store.Tx) error {
		_, err := tx.AddCommand(store.Command{Company: dupont, Key: "bad", Kind: inbox.CommandAnswer, Mailbox: boxKey.Name, From: "marie@dupont.example", Content: []byte("{")})
		return err
	})
	w.answer("marie@dupont.example", "ok", list.Text)
	if state := w.states()["C001"]; state != dossier.StateQueued {
		t.Errorf("left it %s", state)
	}
}

func TestAnswers_machinesAreNotAnsweredForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.drafts(1)
	list := w.mail()[0]
	acks := 0
	for range maxAcks + 5 {
		acks += len(w.answer("marie@dupont.example", "Je suis absente.", list.Text))
	}
	if acks != maxAcks {
		t.Errorf("%d acknowledgements", acks)
	}
}

// Whatever is written, each number is acted on at most once, and only where the
// answer was understood as a whole.
func TestAnswers_nothingIsUnderstoodTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.drafts(4)
	quoted := w.mail()[0].Text
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		before := w.states()
		texts := rapid.SliceOfN(rapid.SampledFrom([]string{"ok", "ok 1", "non 2", "ok sauf 3", "3: bonjour à vous", "oui\nnon 1", "peut-être", "ok 9"}), 1, 4).Draw(r, "answers")
		for i, text := range texts {
			w.record(boxKey.Name, "marie@dupont.example", text, quoted, fmt.Sprintf("r%d-%d", round, i))
		}
		answered := len(w.events(eventAnswered))
		if err := w.brief.Answers(t.Context()); err != nil {
			r.Fatal(err)
		}
		after := w.states()
		now := len(w.events(eventAnswered))
		if now > 1 {
			r.Fatalf("%d answers of one list were carried out", now)
		}
		if now == answered && !maps.Equal(before, after) {
			r.Fatalf("acted without an answer: %v, %v", before, after)
		}
	})
}
