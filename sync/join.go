package sync

import (
	"fmt"
	"strings"

	"relanced/internal/dossier"
	"relanced/internal/store"
)

// proposeJoins opens a task where a customer that came by carries the same
// number in a public register as one of another connection. Only people join
// accounts; what was proposed once is not proposed again.
func (p *pass) proposeJoins(tx *store.Tx) error {
	if len(p.met) == 0 {
		return nil
	}
	var mine, others []store.Registered
	err := tx.EachRegistered(p.company.ID, func(r store.Registered) {
		for _, number := range registers(r.SIREN, r.SIRET, r.VAT) {
			switch {
			case !p.met[number]:
				continue
			case r.Connection == p.key.Name:
				mine = append(mine, r)
			default:
				others = append(others, r)
			}
			return
		}
	})
	if err != nil {
		return err
	}
	byNumber := map[string][]store.Registered{}
	for _, r := range others {
		for _, number := range registers(r.SIREN, r.SIRET, r.VAT) {
			byNumber[number] = append(byNumber[number], r)
		}
	}
	for _, r := range mine {
		for _, number := range registers(r.SIREN, r.SIRET, r.VAT) {
			for _, other := range byNumber[number] {
				if other.Root == r.Root {
					continue
				}
				if err := p.proposeJoin(tx, r, other, number); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (p *pass) proposeJoin(tx *store.Tx, a, b store.Registered, number string) error {
	if b.Customer < a.Customer {
		a, b = b, a
	}
	key := store.JoinKey(a.Customer, b.Customer)
	first, err := tx.Once(key)
	if err != nil || !first {
		return err
	}
	title := fmt.Sprintf("%s/%s and %s/%s both carry the number %s: if they are one customer, write this line into the customers' file: connection %s, code %s, payer %s/%s; if not, leave them as they are",
		a.Connection, a.Code, b.Connection, b.Code, number, b.Connection, b.Code, a.Connection, a.Code)
	_, err = tx.AddTask(p.company.ID, a.Customer, dossier.Task{Kind: "join", Title: title}, key)
	return err
}

// registers are the numbers by which an account is known to be the same as
// another: the SIREN, which also stands in a SIRET and in a French VAT number,
// and the VAT number.
func registers(siren, siret, vat string) []string {
	var list []string
	add := func(number string) {
		for _, known := range list {
			if known == number {
				return
			}
		}
		list = append(list, number)
	}
	if siren = bare(siren); len(siren) == 9 && isDigits(siren) {
		add(siren)
	}
	if siret = bare(siret); len(siret) == 14 && isDigits(siret) {
		add(siret[:9])
	}
	switch vat = bare(vat); {
	case len(vat) == 13 && vat[:2] == "FR" && isDigits(vat[4:]):
		add(vat[4:])
	case len(vat) >= 8 && len(vat) <= 14 && !isDigits(vat[:2]):
		add(vat)
	}
	return list
}

// bare is a number without what people put between its parts.
func bare(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9' || r >= 'A' && r <= 'Z':
			return r
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		}
		return -1
	}, text)
}

func isDigits(text string) bool { return strings.Trim(text, "0123456789") == "" }
