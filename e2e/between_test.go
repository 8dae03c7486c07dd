package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/email/emailtest"
)

// TestDrillRace_betweenApprovalAndSending lets something land after a person
// approved a reminder: it does not leave, and why tells the reason.
func TestDrillRace_betweenApprovalAndSending(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	tests := map[string]struct {
		land func(w *world, invoice int64)
		why  string
	}{
		"a payment": {func(w *world, invoice int64) { w.books.Books.Pay(invoice, day(0).String()) }, "paid"},
		"a transfer that nobody matched": {func(w *world, invoice int64) {
			w.books.Books.PayPart(invoice, 1, day(0).String())
			w.unmatched(29_999)
		}, "probably_paid"},
		"a reply": {func(w *world, _ int64) {
			w.post.send(w.address, "compta@dupont.example", fmt.Sprintf(`From: Julie Petit <%s>
To: compta@dupont.example
Subject: Facture %s
Date: %s
Message-ID: %s
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Bonjour, je regarde cela avec mon associé et reviens vers vous. Julie Petit
`, w.address, w.invoice, time.Now().Format(time.RFC1123Z), newMID("petit.example")))
		}, "replied"},
		"a hold":       {func(w *world, _ int64) { w.do("hold", "P001", "--reason", "au téléphone") }, "manual"},
		"a dispute":    {func(w *world, _ int64) { w.do("dispute", w.invoice, "--reason", "litige") }, "disputed"},
		"a promise":    {func(w *world, _ int64) { w.do("promise", "P001", "--on", day(9).String()) }, "promised"},
		"an exclusion": {func(w *world, _ int64) { w.do("exclude", "P001") }, "excluded"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorldWith(t, "", p)
			w.invoice = "PL-" + strings.ReplaceAll(strings.ToUpper(test.why), "_", "")
			w.address = "petit@" + strings.ToLower(w.invoice) + ".example" // all share one mailbox
			who, invoice := w.customer("P001", "Boulangerie Petit", w.address, w.invoice, 30_000)
			w.who = who
			w.approved(1)
			mid := w.message("P001").mid()
			test.land(w, invoice)
			w.do("remind")
			w.do("remind")
			if got := w.why("P001").reason(); test.why != "paid" && got != test.why {
				t.Errorf("why: %q, want %q", got, test.why)
			}
			if row := w.message("P001"); row.State == "sent" || row.State == "queued" {
				t.Errorf("the message is %s", row.State)
			}
			if n := w.delivered("petit")[mid]; n != 0 {
				t.Errorf("it arrived %d times", n)
			}
		})
	}
}

// unmatched adds a transfer of the customer that is matched with nothing.
func (w *world) unmatched(cents int64) {
	w.books.Books.AddTransaction(pennylanetest.Transaction{
		Customer: w.who, Date: day(0).String(), Amount: pennylanetest.Cents(cents), Label: "VIR SEPA",
	})
}

// TestDrillRace_whileTheServerTakesTheRecipient lets a hold land at the last
// moment: the mail server has accepted the recipient and waits for the content.
func TestDrillRace_whileTheServerTakesTheRecipient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	landed := false
	server := w.handTo(emailtest.SMTPConfig{
		Fault: func(stage emailtest.Stage, _ string) emailtest.Fault {
			if stage == emailtest.Rcpt && !landed {
				landed = w.command("hold", "P001", "--reason", "au téléphone").code == 0
			}
			return emailtest.Fault{}
		},
	})
	w.customer("P001", "Boulangerie Petit", "petit@petit.example", "PL-1", 30_000)
	w.approved(1)
	w.do("remind")
	w.do("remind")
	if !landed {
		t.Fatal("the mail server was not reached, or the hold not recorded")
	}
	if row := w.message("P001"); row.State == "sent" || row.State == "armed" || row.State == "unknown" {
		t.Errorf("the message is %s", row.State)
	}
	if n := len(server.Mails()); n != 0 {
		t.Errorf("%d messages were handed over", n)
	}
	if why := w.why("P001").reason(); why != "manual" {
		t.Errorf("why: %s", why)
	}
}
