package pennylanetest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

type object = map[string]any

// decimal writes cents as the vendor does: as few decimals as it takes, at least one.
func decimal(c Cents) string {
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	text := fmt.Sprintf("%s%d.%02d", sign, c/100, c%100)
	return strings.TrimSuffix(text, "0")
}

func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// euros converts an amount of the invoice's currency.
func (in *Invoice) euros(c Cents) Cents { return c * 100 / in.Rate }

func (s *Server) invoice(in *Invoice) object {
	b := s.Books
	status := b.status(in)
	total, remaining := in.Total, b.remaining(in)
	if in.Credit {
		total, remaining = -in.Total, -in.Total
		if in.Credits != 0 && s.Switches.CreditRemainingZero {
			remaining = 0
		}
	}
	paid := status == "paid" || status == "incomplete" && s.Switches.IncompletePaid || status == "cancelled"
	left, leftNet := any(decimal(remaining)), any(decimal(remaining*5/6))
	if s.Switches.RemainingInEUR {
		left, leftNet = decimal(in.euros(remaining)), decimal(in.euros(remaining)*5/6)
	}
	if in.Draft {
		left, leftNet = nil, nil
	}
	base := s.URL() + "/customer_invoices/" + strconv.FormatInt(in.ID, 10)
	link := func(name string) object { return object{"url": base + "/" + name} }
	var file, filename any
	if !in.NoFile {
		file = s.Origin() + "/public/invoice/pdf?encrypted_id=" + strconv.FormatInt(in.ID, 36) + "-" + strconv.FormatInt(b.now().Unix(), 36)
		filename = "Facture-" + in.Number + ".pdf"
		if in.Filename != "" {
			filename = in.Filename
		}
	}
	number := in.Number
	if in.Draft {
		number = ""
	}
	word := "Facture"
	if in.Credit {
		word = "Avoir"
	}
	name := ""
	if c := b.customers[in.Customer]; c != nil {
		name = c.Name
	}
	var einvoicing any
	if in.EStatus != "" {
		einvoicing = object{"status": in.EStatus, "reason": nil, "flow": nil}
	}
	o := object{
		"id": in.ID, "label": fmt.Sprintf("%s %s - %s (label généré)", word, name, number), "invoice_number": number,
		"currency": in.Currency, "amount": decimal(in.euros(total)), "currency_amount": decimal(total),
		"currency_amount_before_tax": decimal(total * 5 / 6), "currency_tax": decimal(total - total*5/6), "tax": decimal(in.euros(total - total*5/6)),
		"exchange_rate": decimal(10000 / in.Rate), "date": orNull(in.Date), "deadline": orNull(in.Deadline), "language": "fr_FR",
		"paid": paid, "status": status, "draft": in.Draft, "discount": object{"type": "relative", "value": "0.0"},
		"ledger_entry": object{"id": in.ID}, "public_file_url": file, "filename": filename,
		"remaining_amount_with_tax": left, "remaining_amount_without_tax": leftNet, "special_mention": nil,
		"customer": s.ref("customers", in.Customer), "credited_invoice": s.ref("customer_invoices", in.Credits),
		"invoice_lines": link("invoice_lines"), "invoice_line_sections": link("invoice_line_sections"),
		"custom_header_fields": link("custom_header_fields"), "categories": link("categories"), "payments": link("payments"),
		"matched_transactions": link("matched_transactions"), "appendices": link("appendices"),
		"pdf_invoice_free_text": "", "pdf_invoice_subject": "", "pdf_description": nil, "billing_subscription": nil,
		"customer_invoice_template": nil, "transaction_reference": nil, "quote": nil,
		"external_reference": strings.ToUpper(strconv.FormatInt(in.ID, 36)), "e_invoicing": einvoicing, "factur_x": false,
		"schematron_validation_status": nil, "archived_at": instant(in.archivedAt),
		"created_at": instant(in.created), "updated_at": instant(in.updated),
	}
	for key, value := range in.Fields {
		o[key] = value
	}
	return o
}

func (s *Server) ref(resource string, id int64) any {
	if id == 0 {
		return nil
	}
	return object{"id": id, "url": fmt.Sprintf("%s/%s/%d", s.URL(), resource, id)}
}

func (s *Server) customer(c *Customer) object {
	address := object{"address": c.Street, "postal_code": c.Postcode, "city": c.City, "country_alpha2": c.Country}
	emails := c.Emails
	if emails == nil {
		emails = []string{}
	}
	o := object{
		"id": c.ID, "customer_type": c.Type, "name": c.Name, "billing_iban": nil, "payment_conditions": c.Terms,
		"recipient": c.Recipient, "phone": c.Phone, "reference": c.Reference, "notes": nil, "ledger_account": object{"id": c.ID + 1},
		"emails": emails, "billing_address": address,
		"delivery_address":     object{"address": "", "postal_code": "", "city": "", "country_alpha2": ""},
		"billing_language":     c.Language,
		"external_reference":   fmt.Sprintf("019f419b-0000-7969-ba95-%012d", c.ID%1_000_000_000_000),
		"mandates":             object{"url": s.URL() + "/gocardless_mandates"},
		"pro_account_mandates": object{"url": s.URL() + "/pro_account/mandates"},
		"contacts":             object{"url": fmt.Sprintf("%s/customers/%d/contacts", s.URL(), c.ID)},
		"created_at":           instant(c.created), "updated_at": instant(c.updated),
	}
	if c.Type == "company" {
		o["vat_number"], o["reg_no"] = c.VAT, c.SIREN
	} else {
		first, last, _ := strings.Cut(c.Name, " ")
		o["first_name"], o["last_name"] = first, last
	}
	return o
}

// transaction shows a bank line; narrow is the shape under an invoice.
func (s *Server) transaction(t *Transaction, narrow bool) object {
	var balance, currency any = decimal(-(t.Amount - t.used)), t.Currency
	if t.Amount == t.used {
		balance = "0.0"
	}
	if t.NoBalance {
		balance, currency = nil, nil
	}
	var archived any
	if t.Archived {
		archived = instant(t.updated)
	}
	o := object{
		"id": t.ID, "label": t.Label, "date": t.Date, "amount": decimal(t.Amount), "currency_amount": decimal(t.Amount),
		"currency": currency, "fee": nil, "currency_fee": nil, "outstanding_balance": balance, "attachment_required": true,
		"archived_at": archived, "journal": object{"id": 91387359111}, "bank_account": s.ref("bank_accounts", 14569345011),
		"customer": s.ref("customers", t.Customer), "categories": []any{}, "pro_account_expense": nil,
		"created_at": instant(t.created), "updated_at": instant(t.updated),
	}
	if !narrow {
		o["supplier"], o["interbank_code"] = nil, nil
		o["journal"] = s.ref("journals", 91387359111)
		o["matched_invoices"] = object{"url": fmt.Sprintf("%s/transactions/%d/matched_invoices", s.URL(), t.ID)}
	}
	return o
}

func change(e event) object {
	return object{"id": e.id, "operation": e.op, "created_at": instant(e.created), "updated_at": instant(e.updated), "processed_at": instant(e.process)}
}

// pdf is a small valid document of one empty page that names the invoice.
func pdf(title string) []byte {
	title = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`()\`, r) {
			return '-'
		}
		return r
	}, title)
	text := "BT /F1 18 Tf 72 760 Td (" + title + ") Tj ET"
	parts := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b strings.Builder
	b.WriteString("%PDF-1.4\n")
	offsets := make([]int, len(parts))
	for i, part := range parts {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, part)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(parts)+1)
	for _, at := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(parts)+1, start)
	return []byte(b.String())
}
