package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"relanced/connectors"
	"relanced/internal/receivable"
)

// party works out one party and puts what is open of it.
func (w *writer) party(key string, g *gathered) error {
	external, rest, _ := strings.Cut(key, unit)
	if g.invoice == nil { // known from the year before only
		account, aux, _ := strings.Cut(rest, unit)
		g.class, g.bare, g.account, g.invoice = classify([]byte(account)), aux == "", account, make(map[docKey]*docInfo)
	}
	if external != w.account.External {
		w.customer(external, g)
	} else if w.account.Name == "" {
		w.account.Name = g.name
	}
	if bad, doubtful := w.doubt[key]; doubtful {
		return w.refuse(g, bad)
	}
	still := w.before[key]
	delete(w.before, key)
	w.carry(key, g, still)

	var o outcome
	estimated := !w.books.letters[g.class] && len(still) == 0
	switch {
	case g.class == classAdvance:
		o = fifo(g.items)
		o.balance -= total(o.open)
		o.open = nil // a debit on advances claims nothing from the customer
	case estimated:
		o = fifo(g.items)
	default:
		o = settle(g.items, w.partial)
	}
	if !o.holds() {
		return w.refuse(g, connectors.Rejected{
			Ref:  connectors.Ref{Kind: receivable.ItemAccount, External: external},
			Text: fmt.Sprintf("what %s owes cannot be told: its open items do not add up to its balance", external),
		})
	}
	w.keep(key, g, o)
	if w.books.cfg.later {
		return nil
	}
	shown := make(map[string]bool)
	if err := w.invoices(g, o.open, estimated && g.class != classAdvance, shown); err != nil {
		return err
	}
	if err := w.credits(key, g, o, shown); err != nil {
		return err
	}
	return w.closeStill(still, shown)
}

func (w *writer) customer(external string, g *gathered) {
	w.account = receivable.Account{External: external, Code: external, Name: g.name, Kind: receivable.KindUnknown}
	w.wrote = false
	code := external
	if g.bare {
		code = external[min(3, len(external)):]
	}
	name := foldName([]byte(g.name))
	w.account.Supplier = w.supplier["code "+code] || (name != "" && w.supplier["name "+name])
}

// refuse leaves out a party whose books cannot be trusted; what is known of it
// from an earlier file stays as it is.
func (w *writer) refuse(g *gathered, bad connectors.Rejected) error {
	w.documents.Bad = append(w.documents.Bad, bad)
	for _, i := range g.items {
		g.every = append(g.every, i.id)
	}
	slices.Sort(g.every)
	for _, id := range slices.Compact(g.every) {
		w.documents.Seen = append(w.documents.Seen, connectors.Ref{Kind: receivable.ItemDocument, External: id})
		w.payments.Seen = append(w.payments.Seen, connectors.Ref{Kind: receivable.ItemPayment, External: id})
		if err := w.flush(); err != nil {
			return err
		}
	}
	return nil
}

// unknown tells that the customer of these lines is not known: they stand on a
// collective account without auxiliary.
func (w *writer) unknown(g *gathered) bool {
	return g.bare && (w.books.collective[g.account] || len(strings.TrimRight(g.account, "0")) <= 4)
}

