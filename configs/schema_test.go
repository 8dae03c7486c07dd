package configs_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"relanced/configs"
	"relanced/connectors/builtin"
	"relanced/internal/conf"
)

func TestSchema_isFresh(t *testing.T) {
	t.Parallel()
	schema, err := configs.Schema(builtin.Factories())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "schema.json", append(schema, '\n'))
}

func TestSchema_knowsEnumsTypesAndNoKeyOfLater(t *testing.T) {
	t.Parallel()
	text, err := configs.Schema(builtin.Factories())
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	at := func(path ...string) map[string]any {
		t.Helper()
		node := schema
		for _, step := range path {
			next, ok := node[step].(map[string]any)
			if !ok {
				t.Fatalf("no %s in %v", step, path)
			}
			node = next
		}
		return node
	}
	company := []string{"properties", "companies", "items", "properties"}
	mode := at(append(slices.Clone(company), "reminders", "properties", "mode")...)
	if words, _ := mode["enum"].([]any); len(words) != 3 {
		t.Errorf("mode is %v", mode)
	}
	connection := at(append(slices.Clone(company), "connections", "items")...)
	if types, _ := connection["oneOf"].([]any); len(types) != len(builtin.Factories()) {
		t.Errorf("connections are one of %d types", len(types))
	}
	if _, there := at(append(slices.Clone(company), "mailboxes", "items", "properties")...)["commands"]; there {
		t.Error("commands is not available yet")
	}
	provider := at(append(slices.Clone(company), "mailboxes", "items", "properties", "provider")...)
	if words, _ := provider["enum"].([]any); !slices.Contains(words, any("microsoft365")) {
		t.Errorf("provider is %v", provider)
	}
	if at("properties", "companies", "items")["additionalProperties"] != false {
		t.Error("unknown keys pass")
	}
}

// Editors and validators are written in many languages: classes of characters
// such as \p{L}, and looking around, are not known to all of them.
func TestSchema_patternsAreOfAllDialects(t *testing.T) {
	t.Parallel()
	text, err := configs.Schema(builtin.Factories())
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	patterns := 0
	var walk func(node any)
	walk = func(node any) {
		switch node := node.(type) {
		case []any:
			for _, item := range node {
				walk(item)
			}
		case map[string]any:
			if pattern, ok := node["pattern"].(string); ok {
				patterns++
				if _, err := regexp.Compile(pattern); err != nil || regexp.MustCompile(`\\[pP]|\(\?|\\[AzZ]`).MatchString(pattern) {
					t.Errorf("the pattern %s: %v", pattern, err)
				}
			}
			for _, value := range node {
				walk(value)
			}
		}
	}
	walk(schema)
	if patterns < 20 {
		t.Errorf("%d patterns", patterns)
	}
}

func TestSchema_namesMatchThePatternAsTheyAreRead(t *testing.T) {
	t.Parallel()
	text, err := configs.Schema(builtin.Factories())
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties struct {
			Companies struct {
				Items struct {
					Properties struct {
						ID struct{ Pattern string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	pattern := regexp.MustCompile(schema.Properties.Companies.Items.Properties.ID.Pattern)
	for _, name := range []string{"a", "Été-2", "a.b_c-d", "9", "", "a b", "-a", ".a", "_a", "a/b", "a:b", "a@b", "a[b", "a`b", "a~b", "a\tb", strings.Repeat("x", 64), strings.Repeat("x", 65)} {
		if _, err := conf.ParseName(name); (err == nil) != pattern.MatchString(name) {
			t.Errorf("%q: %v, by the schema %t", name, err, pattern.MatchString(name))
		}
	}
}

// TestExample_showsEveryKey that the configuration knows, at least in a comment.
func TestExample_showsEveryKey(t *testing.T) {
	t.Parallel()
	text, err := configs.Schema(builtin.Factories())
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	var walk func(any)
	walk = func(at any) {
		switch at := at.(type) {
		case []any:
			for _, v := range at {
				walk(v)
			}
		case map[string]any:
			if properties, ok := at["properties"].(map[string]any); ok {
				for key := range properties {
					keys[key] = true
				}
			}
			for _, v := range at {
				walk(v)
			}
		}
	}
	walk(schema)
	example := string(configs.Example())
	var missing []string
	for key := range keys {
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(key) + `:`).MatchString(example) {
			missing = append(missing, key)
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("not in the example: %v", missing)
	}
}
