package ledger

import (
	"fmt"
	"strings"

	"relanced/internal/receivable"
)

// carry puts the items that the year before left open in the place of the
// opening lines of this one, where both tell the same balance. Otherwise the
// opening lines stand for themselves.
func (w *writer) carry(key string, g *gathered, still []Still) {
	if len(still) == 0 {
		return
	}
	if g.name == "" {
		g.name = still[0].Name
		if w.account.Name == "" {
			w.account.Name = g.name
		}
	}
	if !w.opens { // the years are not closed yet: nothing was brought forward
		for _, s := range still {
			g.items = append(g.items, s.item())
		}
		return
	}
	var brought, kept int64
	lines := append([]*item{}, g.settled...)
	for _, i := range g.items {
		if i.kind == kindOpening {
			lines = append(lines, i)
		}
	}
	for _, i := range lines {
		brought += i.amount
	}
	for _, s := range still {
		kept += s.Left
	}
	if brought != kept {
		external, _, _ := strings.Cut(key, unit)
		w.books.Note(0, fmt.Sprintf("%s: the balance brought forward (%s) is not what %s closed with (%s): the opening entry was taken",
			external, w.books.money(brought), yearBefore(w.result.Year), w.books.money(kept)))
		return
	}
	rest := make(map[*item]bool)
	lettered := false
	for _, i := range lines {
		n := match(i, still)
		if n < 0 {
			rest[i] = true
			lettered = lettered || i.letter != ""
			continue
		}
		s := still[n]
		still = append(append([]Still{}, still[:n]...), still[n+1:]...)
		i.id, i.number, i.total, i.pieceOn, i.dueOn, i.credit = s.ID, s.Number, s.Total, s.PieceOn, s.DueOn, s.Credit
		i.returned = s.Returned
		if i.letter == "" {
			i.carried, i.later, i.letter = true, s.Later, s.Letter
		}
		g.invoice[docKey{i.entry, i.number}] = &docInfo{id: s.ID, total: s.Total, dues: []due{{on: s.DueOn, total: s.Total}}}
	}
	if lettered {
		return
	}
	items := g.items[:0]
	for _, i := range g.items {
		if !rest[i] {
			items = append(items, i)
		}
	}
	g.items = items
	for _, s := range still {
		g.items = append(g.items, s.item())
	}
}

// match finds the item that an opening line brings forward.
func match(line *item, still []Still) int {
	for n, s := range still {
		if s.Left == line.amount && s.Number != "" && strings.EqualFold(s.Number, line.number) {
			return n
		}
	}
	for n, s := range still {
		if s.Left == line.amount && s.PieceOn != 0 && s.PieceOn == line.pieceOn {
			return n
		}
	}
	return -1
}

func (s Still) item() *item {
	return &item{
		id: s.ID, number: s.Number, on: s.On, pieceOn: s.PieceOn, dueOn: s.DueOn, letterOn: s.LetterOn, letter: s.Letter,
		amount: s.Left, total: s.Total, later: s.Later, credit: s.Credit, returned: s.Returned, carried: true, kind: kindOpening,
	}
}

// keep notes what the year leaves open, for the next.
func (w *writer) keep(key string, g *gathered, o outcome) {
	closing := &w.result.Closing
	if len(closing.Items) > maxClosing {
		return
	}
	for n, list := range [][]*item{o.open, o.credits, o.after} {
		for _, i := range list {
			s := Still{
				Party: key, ID: i.id, Number: w.number(g, i), On: i.on, PieceOn: i.issued(), DueOn: i.dueOn,
				LetterOn: i.letterOn, Left: i.left, Total: i.amount, Later: n == 2,
				Credit: i.kind == kindCreditNote || i.credit, Returned: i.returned, Name: g.name,
			}
			if s.Later {
				s.Letter = i.letter
			}
			if info := g.invoice[docKey{i.entry, i.number}]; info != nil && i.amount > 0 && !i.carried {
				s.Total = info.total
				if info.rank == i.rank {
					s.ID = info.id
				}
			}
			if i.carried && i.total != 0 {
				s.Total = i.total
			}
			closing.Items = append(closing.Items, s)
		}
	}
	if o.unused != 0 {
		closing.Items = append(closing.Items, Still{
			Party: key, ID: w.unusedID(key), On: w.books.last, PieceOn: w.books.last, Left: -o.unused, Total: -o.unused, Name: g.name,
		})
	}
}

// closeStill says of what the year before left open, and this one does not,
// that nothing is left of it.
func (w *writer) closeStill(still []Still, shown map[string]bool) error {
	b := w.books
	for _, s := range still {
		if s.Later || shown[s.ID] {
			continue
		}
		var err error
		switch {
		case s.Left > 0:
			err = w.put(receivable.Document{
				External: s.ID, Account: w.account.External, Number: s.Number, Kind: receivable.Invoice, IssuedOn: s.PieceOn,
				Total: b.amount(s.Total), Outstanding: b.amount(0),
				Dues: []receivable.Due{closedDue(b, s)},
			})
		case s.Credit:
			err = w.put(receivable.Document{
				External: s.ID, Account: w.account.External, Number: s.Number, Kind: receivable.CreditNote, IssuedOn: s.PieceOn,
				Total: b.amount(-s.Total), Outstanding: b.amount(0),
			})
		default:
			err = w.pay(receivable.Payment{
				External: s.ID, Account: w.account.External, On: s.On, Amount: b.amount(-s.Total), Unallocated: b.amount(0),
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func closedDue(b *Books, s Still) receivable.Due {
	d := receivable.Due{Rank: 1, On: s.DueOn, Total: b.amount(s.Total), Outstanding: b.amount(0)}
	if d.On == 0 {
		d.On, d.Estimated = b.cfg.Terms.Due(s.PieceOn), true
	}
	return d
}
