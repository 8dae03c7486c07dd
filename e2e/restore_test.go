package e2e

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"relanced/internal/store/storetest"
)

// TestDrillRestore_sendsNothingTwice puts a copy of the database back that was
// made before two messages left: one that it believes to be waiting, one that it
// has never heard of. However the copy was made, nothing leaves before a person
// has confirmed, and neither message a second time after.
func TestDrillRestore_sendsNothingTwice(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	for name, way := range map[string]struct {
		postgres bool
		copy     func(w *world) (restore func())
	}{
		"relanced backup":            {false, backedUp},
		"file opened elsewhere":      {false, copiedFile},
		"dump in a new database":     {true, func(w *world) func() { return dumped(w, "--create") }},
		"dump put back in its place": {true, func(w *world) func() { return dumped(w, "--clean", "--if-exists") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := ""
			if way.postgres {
				tool(t, "pgserver")
				dsn = storetest.Postgres(t, "fsync=off")(t)
			}
			w := newWorldWith(t, dsn, p)
			// All worlds share the mailboxes of the customers.
			mark := strings.ToLower(filepath.Base(w.dir)) + strings.ReplaceAll(strings.ToLower(name), " ", "-")
			petit, lefevre := "petit@"+mark+".example", "lefevre@"+mark+".example"
			w.customer("P001", "Boulangerie Petit", petit, "PL-1", 30_000)
			who, paid := w.customer("P002", "Cabinet Lefèvre", lefevre, "PL-0", 10_000)
			w.books.Books.Pay(paid, day(-20).String())
			w.approved(1)
			restore := way.copy(w)
			w.overdue(who, "PL-2", 45_000)
			w.do("sync", "compta")
			w.do("remind")
			w.do("approve", "--all")
			w.do("remind")
			counts := func() (first, second int) {
				return w.arrivedAt("petit", petit), w.arrivedAt("lefevre", lefevre)
			}
			if a, b := counts(); a != 1 || b != 1 {
				t.Fatalf("before anything was restored %d and %d messages arrived", a, b)
			}

			restore()
			w.do("remind")
			w.do("remind")
			if v := w.why("P001"); v.reason() != "first_run" {
				t.Errorf("why in the restored copy: %+v", v)
			}
			w.do("confirm", "compta", "--yes")
			w.do("remind")
			w.do("approve", "--all")
			w.do("remind")
			if a, b := counts(); a != 1 || b != 1 {
				t.Errorf("after all %d and %d messages arrived", a, b)
			}
			for _, row := range rows[outboxRow](w, "outbox") {
				if row.Kind == "reminder" && row.State != "sent" && row.State != "cancelled" {
					t.Errorf("message %d is %s", row.ID, row.State)
				}
			}
			if v := w.why("P002"); v.reason() != "conversation" {
				t.Errorf("why of whom the copy knows no reminder: %+v", v)
			}
		})
	}
}

// arrivedAt counts what reached an address, in the mailbox of a user.
func (w *world) arrivedAt(user, address string) int {
	w.t.Helper()
	w.delivered(user)
	n := 0
	for _, l := range w.post.letters(user, "INBOX") {
		if strings.Contains(l.header("To"), address) {
			n++
		}
	}
	return n
}

func backedUp(w *world) func() {
	file := filepath.Join(w.dir, "copy.db")
	w.do("backup", file)
	return func() { w.store = "sqlite:" + file }
}

func copiedFile(w *world) func() {
	path := strings.TrimPrefix(w.store, "sqlite:")
	file := filepath.Join(w.t.TempDir(), "relanced.db")
	for _, end := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + end)
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = os.WriteFile(file+end, b, 0o600)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return func() { w.store = "sqlite:" + file }
}

// dumped copies the database as PostgreSQL's own tools do, with options of
// pg_restore.
func dumped(w *world, options ...string) func() {
	run := func(name string, args ...string) {
		w.t.Helper()
		path, err := exec.LookPath(name)
		if err != nil {
			missing(w.t, err.Error())
		}
		if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
			w.t.Fatalf("%s: %v: %s", name, err, out)
		}
	}
	file := filepath.Join(w.dir, "dump")
	run("pg_dump", "--format=custom", "--file="+file, "--dbname="+w.store)
	return func() {
		if options[0] != "--create" {
			run("pg_restore", append(options, "--no-owner", "--dbname="+w.store, file)...)
			return
		}
		u, err := url.Parse(w.store)
		if err != nil {
			w.t.Fatal(err)
		}
		name := strings.TrimPrefix(u.Path, "/") + "_restored"
		run("psql", "--quiet", "--dbname="+w.store, "--command=CREATE DATABASE "+name)
		u.Path = name
		w.store = u.String()
		run("pg_restore", "--no-owner", "--dbname="+w.store, file)
	}
}
