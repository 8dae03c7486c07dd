package store

import (
	"context"
	"fmt"
	"strings"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/receivable"
)

// maxCandidates is how many meanings of an ambiguous name are told.
const maxCandidates = 10

// candidate is one thing that a name may mean.
type candidate struct {
	id    int64
	owner int64
	label string
}

// FindCustomer finds one by CONNECTION/CODE, code, external id, name or address,
// in that order: the first of these that fits decides. company "" looks in all.
// ErrNotFound, *AmbiguousError.
func (s *Store) FindCustomer(ctx context.Context, company receivable.CompanyID, name string) (dossier.CustomerID, error) {
	from := ` FROM customer k JOIN account a ON a.customer = k.id JOIN connection n ON n.id = a.connection WHERE ($1 = '' OR k.company = $1) AND `
	ways := []way{}
	if connection, code, ok := strings.Cut(name, "/"); ok {
		ways = append(ways, way{from + "n.name = $2 AND (k.code = $3 OR a.external = $3)", []any{connection, code}})
	}
	ways = append(ways,
		way{from + "k.code = $2", []any{name}},
		way{from + "a.external = $2", []any{name}},
		way{from + "lower(k.code) = lower($2)", []any{name}},
		way{from + "(lower(a.name) = lower($2) OR a.name = $2)", []any{name}})
	if email.IsAddress(name) {
		ways = append(ways, way{from + "k.id IN (SELECT customer FROM contact WHERE address = $2)", []any{email.Canonical(name)}})
	}
	ways = append(ways, way{from + "k.overlay <> '' AND k.overlay LIKE $2 ESCAPE '!'", []any{`%"Name":` + like(encode(name)) + `,%`}})
	found, err := s.find(ctx, company, name, ways, "k.root, 0, n.name || '/' || k.code")
	if err != nil {
		return 0, fmt.Errorf("customer %w", err)
	}
	return dossier.CustomerID(found.id), nil
}

// like makes text match itself in LIKE … ESCAPE '!'.
func like(text string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text)
}

// FindInvoice finds a document by CONNECTION/NUMBER, number or external id.
// ErrNotFound, *AmbiguousError.
func (s *Store) FindInvoice(ctx context.Context, company receivable.CompanyID, name string) (dossier.DocumentID, dossier.CustomerID, error) {
	from := ` FROM document d JOIN customer k ON k.id = d.customer JOIN connection n ON n.id = d.connection WHERE ($1 = '' OR k.company = $1) AND `
	ways := []way{{from + "d.folded = $2 AND d.number = $3", []any{fold(name), name}}}
	if connection, number, ok := strings.Cut(name, "/"); ok {
		ways = append(ways, way{from + "n.name = $2 AND ((d.folded = $3 AND d.folded <> '') OR d.external = $4)", []any{connection, fold(number), number}})
	}
	ways = append(ways,
		way{from + "d.folded = $2 AND d.folded <> ''", []any{fold(name)}},
		way{from + "d.external = $2", []any{name}})
	found, err := s.find(ctx, company, name, ways, "d.id, k.root, n.name || '/' || d.number")
	if err != nil {
		return 0, 0, fmt.Errorf("invoice %w", err)
	}
	return dossier.DocumentID(found.id), dossier.CustomerID(found.owner), nil
}

// way is one reading of a name.
type way struct {
	from string
	args []any
}

func (s *Store) find(ctx context.Context, company receivable.CompanyID, name string, ways []way, columns string) (candidate, error) {
	return view(ctx, s, func(tx *Tx) (candidate, error) {
		for _, w := range ways {
			list, err := all(tx, func(scan scanner) (candidate, error) {
				var c candidate
				err := scan(&c.id, &c.owner, &c.label)
				return c, err
			}, "SELECT "+columns+w.from+" ORDER BY 1, 3", append([]any{company}, w.args...)...)
			if err != nil {
				return candidate{}, err
			}
			if len(list) == 0 {
				continue
			}
			ambiguous := &AmbiguousError{Name: name}
			same := true
			for _, c := range list {
				same = same && c.id == list[0].id
				if len(ambiguous.Candidates) < maxCandidates {
					ambiguous.Candidates = append(ambiguous.Candidates, c.label)
				}
			}
			if !same {
				return candidate{}, ambiguous
			}
			return list[0], nil
		}
		return candidate{}, fmt.Errorf("%q: %w", name, ErrNotFound)
	})
}
