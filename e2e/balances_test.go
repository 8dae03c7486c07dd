package e2e

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors/bookstest"
	"relanced/connectors/connectortest"
	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// TestDrillAPI_balancesEqualTheSourceAfterKillsAndFaults changes books at random
// while the program reads them, is killed in the middle and meets failing
// requests. At the end `invoices`, `customers` and `aged` say what the books say,
// to the cent.
func TestDrillAPI_balancesEqualTheSourceAfterKillsAndFaults(t *testing.T) {
	t.Parallel()
	rounds, kills, changes := 2, 1, 40
	if full() {
		rounds, kills, changes = 20, 8, 100
	}
	p := newPost(t)
	for i, s := range sources {
		if s.alike && !full() {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			source, w := s.open(t, 0), newWorldWith(t, "", p)
			w.put("clients.csv", "code\n")
			w.reads(source)
			seed := uint64(i + 1) //nolint:gosec // a small number
			if full() {
				seed = rand.Uint64() //nolint:gosec // told below
			}
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // tests want it repeatable
			g := bookstest.NewGenerator(source.Ledger())
			inside := source.Between(0, func() {}) // else the moment to kill is guessed, and may come too late
			source.Heal()
			killed := 0
			for round := range rounds {
				for range changes {
					g.Change(rng.Uint64())
				}
				if round < kills && w.killedReading(source, rng.IntN(3)) {
					killed++
				}
				fault := []connectortest.Fault{connectortest.Truncated, connectortest.ServerError, connectortest.Disconnected, connectortest.Throttled, connectortest.WebPage}[round%5]
				change := rng.Uint64()
				source.Between(rng.IntN(4), func() { g.Change(change) })
				source.Fail(fault, rng.IntN(6), 1)
				w.command("sync", "compta") // it may find the books strange
				source.Heal()
			}
			w.do("sync", "--full", "compta")
			w.do("confirm", "compta", "--yes")
			w.do("sync", "compta")
			truth := source.Ledger().Truth()
			w.says(truth)
			t.Logf("%d documents, %d payments, killed %d times, changes %v", len(truth.Documents), len(truth.Payments), killed, g.Done())
			if killed == 0 && inside {
				t.Error("never killed while it read")
			}
		})
	}
}

// killedReading kills a `sync` just before a request, or where the source cannot
// tell when, after some time; false where it ended before.
func (w *world) killedReading(source simulator, skip int) bool {
	w.t.Helper()
	cmd := exec.Command(binary, "--config", w.config, "sync", "compta")
	cmd.Env = w.env()
	started, hit := make(chan struct{}), atomic.Bool{}
	kill := func() {
		<-started
		hit.Store(true)
		_ = cmd.Process.Kill()
	}
	if !source.Between(skip, kill) {
		timer := time.AfterFunc(time.Duration(60+10*skip)*time.Millisecond, kill)
		defer timer.Stop()
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	close(started)
	_ = cmd.Wait()
	source.Heal()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return hit.Load() && ok && status.Signal() == syscall.SIGKILL
}

// says compares the lists of the program with what the books say.
func (w *world) says(truth bookstest.Truth) {
	w.t.Helper()
	for id, b := range truth.Documents {
		b.Standing = "" // `why` tells it, not the lists
		truth.Documents[id] = b
	}
	if diff := cmp.Diff(truth.Documents, w.documents()); diff != "" {
		w.t.Errorf("documents (-source +program):\n%s", diff)
	}
	type sums struct{ Outstanding, Credit string }
	want, aged := map[string]sums{}, map[string]string{}
	total, credit := map[[2]string]int64{}, map[[2]string]int64{}
	for _, b := range truth.Documents {
		of := [2]string{b.Account, b.Total.Currency}
		if b.Kind == receivable.Invoice {
			total[of] += b.Open.Minor
		} else {
			credit[of] += b.Open.Minor
		}
	}
	for _, b := range truth.Payments {
		credit[[2]string{b.Account, b.Total.Currency}] += b.Open.Minor
	}
	owed := map[string]int64{}
	for _, list := range []map[[2]string]int64{total, credit} {
		for of := range list {
			if total[of] != 0 || credit[of] != 0 {
				want[of[0]+" "+of[1]] = sums{money.New(total[of], of[1]).String(), money.New(credit[of], of[1]).String()}
			}
		}
	}
	for of, sum := range total {
		owed[of[1]] += sum
	}
	for currency, sum := range owed {
		if sum != 0 {
			aged[currency] = money.New(sum, currency).String()
		}
	}
	got := map[string]sums{}
	for _, row := range rows[struct {
		External    string `json:"external_id"`
		Currency    string `json:"currency"`
		Outstanding string `json:"outstanding"`
		Credit      string `json:"credit"`
	}](w, "customers") {
		if row.Currency != "" && strings.Trim(row.Outstanding+row.Credit, "0.") != "" {
			got[row.External+" "+row.Currency] = sums{row.Outstanding, row.Credit}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("customers (-source +program):\n%s", diff)
	}
	if diff := cmp.Diff(aged, w.aged()); diff != "" {
		w.t.Errorf("aged (-source +program):\n%s", diff)
	}
}

// documents are those that are not gone, as `invoices` lists them.
func (w *world) documents() map[string]bookstest.Balance {
	w.t.Helper()
	amount := func(text, currency string) money.Amount {
		a, err := money.Parse(text, currency)
		if err != nil {
			w.t.Fatal(err)
		}
		return a
	}
	got := map[string]bookstest.Balance{}
	for _, row := range rows[struct {
		External    string                  `json:"external_id"`
		Account     string                  `json:"external_customer"`
		Kind        receivable.DocumentKind `json:"kind"`
		Total       string                  `json:"total"`
		Outstanding string                  `json:"outstanding"`
		Currency    string                  `json:"currency"`
		GoneAt      *time.Time              `json:"gone_at"`
		Problems    []string                `json:"problems"`
		Dues        []struct {
			On    string `json:"due_on"`
			Total string `json:"total"`
		} `json:"dues"`
	}](w, "invoices", "--all") {
		if row.GoneAt != nil {
			continue
		}
		b := bookstest.Balance{Kind: row.Kind, Account: row.Account, Total: amount(row.Total, row.Currency), Open: amount(row.Outstanding, row.Currency)}
		for _, due := range row.Dues {
			b.Dues = append(b.Dues, bookstest.Instalment{On: calendar.MustParse(due.On), Minor: amount(due.Total, row.Currency).Minor})
		}
		slices.SortFunc(b.Dues, bookstest.ByDate)
		strange := slices.DeleteFunc(row.Problems, func(text string) bool {
			return strings.HasPrefix(text, "voided in ") || text == "cancelled by a credit note"
		})
		if len(strange) > 0 {
			w.t.Errorf("%s has problems: %v", row.External, strange)
		}
		got[row.External] = b
	}
	return got
}

// aged is the sum of `aged`, by currency.
func (w *world) aged() map[string]string {
	w.t.Helper()
	sums := map[string]int64{}
	for _, row := range rows[struct {
		Currency string `json:"currency"`
		Total    string `json:"total"`
	}](w, "aged") {
		a, err := money.Parse(row.Total, row.Currency)
		if err != nil {
			w.t.Fatal(err)
		}
		sums[row.Currency] += a.Minor
	}
	out := map[string]string{}
	for currency, sum := range sums {
		if sum != 0 {
			out[currency] = fmt.Sprint(money.New(sum, currency))
		}
	}
	return out
}
