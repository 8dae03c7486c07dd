package configs_test

import (
	"bytes"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// The exposure that systemd counts: 0 is none, 10 is all.
func TestUnit_isSandboxed(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is missing: install systemd")
	}
	said, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--no-pager", "relanced.service").CombinedOutput()
	if err != nil && bytes.Contains(said, []byte("unrecognized option")) {
		t.Skip("this systemd-analyze reads no unit that is not installed: 250 or later does")
	} else if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	level := regexp.MustCompile(`exposure level for relanced\.service: ([0-9.]+)`).FindSubmatch(said)
	if level == nil {
		t.Fatalf("no level in\n%s", said)
	}
	if exposure, err := strconv.ParseFloat(string(level[1]), 64); err != nil || exposure > 2 {
		t.Errorf("the exposure is %s, want at most 2.0:\n%s", level[1], said)
	}
}
