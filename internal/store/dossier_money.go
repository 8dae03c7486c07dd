package store

import (
	"cmp"
	"slices"

	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// settlements tells which dated payments and credit notes lowered each line:
// what a group settles goes to its invoices by date.
func (g *gathering) settlements() ([]question, func() error) {
	partly := map[string][]*dossier.Line{} // connection, NUL, document
	var externals []string
	for _, d := range g.by {
		for i := range d.Lines {
			l := &d.Lines[i]
			if l.InvoiceTotal.Minor != 0 {
				key := string(l.Connection) + "\x00" + l.External
				if l.Outstanding != l.Total { // else it has lost nothing to a payment
					externals = append(externals, l.External)
				}
				partly[key] = append(partly[key], l)
			}
		}
	}
	if len(externals) == 0 {
		return nil, nil
	}
	moment := g.at
	if moment.IsZero() {
		moment = g.now
	}
	type item struct {
		connection, group, item string
		kind                    receivable.ItemKind
		amount                  money.Amount
		paid                    int64
		paidCurrency            string
		on, note                string
	}
	groups := map[string][]item{}
	var order []string
	slices.Sort(externals)
	var asked []question
	for chunk := range slices.Chunk(slices.Compact(externals), 2000) {
		asked = append(asked, ask(func(scan scanner) error {
			var i item
			err := scan(&i.connection, &i.group, &i.item, &i.kind, &i.amount.Minor, &i.amount.Currency, &i.paid, &i.paidCurrency, &i.on, &i.note)
			key := i.connection + "\x00" + i.group
			if groups[key] == nil {
				order = append(order, key)
			}
			if !slices.Contains(groups[key], i) {
				groups[key] = append(groups[key], i)
			}
			return err
		}, `SELECT c.name, b.grp, b.item, b.kind, b.amount, b.currency, coalesce(p.amount, n.total, 0), coalesce(p.currency, n.currency, ''), coalesce(p.paid_on, ''), coalesce(n.content, '')
FROM allocation b JOIN connection c ON c.id = b.connection
LEFT JOIN payment p ON p.connection = b.connection AND p.external = b.item AND b.kind = 'payment'
LEFT JOIN document n ON n.connection = b.connection AND n.external = b.item AND b.kind = 'document' AND n.kind = 'credit_note'
WHERE b.first_seen_at <= $2 AND (b.gone_at = 0 OR b.gone_at > $2) AND (b.connection, b.grp) IN (
  SELECT a.connection, a.grp FROM allocation a WHERE a.kind = 'document' AND `+g.in("a.item", 1)+` AND a.connection IN (
    SELECT connection FROM account WHERE `+g.is("customer", 3)+`)) ORDER BY b.id`, texts(chunk), moment, g.who))
	}
	return asked, func() error {
		for _, key := range order {
			var lines []*dossier.Line
			var pays []dossier.Settled
			for _, i := range groups[key] {
				if targets := partly[i.connection+"\x00"+i.item]; i.kind == receivable.ItemDocument && targets != nil {
					lines = append(lines, targets...)
					continue
				}
				s := dossier.Settled{Amount: i.amount.Neg(), Credit: i.kind == receivable.ItemDocument}
				if i.amount.Currency == "" {
					s.Amount = amount(i.paid, i.paidCurrency)
				}
				if i.note != "" {
					var row documentRow
					if err := doc(&row).Scan(i.note); err != nil {
						return err
					}
					s.On = row.IssuedOn
				} else if err := on(&s.On).Scan(i.on); err != nil {
					return err
				}
				if s.Amount.Sign() > 0 {
					pays = append(pays, s)
				}
			}
			share(lines, pays)
		}
		return nil
	}
}

// share gives payments to lines, the oldest to the oldest, up to what each line
// has lost of its total.
func share(lines []*dossier.Line, pays []dossier.Settled) {
	slices.SortStableFunc(lines, func(a, b *dossier.Line) int { return cmp.Compare(a.DueOn, b.DueOn) })
	slices.SortStableFunc(pays, func(a, b dossier.Settled) int { return cmp.Compare(a.On, b.On) })
	for _, p := range pays {
		for _, l := range lines {
			if p.Amount.Currency != l.Total.Currency || p.Amount.Sign() <= 0 {
				continue
			}
			room := l.Total.Sub(l.Outstanding)
			for _, had := range l.Payments {
				room = room.Sub(had.Amount)
			}
			if room.Sign() <= 0 {
				continue
			}
			part := p
			if part.Amount.Cmp(room) > 0 {
				part.Amount = room
			}
			p.Amount = p.Amount.Sub(part.Amount)
			l.Payments = append(l.Payments, part)
			if !part.Credit {
				l.LastPaymentOn = max(l.LastPaymentOn, part.On)
			}
		}
	}
}
