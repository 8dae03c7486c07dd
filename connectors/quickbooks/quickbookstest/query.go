package quickbookstest

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// statement is one of the vendor's query language.
type statement struct {
	count      bool
	entity     string
	conditions []condition
	order      string
	descending bool
	first, max int
}

type condition struct {
	field, operator string
	values          []string
}

var (
	grammar = regexp.MustCompile(`(?is)^\s*SELECT\s+(\*|COUNT\(\*\))\s+FROM\s+(\w+)(?:\s+WHERE\s+(.*?))?(?:\s+ORDER\s?BY\s+([\w.]+)(?:\s+(ASC|DESC))?)?(?:\s+STARTPOSITION\s+(\d+))?(?:\s+MAXRESULTS\s+(\d+))?\s*$`)
	clause  = regexp.MustCompile(`(?is)^([\w.]+)\s*(<=|>=|=|<|>|\bIN\b|\bLIKE\b)\s*(.*)$`)
	literal = regexp.MustCompile(`'((?:\\.|[^'\\])*)'|(true|false)`)
)

// filterable are the properties a condition may name, by entity; "" all.
var filterable = map[string][]string{
	"":           {"id", "metadata.lastupdatedtime", "metadata.createtime"},
	"Customer":   {"active", "displayname", "balance"},
	"Invoice":    {"docnumber", "txndate", "duedate", "balance", "totalamt", "customerref"},
	"CreditMemo": {"docnumber", "txndate", "balance", "totalamt", "customerref"},
	"Payment":    {"txndate", "totalamt", "customerref"},
}

// queryError is a refusal of a statement.
type queryError struct{ code, detail string }

func (e *queryError) Error() string { return e.detail }

func parse(text string) (statement, error) {
	var s statement
	m := grammar.FindStringSubmatch(text)
	if m == nil {
		return s, &queryError{"4000", "Error parsing query: " + text}
	}
	s.count = strings.EqualFold(m[1], "COUNT(*)")
	for entity := range filterable {
		if strings.EqualFold(entity, m[2]) && entity != "" {
			s.entity = entity
		}
	}
	if s.entity == "" {
		return s, &queryError{"4001", "Invalid query: no entity " + m[2]}
	}
	if m[3] != "" {
		for _, part := range splitAnd(m[3]) {
			c, err := s.condition(part)
			if err != nil {
				return s, err
			}
			s.conditions = append(s.conditions, c)
		}
	}
	s.order, s.descending = m[4], strings.EqualFold(m[5], "DESC")
	if s.order != "" && !s.may(s.order) {
		return s, &queryError{"4001", "property '" + s.order + "' is not sortable"}
	}
	s.first, s.max = 1, 100
	if m[6] != "" {
		s.first, _ = strconv.Atoi(m[6])
	}
	if m[7] != "" {
		s.max, _ = strconv.Atoi(m[7])
	}
	if s.first < 1 {
		return s, &queryError{"4001", "value 0 is too small. Min allowed is 1"}
	}
	s.max = min(s.max, 1000) // clamped, not refused
	return s, nil
}

func (s statement) may(field string) bool {
	return slices.Contains(filterable[""], strings.ToLower(field)) || slices.Contains(filterable[s.entity], strings.ToLower(field))
}

// splitAnd splits at AND outside quotes.
func splitAnd(text string) []string {
	var parts []string
	quoted, start := false, 0
	upper := strings.ToUpper(text)
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case text[i] == '\'':
			quoted = !quoted
		case !quoted && strings.HasPrefix(upper[i:], " AND "):
			parts = append(parts, text[start:i])
			start = i + 5
		}
	}
	return append(parts, text[start:])
}

