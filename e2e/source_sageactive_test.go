package e2e

import (
	"fmt"
	"testing"
	"time"

	"relanced/connectors/connectortest"
	"relanced/connectors/sageactive/sageactivetest"
	"relanced/internal/calendar"
)

type sageActive struct {
	*sageactivetest.Server
	secret, key string
}

func newSageActive(t *testing.T, skew time.Duration) simulator {
	server := sageactivetest.New(sageactivetest.Options{Now: func() time.Time { return time.Now().Add(skew) }})
	closing(t, server)
	return sageActive{server, secretFile(t, server.ClientSecret()), secretFile(t, server.Key())}
}

func (b sageActive) Connection() string {
	return fmt.Sprintf("type: sageactive, client_id: %s, client_secret: {file: %q}, subscription_key: {file: %q}, organization_id: %s, base_url: %q, token_url: %q, timeout: 1s",
		b.ClientID(), b.secret, b.key, b.Organization(), b.URL(), b.TokenURL())
}

func (b sageActive) RefreshToken() string {
	_, refresh := b.OAuth.Issue()
	return refresh
}

func (b sageActive) Customer(code, name, address string) string {
	return b.Books.AddCustomer(sageactivetest.Customer{Code: code, Name: name, Emails: map[string]string{"INVOICES": address}})
}

func (b sageActive) Invoice(customer, number string, cents int64, due calendar.Date) string {
	return b.Books.AddInvoice(sageactivetest.Invoice{
		Customer: customer, Number: number, Date: due.AddDays(-30).String(), Items: []sageactivetest.Item{{Amount: sageactivetest.Cents(cents), Due: due.String()}},
	})
}

func (b sageActive) Pay(invoice string) { b.Books.Pay(invoice, 0) }

func (b sageActive) Owed() map[string]int64 { return b.Books.Owed() }

func (b sageActive) Between(skip int, change func()) bool {
	b.Server.Fail(sageactivetest.Fault{Skip: skip, Times: 1, Before: change})
	return true
}

func (b sageActive) Fail(f connectortest.Fault, skip, times int) bool {
	fault := sageactivetest.Fault{Skip: skip, Times: times}
	switch f {
	case connectortest.Unauthorized:
		fault.Kind = sageactivetest.Unauthorized
	case connectortest.Forbidden:
		fault.Kind = sageactivetest.Forbidden
	case connectortest.Throttled:
		fault.Kind = sageactivetest.Throttled
	case connectortest.ServerError:
		fault.Kind = sageactivetest.Broken
	case connectortest.Truncated:
		fault.Kind = sageactivetest.Truncated
	case connectortest.Disconnected:
		fault.Kind = sageactivetest.CutShort
	case connectortest.WebPage:
		fault.Kind = sageactivetest.BadGateway
	case connectortest.Slow:
		fault.Delay = 3 * time.Second
	case connectortest.Repeated:
		fault.Kind = sageactivetest.Repeated
	default:
		return false
	}
	b.Server.Fail(fault)
	return true
}
