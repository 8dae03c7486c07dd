package sagetest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// row is an object as lists see it.
type row struct {
	*record
	look func() map[string]any
}

func ref(list, id, name string) map[string]any {
	return map[string]any{"id": id, "displayed_as": name, "$path": "/" + list + "/" + id}
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

func (r *record) fields(name string) map[string]any {
	m := ref(r.list, r.ID, name)
	m["created_at"], m["updated_at"], m["deleted_at"] = stamp(r.created), stamp(r.updated), stamp(r.deleted)
	return m
}

// amount is written as text or as a number, as the service is set up.
func (s *Server) amount(c Cents) any {
	if s.o.Numbers {
		return json.Number(c.String())
	}
	return c.String()
}

// rows returns the objects of a list, deleted ones among them, oldest first.
func (s *Server) rows(list string) []row {
	var out []row
	b := s.Books
	switch list {
	case Contacts:
		for _, c := range b.contacts {
			out = append(out, row{&c.record, func() map[string]any { return s.contact(c) }})
		}
	case Payments, Allocations:
		for _, p := range b.settlings {
			if p.list == list {
				out = append(out, row{&p.record, func() map[string]any { return s.settling(p) }})
			}
		}
	default:
		for _, d := range b.documents {
			if d.list == list {
				out = append(out, row{&d.record, func() map[string]any { return s.document(d) }})
			}
		}
	}
	slices.SortFunc(out, func(x, y row) int { return x.born - y.born })
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range out {
		if with := s.altered[r.ID]; with != nil {
			out[i].look = func() map[string]any {
				m := r.look()
				maps.Copy(m, with)
				return m
			}
		}
	}
	return out
}

func (s *Server) contact(c *Contact) map[string]any {
	m := c.fields(c.Name)
	types := []any{ref("contact_types", "CUSTOMER", "Customer")}
	if c.Vendor {
		types = append(types, ref("contact_types", "VENDOR", "Vendor"))
	}
	m["contact_types"], m["name"], m["reference"], m["tax_number"], m["locale"] = types, c.Name, c.Reference, c.TaxNumber, c.Locale
	m["currency"] = s.currency(c.Currency)
	m["email"], m["system"], m["gdpr_obfuscated"], m["credit_days"] = c.Email, c.System, c.Obfuscated, number(c.CreditDays)
	m["main_address"] = map[string]any{"id": "a" + c.ID, "address_line_1": "4 Quay Street", "address_line_2": "", "city": "Bristol", "postal_code": "BS1 1AA", "country": ref("countries", c.Country, c.Country)}
	m["main_contact_person"] = nil
	if c.PersonEmail != "" {
		m["main_contact_person"] = map[string]any{"id": "p" + c.ID, "name": "Nia Bowen", "job_title": "Bookkeeper", "telephone": "0117 000 0000", "mobile": "", "email": c.PersonEmail}
	}
	return m
}

// number is written as one; "" is null.
func number(text string) any {
	if text == "" {
		return nil
	}
	return json.Number(text)
}

func (s *Server) currency(code string) any {
	if code == "" {
		code = s.o.Home
	}
	return ref("currencies", code, code)
}

func (s *Server) document(d *Document) map[string]any {
	name := d.Number
	m := d.fields(name)
	m["contact"] = ref(Contacts, d.Contact, "displayed")
	if c := s.Books.contacts[d.Contact]; c != nil {
		m["contact"] = ref(Contacts, c.ID, c.Name)
	}
	m["date"], m["total_amount"], m["currency"], m["reference"] = d.Date, s.amount(d.Total), s.currency(d.Currency), "PO "+d.Number
	if s.o.Bare && (d.list == Openings || d.list == QuickEntries) {
		delete(m, "currency")
	}
	if d.list == Openings {
		m["contact_opening_balance_type"] = ref("contact_opening_balance_types", "CUSTOMER_INVOICE", "")
		if d.Credit {
			m["contact_opening_balance_type"] = ref("contact_opening_balance_types", "CUSTOMER_CREDIT_NOTE", "")
		}
		return m
	}
	open := d.open()
	if d.Status == "VOID" && s.Books.voidKeeps {
		open = d.Total
	}
	status := d.Status
	told := s.amount(open)
	if d.Status == "VOID" && s.o.VoidNull {
		told = nil
	}
	switch {
	case status != "":
	case open == 0:
		status = "PAID"
	case d.settled > 0:
		status = "PART_PAID"
	default:
		status = "UNPAID"
	}
	m["outstanding_amount"], m["total_paid"] = told, s.amount(d.settled)
	m["status"] = ref("artefact_statuses", status, status)
	switch d.list {
	case QuickEntries:
		m["quick_entry_type"] = ref("quick_entry_types", "INVOICE", "")
		if d.Credit {
			m["quick_entry_type"] = ref("quick_entry_types", "CREDIT_NOTE", "")
		}
		return m
	case Invoices:
		m["due_date"], m["invoice_number_prefix"], m["invoice_number"] = d.Due, "", d.Number
	case CreditNotes:
		m["credit_note_number_prefix"], m["credit_note_number"] = "", d.Number
	}
	m["sent"], m["contact_name"] = d.Sent, m["contact"].(map[string]any)["displayed_as"]
	return m
}

// settlements are what a document shows of what settles it, where it is asked.
func (s *Server) settlements(id string) []any {
	list := []any{}
	for _, r := range append(s.rows(Payments), s.rows(Allocations)...) {
		p := s.Books.settlings[r.ID]
		for _, part := range p.Parts {
			if !p.deleted.IsZero() || part.ID != id {
				continue
			}
			m := map[string]any{"date": p.Date, "amount": s.amount(part.Amount), "discount": s.amount(part.Discount), "contact_payment": nil, "contact_allocation": nil}
			m[map[string]string{Payments: "contact_payment", Allocations: "contact_allocation"}[p.list]] = ref(p.list, p.ID, "")
			list = append(list, m)
		}
	}
	return list
}

func (s *Server) settling(p *Settling) map[string]any {
	m := p.fields("Customer Receipt")
	m["transaction_type"] = ref("transaction_types", p.Type, p.Type)
	m["contact"], m["date"] = ref(Contacts, p.Contact, ""), p.Date
	parts := []any{}
	for _, part := range p.Parts {
		list := part.List
		if list == OnAccount && s.o.AccountPath != "" {
			list = s.o.AccountPath
		}
		one := map[string]any{"id": "a" + part.ID, "artefact": ref(list, part.ID, ""), "amount": s.amount(part.Amount)}
		if p.list == Payments {
			one["discount"] = s.amount(part.Discount)
		}
		parts = append(parts, one)
	}
	m["allocated_artefacts"] = parts
	if p.list == Allocations {
		return m
	}
	m["total_amount"], m["currency"], m["reference"], m["payment_on_account"] = s.amount(p.Total), s.currency(p.Currency), "BACS", nil
	if on := p.left() + p.used; on > 0 && !strings.Contains(p.Type, "REFUND") {
		account := ref(OnAccount, "poa"+p.ID, "")
		account["total_amount"], account["outstanding_amount"] = s.amount(on), s.amount(p.left())
		m["payment_on_account"] = account
	}
	return m
}
