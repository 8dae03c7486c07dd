package ledger

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/files/stage"
	"relanced/internal/calendar"
	"relanced/internal/receivable"
)

// Result is a ledger worked out: its pages wait to be yielded.
type Result struct {
	Part    string // SIREN and fiscal year
	Year    int
	AsOf    time.Time
	Lines   int
	Closing Closing
	Pages   *stage.Pages
}

// Finish works out what is open and puts the pages. Nothing may be added after.
func (b *Books) Finish() (Result, error) {
	if err := b.gather(); err != nil {
		return Result{}, err
	}
	if b.lines == 0 {
		return Result{}, fmt.Errorf("the file holds no entry that can be read")
	}
	if len(b.bad) > b.lines {
		return Result{}, fmt.Errorf("most lines cannot be read (the first is line %d: %s): the file is damaged", b.bad[0].Line, b.bad[0].Text)
	}
	year := b.year()
	if b.cfg.History != nil {
		b.cfg.before, b.cfg.later = b.cfg.History(year)
	}
	r := Result{
		Part: b.cfg.SIREN + "/" + strconv.Itoa(year), Year: year, AsOf: b.asOf(), Lines: b.lines, Pages: b.db.Pages,
		Closing: Closing{SIREN: b.cfg.SIREN, Year: year},
	}
	numbers, err := b.numbering()
	if err != nil {
		return r, err
	}
	partial, err := b.partialCase()
	if err != nil {
		return r, err
	}
	w := &writer{books: b, result: &r, numbers: numbers, partial: partial}
	if err := w.run(); err != nil {
		return r, err
	}
	return r, nil
}

