package pennylanetest

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parameters are the query parameters each kind of list takes.
var (
	listParameters   = []string{"cursor", "limit", "filter", "sort", "include", "use_2026_api_changes"}
	changeParameters = []string{"cursor", "limit", "start_date", "use_2026_api_changes"}
)

const retention = 28 * 24 * time.Hour

// route answers a GET below the base address. The books are locked.
func (s *Server) route(path string, q url.Values) (object, *refusal) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	known := listParameters
	if parts[0] == "changelogs" {
		known = changeParameters
	}
	for name := range q {
		if !slices.Contains(known, name) {
			return nil, bad("ValidateError", "unknown parameter %q", name)
		}
	}
	switch {
	case path == "/me":
		return s.me(), nil
	case path == "/company/features":
		if !s.Switches.Schedules {
			return nil, notFound("Feature", "")
		}
		return object{"installments": object{"enabled": true}}, nil
	case parts[0] == "changelogs" && len(parts) == 2:
		return s.changelog(parts[1], q)
	case filterable[parts[0]] == nil:
		return nil, notFound("Route", path)
	case len(parts) == 1:
		if refused := s.sameFilter(parts[0], q); refused != nil {
			return nil, refused
		}
		return s.list(parts[0], q)
	case len(parts) == 2:
		return s.single(parts[0], parts[1])
	case len(parts) == 3:
		return s.sub(parts[0], parts[1], parts[2], q)
	}
	return nil, notFound("Route", path)
}

// sameFilter notes a filter that was forgotten on a later page: the vendor
// answers it unfiltered, without a word.
func (s *Server) sameFilter(resource string, q url.Values) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.Get("cursor") != "" && q.Get("filter") != s.lists[resource] {
		s.Mind("/%s: another filter than on the page before", resource)
	}
	s.lists[resource] = q.Get("filter")
	return nil
}

func notFound(what, id string) *refusal {
	return &refusal{status: 404, message: fmt.Sprintf("Couldn't find %s with 'id'=%s", what, id)}
}

func (s *Server) me() object {
	s.mu.Lock()
	defer s.mu.Unlock()
	return object{
		"user":    object{"id": 1403777, "first_name": "Ines", "last_name": "Moreau", "email": "ines@atelier-brunel.example", "locale": "fr"},
		"company": object{"id": s.options.CompanyID, "name": s.options.Company, "reg_no": "552178639", "accounting_logic": "FR_PCG"},
		"scopes":  s.options.Scopes,
	}
}

func (s *Server) single(resource, text string) (object, *refusal) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, bad("InvalidPattern", "id is not a number")
	}
	if in := s.Books.invoices[id]; in != nil && resource == "customer_invoices" { // also an archived one
		return s.invoice(in), nil
	}
	if r := s.rows(resource)(id); r != nil {
		return r.show(), nil
	}
	return nil, notFound(map[string]string{"customers": "Customer", "transactions": "Transaction"}[resource], text)
}

