// Package sync makes one pass over one connection: pages of the books go into
// the store, each in one transaction with its cursor, until the books are known
// anew and believed. It also reads invoices again just before a message about
// them leaves. Outside, it is imported as syncer.
package sync

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"relanced/connectors"
	"relanced/internal/calendar"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/sync/documents"
)

// Source is one configured connection.
type Source struct {
	Name      receivable.ConnectionID
	Type      string
	Connector connectors.Connector
}

// Company is a company whose books are read.
type Company struct {
	ID            receivable.CompanyID
	Zone          *time.Location
	Sources       []Source
	CustomersFile string            // "" none
	Documents     *documents.Folder // nil: none
	History       History           // what was sent before; the zero History: nothing
}

// Syncer reads the books of companies into a store. It is safe for use by
// several goroutines: a pass over a connection holds its lease.
type Syncer struct {
	store     *store.Store
	companies map[receivable.CompanyID]Company
	owner     string // names this process in leases
	logger    *slog.Logger

	mu        sync.Mutex
	pauses    map[store.ConnectionKey]pause // after failures
	histories map[string]historyFile        // by path
}

// New returns a Syncer. owner names the process in leases.
func New(s *store.Store, companies []Company, owner string, logger *slog.Logger) *Syncer {
	byID := make(map[receivable.CompanyID]Company, len(companies))
	for _, c := range companies {
		byID[c.ID] = c
	}
	return &Syncer{
		store: s, companies: byID, owner: owner, logger: logger,
		pauses: map[store.ConnectionKey]pause{}, histories: map[string]historyFile{},
	}
}

// Report is what a pass, or the import of a file, did.
type Report struct {
	Connection receivable.ConnectionID
	OK         bool // it ended and was accepted
	Suspect    bool // the data looks wrong: a person must confirm
	Busy       bool // another process was at it: nothing was done
	Paused     bool // it failed a moment ago: nothing was asked, Error is what failed
	Requests   int64
	store.PassCount
	Closed   int // open documents that are settled or gone now
	AsOf     time.Time
	Problems []store.Problem
	Error    *Failure // nil where it went well
	File     string   // of an import
	Format   string   // of an import: fec, csv
}

// RefusedFiles are what is wrong with the files that the pass refused whole and
// set aside.
func (r Report) RefusedFiles() []store.Problem {
	var refused []store.Problem
	for _, p := range r.Problems {
		if p.Connection == r.Connection && p.File != "" && p.Line == 0 && p.External == "" && !p.Note {
			refused = append(refused, p)
		}
	}
	return refused
}

// Failure is why a pass did not end well.
type Failure struct {
	Kind    connectors.Kind
	Message string
	Do      string // what a person should do
	retry   time.Duration
}

// Error is the message.
func (f *Failure) Error() string { return f.Message }

// source finds a connection.
func (s *Syncer) source(company receivable.CompanyID, name receivable.ConnectionID) (Company, Source, error) {
	c, ok := s.companies[company]
	if !ok {
		return Company{}, Source{}, fmt.Errorf("sync: there is no company %q", company)
	}
	for _, src := range c.Sources {
		if src.Name == name {
			return c, src, nil
		}
	}
	return Company{}, Source{}, fmt.Errorf("sync: %s has no connection %q", company, name)
}

// leaseName is the lease under which a connection is read.
func leaseName(key store.ConnectionKey) string {
	return fmt.Sprintf("connection/%s/%s", key.Company, key.Name)
}

// requester is a connector that counts what it asks of its source.
type requester interface{ Requests() int64 }

func requests(c connectors.Connector) int64 {
	if r, ok := c.(requester); ok {
		return r.Requests()
	}
	return 0
}

// page turns a connector's page into the store's own words.
func page(c Company, info connectors.Info, p connectors.Page) store.Page {
	out := store.Page{
		Accounts: p.Accounts, Documents: p.Documents, Payments: p.Payments, Allocations: p.Allocations, Groups: p.Groups,
		Whole: p.Whole, AsOf: p.AsOf, Next: p.Next,
		Derive: !info.Payments, PayOn: calendar.DateOf(p.AsOf.In(c.Zone)),
		Gone: refs(p.Gone), Seen: refs(p.Seen), Bad: rejected(p.Bad, p.File), Notes: rejected(p.Notes, p.File),
	}
	if p.Listing != nil {
		out.Listing = &store.Listing{Kind: p.Listing.Kind, Part: p.Listing.Part, Absent: store.Absence(p.Listing.Absent)}
	}
	return out
}

func refs(in []connectors.Ref) []store.Ref {
	out := make([]store.Ref, len(in))
	for i, r := range in {
		out[i] = store.Ref(r)
	}
	return out
}

func rejected(in []connectors.Rejected, file string) []store.Rejected {
	out := make([]store.Rejected, len(in))
	for i, r := range in {
		out[i] = store.Rejected{Ref: store.Ref(r.Ref), File: file, Line: r.Line, Text: r.Text}
	}
	return out
}

// Refresh makes one incremental pass over each connection, now. Its error names
// the first that could not be read or believed.
func (s *Syncer) Refresh(ctx context.Context, company receivable.CompanyID, names []receivable.ConnectionID) error {
	for _, name := range names {
		report, err := s.Pass(ctx, company, name, Options{Wait: true, soon: true})
		if err != nil {
			return err
		}
		if !report.OK {
			if report.Busy {
				return fmt.Errorf("connection %s: another pass over it is not done yet", name)
			}
			if report.Error != nil {
				return fmt.Errorf("connection %s: %w", name, report.Error)
			}
			return fmt.Errorf("connection %s: its data looks wrong: run `relanced confirm %s`", name, name)
		}
	}
	return nil
}
