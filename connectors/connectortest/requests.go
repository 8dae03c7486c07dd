package connectortest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func idlePass(t *testing.T, s Suite) {
	src, m := s.start(t), NewMirror()
	fill(src, src.PageSize()+5)
	src.Pass(time.Hour)
	mustPass(t, src, m)
	src.Pass(15 * time.Minute)
	before, state := src.Requests(), m.Clone()
	mustPass(t, src, m)
	if n := src.Requests() - before; n > s.Idle {
		t.Errorf("an idle pass took %d requests, want at most %d", n, s.Idle)
	}
	if diff := cmp.Diff(state.Documents, m.Documents); diff != "" {
		t.Errorf("an idle pass changed documents:\n%s", diff)
	}
}

// FirstLoad is what a first load may spend.
type FirstLoad struct {
	New func() (Source, error) // with pages of the vendor's own size
	// Least is the fewest requests in which the interface gives so many invoices of
	// so many customers: a page for a page of each list, one for an empty list.
	Least func(invoices, customers int) int
	// Besides are those that any first pass adds, however large the books are.
	Besides int
	Idle    int // most requests of a pass that finds nothing new
}

// Pages is how many requests it takes to read a list.
func Pages(rows, size int) int { return max(1, (rows+size-1)/size) }

// held is how much more may be in use at the end of a load than at its start.
const held = 16 << 20

// RunFirstLoad reads large books for the first time: at the full size of the
// drills 100 000 invoices. It spends the least number of requests, with what is
// added whatever their size; what is held in memory does not grow; and a pass
// after it that finds nothing new asks as little as ever.
func RunFirstLoad(t *testing.T, f FirstLoad) {
	t.Helper()
	invoices, customers := 2500, 100
	if os.Getenv("RELANCED_DRILL") == "full" {
		invoices = 100_000
	}
	src, err := f.New()
	if err != nil {
		t.Fatal(err)
	}
	defer end(t, src)
	ids := make([]string, customers)
	for i := range ids {
		ids[i] = src.AddCustomer(fmt.Sprintf("Customer %d", i))
	}
	for i := range invoices {
		src.AddInvoice(ids[i%customers], fmt.Sprintf("F-%06d", i), int64(10000+i), due.AddDays(i%90))
	}
	src.Pass(time.Hour)
	cursor, read := streamed(t, src, nil)
	spent, least := src.Requests(), f.Least(invoices, customers)
	if read != invoices {
		t.Errorf("%d invoices were read, of %d", read, invoices)
	}
	if spent < least || spent > least+f.Besides {
		t.Errorf("a first load of %d invoices took %d requests, want %d to %d", invoices, spent, least, least+f.Besides)
	}
	src.Pass(15 * time.Minute)
	before := src.Requests()
	if _, again := streamed(t, src, cursor); again != 0 {
		t.Errorf("an idle pass read %d invoices", again)
	}
	idle := src.Requests() - before
	if idle > f.Idle {
		t.Errorf("an idle pass took %d requests, want at most %d", idle, f.Idle)
	}
	t.Logf("%d invoices: %d requests, %d at least; idle: %d", invoices, spent, least, idle)
}

// streamed makes a pass that keeps nothing of its pages, and returns where it
// ended and how many documents it told. What is in use may not grow on the way.
func streamed(t *testing.T, src Source, since []byte) (cursor []byte, documents int) {
	t.Helper()
	c, err := src.Open()
	if err != nil {
		t.Fatal(err)
	}
	var first, last uint64
	pages := 0
	seen := map[string]bool{}
	for page, err := range c.Pull(context.Background(), since) {
		if err != nil {
			t.Fatal(err)
		}
		cursor = page.Next
		documents += len(page.Documents)
		for _, bad := range page.Bad {
			seen[bad.Text] = true
		}
		if pages++; pages%64 == 2 {
			last = inUse()
			if first == 0 {
				first = last
			}
		}
	}
	if last > first+held {
		t.Errorf("%d MB more are in use at the end than at the start of the load", (last-first)>>20)
	}
	if len(seen) > 0 {
		t.Errorf("rejected rows: %v", seen)
	}
	return cursor, documents
}

// inUse is what is in use once what is not has been let go.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
