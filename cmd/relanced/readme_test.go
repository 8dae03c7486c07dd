package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// commandsIn finds the commands of a page: `relanced NAME` in its code.
var commandsIn = regexp.MustCompile("(?m)(?:bin/|`)relanced ([a-z]+)")

func TestDocs_commandsTheyShowExist(t *testing.T) {
	t.Parallel()
	var grammar struct {
		globals
		commands
	}
	parser, err := kong.New(&grammar)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, node := range parser.Model.Children {
		known[node.Name] = !node.Hidden
	}
	pages := []string{"README.md", "docs/setup.md", "docs/accountant.md", "docs/operations.md", "CHANGELOG.md", "docs/connectors/files.md", "docs/connectors/pennylane.md", "docs/connectors/quickbooks.md"}
	for _, page := range pages {
		text, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range commandsIn.FindAllStringSubmatch(string(text), -1) {
			if !known[m[1]] {
				t.Errorf("%s shows `relanced %s`, which does not exist", page, m[1])
			}
		}
	}
}

func TestReadme_targetsItShowsExist(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`make ([a-z]+)`).FindAllStringSubmatch(string(readme), -1)
	if len(found) < 2 {
		t.Fatalf("the README shows %d targets, want the two that do all the set-up", len(found))
	}
	for _, m := range found {
		if !strings.Contains(string(makefile), "\n"+m[1]+":") {
			t.Errorf("the README shows `make %s`, which the Makefile does not have", m[1])
		}
	}
	run, err := os.ReadFile("../../.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(run), "\nmake test\n") {
		t.Error(".ci/run does not call the README's test command")
	}
}

// Every library is there for a reason that somebody wrote down.
func TestDependencies_eachHasItsReason(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	reasons := read("docs/dependencies.md")
	direct := regexp.MustCompile(`(?m)^(?:require)?\s+(\S+\.\S+/\S+) v\S+$`).FindAllStringSubmatch(read("go.mod"), -1)
	if len(direct) < 20 {
		t.Fatalf("%d libraries in go.mod", len(direct))
	}
	for _, m := range direct {
		name := strings.TrimPrefix(m[1], "github.com/")
		if strings.HasPrefix(name, "riverqueue/river/") {
			name = "riverqueue/river"
		}
		if strings.HasPrefix(name, "golang.org/x/") {
			name = strings.TrimPrefix(name, "golang.org/")
		}
		if !strings.Contains(reasons, name) {
			t.Errorf("docs/dependencies.md does not say why %s is there", m[1])
		}
	}
}
