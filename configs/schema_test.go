package configs_test

import (
	"encoding/json"
	"slices"
	"testing"

	"relanced/configs"
	"relanced/connectors/builtin"
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
	if _, there := at(append(slices.Clone(company), "mailboxes", "items", "properties")...)["provider"]; there {
		t.Error("provider is not available yet")
	}
	if at("properties", "companies", "items")["additionalProperties"] != false {
		t.Error("unknown keys pass")
	}
}
