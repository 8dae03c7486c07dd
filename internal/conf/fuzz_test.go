package conf_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"relanced/internal/conf"
)

// FuzzDecode: whatever the file, decoding ends soon and every problem stands in it.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"id: a\nmany: [{port: 1}]\n", "a: &a [*a]\nb: *a\n", "id: |\n  x\n y\n", "token: \"x\n", "? a\n: b\n",
		"one: {<<: [{port: 1}, *x]}\n", "- - - a\n", "a: 'it''s\n  b'\n", "%YAML 1.2\n---\nid: a\n...\n",
		"words: {a: b, ? c}\n", "!!map {id: a}\n", "id: a # c\n\tb\n", "\"id\": \"\\u00e9\\\n  x\"\n", "<<: *x", "a: >-\n\n\n",
		"many:\n- port: 1\n  host: &h x\n- host: *h\n", "{id: a, id: b}", "[", "]", "}", "key: \"\\x", "a:\n  - b\n c: d\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		began := time.Now()
		watch := time.AfterFunc(3*time.Second, func() { panic(fmt.Sprintf("no end of %q", text)) })
		defer watch.Stop()
		var p conf.Problems
		if n, ok := conf.Parse("fuzz.yaml", text, &p); ok {
			var into sample
			n.Decode(&p, &into)
		} else if p.Count() == 0 {
			t.Fatal("refused without a reason")
		}
		lines := strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text)), "\n") + 1
		for _, problem := range p.List() {
			if problem.Line < 0 || problem.Line > lines || problem.Line > 0 && problem.Column < 1 {
				t.Errorf("a problem at %d:%d of %d lines: %s", problem.Line, problem.Column, lines, problem.Text)
			}
			if problem.Caret > utf8.RuneCountInString(problem.Source)+1 && problem.Source != "" {
				t.Errorf("the caret at %d is behind %q", problem.Caret, problem.Source)
			}
			if runes := []rune(problem.Source); problem.Caret >= 0 && problem.Caret < len(runes) && runes[problem.Caret] == ' ' && strings.HasPrefix(problem.Text, "must be") {
				t.Errorf("the caret points at a blank:\n%s", problem)
			}
			if strings.ContainsAny(problem.String(), "\x1b\r\x00") {
				t.Errorf("control characters in %q", problem.String())
			}
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%d bytes took %s", len(text), took)
		}
	})
}

// Each scalar of a document is a wrong one: each must be reported where it stands.
func TestDecode_pointsAtTheTokenItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		var want []string
		line := 1
		write := func(format string, args ...any) {
			part := fmt.Sprintf(format, args...)
			text.WriteString(part)
			line += strings.Count(part, "\n")
		}
		padding := rapid.SampledFrom([]string{"", "# é comment\n", "\n", "words:\n  a: \"é\n    two\"\n", "words:\n  a: |\n    x: y\n    z\n", "words: {a: 'x''y', b: \"\\\"é\"} # c\n"})
		write("%s", padding.Draw(t, "padding"))
		write("many:\n")
		for range rapid.IntRange(1, 5).Draw(t, "items") {
			value := rapid.SampledFrom([]string{"bad", "'bad'", "\"bad\"", "3.5", "true", "[1]", "bad  ", "true\t"}).Draw(t, "value")
			switch rapid.IntRange(0, 2).Draw(t, "form") {
			case 0:
				want = append(want, fmt.Sprintf("%d:11", line))
				write("  - port: %s\n", value)
			case 1:
				want = append(want, fmt.Sprintf("%d:25", line))
				write("  - {host: \"é, \", port: %s}\n", value)
			case 2:
				want = append(want, fmt.Sprintf("%d:13", line+2))
				write("  - host: é\n    # é\n    port:   %s # c\n", value)
			}
		}
		var p conf.Problems
		n, ok := conf.Parse("a.yaml", []byte(text.String()), &p)
		if !ok {
			t.Fatal(p.Err())
		}
		var into sample
		n.Decode(&p, &into)
		var got []string
		for _, problem := range p.List() {
			got = append(got, fmt.Sprintf("%d:%d", problem.Line, problem.Column))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %v, want %v in\n%s", got, want, text.String())
		}
	})
}

func TestParse_bombsAreRefusedSoon(t *testing.T) {
	t.Parallel()
	var laughs strings.Builder
	laughs.WriteString("words: &a0 {x: y}\n")
	for i := range 12 {
		fmt.Fprintf(&laughs, "w%d: &a%d [%s]\n", i, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 12), ", "))
	}
	var keys strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&keys, "k%d: v\n", i)
	}
	for name, text := range map[string]string{
		"aliases of aliases": laughs.String(), "a circle": "many: &m\n  - *m\n", "many keys": keys.String(),
		"brackets": strings.Repeat("[", 1_000_000), "dashes": strings.Repeat("- ", 500_000), "braces": strings.Repeat("{a: ", 200_000),
		"questions": strings.Repeat("? ", 500_000), "a mebibyte more": strings.Repeat("x", 1<<20+1), "steps": steps(900),
		"anchors": strings.Repeat("&a ", 300_000), "tags": strings.Repeat("!a ", 300_000), "quotes": strings.Repeat("\"", 500_000),
		"merges": "many:\n - &m {host: a}\n - {" + strings.Repeat("<<: *m, ", 5000) + "}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			var into struct {
				Many  []inner              `yaml:"many"`
				Words map[string]conf.Node `yaml:"words"`
			}
			if decode(t, text, &into).Count() == 0 {
				t.Error("accepted")
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// steps nests by indentation.
func steps(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}
