package outbox

import (
	"fmt"
	"testing"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/store"
	"relanced/internal/store/storetest"
	"relanced/reminders"
)

// BenchmarkOutbox measures deciding, proposing, rendering and handing over a
// message, and as "bare" a loop that hands over ready-made bytes on the same
// kind of connection with two durable commits each. "ratio" is ours by it. The
// two take turns, so that what the machine is busy with besides slows both.
func BenchmarkOutbox(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmark(b, sqlite) })
	b.Run("postgres", func(b *testing.B) {
		benchmark(b, storetest.Postgres(b, "fsync=on", "full_page_writes=on")) // without, a commit would cost nothing
	})
}

func benchmark(b *testing.B, dsn func(testing.TB) string) {
	const turn = 50
	n := max(b.N, 500)
	w := open(b, dsn(b), n, auto, func(_ *world, c *reminders.Config) { c.MaxBatch = n })
	w.tx(func(tx *store.Tx) error { return tx.Remind(dupont) })
	w.hold("one")
	session, r := Connect(w.ctx(), w.sender.Server)
	if session == nil {
		b.Fatal(r.Err)
	}
	defer session.Close()
	b.ResetTimer()
	began := time.Now()
	if r := w.sweep(); r.Queued != n {
		b.Fatalf("%+v", r)
	}
	decided := time.Since(began)
	ours, bare, sent := decided, time.Duration(0), 0
	for sent < n {
		w.sender.PerDay = min(sent+turn, n)
		began = time.Now()
		for sent < w.sender.PerDay {
			h := w.send()
			if sent += h.Sent; h.Sent == 0 {
				b.Fatalf("%+v", h)
			}
		}
		ours += time.Since(began)
		b.StopTimer()
		rows := w.outbox(dossier.StateSent)
		rows = rows[len(rows)-turn:]
		ready := make([][]byte, len(rows))
		for i, row := range rows {
			var err error
			ready[i], err = w.Bytes(w.ctx(), row.ID)
			w.must(err)
		}
		began = time.Now()
		for i, row := range rows {
			w.handOver(session, row, ready[i])
		}
		bare += time.Since(began)
		b.StartTimer()
	}
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(n) }
	b.ReportMetric(each(decided), "µs/decided")
	b.ReportMetric(each(ours), "µs/ours")
	b.ReportMetric(each(bare), "µs/bare")
	b.ReportMetric(float64(bare)/float64(ours)*100, "%ratio")
}

// handOver is the least that sends a message once: one commit before its
// content leaves, one after.
func (w *world) handOver(session *Session, row store.Outgoing, message []byte) {
	w.Helper()
	commit := func(key string) error {
		return w.InTx(w.ctx(), func(tx *store.Tx) error { return tx.SetMeta(fmt.Sprintf("%s/%d", key, row.ID), "done") })
	}
	e := Envelope{ID: row.Ref, From: w.box.Company.Sender.Address, To: row.To, Data: message}
	if r := session.Send(w.ctx(), e, func() error { return commit("arm") }); r.Outcome != Sent {
		w.Fatal(r.Err)
	}
	w.must(commit("record"))
}
