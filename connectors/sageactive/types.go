package sageactive

import (
	"time"

	"relanced/connectors/httpapi"
)

// The records of the interface, with the fields we read.

type record struct {
	ID       string `json:"id"`
	Created  string `json:"creationDate"`
	Modified string `json:"modificationDate"` // null until the first change
}

func (r record) key() string { return r.ID }

// updated is the time of the last change or of its making; zero where none is told.
func (r record) updated() time.Time {
	for _, text := range []string{r.Modified, r.Created} {
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			return t
		}
	}
	return time.Time{}
}

type keyed interface{ key() string }

type customer struct {
	record
	Code       httpapi.Text `json:"code"`
	SocialName string       `json:"socialName"`
	TradeName  string       `json:"tradeName"`
	DocumentID httpapi.Text `json:"documentId"` // SIREN or SIRET
	VAT        string       `json:"vatNumber"`
	Status     string       `json:"status"`
	Language   string       `json:"documentLanguage"`
	Addresses  []struct {
		Line1   string       `json:"firstLine"`
		Line2   string       `json:"secondLine"`
		City    string       `json:"city"`
		Zip     httpapi.Text `json:"zipCode"`
		Country string       `json:"countryIsoCodeAlpha2"`
		Main    bool         `json:"isMainAddress"`
	} `json:"addresses"`
	Contacts []person `json:"contacts"`
}

type person struct {
	FirstName string `json:"name"`
	Surname   string `json:"surname"`
	Default   bool   `json:"isDefault"`
	Customer  bool   `json:"isDefaultCustomer"`
	Emails    []struct {
		Address string `json:"emailAddress"`
		Usage   string `json:"usage"`
		Default bool   `json:"isDefault"`
	} `json:"emails"`
	Phones []struct {
		Number  string `json:"number"`
		Default bool   `json:"isDefault"`
	} `json:"phones"`
}

// openItem is an instalment.
type openItem struct {
	ID     string       `json:"id"`
	Amount httpapi.Text `json:"amount"`
	Paid   httpapi.Text `json:"paidAmountAccumulated"`
	Due    string       `json:"dueDate"`
}

// invoice is an invoice or a credit note.
type invoice struct {
	record
	Number    string       `json:"operationalNumber"`
	Type      string       `json:"type"`
	Status    string       `json:"status"`
	Customer  string       `json:"customerId"`
	Name      string       `json:"socialName"`
	Date      string       `json:"documentDate"`
	FirstDue  string       `json:"firstDueDate"`
	Total     httpapi.Text `json:"totalLiquid"`
	Reference httpapi.Text `json:"externalReference"`
	Source    string       `json:"sourceSalesInvoiceId"`
	Items     []openItem   `json:"openItems"`
}

// moved is an instalment that changed, with the invoice it is of.
type moved struct {
	record
	Invoice *record `json:"salesInvoice"`
}

// entry is an entry of the ledger.
type entry struct {
	record
	SourceType string  `json:"sourceType"`
	Invoice    *record `json:"salesInvoice"`
	Date       string  `json:"date"`
	Number     string  `json:"documentNumber"`
	Lines      []line  `json:"accountingEntryLines"`
}

type line struct {
	ID         string       `json:"id"`
	Debit      httpapi.Text `json:"debitAmount"`
	Credit     httpapi.Text `json:"creditAmount"`
	SubAccount *struct {
		Code struct {
			Value string `json:"value"`
		} `json:"code"`
	} `json:"subAccount"`
	ThirdParty *struct {
		ID     string `json:"thirdPartyId"`
		Name   string `json:"socialName"`
		Origin string `json:"origin"`
	} `json:"accountingEntryThirdParty"`
	Invoice *struct {
		ID     string       `json:"id"`
		Number string       `json:"externalInvoiceNumber"`
		Date   string       `json:"documentDate"`
		Amount httpapi.Text `json:"amount"`
		Items  []openItem   `json:"openItems"`
	} `json:"accountingEntryInvoice"`
}

type organization struct {
	ID        string `json:"id"`
	Name      string `json:"socialName"`
	Status    string `json:"status"`
	Onboarded bool   `json:"onboardingCompleted"`
	Currency  *struct {
		Code string `json:"code"`
	} `json:"currency"`
}

func (o organization) key() string { return o.ID }
