package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"relanced/connectors/bookstest"
	"relanced/connectors/connectortest"
	"relanced/connectors/quickbooks/quickbookstest"
	"relanced/internal/calendar"
)

type quickBooks struct{ *quickbookstest.Server }

func newQuickBooks(t *testing.T, skew time.Duration) simulator {
	server := quickbookstest.New(quickbookstest.Options{Home: "EUR", Multi: true, RotateSoon: true, Now: func() time.Time { return time.Now().Add(skew) }})
	closing(t, server)
	return quickBooks{server}
}

func (b quickBooks) Connection() string {
	return fmt.Sprintf("type: quickbooks, client_id: %s, client_secret: {env: QUICKBOOKS_SECRET}, realm_id: %q, base_url: %q, token_url: %q, timeout: 1s",
		b.ClientID(), b.Realm(), b.URL(), b.TokenURL())
}

func (b quickBooks) RefreshToken() string {
	_, refresh := b.OAuth.Issue()
	return refresh
}

func (b quickBooks) Customer(code, name, address string) string {
	return strconv.Itoa(b.Books.AddCustomer(quickbookstest.Customer{Name: code, Company: name, Email: address}))
}

func (b quickBooks) Invoice(customer, number string, cents int64, due calendar.Date) string {
	return strconv.Itoa(b.Books.AddInvoice(quickbookstest.Invoice{
		Customer: int(number64(customer)), Number: number, Date: due.AddDays(-30).String(), Due: due.String(), Total: quickbookstest.Cents(cents),
	}))
}

func (b quickBooks) Pay(invoice string) { b.Books.Pay(int(number64(invoice)), 0, day(0).String()) }

func (b quickBooks) Ledger() bookstest.Ledger { return b.Books.Ledger() }

func (b quickBooks) Owed() map[string]int64 { return b.Books.Owed() }

func (b quickBooks) Between(skip int, change func()) bool {
	b.Server.Fail(quickbookstest.Fault{Skip: skip, Times: 1, Before: change})
	return true
}

func (b quickBooks) Fail(f connectortest.Fault, skip, times int) bool {
	fault := quickbookstest.Fault{Skip: skip, Times: times}
	switch f {
	case connectortest.Unauthorized:
		fault.Kind = quickbookstest.Unauthorized
	case connectortest.Forbidden:
		fault.Kind = quickbookstest.Forbidden
	case connectortest.Throttled:
		fault.Kind = quickbookstest.Throttled
	case throttledAtLength:
		fault.Kind = quickbookstest.ThrottledXML
	case connectortest.ServerError:
		fault.Kind = quickbookstest.Broken
	case connectortest.Truncated:
		fault.Kind = quickbookstest.Truncated
	case connectortest.Disconnected:
		fault.Kind = quickbookstest.CutShort
	case connectortest.WebPage:
		fault.Kind = quickbookstest.BadGateway
	case connectortest.Slow:
		fault.Delay = 3 * time.Second
	case connectortest.Repeated:
		fault.Kind = quickbookstest.Repeated
	}
	b.Server.Fail(fault)
	return true
}
