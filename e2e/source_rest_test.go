package e2e

import (
	"fmt"
	"testing"
	"time"

	"relanced/connectors/connectortest"
	"relanced/connectors/rest/resttest"
	"relanced/internal/calendar"
)

// restBooks is an interface that a manifest describes.
type restBooks struct {
	*resttest.Server
	ways     resttest.Options
	manifest string
	secret   string // the key, or the app's secret
}

// newREST makes sources that page and let in as one of the shipped manifests
// says its system does.
func newREST(ways resttest.Options) func(t *testing.T, skew time.Duration) simulator {
	return func(t *testing.T, skew time.Duration) simulator {
		o := ways
		o.Now = func() time.Time { return time.Now().Add(skew) }
		server := resttest.New(o)
		closing(t, server)
		secret := resttest.Key
		if o.Auth == resttest.Client || o.Auth == resttest.Code {
			secret = server.ClientSecret()
		}
		return restBooks{server, o, inFile(t, "quittance.yaml", server.Manifest(100)), secretFile(t, secret)}
	}
}

func (b restBooks) Connection() string {
	text := fmt.Sprintf("type: rest, manifest: %q, timeout: 1s", b.manifest)
	if b.ways.Auth == resttest.Client || b.ways.Auth == resttest.Code {
		return text + fmt.Sprintf(", client_id: %s, client_secret: {file: %q}", b.ClientID(), b.secret)
	}
	return text + fmt.Sprintf(", secrets: {key: {file: %q}}", b.secret)
}

// RefreshToken is "" where no person lets the program in.
func (b restBooks) RefreshToken() string {
	if b.ways.Auth != resttest.Code {
		return ""
	}
	_, refresh := b.OAuth.Issue()
	return refresh
}

func (b restBooks) Customer(code, name, address string) string {
	return b.Books.AddClient(resttest.Customer{Code: code, Name: name, Email: address})
}

func (b restBooks) Invoice(customer, number string, cents int64, due calendar.Date) string {
	return b.Books.AddInvoice(customer, number, cents, due.AddDays(-30).String(), due.String())
}

func (b restBooks) Pay(invoice string) { b.Books.Pay(invoice, 0) }

func (b restBooks) Between(skip int, change func()) bool {
	b.Server.Fail(resttest.Fault{Skip: skip, Times: 1, Before: change})
	return true
}

func (b restBooks) Fail(f connectortest.Fault, skip, times int) bool {
	fault := resttest.Fault{Skip: skip, Times: times}
	switch f {
	case connectortest.Unauthorized:
		fault.Kind = resttest.Unauthorized
	case connectortest.Forbidden:
		fault.Kind = resttest.Forbidden
	case connectortest.Throttled:
		fault.Kind = resttest.Throttled
	case connectortest.ServerError:
		fault.Kind = resttest.Broken
	case connectortest.Truncated:
		fault.Kind = resttest.Truncated
	case connectortest.Disconnected:
		fault.Kind = resttest.CutShort
	case connectortest.WebPage:
		fault.Kind = resttest.WebPage
	case connectortest.Slow:
		fault.Delay = 3 * time.Second
	case connectortest.Repeated:
		fault.Kind = resttest.Repeated
	default:
		return false
	}
	b.Server.Fail(fault)
	return true
}
