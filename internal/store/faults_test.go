package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/internal/store/storetest"
)

// childEnv names what a copy of this test program is to do, and with which file.
const childEnv = "RELANCED_STORE_TEST"

func TestMain(m *testing.M) {
	task, path, child := strings.Cut(os.Getenv(childEnv), ":")
	if !child {
		os.Exit(m.Run())
	}
	do := map[string]func(string) error{"open": openAndWrite, "full": fillDisk}[task]
	if err := do(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child is a copy of this program that does the task and exits 0 where it went well.
func child(t *testing.T, task, path string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+task+":"+path)
	cmd.Stdout, cmd.Stderr = &said, &said
	return cmd, &said
}

// openAndWrite opens what may be a new file and writes to it.
func openAndWrite(path string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, "sqlite:"+path, store.Options{})
	if err != nil {
		return err
	}
	err = s.InTx(ctx, func(tx *store.Tx) error {
		return tx.AddEvent(store.Event{Company: "dupont", Kind: "opened"})
	})
	return errors.Join(err, s.Close())
}

func TestOpen_processesThatMeetOnANewFileAllGetOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new.db")
	const processes = 5
	var running [processes]*exec.Cmd
	var said [processes]*bytes.Buffer
	for i := range running {
		running[i], said[i] = child(t, "open", path)
		if err := running[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	for i, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("process %d: %v: %s", i, err, said[i])
		}
	}
	s := open(t, "sqlite:"+path, store.Options{})
	if events, err := s.Timeline(t.Context(), "dupont", 0, 0); err != nil || len(events) != processes {
		t.Errorf("%d of %d wrote: %v", len(events), processes, err)
	}
}

func TestOpen_daemonsThatMeetOnANewDatabaseAllGetOn(t *testing.T) {
	t.Parallel()
	dsn := storetest.Postgres(t, "fsync=off")(t)
	var wait sync.WaitGroup
	for range 5 {
		wait.Go(func() {
			s, err := store.Open(t.Context(), dsn, store.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

// invoicePage is page n of some invoices of one customer.
func invoicePage(n, size int) store.Page {
	page := store.Page{Next: fmt.Appendf(nil, `{"page":%d}`, n)}
	for i := range size {
		total := money.New(1000, "EUR")
		page.Documents = append(page.Documents, receivable.Document{External: fmt.Sprintf("%04d-%04d", n, i), Account: "a", Kind: receivable.Invoice, Total: total, Outstanding: total})
	}
	return page
}

// The disk of the child is full as soon as a file would grow over a limit, for a
// while. Every page that was accepted must be there, the one that was not must
// have left nothing, and writing goes on once there is room.
func fillDisk(path string) error {
	const size = 200
	signal.Ignore(syscall.SIGXFSZ) // as on a full disk, the write fails and nobody is killed
	ctx := context.Background()
	s, err := store.Open(ctx, "sqlite:"+path, store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	key := store.ConnectionKey{Company: "dupont", Name: "compta"}
	err = s.InTx(ctx, func(tx *store.Tx) error { _, err := tx.EnsureConnection(key, "csv"); return err })
	if err != nil {
		return err
	}
	var room syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		return err
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 2 << 20, Max: room.Max}); err != nil {
		return err
	}
	accepted := 0
	for ; accepted < 1000; accepted++ {
		if _, err = s.ApplyPage(ctx, key, invoicePage(accepted, size)); err != nil {
			break
		}
	}
	if !errors.Is(err, store.ErrFull) || !errors.Is(err, store.ErrDisk) {
		return fmt.Errorf("after %d pages: %w, which is not ErrFull", accepted, err)
	}
	if accepted == 0 {
		return errors.New("no page was accepted")
	}
	if _, again := s.ApplyPage(ctx, key, invoicePage(accepted, size)); !errors.Is(again, store.ErrFull) {
		return fmt.Errorf("still full: %w", again)
	}
	check := func(s *store.Store, pages int) error {
		open, err := s.OpenInvoices(ctx, key, "", size*1000)
		if err == nil && len(open) != pages*size {
			err = fmt.Errorf("%d invoices of %d accepted ones", len(open), pages*size)
		}
		c, err2 := s.Connection(ctx, key)
		if err2 == nil && string(c.Cursor) != fmt.Sprintf(`{"page":%d}`, pages-1) {
			err2 = fmt.Errorf("cursor %s after %d pages", c.Cursor, pages)
		}
		return errors.Join(err, err2)
	}
	if err := check(s, accepted); err != nil {
		return fmt.Errorf("while full: %w", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		return err
	}
	if _, err := s.ApplyPage(ctx, key, invoicePage(accepted, size)); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	if err := s.Close(); err != nil {
		return err
	}
	again, err := store.Open(ctx, "sqlite:"+path, store.Options{})
	if err != nil {
		return err
	}
	var verdict string
	err = again.SQL().QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&verdict)
	if err == nil && verdict != "ok" {
		err = errors.New(verdict)
	}
	return errors.Join(err, check(again, accepted+1), again.Close())
}

func TestApplyPage_fullDiskIsToldAndLosesNothing(t *testing.T) {
	t.Parallel()
	cmd, said := child(t, "full", filepath.Join(t.TempDir(), "a.db"))
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}

// readOnlyTurns writes, makes the database read-only, and writable again.
func readOnlyTurns(t *testing.T, s *store.Store, set func(on bool)) {
	t.Helper()
	ctx := t.Context()
	key := connected(t, s, "dupont")
	if _, err := s.ApplyPage(ctx, key, invoicePage(0, 3)); err != nil {
		t.Fatal(err)
	}
	set(true)
	_, err := s.ApplyPage(ctx, key, invoicePage(1, 3))
	for limit := time.Now().Add(10 * time.Second); err == nil && time.Now().Before(limit); { // a server takes a moment to hear of it
		_, err = s.ApplyPage(ctx, key, invoicePage(0, 3))
	}
	if !errors.Is(err, store.ErrReadOnly) || !errors.Is(err, store.ErrDisk) {
		t.Fatalf("read-only: %v", err)
	}
	if _, err := s.OpenInvoices(ctx, key, "", 10); err != nil {
		t.Errorf("reading goes on: %v", err)
	}
	set(false)
	for limit := time.Now().Add(10 * time.Second); ; {
		if _, err = s.ApplyPage(ctx, key, invoicePage(1, 3)); err == nil || time.Now().After(limit) {
			break
		}
	}
	open, err2 := s.OpenInvoices(ctx, key, "", 10)
	if err != nil || err2 != nil || len(open) != 6 {
		t.Errorf("writable again: %d of 6 invoices, %v, %v", len(open), err, err2)
	}
}

func TestApplyPage_readOnlyIsToldAndLosesNothing(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"), store.Options{})
		readOnlyTurns(t, s, func(on bool) {
			if _, err := s.SQL().ExecContext(t.Context(), fmt.Sprintf("PRAGMA query_only = %t", on)); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		s := open(t, storetest.Postgres(t, "fsync=off")(t), store.Options{})
		readOnlyTurns(t, s, func(on bool) {
			for _, query := range []string{fmt.Sprintf("ALTER SYSTEM SET default_transaction_read_only = %t", on), "SELECT pg_reload_conf()"} {
				if _, err := s.Pool().Exec(t.Context(), query); err != nil {
					t.Fatal(err)
				}
			}
		})
	})
}
