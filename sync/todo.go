package sync

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"relanced/internal/store"
)

// todo is what a pass still has to read again by id. It is stored with the
// pages that ask for it, so that a pass that was killed loses nothing of it.
type todo struct {
	Invoices []string `json:"invoices,omitempty"` // tied to money that came or went, sorted
	After    string   `json:"after,omitempty"`    // of the re-read of all open invoices: the last one read
}

func todoKey(key store.ConnectionKey) string {
	return "todo/" + string(key.Company) + "/" + string(key.Name)
}

func loadTodo(tx *store.Tx, key store.ConnectionKey) (todo, error) {
	var t todo
	text, err := tx.Meta(todoKey(key))
	if err != nil || text == "" {
		return t, err
	}
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return t, fmt.Errorf("what is left to read: %w", err)
	}
	return t, nil
}

func (t todo) save(tx *store.Tx, key store.ConnectionKey) error {
	text := ""
	if len(t.Invoices) > 0 || t.After != "" {
		b, err := json.Marshal(t)
		if err != nil {
			return err
		}
		text = string(b)
	}
	return tx.SetMeta(todoKey(key), text)
}

// with adds invoices and takes others off. It tells whether anything changed.
func (t todo) with(added, done []string) (todo, bool) {
	if len(added) == 0 && len(done) == 0 {
		return t, false
	}
	set := make(map[string]bool, len(t.Invoices)+len(added))
	for _, id := range t.Invoices {
		set[id] = true
	}
	before := len(set)
	grown := false
	for _, id := range added {
		grown = grown || !set[id]
		set[id] = true
	}
	for _, id := range done {
		delete(set, id)
	}
	if !grown && len(set) == before {
		return t, false
	}
	return todo{Invoices: slices.Sorted(maps.Keys(set)), After: t.After}, true
}
