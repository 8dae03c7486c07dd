package actions

import (
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/reminders"
	"relanced/reminders/compose"
	"relanced/reminders/outbox"
)

const marie, luc = "marie@dupont.example", "luc@dupont.example"

var compta = store.ConnectionKey{Company: "dupont", Name: "compta"}

// bench is one customer, C1, who owes F-1 and F-2 and has a draft.
type bench struct {
	t     *testing.T
	now   time.Time
	store *store.Store
	desk  *Desk
	box   *outbox.Box
	who   Target // the customer
	one   Target // F-1
}

func newBench(t *testing.T) *bench {
	t.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, now: time.Date(2026, 11, 24, 18, 0, 0, 0, paris)}
	if b.store, err = store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "relanced.db"), store.Options{Now: func() time.Time { return b.now }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.store.Close() })
	plans, err := reminders.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	var p conf.Problems
	config := reminders.Default()
	config.Start.From = calendar.MustParse("2026-01-01")
	rules := reminders.Compile(config, plans, reminders.Identity{ID: "dupont", Country: "FR", Currency: "EUR", Zone: paris, Kind: receivable.KindBusiness}, &p)
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	keys, err := email.NewKeys(1, map[int][]byte{1: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	key := store.MailboxKey{Company: "dupont", Name: "courrier"}
	b.box = &outbox.Box{Store: b.store, Logger: slog.New(slog.DiscardHandler), Company: outbox.Company{
		ID: "dupont", Rules: rules, Connections: []outbox.Connection{{Name: "compta"}}, Mailbox: key, Mailboxes: []store.MailboxKey{key},
		Compose: compose.Company{Name: "Dupont", Language: "fr"}, Sender: compose.Sender{Address: "compta@dupont.example"}, Keys: keys,
	}}
	b.desk = &Desk{
		Store: b.store, Boxes: map[receivable.CompanyID]*outbox.Box{"dupont": b.box},
		May: func(_ receivable.CompanyID, by string, right Right) bool { return by != luc || right == MayCall },
	}
	b.tx(func(tx *store.Tx) error {
		if _, err := tx.EnsureConnection(compta, "files"); err != nil {
			return err
		}
		if _, err := tx.EnsureMailbox(key, "compta@dupont.example"); err != nil {
			return err
		}
		if err := tx.BeginPass(compta, false); err != nil {
			return err
		}
		if _, err := tx.ApplyPage(compta, store.Page{
			Accounts:  []receivable.Account{{External: "C1", Code: "C1", Name: "Client Un", Kind: receivable.KindBusiness, Emails: []string{"c1@client.example"}, Country: "FR"}},
			Documents: []receivable.Document{invoice("F-1", 500), invoice("F-2", 300)}, AsOf: b.now,
		}); err != nil {
			return err
		}
		return b.fresh(tx, key)
	})
	b.now = b.now.Add(14 * time.Hour)
	b.tx(func(tx *store.Tx) error { return b.fresh(tx, key) })
	b.sweep()
	if b.who.Customer, err = b.store.FindCustomer(t.Context(), "dupont", "C1"); err != nil {
		t.Fatal(err)
	}
	if b.one.Document, b.one.Customer, err = b.store.FindInvoice(t.Context(), "dupont", "F-1"); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) fresh(tx *store.Tx, key store.MailboxKey) error {
	if err := tx.EndPass(compta, store.PassEnd{AsOf: b.now}); err != nil {
		return err
	}
	if err := tx.Confirm(compta, "test"); err != nil {
		return err
	}
	if err := tx.UpToDate(compta, calendar.DateOf(b.now), "test"); err != nil {
		return err
	}
	return tx.ReadMailbox(key, b.now)
}

func invoice(number string, euros int64) receivable.Document {
	due, total := calendar.MustParse("2026-11-10"), money.New(euros*100, "EUR")
	return receivable.Document{
		External: number, Account: "C1", Number: number, Kind: receivable.Invoice, IssuedOn: due.AddDays(-30), Total: total, Outstanding: total,
		Dues: []receivable.Due{{Rank: 1, On: due, Total: total, Outstanding: total}},
	}
}

func (b *bench) tx(do func(*store.Tx) error) {
	b.t.Helper()
	if err := b.store.InTx(b.t.Context(), do); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) sweep() {
	b.t.Helper()
	if _, err := b.box.Sweep(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// draft is the customer's live reminder.
func (b *bench) draft() store.Outgoing {
	b.t.Helper()
	rows, err := b.store.Outbox(b.t.Context(), store.OutboxFilter{States: []dossier.State{dossier.StateDraft, dossier.StateQueued}})
	if err != nil || len(rows) != 1 {
		b.t.Fatalf("%d live reminders, %v", len(rows), err)
	}
	return rows[0]
}

// reasons is why each open line is not chased, by invoice.
func (b *bench) reasons() map[string]dossier.Reason {
	b.t.Helper()
	d, err := b.store.Dossier(b.t.Context(), b.who.Customer)
	if err != nil {
		b.t.Fatal(err)
	}
	reasons := map[string]dossier.Reason{}
	for _, v := range reminders.Decide(d, b.box.Company.Rules, b.now).Verdicts {
		reasons[v.Line.Invoice] = v.Reason
	}
	return reasons
}

// told are the kinds of the customer's last events and who is behind them.
func (b *bench) told() []string {
	b.t.Helper()
	rows, err := b.store.Timeline(b.t.Context(), "dupont", b.who.Customer, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	var kinds []string
	for _, e := range rows {
		if e.By == marie {
			kinds = append(kinds, e.Kind+" "+e.Text+" "+e.Ref)
		}
	}
	return kinds
}

func TestDesk_eachActionKeepsBackWhatItNamesAndIsTold(t *testing.T) {
	t.Parallel()
	friday := calendar.MustParse("2026-11-27")
	for name, test := range map[string]struct {
		do        func(*bench) (Done, error)
		one, both dossier.Reason // of F-1, of F-2
		event     string
	}{
		"hold of a customer": {
			func(b *bench) (Done, error) { return b.desk.Hold(b.t.Context(), b.who, friday, "en congés", marie) },
			dossier.Manual, dossier.Manual, "held en congés ",
		},
		"hold of an invoice": {
			func(b *bench) (Done, error) { return b.desk.Hold(b.t.Context(), b.one, 0, "à vérifier", marie) },
			dossier.Manual, dossier.Approval, "held à vérifier F-1",
		},
		"exclusion": {
			func(b *bench) (Done, error) { return b.desk.Exclude(b.t.Context(), b.who, "groupe", marie) },
			dossier.Excluded, dossier.Excluded, "excluded groupe ",
		},
		"dispute": {
			func(b *bench) (Done, error) {
				return b.desk.Dispute(b.t.Context(), b.one, money.Amount{}, "quantité", "", 0, marie)
			},
			dossier.Disputed, dossier.Approval, "disputed quantité F-1",
		},
		"promise": {
			func(b *bench) (Done, error) {
				return b.desk.Promise(b.t.Context(), b.who, friday, money.Amount{}, marie)
			},
			dossier.Promised, dossier.Promised, "promised 2026-11-27 ",
		},
		"promise of a part": {
			func(b *bench) (Done, error) {
				return b.desk.Promise(b.t.Context(), b.who, friday, money.New(20_000, "EUR"), marie)
			},
			dossier.Promised, dossier.Promised, "promised 2026-11-27, 200.00 EUR ",
		},
		"cheque": {
			func(b *bench) (Done, error) {
				return b.desk.Claimed(b.t.Context(), b.one, ByCheque, calendar.MustParse("2026-11-24"), money.Amount{}, marie)
			},
			dossier.ProbablyPaid, dossier.Approval, "claimed cheque, 2026-11-24 F-1",
		},
		"transfer": {
			func(b *bench) (Done, error) {
				return b.desk.Claimed(b.t.Context(), b.who, ByTransfer, calendar.MustParse("2026-11-24"), money.Amount{}, marie)
			},
			dossier.ProbablyPaid, dossier.ProbablyPaid, "claimed transfer, 2026-11-24 ",
		},
		"call with a next day": {
			func(b *bench) (Done, error) {
				return b.desk.Called(b.t.Context(), b.who, "rappeler", "reached", friday, marie)
			},
			dossier.Manual, dossier.Manual, "called rappeler ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if got := b.reasons(); got["F-1"] != dossier.Approval {
				t.Fatalf("before: %v", got)
			}
			done, err := test.do(b)
			if err != nil {
				t.Fatal(err)
			}
			if done.Code != "C1" || done.Name != "Client Un" || done.Company != "dupont" || done.ID == 0 || done.Text == "" {
				t.Errorf("%+v", done)
			}
			if diff := cmp.Diff(map[string]dossier.Reason{"F-1": test.one, "F-2": test.both}, b.reasons()); diff != "" {
				t.Error(diff)
			}
			if told := b.told(); !slices.Contains(told, test.event) {
				t.Errorf("timeline: %q", told)
			}
			target := b.who
			if test.one != test.both {
				target = b.one
			}
			if _, err := b.desk.Resume(t.Context(), target, marie); err != nil {
				t.Fatal(err)
			}
			for number, reason := range b.reasons() {
				if reason == test.one {
					t.Errorf("%s is still %s after resuming", number, reason)
				}
			}
		})
	}
}

func TestDesk_resumingNothingSaysSoAndTellsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if _, err := b.desk.Resume(t.Context(), b.who, marie); !errors.Is(err, ErrNothing) {
		t.Errorf("%v", err)
	}
	if told := b.told(); len(told) != 0 {
		t.Errorf("timeline: %q", told)
	}
}

func TestDesk_approvingLetsTheDraftLeaveOnceLookedAt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	draft := b.draft()
	if _, err := b.desk.Approve(t.Context(), draft.ID, "another basis", marie, ""); !errors.Is(err, outbox.ErrChanged) {
		t.Errorf("approved what was not shown: %v", err)
	}
	if _, err := b.desk.Approve(t.Context(), draft.ID, draft.Basis, marie, ""); err != nil {
		t.Fatal(err)
	}
	if got := b.draft(); got.State != dossier.StateQueued || got.ApprovedBy != marie {
		t.Errorf("%s by %q", got.State, got.ApprovedBy)
	}
}

