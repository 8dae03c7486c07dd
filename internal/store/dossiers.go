package store

import (
	"context"
	"fmt"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// remembered is how long ended holds, promises and disputes stay in a dossier.
const remembered = 400 * 24 * time.Hour

// gathering builds the dossiers of many customers in few queries.
type gathering struct {
	*Tx
	at        time.Time                    // zero: as it stands now
	order     map[dossier.CustomerID]int64 // the root of each customer asked for
	roots     []int64
	members   []int64                           // customers joined under the roots, roots included
	own       map[int64]ownFacts                // of each member
	is        func(column string, n int) string // the condition that a column is one of the members, bound as argument n
	who       any                               // that argument
	by        map[int64]*dossier.Dossier
	documents []dossier.DocumentID // besides open ones
	lines     map[dossier.DueID]*dossier.Dossier
}

// part is a part of the dossiers: what it asks, and what makes facts of the
// answers once all of them are there; nil where reading them does.
type part func() (asked []question, finish func() error)

// read asks what the parts ask, all together, and finishes them in order.
func (g *gathering) read(parts ...part) error {
	var asked []question
	var finishes []func() error
	for _, p := range parts {
		questions, finish := p()
		asked = append(asked, questions...)
		if finish != nil {
			finishes = append(finishes, finish)
		}
	}
	if err := g.together(asked...); err != nil {
		return err
	}
	for _, finish := range finishes {
		if err := finish(); err != nil {
			return err
		}
	}
	return nil
}

// Dossier is all that is known of one customer now. A joined account's customer
// gives the dossier of who pays for it.
func (tx *Tx) Dossier(id dossier.CustomerID) (dossier.Dossier, error) {
	return tx.dossier(id, gathering{})
}

// Dossier is Tx.Dossier in a transaction of its own.
func (s *Store) Dossier(ctx context.Context, id dossier.CustomerID) (dossier.Dossier, error) {
	return view(ctx, s, func(tx *Tx) (dossier.Dossier, error) { return tx.Dossier(id) })
}

// Dossiers returns those of many customers in few queries, in the order of ids,
// unknown ones left out.
func (s *Store) Dossiers(ctx context.Context, ids []dossier.CustomerID) ([]dossier.Dossier, error) {
	return view(ctx, s, func(tx *Tx) ([]dossier.Dossier, error) { return tx.gather(ids, gathering{}) })
}

// DossierOf is Dossier with all lines of one document, settled ones too.
func (s *Store) DossierOf(ctx context.Context, id dossier.CustomerID, document dossier.DocumentID) (dossier.Dossier, error) {
	return view(ctx, s, func(tx *Tx) (dossier.Dossier, error) {
		return tx.dossier(id, gathering{documents: []dossier.DocumentID{document}})
	})
}

// DossierAt rebuilds the dossier as it was known at a past moment.
func (s *Store) DossierAt(ctx context.Context, id dossier.CustomerID, at time.Time) (dossier.Dossier, error) {
	return view(ctx, s, func(tx *Tx) (dossier.Dossier, error) { return tx.dossier(id, gathering{at: at}) })
}

func (tx *Tx) dossier(id dossier.CustomerID, g gathering) (dossier.Dossier, error) {
	list, err := tx.gather([]dossier.CustomerID{id}, g)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("customer %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return dossier.Dossier{}, err
	}
	return list[0], nil
}

// CustomerIDs returns all customers of the company that are chased on their own
// account, by id.
func (s *Store) CustomerIDs(ctx context.Context, company receivable.CompanyID) ([]dossier.CustomerID, error) {
	return s.ids(ctx, "SELECT id FROM customer WHERE company = $1 AND root = id ORDER BY id", company)
}

// OpenCustomerIDs is CustomerIDs, those with an open due line.
func (s *Store) OpenCustomerIDs(ctx context.Context, company receivable.CompanyID) ([]dossier.CustomerID, error) {
	return s.ids(ctx, `SELECT DISTINCT c.root FROM due l JOIN customer c ON c.id = l.customer
WHERE l.outstanding <> 0 AND l.gone_at = 0 AND c.company = $1 ORDER BY c.root`, company)
}

func (s *Store) ids(ctx context.Context, query string, args ...any) ([]dossier.CustomerID, error) {
	return view(ctx, s, func(tx *Tx) ([]dossier.CustomerID, error) {
		return all(tx, func(scan scanner) (dossier.CustomerID, error) {
			var id dossier.CustomerID
			err := scan(&id)
			return id, err
		}, query, args...)
	})
}

func (tx *Tx) gather(ids []dossier.CustomerID, g gathering) ([]dossier.Dossier, error) {
	g.Tx = tx
	is, who := among(tx, ids)
	err := tx.together(g.whom(is("a.id", 1), who))
	if err == nil {
		err = g.facts()
	}
	if err != nil {
		return nil, err
	}
	list := make([]dossier.Dossier, 0, len(ids))
	for _, id := range ids {
		if root, ok := g.order[id]; ok {
			list = append(list, *g.by[root])
		}
	}
	return list, nil
}

// facts builds the dossiers of those that whom found, and asks more with them.
func (g *gathering) facts(more ...question) error {
	g.by, g.lines = map[int64]*dossier.Dossier{}, map[dossier.DueID]*dossier.Dossier{}
	for _, root := range g.order {
		if g.by[root] == nil {
			g.by[root] = &dossier.Dossier{}
			g.roots = append(g.roots, root)
		}
	}
	if len(g.members) == 0 {
		return g.together(more...)
	}
	g.is, g.who = among(g.Tx, g.members)
	besides := func() ([]question, func() error) { return more, nil }
	err := g.read(g.customers, g.messages, g.books, g.credits, g.holds, g.promises, g.disputes, g.replies, g.tasks, g.bounced, g.undelivered, besides)
	if err == nil {
		err = g.read(g.settlements, g.taken)
	}
	if err != nil {
		return fmt.Errorf("dossier: %w", err)
	}
	return nil
}

// of returns the dossier that a member's facts belong to.
func (g *gathering) of(member int64) *dossier.Dossier { return g.by[g.own[member].root] }

// past tells whether something lies after the moment asked for.
func (g *gathering) past(t time.Time) bool { return !g.at.IsZero() && t.After(g.at) }

// until forgets an end that lies after the moment asked for.
func (g *gathering) until(t *time.Time) {
	if g.past(*t) {
		*t = time.Time{}
	}
}

// old replaces a row's content by what it was at the moment asked for.
func (g *gathering) old(table string, ids []int64) (map[int64]string, error) {
	found := map[int64]string{}
	if g.at.IsZero() || len(ids) == 0 {
		return found, nil
	}
	err := g.each(func(scan scanner) error {
		var id int64
		var content string
		err := scan(&id, &content)
		found[id] = content
		return err
	}, "SELECT row_id, content FROM history WHERE tbl = $1 AND "+g.in("row_id", 2)+" AND from_at <= $3 AND until_at > $3 ORDER BY id", table, numbers(ids), g.at)
	return found, err
}
