package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/reminders"
)

func TestSweep_changesNothingTheSecondTime(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, dsn func(testing.TB) string) {
		w := open(t, dsn(t), 5)
		w.remind()
		for range 3 {
			if r := w.sweep(); r != (Report{}) {
				t.Errorf("%+v", r)
			}
		}
		if n := len(w.outbox()); n != 5 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestSweep_auto_queuesAndALargeDayBecomesDrafts(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 20, auto)
	if r := w.remind(); r.Queued != 20 || r.Proposed != 0 {
		t.Fatalf("%+v", r)
	}
	if h := w.send(); h.Sent != 20 {
		t.Errorf("%+v", h)
	}
	w = open(t, sqlite(t), 21, auto)
	if r := w.remind(); r.Queued != 0 || r.Proposed != 21 {
		t.Fatalf("%+v", r)
	}
	for _, row := range w.outbox() {
		if row.Because != dossier.LargeBatch || row.State != dossier.StateDraft {
			t.Errorf("%s %s", row.State, row.Because)
		}
	}
	w.approve()
	if h := w.send(); h.Sent != 21 {
		t.Errorf("approved, all leave: %+v", h)
	}
}

func TestSweep_nothingBeforeTheFirstConfirmation(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, dsn func(testing.TB) string) {
		w := open(t, dsn(t), 2, auto)
		other := store.ConnectionKey{Company: dupont, Name: "usine"}
		w.box.Company.Connections = append(w.box.Company.Connections, Connection{Name: other.Name})
		w.tx(func(tx *store.Tx) error {
			if _, err := tx.EnsureConnection(other, "sql"); err != nil {
				return err
			}
			return tx.BeginPass(other, false)
		})
		_, err := w.ApplyPage(w.ctx(), other, store.Page{
			Accounts:  []receivable.Account{{External: "a-Z", Code: "Z", Name: "Zola", Emails: []string{"z@zola.example"}}},
			Documents: []receivable.Document{bill("Z-1", "Z", "2026-10-12", 900_00, 900_00)},
		})
		w.must(err)
		w.tx(func(tx *store.Tx) error { return tx.EndPass(other, store.PassEnd{AsOf: tx.Now()}) })
		if r := w.remind(); r.Queued != 2 {
			t.Fatalf("%+v", r)
		}
		w.tx(func(tx *store.Tx) error { return tx.Confirm(other, "marie") })
		w.tx(func(tx *store.Tx) error { return tx.UpToDate(other, calendar.DateOf(tx.Now()), "marie") })
		if r := w.remind(); r.Queued != 1 {
			t.Errorf("after the confirmation: %+v", r)
		}
	})
}

func TestSweep_gatesWithholdAndOpen(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 2, auto)
	w.clock.Add(25 * time.Hour) // books and mailboxes are old
	if r := w.remind(); r.Queued != 0 || r.Gated != 2 {
		t.Fatalf("%+v", r)
	}
	if r := w.sweep(); r.Looked != 0 {
		t.Errorf("looked again: %+v", r)
	}
	w.fresh()
	if r := w.sweep(); r.Queued != 2 {
		t.Errorf("opened: %+v", r)
	}
	w.tx(func(tx *store.Tx) error {
		if err := tx.BeginPass(compta, false); err != nil {
			return err
		}
		return tx.EndPass(compta, store.PassEnd{AsOf: tx.Now(), Findings: []store.Finding{{Code: "payments_vanished"}}})
	})
	if h := w.send(); h.Sent != 0 || h.Withheld == 0 {
		t.Errorf("suspect: %+v", h)
	}
}

func TestSweep_fromAutoToReviewQueuedMessagesAskAPerson(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 2, auto)
	w.remind()
	w.rules()
	if h := w.send(); h.Sent != 0 {
		t.Fatalf("%+v", h)
	}
	if r := w.sweep(); r.Proposed != 2 || len(w.outbox(dossier.StateDraft)) != 2 || len(w.outbox(dossier.StateQueued)) != 0 {
		t.Errorf("%+v", r)
	}
	w.rules(func(_ *world, c *reminders.Config) { c.Mode = reminders.ModeOff })
	w.approve()
	if h := w.send(); h.Sent != 0 {
		t.Errorf("off: %+v", h)
	}
}

