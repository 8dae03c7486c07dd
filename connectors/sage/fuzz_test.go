package sage

import (
	"encoding/json"
	"testing"

	"relanced/connectors/connectortest"
	"relanced/connectors/httpapi"
)

// FuzzPage: whatever a page holds, what is read of it is sound.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		`{"$total":1,"$page":1,"$items":[{"id":"a1","displayed_as":"SI-1","date":"2026-05-04","due_date":"2026-06-03","total_amount":"120.5","outstanding_amount":"20.25","contact":{"id":"c1"},"currency":{"id":"GBP"},"status":{"id":"UNPAID"}}]}`,
		`{"$total":2,"$items":[{"id":"a2","total_amount":-5,"outstanding_amount":null,"quick_entry_type":{"id":"CREDIT"}},7]}`,
		`{"$total":1,"$items":[{"id":"p1","transaction_type":{"id":"CUSTOMER_RECEIPT"},"date":"2026-05-04","total_amount":"10.0","currency":{"id":"EUR"},"allocated_artefacts":[{"artefact":{"id":"a1","$path":"/sales_invoices/a1"},"amount":"6.0","discount":"1"}],"payment_on_account":{"outstanding_amount":"4.0"}}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var in envelope
		if json.Unmarshal(body, &in) != nil {
			return
		}
		s := settings{home: "GBP", days: "30"}
		ignore := func(json.RawMessage, error) {}
		if list, err := httpapi.Rows[document](in.Items, ignore); err == nil {
			for _, r := range documentResources {
				for _, row := range list {
					if row.ID == "" || row.isDraft() {
						continue
					}
					if doc, err := s.document(r, row, nil, dealing{}); err == nil {
						if err := connectortest.Sound(doc); err != nil {
							t.Errorf("%s: %v", r.plain, err)
						}
					}
				}
			}
		}
		if list, err := httpapi.Rows[settling](in.Items, ignore); err == nil {
			for _, row := range list {
				for _, r := range []resource{payments, allocations} {
					_, _ = s.settle(r, row, dealing{})
				}
			}
		}
	})
}
