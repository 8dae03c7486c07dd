package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"relanced/internal/calendar"
)

// scanned is one staged line.
type scanned struct {
	party, letter string
	flags         flags
	cells         [5]string // journal, entry, label, auxiliary's name, account's name
	item          item
}

// gathered is a party whose lines were read.
type gathered struct {
	class   class
	bare    bool // on the account itself, without auxiliary
	account string
	name    string
	items   []*item
	settled []*item // opening lines of groups that add up to nothing
	invoice map[docKey]*docInfo
	every   []string // ids of all lines, of a doubtful party
}

// docKey finds the lines of one invoice: those of one entry with one number.
type docKey struct {
	entry  int64
	number string
}

type docInfo struct {
	id    string
	rank  int
	total int64
	dues  []due
}

type due struct {
	on    calendar.Date
	total int64
	left  int64
}

func (w *writer) scan() error {
	b := w.books
	rows, err := b.db.QueryContext(b.ctx, `select party, letter, no, entry, rank, flags, amount, on_, piece_on, letter_on, due_on, piece, cells
		from line order by party, letter, no`)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	defer rows.Close()
	var (
		party, letter string
		g             *gathered
		start         int
		sum           int64
	)
	group := func() {
		if g == nil || letter == "" || sum != 0 {
			return
		}
		for _, i := range g.items[start:] {
			if i.kind == kindOpening {
				g.settled = append(g.settled, i)
			}
		}
		clear(g.items[start:])
		g.items = g.items[:start]
	}
	ids := make(map[string]int)
	for rows.Next() {
		s, err := w.read(rows.Scan)
		if err != nil {
			return err
		}
		if s.party != party || g == nil {
			group()
			if g != nil {
				if err := w.party(party, g); err != nil {
					return err
				}
			}
			clear(ids)
			party, letter, g, start, sum = s.party, s.letter, w.begin(s), 0, 0
		} else if s.letter != letter {
			group()
			letter, start, sum = s.letter, len(g.items), 0
		}
		i := s.item
		i.id = w.id(party, s)
		if n := ids[i.id]; n > 0 { // two equal lines of a split entry
			ids[i.id]++
			i.id = fmt.Sprintf("%s-%d", i.id, n+1)
		} else {
			ids[i.id] = 1
		}
		sum += i.amount
		g.add(&i, s)
		if _, doubtful := w.doubt[party]; doubtful {
			g.every = append(g.every, i.id)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	group()
	if g == nil {
		return nil
	}
	return w.party(party, g)
}

func (w *writer) read(scan func(...any) error) (scanned, error) {
	var (
		s                                  scanned
		on, pieceOn, letterOn, dueOn, bits int64
		cells                              string
	)
	i := &s.item
	err := scan(&s.party, &s.letter, &i.no, &i.entry, &i.rank, &bits, &i.amount, &on, &pieceOn, &letterOn, &dueOn, &i.number, &cells)
	if err != nil {
		return s, fmt.Errorf("ledger: %w", err)
	}
	s.flags = flags(bits)                                                                                                           //nolint:gosec // as it was written
	i.on, i.pieceOn, i.letterOn, i.dueOn = calendar.Date(on), calendar.Date(pieceOn), calendar.Date(letterOn), calendar.Date(dueOn) //nolint:gosec // dates as they were written
	for n := range s.cells {
		s.cells[n], cells, _ = strings.Cut(cells, unit)
	}
	if s.flags&(wide|maybeOpening) != 0 && i.on == w.books.first {
		s.flags |= opening
	}
	i.kind = kindOf(s.flags, i.amount)
	i.letter, i.journal, i.entryNum, i.label = s.letter, s.cells[0], s.cells[1], s.cells[2]
	return s, nil
}

func (w *writer) begin(s scanned) *gathered {
	_, rest, _ := strings.Cut(s.party, unit)
	account, aux, _ := strings.Cut(rest, unit)
	return &gathered{
		class: classify([]byte(account)), bare: aux == "", account: account, invoice: make(map[docKey]*docInfo),
	}
}

// id names a line for ever: what may change on it later (lettering, validation)
// is left out.
func (w *writer) id(party string, s scanned) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\x1e%s\x1e%s\x1e%d\x1e%s\x1e%s\x1e%d\x1e%d", w.books.cfg.SIREN, s.cells[0], s.cells[1], s.item.rank,
		party, s.item.number, s.item.pieceOn, s.item.amount)
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

func (g *gathered) add(i *item, s scanned) {
	if name := strings.TrimSpace(s.cells[3]); name != "" {
		g.name = name
	} else if name := strings.TrimSpace(s.cells[4]); name != "" && g.name == "" && g.bare {
		g.name = name
	}
	i.returned = i.kind == kindRefund
	g.items = append(g.items, i)
	if i.amount <= 0 {
		return
	}
	key := docKey{i.entry, i.number}
	info := g.invoice[key]
	if info == nil {
		info = &docInfo{id: i.id, rank: i.rank}
		g.invoice[key] = info
	}
	if i.rank < info.rank {
		info.id, info.rank = i.id, i.rank
	}
	info.total += i.amount
	for n := range info.dues {
		if info.dues[n].on == i.dueOn {
			info.dues[n].total += i.amount
			return
		}
	}
	info.dues = append(info.dues, due{on: i.dueOn, total: i.amount})
}