func TestSweep_aDraftFollowsItsFacts(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1)
	w.remind()
	first := w.outbox()[0]
	w.pay("F-1", 60_00)
	w.sweep()
	rows := w.outbox(dossier.StateDraft)
	if len(rows) != 1 || rows[0].ID == first.ID || rows[0].Lines[0].Outstanding != eur(60_00) {
		t.Fatalf("%+v", rows)
	}
	if err := w.box.Approve(w.ctx(), first.ID, first.Basis, "marie", ""); err == nil {
		t.Error("the old draft was approved")
	}
	if err := w.box.Approve(w.ctx(), rows[0].ID, first.Basis, "marie", ""); !errors.Is(err, ErrChanged) {
		t.Errorf("approved on the old basis: %v", err)
	}
	w.pay("F-1", 0)
	if err := w.box.Approve(w.ctx(), rows[0].ID, rows[0].Basis, "marie", ""); !errors.Is(err, ErrChanged) {
		t.Errorf("approved though paid: %v", err)
	}
	w.sweep()
	if n := len(w.outbox(dossier.StateDraft)); n != 0 {
		t.Errorf("%d drafts", n)
	}
	if got := w.events(first.Customer); !slices.Contains(got, "withdrawn") {
		t.Error(got)
	}
}

func TestApprove_withASentenceBindsToIt(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, dsn func(testing.TB) string) {
		w := open(t, dsn(t), 1)
		w.remind()
		row := w.outbox()[0]
		w.must(w.box.Approve(w.ctx(), row.ID, row.Basis, "marie", "Merci de votre appel."))
		if err := w.box.Approve(w.ctx(), row.ID, "", "paul", ""); err != nil {
			t.Errorf("again: %v", err)
		}
		w.sweep()
		if h := w.send(); h.Sent != 1 {
			t.Fatalf("%+v %q", h, w.message(row.ID).Problem)
		}
		if text := w.message(row.ID).Text; !strings.Contains(text, "Merci de votre appel.") {
			t.Error(text)
		}
	})
}

func TestDecline_skipsTheStep(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1)
	w.remind()
	row := w.outbox()[0]
	w.tx(func(tx *store.Tx) error { return w.box.Decline(tx, row.ID, "marie", "fidèle") })
	w.remind()
	w.later(8 * 24 * time.Hour)
	w.remind()
	drafts := w.outbox(dossier.StateDraft)
	if len(drafts) != 1 || drafts[0].Step != "second" {
		t.Errorf("%+v", drafts)
	}
}

func TestSweep_otherBankDetailsAskAPersonOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, dsn func(testing.TB) string) {
		w := open(t, dsn(t), 3, auto)
		w.remind()
		if h := w.send(); h.Sent != 3 {
			t.Fatalf("%+v", h)
		}
		w.box.Company.Accounts[0].Bank.IBAN = otherIBAN
		w.later(10 * 24 * time.Hour)
		if r := w.remind(); r.Proposed != 3 || r.Queued != 0 {
			t.Fatalf("%+v", r)
		}
		drafts := w.outbox(dossier.StateDraft)
		mail, err := w.box.Preview(w.ctx(), drafts[0])
		w.must(err)
		if !strings.Contains(mail.Text, "nouvelles") || !strings.Contains(mail.Text, "FR76 1450") {
			t.Error(mail.Text)
		}
		w.must(w.box.Approve(w.ctx(), drafts[0].ID, drafts[0].Basis, "marie", ""))
		if h := w.send(); h.Sent != 1 {
			t.Errorf("%+v %q", h, w.message(drafts[0].ID).Problem)
		}
		if text := w.message(drafts[0].ID).Text; !strings.Contains(text, "nouvelles") {
			t.Error(text)
		}
		w.later(10 * 24 * time.Hour)
		w.remind()
		for _, row := range w.outbox(dossier.StateDraft) {
			if row.Customer == drafts[0].Customer && row.Because == dossier.Approval && row.Step != "third" {
				t.Errorf("asked again: %+v", row)
			}
		}
	})
}

func TestApprove_bankDetailsAreNewOnceAndNotWithEachApproval(t *testing.T) {
	t.Parallel()
	type message struct {
		iban  string
		isNew bool
	}
	for _, messages := range [][]message{
		{{firstIBAN, false}, {firstIBAN, false}},
		{{firstIBAN, false}, {otherIBAN, true}},
	} {
		w := open(t, sqlite(t), 1)
		for n, m := range messages {
			w.box.Company.Accounts[0].Bank.IBAN = m.iban
			w.remind()
			drafts := w.outbox(dossier.StateDraft)
			w.approve()
			if h := w.send(); h.Sent != 1 || len(drafts) != 1 {
				t.Fatalf("message %d: %d drafts, %+v", n+1, len(drafts), h)
			}
			said := w.message(drafts[0].ID).Text
			if strings.Contains(said, "sont nouvelles") != m.isNew || strings.Contains(said, "inchangées") == m.isNew {
				t.Errorf("%v: message %d: new %v is not what it says:\n%s", messages, n+1, m.isNew, said)
			}
			w.later(21 * 24 * time.Hour)
		}
		for _, iban := range []string{firstIBAN, otherIBAN} {
			w.box.Company.Accounts[0].Bank.IBAN = iban
			known, err := w.box.acceptFirst(w.ctx())
			w.must(err)
			d, err := w.Dossier(w.ctx(), w.customer("C1"))
			w.must(err)
			if told := messages[1].iban == iban; w.box.bankOf(known, d).Changed == told || w.box.strange(known, d.Customer) == told {
				t.Errorf("after %v, %s: told before %v", messages, iban, told)
			}
		}
	}
}

