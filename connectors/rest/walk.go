package rest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/connectors/manifest"
)

// walker reads the pages of a section, one after the other.
type walker struct {
	c    *Connector
	s    *Section
	from time.Time // of changes; zero: everything
	at   place

	seen     map[string]bool // hashes of pages
	tokens   map[string]bool // cursors and addresses asked for
	resumed  bool            // nothing was read yet since the place was stored
	lenient  bool            // a row that is missed is taken for gone by nobody
	restarts int
	empties  int // pages without rows in a row
}

// batch is one page.
type batch struct {
	rows  []any
	place place     // of the next page
	more  bool      // there is one
	asOf  time.Time // when it was asked for, by our clock
	date  time.Time // by the source's
}

// What bounds a walk: a source whose pages do not end is told, not followed.
const (
	mostRestarts = 5
	mostEmpties  = 100
	mostPages    = 1_000_000
)

// walk begins at a place, the zero place being the first page.
func (c *Connector) walk(s *Section, from time.Time, at place) *walker {
	w := &walker{c: c, s: s, from: from, at: at, resumed: at != place{}}
	if !w.resumed {
		w.at = s.Page.start()
	}
	w.forget()
	return w
}

func (w *walker) forget() { w.seen, w.tokens = map[string]bool{}, map[string]bool{} }

// next reads a page. Where rows moved between pages, or the place is no longer
// known to the source, it begins again with the first page.
func (w *walker) next(ctx context.Context) (batch, error) {
	for {
		from := w.at
		got, moved, err := w.page(ctx)
		if err == nil && moved == "" && w.doubts(from) {
			moved, err = w.check(ctx, from)
		}
		if err != nil && w.resumed && w.at.Next != "" && (httpapi.KindOf(err) == connectors.Invalid || httpapi.KindOf(err) == connectors.NotFound) {
			moved, err = "the place where the last reading stood is no longer known", nil
		}
		if err != nil || moved == "" {
			w.resumed = false
			return got, err
		}
		if w.restarts++; w.restarts > mostRestarts {
			return batch{}, w.c.http.Fail(w.op(), connectors.Temporary, moved, "nothing: it is tried again at the next pass, when fewer rows may move while they are read")
		}
		w.at, w.resumed = w.s.Page.start(), false
		w.forget()
	}
}

func (w *walker) op() string {
	if w.at.Pages == 0 {
		return "list " + w.s.name
	}
	return fmt.Sprintf("list %s, page %d", w.s.name, w.at.Pages+1)
}

// doubts tells whether rows may have moved up from the page at a place to the one
// before it, which was read earlier: where pages are numbered, and no total tells
// of it.
func (w *walker) doubts(at place) bool {
	if w.s.Page.By != byNumber || at.Last == "" {
		return false
	}
	return w.resumed || w.s.Page.Until != untilTotal && !w.lenient
}

// check looks, now that the page at a place is read, whether the one before it is
// still as it was: of rows that were removed meanwhile, as many others moved up,
// and would be missed.
func (w *walker) check(ctx context.Context, at place) (moved string, err error) {
	last := at.Last
	at.Page--
	a := &answer{items: w.s.Items, id: w.s.id}
	if err := w.ask(ctx, &at, a); err != nil {
		return "", err
	}
	if a.hash != last {
		return "rows moved while they were read", nil
	}
	w.seen[a.hash] = true
	return "", nil
}

// ask asks for the page at a place.
func (w *walker) ask(ctx context.Context, at *place, a *answer) error {
	err := w.c.ask(ctx, w.op(), &w.s.request, w.s, values{page: at}, w.from, a)
	if w.s.Empty.is(err) {
		a.rows, a.hash = nil, ""
		return nil
	}
	return err
}

// is tells whether a refusal means that there are no rows.
func (e *empty) is(err error) bool {
	return e != nil && httpapi.StatusOf(err) == e.Status && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(e.Contains))
}

// page reads the page at the walker's place, and finds the next.
func (w *walker) page(ctx context.Context) (got batch, moved string, err error) {
	g := &w.s.Page
	if w.at.Pages >= mostPages {
		return got, "", w.endless(fmt.Sprintf("more than %d pages", mostPages))
	}
	at := w.at
	overlap := g.By == byOffset && at.Last != "" // the row before is asked for once more: it tells whether rows moved
	a := &answer{items: w.s.Items, id: w.s.id, seen: w.seen}
	if overlap {
		at.Offset--
		a.again = 1
	}
	if err := w.ask(ctx, &at, a); err != nil {
		return got, "", err
	}
	rows := a.rows
	if overlap {
		if len(rows) == 0 || w.key(rows[0]) != w.at.Last {
			return got, "rows moved while they were read", nil
		}
		rows = rows[1:]
	}
	if w.seen[a.hash] = true; len(rows) > 0 {
		w.empties = 0
	} else if w.empties++; w.empties > mostEmpties {
		return got, "", w.endless(fmt.Sprintf("%d pages without a row", w.empties))
	}
	got = batch{rows: rows, place: w.at, asOf: a.at, date: a.date}
	next := &got.place
	next.Pages++
	next.Count += len(rows)
	if g.counts() {
		got.more, moved, err = w.counted(a, len(rows), next)
	} else if g.By != "" {
		got.more, err = w.told(a, next)
	}
	w.at = got.place
	return got, moved, err
}

