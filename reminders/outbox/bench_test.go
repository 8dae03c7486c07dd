package outbox

import (
	"context"
	"fmt"
	"testing"
	"time"

	"relanced/internal/store"
	"relanced/internal/store/storetest"
	"relanced/reminders"
)

// BenchmarkOutbox measures deciding, proposing, rendering and handing over a
// message, and as "bare" a loop that hands over ready-made bytes on the same
// kind of connection with two durable commits each. "ratio" is ours by it.
func BenchmarkOutbox(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmark(b, sqlite) })
	b.Run("postgres", func(b *testing.B) { benchmark(b, storetest.Postgres(b)) })
}

func benchmark(b *testing.B, dsn func(testing.TB) string) {
	n := max(b.N, 200)
	w := open(b, dsn(b), n, auto, func(_ *world, c *reminders.Config) { c.MaxBatch = n })
	w.tx(func(tx *store.Tx) error { return tx.Remind(dupont) })
	w.hold("one")
	b.ResetTimer()
	began := time.Now()
	if r := w.sweep(); r.Queued != n {
		b.Fatalf("%+v", r)
	}
	swept := time.Since(began)
	for sent := 0; sent < n; {
		h := w.send()
		if sent += h.Sent; h.Sent == 0 {
			b.Fatalf("%+v", h)
		}
	}
	ours := time.Since(began)
	b.StopTimer()
	rows := w.outbox()
	ready := make([][]byte, n)
	for i, row := range rows {
		var err error
		ready[i], err = w.Bytes(w.ctx(), row.ID)
		w.must(err)
	}
	began = time.Now()
	session, r := Connect(w.ctx(), w.sender.Server)
	if session == nil {
		b.Fatal(r.Err)
	}
	commit := func(key string) error {
		return w.InTx(context.Background(), func(tx *store.Tx) error { return tx.SetMeta(key, "done") })
	}
	for i, row := range rows {
		e := Envelope{ID: row.Ref, From: w.box.Company.Sender.Address, To: row.To, Data: ready[i]}
		if r := session.Send(w.ctx(), e, func() error { return commit(fmt.Sprint("arm/", i)) }); r.Outcome != Sent {
			b.Fatal(r.Err)
		}
		w.must(commit(fmt.Sprint("record/", i)))
	}
	bare := time.Since(began)
	session.Close()
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(n) }
	b.ReportMetric(each(swept), "µs/decided")
	b.ReportMetric(each(ours), "µs/ours")
	b.ReportMetric(each(bare), "µs/bare")
	b.ReportMetric(float64(bare)/float64(ours)*100, "%ratio")
}
