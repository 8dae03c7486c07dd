package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"relanced/connectors"
	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// pageSize is how many documents or payments a page holds.
const pageSize = 500

// writer goes through the staged lines party by party and puts pages.
type writer struct {
	books   *Books
	result  *Result
	numbers numbering
	partial bool

	doubt    map[string]connectors.Rejected
	supplier map[string]bool
	before   map[string][]Still
	opens    bool // the file has an opening entry
	replaced bool // the year before left too much to be kept

	account   receivable.Account // the customer being written
	wrote     bool               // its account stands on a page
	documents connectors.Page    // series 0, being filled
	payments  connectors.Page    // series 1
}

// scanned is one staged line.
type scanned struct {
	party, letter string
	flags         flags
	cells         [5]string // journal, entry, label, auxiliary's name, account's name
	item          item
}

func (w *writer) run() error {
	b := w.books
	var err error
	if w.doubt, err = b.doubts(); err != nil {
		return err
	}
	if w.supplier, err = b.owed(); err != nil {
		return err
	}
	err = b.db.QueryRowContext(b.ctx, `select exists(select 1 from line where flags & ? <> 0 or (flags & ? <> 0 and on_ = ?))`,
		int64(opening), int64(wide|maybeOpening), int64(b.first)).Scan(&w.opens)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	w.before = make(map[string][]Still)
	if b.cfg.before != nil {
		w.replaced = b.cfg.before.Full && w.opens
		for _, s := range b.cfg.before.Items {
			w.before[s.Party] = append(w.before[s.Party], s)
		}
	}
	w.fresh(0)
	w.fresh(1)
	if b.cfg.later {
		b.Note(0, fmt.Sprintf("the ledger of %d is already loaded and tells what is still open: nothing of %d is shown; import %d again to get its invoices by their numbers",
			w.result.Year+1, w.result.Year, w.result.Year+1))
	}
	if err := w.scan(); err != nil {
		return err
	}
	for _, party := range sortedParties(w.before) {
		if err := w.party(party, &gathered{}); err != nil {
			return err
		}
	}
	w.documents.Bad = append(b.bad, w.documents.Bad...)
	w.documents.Notes = b.notes
	w.documents.Whole, w.payments.Whole = true, true
	if len(w.result.Closing.Items) > maxClosing {
		w.result.Closing.Items, w.result.Closing.Full = nil, true
	}
	if err := b.db.Pages.Put(0, w.documents); err != nil {
		return err
	}
	if err := b.db.Pages.Put(1, w.payments); err != nil {
		return err
	}
	if w.replaced {
		return w.closeBefore()
	}
	return nil
}

// closeBefore says of a whole year, of which too much was open to be kept, that
// nothing is: what is left of it stands in the opening entry of this one.
func (w *writer) closeBefore() error {
	for n, kind := range []receivable.ItemKind{receivable.ItemDocument, receivable.ItemPayment} {
		page := connectors.Page{
			AsOf: w.result.AsOf, File: w.books.cfg.File, Format: w.books.cfg.Format, Whole: true,
			Listing: &connectors.Scope{
				Kind: kind, Part: w.books.cfg.SIREN + "/" + strconv.Itoa(w.result.Year-1), Absent: connectors.AbsentSettled,
			},
		}
		if err := w.books.db.Pages.Put(2+n, page); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) fresh(series int) {
	page := connectors.Page{AsOf: w.result.AsOf, File: w.books.cfg.File, Format: w.books.cfg.Format}
	if series == 0 {
		page.Listing = &connectors.Scope{Kind: receivable.ItemDocument, Part: w.result.Part, Absent: connectors.AbsentSettled}
		w.documents = page
	} else {
		page.Listing = &connectors.Scope{Kind: receivable.ItemPayment, Part: w.result.Part, Absent: connectors.AbsentSettled}
		w.payments = page
	}
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

func (w *writer) put(doc receivable.Document) error {
	w.introduce(0)
	w.documents.Documents = append(w.documents.Documents, doc)
	return w.flush()
}

func (w *writer) pay(p receivable.Payment) error {
	w.introduce(1)
	w.payments.Payments = append(w.payments.Payments, p)
	return w.flush()
}

// introduce puts the customer's account on a page before what names it. Pages
// of payments follow all pages of documents.
func (w *writer) introduce(int) {
	if !w.wrote {
		w.wrote = true
		w.documents.Accounts = append(w.documents.Accounts, w.account)
	}
}

func (w *writer) flush() error {
	pages := w.books.db.Pages
	if d := &w.documents; max(len(d.Documents), len(d.Accounts), len(d.Seen), len(d.Bad)) >= pageSize {
		if err := pages.Put(0, *d); err != nil {
			return err
		}
		w.fresh(0)
	}
	if p := &w.payments; max(len(p.Payments), len(p.Seen)) >= pageSize {
		if err := pages.Put(1, *p); err != nil {
			return err
		}
		w.fresh(1)
	}
	return nil
}

func (b *Books) amount(minor int64) money.Amount { return money.New(minor, b.cfg.Currency) }

func (b *Books) money(minor int64) string { return b.amount(minor).String() + " " + b.cfg.Currency }

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

func yearBefore(year int) string { return strconv.Itoa(year - 1) }
