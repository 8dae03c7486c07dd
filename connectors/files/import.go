package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"relanced/connectors"
	"relanced/connectors/files/charset"
	"relanced/connectors/files/einvoice"
	"relanced/connectors/files/fec"
	"relanced/connectors/files/ledger"
	"relanced/connectors/files/stage"
	"relanced/connectors/files/table"
	"relanced/internal/receivable"
)

// ImportFile reads one file. It is staged and checked completely before the
// first page, so that a file refused whole leaves nothing. The same file again
// yields the same pages.
func (c *Connector) ImportFile(ctx context.Context, path string, since connectors.Cursor) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		before, err := parseCursor(since)
		if err != nil {
			yield(connectors.Page{}, err)
			return
		}
		c.read(ctx, path, before, since, yield)
	}
}

// read yields the pages of one file and tells whether all were taken.
func (c *Connector) read(ctx context.Context, path string, before place, since connectors.Cursor, yield func(connectors.Page, error) bool) bool {
	r, err := c.stage(ctx, path, before)
	if err != nil {
		yield(connectors.Page{File: filepath.Base(path), Format: string(r.format)}, err)
		return false
	}
	defer r.close() //nolint:errcheck // a temporary folder; the caller empties its parent
	next, err := before.after(r)
	if err != nil {
		yield(connectors.Page{}, err)
		return false
	}
	for kept, err := range r.pages {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			yield(connectors.Page{}, err)
			return false
		}
		kept.Page.Next = since
		if kept.Last {
			kept.Page.Next = next
		}
		if !yield(kept.Page, nil) {
			return false
		}
	}
	return true
}

// staged is a file that was read and found good.
type staged struct {
	format   Format
	accepted accepted
	pages    iter.Seq2[stage.Kept, error]
	close    func() error
	plain    bool     // absence from it says nothing: it may be older than another
	replaced []string // external ids of invoices that a corrected one stands instead of
}

// refusal makes the error of a file refused whole.
func refusal(path string, err error, do string) error {
	return &connectors.Error{Kind: connectors.Invalid, Op: "files: read " + filepath.Base(path), Err: err, Do: do}
}

// errChanged tells that a file was written to while it was read.
var errChanged = errors.New("the file changed while it was read")

// spoilt makes the error of a file that could not be used: refused whole, or
// left as it is where this machine is to blame.
func spoilt(path string, err error) error {
	if stage.Ours(err) {
		return &connectors.Error{
			Kind: connectors.Temporary, Op: "files: read " + filepath.Base(path), Err: err,
			Do: "make room for temporary files; the file is read again by itself",
		}
	}
	return refusal(path, err, "nothing of it was taken: mend or export it again")
}

func (c *Connector) stage(ctx context.Context, path string, before place) (staged, error) {
	file, err := os.Open(path) //nolint:gosec // the file a person named or dropped
	if err != nil {
		return staged{}, refusal(path, err, "check the name and that it can be read")
	}
	defer file.Close() //nolint:errcheck // read only
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return staged{}, refusal(path, errors.Join(err, errors.New("this is no regular file")), "name a file")
	}
	probe, err := charset.Look(file)
	if err != nil {
		return staged{}, refusal(path, err, "export it again")
	}
	format, err := c.detect(probe)
	if err != nil {
		return staged{format: format}, refusal(path, err, "export it as a FEC in text form, as CSV with csv: {shape: …} in the configuration, or as Factur-X")
	}
	var r staged
	switch format {
	case FEC:
		r, err = c.stageFEC(ctx, file, path, info.ModTime(), probe, before)
	case FacturX:
		r, err = c.stageInvoice(ctx, file, path, info.ModTime(), probe, before)
	case CSV, Auto:
		r, err = c.stageCSV(ctx, file, path, info.ModTime(), probe)
	}
	r.format = format
	if err != nil {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		return r, spoilt(path, err)
	}
	r.accepted.Name, r.accepted.Hash, r.accepted.At = filepath.Base(path), probe.Hash, info.ModTime().UTC()
	if now, err := file.Stat(); err != nil || now.Size() != probe.Size || !now.ModTime().Equal(info.ModTime()) {
		_ = r.close()
		return r, &connectors.Error{
			Kind: connectors.Temporary, Op: "files: read " + filepath.Base(path), Err: errChanged, Do: "wait until it is written completely",
		}
	}
	if format != FacturX && before.replayed(probe.Hash) {
		_ = r.close()
		return r, refusal(path, errors.New("this very file was taken before, and another since: it would bring back what was true then"), "export it again")
	}
	if last := before.part(r.accepted.Part); last != nil && !r.plain && r.accepted.older(*last) && last.Hash != probe.Hash {
		_ = r.close()
		zone := c.env.Company.Zone
		return r, refusal(path, fmt.Errorf("it is older (as of %s, written %s) than the last one accepted for %s (%s, as of %s, written %s)",
			r.accepted.AsOf.In(zone).Format(time.DateOnly), r.accepted.At.In(zone).Format(time.DateTime), r.accepted.Part, last.Name,
			last.AsOf.In(zone).Format(time.DateOnly), last.At.In(zone).Format(time.DateTime)), "import a newer export")
	}
	return r, nil
}

