package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/sync/customersfile"
)

// laid is what is remembered of a file beside the books: which state of it was
// read, and what is wrong with it.
type laid struct {
	Path     string             `json:"path,omitempty"`
	Mark     customersfile.Mark `json:"mark"`
	Waiting  bool               `json:"waiting,omitempty"` // it names customers nobody has yet
	Problems []store.Problem    `json:"problems,omitempty"`
}

// mostProblems bounds what is kept of a file's mistakes.
const mostProblems = 200

func customersKey(company receivable.CompanyID) string { return "customersfile/" + string(company) }

func loadLaid(tx *store.Tx, key string) (laid, error) {
	var l laid
	text, err := tx.Meta(key)
	if err != nil || text == "" {
		return l, err
	}
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return l, fmt.Errorf("%s: %w", key, err)
	}
	return l, nil
}

func (l laid) save(tx *store.Tx, key string) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return tx.SetMeta(key, string(text))
}

// FileProblems returns what is wrong with the files that stand beside the
// company's books: the customers' file and the history.
func (s *Syncer) FileProblems(ctx context.Context, company receivable.CompanyID) ([]store.Problem, error) {
	var problems []store.Problem
	err := s.store.View(ctx, func(tx *store.Tx) error {
		problems = nil
		for _, key := range []string{customersKey(company), historyKey(company)} {
			known, err := loadLaid(tx, key)
			if err != nil {
				return err
			}
			problems = append(problems, known.Problems...)
		}
		return nil
	})
	return problems, err
}

// layCustomersFile lays the customers' file over the customers where it has
// changed since. A file that cannot be read is a problem; what it said before
// stays in force.
func (p *pass) layCustomersFile(ctx context.Context) error {
	return p.LayCustomersFile(ctx, p.company.ID, false)
}

// LayCustomersFile reads the company's customers' file where it has changed, or
// at any rate where again says so.
func (s *Syncer) LayCustomersFile(ctx context.Context, company receivable.CompanyID, again bool) error {
	c, ok := s.companies[company]
	if !ok {
		return fmt.Errorf("sync: there is no company %q", company)
	}
	key := customersKey(company)
	var known laid
	err := s.store.View(ctx, func(tx *store.Tx) error {
		var err error
		known, err = loadLaid(tx, key)
		return err
	})
	if err != nil {
		return err
	}
	next, rows, changed := s.lookAtCustomersFile(c, known, again)
	if !changed {
		return nil
	}
	return s.store.InTx(ctx, func(tx *store.Tx) error {
		// The mark is written first: it makes passes over two connections take turns.
		write := next
		if err := write.save(tx, key); err != nil {
			return err
		}
		if rows != nil {
			result, err := tx.ApplyOverlays(company, *rows)
			if err != nil {
				return err
			}
			write.tell(result)
			s.logger.InfoContext(ctx, "customers' file read", "company", company, "changed", result.Changed, "unknown", len(result.Unknown))
		}
		return write.save(tx, key)
	})
}

// lookAtCustomersFile reads the file where it is not as it was known. rows nil:
// nothing is to be laid over the customers.
func (s *Syncer) lookAtCustomersFile(c Company, known laid, again bool) (next laid, rows *[]store.Overlay, changed bool) {
	if c.CustomersFile == "" {
		if known.Path == "" {
			return known, nil, false
		}
		return laid{}, &[]store.Overlay{}, true // it is not configured any more: it says nothing
	}
	next = laid{Path: c.CustomersFile, Mark: known.Mark, Waiting: known.Waiting}
	if known.Path != c.CustomersFile {
		next.Mark = customersfile.Mark{}
	}
	different, mark, err := customersfile.Changed(c.CustomersFile, next.Mark, s.store.Now())
	var file customersfile.File
	if err == nil {
		healed := len(known.Problems) > 0 && known.Problems[0].Line == 0 && known.Problems[0].Note
		if !different && !again && !healed {
			return known, nil, false
		}
		file, err = customersfile.Read(c.CustomersFile)
	}
	if err != nil {
		next.Problems = []store.Problem{{File: c.CustomersFile, Text: err.Error() + ": what it said before stays in force", Note: true}}
		same := len(known.Problems) == 1 && known.Problems[0].Text == next.Problems[0].Text
		return next, nil, !same
	}
	next.Mark = mark
	for _, problem := range file.Problems {
		if len(next.Problems) < mostProblems {
			next.Problems = append(next.Problems, store.Problem{File: c.CustomersFile, Line: problem.Line, Text: "customers' file: " + problem.String()})
		}
	}
	list := make([]store.Overlay, len(file.Rows))
	for i, r := range file.Rows {
		list[i] = overlay(r)
	}
	return next, &list, true
}

func overlay(r customersfile.Row) store.Overlay {
	return store.Overlay{
		Connection: r.Connection, Code: r.Code, Name: r.Name, Emails: r.Emails, CC: r.CC, Contact: r.Contact, Phone: r.Phone,
		Language: r.Language, Kind: r.Kind, SIREN: r.SIREN, SIRET: r.SIRET, Terms: r.Terms, Method: r.Method, Owner: r.Owner, Plan: r.Plan,
		Payer: r.Payer, Tags: r.Tags, DoNotContact: r.DoNotContact, ServiceCode: r.ServiceCode, Portal: r.Portal, OrderRef: r.OrderRef,
	}
}

// tell adds what laying the file over the customers showed.
func (l *laid) tell(result store.OverlayResult) {
	l.Waiting = len(result.Unknown)+len(result.Payers) > 0
	add := func(codes []string, text string) {
		for _, code := range codes {
			if len(l.Problems) < mostProblems {
				l.Problems = append(l.Problems, store.Problem{File: l.Path, Text: fmt.Sprintf("customers' file: "+text, code)})
			}
		}
	}
	l.Problems = slices.Clone(l.Problems) // the transaction may run again
	add(result.Ambiguous, "the code %q is used by several connections: name the connection")
	add(result.Payers, "the payer %q is no customer, or is paid for by another")
	add(result.Unknown, "no customer has the code %q")
}

// layAgain looks once more for customers that the file names and that nobody
// had when it was read.
func (p *pass) layAgain(ctx context.Context) error {
	if !p.newAccounts {
		return nil
	}
	var known laid
	err := p.store.View(ctx, func(tx *store.Tx) error {
		var err error
		known, err = loadLaid(tx, customersKey(p.company.ID))
		return err
	})
	if err != nil || !known.Waiting {
		return err
	}
	return p.LayCustomersFile(ctx, p.company.ID, true)
}
