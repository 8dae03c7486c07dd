package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"relanced/connectors"
	"relanced/connectors/manifest"
	"relanced/internal/receivable"
)

// noTime asks for everything.
var noTime time.Time

// cursor is where a connection's reading stands.
type cursor struct {
	Version  int    `json:"v"`
	Books    string `json:"books,omitempty"`    // the key of the company, where the manifest says how to ask for it
	Manifest string `json:"manifest,omitempty"` // hash of it: another one begins again

	// Of a reading under way: the section, whether it is a listing of everything,
	// where in the section, and the marks for when all is read.
	Section string               `json:"section,omitempty"`
	Full    bool                 `json:"full,omitempty"`
	Place   place                `json:"place,omitzero"`
	Coming  map[string]time.Time `json:"coming,omitempty"`

	Marks map[string]time.Time `json:"marks,omitempty"` // by section, by the source's clock: changes up to here are known
	Done  bool                 `json:"done,omitempty"`  // everything was read once
}

func readCursor(since connectors.Cursor) (cursor, error) {
	cur := cursor{Version: 1}
	if len(since) == 0 || string(since) == "null" {
		return cur, nil
	}
	if err := json.Unmarshal(since, &cur); err != nil {
		return cur, fmt.Errorf("rest: stored cursor: %w", err)
	}
	return cur, nil
}

func (cur cursor) next() connectors.Cursor {
	text, _ := json.Marshal(cur) // plain fields: cannot fail
	return text
}

// Restart returns the cursor of a full load that still knows whose books these are.
func (c *Connector) Restart(since connectors.Cursor) connectors.Cursor {
	cur, err := readCursor(since)
	if err != nil {
		return nil
	}
	return cursor{Version: 1, Books: cur.Books}.next()
}

// Owner names the company by its key, and the address it is read at: keys of two
// servers may be alike.
func (c *Connector) Owner(at connectors.Cursor) string {
	cur, err := readCursor(at)
	if err != nil || cur.Books == "" {
		return ""
	}
	return c.base.String() + " " + cur.Books
}

// errStopped tells that the caller wants no more pages.
var errStopped = errors.New("stopped")

// Pull lists everything on the first pass, and then what changed. Kinds of which
// the manifest does not say how to ask for changes are listed each time.
func (c *Connector) Pull(ctx context.Context, since connectors.Cursor) iter.Seq2[connectors.Page, error] {
	return c.read(ctx, since, since == nil)
}

// read makes a pass. first: nothing was ever read, and what it lacks is nothing
// that was known.
func (c *Connector) read(ctx context.Context, since connectors.Cursor, first bool) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		p := &pass{c: c, ctx: ctx, yield: yield, first: first, known: map[string]bool{}, absent: map[string]bool{}}
		if err := p.run(since); err != nil && !errors.Is(err, errStopped) {
			yield(connectors.Page{}, err)
		}
	}
}

// List yields everything as listings.
func (c *Connector) List(ctx context.Context, _ string) iter.Seq2[connectors.Page, error] {
	return c.read(ctx, nil, false)
}

// pass is one Pull.
type pass struct {
	c     *Connector
	ctx   context.Context //nolint:containedctx // lives as long as the Pull
	yield func(connectors.Page, error) bool
	cur   cursor
	first bool // of all

	known    map[string]bool // customers that came in this pass
	complete bool            // they are all that there are
	absent   map[string]bool // customers that were looked for in vain
}

func (p *pass) run(since connectors.Cursor) error {
	var err error
	if p.cur, err = readCursor(since); err != nil {
		return err
	}
	if p.cur.Manifest != p.c.book.hash {
		p.cur = cursor{Version: 1, Books: p.cur.Books, Manifest: p.c.book.hash}
	}
	if err := p.own(); err != nil {
		return err
	}
	sections := p.c.book.sections()
	at := slices.IndexFunc(sections, func(s *Section) bool { return s.name == p.cur.Section })
	if at < 0 {
		at = 0
		p.cur.Section, p.cur.Place, p.cur.Full, p.cur.Coming = sections[0].name, place{}, !p.cur.Done, map[string]time.Time{}
	}
	for i := at; i < len(sections); i++ {
		var next *Section
		if i+1 < len(sections) {
			next = sections[i+1]
		}
		if err := p.section(sections[i], next); err != nil {
			return err
		}
	}
	return nil
}

