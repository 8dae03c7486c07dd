package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email/emailtest"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

func TestOutbox_aDraftApprovedLeavesOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, dsn func(testing.TB) string) {
		w := open(t, dsn(t), 3)
		if r := w.remind(); r.Proposed != 3 || r.Queued != 0 {
			t.Fatalf("%+v", r)
		}
		if h := w.send(); h.Sent != 0 || len(w.smtp.Mails()) != 0 {
			t.Fatalf("left without approval: %+v", h)
		}
		ids := w.approve()
		if h := w.send(); h.Sent != 3 {
			t.Fatalf("%+v %s", h, w.message(ids[0]).Problem)
		}
		for range 3 {
			w.sweep()
			w.later(time.Hour)
			if h := w.send(); h.Sent != 0 {
				t.Fatalf("again: %+v", h)
			}
		}
		mails := w.smtp.Mails()
		if len(mails) != 3 || len(w.copies) != 3 || w.smtp.Connections() != 1 {
			t.Errorf("%d mails, %d copies, %d connections", len(mails), len(w.copies), w.smtp.Connections())
		}
		for i, id := range ids {
			row := w.message(id)
			stored, err := w.Bytes(w.ctx(), id)
			w.must(err)
			if row.State != dossier.StateSent || row.Attempts != 1 || !bytes.Equal(stored, mails[i].Data) || !strings.Contains(string(stored), row.MID) {
				t.Errorf("%+v", row)
			}
			if got := w.events(row.Customer); !slices.Equal(got, []string{"proposed", "approved", "sent"}) {
				t.Errorf("events %v", got)
			}
		}
		if w.passes != 1 || len(w.rereads) != 1 || len(w.rereads[0]) != 3 {
			t.Errorf("%d passes, re-read %v", w.passes, w.rereads)
		}
	})
}

func TestOutbox_whatLandsBetweenApprovalAndSendingStopsTheMail(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		land func(*world)
	}{
		{"a payment the re-read tells of", func(w *world) { w.onReread = func() { w.pay("F-1", 0) } }},
		{"a part payment", func(w *world) { w.onReread = func() { w.pay("F-1", 40_00) } }},
		{"a reply that the last reading brings", func(w *world) {
			w.onRead = func() {
				w.tx(func(tx *store.Tx) error {
					_, err := tx.AddHold(w.customer("C1"), dossier.Hold{Reason: dossier.Replied, By: "inbox", Note: "Nous payons vendredi."})
					return err
				})
			}
		}},
		{"a hold by a person", func(w *world) {
			w.tx(func(tx *store.Tx) error {
				_, err := tx.AddHold(w.customer("C1"), dossier.Hold{Reason: dossier.Manual, By: "marie"})
				return err
			})
		}},
		{"a dispute", func(w *world) {
			invoice := w.message(1).Lines[0].Document
			w.tx(func(tx *store.Tx) error {
				_, err := tx.AddDispute(w.customer("C1"), dossier.Dispute{Document: invoice, By: "marie", Reason: "prix"})
				return err
			})
		}},
		{"a promise", func(w *world) {
			w.tx(func(tx *store.Tx) error {
				_, err := tx.AddPromise(w.customer("C1"), dossier.Promise{By: "marie", On: w.box.today(tx.Now()) + 5, Until: w.box.today(tx.Now()) + 7})
				return err
			})
		}},
		{"an address that failed", func(w *world) {
			w.tx(func(tx *store.Tx) error {
				return tx.AddBounced(w.customer("C1"), dossier.Bounced{Address: "c1@client1.example", Status: "5.1.1"})
			})
		}},
		{"between the last recipient and DATA", func(w *world) {
			w.fault = func(point string) {
				if point == store.PointArming {
					w.fault = nil
					w.tx(func(tx *store.Tx) error {
						_, err := tx.AddHold(w.customer("C1"), dossier.Hold{Reason: dossier.Replied, By: "inbox"})
						return err
					})
				}
			}
		}},
		{"other bank details", func(w *world) { w.box.Company.Accounts[0].Bank.IBAN = otherIBAN }},
	}
	engines(t, func(t *testing.T, dsn func(testing.TB) string) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				w := open(t, dsn(t), 2)
				w.remind()
				ids := w.approve()
				test.land(w)
				h := w.send()
				want := 1
				if test.name == "other bank details" {
					want = 0
				}
				if h.Sent != want || h.Withheld != 2-want || w.message(ids[0]).State == dossier.StateSent {
					t.Fatalf("%+v, %s", h, w.message(ids[0]).State)
				}
				for _, m := range w.smtp.Mails() {
					if slices.Contains(m.To, "C1@client1.example") {
						t.Error("it left")
					}
				}
				w.sweep()
				row := w.message(ids[0])
				if row.State != dossier.StateCancelled || row.Attempts != 0 {
					t.Errorf("%s %q", row.State, row.Problem)
				}
				for range 2 {
					w.later(2 * time.Minute)
					w.send()
				}
				for _, other := range w.outbox() {
					if other.Customer == row.Customer && other.ID != ids[0] && other.State != dossier.StateDraft {
						t.Errorf("proposed anew as %s", other.State)
					}
				}
			})
		}
	})
}