// detect tells the format from the first bytes.
func (c *Connector) detect(probe charset.Probe) (Format, error) {
	head := probe.Head
	switch {
	case einvoice.Is(head) && (c.format == Auto || c.format == FacturX):
		return FacturX, nil
	case bytes.HasPrefix(head, []byte("%PDF-")):
		return c.format, fmt.Errorf("it is a PDF, and the connection reads format: %s", c.format)
	case probe.Encoding == charset.EBCDIC:
		return FEC, errors.New("it is in EBCDIC, the encoding of mainframes: convert it to UTF-8 or ISO 8859-15")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("\xD0\xCF\x11\xE0")):
		return c.format, errors.New("it is a spreadsheet or an archive, not text: save it as CSV")
	case c.format == FacturX:
		return FacturX, errors.New("it is neither a PDF nor XML, and the connection reads format: facturx")
	}
	text, err := probe.Reader(bytes.NewReader(head))
	if err != nil {
		return c.format, err
	}
	start, err := io.ReadAll(text)
	if err != nil && len(start) == 0 {
		return c.format, err
	}
	start = bytes.TrimLeft(start, " \t\r\n")
	switch {
	case bytes.HasPrefix(start, []byte("<")):
		return c.format, fmt.Errorf("it is XML, and the connection reads format: %s", c.format)
	case c.format == FEC:
		return FEC, nil // the reader says itself what is wrong with it
	case c.format == CSV:
		return CSV, nil
	}
	line, _, _ := bytes.Cut(start, []byte("\n"))
	line, _, _ = bytes.Cut(line, []byte("\r"))
	if fec.Detect(line) {
		return FEC, nil
	}
	if c.csv.Shape == "" {
		return Auto, errors.New("it is no FEC (its first line does not hold JournalCode, EcritureDate, CompteNum…), and the connection says nothing on CSV")
	}
	return CSV, nil
}

// electronic is the part of the books that electronic invoices are.
const electronic = "facturx"

// stageInvoice reads an electronic invoice: one page.
func (c *Connector) stageInvoice(ctx context.Context, file io.ReadSeeker, path string, at time.Time, probe charset.Probe, before place) (staged, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return staged{}, err
	}
	in, err := einvoice.Read(ctx, file, probe.Size)
	if err != nil {
		return staged{}, err
	}
	r, err := in.Receivable(einvoice.Config{SIREN: c.env.Company.SIREN, Terms: c.terms})
	if err != nil {
		return staged{}, err
	}
	page := connectors.Page{
		Accounts: []receivable.Account{r.Account}, AsOf: at.UTC(), File: filepath.Base(path), Format: string(FacturX),
	}
	ref := connectors.Ref{Kind: receivable.ItemDocument, External: r.Document.External}
	if slices.Contains(before.Replaced, r.Document.External) {
		page.Gone = []connectors.Ref{ref}
		r.Notes = append(r.Notes, "it was corrected by another invoice, which stands instead of it")
	} else {
		page.Documents = []receivable.Document{r.Document}
	}
	for _, external := range r.Replaces {
		page.Gone = append(page.Gone, connectors.Ref{Kind: receivable.ItemDocument, External: external})
	}
	if other := before.exports(); other != "" {
		r.Notes = append(r.Notes, "the connection also reads exports of the books ("+other+"): an invoice that is in both is there twice")
	}
	for _, text := range r.Notes {
		page.Notes = append(page.Notes, connectors.Rejected{Ref: ref, Text: text})
	}
	return staged{
		accepted: accepted{Part: electronic, AsOf: at.UTC()}, plain: true, replaced: r.Replaces,
		pages: func(yield func(stage.Kept, error) bool) { yield(stage.Kept{Page: page, Last: true}, nil) },
		close: func() error { return nil },
	}, nil
}

