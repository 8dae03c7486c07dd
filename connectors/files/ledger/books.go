package ledger

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/files/stage"
	"relanced/internal/calendar"
)

// Config is what the books need to know besides their lines.
type Config struct {
	File     string
	Format   string
	SIREN    string
	Year     int // the fiscal year is the one that ends in it; 0: found out from the dates
	Currency string
	Zone     *time.Location
	Terms    calendar.Terms
	FileAt   time.Time // when the file was last written
	Scratch  string
	Blurred  map[string]bool // journals whose entry numbers say nothing (see Books.Blurred)
	// History tells what the year before this one left open, where it is known,
	// and whether the year after is already loaded. nil: neither.
	History func(year int) (before *Closing, later bool)

	before *Closing
	later  bool
}

const schema = `
create table line(
	party text not null, letter text not null, no integer not null, entry integer not null,
	rank integer not null, flags integer not null, amount integer not null, on_ integer not null,
	piece_on integer not null, letter_on integer not null, due_on integer not null,
	piece text not null, cells text not null);
create table entry(id integer primary key, flags integer not null, sum integer not null);
create table supplier(code text primary key, name text not null, sum integer not null);
create table doubt(party text primary key, no integer not null, why text not null);`

const (
	maxJournals   = 10_000
	maxRun        = 4096   // lines of one entry held in memory
	maxSuppliers  = 20_000 // suppliers summed in memory before they are written
	maxBad        = 10_000 // rejected lines before the file counts as damaged
	maxNotes      = 100
	maxCollective = 200_000
)

// Books are the customer lines of one ledger.
type Books struct {
	cfg  Config
	ctx  context.Context //nolint:containedctx // of one reading, from New to Close
	db   *stage.DB
	bulk *stage.Bulk
	seed maphash.Seed

	run        run
	journals   map[string]*journal
	collective map[string]bool // accounts that appear with an auxiliary
	suppliers  map[string]*supplier
	letters    map[class]bool // classes on which some line is lettered

	first, last calendar.Date // booking dates
	told        calendar.Date // the latest date of any kind
	lines       int
	sum         int64
	both        int
	bad         []connectors.Rejected
	notes       []connectors.Rejected
}

type journal struct {
	entry   string
	on      calendar.Date
	several bool // more than one entry number
	days    bool // more than one date
	opening flags
}

type supplier struct {
	name string
	sum  int64
}

// run is the entry being read: lines that follow each other with one key.
type run struct {
	journal, entry []byte
	key            []byte
	lines          int
	flags          flags
	sum            int64
	prefixes       [6][3]byte
	distinct       int
	rows           []row
	split          bool // rows were written before the entry's end
	id             int64
	state          *journal
}

type row struct {
	party, letter string
	no            int
	flags         flags
	amount        int64
	on, pieceOn   calendar.Date
	letterOn      calendar.Date
	dueOn         calendar.Date
	rank          int
	piece, cells  string
}

// New makes empty books in a temporary database under cfg.Scratch.
func New(ctx context.Context, cfg Config) (*Books, error) {
	db, err := stage.Open(ctx, cfg.Scratch, schema)
	if err != nil {
		return nil, err
	}
	bulk, err := db.Bulk(ctx, `insert into line values (?,?,?,?,?,?,?,?,?,?,?,?,?)`)
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return &Books{
		cfg: cfg, ctx: ctx, db: db, bulk: bulk, seed: maphash.MakeSeed(),
		journals: make(map[string]*journal), collective: make(map[string]bool),
		suppliers: make(map[string]*supplier), letters: make(map[class]bool),
	}, nil
}

// Close deletes the temporary database.
func (b *Books) Close() error {
	if b.bulk != nil {
		b.bulk.Drop()
		b.bulk = nil
	}
	return b.db.Close()
}