// The table of the states: what the server does, and where the message stands.
func TestSender_recordsWhatTheServerDoes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		stage emailtest.Stage
		fault emailtest.Fault
		want  dossier.State
		armed int
		held  bool   // the customer is held
		task  string // opened
		block bool
	}{
		{"accepted", "", emailtest.Fault{}, dossier.StateSent, 1, false, "", false},
		{"no connection", emailtest.Connect, emailtest.Fault{Drop: true}, dossier.StateQueued, 0, false, "", false},
		{"busy greeting", emailtest.Connect, emailtest.Fault{Reply: "421 4.3.2 later"}, dossier.StateQueued, 0, false, "", false},
		{"sender refused", emailtest.MailFrom, emailtest.Fault{Reply: "550 5.7.1 not you"}, dossier.StateQueued, 0, false, "blocked", true},
		{"busy at MAIL", emailtest.MailFrom, emailtest.Fault{Reply: "451 4.3.0 later"}, dossier.StateQueued, 0, false, "", false},
		{"grey-listed", emailtest.Rcpt, emailtest.Fault{Reply: "450 4.2.0 grey"}, dossier.StateQueued, 0, false, "", false},
		{"nobody there", emailtest.Rcpt, emailtest.Fault{Reply: "550 5.1.1 user unknown"}, dossier.StateRefused, 0, false, "refused", false},
		{"mailbox full", emailtest.Rcpt, emailtest.Fault{Reply: "552 5.2.2 mailbox full"}, dossier.StateRefused, 0, false, "", false},
		{"policy", emailtest.Rcpt, emailtest.Fault{Reply: "554 5.7.1 spam"}, dossier.StateRefused, 0, true, "refused", false},
		{"DATA refused for now", emailtest.Data, emailtest.Fault{Reply: "451 4.3.0 later"}, dossier.StateQueued, 1, false, "", false},
		{"cut at DATA", emailtest.Data, emailtest.Fault{Drop: true}, dossier.StateQueued, 1, false, "", false},
		{"refused for now after the dot", emailtest.Dot, emailtest.Fault{Reply: "452 4.2.2 full"}, dossier.StateQueued, 1, false, "", false},
		{"refused after the dot", emailtest.Dot, emailtest.Fault{Reply: "554 5.6.0 content"}, dossier.StateRefused, 1, true, "refused", false},
		{"not allowed to send as the mailbox", emailtest.Dot, emailtest.Fault{Reply: "554 5.2.252 SendAsDenied; not allowed to send as"}, dossier.StateQueued, 1, false, "blocked", true},
		{"cut after the dot", emailtest.Dot, emailtest.Fault{Drop: true}, dossier.StateUnknown, 1, false, "", false},
		{"cut after the dot, taken", emailtest.Dot, emailtest.Fault{Drop: true, Taken: true}, dossier.StateUnknown, 1, false, "", false},
		{"no answer to the dot", emailtest.Dot, emailtest.Fault{Delay: time.Second}, dossier.StateUnknown, 1, false, "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := open(t, sqlite(t), 1)
			w.remind()
			id := w.approve()[0]
			w.at(test.stage, 1, test.fault)
			w.send()
			since, _, err := w.box.Unreachable(w.ctx())
			w.must(err)
			told := !since.IsZero()
			row := w.message(id)
			if line := slices.Contains([]string{"no connection", "busy greeting", "sender refused", "busy at MAIL", "DATA refused for now", "cut at DATA", "not allowed to send as the mailbox"}, test.name); told != line {
				t.Errorf("told that the mailbox cannot send: %v", told)
			}
			if row.State != test.want || row.Attempts != test.armed {
				t.Fatalf("%s after %d attempts: %q", row.State, row.Attempts, row.Problem)
			}
			if (row.Problem == "") != (test.want == dossier.StateSent) {
				t.Errorf("problem %q", row.Problem)
			}
			if row.State == dossier.StateQueued && !row.NotBefore.After(w.clock.Now()) {
				t.Error("no pause")
			}
			for range 3 {
				w.sweep() // what was refused is not proposed again
			}
			if got := len(w.outbox()); got != 1 {
				t.Errorf("%d rows", got)
			}
			d, err := w.Dossier(w.ctx(), row.Customer)
			w.must(err)
			if (len(d.Holds) > 0) != test.held {
				t.Errorf("holds %v", d.Holds)
			}
			if test.task != "" && len(w.tasks(test.task)) != 1 {
				t.Errorf("tasks %v", w.tasks(""))
			}
			boxes, err := w.Mailboxes(w.ctx(), dupont)
			w.must(err)
			if !boxes[0].BlockedAt.IsZero() != test.block {
				t.Errorf("blocked: %q", boxes[0].Blocked)
			}
			// Tried again, it is the same message.
			w.later(3 * time.Hour)
			h := w.send()
			if test.want == dossier.StateQueued && !test.block != (h.Sent == 1) || test.want != dossier.StateQueued && h.Sent != 0 {
				t.Errorf("then %+v: %q", h, w.message(id).Problem)
			}
			if n := len(w.smtp.Mails()); n > 1 {
				t.Errorf("%d mails", n)
			}
		})
	}
}

