// Package e2e runs the program as people do: against a real IMAP and a real
// SMTP server, with the accounting software simulated over HTTP.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	if point := os.Getenv(childPoint); point != "" {
		os.Exit(child(point))
	}
	flag.Parse()
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		// The tests wait for servers, leases and schedules far more than they work.
		_ = flag.Set("test.parallel", strconv.Itoa(max(atOnce, runtime.GOMAXPROCS(0))))
	}
	os.Exit(withBinary(m))
}

// atOnce is how many tests run together.
const atOnce = 8

func withBinary(m *testing.M) int {
	dir, err := os.MkdirTemp("", "relanced-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "relanced")
	build := exec.Command("go", "build", "-o", binary, "relanced/cmd/relanced")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// full tells whether the drills run at their full size.
func full() bool { return os.Getenv("RELANCED_DRILL") == "full" }

// tool finds a shared tool beside the repository. Without it the test is
// skipped; under CI=true it fails.
func tool(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", "tools", name)
	if _, err := os.Stat(path); err != nil {
		missing(t, path+" is not there")
	}
	return path
}

func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// ran is how a command ended.
type ran struct {
	code     int
	out, err string
}

// command runs the program with arguments and returns how it ended.
func (w *world) command(args ...string) ran {
	w.t.Helper()
	return w.commandOf(w.config, args...)
}

func (w *world) commandOf(config string, args ...string) ran {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"--config", config}, args...)...)
	cmd.Env = w.env()
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("relanced %s: %v", strings.Join(args, " "), err)
	}
	return ran{cmd.ProcessState.ExitCode(), out.String(), stderr.String()}
}

// do runs the program and fails the test unless it ends well.
func (w *world) do(args ...string) string {
	w.t.Helper()
	r := w.command(args...)
	if r.code != 0 {
		w.t.Fatalf("relanced %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r.out
}

// rows runs a command with --json and returns its objects.
func rows[T any](w *world, args ...string) []T {
	w.t.Helper()
	return decode[T](w, w.do(append([]string{"--json"}, args...)...))
}

// one is rows where there is exactly one object.
func one[T any](w *world, args ...string) T {
	w.t.Helper()
	all := rows[T](w, args...)
	if len(all) != 1 {
		w.t.Fatalf("relanced %s: %d objects, want 1: %+v", strings.Join(args, " "), len(all), all)
	}
	return all[0]
}

func decode[T any](w *world, text string) []T {
	w.t.Helper()
	var all []T
	decoder := json.NewDecoder(strings.NewReader(text))
	for decoder.More() {
		var v T
		if err := decoder.Decode(&v); err != nil {
			w.t.Fatalf("%v in %s", err, text)
		}
		all = append(all, v)
	}
	return all
}

// until waits for something to become true, and fails the test after limit.
func until(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(limit)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("after %s: not %s", limit, what)
		}
		<-tick.C
	}
}