func TestDesk_decliningSkipsTheStep(t *testing.T) {
	t.Parallel()
	for _, hold := range []bool{false, true} {
		b := newBench(t)
		draft := b.draft()
		if _, err := b.desk.Decline(t.Context(), draft.ID, marie, "déjà appelé", hold); err != nil {
			t.Fatal(err)
		}
		d, err := b.store.Dossier(t.Context(), b.who.Customer)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Taken) != 2 || d.Taken[0].Step != draft.Step || d.Taken[0].How != "declined" {
			t.Errorf("taken: %+v", d.Taken)
		}
		if held := b.reasons()["F-1"] == dossier.Manual; held != hold {
			t.Errorf("held: %t, want %t", held, hold)
		}
		if _, err := b.desk.Decline(t.Context(), draft.ID, marie, "", false); !errors.Is(err, outbox.ErrNotDraft) {
			t.Errorf("declined twice: %v", err)
		}
	}
}

func TestDesk_whatHasChangedIsNotDeclinedUnseen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	draft := b.draft()
	err := b.store.InTx(t.Context(), func(tx *store.Tx) error {
		_, err := b.desk.DeclineIn(tx, draft.ID, "another basis", marie, "", false)
		return err
	})
	if !errors.Is(err, outbox.ErrChanged) || b.draft().State != dossier.StateDraft {
		t.Errorf("%v", err)
	}
}