func TestSender_triesAgainWithTheSameBytes(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1)
	w.remind()
	id := w.approve()[0]
	w.at(emailtest.Dot, 3, emailtest.Fault{Reply: "452 4.2.2 full"})
	var stored []byte
	var pauses []time.Duration
	for range 4 {
		w.send()
		if b, err := w.Bytes(w.ctx(), id); err == nil {
			if stored != nil && !bytes.Equal(stored, b) {
				t.Error("rendered again")
			}
			stored = b
		}
		pauses = append(pauses, w.message(id).NotBefore.Sub(w.clock.Now()).Round(time.Minute))
		w.later(w.message(id).NotBefore.Sub(w.clock.Now()))
	}
	row := w.message(id)
	if row.State != dossier.StateSent || row.Attempts != 4 || !bytes.Equal(w.smtp.Mails()[0].Data, stored) {
		t.Errorf("%s after %d", row.State, row.Attempts)
	}
	if !slices.IsSorted(pauses[:3]) || pauses[0] < time.Minute || pauses[2] < 15*time.Minute {
		t.Errorf("pauses %v", pauses)
	}
}

func TestSender_givesUpAfterThreeDays(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1)
	w.remind()
	id := w.approve()[0]
	w.at(emailtest.Rcpt, 0, emailtest.Fault{Reply: "450 4.2.0 grey"})
	began := w.clock.Now()
	for range 200 {
		w.send()
		row := w.message(id)
		if row.State == dossier.StateRefused {
			break
		}
		w.later(max(row.NotBefore.Sub(w.clock.Now()), time.Minute))
	}
	row, took := w.message(id), w.clock.Now().Sub(began)
	if row.State != dossier.StateRefused || took < 3*24*time.Hour || took > 4*24*time.Hour || len(w.tasks("refused")) != 1 {
		t.Errorf("%s after %s: %q", row.State, took, row.Problem)
	}
	w.sweep()
	if n := len(w.outbox()); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestSender_unknownIsNeverSentAgainByGuess(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, dsn func(testing.TB) string) {
		unknown := func() (*world, dossier.MessageID) {
			w := open(t, dsn(t), 1)
			w.remind()
			id := w.approve()[0]
			w.at(emailtest.Dot, 1, emailtest.Fault{Drop: true})
			if h := w.send(); h.Unknown != 1 {
				t.Fatalf("%+v", h)
			}
			return w, id
		}
		w, id := unknown()
		for range 30 {
			w.later(10 * time.Minute)
			w.remind()
			if h := w.send(); h.Sent != 0 {
				t.Fatalf("%+v", h)
			}
		}
		if row := w.message(id); row.State != dossier.StateUnknown || len(w.smtp.Mails()) != 0 || len(w.outbox()) != 1 {
			t.Errorf("%s", row.State)
		}
		if n := len(w.tasks("unknown")); n != 1 {
			t.Errorf("%d tasks", n)
		}

		w, id = unknown()
		w.inSent[w.message(id).MID] = true
		w.later(3 * time.Minute)
		w.send()
		if row := w.message(id); row.State != dossier.StateSent {
			t.Errorf("found in Sent: %s", row.State)
		}

		w, id = unknown()
		w.later(time.Minute)
		w.tx(func(tx *store.Tx) error { return w.box.Resolve(tx, id, dossier.StateQueued, "marie") })
		w.later(12 * time.Minute)
		if h := w.send(); h.Sent != 0 {
			t.Errorf("before 15 minutes: %+v", h)
		}
		w.later(3 * time.Minute)
		if h := w.send(); h.Sent != 1 {
			t.Errorf("after 15 minutes: %+v %q", h, w.message(id).Problem)
		}

		w, id = unknown()
		w.tx(func(tx *store.Tx) error { return w.box.Resolve(tx, id, dossier.StateDropped, "marie") })
		w.later(time.Hour)
		w.remind()
		if h := w.send(); h.Sent != 0 || w.message(id).State != dossier.StateDropped {
			t.Errorf("dropped: %+v", h)
		}
		w.tx(func(tx *store.Tx) error {
			if err := w.box.Resolve(tx, id, dossier.StateSent, "marie"); !errors.Is(err, ErrSettled) {
				t.Errorf("settled twice: %v", err)
			}
			return nil
		})
	})
}

