package quickbooks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/internal/receivable"
)

// attempts is how often a list that does not add up is read again from its start.
const attempts = 3

// load lists one entity by key range, each page going on after the last id: rows
// deleted meanwhile then shift nothing. That ids compare as numbers is not
// documented: they must rise, and at the end as many rows must have come as the
// vendor counts. Where either fails the entity is listed by position instead.
func load[T keyed](p *pass, each func(page rows[T], last bool) error) error {
	at := phases[p.cur.Phase]
	for {
		op := fmt.Sprintf("list %ss after %q", plain(at.entity), p.cur.After)
		after := ""
		if p.cur.After != "" {
			after = "Id > " + quote(p.cur.After)
		}
		got, err := query[T](p.ctx, &p.c.client, op, at.entity, where(inactiveToo(at.entity), after)+" ORDERBY Id", 1, p.c.page)
		if err != nil {
			return err
		}
		p.start(got.time, got.meta.At)
		before := p.cur.After
		if !p.rising(keysOf(got.list)) {
			return byPosition(p, each)
		}
		p.skip(got.bad)
		n := got.n()
		if n == p.c.page && p.cur.After == before {
			return p.c.http.Fail(op, connectors.Schema, "no row of a whole page can be read", "")
		}
		p.cur.Count += n
		p.cur.Hidden = p.cur.Hidden || got.unnamed()
		last := n < p.c.page
		if last {
			total, err := p.c.count(p.ctx, at.entity)
			if err != nil {
				return err
			}
			if total > p.cur.Count { // some came meanwhile, the vendor gives fewer at once, or ids do not compare as numbers
				more, err := p.tail(at.entity)
				if err != nil {
					return err
				}
				if more == 0 {
					return byPosition(p, each)
				}
				last = false
			}
		}
		if err := each(got, last); err != nil || last {
			return err
		}
	}
}

// tail counts what is behind the last id by now.
func (p *pass) tail(entity string) (int, error) {
	got, err := query[id](p.ctx, &p.c.client, "look behind the last "+plain(entity), entity, where(inactiveToo(entity), "Id > "+quote(p.cur.After))+" ORDERBY Id", 1, p.c.page)
	return got.n(), err
}

// id is a row of which only the id is read.
type id struct{ entity }

func keysOf[T keyed](list []T) []string {
	keys := make([]string, len(list))
	for i, row := range list {
		keys[i] = row.key()
	}
	return keys
}

// rising tells whether ids go on growing as numbers, and moves the place.
func (p *pass) rising(ids []string) bool {
	after := p.cur.After
	for _, id := range ids {
		if compareIDs(id, after) <= 0 {
			return false
		}
		after = id
	}
	p.cur.After = after
	return true
}

// skip moves the place beyond rows that could not be read, where their id is known.
func (p *pass) skip(bad []connectors.Rejected) {
	for _, b := range bad {
		if id := strings.TrimPrefix(b.Ref.External, memoPrefix); compareIDs(id, p.cur.After) > 0 {
			p.cur.After = id
		}
	}
}

// listing is the scope of a listing of everything. What it does not name is gone,
// unless a row hid its name: then what is missing is looked at, or left as it was.
func (p *pass) listing(kind receivable.ItemKind) *connectors.Scope {
	scope := &connectors.Scope{Kind: kind, Part: "all", Absent: connectors.AbsentGone}
	if p.cur.Hidden {
		scope.Absent = connectors.AbsentReread
	}
	return scope
}