func (s statement) condition(text string) (condition, error) {
	m := clause.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return condition{}, &queryError{"4000", "Error parsing query near: " + text}
	}
	c := condition{field: m[1], operator: strings.ToUpper(m[2])}
	if !s.may(c.field) {
		return c, &queryError{"4001", "Property " + c.field + " is not queryable"}
	}
	rest := m[3]
	for _, l := range literal.FindAllStringSubmatch(rest, -1) {
		value := l[1] + l[2]
		c.values = append(c.values, strings.NewReplacer(`\'`, `'`, `\\`, `\`).Replace(value))
	}
	if leftover := strings.Trim(literal.ReplaceAllString(rest, ""), " ,()"); leftover != "" || len(c.values) == 0 || c.operator != "IN" && len(c.values) != 1 {
		return c, &queryError{"4000", "Error parsing query: literals stand in single quotes: " + text}
	}
	return c, nil
}

// holds tells whether an object fits.
func (c condition) holds(o *object) bool {
	value, ok := o.field(c.field)
	if !ok {
		return false
	}
	for _, want := range c.values {
		order, comparable := compare(value, want)
		if !comparable {
			continue
		}
		switch c.operator {
		case "=", "IN":
			if order == 0 {
				return true
			}
		case "<":
			return order < 0
		case ">":
			return order > 0
		case "<=":
			return order <= 0
		case ">=":
			return order >= 0
		case "LIKE":
			return strings.HasPrefix(fmt.Sprint(value), strings.TrimSuffix(want, "%"))
		}
	}
	return false
}

func compare(value any, want string) (int, bool) {
	switch v := value.(type) {
	case time.Time:
		t, err := time.Parse(time.RFC3339, want)
		return v.Compare(t), err == nil
	case bool:
		return map[bool]int{true: 0, false: 1}[strconv.FormatBool(v) == want], true
	case int, int64, jsonNumber:
		a, err1 := strconv.ParseFloat(fmt.Sprint(v), 64)
		b, err2 := strconv.ParseFloat(want, 64)
		return cmp.Compare(a, b), err1 == nil && err2 == nil
	}
	return cmp.Compare(fmt.Sprint(value), want), true
}

// run yields the objects of a statement's window, and how many fit in all.
func (s statement) run(list []*object, byText bool) (window []*object, total int) {
	var fit []*object
	activeAsked := false
	for _, c := range s.conditions {
		activeAsked = activeAsked || strings.EqualFold(c.field, "active")
	}
	for _, o := range list {
		if o.changes.deleted || s.entity == "Customer" && !activeAsked && o.fields()["Active"] == false {
			continue
		}
		ok := true
		for _, c := range s.conditions {
			if byText && strings.EqualFold(c.field, "id") && c.operator == ">" {
				ok = ok && strconv.Itoa(o.id) > c.values[0]
				continue
			}
			ok = ok && c.holds(o)
		}
		if ok {
			fit = append(fit, o)
		}
	}
	slices.SortStableFunc(fit, s.less(byText))
	total = len(fit)
	from := min(s.first-1, len(fit))
	return fit[from:min(from+s.max, len(fit))], total
}

// less orders; without ORDERBY transactions come by their last change, which
// moves, and customers by name.
func (s statement) less(byText bool) func(a, b *object) int {
	sign := 1
	if s.descending {
		sign = -1
	}
	switch strings.ToLower(s.order) {
	case "id":
		if byText {
			return func(a, b *object) int { return sign * cmp.Compare(strconv.Itoa(a.id), strconv.Itoa(b.id)) }
		}
		return func(a, b *object) int { return sign * cmp.Compare(a.id, b.id) }
	case "metadata.lastupdatedtime":
		return func(a, b *object) int { return sign * a.changes.updated.Compare(b.changes.updated) }
	case "":
		if s.entity == "Customer" {
			return func(a, b *object) int {
				return cmp.Compare(fmt.Sprint(a.fields()["FullyQualifiedName"]), fmt.Sprint(b.fields()["FullyQualifiedName"]))
			}
		}
		return func(a, b *object) int { return b.changes.updated.Compare(a.changes.updated) }
	}
	return func(a, b *object) int {
		x, _ := a.field(s.order)
		y, _ := b.field(s.order)
		order, _ := compare(x, fmt.Sprint(y))
		return sign * order
	}
}