// counted finds whether a page follows that is reached by counting.
func (w *walker) counted(a *answer, rows int, next *place) (more bool, moved string, err error) {
	g := &w.s.Page
	next.Page++
	next.Offset += rows
	switch next.Last = a.hash; {
	case g.By == byOffset && rows > 0:
		next.Last = w.key(a.rows[len(a.rows)-1])
	case g.By == byNumber && rows < g.Size:
		next.Last = "" // no row had its place on the next page
	}
	switch g.Until {
	case untilShort:
		return len(a.rows) >= g.Size && rows > 0, "", nil
	case untilTotal:
		text, err := g.Total.Text("total", a.root)
		if err != nil {
			return false, "", w.c.http.Fail(w.op(), connectors.Schema, err.Error(), "")
		}
		total, err := strconv.Atoi(text)
		switch {
		case err != nil:
			return false, "", w.c.http.Fail(w.op(), connectors.Schema, fmt.Sprintf("total: %q is no number of rows (%s)", text, g.Total.Place()), "")
		case next.Pages > 1 && total < w.at.Total:
			return false, "rows went while they were read", nil
		case rows == 0 && next.Count < total:
			return false, fmt.Sprintf("the answer tells of %d rows, the pages hold %d", total, next.Count), nil
		}
		next.Total = total
		return next.Count < total, "", nil
	}
	return rows > 0, "", nil
}

// key is the key of a row, "" where it has none.
func (w *walker) key(v any) string {
	row, err := manifest.RowOf(v)
	if err != nil || w.s.id == nil {
		return ""
	}
	key, _ := w.s.id.Text("id", row) // one without a key is told when it is mapped
	return key
}

// told finds the next page where the source says.
func (w *walker) told(a *answer, next *place) (more bool, err error) {
	switch w.s.Page.By {
	case byLink:
		next.Next = linkNext(a.header)
	default:
		next.Next, err = w.s.Page.Next.Text("next", a.root)
		if err != nil {
			return false, w.c.http.Fail(w.op(), connectors.Schema, err.Error(), "")
		}
	}
	ended := w.s.Page.Until == untilEmpty && len(a.rows) == 0 || w.s.Page.Until == untilShort && len(a.rows) < w.s.Page.Size
	if next.Next == "" || ended {
		return false, nil
	}
	if w.tokens[next.Next] || next.Next == w.at.Next {
		return false, w.endless("the source names a page as the next that was read before")
	}
	w.tokens[next.Next] = true
	if w.s.Page.By != byCursor {
		if _, err := w.c.follow(httpapi.Call{}, &w.s.request, next.Next); err != nil {
			return false, w.c.http.Fail(w.op(), connectors.Invalid, err.Error(), "set base_url to the address that the interface names, if that is the vendor's")
		}
	}
	return true, nil
}

func (w *walker) endless(detail string) error {
	return w.c.http.Fail(w.op(), connectors.Schema, "the pages do not end: "+detail, "correct page: of "+w.s.name+" in the manifest")
}

// linkNext finds the address of the next page in the header Link (RFC 8288).
func linkNext(h http.Header) string {
	for _, line := range h.Values("Link") {
		for line != "" {
			start := strings.IndexByte(line, '<')
			end := strings.IndexByte(line, '>')
			if start < 0 || end < start {
				break
			}
			target, rest := line[start+1:end], line[end+1:]
			parameters := rest
			if i := strings.Index(rest, ",<"); i >= 0 {
				parameters, line = rest[:i], rest[i+1:]
			} else if i := strings.Index(rest, ", <"); i >= 0 {
				parameters, line = rest[:i], rest[i+2:]
			} else {
				line = ""
			}
			for _, p := range strings.Split(parameters, ";") {
				name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
				for _, rel := range strings.Fields(strings.Trim(strings.TrimSpace(value), `"`)) {
					if strings.EqualFold(strings.TrimSpace(name), "rel") && strings.EqualFold(rel, "next") {
						return target
					}
				}
			}
		}
	}
	return ""
}