func TestSender_keepsThePaceTheDayAndTheWindow(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 9)
	w.remind()
	w.approve()
	w.sender.Interval, w.sender.PerDay = 3*time.Second, 5
	sent := 0
	var at []time.Time
	for range 40 {
		h := w.send()
		sent += h.Sent
		for range h.Sent {
			at = append(at, w.clock.Now())
		}
		if h.Sent > 1 {
			t.Fatalf("%d at once", h.Sent)
		}
		if wait := h.Next.Sub(w.clock.Now()); wait > 0 && wait < time.Hour {
			w.clock.Add(wait)
			continue
		}
		break
	}
	if sent != 5 || len(w.rereads) > 2 {
		t.Errorf("%d sent today, %d times re-read", sent, len(w.rereads))
	}
	for i := 1; i < len(at); i++ {
		if at[i].Sub(at[i-1]) < 3*time.Second {
			t.Errorf("%s apart", at[i].Sub(at[i-1]))
		}
	}
	w.later(11 * time.Hour) // the evening
	if h := w.send(); h.Sent != 0 {
		t.Errorf("in the evening: %+v", h)
	}
	w.later(4 * time.Hour) // after midnight
	if h := w.send(); h.Sent != 0 || h.Next.IsZero() {
		t.Errorf("at night: %+v", h)
	}
	w.later(8 * time.Hour)
	if h := w.send(); h.Sent != 1 {
		t.Errorf("in the morning: %+v", h)
	}
}

