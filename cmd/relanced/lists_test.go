package main

import (
	"encoding/json"
	"strings"
	"testing"

	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/store"
	"relanced/reminders"
)

func TestViews_whatASourceDoesNotNameIsNull(t *testing.T) {
	t.Parallel()
	nothing := money.New(0, "EUR")
	for fields, object := range map[string]any{
		"customer external_customer name invoice": invoiceView(store.InvoiceRow{Total: nothing, Outstanding: nothing}),
		"customer name":    agedView(store.AgedRow{Credit: nothing}),
		"customer invoice": told{Verdict: reminders.Verdict{Line: dossier.Line{Outstanding: nothing}}}.view(),
	} {
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		for field := range strings.FieldsSeq(fields) {
			if !strings.Contains(string(text), `"`+field+`":null`) {
				t.Errorf("%s is not null in %s", field, text)
			}
		}
	}
}
