package documents

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func folder(t testing.TB, match string, names ...string) (*Folder, string) {
	t.Helper()
	path := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(path, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := New(path, match)
	if err != nil {
		t.Fatal(err)
	}
	return f, path
}

func TestFind(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		match, number string
		names         []string
		want          string
	}{
		"plain":               {"*{number}*.pdf", "FA-12", []string{"Facture FA-12.pdf", "FA-120.pdf", "FA-12.txt"}, "Facture FA-12.pdf"},
		"digit beside":        {"*{number}*.pdf", "12", []string{"112.pdf", "120.pdf"}, ""},
		"letter beside":       {"*{number}*.pdf", "12", []string{"a12.pdf", "12é.pdf"}, ""},
		"any case":            {"*{number}*.pdf", "fa-12", []string{"FA-12.PDF"}, "FA-12.PDF"},
		"slash":               {"*{number}*.pdf", "FA/2026/1", []string{"FA-2026_1.pdf"}, "FA-2026_1.pdf"},
		"blank":               {"*{number}*.pdf", "FA 12", []string{"FA_12.pdf"}, "FA_12.pdf"},
		"accents both ways":   {"*{number}*.pdf", "É-1", []string{"e\u0301-1.pdf"}, "e\u0301-1.pdf"},
		"glob characters":     {"*{number}*.pdf", "[1]", []string{"[1].pdf", "x1.pdf"}, "[1].pdf"},
		"star is no wildcard": {"*{number}*.pdf", "1*3", []string{"123.pdf"}, ""},
		"climbing":            {"*{number}*.pdf", "../secret", []string{"x.pdf"}, ""},
		"no number":           {"*{number}*.pdf", "--", []string{"--.pdf"}, ""},
		"letters of pattern":  {"FA{number}.pdf", "12", []string{"FA12.pdf", "XFA12.pdf"}, "FA12.pdf"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _ := folder(t, test.match, test.names...)
			got, err := f.Find(test.number)
			if got != test.want || (got == "") != errors.Is(err, ErrNone) {
				t.Errorf("%q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestFind_severalFilesGiveNone(t *testing.T) {
	t.Parallel()
	f, _ := folder(t, "*{number}*.pdf", "F1 copie.pdf", "F1.pdf")
	_, err := f.Fetch("F1", 100)
	var several *SeveralError
	if !errors.As(err, &several) || !slices.Equal(several.Names, []string{"F1 copie.pdf", "F1.pdf"}) {
		t.Errorf("error %v", err)
	}
}

func TestFind_seesNewFiles(t *testing.T) {
	t.Parallel()
	f, path := folder(t, "*{number}*.pdf", "F1.pdf")
	if _, err := f.Find("F2"); !errors.Is(err, ErrNone) {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "F2.pdf"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Find("F2"); err != nil {
		t.Error(err)
	}
}

func TestFetch_staysInTheFolder(t *testing.T) {
	t.Parallel()
	f, path := folder(t, "*{number}*.pdf", "F1.pdf")
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"F2.pdf": outside, "F3.pdf": "F1.pdf"} {
		if err := os.Symlink(target, filepath.Join(path, name)); err != nil {
			t.Fatal(err)
		}
	}
	if copied, err := f.Fetch("F2", 100); err == nil {
		t.Errorf("a link out of the folder gave %q", copied.Bytes)
	}
	if copied, err := f.Fetch("F3", 100); err != nil || string(copied.Bytes) != "F1.pdf" {
		t.Errorf("a link inside the folder: %q, %v", copied.Bytes, err)
	}
	if _, err := f.Fetch("F1", 3); err == nil {
		t.Error("a file beyond the limit was read")
	}
}

func TestNew_badPatterns(t *testing.T) {
	t.Parallel()
	for _, match := range []string{"*.pdf", "{number}{number}", "../{number}.pdf"} {
		if _, err := New("x", match); err == nil {
			t.Errorf("%q was taken", match)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	names := make([]string, 100_000)
	for i := range names {
		names[i] = fmt.Sprintf("Facture FA-2026-%06d.pdf", i)
	}
	x := newIndex(names)
	p, err := parsePattern("*{number}*.pdf")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if len(x.find(p, "FA-2026-054321")) != 1 {
			b.Fatal("not found")
		}
	}
}
