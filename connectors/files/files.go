// Package files is the connector for books that come as files: a FEC, a CSV or
// electronic invoices, dropped into a watched folder or handed over by import.
package files

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"relanced/connectors"
	"relanced/connectors/files/table"
	"relanced/internal/calendar"
	"relanced/internal/conf"
)

// Spec is the configuration of a connection of type files.
type Spec struct {
	Folder conf.Path  `yaml:"folder" doc:"with inbox, done and failed inside; without it, only import brings files"`
	Format Format     `yaml:"format" doc:"auto looks into each file"`
	CSV    table.Spec `yaml:"csv" doc:"how to read CSV files"`
}

// Format is a form of files.
type Format string

// The formats.
const (
	Auto    Format = "auto"
	FEC     Format = "fec"
	CSV     Format = "csv"
	FacturX Format = "facturx"
)

// Values lists the words of the configuration.
func (Format) Values() []string {
	return []string{string(Auto), string(FEC), string(CSV), string(FacturX)}
}

// Defaults fills what the configuration leaves out.
func (s *Spec) Defaults() { s.Format = Auto }

// Check reports what cannot work.
func (s *Spec) Check(p *conf.Problems) {
	switch s.Format {
	case "", Auto, FEC, CSV, FacturX:
	default:
		p.At("format").Addf("format %q is unknown: write auto, fec, csv or facturx", s.Format)
	}
	if _, written := p.At("csv").Node(); written || s.Format == CSV {
		s.CSV.Check(p.At("csv"))
	}
}

// New makes an empty Spec to decode into.
func New() connectors.Spec { return &Spec{} }

// Open builds the connector. It touches neither folder nor files.
func (s *Spec) Open(env connectors.Env) (connectors.Connector, error) {
	terms, err := calendar.ParseTerms("30d")
	if env.Company.Terms != "" {
		terms, err = calendar.ParseTerms(env.Company.Terms)
	}
	if err != nil {
		return nil, fmt.Errorf("files: terms of the company: %w", err)
	}
	if env.Company.Zone == nil {
		env.Company.Zone = time.UTC
	}
	if env.Company.Currency == "" {
		env.Company.Currency = "EUR"
	}
	if env.Now == nil {
		env.Now = time.Now
	}
	if env.Logger == nil {
		env.Logger = slog.New(slog.DiscardHandler)
	}
	format := s.Format
	if format == "" {
		format = Auto
	}
	return &Connector{
		folder: folder(s.Folder), format: format, csv: s.CSV, env: env, terms: terms,
		log: env.Logger.With("component", "files", "connection", string(env.Connection)),
	}, nil
}

// Connector reads files.
type Connector struct {
	folder folder
	format Format
	csv    table.Spec
	env    connectors.Env
	terms  calendar.Terms
	log    *slog.Logger
}

// maxAge is how old an export may be before the books count as stale.
const maxAge = 8 * 24 * time.Hour

// Info tells what files can and cannot do. Payments are told only where they
// are on account, and by electronic invoices never; what is settled simply stops
// being open, so allocations are not told. A FEC has no due dates; the others
// do, though not always.
func (c *Connector) Info() connectors.Info {
	return connectors.Info{
		PageSize: 500, Allocations: connectors.None, MaxAge: maxAge, AgeIsOfExport: true,
		DueDates: c.format == CSV || c.format == FacturX,
	}
}

// Probe makes the folders where they are missing and tells what waits in them.
func (c *Connector) Probe(context.Context) (string, error) {
	if c.folder == "" {
		return "no folder: files come by import", nil
	}
	if err := c.folder.make(); err != nil {
		return "", err
	}
	waiting, err := c.folder.waiting()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: %d files wait", c.folder.inbox(), len(waiting)), nil
}

// Waiting tells whether the folder holds files to take. It reads one folder
// and may be asked every second.
func (c *Connector) Waiting() (bool, error) {
	if c.folder == "" {
		return false, nil
	}
	files, err := c.folder.waiting()
	return len(files) > 0, err
}

// place returns the cursor's entry for a part, nil where there is none.
func (p *place) part(name string) *accepted {
	if i := slices.IndexFunc(p.Files, func(a accepted) bool { return a.Part == name }); i >= 0 {
		return &p.Files[i]
	}
	return nil
}