// Add takes one line.
func (b *Books) Add(l *Line) error {
	b.lines++
	if b.sum += l.Amount; b.sum > 1<<61 || b.sum < -1<<61 {
		return fmt.Errorf("line %d: the amounts of the file add up beyond any ledger: it is damaged", l.No)
	}
	if b.first == 0 || l.On < b.first {
		b.first = l.On
	}
	b.last = max(b.last, l.On)
	b.told = max(b.told, l.On, l.ValidOn, l.LetterOn)
	if err := b.follow(l); err != nil {
		return err
	}
	r := &b.run
	r.lines++
	r.sum += l.Amount
	r.flags |= counterpart(l.Account)
	r.touch(l.Account)

	switch c := classify(l.Account); c {
	case classOther:
	case classSupplier:
		return b.supply(l)
	default:
		if len(l.Letter) > 0 {
			b.letters[c] = true
		}
		if len(l.Aux) > 0 && len(b.collective) < maxCollective && !b.collective[string(l.Account)] {
			b.collective[string(l.Account)] = true
		}
		if len(r.rows) == maxRun {
			r.split = true
			if err := b.write(); err != nil {
				return err
			}
		}
		r.rows = append(r.rows, row{
			party: partyKey(l.Account, l.Aux), letter: string(l.Letter), no: l.No, flags: r.state.opening,
			amount: l.Amount, on: l.On, pieceOn: l.PieceOn, letterOn: l.LetterOn, dueOn: l.DueOn,
			rank: r.lines, piece: collapse(l.Piece), cells: pack(l.Journal, l.Entry, l.Label, l.AuxLib, l.AccountLib),
		})
	}
	return nil
}

// Reject notes a line that could not be read. Where it is known whose account
// it was on, that party is doubtful: what it owes cannot be told.
func (b *Books) Reject(no int, why string, account, aux []byte) error {
	if len(b.bad) == maxBad {
		return fmt.Errorf("more than %d lines cannot be read, the last one line %d (%s): the file is damaged", maxBad, no, why)
	}
	b.bad = append(b.bad, connectors.Rejected{Line: no, Text: why})
	if c := classify(account); c == classOther || c == classSupplier {
		return nil
	}
	return b.bulk.Exec(b.ctx, `insert or ignore into doubt values (?,?,?)`, partyKey(account, aux), no, why)
}

// Note tells something odd about the file; no is the line, 0 for all of it.
func (b *Books) Note(no int, text string) {
	if len(b.notes) < maxNotes {
		b.notes = append(b.notes, connectors.Rejected{Line: no, Text: text})
	}
}

// Both notes a line on which debit and credit are both filled.
func (b *Books) Both(no int) {
	if b.both++; b.both <= 3 {
		b.Note(no, "debit and credit are both filled: their difference was taken")
	}
}

// Blurred returns the journals in which one entry number stands on entries of
// several dates, so that entries cannot be told apart by it. Where there are
// any, the file is to be read again with them in Config.
func (b *Books) Blurred() map[string]bool {
	found := make(map[string]bool)
	for code, j := range b.journals {
		if !j.several && j.days && j.entry != "" && !b.cfg.Blurred[code] {
			found[code] = true
		}
	}
	return found
}

// follow ends the entry being read where the line begins another.
func (b *Books) follow(l *Line) error {
	r := &b.run
	same := r.lines > 0 && bytes.Equal(r.journal, l.Journal) && bytes.Equal(r.entry, l.Entry)
	if same && !r.state.days && r.state.on != l.On {
		r.state.days = true
	}
	blurred := len(l.Entry) == 0 || b.cfg.Blurred[string(l.Journal)]
	if same && !blurred {
		return nil
	}
	key := r.key[:0:0]
	key = append(append(append(key, l.Journal...), 0x1f), l.Entry...)
	if blurred {
		key = fmt.Appendf(append(append(key, 0x1f), l.Piece...), "\x1f%d", l.On)
	}
	if same && bytes.Equal(key, r.key) {
		return nil
	}
	if err := b.endRun(); err != nil {
		return err
	}
	j := b.journals[string(l.Journal)]
	if j == nil {
		if len(b.journals) == maxJournals {
			return fmt.Errorf("line %d: more than %d different journals: the columns of the file are not those of its header", l.No, maxJournals)
		}
		j = &journal{entry: string(l.Entry), on: l.On, opening: openingJournal(l.Journal, l.JournalLib)}
		b.journals[strings.Clone(string(l.Journal))] = j
	}
	j.several = j.several || j.entry != string(l.Entry)
	j.days = j.days || j.on != l.On
	*r = run{
		journal: append(r.journal[:0], l.Journal...), entry: append(r.entry[:0], l.Entry...), key: key,
		rows: r.rows[:0], state: j,
		id: int64(maphash.Bytes(b.seed, key)), //nolint:gosec // a hash, any bits
	}
	return nil
}

