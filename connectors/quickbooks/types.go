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
	Name  string       `json:"name"`
}

type metaData struct {
	Updated time.Time `json:"LastUpdatedTime"`
}

type emailAddress struct {
	Address string `json:"Address"` // may hold several
}

type phoneNumber struct {
	Number string `json:"FreeFormNumber"`
}

type postal struct {
	Line1    string `json:"Line1"`
	Line2    string `json:"Line2"`
	Line3    string `json:"Line3"`
	Line4    string `json:"Line4"`
	Line5    string `json:"Line5"`
	City     string `json:"City"`
	Postcode string `json:"PostalCode"`
	Country  string `json:"Country"`
}

// entity is what all have in common.
type entity struct {
	ID        httpapi.Text `json:"Id"`
	SyncToken httpapi.Text `json:"SyncToken"`
	Meta      metaData     `json:"MetaData"`
	Status    string       `json:"status"` // "Deleted" in changes
}

func (e entity) key() string        { return string(e.ID) }
func (e entity) updated() time.Time { return e.Meta.Updated }
func (e entity) edit() string       { return string(e.SyncToken) }
func (e entity) deleted() bool      { return e.Status == "Deleted" }

type customer struct {
	entity
	DisplayName    string        `json:"DisplayName"`
	CompanyName    string        `json:"CompanyName"`
	GivenName      string        `json:"GivenName"`
	FamilyName     string        `json:"FamilyName"`
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
	Number    string        `json:"DocNumber"`
	TxnDate   string        `json:"TxnDate"`
	DueDate   string        `json:"DueDate"`
	Currency  *reference    `json:"CurrencyRef"`
	Customer  *reference    `json:"CustomerRef"`
	Total     httpapi.Text  `json:"TotalAmt"`
	Balance   httpapi.Text  `json:"Balance"`
	Remaining httpapi.Text  `json:"RemainingCredit"` // of a credit memo
	Note      string        `json:"PrivateNote"`
	BillEmail *emailAddress `json:"BillEmail"`
	Fields    []struct {
		Name  string `json:"Name"`
		Value string `json:"StringValue"`
	} `json:"CustomField"`
}

type payment struct {
	entity
	TxnDate   string       `json:"TxnDate"`
	Currency  *reference   `json:"CurrencyRef"`
	Customer  *reference   `json:"CustomerRef"`
	Total     httpapi.Text `json:"TotalAmt"`
	Unapplied httpapi.Text `json:"UnappliedAmt"`
	Number    string       `json:"PaymentRefNum"`
	Note      string       `json:"PrivateNote"`
	Lines     []struct {
		Amount httpapi.Text `json:"Amount"`
		Linked []struct {
			ID   httpapi.Text `json:"TxnId"`
			Type string       `json:"TxnType"`
		} `json:"LinkedTxn"`
	} `json:"Line"`
}

type companyInfo struct {
	Name      string `json:"CompanyName"`
	LegalName string `json:"LegalName"`
	Country   string `json:"Country"`
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
	Time        string       `json:"time"`
}

// DecodeJSON reads the envelope. A fault in it is a refusal, whatever the status.
func (a *answer) DecodeJSON(data []byte) error {
	if refusal, ok := faultIn(0, data); ok {
		return &refusal
	}
	return json.Unmarshal(data, a)
}

// at is the server's own time of the answer; zero where it tells none.
func (a *answer) at() time.Time {
	t, _ := time.Parse(time.RFC3339, a.Time)
	return t
}