func (w *writer) invoices(g *gathered, open []*item, estimated bool, shown map[string]bool) error {
	type found struct {
		info *docInfo
		lead *item
	}
	var list []*found
	byInfo := make(map[*docInfo]*found)
	for _, i := range open {
		info := g.invoice[docKey{i.entry, i.number}]
		if i.carried || info == nil {
			info = &docInfo{id: i.id, total: max(i.total, i.amount), dues: []due{{on: i.dueOn, total: max(i.total, i.amount)}}}
		}
		f := byInfo[info]
		if f == nil {
			f = &found{info, i}
			byInfo[info] = f
			list = append(list, f)
		}
		if age(i, f.lead) < 0 {
			f.lead = i
		}
		for n := range info.dues {
			if d := &info.dues[n]; d.on == i.dueOn || len(info.dues) == 1 {
				d.left += i.left
				break
			}
		}
	}
	for _, f := range list {
		doc := w.document(g, f.info, f.lead)
		doc.Estimated = estimated
		if estimated && doc.Note == "" {
			doc.Note = "worked out by settling the oldest first: nothing is lettered"
		}
		shown[doc.External] = true
		if err := w.put(doc); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) document(g *gathered, info *docInfo, i *item) receivable.Document {
	b := w.books
	doc := receivable.Document{
		External: info.id, Account: w.account.External, Number: w.number(g, i), Kind: receivable.Invoice,
		IssuedOn: i.issued(), Total: b.amount(info.total), Outstanding: b.amount(0), Returned: i.returned,
	}
	slices.SortStableFunc(info.dues, func(x, y due) int { return int(x.on) - int(y.on) })
	for n, d := range info.dues {
		line := receivable.Due{Rank: n + 1, On: d.on, Total: b.amount(d.total), Outstanding: b.amount(d.left)}
		if d.on == 0 {
			line.On, line.Estimated = b.cfg.Terms.Due(doc.IssuedOn), true
		}
		doc.Outstanding = doc.Outstanding.Add(line.Outstanding)
		doc.Dues = append(doc.Dues, line)
	}
	switch {
	case w.unknown(g):
		doc.Standing = receivable.StandingUnchecked
		doc.Note = fmt.Sprintf("booked on the collective account %s without a customer", g.account)
	case g.class == classDoubtful:
		doc.Standing = receivable.StandingDoubtful
	case g.class == classBill:
		doc.Standing = receivable.StandingBill
	}
	return doc
}

// number is what people call the invoice.
func (w *writer) number(g *gathered, i *item) string {
	if i.carried {
		return i.number
	}
	entry := i.number
	if i.entryNum != "" && !w.books.cfg.Blurred[i.journal] {
		entry = i.journal + "-" + i.entryNum
	}
	switch {
	case i.kind == kindRefund:
		if id := Identifier(i.label); id != "" && g.numbered(id) {
			return id
		}
	case i.kind != kindInvoice && i.kind != kindCreditNote && i.kind != kindOpening:
	case w.numbers != byPiece:
		if id := Identifier(i.label); id != "" && (w.numbers == byLabel || i.kind == kindOpening) {
			return id
		}
		if i.kind != kindOpening {
			return entry
		}
	}
	if i.number == "" {
		return entry
	}
	return i.number
}

func (g *gathered) numbered(number string) bool {
	for key := range g.invoice {
		if key.number == number {
			return true
		}
	}
	return false
}

func (w *writer) credits(key string, g *gathered, o outcome, shown map[string]bool) error {
	b := w.books
	for _, i := range o.credits {
		shown[i.id] = true
		if (i.kind == kindCreditNote || (i.carried && i.credit)) && g.class != classAdvance {
			doc := receivable.Document{
				External: i.id, Account: w.account.External, Number: w.number(g, i), Kind: receivable.CreditNote,
				IssuedOn: i.issued(), Total: b.amount(max(-i.amount, -i.total)), Outstanding: b.amount(-i.left),
			}
			if err := w.put(doc); err != nil {
				return err
			}
			continue
		}
		if err := w.pay(receivable.Payment{
			External: i.id, Account: w.account.External, On: i.on, Amount: b.amount(max(-i.amount, -i.total)),
			Unallocated: b.amount(-i.left), Label: i.label,
		}); err != nil {
			return err
		}
	}
	if o.unused == 0 {
		return nil
	}
	id := w.unusedID(key)
	shown[id] = true
	return w.pay(receivable.Payment{
		External: id, Account: w.account.External, On: b.last, Amount: b.amount(o.unused), Unallocated: b.amount(o.unused),
		Label: "lettered credits whose invoice is not in the file",
	})
}

func (w *writer) unusedID(key string) string {
	hash := sha256.Sum256([]byte("unused\x1e" + w.result.Part + "\x1e" + key))
	return hex.EncodeToString(hash[:16])
}

func total(items []*item) int64 {
	var sum int64
	for _, i := range items {
		sum += i.left
	}
	return sum
}

func sortedParties(parties map[string][]Still) []string {
	var keys []string
	for key := range parties {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
