package configs_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relanced/configs"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a committed file, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (go test ./configs -update writes it anew):\n%s", name, diff)
	}
}

func TestLoad_showsEveryMistakeWithItsLineAndCaret(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	_, problems := configs.Load(filepath.Join("testdata", "broken", "relanced.yaml"), factories())
	err := problems.Err()
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	golden(t, filepath.Join("testdata", "broken", "problems.txt"), []byte(err.Error()+"\n"))
}