func TestSender_thanksLeaveThroughTheSameGates(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1, func(_ *world, c *reminders.Config) { c.Thanks = reminders.ThanksPaid })
	w.remind()
	w.approve()
	w.send()
	w.later(24 * time.Hour)
	w.pay("F-1", 0)
	w.remind()
	drafts := w.outbox(dossier.StateDraft)
	if len(drafts) != 1 || drafts[0].Kind != dossier.KindThanks {
		t.Fatalf("%+v", drafts)
	}
	w.must(w.box.Approve(w.ctx(), drafts[0].ID, drafts[0].Basis, "marie", "À bientôt."))
	w.sweep()
	if h := w.send(); h.Sent != 1 {
		t.Fatalf("%+v %q", h, w.message(drafts[0].ID).Problem)
	}
	if row := w.message(drafts[0].ID); !strings.Contains(row.Text, "À bientôt.") || !strings.Contains(row.Text, "F-1") {
		t.Error(row.Text)
	}
	for range 3 {
		w.later(24 * time.Hour)
		w.remind()
	}
	if n := len(w.outbox()); n != 2 {
		t.Errorf("%d rows", n)
	}
}

// The whole ladder: one thread, the law's words, lines together.
func TestOutbox_theLadderOfOneCase(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1, func(_ *world, c *reminders.Config) { c.Attach.Invoices = "overdue" })
	w.box.Documents = folder{}
	two := bill("F-2", "C1", "2026-10-19", 300_00, 300_00)
	two.Dues = []receivable.Due{
		{Rank: 1, On: calendar.MustParse("2026-10-19"), Total: eur(100_00), Outstanding: eur(100_00)},
		{Rank: 2, On: calendar.MustParse("2026-10-20"), Total: eur(200_00), Outstanding: eur(200_00)},
	}
	w.apply(store.Page{Documents: []receivable.Document{two}})
	texts := map[string]string{}
	var mids, guids []string
	for range 70 {
		w.remind()
		for _, row := range w.outbox(dossier.StateDraft) {
			w.must(w.box.Approve(w.ctx(), row.ID, row.Basis, "marie", ""))
			if h := w.send(); h.Sent != 1 {
				continue
			}
			sent := w.message(row.ID)
			raw, err := w.Bytes(w.ctx(), row.ID)
			w.must(err)
			if sent.Thread == "" || !strings.Contains(string(raw), "Thread-Index: ") {
				t.Errorf("%s: no thread", row.Step)
			}
			for i, mid := range mids {
				if in := strings.Contains(string(raw), mid); in != (row.Step != "formal") {
					t.Errorf("%s names message %d: %v", row.Step, i, in)
				}
			}
			texts[row.Step] = sent.Text
			mids, guids = append(mids, sent.MID), append(guids, sent.Thread)
			if n := strings.Count(string(raw), "Content-Disposition: attachment"); n != 2 {
				t.Errorf("%s: %d copies", row.Step, n)
			}
			if len(row.Lines) != 3 {
				t.Errorf("%s: %d lines", row.Step, len(row.Lines))
			}
		}
		w.later(24 * time.Hour)
	}
	for _, step := range []string{"first", "second", "third"} {
		if texts[step] == "" {
			t.Fatalf("%s never left: %v", step, texts)
		}
	}
	if guids[0] != guids[1] || guids[1] != guids[2] {
		t.Errorf("threads %v", guids)
	}
	for _, want := range []string{"taux annuel de 8,25", "trois fois le taux d’intérêt légal", "40\u00a0€ par facture", "ne sont pas réclamées"} {
		if !strings.Contains(texts["second"], want) {
			t.Errorf("second lacks %q:\n%s", want, texts["second"])
		}
	}
	if strings.Contains(texts["first"], "8,25") {
		t.Error("first speaks of penalties")
	}
}