// touch counts the different accounts (three digits) of the entry, up to six.
func (r *run) touch(account []byte) {
	if r.distinct == len(r.prefixes) || len(account) < 3 || account[0] > '5' {
		return
	}
	prefix := [3]byte(account[:3])
	for _, p := range r.prefixes[:r.distinct] {
		if p == prefix {
			return
		}
	}
	r.prefixes[r.distinct] = prefix
	r.distinct++
}

func (b *Books) endRun() error {
	r := &b.run
	if r.lines == 0 {
		return nil
	}
	if r.distinct >= 4 && r.flags&equity != 0 && r.flags&profit == 0 {
		r.flags |= wide
	}
	if r.sum != 0 || r.split {
		// Perhaps only a part of its entry: what the parts are about is put
		// together when all are read.
		err := b.bulk.Exec(b.ctx, `insert into entry values (?,?,?) on conflict(id) do update
			set flags = flags | excluded.flags, sum = sum + excluded.sum`, r.id, int64(r.flags), r.sum)
		if err != nil {
			return fmt.Errorf("ledger: stage entry: %w", err)
		}
	}
	err := b.write()
	r.lines = 0
	return err
}

func (b *Books) write() error {
	r := &b.run
	for i := range r.rows {
		w := &r.rows[i]
		err := b.bulk.Add(b.ctx, w.party, w.letter, w.no, r.id, w.rank, int64(r.flags|w.flags), w.amount,
			int64(w.on), int64(w.pieceOn), int64(w.letterOn), int64(w.dueOn), w.piece, w.cells)
		if err != nil {
			return fmt.Errorf("ledger: stage line: %w", err)
		}
	}
	r.rows = r.rows[:0]
	return nil
}

// supply sums the balance of a supplier account.
func (b *Books) supply(l *Line) error {
	code := string(partyCode(l.Account, l.Aux))
	s := b.suppliers[code]
	if s == nil {
		if len(b.suppliers) == maxSuppliers {
			if err := b.writeSuppliers(); err != nil {
				return err
			}
		}
		s = new(supplier)
		b.suppliers[code] = s
	}
	s.sum += l.Amount
	if s.name == "" {
		s.name = foldName(l.AuxLib)
	}
	return nil
}

func (b *Books) writeSuppliers() error {
	for code, s := range b.suppliers {
		err := b.bulk.Exec(b.ctx, `insert into supplier values (?,?,?) on conflict(code) do update set sum = sum + excluded.sum`,
			code, s.name, s.sum)
		if err != nil {
			return fmt.Errorf("ledger: stage supplier: %w", err)
		}
	}
	clear(b.suppliers)
	return nil
}

const unit = "\x1f"

// partyKey names a party so that parties of one customer sort together.
func partyKey(account, aux []byte) string {
	if len(aux) > 0 {
		return clean(aux) + unit + clean(account) + unit + clean(aux)
	}
	return clean(account) + unit + clean(account) + unit
}

// partyCode is what may be the same for a customer and a supplier: the
// auxiliary, or what follows the collective account.
func partyCode(account, aux []byte) []byte {
	if len(aux) > 0 {
		return aux
	}
	return account[min(3, len(account)):]
}

func clean(cell []byte) string {
	if bytes.IndexByte(cell, 0x1f) < 0 {
		return string(cell)
	}
	return string(bytes.ReplaceAll(cell, []byte(unit), []byte(" ")))
}

func pack(cells ...[]byte) string {
	var s strings.Builder
	n := len(cells)
	for _, cell := range cells {
		n += len(cell)
	}
	s.Grow(n)
	for i, cell := range cells {
		if i > 0 {
			s.WriteByte(0x1f)
		}
		if bytes.IndexByte(cell, 0x1f) < 0 {
			s.Write(cell)
		} else {
			s.WriteString(clean(cell))
		}
	}
	return s.String()
}

// collapse makes one space of each stretch of blanks ("FA  220396").
func collapse(piece []byte) string {
	if !bytes.Contains(piece, []byte("  ")) && bytes.IndexByte(piece, '\t') < 0 && bytes.IndexByte(piece, 0xC2) < 0 {
		return clean(piece)
	}
	return strings.Join(strings.Fields(clean(piece)), " ")
}

func foldName(name []byte) string {
	return strings.Join(strings.Fields(strings.ToLower(string(name))), " ")
}
