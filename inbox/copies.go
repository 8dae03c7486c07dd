package inbox

import (
	"context"
	"time"

	"relanced/inbox/mailbox"
	"relanced/internal/email"
	"relanced/internal/store"
)

// sentCopy is one of our messages that may have to be filed in Sent.
type sentCopy struct {
	ref   string // email.ID
	bytes []byte
	at    time.Time
}

// settleCopies is how long Sent is watched for a provider that files what we
// send by itself, before we file it.
const settleCopies = 2 * time.Minute

// giveUpCopies is how long filing a copy is tried.
const giveUpCopies = time.Hour

// FileCopy sees to it that a message just sent lies in Sent. Whether the
// provider files it is learnt from the first message: until then the copy waits.
func (r *Reader) FileCopy(ctx context.Context, ref string, message []byte) error {
	box, err := r.known(ctx)
	if err != nil {
		return err
	}
	switch {
	case box.FilesSent == store.Yes, box.FilesSent != store.No && r.FilesSent:
		return nil
	case box.FilesSent == store.No:
		return r.append(ctx, message)
	}
	r.copies = append(r.copies, sentCopy{ref, message, r.Store.Now()})
	return nil
}

func (r *Reader) known(ctx context.Context) (store.Mailbox, error) {
	boxes, err := r.Store.Mailboxes(ctx, r.Key.Company)
	for _, box := range boxes {
		if box.Key == r.Key {
			return box, err
		}
	}
	return store.Mailbox{Key: r.Key}, err
}

// filedByProvider learns, from a copy of ours that we did not file, that the
// provider files what we send.
func (r *Reader) filedByProvider(tx *store.Tx, sent map[string]store.SentRef) error {
	for ref := range sent {
		for _, waiting := range r.copies {
			if waiting.ref == ref {
				r.copies = nil
				return tx.FilesSent(r.Key, store.Yes)
			}
		}
	}
	return nil
}

// fileCopies files what has waited long enough without showing up.
func (r *Reader) fileCopies(ctx context.Context) error {
	if len(r.copies) == 0 || r.Store.Now().Sub(r.copies[0].at) < settleCopies {
		return nil
	}
	waiting := r.copies
	err := r.Flush(ctx)
	if err != nil && r.Store.Now().Sub(waiting[0].at) < giveUpCopies {
		r.copies = waiting
	}
	return err
}

// Flush files the copies that wait, where the provider has not: before the
// program ends, or when it has had its time.
func (r *Reader) Flush(ctx context.Context) error {
	if len(r.copies) == 0 {
		return nil
	}
	waiting := r.copies
	r.copies = nil
	first := waiting[0]
	id := email.ID(first.ref)
	domain := email.Domain(r.Account.Address)
	found, err := r.FindSent(ctx, r.Company.Seller.Keys.MessageID(id, domain), r.Company.Seller.Keys.Ref(id, domain))
	if err != nil {
		return err
	}
	files := store.No
	if found {
		files = store.Yes
	}
	// A provider that has had little time proves nothing by its absence.
	if found || r.Store.Now().Sub(first.at) >= settleCopies {
		if err := r.Store.InTx(ctx, func(tx *store.Tx) error { return tx.FilesSent(r.Key, files) }); err != nil || found {
			return err
		}
	}
	for _, c := range waiting {
		if err := r.append(ctx, c.bytes); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) append(ctx context.Context, message []byte) error {
	folder, err := mailbox.SentFolder(ctx, r.Account)
	if err != nil || folder == "" {
		return err
	}
	return mailbox.Append(ctx, r.Account, folder, message)
}

// FindSent tells whether one of our messages lies in Sent.
func (r *Reader) FindSent(ctx context.Context, messageID, ref string) (bool, error) {
	folder, err := mailbox.SentFolder(ctx, r.Account)
	if err != nil || folder == "" {
		return false, err
	}
	return mailbox.FindSent(ctx, r.Account, folder, messageID, email.RefHeader, ref)
}
