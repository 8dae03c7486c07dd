package store

import (
	"errors"
	"strings"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// InvoiceRef is an invoice in the mirror with the due lines it has.
type InvoiceRef struct {
	Document   dossier.DocumentID
	Customer   dossier.CustomerID
	Connection receivable.ConnectionID
	Code       string // of the customer
	Account    string // the source's id of the account
	Name       string // of the account
	Number     string
	Dues       []dossier.DueID
}

// InvoicesNumbered returns the company's invoices with these numbers; case,
// spaces and punctuation are ignored.
func (tx *Tx) InvoicesNumbered(company receivable.CompanyID, numbers []string) ([]InvoiceRef, error) {
	folded := make([]string, 0, len(numbers))
	for _, n := range numbers {
		if f := fold(clean(n)); f != "" {
			folded = append(folded, f)
		}
	}
	if len(folded) == 0 {
		return nil, nil
	}
	var refs []InvoiceRef
	err := tx.each(func(scan scanner) error {
		var r InvoiceRef
		var due dossier.DueID
		if err := scan(&r.Document, &r.Customer, &r.Connection, &r.Code, &r.Account, &r.Name, &r.Number, &due); err != nil {
			return err
		}
		if n := len(refs); n == 0 || refs[n-1].Document != r.Document {
			refs = append(refs, r)
		}
		last := &refs[len(refs)-1]
		last.Dues = append(last.Dues, due)
		return nil
	}, `SELECT d.id, d.customer, c.name, k.code, a.external, a.name, d.number, l.id
FROM document d JOIN due l ON l.document = d.id JOIN customer k ON k.id = d.customer JOIN account a ON a.id = d.account JOIN connection c ON c.id = d.connection
WHERE c.company = $1 AND d.kind = 'invoice' AND `+tx.in("d.folded", 2)+" ORDER BY d.id, l.rank", company, texts(folded))
	return refs, err
}

// FoldNumber is a document's number as InvoicesNumbered compares it.
func FoldNumber(number string) string { return fold(clean(number)) }

// Registered is an account with its numbers in public registers.
type Registered struct {
	Connection receivable.ConnectionID
	Customer   dossier.CustomerID
	Root       dossier.CustomerID // who pays, where accounts are joined
	Code       string             // of the customer
	Name       string
	SIREN      string
	SIRET      string
	VAT        string
}

// EachRegistered calls do for each account of the company that has a number in
// a public register. do must not use tx.
func (tx *Tx) EachRegistered(company receivable.CompanyID, do func(Registered)) error {
	return tx.each(func(scan scanner) error {
		var r Registered
		var a receivable.Account
		if err := scan(&r.Connection, &r.Customer, &r.Root, &r.Code, &r.Name, doc(&a)); err != nil {
			return err
		}
		r.SIREN, r.SIRET, r.VAT = strings.TrimSpace(a.SIREN), strings.TrimSpace(a.SIRET), strings.TrimSpace(a.VAT)
		if r.SIREN+r.SIRET+r.VAT != "" {
			do(r)
		}
		return nil
	}, `SELECT c.name, k.id, k.root, k.code, a.name, a.content FROM account a JOIN connection c ON c.id = a.connection JOIN customer k ON k.id = a.customer
WHERE c.company = $1 AND a.gone_at = 0 ORDER BY k.id`, company)
}

// EndTask closes the open task that was added with this key; it is no error
// where there is none.
func (tx *Tx) EndTask(company receivable.CompanyID, key, by, outcome string) error {
	var id int64
	err := tx.one([]any{&id}, "SELECT id FROM task WHERE company = $1 AND key = $2 AND done_at = 0", company, key)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.DoneTask(id, by, outcome)
}
