package sageactive

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors/connectortest"
	"relanced/connectors/httpapi"
)

// FuzzListing: whatever an answer holds, it is read in one go as it is row by row,
// and what is read of it is sound.
func FuzzListing(f *testing.F) {
	for _, seed := range []string{
		`{"data":{"salesInvoices":{"nodes":[{"id":"i1","operationalNumber":"F-1","type":"NORMAL","status":"Issued","customerId":"c1","documentDate":"2026-05-04T00:00:00","totalLiquid":120.5,"openItems":[{"id":"o1","amount":120.5,"paidAmountAccumulated":20.25,"dueDate":"2026-06-03"}]}],"pageInfo":{"endCursor":"MQ==","hasNextPage":false},"totalCount":1}}}`,
		`{"data":{"accountingEntries":{"nodes":[{"id":"e1","sourceType":"IMPORT_FILE","date":"2026-05-04","accountingEntryLines":[{"id":"l1","debitAmount":10,"subAccount":{"code":{"value":"411000"}},"accountingEntryThirdParty":{"thirdPartyId":"c1","origin":"CUSTOMER"},"accountingEntryInvoice":{"id":"x","amount":10,"openItems":[{"id":"o","amount":10,"paidAmountAccumulated":0}]}}]},7],"totalCount":2}}}`,
		`{"data":{"salesInvoices":null},"errors":[{"message":"no"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, doc := range decoded[invoice](t, invoices, body) {
			if doc.ID == "" || doc.isDraft() {
				continue
			}
			if got, err := doc.document("EUR"); err == nil {
				if err := connectortest.Sound(got); err != nil {
					t.Error(err)
				}
			}
		}
		for _, e := range decoded[entry](t, entries, body) {
			got, _ := e.documents("EUR")
			for _, doc := range got {
				if err := connectortest.Sound(doc); err != nil {
					t.Error(err)
				}
			}
		}
		for _, c := range decoded[customer](t, customers, body) {
			_, _ = account(c)
		}
	})
}

// decoded are the rows of a page that is decoded in one go, compared with those of
// the slower way.
func decoded[T keyed](t *testing.T, r root, body []byte) []T {
	t.Helper()
	fast := listing[T]{answer: answer{field: r.name}}
	if fast.DecodeJSON(body) != nil || fast.whole == nil {
		return nil
	}
	slow := answer{field: r.name}
	if err := slow.DecodeJSON(body); err != nil {
		t.Fatalf("read in one go, refused otherwise: %v", err)
	}
	var in nodes[json.RawMessage]
	if err := json.Unmarshal(slow.data[r.name], &in); err != nil {
		t.Fatal(err)
	}
	rows, err := httpapi.Rows[T](in.Nodes, func(raw json.RawMessage, err error) { t.Errorf("%s: %v", raw, err) })
	if diff := cmp.Diff(rows, fast.whole.Nodes, cmp.Exporter(func(reflect.Type) bool { return true })); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	return fast.whole.Nodes
}
