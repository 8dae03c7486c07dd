package pennylanetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	anyOp   = "eq not_eq lt lteq gt gteq in not_in"
	equal   = "eq not_eq in not_in"
	boolean = "eq"
)

// filterable are the fields each list may be filtered by, with their operators.
var filterable = map[string]map[string]string{
	"customer_invoices": {
		"id": anyOp, "date": anyOp, "customer_id": anyOp, "billing_subscription_id": anyOp, "quote_id": anyOp,
		"invoice_number": equal, "draft": boolean, "credit_note": boolean, "external_reference": boolean,
		"category_id": "in", "flow_id": equal,
	},
	"customers": {
		"id": anyOp, "customer_type": "eq not_eq", "ledger_account_id": "eq not_eq", "name": "start_with eq",
		"external_reference": "start_with eq not_eq in not_in", "reg_no": equal, "emails": "in",
	},
	"transactions": {
		"id": equal, "bank_account_id": equal, "journal_id": equal, "date": "eq not_eq gt lt lteq gteq",
	},
}

var sortable = map[string]string{
	"customer_invoices": "id date", "customers": "id", "transactions": "id",
}

type refusal struct {
	status  int
	message string
	code    string
}

func bad(code, format string, args ...any) *refusal {
	return &refusal{status: 400, code: code, message: fmt.Sprintf(format, args...)}
}

type condition struct {
	Field    string `json:"field"`
	Operator string `json:"operator"`
	Value    any    `json:"value"`
}

// conditions reads the filter parameter, refusing what the vendor refuses.
func (s *Server) conditions(resource, text string) ([]condition, *refusal) {
	if text == "" {
		return nil, nil
	}
	var list []condition
	if json.Unmarshal([]byte(text), &list) != nil {
		return nil, bad("ValidateError", "filter is not a JSON array of conditions")
	}
	kept := list[:0]
	for _, c := range list {
		operators, ok := filterable[resource][c.Field]
		if !ok {
			if s.Switches.IgnoreUnknownFilter {
				continue
			}
			return nil, bad("ValidateError", "unknown filter field %q", c.Field)
		}
		if !slices.Contains(strings.Fields(operators), c.Operator) {
			return nil, bad("NotEnumInclude", "operator %q is not allowed on %q", c.Operator, c.Field)
		}
		if c.Operator == "in" || c.Operator == "not_in" {
			values, ok := c.Value.([]any)
			if !ok {
				return nil, bad("ValidateError", "%q takes an array", c.Operator)
			}
			if limit := s.Switches.MaxIn; limit > 0 && len(values) > limit {
				return nil, bad("MoreThanMaximum", "at most %d values", limit)
			}
			for _, v := range values {
				if _, ok := v.(string); !ok {
					return nil, bad("ValidateError", "values are strings")
				}
			}
		} else if _, ok := c.Value.(string); !ok {
			return nil, bad("ValidateError", "value of %q must be a string", c.Field)
		}
		kept = append(kept, c)
	}
	return kept, nil
}

func (c condition) holds(actual string, numeric bool) bool {
	one := func(v any) bool { text, _ := v.(string); return text == actual }
	switch c.Operator {
	case "in", "not_in":
		values, _ := c.Value.([]any)
		return slices.ContainsFunc(values, one) == (c.Operator == "in")
	case "eq":
		return one(c.Value)
	case "not_eq":
		return !one(c.Value)
	}
	want, _ := c.Value.(string)
	if c.Operator == "start_with" {
		return strings.HasPrefix(actual, want)
	}
	order := strings.Compare(actual, want)
	if numeric {
		a, _ := strconv.ParseInt(actual, 10, 64)
		w, _ := strconv.ParseInt(want, 10, 64)
		order = int(max(-1, min(1, a-w)))
	}
	switch c.Operator {
	case "lt":
		return order < 0
	case "lteq":
		return order <= 0
	case "gt":
		return order > 0
	}
	return order >= 0
}

func invoiceField(in *Invoice, field string) (string, bool) {
	switch field {
	case "id":
		return strconv.FormatInt(in.ID, 10), true
	case "date":
		return in.Date, false
	case "customer_id":
		return strconv.FormatInt(in.Customer, 10), true
	case "invoice_number":
		return in.Number, false
	case "draft":
		return strconv.FormatBool(in.Draft), false
	case "credit_note":
		return strconv.FormatBool(in.Credit), false
	}
	return "", false
}

func customerField(c *Customer, field string) (string, bool) {
	switch field {
	case "id":
		return strconv.FormatInt(c.ID, 10), true
	case "customer_type":
		return c.Type, false
	case "name":
		return c.Name, false
	case "reg_no":
		return c.SIREN, false
	}
	return "", false
}

func transactionField(t *Transaction, field string) (string, bool) {
	switch field {
	case "id":
		return strconv.FormatInt(t.ID, 10), true
	case "date":
		return t.Date, false
	}
	return "", false
}

// place is what a cursor holds: a position and a sort, never the filter.
type place struct {
	Attributes []string `json:"cursor_attributes"`
	Sort       string   `json:"sort"`
}

func writeCursor(p place) string {
	text, _ := json.Marshal(p) // strings only: cannot fail
	return base64.URLEncoding.EncodeToString(text)
}

