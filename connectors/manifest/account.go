package manifest

import (
	"strings"

	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/receivable"
)

// Account maps a row to a customer's account.
type Account struct {
	ID       Expr `yaml:"id"             doc:"the source's own key"`
	Code     Expr `yaml:"code"           doc:"what people call the customer by"`
	Name     Expr `yaml:"name"           doc:"the customer's name"`
	Kind     Expr `yaml:"kind"           doc:"business, public, consumer, sole_trader or unknown"`
	Emails   Expr `yaml:"emails"         doc:"a text or a list; the first is written to"`
	Contacts Expr `yaml:"contacts"       doc:"a list of {name, email, phone, role}"`
	Phone    Expr `yaml:"phone"          doc:"telephone number"`
	Language Expr `yaml:"language"       doc:"fr, fr-FR, fr_FR"`
	Country  Expr `yaml:"country"        doc:"two letters"`
	Street   Expr `yaml:"street"         doc:"the lines of the address above postcode and city"`
	Postcode Expr `yaml:"postcode"       doc:"postal code"`
	City     Expr `yaml:"city"           doc:"town"`
	SIREN    Expr `yaml:"siren"          doc:"nine digits; taken from siret where it is not told"`
	SIRET    Expr `yaml:"siret"          doc:"fourteen digits"`
	VAT      Expr `yaml:"vat"            doc:"VAT number"`
	Terms    Expr `yaml:"terms"          doc:"as in the configuration: 30d, 45d_eom"`
	Method   Expr `yaml:"payment_method" doc:"transfer, direct_debit, bill, cheque or card"`
	Tags     Expr `yaml:"tags"           doc:"a text or a list"`
	Owner    Expr `yaml:"owner"          doc:"who handles the customer"`
	Supplier Expr `yaml:"supplier"       doc:"it is also a supplier with an open balance"`
	Skip     Expr `yaml:"skip"           doc:"the row is no customer"`
}

// Check reports what is missing.
func (m *Account) Check(p *conf.Problems) {
	required(p, map[string]Expr{"id": m.ID, "name": m.Name}, "a customer")
}

// Reads lists the expressions that were written.
func (m *Account) Reads() []Expr {
	return written(m.ID, m.Code, m.Name, m.Kind, m.Emails, m.Contacts, m.Phone, m.Language, m.Country, m.Street, m.Postcode, m.City,
		m.SIREN, m.SIRET, m.VAT, m.Terms, m.Method, m.Tags, m.Owner, m.Supplier, m.Skip)
}

// Read makes the account of a row. The notes tell what of it was left out. The
// error is an *Error, or ErrSkip.
func (m *Account) Read(row Row) (a receivable.Account, notes []string, err error) {
	r := &reading{row: row}
	if r.flag("skip", &m.Skip) {
		return a, nil, ErrSkip
	}
	a = receivable.Account{
		External: r.key("id", &m.ID),
		Code:     r.text("code", &m.Code),
		Name:     r.text("name", &m.Name),
		Kind:     receivable.Kind(r.optional("kind", &m.Kind, kind)),
		Emails:   r.list("emails", &m.Emails),
		Phone:    r.text("phone", &m.Phone),
		Language: r.optional("language", &m.Language, language),
		Country:  r.optional("country", &m.Country, country),
		Address:  receivable.Address{Lines: r.list("street", &m.Street), Postcode: r.text("postcode", &m.Postcode), City: r.text("city", &m.City)},
		SIREN:    r.optional("siren", &m.SIREN, siren),
		SIRET:    r.optional("siret", &m.SIRET, siret),
		VAT:      strings.ReplaceAll(r.text("vat", &m.VAT), " ", ""),
		Terms:    r.optional("terms", &m.Terms, terms),
		Method:   receivable.PaymentMethod(r.optional("payment_method", &m.Method, method)),
		Tags:     r.list("tags", &m.Tags),
		Owner:    r.text("owner", &m.Owner),
		Supplier: r.flag("supplier", &m.Supplier),
	}
	for _, c := range get(r, "contacts", &m.Contacts, asRows) {
		a.Contacts = append(a.Contacts, receivable.Contact{
			Name: r.member(&m.Contacts, c, "name"), Email: r.member(&m.Contacts, c, "email"),
			Phone: r.member(&m.Contacts, c, "phone"), Role: r.member(&m.Contacts, c, "role"),
		})
	}
	if a.Name == "" {
		a.Name = a.Code
	}
	if a.SIREN == "" && a.SIRET != "" {
		a.SIREN = a.SIRET[:9]
	}
	return a, r.notes, r.err
}

// member is a text of an object that a list of the row holds.
func (r *reading) member(e *Expr, object Row, name string) string {
	text, err := asText(object[name])
	if err != nil && r.err == nil {
		r.err = e.wrong("contacts", r.row, err)
	}
	return text
}

func language(text string) (string, bool) {
	code, _, _ := strings.Cut(strings.ReplaceAll(text, "_", "-"), "-")
	return strings.ToLower(code), len(code) == 2 && letters(code)
}

func country(text string) (string, bool) {
	return strings.ToUpper(text), len(text) == 2 && letters(text)
}

func kind(text string) (string, bool) {
	switch receivable.Kind(text) {
	case receivable.KindBusiness, receivable.KindPublic, receivable.KindConsumer, receivable.KindSoleTrader, receivable.KindUnknown:
		return text, true
	}
	return "", false
}

func letters(text string) bool {
	return strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz") == ""
}

func siren(text string) (string, bool) { return number9or14(text, 9) }

func siret(text string) (string, bool) { return number9or14(text, 14) }

func number9or14(text string, length int) (string, bool) {
	text = strings.ReplaceAll(text, " ", "")
	return text, len(text) == length && strings.Trim(text, "0123456789") == ""
}

func terms(text string) (string, bool) {
	_, err := calendar.ParseTerms(text)
	return text, err == nil
}

func method(text string) (string, bool) {
	switch receivable.PaymentMethod(text) {
	case receivable.MethodTransfer, receivable.MethodDirectDebit, receivable.MethodBill, receivable.MethodCheque, receivable.MethodCard:
		return text, true
	}
	return "", false
}

func written(all ...Expr) []Expr {
	var some []Expr
	for _, e := range all {
		if !e.IsZero() {
			some = append(some, e)
		}
	}
	return some
}
