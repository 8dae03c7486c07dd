package outbox

import (
	"context"
	"strings"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/store"
	"relanced/reminders/compose"
)

// accepted is since when each IBAN of the company's may be shown unasked: those
// it began with, and those that a person approved in a message since. One that
// the configuration gave up and takes back is accepted anew.
type accepted map[string]time.Time

// accepted reads which bank details may be shown unasked from the small fact of
// ibansKey.
func (b *Box) accepted(metas map[string]string) accepted {
	known := accepted{}
	for word := range strings.FieldsSeq(metas[b.ibansKey()]) {
		iban, since, _ := strings.Cut(word, "=")
		if at, err := time.Parse(time.RFC3339, since); err == nil {
			known[iban] = at
		}
	}
	return known
}

// acceptFirst accepts the bank details that the company begins with, once in
// the life of the database: only a change asks a person.
func (b *Box) acceptFirst(ctx context.Context) (known accepted, err error) {
	if len(b.Company.Accounts) == 0 {
		return accepted{}, nil
	}
	var begun string
	once := "ibans/" + string(b.Company.ID)
	err = b.Store.View(ctx, func(tx *store.Tx) error {
		metas, err := tx.Metas(b.ibansKey(), "once/"+once)
		begun, known = metas["once/"+once], b.accepted(metas)
		return err
	})
	if err != nil || begun != "" {
		return known, err
	}
	err = b.Store.InTx(ctx, func(tx *store.Tx) error {
		first, err := tx.Once(once)
		if err != nil {
			return err
		}
		for _, account := range b.Company.Accounts {
			if first {
				if err := b.accept(tx, account.Bank.IBAN); err != nil {
					return err
				}
			}
		}
		metas, err := tx.Metas(b.ibansKey())
		known = b.accepted(metas)
		return err
	})
	return known, err
}

// accept lets bank details be shown unasked from now on, or as long as they
// have been already.
func (b *Box) accept(tx *store.Tx, iban string) error {
	if iban == "" {
		return nil
	}
	metas, err := tx.Metas(b.ibansKey())
	if err != nil {
		return err
	}
	known := b.accepted(metas)
	if !known[iban].IsZero() {
		return nil
	}
	known[iban] = tx.Now().UTC()
	var words []string
	for _, account := range b.Company.Accounts {
		if since := known[account.Bank.IBAN]; !since.IsZero() {
			words = append(words, account.Bank.IBAN+"="+since.Format(time.RFC3339))
		}
	}
	return tx.SetMeta(b.ibansKey(), strings.Join(words, " "))
}

// ibansKey names the fact which bank details may be shown.
func (b *Box) ibansKey() string { return "ibans/" + string(b.Company.ID) }

// strange tells whether a message to the customer would show bank details that
// nobody has accepted.
func (b *Box) strange(known accepted, c dossier.Customer) bool {
	iban := b.bank(c).IBAN
	return iban != "" && known[iban].IsZero()
}

// bank returns where the customer is to pay.
func (b *Box) bank(c dossier.Customer) compose.Bank {
	for _, account := range b.Company.Accounts {
		if account.If == nil || account.If(c) {
			return account.Bank
		}
	}
	return compose.Bank{}
}

// bankOf is bank with whether the customer was told other details before.
func (b *Box) bankOf(known accepted, d dossier.Dossier) compose.Bank {
	bank := b.bank(d.Customer)
	if bank.IBAN == "" {
		return bank
	}
	since := known[bank.IBAN]
	before, after := false, false
	for _, m := range d.Messages {
		if m.Kind != dossier.KindReminder || m.State != dossier.StateSent {
			continue
		}
		if since.IsZero() || m.SentAt.Before(since) {
			before = true
		} else {
			after = true
		}
	}
	bank.Changed = before && !after
	return bank
}
