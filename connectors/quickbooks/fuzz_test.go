package quickbooks

import (
	"testing"

	"relanced/connectors/connectortest"
)

// FuzzAnswer: whatever the answer holds, what is read of it is sound.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"QueryResponse":{"Invoice":[{"Id":"1","DocNumber":"F-1","TxnDate":"2026-05-04","DueDate":"2026-06-03","TotalAmt":120.5,"Balance":20.25,"CustomerRef":{"value":"7"},"CurrencyRef":{"value":"GBP"}}]},"time":"2026-05-04T08:00:00Z"}`,
		`{"QueryResponse":{"CreditMemo":[{"Id":"1","TotalAmt":"5e1","RemainingCredit":-0}],"Customer":[{"Id":"7","DisplayName":"A","PrimaryEmailAddr":{"Address":"a@x.example, b"}}]}}`,
		`{"QueryResponse":{"Payment":[{"Id":"3","TotalAmt":10,"UnappliedAmt":4,"TxnDate":"2026-05-04","Line":[{"Amount":6,"LinkedTxn":[{"TxnId":"1","TxnType":"Invoice"}]}]},7]}}`,
		`{"Fault":{"Error":[{"Message":"x","code":"610"}],"type":"ValidationFault"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var a answer
		if a.DecodeJSON(body) != nil {
			return
		}
		m := mapping{home: "GBP"}
		for _, entity := range []string{invoices, creditMemos} {
			var list rows[document]
			if list.take(entity, a.Query[entity]) != nil {
				continue
			}
			for _, row := range list.list {
				if doc, _, err := m.document(entity, row); err == nil {
					if err := connectortest.Sound(doc); err != nil {
						t.Error(err)
					}
				}
			}
		}
		var paid rows[payment]
		if paid.take(payments, a.Query[payments]) == nil {
			for _, row := range paid.list {
				if got, err := m.payment(row); err == nil && got.payment != nil && got.payment.Amount.Sign() > 0 && got.payment.Unallocated.Cmp(got.payment.Amount) > 0 {
					t.Errorf("more is free than was paid: %+v", got.payment)
				}
			}
		}
		var people rows[customer]
		if people.take(customers, a.Query[customers]) == nil {
			for _, row := range people.list {
				if a, err := m.account(row, nil); err == nil && a.External == "" {
					t.Errorf("a customer without a key: %+v", a)
				}
			}
		}
	})
}
