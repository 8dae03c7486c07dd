package e2e

import (
	"fmt"
	"testing"
	"time"

	"relanced/connectors/connectortest"
	"relanced/connectors/sage/sagetest"
	"relanced/internal/calendar"
)

type sageBooks struct {
	*sagetest.Server
	secret string
}

func newSage(t *testing.T, skew time.Duration) simulator {
	server := sagetest.New(sagetest.Options{Home: "EUR", Now: func() time.Time { return time.Now().Add(skew) }})
	closing(t, server)
	return sageBooks{server, secretFile(t, server.ClientSecret())}
}

func (b sageBooks) Connection() string {
	return fmt.Sprintf("type: sage, client_id: %s, client_secret: {file: %q}, business_id: %s, base_url: %q, token_url: %q, timeout: 1s",
		b.ClientID(), b.secret, b.Business(), b.URL(), b.TokenURL())
}

func (b sageBooks) RefreshToken() string {
	_, refresh := b.OAuth.Issue()
	return refresh
}

func (b sageBooks) Customer(code, name, address string) string {
	return b.Books.AddContact(sagetest.Contact{Reference: code, Name: name, PersonEmail: address, Country: "FR"})
}

func (b sageBooks) Invoice(customer, number string, cents int64, due calendar.Date) string {
	return b.Books.AddDocument(sagetest.Invoices, sagetest.Document{
		Contact: customer, Number: number, Date: due.AddDays(-30).String(), Due: due.String(), Total: sagetest.Cents(cents),
	})
}

func (b sageBooks) Pay(invoice string) { b.Books.Pay(invoice, 0, day(0).String()) }

func (b sageBooks) Owed() map[string]int64 { return b.Books.Owed() }

func (b sageBooks) Between(skip int, change func()) bool {
	b.Server.Fail(sagetest.Fault{Skip: skip, Times: 1, Before: change})
	return true
}

func (b sageBooks) Fail(f connectortest.Fault, skip, times int) bool {
	fault := sagetest.Fault{Skip: skip, Times: times}
	switch f {
	case connectortest.Unauthorized:
		fault.Kind = sagetest.Unauthorized
	case connectortest.Forbidden:
		fault.Kind = sagetest.Forbidden
	case connectortest.Throttled:
		fault.Kind = sagetest.Throttled
	case connectortest.ServerError:
		fault.Kind = sagetest.Broken
	case connectortest.Truncated:
		fault.Kind = sagetest.Truncated
	case connectortest.Disconnected:
		fault.Kind = sagetest.CutShort
	case connectortest.WebPage:
		fault.Kind = sagetest.BadGateway
	case connectortest.Slow:
		fault.Delay = 3 * time.Second
	case connectortest.Repeated:
		fault.Kind = sagetest.Repeated
	default:
		return false
	}
	b.Server.Fail(fault)
	return true
}
