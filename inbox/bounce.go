package inbox

import (
	"fmt"
	"strings"
	"time"

	"relanced/inbox/match"
	"relanced/inbox/message"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
)

// bounce records a failure notice. Only one that proves by an id that it is
// about a message of ours marks an address: anybody can forge a notice.
func (r *Reader) bounce(tx *store.Tx, in understood, row store.Incoming) error {
	report := in.m.Report
	text := row.Quote
	failed := report == nil || len(report.Recipients) == 0
	if report != nil && len(report.Recipients) > 0 {
		first := report.Recipients[0]
		text = words(first)
		failed = report.Failed()
	}
	if len(in.found.Hits) == 0 && failed {
		title := r.say("Un message à notre équipe n'est pas arrivé : ", "A message to our own people did not arrive: ") + text
		_, err := tx.AddTask(r.Key.Company, 0, dossier.Task{Kind: "bounce", Title: title, DueOn: in.on}, "bounce/0/"+text)
		return err
	}
	for _, h := range in.found.Hits {
		event := store.Event{Company: r.Key.Company, Customer: h.Customer, At: in.at, Kind: "bounced", By: row.From, Text: text, Ref: fmt.Sprintf("reply %d", row.ID)}
		if !failed {
			event.Kind = "delayed" // a failure follows, or not
		}
		if err := tx.AddEvent(event); err != nil {
			return err
		}
		switch {
		case !failed:
			continue
		case !in.found.Verified, len(report.Recipients) == 0:
			if err := r.doubtfulBounce(tx, in, row, h); err != nil {
				return err
			}
			continue
		}
		for _, x := range in.found.Failed {
			if !x.Failed() {
				continue
			}
			if err := r.failedAddress(tx, in, row, h, x); err != nil {
				return err
			}
		}
	}
	return nil
}

// words are what a notice says of a recipient.
func words(x message.Recipient) string {
	return shorten(strings.Join(strings.Fields(x.Address+" "+x.Status+" "+x.Text), " "), noteLimit)
}

func (r *Reader) doubtfulBounce(tx *store.Tx, in understood, row store.Incoming, h match.Hit) error {
	title := r.say("Un avis de non-remise sans preuve concerne ce client : vérifier l'adresse", "A failure notice without proof is about this customer: check the address")
	if _, err := tx.AddTask(r.Key.Company, h.Customer, dossier.Task{Kind: "bounce", Title: title, DueOn: in.on}, fmt.Sprintf("bounce/%d", h.Customer)); err != nil {
		return err
	}
	_, err := tx.AddHold(h.Customer, dossier.Hold{Reason: dossier.BouncedAddress, By: row.From, Note: shorten(row.Quote, noteLimit), From: in.at, Reply: row.ID, Until: r.Company.Holds.Reply(in.on)})
	return err
}

// failedAddress records what the failure of one address means.
func (r *Reader) failedAddress(tx *store.Tx, in understood, row store.Incoming, h match.Hit, failed message.Recipient) error {
	address := canonical(failed.Original)
	if address == "" {
		address = canonical(failed.Address)
	}
	said := words(failed)
	named := failed.Original
	if named == "" {
		named = failed.Address
	}
	title := r.say("Message non remis : ", "Message not delivered: ") + said
	switch failed.Class { //nolint:exhaustive // the others are looked at only
	case email.MailboxFull, email.Expired, email.Greylisted, email.TooBig:
		again, err := r.undelivered(tx, in, row, h, failed, address)
		if err != nil || again && failed.Class != email.TooBig {
			return err
		}
		if again {
			title = r.say("Message trop volumineux, renvoyé sans pièces jointes : ", "Message too big, sent again without attachments: ") + said
		}
	case email.HardAddress, email.Restricted:
		if err := tx.AddBounced(h.Customer, dossier.Bounced{Address: address, At: in.at, Status: failed.Status, Text: shorten(failed.Text, noteLimit)}); err != nil {
			return err
		}
		title = r.say("Corriger l'adresse ", "Correct the address ") + named + r.say(" : ", ": ") + said
		if failed.Class == email.Restricted {
			title = r.say("Trouver un autre contact que ", "Find another contact than ") + named + r.say(" : ", ": ") + said
		}
	case email.Blocked, email.Content, email.UnknownFailure:
		hold := dossier.Hold{Reason: dossier.BouncedAddress, By: row.From, Note: said, From: in.at, Reply: row.ID, Until: r.Company.Holds.Reply(in.on)}
		if failed.Class == email.Blocked {
			hold.Reason = dossier.Blocked
		}
		if _, err := tx.AddHold(h.Customer, hold); err != nil {
			return err
		}
	}
	task := dossier.Task{Kind: "bounce", Title: title, DueOn: in.on}
	if _, err := tx.AddTask(r.Key.Company, h.Customer, task, fmt.Sprintf("bounce/%d/%s", h.Customer, address)); err != nil {
		return err
	}
	if failed.Class == email.Blocked {
		return r.distrusted(tx, in, said)
	}
	return nil
}

// distrusted stops sending by the mailbox when the third message within a day
// was refused for what we are, not for whom it was to.
func (r *Reader) distrusted(tx *store.Tx, in understood, said string) error {
	n, err := tx.CountHolds(r.Key.Company, dossier.Blocked, in.at.Add(-24*time.Hour))
	if err != nil || n < 3 || len(in.found.Quoted) == 0 {
		return err
	}
	out, err := tx.Message(in.found.Quoted[0])
	if err != nil {
		return ignoreMissing(err)
	}
	return tx.BlockMailbox(store.MailboxKey{Company: r.Key.Company, Name: out.Mailbox},
		r.say("trois messages refusés en un jour comme indésirables : ", "three messages refused within a day as unwanted: ")+said)
}
