package quickbooks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/internal/oauth"
)

const (
	pageSize  = 1000 // the vendor's most
	idsAtOnce = 200  // in one IN (…): the statement stands in the address
)

// The entities that are read.
const (
	customers   = "Customer"
	invoices    = "Invoice"
	creditMemos = "CreditMemo"
	payments    = "Payment"
)

// client speaks the accounting interface v3 in the vendor's words.
type client struct {
	http   *httpapi.Client
	tokens connectors.Tokens
	grant  oauth.Client
	realm  string // of the configuration; "" the one that came with the permission
	page   int    // rows of one answer
}

// path begins every address with the company.
func (c *client) path(ctx context.Context, rest string) (string, error) {
	realm := c.realm
	if realm == "" {
		t, err := c.tokens.Token(ctx, c.grant, "")
		if err != nil {
			return "", c.http.Wrap(ctx, "find the company", err)
		}
		realm = t.Facts[factRealm]
	}
	if realm == "" {
		return "", c.http.Fail("find the company", connectors.Auth, "the permission does not say for which company it is", "write realm_id, or run relanced connect NAME again")
	}
	return "/v3/company/" + url.PathEscape(realm) + rest, nil
}

func (c *client) get(ctx context.Context, op, rest string, query url.Values) (answer, httpapi.Meta, error) {
	var a answer
	path, err := c.path(ctx, rest)
	if err != nil {
		return a, httpapi.Meta{}, err
	}
	if query == nil {
		query = url.Values{}
	}
	query.Set("minorversion", "75")
	meta, err := c.http.Get(ctx, op, path, query, &a)
	return a, meta, err
}

// quote writes a literal of the query language.
func quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

// quoted writes ids as the literals of a list.
func quoted(ids []string) string {
	literals := make([]string, len(ids))
	for i, id := range ids {
		literals[i] = quote(id)
	}
	return strings.Join(literals, ",")
}

// inactiveToo: name lists leave out inactive rows unless they are asked for.
func inactiveToo(entity string) string {
	if entity == customers {
		return "Active IN (true,false)"
	}
	return ""
}

func where(conditions ...string) string {
	conditions = slices.DeleteFunc(conditions, func(c string) bool { return c == "" })
	if len(conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(conditions, " AND ")
}

// keyed is an entity with an id.
type keyed interface {
	key() string
	updated() time.Time
	edit() string
	deleted() bool
}

// rows is what one statement yielded.
type rows[T keyed] struct {
	list []T
	bad  []connectors.Rejected
	meta httpapi.Meta
	time time.Time // the server's
}

func (r *rows[T]) n() int { return len(r.list) + len(r.bad) }

func (r *rows[T]) add(more rows[T]) {
	r.list, r.bad = append(r.list, more.list...), append(r.bad, more.bad...)
}

// unnamed tells that a row of which not even the id is known could not be read.
func (r *rows[T]) unnamed() bool {
	return slices.ContainsFunc(r.bad, func(b connectors.Rejected) bool { return b.Ref.External == "" })
}

// query reads one window of a statement: at most n rows from the first-th on. A
// page that one row spoils is halved until the row stands alone; it is
// reported, and the others are kept.
func query[T keyed](ctx context.Context, c *client, op, entity, statement string, first, n int) (rows[T], error) {
	text := fmt.Sprintf("SELECT * FROM %s%s", entity, statement)
	if first > 1 {
		text += fmt.Sprintf(" STARTPOSITION %d", first)
	}
	a, meta, err := c.get(ctx, op, "/query", url.Values{"query": {text + fmt.Sprintf(" MAXRESULTS %d", n)}})
	out := rows[T]{meta: meta, time: a.at()}
	switch {
	case isPoisoned(err) && n == 1:
		out.bad = []connectors.Rejected{rejected(entity, "", spoilt(entity, err))}
		return out, nil
	case isPoisoned(err):
		half := n / 2
		if out, err = query[T](ctx, c, op, entity, statement, first, half); err != nil {
			return out, err
		}
		if len(out.list)+len(out.bad) < half { // there is nothing behind it
			return out, nil
		}
		rest, err := query[T](ctx, c, op, entity, statement, first+half, n-half)
		out.list, out.bad = append(out.list, rest.list...), append(out.bad, rest.bad...)
		return out, err
	case err != nil:
		return out, err
	}
	err = out.take(entity, a.Query[entity])
	if err != nil {
		return out, c.http.Fail(op, connectors.Schema, err.Error(), "")
	}
	return out, nil
}

// take decodes rows; one that cannot be is reported.
func (r *rows[T]) take(entity string, list json.RawMessage) error {
	if len(list) == 0 {
		return nil // an empty page has no list
	}
	got, err := httpapi.Rows[T](list, func(raw json.RawMessage, err error) {
		var known struct {
			ID httpapi.Text `json:"Id"`
		}
		_ = json.Unmarshal(raw, &known)
		r.bad = append(r.bad, connectors.Rejected{Ref: connectors.Ref{Kind: kindOf(entity), External: external(entity, string(known.ID))}, Text: "cannot be read: " + unlike(err)})
	})
	r.list = append(r.list, got...)
	return err
}

// unlike says in a person's words how a row differs from what is known.
func unlike(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return strings.TrimSpace(fmt.Sprintf("%s is of another type than known (%s)", cmp.Or(e.Field, "it"), e.Value))
	}
	return err.Error()
}

func isPoisoned(err error) bool {
	e, ok := errors.AsType[*connectors.Error](err)
	return ok && strings.HasPrefix(e.Detail, poisoned)
}

// spoilt tells a person of a row that the vendor cannot give.
func spoilt(entity string, err error) string {
	detail := ""
	if e, ok := errors.AsType[*connectors.Error](err); ok {
		detail = strings.TrimPrefix(e.Detail, poisoned+": ")
	}
	return fmt.Sprintf("QuickBooks cannot give one %s (%s): correct the e-mail addresses on it there", plain(entity), detail)
}

// count asks how many rows of an entity there are.
func (c *client) count(ctx context.Context, entity string) (int, error) {
	op := "count " + plain(entity) + "s"
	a, _, err := c.get(ctx, op, "/query", url.Values{"query": {"SELECT COUNT(*) FROM " + entity + where(inactiveToo(entity))}})
	if err != nil {
		return 0, err
	}
	told, there := a.Query["totalCount"]
	if !there {
		return 0, nil // of an answer without rows nothing but the braces is left
	}
	n, err := strconv.Atoi(strings.Trim(string(told), `"`))
	if err != nil {
		return 0, c.http.Fail(op, connectors.Schema, "the answer holds no number", "")
	}
	return n, nil
}

// byID reads rows with the given ids; those that are not there are missing from
// the answer.
func byID[T keyed](ctx context.Context, c *client, op, entity string, ids []string) (rows[T], error) {
	var out rows[T]
	for chunk := range slices.Chunk(ids, min(idsAtOnce, c.page)) {
		got, err := query[T](ctx, c, op, entity, where(inactiveToo(entity), "Id IN ("+quoted(chunk)+")")+" ORDERBY Id", 1, c.page)
		if err != nil {
			return out, err
		}
		if out.meta.At.IsZero() {
			out.meta = got.meta
		}
		out.list, out.bad = append(out.list, got.list...), append(out.bad, got.bad...)
	}
	return out, nil
}

// compareIDs compares decimal numbers kept as text.
func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}