func TestSender_nothingLeavesWithoutAFreshLook(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 2)
	w.remind()
	w.approve()
	w.unread = errors.New("the mailbox does not answer")
	if h, err := w.trySend(); err == nil || h.Sent != 0 || h.Next.IsZero() {
		t.Fatalf("%+v %v", h, err)
	}
	w.unread = nil
	w.later(2 * time.Minute)
	w.onRead = func() { // it rings again as soon as it was read
		w.onRead = nil
		w.clock.Add(time.Second)
	}
	w.tx(func(tx *store.Tx) error { return tx.Rang(ventes, tx.Now().Add(time.Hour)) })
	if h := w.send(); h.Sent != 0 {
		t.Fatalf("rang: %+v", h)
	}
	w.later(2 * time.Hour)
	w.tx(func(tx *store.Tx) error { return tx.BeginPass(compta, false) })
	_, err := w.ApplyPage(w.ctx(), compta, store.Page{Accounts: nil, Documents: []receivable.Document{bill("F-9", "C2", "2026-12-12", 5, 5)}, Next: []byte(`{}`)})
	w.must(err)
	if h := w.send(); h.Sent != 0 {
		t.Fatalf("in the middle of a pass: %+v", h)
	}
	w.later(2 * time.Minute)
	if h := w.send(); h.Sent != 2 {
		t.Fatalf("%+v %q", h, w.outbox()[0].Problem)
	}
}

func TestSender_noticesLeaveWhateverHoldsReminders(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 30)
	w.remind()
	w.approve()
	w.unread = errors.New("the mailbox does not answer")
	notice := func(tx *store.Tx) error {
		for range 2 {
			_, err := tx.Propose(store.Outgoing{
				Company: dupont, Mailbox: courrier.Name, Ref: "7k4qm2tx01234567", Key: "list/today", Content: []byte("Subject: liste\r\n\r\n3. Durand\r\n"),
				Message: dossier.Message{Kind: dossier.KindNotice, State: dossier.StateQueued, To: []string{"marie@dupont.example"}, MID: "<n1@dupont.example>"},
			}, 0)
			if err != nil {
				return err
			}
		}
		return nil
	}
	w.tx(notice)
	h, err := w.trySend()
	if err == nil || h.Sent != 1 || len(w.smtp.Mails()) != 1 || string(w.smtp.Mails()[0].Data) != "Subject: liste\r\n\r\n3. Durand\r\n" {
		t.Fatalf("%+v %v %q", h, err, w.smtp.Mails())
	}
	w.tx(notice)
	w.unread = nil
	w.later(2 * time.Minute)
	if h := w.send(); h.Sent != 30 {
		t.Errorf("%+v", h)
	}
}

func TestSender_threePolicyRefusalsStopTheMailbox(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 6)
	w.remind()
	w.approve()
	w.at(emailtest.Dot, 0, emailtest.Fault{Reply: "550 5.7.26 unauthenticated"})
	for range 6 {
		w.send()
		w.later(time.Minute)
	}
	if n := len(w.outbox(dossier.StateRefused)); n != 3 || len(w.tasks("blocked")) != 1 {
		t.Errorf("%d refused, tasks %v", n, w.tasks("blocked"))
	}
	if n := len(w.outbox(dossier.StateQueued)); n != 3 {
		t.Errorf("%d queued", n)
	}
}

func TestSender_learnsAnotherMessageID(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1)
	w.remind()
	id := w.approve()[0]
	w.sender.Server.Host = "localhost"
	w.send()
	row := w.message(id)
	if row.State != dossier.StateSent {
		t.Fatalf("%s %q", row.State, row.Problem)
	}
	w.tx(func(tx *store.Tx) error { return tx.Renamed(id, "<VI1P@eur.prod.outlook.com>") })
	if got := w.message(id).MID; got != "<VI1P@eur.prod.outlook.com>" {
		t.Error(got)
	}
}

func TestSender_twoSendersOneLease(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, dsn func(testing.TB) string) {
		w := open(t, dsn(t), 20)
		w.remind()
		w.approve()
		w.hold("one")
		other := &Sender{Box: w.box, Server: w.sender.Server, Refresher: books{w}, Mailbox: mail{w}}
		defer other.Close()
		// The first stalls between the look and the arming; its lease runs out and
		// another takes over.
		old := w.fence
		stalled := false
		w.fault = func(point string) {
			if point != store.PointArming || stalled {
				return
			}
			stalled = true
			w.clock.Add(11 * time.Minute)
			w.fresh()
			fence, _, ok, err := w.ClaimLease(w.ctx(), "mailbox/courrier", "two", 10*time.Minute)
			w.must(err)
			if !ok {
				t.Error("not taken over")
			}
			w.must(other.Takeover(w.ctx(), fence))
			h, err := other.Once(w.ctx(), fence)
			if err != nil || h.Sent != 20 {
				t.Errorf("%+v %v", h, err)
			}
		}
		h, err := w.sender.Once(w.ctx(), old)
		if !errors.Is(err, store.ErrFence) || h.Sent != 0 {
			t.Errorf("%+v %v", h, err)
		}
		if n := len(w.smtp.Mails()); n != 20 {
			t.Errorf("%d mails", n)
		}
	})
}