// own refuses other books than those that the connection has.
func (p *pass) own() error {
	if p.c.book.Probe == nil || p.c.book.Probe.ID.IsZero() {
		return nil
	}
	_, id, _, err := p.c.whose(p.ctx)
	if err != nil {
		return err
	}
	if p.cur.Books != "" && p.cur.Books != id {
		return p.c.http.Fail("ask whose books these are", connectors.Auth,
			fmt.Sprintf("%s has the books of company %s, this connection those of company %s", p.c.base.Host, id, p.cur.Books),
			"put the first address and access back, or configure the other company as a connection of its own")
	}
	p.cur.Books = id
	return nil
}

// section reads the rows of one kind, page by page, and goes over to the next.
func (p *pass) section(s, next *Section) error {
	listing := p.cur.Full || !p.c.book.partial(s.kind())
	var from time.Time
	if !listing && !p.cur.Full && s.Since != nil {
		from = p.cur.Marks[s.name]
	}
	whole := p.cur.Place == place{} // all of it is read by this pass
	w := p.c.walk(s, from, p.cur.Place)
	w.lenient = p.first || listing && p.c.scope(s).Absent == connectors.AbsentReread
	for {
		b, err := w.next(p.ctx)
		if err != nil {
			return err
		}
		if _, known := p.cur.Coming[s.name]; !known && s.Since != nil {
			p.cur.Coming[s.name] = b.date
		}
		out := connectors.Page{AsOf: b.asOf}
		if err := p.fill(s, b.rows, &out); err != nil {
			return err
		}
		if listing {
			out.Listing = p.c.scope(s)
			out.Whole = !b.more && (next == nil || next.kind() != s.kind())
			out.Gone = nil // what is left out of a listing is gone by that
		}
		p.cur.Place = b.place
		if !b.more {
			p.end(next)
		}
		if s.kind() == receivable.ItemAccount {
			p.learn(&out)
			p.complete = !b.more && whole && from.IsZero()
		}
		out.Next = p.cur.next()
		if !p.yield(out, nil) {
			return errStopped
		}
		if !b.more {
			return nil
		}
	}
}

// end goes over to the next section, or notes that everything is read.
func (p *pass) end(next *Section) {
	p.cur.Place = place{}
	if next != nil {
		p.cur.Section = next.name
		return
	}
	p.cur.Section, p.cur.Full, p.cur.Marks, p.cur.Coming, p.cur.Done = "", false, p.cur.Coming, nil, true
}

// scope is what a listing covers. Invoices that it lacks are looked for one by
// one where they can be: rows that move between pages are missed now and then.
func (c *Connector) scope(s *Section) *connectors.Scope {
	scope := &connectors.Scope{Kind: s.kind(), Part: "all", Absent: connectors.AbsentGone}
	if s.kind() == receivable.ItemDocument && c.book.Invoices.Read != nil && c.book.CreditNotes == nil {
		scope.Absent = connectors.AbsentReread
	}
	return scope
}

// fill maps the rows of a page, with what they need besides.
func (p *pass) fill(s *Section, rows []any, out *connectors.Page) error {
	rows, err := p.c.detailed(p.ctx, s, rows, out)
	if err != nil {
		return err
	}
	for _, row := range rows {
		p.c.take(s, row, out)
	}
	if s.kind() == receivable.ItemDocument {
		return p.debtors(out)
	}
	return nil
}

func (p *pass) learn(out *connectors.Page) {
	for _, a := range out.Accounts {
		p.known[a.External] = true
	}
}

