// Package vectortest reads the public test vectors of the domain reference, so
// that each is a test in the room it belongs to.
package vectortest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Reference is where the vectors stand, seen from the root of the repository.
const Reference = "../shared/reference/domain.md"

var (
	heading = regexp.MustCompile(`(?m)^#### ([A-Z0-9]+-[0-9]+) `)
	block   = regexp.MustCompile("(?s)```json\n(.*?)\n```")
)

// Read decodes the vector of that name ("PEN-01") into input and expected. A
// field of the vector that the test does not know fails it. Where the reference
// is not there the test is skipped, and fails under CI=true.
func Read(t testing.TB, name string, input, expected any) {
	t.Helper()
	raw, ok := All(t)[name]
	if !ok {
		t.Fatalf("the domain reference has no vector %s", name)
	}
	var parts struct{ Input, Expected json.RawMessage }
	if err := json.Unmarshal(raw, &parts); err != nil {
		t.Fatalf("vector %s: %v", name, err)
	}
	if err := strict(parts.Input, input); err != nil {
		t.Fatalf("vector %s: input: %v", name, err)
	}
	if err := strict(parts.Expected, expected); err != nil {
		t.Fatalf("vector %s: expected: %v", name, err)
	}
}

// All returns the text of every vector by its name, under the rule of Read for
// a missing reference.
func All(t testing.TB) map[string]json.RawMessage {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, Reference))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("read the vectors: %v", err)
		}
		t.Skipf("the domain reference is not here: %v", err)
	}
	vectors, err := parse(string(text))
	if err != nil {
		t.Fatalf("%s: %v", Reference, err)
	}
	return vectors
}

// Root returns the folder of go.mod, walking up from the working directory.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod above the working directory")
		}
		dir = up
	}
}

func parse(text string) (map[string]json.RawMessage, error) {
	_, text, found := strings.Cut(text, "<!-- vectors:begin -->")
	if !found {
		return nil, fmt.Errorf("the mark of the first vector is missing")
	}
	text, _, found = strings.Cut(text, "<!-- vectors:end -->")
	if !found {
		return nil, fmt.Errorf("the mark of the last vector is missing")
	}
	vectors := map[string]json.RawMessage{}
	places := heading.FindAllStringSubmatchIndex(text, -1)
	for i, at := range places {
		name, end := text[at[2]:at[3]], len(text)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		body := block.FindStringSubmatch(text[at[1]:end])
		if body == nil {
			return nil, fmt.Errorf("vector %s has no JSON", name)
		}
		if _, twice := vectors[name]; twice {
			return nil, fmt.Errorf("vector %s stands twice", name)
		}
		vectors[name] = json.RawMessage(body[1])
	}
	return vectors, nil
}

func strict(raw json.RawMessage, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
