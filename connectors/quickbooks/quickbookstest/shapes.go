package quickbookstest

import (
	"strconv"
	"strings"
	"time"
)

type jsonNumber string

// MarshalJSON writes it as it is.
func (n jsonNumber) MarshalJSON() ([]byte, error) { return []byte(n), nil }

// object is one entity with its answer.
type object struct {
	id      int
	changes *changes
	look    func() map[string]any
	made    map[string]any
}

// fields is its answer.
func (o *object) fields() map[string]any {
	if o.made == nil {
		o.made = o.look()
	}
	return o.made
}

// zone is the company's: offsets change with daylight saving.
var zone = func() *time.Location {
	z, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		return time.FixedZone("", -8*3600)
	}
	return z
}()

func stamp(t time.Time) string { return t.In(zone).Format("2006-01-02T15:04:05-07:00") }

func (b *Books) common(id int, c *changes) map[string]any {
	return map[string]any{
		"Id": strconv.Itoa(id), "SyncToken": strconv.Itoa(c.token), "domain": "QBO", "sparse": false,
		"MetaData": map[string]any{"CreateTime": stamp(c.created), "LastUpdatedTime": stamp(c.updated)},
	}
}

// tomb is a deleted object as changes tell it.
func (o *object) tomb() map[string]any {
	return map[string]any{
		"domain": "QBO", "status": "Deleted", "Id": strconv.Itoa(o.id),
		"MetaData": map[string]any{"LastUpdatedTime": stamp(o.changes.updated)},
	}
}

func (b *Books) currency(m map[string]any, code string) {
	if !b.multi {
		return // the key exists in companies of several currencies only
	}
	if code == "" {
		code = b.home
	}
	m["CurrencyRef"] = map[string]any{"value": code}
	m["ExchangeRate"] = jsonNumber("0.8571")
}

func (b *Books) customer(c *Customer, balance Cents) map[string]any {
	m := b.common(c.ID, &c.changes)
	m["DisplayName"], m["FullyQualifiedName"], m["Active"], m["Job"], m["BillWithParent"] = c.Name, c.Name, !c.Inactive, c.Parent != 0, c.BillWithParent
	m["Balance"] = balance.number()
	if c.Company != "" {
		m["CompanyName"] = c.Company
	}
	if c.Email != "" {
		m["PrimaryEmailAddr"] = map[string]any{"Address": c.Email}
	}
	if c.Parent != 0 {
		m["ParentRef"] = map[string]any{"value": strconv.Itoa(c.Parent)}
	}
	if c.Country != "" {
		m["BillAddr"] = map[string]any{"Id": "1", "Line1": "1 Quay Street", "City": "Bristol", "Country": c.Country, "PostalCode": "BS1 1AA"}
	}
	b.currency(m, c.Currency)
	delete(m, "ExchangeRate")
	return m
}

// balances is what each customer owes, net of what is on account.
func (b *Books) balances() map[int]Cents {
	sums := map[int]Cents{}
	for _, doc := range b.documents {
		switch {
		case doc.deleted:
		case doc.Memo:
			sums[doc.Customer] -= doc.Balance
		default:
			sums[doc.Customer] += doc.Balance
		}
	}
	for _, p := range b.payments {
		if !p.deleted {
			sums[p.Customer] -= p.Unapplied
		}
	}
	return sums
}

func (b *Books) document(doc *Invoice) map[string]any {
	m := b.common(doc.ID, &doc.changes)
	m["TxnDate"], m["TotalAmt"], m["Balance"] = doc.Date, doc.Total.number(), doc.Balance.number()
	m["CustomerRef"] = map[string]any{"value": strconv.Itoa(doc.Customer)}
	m["LinkedTxn"], m["EmailStatus"], m["PrintStatus"] = []any{}, "NotSet", "NeedToPrint"
	m["Line"] = []any{map[string]any{"Id": "1", "LineNum": 1, "Amount": doc.Total.number(), "DetailType": "SalesItemLineDetail"}}
	if doc.Number != "" {
		m["DocNumber"] = doc.Number
	}
	if doc.Note != "" {
		m["PrivateNote"] = doc.Note
	}
	if doc.BillEmail != "" {
		m["BillEmail"] = map[string]any{"Address": doc.BillEmail}
	}
	if doc.PONumber != "" {
		m["CustomField"] = []any{map[string]any{"DefinitionId": "1", "Name": "PO Number", "Type": "StringType", "StringValue": doc.PONumber}}
	}
	if doc.Memo {
		m["RemainingCredit"] = doc.Balance.number()
	} else if doc.Due != "" {
		m["DueDate"] = doc.Due
	}
	b.currency(m, doc.Currency)
	return m
}

func (b *Books) payment(p *Payment) map[string]any {
	m := b.common(p.ID, &p.changes)
	m["TxnDate"], m["TotalAmt"], m["UnappliedAmt"], m["ProcessPayment"] = p.Date, p.Total.number(), p.Unapplied.number(), false
	m["CustomerRef"] = map[string]any{"value": strconv.Itoa(p.Customer)}
	if p.Note != "" {
		m["PrivateNote"] = p.Note
	}
	lines := []any{}
	for _, line := range p.Lines {
		lines = append(lines, map[string]any{
			"Amount": line.Amount.number(), "LinkedTxn": []any{map[string]any{"TxnId": strconv.Itoa(line.Txn), "TxnType": line.Type}},
			"LineEx": map[string]any{"any": []any{}},
		})
	}
	m["Line"] = lines
	b.currency(m, p.Currency)
	return m
}

// field returns what a condition compares.
func (o *object) field(name string) (any, bool) {
	switch strings.ToLower(name) {
	case "id":
		return o.id, true
	case "metadata.lastupdatedtime":
		return o.changes.updated, true
	case "metadata.createtime":
		return o.changes.created, true
	}
	for key, value := range o.fields() {
		if !strings.EqualFold(key, name) {
			continue
		}
		if ref, ok := value.(map[string]any); ok {
			return ref["value"], ref["value"] != nil
		}
		return value, true
	}
	return nil, false
}
