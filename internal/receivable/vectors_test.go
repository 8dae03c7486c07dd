package receivable

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/govalues/decimal"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/vectortest"
)

func eur(t *testing.T, text string) money.Amount {
	t.Helper()
	a, err := money.Parse(text, "EUR")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func same(t *testing.T, name string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestAgedBalance_vector(t *testing.T) {
	t.Parallel()
	type balance struct {
		NotDue  string `json:"not_due"`
		D1      string `json:"1-30"`
		D31     string `json:"31-60"`
		D61     string `json:"61-90"`
		D91     string `json:"90+"`
		Total   string
		Overdue string
	}
	var in struct {
		AsOf  calendar.Date `json:"as_of"`
		Items []struct {
			Due  calendar.Date
			Open string
		} `json:"open_items"`
	}
	var want balance
	vectortest.Read(t, "AGE-01", &in, &want)
	var aged AgedBalance
	for _, item := range in.Items {
		aged.Add(item.Due, in.AsOf, eur(t, item.Open))
	}
	same(t, "AGE-01", want, balance{
		aged[BucketNotDue].String(), aged[Bucket1To30].String(), aged[Bucket31To60].String(),
		aged[Bucket61To90].String(), aged[BucketOver90].String(), aged.Total().String(), aged.Overdue().String(),
	})
}

func TestPropose_vectors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ALL-01", "ALL-02", "ALL-03", "ALL-04"} {
		type result struct {
			Allocations map[string]string
			Unallocated string
			Method      Method
		}
		var in struct {
			Date     calendar.Date
			Payment  string
			Invoices []struct {
				Number, Open string
				Due, Issue   calendar.Date
			}
		}
		var want result
		vectortest.Read(t, name, &in, &want)
		var items []OpenItem
		for _, i := range in.Invoices {
			items = append(items, OpenItem{i.Number, i.Due, i.Issue, eur(t, i.Open)})
		}
		p := Propose(eur(t, in.Payment), items)
		got := result{map[string]string{}, p.Unallocated.String(), p.Method}
		for _, s := range p.Shares {
			got.Allocations[items[s.Item].Number] = s.Amount.String()
		}
		same(t, name, want, got)
	}
}

func TestDiscount_vector(t *testing.T) {
	t.Parallel()
	type result struct {
		Discount string
		Settled  bool
		Balance  string
	}
	var in struct {
		Total      string `json:"total_ttc"`
		Rate       string `json:"discount_percent"`
		Days       int    `json:"within_days"`
		Issue      calendar.Date
		Paid       calendar.Date
		PaidAmount string `json:"paid_amount"`
	}
	var want result
	vectortest.Read(t, "ESC-01", &in, &want)
	d := Discount{decimal.MustParse(in.Rate), in.Days}
	got, err := d.Settle(eur(t, in.Total), in.Issue, eur(t, in.PaidAmount), in.Paid)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "ESC-01", want, result{got.Discount.String(), got.Balance.IsZero(), got.Balance.String()})
}

func TestPeriod_vector(t *testing.T) {
	t.Parallel()
	type result struct {
		DSO       string `json:"dso_simple"`
		Best      string `json:"best_possible_dso"`
		ADD       string `json:"average_days_delinquent"`
		CountBack string `json:"dso_countback"`
		CEI       string `json:"cei_percent"`
	}
	var in struct {
		End    string `json:"receivables_end"`
		NotDue string `json:"receivables_end_not_due"`
		Begin  string `json:"receivables_begin"`
		Sales  string `json:"sales_ttc_period"`
		Days   int    `json:"period_days"`
		Months []struct {
			Sales string `json:"sales_ttc"`
			Days  int
		} `json:"months_most_recent_first"`
	}
	var want result
	vectortest.Read(t, "DSO-01", &in, &want)
	p := Period{Days: in.Days, Sales: eur(t, in.Sales), Opening: eur(t, in.Begin), Closing: eur(t, in.End), NotDue: eur(t, in.NotDue)}
	for _, m := range in.Months {
		p.Months = append(p.Months, Month{m.Days, eur(t, m.Sales)})
	}
	same(t, "DSO-01", want, result{
		p.DSO().String(), p.BestDSO().String(), p.Delinquent().String(), p.CountBack().String(), p.CEI().String(),
	})
}

func TestAverageDays_vector(t *testing.T) {
	t.Parallel()
	type result struct {
		Late  string `json:"average_days_late"`
		ToPay string `json:"average_days_to_pay"`
	}
	var in struct {
		Paid []struct {
			Amount           string
			Issue, Due, Paid calendar.Date
		}
	}
	var want result
	vectortest.Read(t, "DLY-01", &in, &want)
	var paid []PaidInvoice
	for _, i := range in.Paid {
		paid = append(paid, PaidInvoice{eur(t, i.Amount), i.Issue, i.Due, i.Paid})
	}
	same(t, "DLY-01", want, result{AverageDaysLate(paid).String(), AverageDaysToPay(paid).String()})
}
