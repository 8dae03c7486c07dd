package sync

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"relanced/connectors/files/charset"
	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/sync/customersfile"
)

// History is a company's list of what was sent before relanced came. Each line
// becomes facts once, when its invoice is first seen.
type History struct {
	Path        string   // "" none
	Steps       []string // the ids that last_step may be
	PromiseEnds func(on calendar.Date) calendar.Date
}

// historyFile is a history as it was read; a file of another size or time is
// read again.
type historyFile struct {
	size     int64
	at       time.Time
	hash     string
	rows     []historyRow
	byNumber map[string][]int // rows by folded number
	problems []store.Problem
}

type historyRow struct {
	line     int
	customer string
	invoice  string
	step     string
	sentOn   calendar.Date
	status   string
	until    calendar.Date
}

// maxHistory bounds the file, in bytes.
const maxHistory = 32 << 20

func historyKey(company receivable.CompanyID) string { return "history/" + string(company) }

// history returns the company's history file, read where it has changed.
func (p *pass) history() historyFile {
	h := p.company.History
	if h.Path == "" {
		return historyFile{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known := p.histories[h.Path]
	info, err := os.Stat(h.Path)
	if err == nil && known.hash != "" && info.Size() == known.size && info.ModTime().Equal(known.at) {
		return known
	}
	if err == nil {
		known, err = readHistory(h, info)
	}
	if err != nil {
		known = historyFile{problems: []store.Problem{{File: h.Path, Text: fmt.Sprintf("history: %v: nothing of it is known", err)}}}
	}
	p.histories[h.Path] = known
	return known
}

func readHistory(h History, info os.FileInfo) (historyFile, error) {
	file, err := os.Open(h.Path)
	if err != nil {
		return historyFile{}, err
	}
	defer file.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(io.LimitReader(file, maxHistory+1))
	if err != nil {
		return historyFile{}, err
	}
	if len(body) > maxHistory {
		return historyFile{}, fmt.Errorf("it is larger than %d MB", maxHistory>>20)
	}
	read, err := parseHistory(h, body)
	read.size, read.at, read.hash = info.Size(), info.ModTime(), fmt.Sprintf("%x", sha256.Sum256(body))
	return read, err
}

// parseHistory reads the bytes of a history file. A line with a mistake is left
// out and told.
func parseHistory(h History, body []byte) (historyFile, error) {
	probe, err := charset.Look(bytes.NewReader(body))
	if err != nil {
		return historyFile{}, err
	}
	text, err := probe.Reader(bytes.NewReader(body))
	if err != nil {
		return historyFile{}, err
	}
	all, err := io.ReadAll(text)
	if err != nil {
		return historyFile{}, err
	}
	r := csv.NewReader(bytes.NewReader(all))
	r.FieldsPerRecord, r.LazyQuotes, r.TrimLeadingSpace = -1, true, true
	if first, _, _ := bytes.Cut(all, []byte("\n")); bytes.Count(first, []byte(";")) >= bytes.Count(first, []byte(",")) {
		r.Comma = ';'
	}
	header, err := r.Read()
	if err != nil {
		return historyFile{}, fmt.Errorf("its header cannot be read: %w", err)
	}
	at := map[string]int{}
	for i, title := range header {
		at[strings.ToLower(strings.TrimSpace(title))] = i
	}
	if _, ok := at["invoice"]; !ok {
		return historyFile{}, errors.New("its first line must name the columns customer; invoice; last_step; last_sent_on; status; until")
	}
	f := historyFile{byNumber: map[string][]int{}}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		var row historyRow
		if err == nil {
			row.line, _ = r.FieldPos(0)
			err = row.fill(h, func(title string) string {
				if i, ok := at[title]; ok && i < len(cells) {
					return strings.TrimSpace(cells[i])
				}
				return ""
			})
		}
		var broken *csv.ParseError
		switch {
		case errors.As(err, &broken):
			row.line = broken.StartLine
			fallthrough
		case err != nil && row.line > 0:
			if len(f.problems) < mostProblems {
				f.problems = append(f.problems, store.Problem{File: h.Path, Line: row.line, Text: fmt.Sprintf("history: line %d: %v", row.line, err)})
			}
			continue
		case err != nil:
			return f, err
		}
		if row.invoice == "" {
			continue
		}
		number := store.FoldNumber(row.invoice)
		f.byNumber[number] = append(f.byNumber[number], len(f.rows))
		f.rows = append(f.rows, row)
	}
}

func (row *historyRow) fill(h History, cell func(string) string) error {
	row.customer, row.invoice, row.step, row.status = cell("customer"), cell("invoice"), cell("last_step"), strings.ToLower(cell("status"))
	var err error
	if row.sentOn, err = historyDate(cell("last_sent_on")); err != nil {
		return fmt.Errorf("last_sent_on: %w", err)
	}
	if row.until, err = historyDate(cell("until")); err != nil {
		return fmt.Errorf("until: %w", err)
	}
	switch {
	case row.invoice == "" && row.customer+row.step+row.status != "":
		return errors.New("the invoice is missing")
	case row.step != "" && !slices.Contains(h.Steps, row.step):
		return fmt.Errorf("last_step: no plan has a step %q: write one of %s", row.step, strings.Join(h.Steps, ", "))
	case !slices.Contains([]string{"", "dispute", "promise", "legal"}, row.status):
		return fmt.Errorf("status: %q is unknown: write dispute, promise, legal or nothing", row.status)
	case row.status == "promise" && row.until.IsZero():
		return errors.New("until: a promise needs the day that was promised")
	}
	return nil
}

// historyDate reads 2026-11-24 and 24/11/2026.
func historyDate(text string) (calendar.Date, error) {
	if text == "" {
		return 0, nil
	}
	if t, err := time.Parse("02/01/2006", text); err == nil {
		return calendar.DateOf(t), nil
	}
	date, err := calendar.ParseDate(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a date: write it as 2026-11-24", text)
	}
	return date, nil
}

// takeHistory makes facts of the history's lines whose invoices came by in this
// pass; of all lines, where the file is new or the pass goes on after a crash.
func (p *pass) takeHistory(tx *store.Tx) error {
	if p.company.History.Path == "" {
		return nil
	}
	file := p.history()
	known, err := loadLaid(tx, historyKey(p.company.ID))
	if err != nil {
		return err
	}
	fresh := known.Path != p.company.History.Path || known.Mark.Hash != file.hash
	numbers := p.numbers
	if fresh || p.resumed {
		numbers = map[string]bool{}
		for number := range file.byNumber {
			numbers[number] = true
		}
	}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(numbers)), 1000) {
		refs, err := tx.InvoicesNumbered(p.company.ID, chunk)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			if err := p.takeRow(tx, file, ref); err != nil {
				return err
			}
		}
	}
	if !fresh {
		return nil
	}
	return laid{Path: p.company.History.Path, Mark: customersfile.Mark{Hash: file.hash}, Problems: file.problems}.save(tx, historyKey(p.company.ID))
}

