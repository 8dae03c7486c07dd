package sageactive

import (
	"time"

	"relanced/connectors/httpapi"
)

// The records of the interface, with the fields we read. What people typed may
// come as a number: it is Text.

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
	SocialName httpapi.Text `json:"socialName"`
	TradeName  httpapi.Text `json:"tradeName"`
	DocumentID httpapi.Text `json:"documentId"` // SIREN or SIRET
	VAT        httpapi.Text `json:"vatNumber"`
	Status     string       `json:"status"`
	Language   string       `json:"documentLanguage"`
	Addresses  []struct {
		Line1   httpapi.Text `json:"firstLine"`
		Line2   httpapi.Text `json:"secondLine"`
		City    httpapi.Text `json:"city"`
		Zip     httpapi.Text `json:"zipCode"`
		Country string       `json:"countryIsoCodeAlpha2"`
		Main    bool         `json:"isMainAddress"`
	} `json:"addresses"`
	Contacts []person `json:"contacts"`
}

type person struct {
	FirstName httpapi.Text `json:"name"`
	Surname   httpapi.Text `json:"surname"`
	Default   bool         `json:"isDefault"`
	Customer  bool         `json:"isDefaultCustomer"`
	Emails    []struct {
		Address string `json:"emailAddress"`
		Usage   string `json:"usage"`
		Default bool   `json:"isDefault"`
	} `json:"emails"`
	Phones []struct {
		Number  httpapi.Text `json:"number"`
		Default bool         `json:"isDefault"`
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
	Number    httpapi.Text `json:"operationalNumber"`
	Type      string       `json:"type"`
	Status    string       `json:"status"`
	Customer  string       `json:"customerId"`
	Name      httpapi.Text `json:"socialName"`
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
	SourceType string       `json:"sourceType"`
	Invoice    *record      `json:"salesInvoice"`
	Date       string       `json:"date"`
	Number     httpapi.Text `json:"documentNumber"`
	Lines      []line       `json:"accountingEntryLines"`
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
		ID     string       `json:"thirdPartyId"`
		Name   httpapi.Text `json:"socialName"`
		Origin string       `json:"origin"`
	} `json:"accountingEntryThirdParty"`
	Invoice *struct {
		ID     string       `json:"id"`
		Number httpapi.Text `json:"externalInvoiceNumber"`
		Date   string       `json:"documentDate"`
		Amount httpapi.Text `json:"amount"`
		Items  []openItem   `json:"openItems"`
	} `json:"accountingEntryInvoice"`
}

type organization struct {
	ID        string       `json:"id"`
	Name      httpapi.Text `json:"socialName"`
	Status    string       `json:"status"`
	Onboarded *bool        `json:"onboardingCompleted"`
	Currency  *struct {
		Code string `json:"code"`
	} `json:"currency"`
}

func (o organization) key() string { return o.ID }
