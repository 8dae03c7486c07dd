package outbox

import (
	"context"
	"fmt"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/store"
	"relanced/reminders/compose"
)

// accepted is since when each IBAN of the company's may be shown unasked:
// those it began with, and those that a person approved in a message since.
type accepted map[string]time.Time

// accepted reads which bank details may be shown unasked from the small facts
// of ibanKeys.
func (b *Box) accepted(metas map[string]string) accepted {
	known := accepted{}
	for _, account := range b.Company.Accounts {
		if at, err := time.Parse(time.RFC3339, metas[b.ibanKey(account.Bank.IBAN)]); err == nil {
			known[account.Bank.IBAN] = at
		}
	}
	return known
}

func (b *Box) ibanKeys() []string {
	keys := make([]string, len(b.Company.Accounts))
	for i, account := range b.Company.Accounts {
		keys[i] = b.ibanKey(account.Bank.IBAN)
	}
	return keys
}

// acceptFirst accepts the bank details that the company begins with, once in
// the life of the database: only a change asks a person.
func (b *Box) acceptFirst(ctx context.Context) (known accepted, err error) {
	if len(b.Company.Accounts) == 0 {
		return accepted{}, nil
	}
	var begun string
	key := "ibans/" + string(b.Company.ID)
	err = b.Store.View(ctx, func(tx *store.Tx) error {
		metas, err := tx.Metas(append(b.ibanKeys(), "once/"+key)...)
		begun, known = metas["once/"+key], b.accepted(metas)
		return err
	})
	if err != nil || begun != "" {
		return known, err
	}
	err = b.Store.InTx(ctx, func(tx *store.Tx) error {
		first, err := tx.Once(key)
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
		metas, err := tx.Metas(b.ibanKeys()...)
		known = b.accepted(metas)
		return err
	})
	return known, err
}

func (b *Box) accept(tx *store.Tx, iban string) error {
	if iban == "" {
		return nil
	}
	return tx.SetMeta(b.ibanKey(iban), tx.Now().UTC().Format(time.RFC3339))
}

// ibanKey names the fact that bank details may be shown.
func (b *Box) ibanKey(iban string) string { return fmt.Sprintf("iban/%s/%s", b.Company.ID, iban) }

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
