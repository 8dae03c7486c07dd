package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// contract is the table of JSON fields that the program promises: what follows a
// name in brackets are the fields of the objects it holds.
var contract = map[string]string{
	"preview": "customer invoice due_on outstanding currency verdict reason because step channel at facts[name value]",
	"invoices": "connection external_id customer external_customer name invoice kind issued_on due_on total outstanding currency " +
		"dues[due_on total outstanding] gone_at problems",
	"customers": "connection customer external_id name kind emails outstanding overdue credit currency held next_at",
	"aged":      "customer name currency not_due d1_30 d31_60 d61_90 d91_plus overdue total credit",
	"outbox":    "id kind customer to step invoices amount currency subject message_id state at attempts server problem",
	"replies":   "id mailbox customer from subject received_at class holds quote label confidence",
	"tasks":     "id kind customer title due_on owner state",
	"timeline":  "at kind by text ref",
	"sync": "connection ok suspect requests new changed gone unchanged rejected as_of problems[external_id text] " +
		"error[kind message do]",
	"import": "file format new changed closed unchanged rejected problems[line reason]",
	"status": "connections[name type state as_of last_pass_at error problems] mailboxes[name state last_read_at error] " +
		"outbox problems[what since do]",
	"check":    "what name ok message do",
	"interest": "preset amount currency due_on until days segments[from to days balance rate interest] interest fee total",
	"demo":     "at event customer text",
	"explain": "file class holds bounce[hard action status recipients[address status action hard]] match[customer reminder evidence] " +
		"new_text labels[label confidence sentence dates[earliest latest kind ambiguous] amounts conditional] invoices return_on language problems",
}

// lists are fields that are never null: [] where there is nothing.
var lists = strings.Fields("facts dues problems emails to invoices segments connections mailboxes recipients evidence labels")

func checkFields(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 || contract[args[0]] == "" {
		ts.Fatalf("usage: fields OBJECT")
	}
	text := strings.TrimSuffix(ts.ReadFile("stdout"), "\n")
	if text == "" {
		ts.Fatalf("nothing was printed")
	}
	want, rest := shape(contract[args[0]])
	if rest != "" {
		ts.Fatalf("the contract of %s is not well formed", args[0])
	}
	for line := range strings.SplitSeq(text, "\n") {
		var got map[string]any
		ts.Check(json.Unmarshal([]byte(line), &got))
		if err := fits(args[0], got, want); err != nil {
			ts.Fatalf("%v in %s", err, line)
		}
	}
}

// fields are the names of an object's fields, with those of objects within.
type fields map[string]fields

func shape(text string) (fields, string) {
	out := fields{}
	for text != "" {
		end := strings.IndexAny(text, " []")
		if end < 0 {
			out[text] = nil
			return out, ""
		}
		name := text[:end]
		switch text[end] {
		case '[':
			out[name], text = shape(text[end+1:])
		case ']':
			if name != "" {
				out[name] = nil
			}
			return out, text[end+1:]
		default:
			if name != "" {
				out[name] = nil
			}
			text = text[end+1:]
		}
	}
	return out, ""
}

func fits(where string, got any, want fields) error {
	switch v := got.(type) {
	case []any:
		for _, item := range v {
			if err := fits(where, item, want); err != nil {
				return err
			}
		}
	case map[string]any:
		if have, must := slices.Sorted(maps.Keys(v)), slices.Sorted(maps.Keys(want)); !slices.Equal(have, must) {
			return fmt.Errorf("%s has the fields %v, want %v", where, have, must)
		}
		for name, inner := range want {
			if inner != nil && v[name] != nil {
				if err := fits(where+"."+name, v[name], inner); err != nil {
					return err
				}
			}
			if slices.Contains(lists, name) && v[name] == nil {
				return fmt.Errorf("%s.%s is null, want []", where, name)
			}
		}
	}
	return nil
}
