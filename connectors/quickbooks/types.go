package quickbooks

import (
	"encoding/json"
	"time"

	"relanced/connectors/httpapi"
)

// The entities of the interface, with the fields we read. An absent value is a
// missing key.

type reference struct {
	Value httpapi.Text `json:"value"`
	Name  httpapi.Text `json:"name"`
}

type metaData struct {
	Updated httpapi.Text `json:"LastUpdatedTime"`
}

type emailAddress struct {
	Address httpapi.Text `json:"Address"` // may hold several
}

type phoneNumber struct {
	Number httpapi.Text `json:"FreeFormNumber"`
}

type postal struct {
	Line1    httpapi.Text `json:"Line1"`
	Line2    httpapi.Text `json:"Line2"`
	Line3    httpapi.Text `json:"Line3"`
	Line4    httpapi.Text `json:"Line4"`
	Line5    httpapi.Text `json:"Line5"`
	City     httpapi.Text `json:"City"`
	Postcode httpapi.Text `json:"PostalCode"`
	Country  httpapi.Text `json:"Country"`
}

// entity is what all have in common.
type entity struct {
	ID        httpapi.Text `json:"Id"`
	SyncToken httpapi.Text `json:"SyncToken"`
	Meta      metaData     `json:"MetaData"`
	Status    httpapi.Text `json:"status"` // "Deleted" in changes
}

func (e entity) key() string        { return string(e.ID) }
func (e entity) updated() time.Time { return instant(e.Meta.Updated) }
func (e entity) edit() string       { return string(e.SyncToken) }
func (e entity) deleted() bool      { return e.Status == "Deleted" }

type customer struct {
	entity
	DisplayName    httpapi.Text  `json:"DisplayName"`
	CompanyName    httpapi.Text  `json:"CompanyName"`
	GivenName      httpapi.Text  `json:"GivenName"`
	FamilyName     httpapi.Text  `json:"FamilyName"`
	Job            bool          `json:"Job"`
	BillWithParent bool          `json:"BillWithParent"`
	Parent         *reference    `json:"ParentRef"`
	Currency       *reference    `json:"CurrencyRef"`
	Email          *emailAddress `json:"PrimaryEmailAddr"`
	Phone          *phoneNumber  `json:"PrimaryPhone"`
	Mobile         *phoneNumber  `json:"Mobile"`
	Address        *postal       `json:"BillAddr"`
}

// document is an invoice or a credit memo.
type document struct {
	entity
	Number    httpapi.Text  `json:"DocNumber"`
	TxnDate   httpapi.Text  `json:"TxnDate"`
	DueDate   httpapi.Text  `json:"DueDate"`
	Currency  *reference    `json:"CurrencyRef"`
	Customer  *reference    `json:"CustomerRef"`
	Terms     *reference    `json:"SalesTermRef"`
	Total     httpapi.Text  `json:"TotalAmt"`
	Balance   httpapi.Text  `json:"Balance"`
	Remaining httpapi.Text  `json:"RemainingCredit"` // of a credit memo
	Note      httpapi.Text  `json:"PrivateNote"`
	BillEmail *emailAddress `json:"BillEmail"`
	Fields    []struct {
		Name  httpapi.Text `json:"Name"`
		Value httpapi.Text `json:"StringValue"`
	} `json:"CustomField"`
}

type payment struct {
	entity
	TxnDate   httpapi.Text `json:"TxnDate"`
	Currency  *reference   `json:"CurrencyRef"`
	Customer  *reference   `json:"CustomerRef"`
	Total     httpapi.Text `json:"TotalAmt"`
	Unapplied httpapi.Text `json:"UnappliedAmt"`
	Number    httpapi.Text `json:"PaymentRefNum"`
	Note      httpapi.Text `json:"PrivateNote"`
	Lines     []struct {
		Amount httpapi.Text `json:"Amount"`
		Linked []struct {
			ID   httpapi.Text `json:"TxnId"`
			Type httpapi.Text `json:"TxnType"`
		} `json:"LinkedTxn"`
	} `json:"Line"`
}

type companyInfo struct {
	Name      httpapi.Text `json:"CompanyName"`
	LegalName httpapi.Text `json:"LegalName"`
	Country   httpapi.Text `json:"Country"`
}

type preferences struct {
	Currency struct {
		Home *reference `json:"HomeCurrency"`
	} `json:"CurrencyPrefs"`
}

// answer is the envelope of every answer.
type answer struct {
	Query   map[string]json.RawMessage `json:"QueryResponse"`
	Changes []struct {
		Query []map[string]json.RawMessage `json:"QueryResponse"`
	} `json:"CDCResponse"`
	Company     *companyInfo `json:"CompanyInfo"`
	Preferences *preferences `json:"Preferences"`
	Invoice     *document    `json:"Invoice"`
	CreditMemo  *document    `json:"CreditMemo"`
	Payment     *payment     `json:"Payment"`
	Time        httpapi.Text `json:"time"`
}

// DecodeJSON reads the envelope. A fault in it is a refusal, whatever the status.
func (a *answer) DecodeJSON(data []byte) error {
	if refusal, ok := faultIn(0, data); ok {
		return &refusal
	}
	return json.Unmarshal(data, a)
}

// at is the server's own time of the answer; zero where it tells none.
func (a *answer) at() time.Time { return instant(a.Time) }

// instant reads a time of the interface; zero where there is none, or none that
// can be read: a row does not stand or fall with it.
func instant(text httpapi.Text) time.Time {
	t, _ := time.Parse(time.RFC3339, string(text))
	return t
}
