package files

import (
	"bufio"
	"context"
	"database/sql"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"

	"relanced/connectors/files/fectest"
)

var benchLines = flag.Int("fec-lines", 1_000_000, "lines of the FEC that BenchmarkFEC reads")

// BenchmarkFEC reads a large FEC to its open items, and beside it, in the same
// run, does the bare minimum with it: read, split, upsert each line's fields.
// "ratio" is how fast the first is in terms of the second.
func BenchmarkFEC(b *testing.B) {
	path := filepath.Join(b.TempDir(), "732829320FEC20261231.txt")
	out, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	lines, err := fectest.WriteLarge(out, *benchLines)
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	c := connector(b, Spec{})
	for b.Loop() {
		began := time.Now()
		bareLoop(b, path)
		bare := time.Since(began)

		runtime.GC()
		peak := watchHeap()
		began = time.Now()
		open := 0
		for page, err := range c.ImportFile(context.Background(), path, nil) {
			if err != nil {
				b.Fatal(err)
			}
			open += len(page.Documents)
		}
		ours := time.Since(began)
		if open == 0 {
			b.Fatal("nothing is open")
		}
		b.ReportMetric(float64(peak())/(1<<20), "heap-MB")
		b.ReportMetric(float64(lines)/ours.Seconds(), "lines/s")
		b.ReportMetric(float64(lines)/bare.Seconds(), "bare-lines/s")
		b.ReportMetric(bare.Seconds()/ours.Seconds(), "ratio")
	}
}

// watchHeap samples the heap until the returned function is called, which
// tells the largest seen, in bytes.
func watchHeap() func() uint64 {
	done, result := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				result <- most
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	return func() uint64 { close(done); return <-result }
}

// bareLoop upserts the customer lines of the file into one table, and nothing else.
func bareLoop(b *testing.B, path string) {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?_journal_mode=OFF&_synchronous=OFF&_locking_mode=EXCLUSIVE&_cache_size=-32000")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec(`create table line(no integer primary key, journal text, num text, on_ text, account text, aux text, name text,
		piece text, piece_on text, label text, debit text, credit text, letter text)`)
	if err != nil {
		b.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		b.Fatal(err)
	}
	insert, err := tx.Prepare(`insert into line values (?,?,?,?,?,?,?,?,?,?,?,?,?) on conflict(no) do update set letter = excluded.letter`)
	if err != nil {
		b.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	for no := 0; scanner.Scan(); no++ {
		cells := strings.Split(scanner.Text(), "\t")
		if !strings.HasPrefix(cells[4], "411") {
			continue
		}
		_, err := insert.Exec(no, cells[0], cells[2], cells[3], cells[4], cells[6], cells[7], cells[8], cells[9], cells[10], cells[11], cells[12], cells[13])
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}
