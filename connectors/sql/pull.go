package sql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/manifest"
)

// Pull loads everything on the first pass, each kind of thing as a full listing,
// and then what changed. Kinds without a `changed` column are listed each time.
func (c *Connector) Pull(ctx context.Context, since connectors.Cursor) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		p := &pass{c: c, ctx: ctx, yield: yield}
		if err := p.run(since); err != nil && !errors.Is(err, errStopped) {
			yield(connectors.Page{}, err)
		}
	}
}

// List yields everything as listings: what they do not name is gone.
func (c *Connector) List(ctx context.Context, _ string) iter.Seq2[connectors.Page, error] {
	return c.Pull(ctx, nil)
}

// errStopped tells that the caller wants no more pages.
var errStopped = errors.New("stopped")

// hash names what the rows are keyed by: with other queries or keys, what a
// cursor says means nothing.
func (b *book) hash() string {
	h := sha256.New()
	list := b.sections()
	if b.Dues != nil {
		list = append(list, &b.Dues.Section)
	}
	for _, s := range list {
		fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00", s.name, s.Query, s.Key, s.Changed)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// pass is one Pull.
type pass struct {
	c     *Connector
	ctx   context.Context //nolint:containedctx // lives as long as the Pull
	yield func(connectors.Page, error) bool
	cur   cursor
}

func (p *pass) run(since connectors.Cursor) error {
	var err error
	if p.cur, err = readCursor(since); err != nil {
		return err
	}
	if p.cur.Database != "" && p.cur.Database != p.c.target.database {
		return &connectors.Error{
			Kind: connectors.Auth, Op: "sql: open the database",
			Detail: fmt.Sprintf("this connection has the books of database %q, the dsn opens %q", p.cur.Database, p.c.target.database),
			Do:     "put the first database back into the dsn, or configure the other one as a connection of its own",
		}
	}
	if p.cur.Manifest != p.c.hash {
		p.cur = cursor{Version: 1, Manifest: p.c.hash}
	}
	p.cur.Database = p.c.target.database
	if p.cur.Section == "" || p.c.book.section(p.cur.Section) == nil {
		if err := p.begin(); err != nil {
			return err
		}
	}
	sections := p.c.book.sections()
	at := slices.IndexFunc(sections, func(s *Section) bool { return s.name == p.cur.Section })
	for i, s := range sections[at:] {
		next := ""
		if at+i+1 < len(sections) {
			next = sections[at+i+1].name
		}
		if err := p.section(s, next); err != nil {
			return err
		}
	}
	return nil
}

// begin notes how far changes go now: what is changed from here on will be asked
// for by the next pass.
func (p *pass) begin() error {
	sections := p.c.book.sections()
	marks, began := map[string]mark{}, p.c.now()
	var names, most []string
	for _, s := range sections {
		if s.Changed != "" {
			names = append(names, s.name)
			most = append(most, fmt.Sprintf("(SELECT MAX(q.%s) %s) AS m%d", s.Changed, s.from(), len(most)))
		}
	}
	if len(most) > 0 {
		err := p.c.read(p.ctx, "look how far changes go", func(r *reader) error {
			return r.rows("SELECT "+strings.Join(most, ", "), nil, names, func(row manifest.Row) error {
				for _, name := range names {
					m := markOf(row[name])
					m.Seen = began
					if before, ok := p.cur.Marks[name]; ok && m.same(before) {
						m.Seen = before.Seen
					}
					if marks[name] = m; m.none() {
						delete(marks, name)
					}
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
	}
	p.cur.Began, p.cur.Section, p.cur.Full, p.cur.After, p.cur.Coming = began, sections[0].name, p.cur.Marks == nil, nil, marks
	return nil
}

// section reads the rows of one kind, page by page, and goes over to the next.
func (p *pass) section(s *Section, next string) error {
	known, marked := p.cur.Marks[s.name]
	listing := p.cur.Full || s.Changed == "" || !marked
	for {
		var got page
		began := p.c.now()
		err := p.c.read(p.ctx, "read "+s.name, func(r *reader) error {
			conditions, args := []string{}, []any{}
			if !listing {
				operator, since := known.after(p.c.target.dialect, p.cur.Began)
				args = append(args, since)
				conditions = append(conditions, fmt.Sprintf("q.%s %s %s", s.Changed, operator, p.c.target.mark(len(args))))
			}
			if p.cur.After != nil {
				args = append(args, p.c.keyParam(p.cur.After))
				conditions = append(conditions, fmt.Sprintf("q.%s > %s", s.Key, p.c.target.mark(len(args))))
			}
			var err error
			got, err = r.page(s, conditions, args)
			if err == nil && s.name == "invoices" {
				// Customers that appeared or changed after the customers were read.
				err = r.debtors(&got.Page, p.cur.Coming["customers"], p.cur.Began)
			}
			return err
		})
		if err != nil {
			err, _ := p.c.located(p.ctx, s, err)
			return err
		}
		out := got.Page
		out.AsOf = began
		if listing {
			out.Listing = &connectors.Scope{Kind: s.kind(), Part: "all", Absent: connectors.AbsentGone}
			out.Whole = !got.more
			out.Gone = nil // what is left out of a listing is gone by that
		}
		p.cur.After = got.last
		if !got.more {
			p.cur.Section, p.cur.After = next, nil
			if next == "" {
				p.cur.Marks, p.cur.Coming, p.cur.Full, p.cur.Began = p.cur.Coming, nil, false, time.Time{}
			}
		}
		if err := p.send(out); err != nil {
			return err
		}
		if !got.more {
			return nil
		}
	}
}

func (p *pass) send(out connectors.Page) error {
	out.Next = p.cur.next()
	if !p.yield(out, nil) {
		return errStopped
	}
	return nil
}