func TestDesk_finishesTasksOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var id int64
	b.tx(func(tx *store.Tx) (err error) {
		id, err = tx.AddTask("dupont", b.who.Customer, dossier.Task{Kind: "contact", Title: "Corriger l'adresse"}, "")
		return err
	})
	done, err := b.desk.Finish(t.Context(), id, "fait", marie)
	if err != nil || done.ID != id || done.Code != "C1" {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := b.desk.Finish(t.Context(), id, "fait", marie); !errors.Is(err, store.ErrEnded) {
		t.Errorf("finished twice: %v", err)
	}
	if told := b.told(); !slices.Contains(told, "task_done Corriger l'adresse: fait task 1") {
		t.Errorf("timeline: %q", told)
	}
}

func TestDesk_callingClosesTheCallsToMake(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.tx(func(tx *store.Tx) error {
		for _, kind := range []string{"call", "contact"} {
			if _, err := tx.AddTask("dupont", b.who.Customer, dossier.Task{Kind: kind, Title: kind}, ""); err != nil {
				return err
			}
		}
		return nil
	})
	if _, err := b.desk.Called(t.Context(), b.who, "messagerie", "voicemail", 0, marie); err != nil {
		t.Fatal(err)
	}
	open, err := b.store.Tasks(t.Context(), store.TaskFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if len(open) != 1 || open[0].Kind != "contact" {
		t.Errorf("open: %+v", open)
	}
}

func TestDesk_doesForMembersOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	draft := b.draft()
	ctx := t.Context()
	for name, do := range map[string]func() (Done, error){
		"approve": func() (Done, error) { return b.desk.Approve(ctx, draft.ID, "", luc, "") },
		"decline": func() (Done, error) { return b.desk.Decline(ctx, draft.ID, luc, "", true) },
		"resolve": func() (Done, error) { return b.desk.Resolve(ctx, draft.ID, dossier.StateSent, luc) },
		"hold":    func() (Done, error) { return b.desk.Hold(ctx, b.who, 0, "", luc) },
		"exclude": func() (Done, error) { return b.desk.Exclude(ctx, b.who, "", luc) },
		"resume":  func() (Done, error) { return b.desk.Resume(ctx, b.who, luc) },
		"dispute": func() (Done, error) { return b.desk.Dispute(ctx, b.one, money.Amount{}, "", "", 0, luc) },
		"promise": func() (Done, error) { return b.desk.Promise(ctx, b.who, b.today(), money.Amount{}, luc) },
		"claimed": func() (Done, error) { return b.desk.Claimed(ctx, b.who, ByCheque, b.today(), money.Amount{}, luc) },
		"remind":  func() (Done, error) { _, err := b.desk.Remind(ctx, "dupont", luc); return Done{}, err },
	} {
		if _, err := do(); !errors.Is(err, ErrMayNot) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := b.draft(); got.State != dossier.StateDraft || b.reasons()["F-1"] != dossier.Approval {
		t.Errorf("something was done: %s, %v", got.State, b.reasons())
	}
	if _, err := b.desk.Called(ctx, b.who, "note", "", 0, luc); err != nil {
		t.Errorf("what they may: %v", err)
	}
}

func (b *bench) today() calendar.Date { return calendar.DateOf(b.now) }

func TestDesk_companiesThatTheConfigurationLostAreNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.desk.Boxes = nil
	if _, err := b.desk.Hold(t.Context(), b.who, 0, "", marie); err == nil || errors.Is(err, ErrMayNot) {
		t.Errorf("%v", err)
	}
}