func (c *Connector) stageFEC(ctx context.Context, file io.ReadSeeker, path string, at time.Time, probe charset.Probe, before place) (staged, error) {
	name := fec.ParseName(path)
	siren := name.SIREN
	if siren == "" {
		siren = c.env.Company.SIREN
	}
	cfg := c.books(path, FEC, at)
	cfg.SIREN, cfg.Year = siren, name.Year
	read := func(books *ledger.Books) error {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		text, err := probe.Reader(file)
		if err != nil {
			return err
		}
		if c.env.Company.SIREN != "" && siren != c.env.Company.SIREN {
			books.Note(0, fmt.Sprintf("the file's name says SIREN %s, the company is %s", siren, c.env.Company.SIREN))
		}
		return fec.Read(text, cfg.Currency, books)
	}
	return c.stageBooks(ctx, cfg, before, read)
}

func (c *Connector) books(path string, format Format, at time.Time) ledger.Config {
	return ledger.Config{
		File: filepath.Base(path), Format: string(format), SIREN: c.env.Company.SIREN, Currency: c.env.Company.Currency,
		Zone: c.env.Company.Zone, Terms: c.terms, FileAt: at, Scratch: c.env.Scratch,
	}
}

// stageBooks reads a ledger into books, a second time where its entry numbers
// prove to say nothing.
func (c *Connector) stageBooks(ctx context.Context, cfg ledger.Config, before place, read func(*ledger.Books) error) (staged, error) {
	cfg.History = func(year int) (*ledger.Closing, bool) {
		return before.year(cfg.SIREN, year-1), before.year(cfg.SIREN, year+1) != nil
	}
	for {
		books, err := ledger.New(ctx, cfg)
		if err != nil {
			return staged{}, err
		}
		if err = read(books); err == nil {
			if blurred := books.Blurred(); len(blurred) > 0 {
				for code := range cfg.Blurred {
					blurred[code] = true
				}
				cfg.Blurred = blurred
				_ = books.Close()
				continue
			}
		}
		var result ledger.Result
		if err == nil {
			result, err = books.Finish()
		}
		if err != nil {
			_ = books.Close()
			return staged{}, err
		}
		return staged{
			accepted: accepted{Part: result.Part, AsOf: result.AsOf, Closing: &result.Closing},
			pages:    result.Pages.All(), close: books.Close,
		}, nil
	}
}

func (c *Connector) stageCSV(ctx context.Context, file io.ReadSeeker, path string, at time.Time, probe charset.Probe) (staged, error) {
	open := func() (io.Reader, error) {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		return probe.Reader(file)
	}
	cfg := c.books(path, CSV, at)
	if c.csv.Shape == table.Ledger {
		return c.stageBooks(ctx, cfg, place{}, func(books *ledger.Books) error { return table.ReadLedger(open, c.csv, cfg.Currency, books) })
	}
	list, err := table.ReadList(ctx, open, c.csv, cfg)
	if err != nil {
		return staged{}, err
	}
	return staged{accepted: accepted{Part: list.Part, AsOf: list.AsOf}, pages: list.Pages.All(), close: list.Close, plain: c.csv.Shape == table.Invoices}, nil
}