// gather ends the staging: the last entry, what the parts of split entries are
// about, the checks on the whole.
func (b *Books) gather() error {
	if err := b.endRun(); err != nil {
		return err
	}
	if err := b.writeSuppliers(); err != nil {
		return err
	}
	err := b.bulk.Done()
	b.bulk = nil
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	var parts, unbalanced int
	if err := b.db.QueryRowContext(b.ctx, `select count(*), coalesce(sum(sum <> 0), 0) from entry`).Scan(&parts, &unbalanced); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if parts > 0 {
		_, err := b.db.ExecContext(b.ctx, `update line set flags = flags | (select e.flags from entry e where e.id = line.entry)
			where entry in (select id from entry)`)
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	if b.sum != 0 {
		b.Note(0, fmt.Sprintf("total debit and total credit differ by %s: lines are missing or damaged", b.money(b.sum)))
	}
	for _, code := range sorted(b.cfg.Blurred) {
		b.Note(0, fmt.Sprintf("EcritureNum says nothing in journal %s: its entries were told apart by date and PieceRef", code))
	}
	if unbalanced > 0 && len(b.cfg.Blurred) == 0 {
		b.Note(0, fmt.Sprintf("%d entries do not balance", unbalanced))
	}
	if b.both > 3 {
		b.Note(0, fmt.Sprintf("%d lines have both debit and credit", b.both))
	}
	return nil
}

// asOf is the moment the file tells of: the earlier of when it was written and
// the end of the latest day in it, for a copy of an old file is not fresh.
func (b *Books) asOf() time.Time {
	end := b.told.AddDays(1).Time(b.cfg.Zone).Add(-time.Second)
	if b.cfg.FileAt.IsZero() || end.Before(b.cfg.FileAt) {
		return end.UTC()
	}
	return b.cfg.FileAt.UTC()
}

// year names the fiscal year: the one in the file's name; else that of the only
// calendar year in it; else that in which twelve months from its first entry end.
func (b *Books) year() int {
	if b.cfg.Year != 0 {
		return b.cfg.Year
	}
	if b.first.Year() == b.last.Year() {
		return b.last.Year()
	}
	y, m, _ := b.first.Civil()
	return max(calendar.On(y, m+12, 1).AddDays(-1).Year(), b.last.Year())
}

// partialCase tells whether lower case means partial in this file: not where
// most of its groups in lower case are settled, as in software that writes all
// codes so.
func (b *Books) partialCase() (bool, error) {
	var settled, open int
	err := b.db.QueryRowContext(b.ctx, `select coalesce(sum(r = 0), 0), coalesce(sum(r <> 0), 0) from (
		select sum(amount) r from line where letter <> '' and letter = lower(letter) and letter <> upper(letter)
		group by party, letter)`).Scan(&settled, &open)
	if err != nil {
		return false, fmt.Errorf("ledger: %w", err)
	}
	return settled < 3 || settled <= open, nil
}

// numbering tells how the invoices of a file are numbered.
type numbering uint8

const (
	byPiece numbering = iota
	byLabel
	byEntry
)

// numbering tests whether PieceRef names invoices: nine in ten must differ.
func (b *Books) numbering() (numbering, error) {
	var all, distinct int
	err := b.db.QueryRowContext(b.ctx, `select count(*), count(distinct piece) from (
		select distinct entry, piece from line where flags & ? <> 0 and flags & ? = 0 and amount > 0)`,
		int64(sale), int64(opening)).Scan(&all, &distinct)
	if err != nil {
		return byPiece, fmt.Errorf("ledger: %w", err)
	}
	if all < 2 || distinct*10 >= all*9 {
		return byPiece, nil
	}
	why := fmt.Sprintf("PieceRef does not name the invoices (%d different ones on %d): ", distinct, all)
	if ok, err := b.labelsDiffer(); err != nil || ok {
		b.Note(0, why+"the number was taken from EcritureLib, else from journal and entry number")
		return byLabel, err
	}
	b.Note(0, why+"journal and entry number were taken instead")
	return byEntry, nil
}

// labelsDiffer tells whether the identifiers found in labels name the invoices.
func (b *Books) labelsDiffer() (bool, error) {
	if _, err := b.db.ExecContext(b.ctx, `create table ident(entry integer, text text, primary key(entry, text)) without rowid`); err != nil {
		return false, fmt.Errorf("ledger: %w", err)
	}
	type found struct {
		entry int64
		text  string
	}
	lines, last := 0, int64(0)
	for {
		rows, err := b.db.QueryContext(b.ctx, `select rowid, entry, cells from line where rowid > ?
			and flags & ? <> 0 and flags & ? = 0 and amount > 0 order by rowid limit 5000`, last, int64(sale), int64(opening))
		if err != nil {
			return false, fmt.Errorf("ledger: %w", err)
		}
		var batch []found
		for rows.Next() {
			var f found
			var cells string
			if err := rows.Scan(&last, &f.entry, &cells); err != nil {
				_ = rows.Close()
				return false, fmt.Errorf("ledger: %w", err)
			}
			lines++
			if f.text = Identifier(strings.Split(cells, unit)[2]); f.text != "" {
				batch = append(batch, f)
			} else {
				batch = append(batch, found{})
			}
		}
		if err := rows.Close(); err != nil {
			return false, fmt.Errorf("ledger: %w", err)
		}
		if len(batch) == 0 {
			break
		}
		bulk, err := b.db.Bulk(b.ctx, `insert or ignore into ident values (?,?)`)
		if err != nil {
			return false, fmt.Errorf("ledger: %w", err)
		}
		for _, f := range batch {
			if f.text == "" {
				continue
			}
			if err := bulk.Add(b.ctx, f.entry, f.text); err != nil {
				bulk.Drop()
				return false, fmt.Errorf("ledger: %w", err)
			}
		}
		if err := bulk.Done(); err != nil {
			return false, fmt.Errorf("ledger: %w", err)
		}
	}
	var all, distinct int
	err := b.db.QueryRowContext(b.ctx, `select count(*), count(distinct text) from ident`).Scan(&all, &distinct)
	if err != nil {
		return false, fmt.Errorf("ledger: %w", err)
	}
	return all*2 >= lines && all > 0 && distinct*10 >= all*9, nil
}

// Identifier returns the word of a label that looks like an invoice number: one
// with three digits or more that is neither a date nor an amount, those after a
// word that announces an invoice first. "" where there is none.
func Identifier(label string) string {
	best := ""
	announced := false
	for _, word := range strings.Fields(label) {
		bare := strings.Trim(word, ".,;:()[]\"'#")
		digits := 0
		ok := bare != ""
		for _, r := range bare {
			switch {
			case r >= '0' && r <= '9':
				digits++
			case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r == '-', r == '/', r == '_', r == '.':
			default:
				ok = false
			}
		}
		switch strings.ToUpper(strings.TrimRight(bare, "°º")) {
		case "FA", "FAC", "FACT", "FACTURE", "N", "NO", "NUM", "INVOICE", "FV", "FC", "AV", "AVOIR":
			announced = true
			continue
		}
		if ok && digits >= 3 && !looksLikeDate(bare) {
			if announced {
				return bare
			}
			if best == "" {
				best = bare
			}
		}
		announced = false
	}
	return best
}

func looksLikeDate(word string) bool {
	for _, form := range []string{"02/01/2006", "02/01/06", "02-01-2006", "02.01.2006", "2006-01-02", "01/2006", "01-2006", "2006"} {
		if t, err := time.Parse(form, word); err == nil && (form != "2006" || (t.Year() > 1999 && t.Year() < 2100)) {
			return true
		}
	}
	return false
}

func (b *Books) doubts() (map[string]connectors.Rejected, error) {
	rows, err := b.db.QueryContext(b.ctx, `select party, no, why from doubt`)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	found := make(map[string]connectors.Rejected)
	for rows.Next() {
		var party, why string
		var no int
		if err := rows.Scan(&party, &no, &why); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		external, _, _ := strings.Cut(party, unit)
		found[party] = connectors.Rejected{
			Ref: connectors.Ref{Kind: receivable.ItemAccount, External: external}, Line: no,
			Text: fmt.Sprintf("what %s owes cannot be told: line %d is on this account and could not be read (%s)", external, no, why),
		}
	}
	return found, rows.Err()
}

// owed returns the suppliers with an open balance, by code and by name.
func (b *Books) owed() (map[string]bool, error) {
	rows, err := b.db.QueryContext(b.ctx, `select code, name from supplier where sum <> 0 limit 50000`)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	found := make(map[string]bool)
	for rows.Next() {
		var code, name string
		if err := rows.Scan(&code, &name); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		if code != "" {
			found["code "+code] = true
		}
		if len(name) > 3 {
			found["name "+name] = true
		}
	}
	return found, rows.Err()
}

func sorted(set map[string]bool) []string {
	var keys []string
	for key := range set {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
