package inbox

import (
	"relanced/inbox/match"
	"relanced/inbox/message"
	"relanced/internal/dossier"
	"relanced/internal/store"
)

// undelivered records that a reminder did not reach its only address for a
// reason that may pass, and tells whether it is said again by itself. When that
// has not helped, the customer is held: what follows would reach nobody either.
func (r *Reader) undelivered(tx *store.Tx, in understood, row store.Incoming, h match.Hit, failed message.Recipient, address string) (again bool, err error) {
	var out store.Outgoing
	for _, id := range in.found.Quoted {
		if out, err = tx.Message(id); err != nil {
			return false, ignoreMissing(err)
		}
		if out.Customer == h.Customer {
			break
		}
	}
	if out.Kind != dossier.KindReminder || out.Customer != h.Customer {
		return false, nil
	}
	n, err := tx.AddUndelivered(
		dossier.Undelivered{Message: out.ID, Address: address, Why: failed.Class, At: in.at, Text: shorten(failed.Text, noteLimit)},
		in.at.Add(-dossier.ResendsWithin),
	)
	if err != nil || n <= dossier.Resends {
		return err == nil && len(out.To) == 1, err
	}
	_, err = tx.AddHold(h.Customer, dossier.Hold{
		Reason: dossier.BouncedAddress, By: row.From, Note: words(failed), From: in.at, Reply: row.ID, Until: r.Company.Holds.Reply(in.on),
	})
	return false, err
}