func readCursor(text string) (place, *refusal) {
	raw, err := base64.URLEncoding.DecodeString(text)
	var p place
	if err != nil || json.Unmarshal(raw, &p) != nil || len(p.Attributes) == 0 {
		return p, bad("ValidateError", "invalid cursor")
	}
	return p, nil
}

// limitOf reads limit within its bounds; beyond them is a 400, not clamped.
func limitOf(q url.Values, most int) (int, *refusal) {
	text := q.Get("limit")
	if text == "" {
		return 20, nil
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0, bad("InvalidPattern", "limit is not a number")
	case n < 1:
		return 0, bad("LessThanMinimum", "limit must be at least 1")
	case n > most:
		return 0, bad("MoreThanMaximum", "limit must be at most %d", most)
	}
	return n, nil
}

// row is one element of a list with what it is sorted and filtered by.
type row struct {
	id    int64
	date  string
	field func(name string) (string, bool)
	show  func() object
}

// rows returns a lookup of the rows of a resource; nil: not shown.
func (s *Server) rows(resource string) func(id int64) *row {
	b := s.Books
	switch resource {
	case "customers":
		return func(id int64) *row {
			c := b.customers[id]
			if c == nil {
				return nil
			}
			return &row{id, "", func(f string) (string, bool) { return customerField(c, f) }, func() object { return s.customer(c) }}
		}
	case "transactions":
		return func(id int64) *row {
			t := b.transactions[id]
			if t == nil {
				return nil
			}
			return &row{id, t.Date, func(f string) (string, bool) { return transactionField(t, f) }, func() object { return s.transaction(t, false) }}
		}
	}
	return func(id int64) *row {
		in := b.invoices[id]
		if in == nil || in.Archived && s.Switches.OmitArchived {
			return nil
		}
		return &row{id, in.Date, func(f string) (string, bool) { return invoiceField(in, f) }, func() object { return s.invoice(in) }}
	}
}

// list answers a list of customers, invoices or transactions.
func (s *Server) list(resource string, q url.Values) (object, *refusal) {
	limit, refused := limitOf(q, 100)
	if refused != nil {
		return nil, refused
	}
	conditions, refused := s.conditions(resource, q.Get("filter"))
	if refused != nil {
		return nil, refused
	}
	sort := q.Get("sort")
	if sort == "" {
		sort = "-id"
	}
	if !slices.Contains(strings.Fields(sortable[resource]), strings.TrimPrefix(sort, "-")) {
		return nil, bad("NotEnumInclude", "cannot sort by %q", sort)
	}
	at := place{}
	if text := q.Get("cursor"); text != "" {
		if at, refused = readCursor(text); refused != nil {
			return nil, refused
		}
		if q.Get("sort") != "" && at.Sort != sort {
			return nil, bad("ValidateError", "the cursor belongs to another sort")
		}
		sort = at.Sort
	}
	return s.cut(s.Books.order[resource], s.rows(resource), conditions, sort, at, limit), nil
}

// cut takes the page after a place.
func (s *Server) cut(ids []int64, lookup func(int64) *row, conditions []condition, sort string, at place, limit int) object {
	ids, from := ordered(ids, lookup, sort), 0
	if len(at.Attributes) > 0 {
		from = after(ids, lookup, sort, at)
	}
	items, more, last := []any{}, false, (*row)(nil)
	for _, id := range ids[from:] {
		r := lookup(id)
		if r == nil || !matches(r, conditions) {
			continue
		}
		if len(items) == limit {
			more = true
			break
		}
		items, last = append(items, r.show()), r
	}
	var next any
	if more {
		p := place{Attributes: []string{strconv.FormatInt(last.id, 10)}, Sort: sort}
		if strings.HasSuffix(sort, "date") {
			p.Attributes = append(p.Attributes, last.date)
		}
		next = writeCursor(p)
	}
	return object{"items": items, "has_more": more, "next_cursor": next}
}

func matches(r *row, conditions []condition) bool {
	for _, c := range conditions {
		if actual, numeric := r.field(c.Field); !c.holds(actual, numeric) {
			return false
		}
	}
	return true
}

// ordered returns ids in the order of sort; they come by growing id.
func ordered(ids []int64, lookup func(int64) *row, sort string) []int64 {
	if sort == "id" {
		return ids
	}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return lookup(id) == nil })
	if strings.HasSuffix(sort, "date") {
		slices.SortStableFunc(ids, func(a, b int64) int { return strings.Compare(lookup(a).date, lookup(b).date) })
	}
	if strings.HasPrefix(sort, "-") {
		slices.Reverse(ids)
	}
	return ids
}

// after finds where the row behind a place stands: a key, not an offset.
func after(ids []int64, lookup func(int64) *row, sort string, at place) int {
	id, _ := strconv.ParseInt(at.Attributes[0], 10, 64)
	if sort == "id" {
		i, found := slices.BinarySearch(ids, id)
		if found {
			i++
		}
		return i
	}
	return slices.IndexFunc(append(slices.Clone(ids), -1), func(other int64) bool {
		if other == -1 {
			return true
		}
		order := strings.Compare(strconv.FormatInt(other, 10), at.Attributes[0])
		if len(at.Attributes) > 1 {
			if o := strings.Compare(lookup(other).date, at.Attributes[1]); o != 0 {
				order = o
			}
		}
		if strings.HasPrefix(sort, "-") {
			order = -order
		}
		return order > 0
	})
}