func TestSender_takeoverMakesArmedRowsUnknown(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 2)
	w.remind()
	ids := w.approve()
	w.hold("one")
	func() { // the program stops while a message is leaving
		defer func() { _ = recover() }()
		w.fault = func(point string) {
			if point == store.PointRecording {
				w.fault = nil
				panic("stop")
			}
		}
		_, _ = w.sender.Once(w.ctx(), w.fence)
	}()
	if got := w.message(ids[0]).State; got != dossier.StateArmed {
		t.Fatal(got)
	}
	w.sweep()
	w.must(w.sender.Takeover(w.ctx(), w.fence))
	if got := w.message(ids[0]).State; got != dossier.StateArmed {
		t.Errorf("under its own fence: %s", got)
	}
	w.clock.Add(11 * time.Minute)
	w.fresh()
	w.fence = store.Fence{}
	again := &Sender{Box: w.box, Server: w.sender.Server, Refresher: books{w}, Mailbox: mail{w}}
	w.sender = again
	w.hold("two")
	if got := w.message(ids[0]).State; got != dossier.StateUnknown {
		t.Errorf("after the takeover: %s", got)
	}
	if h := w.send(); h.Sent != 1 || len(w.smtp.Mails()) != 2 {
		t.Errorf("%+v", h)
	}
}

func TestSender_a250IsKeptUntilTheStoreTakesIt(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1)
	w.remind()
	id := w.approve()[0]
	w.hold("one")
	row := w.message(id)
	w.sender.loose = append(w.sender.loose, attempt{row: row, result: Result{Outcome: Sent, Stage: StageDot, Armed: true}, at: w.clock.Now()})
	if h := w.send(); h.Sent != 0 || w.message(id).State != dossier.StateSent || len(w.smtp.Mails()) != 0 {
		t.Errorf("%+v %s", h, w.message(id).State)
	}
}

func TestSender_clockJumps(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 3)
	w.remind()
	w.approve()
	w.hold("one")
	w.onReread = func() { w.clock.Add(2 * time.Minute) } // forward, in the middle of a look
	h, _ := w.trySend()
	if h.Sent != 0 {
		t.Errorf("looked at too long ago: %+v", h)
	}
	w.onReread = nil
	w.later(5 * time.Minute)
	w.sender.Interval = 3 * time.Second
	w.send()
	w.clock.Add(-5 * time.Minute) // back, within the day
	w.fresh()
	for range 4 {
		h, _ := w.trySend()
		if wait := h.Next.Sub(w.clock.Now()); wait > 10*time.Second && len(w.smtp.Mails()) < 3 {
			t.Fatalf("waits for the clock to catch up: %s", wait)
		}
		w.clock.Add(4 * time.Second)
	}
	w.clock.Add(-6 * time.Hour) // back, into the night
	w.must(w.RenewLease(w.ctx(), w.fence, 12*time.Hour))
	for range 3 {
		_, _ = w.trySend()
	}
	if n := len(w.smtp.Mails()); n != 3 {
		t.Errorf("%d mails", n)
	}
	for _, row := range w.outbox() {
		if row.State != dossier.StateSent {
			t.Error(fmt.Sprint(row.ID, row.State, row.Problem))
		}
	}
}

