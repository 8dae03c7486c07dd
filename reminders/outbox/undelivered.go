package outbox

import (
	"fmt"
	"strings"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
)

// failureOf says what the server's refusal of an address means.
func failureOf(r RefusedAddress) email.Failure {
	digits := ""
	if r.Code != 0 {
		digits = fmt.Sprint(r.Code)
	}
	return email.FailureOf(r.Enhanced, digits, strings.ToLower(r.Text))
}

// tooBig tells whether the customer's last reminder did not arrive for its size.
func tooBig(d dossier.Dossier) bool {
	for i := len(d.Messages) - 1; i >= 0; i-- {
		m := &d.Messages[i]
		if m.Kind != dossier.KindReminder || m.State != dossier.StateSent && m.State != dossier.StateRefused {
			continue
		}
		for _, u := range d.Undelivered {
			if u.Message == m.ID && u.Why == email.TooBig {
				return true
			}
		}
		return false
	}
	return false
}

// passing returns the addresses that a refused message did not reach for
// reasons that may pass: all of them, or none where one is refused for good.
func (a attempt) passing() []dossier.Undelivered {
	r := a.result
	refused := r.Refused
	if len(refused) == 0 && (r.tooLarge() || r.Stage == StageDot && email.FailureOf(r.Enhanced, "", strings.ToLower(r.Text)) == email.TooBig) {
		for _, to := range a.row.To {
			refused = append(refused, RefusedAddress{Address: to, Code: r.Code, Enhanced: "5.3.4", Text: r.Text})
		}
	}
	var list []dossier.Undelivered
	for _, address := range refused {
		why := failureOf(address)
		if !why.Passes() {
			return nil
		}
		list = append(list, dossier.Undelivered{Message: a.row.ID, Address: address.Address, Why: why, At: a.at, Text: address.Text})
	}
	return list
}

// willPass records what a refused reminder did not reach for reasons that may
// pass, and tells whether its step is taken again by itself: not for ever.
func (s *Sender) willPass(tx *store.Tx, a attempt) (bool, error) {
	list := a.passing()
	if len(list) == 0 || a.row.Kind != dossier.KindReminder {
		return false, nil
	}
	most := 0
	for _, u := range list {
		n, err := tx.AddUndelivered(u, a.at.Add(-dossier.ResendsWithin))
		if err != nil {
			return false, err
		}
		most = max(most, n)
	}
	return most <= dossier.Resends, nil
}

// partly has a person look at the addresses that a message did not reach while
// it left to others.
func (s *Sender) partly(tx *store.Tx, a attempt) error {
	b := s.Box
	for _, refused := range a.result.Refused {
		if a.row.Kind == dossier.KindNotice {
			continue
		}
		why := strings.Join(strings.Fields(refused.Address+" "+refused.Enhanced+" "+refused.Text), " ")
		_, err := tx.AddTask(b.Company.ID, a.row.Customer, dossier.Task{
			Kind: "bounce", Title: b.words().partly(why), DueOn: b.today(tx.Now()),
		}, fmt.Sprintf("bounce/%d/%s", a.row.Customer, email.Canonical(refused.Address)))
		if err != nil {
			return err
		}
	}
	return nil
}