// sub answers a list that hangs on an object.
func (s *Server) sub(resource, text, name string, q url.Values) (object, *refusal) {
	if _, refused := s.single(resource, text); refused != nil {
		return nil, refused
	}
	id, _ := strconv.ParseInt(text, 10, 64)
	var items []object
	switch resource + "/" + name {
	case "customers/contacts":
		for _, c := range s.Books.customers[id].Contacts {
			items = append(items, object{
				"id": c.ID, "first_name": c.FirstName, "last_name": c.LastName, "role": c.Role, "email": c.Email,
				"telephone_number": c.Phone, "mobile_number": "", "created_at": instant(s.Books.customers[id].created), "updated_at": instant(s.Books.customers[id].updated),
			})
		}
	case "customer_invoices/payments":
		for _, p := range s.Books.invoices[id].Payments {
			items = append(items, object{
				"id": p.ID, "label": p.Label, "currency": "EUR", "currency_amount": decimal(p.Amount), "status": p.Status,
				"created_at": instant(s.Books.now()), "updated_at": instant(s.Books.now()),
			})
		}
	case "customer_invoices/matched_transactions":
		if in := s.Books.invoices[id]; !in.Draft && !in.Archived {
			for _, t := range in.matched {
				items = append(items, s.transaction(s.Books.transactions[t], true))
			}
		}
	case "customer_invoices/installments":
		if !s.Switches.Schedules && !s.Switches.SchedulesOpen {
			return nil, notFound("Route", name)
		}
		for i, p := range s.Books.invoices[id].Schedule {
			items = append(items, object{"id": i + 1, "due_date": p.DueDate, "amount": decimal(p.Amount), "remaining_amount": decimal(p.Remaining), "status": "unknown"})
		}
	case "transactions/matched_invoices":
		for _, in := range s.Books.transactions[id].invoices {
			items = append(items, object{"id": in, "type": "customer", "url": fmt.Sprintf("%s/customer_invoices/%d", s.URL(), in)})
		}
	default:
		return nil, notFound("Route", name)
	}
	limit, refused := limitOf(q, 100)
	if refused != nil {
		return nil, refused
	}
	from := 0
	if cursor := q.Get("cursor"); cursor != "" {
		at, refused := readCursor(cursor)
		if refused != nil {
			return nil, refused
		}
		from, _ = strconv.Atoi(at.Attributes[0])
	}
	slices.Reverse(items) // newest first
	shown := items[min(from, len(items)):min(from+limit, len(items))]
	more := from+limit < len(items)
	var next any
	if more {
		next = writeCursor(place{Attributes: []string{strconv.Itoa(from + limit)}, Sort: "-id"})
	}
	if shown == nil {
		shown = []object{}
	}
	return object{"items": shown, "has_more": more, "next_cursor": next}, nil
}

// changelog answers the events of a resource, by growing processed_at.
func (s *Server) changelog(resource string, q url.Values) (object, *refusal) {
	if filterable[resource] == nil {
		return nil, notFound("Changelog", resource)
	}
	limit, refused := limitOf(q, 1000)
	if refused != nil {
		return nil, refused
	}
	oldest := s.Books.now().Add(-retention)
	from, inclusive := oldest, true
	start, cursor := q.Get("start_date"), q.Get("cursor")
	switch {
	case start != "" && cursor != "":
		return nil, bad("NotOneOf", "start_date and cursor exclude each other")
	case start != "":
		at, err := time.Parse(time.RFC3339, start)
		if err != nil {
			return nil, bad("InvalidDateTimeFormat", "start_date is not a date-time")
		}
		if at.Before(oldest) {
			return nil, &refusal{status: 422, message: "start_date is older than the retention of 4 weeks"}
		}
		from, inclusive = at, !s.Switches.StartExclusive
	case cursor != "":
		at, refused := readCursor(cursor)
		if refused != nil {
			return nil, refused
		}
		var err error
		if from, err = time.Parse(time.RFC3339Nano, at.Attributes[0]); err != nil {
			return nil, bad("ValidateError", "invalid cursor")
		}
		inclusive = false
	}
	events := slices.Clone(s.Books.changes[resource])
	slices.SortStableFunc(events, func(a, b event) int { return a.process.Compare(b.process) })
	items, more, last := []any{}, false, time.Time{}
	for _, e := range events {
		if e.process.Before(from) || !inclusive && e.process.Equal(from) || e.process.Before(oldest) {
			continue
		}
		if len(items) >= limit && !e.process.Equal(last) {
			more = true
			break
		}
		items, last = append(items, change(e)), e.process
	}
	var next any
	if more {
		next = writeCursor(place{Attributes: []string{last.UTC().Format(time.RFC3339Nano)}, Sort: "processed_at"})
	}
	return object{"items": items, "has_more": more, "next_cursor": next}, nil
}