// byPosition lists one entity by position, from its start: the count before and
// after, and the distinct rows, must agree, else it begins again.
func byPosition[T keyed](p *pass, each func(page rows[T], last bool) error) error {
	at := phases[p.cur.Phase]
	for range attempts {
		before, err := p.c.count(p.ctx, at.entity)
		if err != nil {
			return err
		}
		var pages []rows[T]
		seen := map[string]bool{}
		n := 0
		for first := 1; ; first += p.c.page {
			got, err := query[T](p.ctx, &p.c.client, fmt.Sprintf("list %ss from %d", plain(at.entity), first), at.entity, where(inactiveToo(at.entity))+" ORDERBY Id", first, p.c.page)
			if err != nil {
				return err
			}
			p.start(got.time, got.meta.At)
			got.list = slices.DeleteFunc(got.list, func(row T) bool {
				twice := seen[row.key()]
				seen[row.key()] = true
				return twice
			})
			n += got.n()
			pages = append(pages, got)
			if got.n() < p.c.page {
				break
			}
		}
		now, err := p.c.count(p.ctx, at.entity)
		if err != nil {
			return err
		}
		if now != before || n != now {
			continue
		}
		for i, page := range pages {
			p.cur.Hidden = p.cur.Hidden || page.unnamed()
			if err := each(page, i == len(pages)-1); err != nil {
				return err
			}
		}
		return nil
	}
	return p.c.http.Fail("list "+plain(at.entity)+"s", connectors.Temporary, "rows come and go faster than they can be listed", "")
}

// start remembers the server's time when the load began: changes are followed
// from there.
func (p *pass) start(server, ours time.Time) {
	if !p.cur.Since.IsZero() {
		return
	}
	p.cur.Since = server
	if server.IsZero() {
		p.cur.Since = ours
	}
}

// enter goes on to the next phase.
func (p *pass) enter(last bool) {
	if !last {
		return
	}
	if p.cur.Phase != loadInvoices { // credit memos go on with the listing of documents
		p.cur.Hidden = false
	}
	p.cur.Phase, p.cur.After, p.cur.Count = phases[p.cur.Phase].next, "", 0
}

func (p *pass) loadCustomers() error {
	if p.cur.Home == "" {
		var err error
		if p.cur.Home, err = p.c.knownHome(p.ctx); err != nil {
			return err
		}
	}
	return load(p, func(page rows[customer], last bool) error {
		out := connectors.Page{Listing: p.listing(receivable.ItemAccount), Whole: last, AsOf: page.meta.At, Bad: page.bad}
		if err := p.c.accounts(p.ctx, p.mapping(), &out, page.list); err != nil {
			return err
		}
		for _, row := range page.list {
			p.meet(row.key())
		}
		p.enter(last)
		return p.send(out)
	})
}

// meet remembers the newest customer of a list that holds all of them: older
// ones are known.
func (p *pass) meet(id string) {
	if compareIDs(id, p.cur.Newest) > 0 {
		p.cur.Newest = id
	}
}

func (p *pass) loadDocuments() error {
	at := p.cur.Phase
	return load(p, func(page rows[document], last bool) error {
		out := connectors.Page{Listing: p.listing(receivable.ItemDocument), Whole: last && at == loadCreditMemos, AsOf: page.meta.At, Bad: page.bad}
		p.c.documents(p.mapping(), &out, phases[at].entity, page.list)
		if err := p.debtors(&out); err != nil {
			return err
		}
		p.enter(last)
		return p.send(out)
	})
}

// debtors adds to a page the customers that its documents name and that appeared
// after the customers were read. A page of their own would carry the place that
// only the documents have reached.
func (p *pass) debtors(out *connectors.Page) error {
	var ids []string
	for _, doc := range out.Documents {
		if compareIDs(doc.Account, p.cur.Newest) > 0 && !p.met[doc.Account] {
			ids = append(ids, doc.Account)
			p.met[doc.Account] = true
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return p.c.debtors(p.ctx, p.mapping(), out, ids)
}

func (p *pass) loadPayments() error {
	return load(p, func(page rows[payment], last bool) error {
		out := connectors.Page{Listing: p.listing(receivable.ItemPayment), Whole: last, AsOf: page.meta.At, Bad: page.bad}
		p.c.payments(p.mapping(), &out, page.list)
		p.enter(last)
		return p.send(out)
	})
}
