package connectortest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"relanced/connectors"
	"relanced/internal/receivable"
)

// Mirror holds what pages say, as a store would: rows by key, what is gone
// taken out, what a whole listing did not name taken out too.
type Mirror struct {
	Accounts    map[string]receivable.Account
	Documents   map[string]receivable.Document
	Payments    map[string]receivable.Payment
	Allocations map[string]receivable.Allocation
	Bad         map[string]string // by external id
	Cursor      connectors.Cursor

	seen  map[receivable.ItemKind]map[string]bool
	whole map[receivable.ItemKind]string // the page that ended the listing
}

// NewMirror returns an empty mirror.
func NewMirror() *Mirror {
	return &Mirror{
		Accounts: map[string]receivable.Account{}, Documents: map[string]receivable.Document{},
		Payments: map[string]receivable.Payment{}, Allocations: map[string]receivable.Allocation{},
		Bad: map[string]string{}, seen: map[receivable.ItemKind]map[string]bool{}, whole: map[receivable.ItemKind]string{},
	}
}

// Clone returns an independent copy.
func (m *Mirror) Clone() *Mirror {
	c := &Mirror{
		Accounts: maps.Clone(m.Accounts), Documents: maps.Clone(m.Documents), Payments: maps.Clone(m.Payments),
		Allocations: maps.Clone(m.Allocations), Bad: maps.Clone(m.Bad), Cursor: m.Cursor,
		seen: map[receivable.ItemKind]map[string]bool{}, whole: maps.Clone(m.whole),
	}
	for kind, keys := range m.seen {
		c.seen[kind] = maps.Clone(keys)
	}
	return c
}

// Apply commits one page together with its cursor. It fails where the page
// breaks the contract.
func (m *Mirror) Apply(p connectors.Page) error {
	if p.AsOf.IsZero() {
		return fmt.Errorf("page without AsOf")
	}
	if len(p.Next) > 0 && !json.Valid(p.Next) {
		return fmt.Errorf("cursor is no JSON: %s", p.Next)
	}
	if p.Listing != nil {
		if ended, ok := m.whole[p.Listing.Kind]; ok && ended != nameOf(p) {
			delete(m.whole, p.Listing.Kind)
			delete(m.seen, p.Listing.Kind)
		}
	}
	for _, a := range p.Accounts {
		m.Accounts[a.External] = a
		m.note(p, receivable.ItemAccount, a.External)
	}
	for _, d := range p.Documents {
		if err := Sound(d); err != nil {
			return err
		}
		if d.Account != "" && !m.told(p, d.Account) {
			return fmt.Errorf("document %s comes before its account %s", d.External, d.Account)
		}
		m.Documents[d.External] = d
		delete(m.Bad, d.External)
		m.note(p, receivable.ItemDocument, d.External)
	}
	for _, payment := range p.Payments {
		m.Payments[payment.External] = payment
		m.note(p, receivable.ItemPayment, payment.External)
	}
	for key, a := range m.Allocations {
		if slices.Contains(p.Groups, a.Group) {
			delete(m.Allocations, key)
		}
	}
	for _, a := range p.Allocations {
		m.Allocations[linkKey(a)] = a
		m.note(p, receivable.ItemAllocation, linkKey(a))
	}
	for _, b := range p.Bad {
		m.Bad[b.Ref.External] = b.Text
		m.note(p, b.Ref.Kind, b.Ref.External)
	}
	for _, ref := range p.Seen {
		m.note(p, ref.Kind, ref.External)
	}
	for _, ref := range p.Gone {
		m.remove(ref.Kind, ref.External)
	}
	if p.Listing != nil && p.Whole {
		m.sweep(p.Listing.Kind)
		m.whole[p.Listing.Kind] = nameOf(p)
	}
	m.Cursor = p.Next
	return nil
}

// told tells whether an account was yielded, or told as one that cannot be read.
func (m *Mirror) told(p connectors.Page, account string) bool {
	_, read := m.Accounts[account]
	return read || m.Bad[account] != "" || slices.ContainsFunc(p.Bad, func(b connectors.Rejected) bool { return b.Ref.External == account })
}

func (m *Mirror) note(p connectors.Page, kind receivable.ItemKind, external string) {
	if p.Listing == nil || p.Listing.Kind != kind {
		return
	}
	if m.seen[kind] == nil {
		m.seen[kind] = map[string]bool{}
	}
	m.seen[kind][external] = true
}

func (m *Mirror) sweep(kind receivable.ItemKind) {
	for _, external := range m.keys(kind) {
		if !m.seen[kind][external] {
			m.remove(kind, external)
		}
	}
}

func (m *Mirror) keys(kind receivable.ItemKind) []string {
	var keys []string
	switch kind {
	case receivable.ItemAccount:
		for key := range m.Accounts {
			keys = append(keys, key)
		}
	case receivable.ItemDocument:
		for key := range m.Documents {
			keys = append(keys, key)
		}
	case receivable.ItemPayment:
		for key := range m.Payments {
			keys = append(keys, key)
		}
	case receivable.ItemAllocation:
		for key := range m.Allocations {
			keys = append(keys, key)
		}
	}
	return keys
}

func (m *Mirror) remove(kind receivable.ItemKind, external string) {
	switch kind {
	case receivable.ItemAccount:
		delete(m.Accounts, external)
	case receivable.ItemDocument:
		delete(m.Documents, external)
	case receivable.ItemPayment:
		delete(m.Payments, external)
	case receivable.ItemAllocation:
		delete(m.Allocations, external)
	}
}

// nameOf is the same for a page that is committed twice, and for no other one.
func nameOf(p connectors.Page) string { return p.AsOf.String() + string(p.Next) }

// linkKey names an allocation as the store does.
func linkKey(a receivable.Allocation) string {
	return a.Group + "\x00" + a.Item + "\x00" + string(a.Kind)
}

// Owed is what may be chased, in minor units, by invoice.
func (m *Mirror) Owed() map[string]int64 {
	owed := map[string]int64{}
	for external, d := range m.Documents {
		if d.Kind == receivable.Invoice && d.Outstanding.Sign() > 0 && d.Standing == receivable.StandingNormal {
			owed[external] = d.Outstanding.Minor
		}
	}
	return owed
}

// Sound tells what is wrong with a document that no document may be.
func Sound(d receivable.Document) error {
	switch {
	case d.External == "":
		return fmt.Errorf("document without a key")
	case d.Total.Currency == "" || d.Outstanding.Currency != d.Total.Currency:
		return fmt.Errorf("document %s: currencies %q and %q", d.External, d.Total.Currency, d.Outstanding.Currency)
	case d.Total.Sign() < 0 || d.Outstanding.Sign() < 0:
		return fmt.Errorf("document %s: negative amount", d.External)
	case d.Kind == receivable.Invoice && len(d.Dues) == 0:
		return fmt.Errorf("invoice %s has no due line", d.External)
	case d.Kind != receivable.Invoice:
		return nil
	}
	total, left := d.Dues[0].Total, d.Dues[0].Outstanding
	for _, due := range d.Dues[1:] {
		total, left = total.Add(due.Total), left.Add(due.Outstanding)
	}
	if total != d.Total || left != d.Outstanding {
		return fmt.Errorf("invoice %s: its due lines sum to %v and %v, it says %v and %v", d.External, total, left, d.Total, d.Outstanding)
	}
	return nil
}