func TestSender_asToStopItFinishesWhatIsArmedAndBeginsNothing(t *testing.T) {
	t.Parallel()
	for _, point := range []string{store.PointArming, store.PointArmed} {
		w := open(t, sqlite(t), 3)
		w.remind()
		ids := w.approve()
		w.hold("one")
		ctx, stop := context.WithCancel(w.ctx())
		w.fault = func(reached string) {
			if reached == point {
				stop()
			}
		}
		h, err := w.sender.Once(ctx, w.fence)
		if !errors.Is(err, context.Canceled) || h.Sent != 1 || len(w.smtp.Mails()) != 1 {
			t.Errorf("%s: %+v %v", point, h, err)
		}
		if row := w.message(ids[0]); row.State != dossier.StateSent {
			t.Errorf("%s: %s", point, row.State)
		}
		if row := w.message(ids[1]); row.State != dossier.StateQueued || row.Problem != "" || row.Attempts != 0 {
			t.Errorf("%s: %+v", point, row)
		}
	}
}

func TestSender_oneRefusedRecipientKeepsTheOthers(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1)
	w.apply(store.Page{Accounts: []receivable.Account{{
		External: "a-C1", Code: "C1", Name: "Client C1", Kind: receivable.KindBusiness, Language: "fr", Emails: []string{"c1@client1.example", "gone@client1.example"},
	}}})
	w.remind()
	id := w.approve()[0]
	w.mu.Lock()
	w.server = func(stage emailtest.Stage, argument string) emailtest.Fault {
		if stage == emailtest.Rcpt && strings.Contains(argument, "gone@") {
			return emailtest.Fault{Reply: "550 5.1.1 user unknown"}
		}
		return emailtest.Fault{}
	}
	w.mu.Unlock()
	if h := w.send(); h.Sent != 1 || w.message(id).State != dossier.StateSent {
		t.Fatalf("%+v", h)
	}
	d, err := w.Dossier(w.ctx(), w.customer("C1"))
	w.must(err)
	if len(d.Bounced) != 1 || d.Bounced[0].Address != "gone@client1.example" {
		t.Errorf("%+v", d.Bounced)
	}
}

func TestSender_aStoreThatFailsWhileArmingLetsNothingLeaveAndLosesNothing(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1)
	w.remind()
	id := w.approve()[0]
	w.hold("one")
	// The commit came through, its answer did not.
	row := w.message(id)
	armed, _, err := w.Arm(w.ctx(), id, w.fence, store.Rendered{Bytes: []byte("x"), MID: row.MID}, store.ReadinessOf{}, func(*store.Tx, dossier.Message, dossier.Dossier, store.Readiness) (store.Verdict, error) {
		return store.Verdict{OK: true}, nil
	}, nil)
	if err != nil || !armed {
		t.Fatal(armed, err)
	}
	w.sender.loose = []attempt{{row: row, result: Result{Outcome: NotDelivered, Stage: StageArm, Scope: ScopeMessage, Temporary: true, Armed: true, Err: errors.New("gone")}, at: w.clock.Now()}}
	w.send()
	if got := w.message(id); got.State != dossier.StateQueued || got.Attempts != 1 {
		t.Errorf("%s after %d", got.State, got.Attempts)
	}
	w.later(2 * time.Minute)
	if h := w.send(); h.Sent != 1 {
		t.Errorf("%+v", h)
	}
}

func TestUnreachable_lastsFromTheFirstFailureOfTheServerToTheNextMessageThatGetsThrough(t *testing.T) {
	t.Parallel()
	w := open(t, sqlite(t), 1)
	w.remind()
	w.approve()
	at := func() time.Time {
		t.Helper()
		since, why, err := w.box.Unreachable(w.ctx())
		w.must(err)
		if since.IsZero() != (why == "") {
			t.Errorf("since %s: %q", since, why)
		}
		return since
	}
	if since := at(); !since.IsZero() {
		t.Errorf("before anything was tried: %s", since)
	}
	w.at(emailtest.Connect, 2, emailtest.Fault{Drop: true})
	w.send()
	first := at()
	if first.IsZero() {
		t.Fatal("a server that hangs up is not told")
	}
	w.later(10 * time.Minute)
	w.send()
	if again := at(); !again.Equal(first) {
		t.Errorf("since %s, after the next failure %s", first, again)
	}
	w.later(time.Hour)
	if h := w.send(); h.Sent != 1 {
		t.Fatalf("%+v", h)
	}
	if since := at(); !since.IsZero() {
		t.Errorf("after a message got through: %s", since)
	}
}