func TestOutbox_aFormalNoticeByMailStatesAmounts(t *testing.T) {
	t.Parallel()
	for kind, want := range map[receivable.Kind][]string{
		receivable.KindBusiness: {"8,25", "trois fois le taux d’intérêt légal", "40\u00a0€ par facture", "40,00\u00a0€"},
		receivable.KindPublic:   {"Intérêts moratoires (taux BCE majoré de 8 points", "40\u00a0€ par demande de paiement"},
	} {
		w := open(t, sqlite(t), 1)
		d, err := w.Dossier(w.ctx(), w.customer("C1"))
		w.must(err)
		d.Customer.Kind = kind
		a := reminders.Action{
			Customer: d.Customer.ID, Company: dupont, Channel: reminders.Email, Kind: dossier.KindReminder, Plan: "standard", Step: "formal", Template: "formal-notice",
			Legal: reminders.LegalAmounts, Formal: true, To: d.Customer.Emails, Lines: []reminders.LineUse{{Line: d.Lines[0], Role: dossier.RoleDemanded}},
		}
		mail, err := w.box.compose(d, a, store.Outgoing{Ref: string(email.NewID())}, nil, accepted{}, w.clock.Now())
		w.must(err)
		for _, text := range want {
			if !strings.Contains(mail.Text, text) {
				t.Errorf("%s lacks %q:\n%s", kind, text, mail.Text)
			}
		}
	}
}

// folder has a copy of every invoice.
type folder struct{}

func (folder) Copy(_ context.Context, _ receivable.CompanyID, line dossier.Line, _ int64) (email.Part, bool, error) {
	return email.Part{Name: line.Invoice + ".pdf", Type: "application/pdf", Data: []byte("%PDF-1.4 " + line.Invoice)}, true, nil
}

func TestSweep_aTaskThatIsThereIsNotOpenedAgain(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1)
	w.apply(store.Page{Accounts: []receivable.Account{{External: "a-N", Code: "N", Name: "Sans adresse", Kind: receivable.KindBusiness}}, Documents: []receivable.Document{bill("N-1", "N", "2026-10-12", 50_00, 50_00)}})
	w.remind()
	for day := range 5 {
		w.tx(func(tx *store.Tx) error {
			return tx.AddBounced(w.customer("C1"), dossier.Bounced{Address: fmt.Sprintf("x%d@client1.example", day), Status: "5.1.1"})
		})
		w.later(24 * time.Hour)
		w.remind()
	}
	w.tx(func(tx *store.Tx) error {
		return tx.AddBounced(w.customer("C1"), dossier.Bounced{Address: "C1@client1.example", Status: "5.1.1"})
	})
	for range 5 {
		w.remind()
		w.sweep()
	}
	if n := len(w.tasks("bounce")); n != 1 {
		t.Errorf("%d tasks", n)
	}
	if n := len(w.tasks("address")); n != 1 {
		t.Errorf("%d tasks", n)
	}
	tasks := 0
	for _, kind := range w.events(w.customer("C1")) {
		if kind == "task" {
			tasks++
		}
	}
	if tasks != 1 {
		t.Errorf("%d events", tasks)
	}
}

// A formal notice demands what has reached it and lists the rest in an annex:
// what stands there has taken no step.
func TestSweep_whatALetterOnlyListsHasTakenNoStep(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1)
	w.apply(store.Page{Documents: []receivable.Document{bill("F-OLD", "C1", "2026-09-10", 900_00, 900_00)}})
	who := w.customer("C1")
	d, err := w.Dossier(w.ctx(), who)
	w.must(err)
	lines := map[string]dossier.DueID{}
	for _, l := range d.Lines {
		lines[l.Invoice] = l.ID
	}
	w.tx(func(tx *store.Tx) error {
		return tx.TakeSteps(dossier.Taken{Due: lines["F-OLD"], Plan: "standard", Step: "third", How: reminders.TakenHistory, At: w.clock.Now().AddDate(0, 0, -20)})
	})
	w.remind()
	letters := w.tasks("letter")
	if len(letters) != 1 || !slices.Equal(letters[0].Lines, []dossier.DueID{lines["F-OLD"]}) {
		t.Fatalf("letters: %+v; want one, about %d alone", letters, lines["F-OLD"])
	}
	w.pay("F-OLD", 0)
	w.later(30 * 24 * time.Hour)
	d, err = w.Dossier(w.ctx(), who)
	w.must(err)
	for _, v := range reminders.Decide(d, w.box.Company.Rules, w.clock.Now()).Verdicts {
		if v.Line.Invoice == "F-1" && v.Step != "first" {
			t.Errorf("the invoice of the annex is at %s", v.Step)
		}
	}
}
