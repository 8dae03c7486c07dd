package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestRun_failsWhereTheAnswerCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"version", "--json version", "interest --amount 100 --due 2026-01-31 --at 2026-03-01", "config example"} {
		var complaint bytes.Buffer
		code := run(t.Context(), strings.Fields(args), strings.NewReader(""), fullDisk{}, &complaint)
		if code != exitFailed || !strings.Contains(complaint.String(), "no space left on device") {
			t.Errorf("%s ends with %d and says %q", args, code, complaint.String())
		}
	}
}