// debtors adds the customers that the page's documents name and that this pass
// has not seen: those that appeared after the customers were read.
func (p *pass) debtors(out *connectors.Page) error {
	missing := accountsOf(out.Documents, func(key string) bool { return p.known[key] || p.absent[key] })
	if len(missing) == 0 {
		return nil
	}
	s := &p.c.book.Customers.Section
	switch {
	case s.Read != nil && (p.complete || s.Since == nil):
		rows, _, err := p.c.byKeys(p.ctx, s, missing, out)
		if err != nil {
			return err
		}
		for _, row := range rows {
			p.c.take(s, row, out)
		}
	default:
		var from time.Time
		if s.Since != nil && !p.cur.Coming[s.name].IsZero() {
			from = p.cur.Coming[s.name]
		}
		if err := p.relist(s, from, out); err != nil {
			return err
		}
		p.complete = p.complete || from.IsZero()
	}
	p.learn(out)
	if p.complete {
		for _, key := range missing {
			p.absent[key] = !p.known[key]
		}
	}
	return nil
}

// relist reads the customers again, or what of them changed.
func (p *pass) relist(s *Section, from time.Time, out *connectors.Page) error {
	w := p.c.walk(s, from, place{})
	for {
		b, err := w.next(p.ctx)
		if err != nil {
			return err
		}
		rows, err := p.c.detailed(p.ctx, s, b.rows, out)
		if err != nil {
			return err
		}
		for _, row := range rows {
			p.c.take(s, row, out)
		}
		if !b.more {
			return nil
		}
	}
}

// accountsOf are the customers that documents name, without those that known
// knows.
func accountsOf(documents []receivable.Document, known func(string) bool) []string {
	var keys []string
	for i := range documents {
		key := documents[i].Account
		if key != "" && (known == nil || !known(key)) && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// take maps a row of a section into the page; one that does not fit is among
// the bad ones, one that is skipped among those that are gone.
func (c *Connector) take(s *Section, v any, into *connectors.Page) {
	ref := connectors.Ref{Kind: s.kind()}
	row, err := manifest.RowOf(v)
	if err == nil {
		err = c.mapped(s, row, into)
		if s.id != nil {
			ref.External, _ = s.id.Text("id", row) // its error is already err
		}
	}
	switch {
	case err == nil:
	case !errors.Is(err, manifest.ErrSkip):
		into.Bad = append(into.Bad, connectors.Rejected{Ref: ref, Text: err.Error()})
	case ref.External != "": // it may have been for the books before
		into.Gone = append(into.Gone, ref)
	}
}

func (c *Connector) mapped(s *Section, row manifest.Row, into *connectors.Page) error {
	switch s.name {
	case "customers":
		a, notes, err := c.book.Customers.Map.Read(row)
		if err == nil {
			into.Accounts = append(into.Accounts, a)
		}
		for _, note := range notes {
			into.Notes = append(into.Notes, connectors.Rejected{Ref: connectors.Ref{Kind: receivable.ItemAccount, External: a.External}, Text: note})
		}
		return err
	case "invoices":
		d, err := c.book.Invoices.Map.Read(row, c.defaults)
		if err == nil {
			into.Documents = append(into.Documents, d)
		}
		return err
	case "credit_notes":
		defaults := c.defaults
		defaults.Kind = receivable.CreditNote
		d, err := c.book.CreditNotes.Map.Read(row, defaults)
		if err == nil {
			into.Documents = append(into.Documents, d)
		}
		return err
	case "payments":
		p, links, err := c.book.Payments.Map.Read(row, c.defaults)
		if err == nil {
			into.Payments, into.Allocations = append(into.Payments, p), append(into.Allocations, links...)
		}
		if key, keyErr := s.id.Text("id", row); keyErr == nil && c.book.Payments.Map.Links() && (err == nil || errors.Is(err, manifest.ErrSkip)) {
			into.Groups = append(into.Groups, manifest.LinksOf(key))
		}
		return err
	}
	links, whole, err := c.book.Allocations.Map.Read(row, c.defaults)
	if err == nil {
		into.Allocations = append(into.Allocations, links...)
	}
	if whole != "" && (err == nil || errors.Is(err, manifest.ErrSkip)) {
		into.Groups = append(into.Groups, whole)
	}
	return err
}