// takeRow makes facts of the line that is about the invoice, once.
func (p *pass) takeRow(tx *store.Tx, file historyFile, ref store.InvoiceRef) error {
	at := slices.IndexFunc(file.byNumber[store.FoldNumber(ref.Number)], func(i int) bool {
		who := file.rows[i].customer
		return who == "" || who == ref.Code || who == ref.Account || strings.EqualFold(who, ref.Name)
	})
	if at < 0 {
		return nil
	}
	row := file.rows[file.byNumber[store.FoldNumber(ref.Number)][at]]
	first, err := tx.Once(fmt.Sprintf("history/%d", ref.Document))
	if err != nil || !first {
		return err
	}
	const by = "history"
	if row.step != "" {
		when := tx.Now()
		if !row.sentOn.IsZero() {
			when = row.sentOn.Time(p.company.Zone).Add(12 * time.Hour).UTC()
		}
		for _, due := range ref.Dues {
			if err := tx.TakeSteps(dossier.Taken{Due: due, Step: row.step, At: when, How: "history"}); err != nil {
				return err
			}
		}
	}
	switch row.status {
	case "dispute":
		_, err = tx.AddDispute(ref.Customer, dossier.Dispute{Document: ref.Document, Reason: "disputed before relanced came", By: by, Until: row.until})
	case "promise":
		ends := row.until.AddDays(1)
		if p.company.History.PromiseEnds != nil {
			ends = p.company.History.PromiseEnds(row.until)
		}
		_, err = tx.AddPromise(ref.Customer, dossier.Promise{Document: ref.Document, On: row.until, Until: ends, By: by})
	case "legal":
		_, err = tx.AddHold(ref.Customer, dossier.Hold{Document: ref.Document, Reason: dossier.Legal, By: by, Note: "with a lawyer or a collector", Until: row.until})
	default:
		if !row.until.IsZero() {
			_, err = tx.AddHold(ref.Customer, dossier.Hold{Document: ref.Document, Reason: dossier.Manual, By: by, Note: "held before relanced came", Until: row.until})
		}
	}
	if err != nil {
		return err
	}
	text := "from the history file: " + strings.TrimSpace(row.step+" "+row.status)
	return tx.AddEvent(store.Event{Company: p.company.ID, Customer: ref.Customer, Kind: "history", By: by, Text: text, Ref: ref.Number})
}
