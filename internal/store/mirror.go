package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// writer writes one page of a connection.
type writer struct {
	*Tx
	company receivable.CompanyID
	conn    int64
	page    Page
	counts  Applied
	touch   map[int64]bool
	linked  map[string]bool // externals of items whose links changed: kind + "\x00" + external
	first   bool            // nothing of the connection was ever accepted
}

// known is a mirrored row as it stands.
type known struct {
	id, customer, account int64
	hash                  string
	gone                  bool
}

// ApplyPage is Store.ApplyPage inside the caller's transaction.
func (tx *Tx) ApplyPage(key ConnectionKey, page Page) (Applied, error) {
	c, id, err := tx.connection(key)
	if err != nil {
		return Applied{}, err
	}
	w := &writer{Tx: tx, company: key.Company, conn: id, page: page, touch: map[int64]bool{}, linked: map[string]bool{}, first: c.AcceptedAt.IsZero()}
	for _, step := range []func() error{w.fresh, w.accounts, w.documents, w.payments, w.allocations, w.gone, w.seen, w.absent, w.bad, w.links} {
		if err := step(); err != nil {
			return Applied{}, fmt.Errorf("apply page of %s: %w", key.Name, err)
		}
	}
	for customer := range w.touch {
		w.counts.Customers = append(w.counts.Customers, dossier.CustomerID(customer))
	}
	slices.Sort(w.counts.Customers)
	tx.Touch(w.counts.Customers...)
	return w.counts, tx.countPage(id, c, w.counts.PassCount, page)
}

// ApplyPage writes one page with its cursor in one transaction. Rows whose
// content is unchanged are not written; replaying a page changes nothing.
// A document that names an account nobody has yet gets a nameless one, filled
// in when it comes: without an address it is never written to. ErrOlder: a
// snapshot older than the last accepted one of its part; nothing was written.
func (s *Store) ApplyPage(ctx context.Context, key ConnectionKey, page Page) (Applied, error) {
	var done Applied
	err := s.InTx(ctx, func(tx *Tx) error {
		var err error
		done, err = tx.ApplyPage(key, page)
		return err
	})
	return done, err
}

// fresh refuses a snapshot older than the one it would replace.
func (w *writer) fresh() error {
	l := w.page.Listing
	if l == nil || l.Part == "all" || l.Part == "open" {
		return nil
	}
	var last int64
	err := w.one([]any{&last}, "SELECT as_of FROM listing WHERE connection = $1 AND kind = $2 AND part = $3", w.conn, l.Kind, l.Part)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err == nil && micros(w.page.AsOf) < last {
		return fmt.Errorf("%s of %s: %w, of %s", l.Part, w.page.AsOf.Format("2006-01-02 15:04"), ErrOlder, instantOf(last).Format("2006-01-02 15:04"))
	}
	return err
}

// lookup finds the mirrored rows of these external ids.
func (w *writer) lookup(table string, externals []string) (map[string]known, error) {
	found := make(map[string]known, len(externals))
	for chunk := range slices.Chunk(externals, 5000) {
		columns := "id, external, customer, hash, gone_at, account"
		if table == "account" {
			columns = "id, external, customer, hash, gone_at, 0"
		}
		err := w.each(func(scan scanner) error {
			var k known
			var external string
			var gone int64
			err := scan(&k.id, &external, &k.customer, &k.hash, &gone, &k.account)
			k.gone = gone != 0
			found[external] = k
			return err
		}, "SELECT "+columns+" FROM "+table+" WHERE connection = $1 AND "+w.in("external", 2), w.conn, texts(chunk))
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// keep moves the content that rows have until now into history.
func (w *writer) keep(table string, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	_, err := w.exec("INSERT INTO history (tbl, row_id, from_at, until_at, content) SELECT $1, id, since, CAST($2 AS BIGINT), content FROM "+table+
		" WHERE "+w.in("id", 3)+" AND since < $2 ORDER BY id", table, w.now, numbers(ids))
	return err
}

// sorted orders rows by their key and keeps the last of each.
func sorted[T any](rows []T, key func(T) string) []T {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	out := rows[:0]
	for i, r := range rows {
		if i+1 < len(rows) && key(rows[i+1]) == key(r) {
			continue
		}
		out = append(out, r)
	}
	return out
}

func keys[T any](rows []T, key func(T) string) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = key(r)
	}
	return out
}

var (
	customerColumns = []column{{"id", "bigint"}, {"company", "text"}, {"code", "text"}, {"root", "bigint"}, {"since", "bigint"}, {"created_at", "bigint"}}
	accountColumns  = []column{
		{"id", "bigint"}, {"connection", "bigint"}, {"external", "text"}, {"customer", "bigint"}, {"code", "text"}, {"name", "text"},
		{"hash", "text"}, {"content", "text"}, {"since", "bigint"}, {"first_seen_at", "bigint"}, {"written_at", "bigint"},
	}
	accountChanged = []column{
		{"id", "bigint"}, {"code", "text"}, {"name", "text"}, {"hash", "text"}, {"content", "text"},
		{"since", "bigint"}, {"written_at", "bigint"}, {"gone_at", "bigint"},
	}
)

func (w *writer) accounts() error {
	rows := slices.Clone(w.page.Accounts)
	for i := range rows {
		rows[i].External = clean(rows[i].External)
	}
	rows = sorted(rows, func(a receivable.Account) string { return a.External })
	have, err := w.lookup("account", keys(rows, func(a receivable.Account) string { return a.External }))
	if err != nil {
		return err
	}
	var fresh []receivable.Account
	var changed [][]any
	var changedIDs, changedCustomers []int64
	var codes []string
	var contacts []addressOf
	now := micros(w.now)
	for _, a := range rows {
		k, ok := have[a.External]
		if !ok {
			fresh = append(fresh, a)
			continue
		}
		content, hash := contentOf(a)
		if k.hash == hash && !k.gone {
			w.counts.Unchanged++
			continue
		}
		if k.hash == "" { // the nameless one that a document made
			w.counts.New++
		} else {
			w.counts.Changed++
			changedIDs = append(changedIDs, k.id)
		}
		changed = append(changed, []any{k.id, clean(a.Code), clean(a.Name), hash, content, now, now, int64(0)})
		changedCustomers = append(changedCustomers, k.customer)
		w.touch[k.customer] = true
		codes = append(codes, clean(a.Code), a.External)
		contacts = append(contacts, addressOf{k.customer, a})
	}
	if err := w.keep("account", changedIDs); err != nil {
		return err
	}
	if err := w.updateMany("account", accountChanged, changed); err != nil {
		return err
	}
	made, err := w.newAccounts(fresh)
	if err != nil {
		return err
	}
	for _, a := range fresh {
		w.counts.New++
		codes = append(codes, clean(a.Code), a.External)
		contacts = append(contacts, addressOf{made[a.External].customer, a})
	}
	if err := w.saveContacts(changedCustomers, contacts); err != nil {
		return err
	}
	return w.code(codes)
}

type addressOf struct {
	customer int64
	account  receivable.Account
}

// newAccounts makes accounts with a customer each.
func (w *writer) newAccounts(rows []receivable.Account) (map[string]known, error) {
	ids, err := w.newIDs("account", len(rows))
	if err != nil {
		return nil, err
	}
	customers, err := w.newIDs("customer", len(rows))
	if err != nil {
		return nil, err
	}
	made := make(map[string]known, len(rows))
	now := micros(w.now)
	var accounts, owners [][]any
	for i, a := range rows {
		content, hash := contentOf(a)
		if a.Kind == placeholder {
			a.Kind = ""
			content, _ = contentOf(a)
			hash = ""
		}
		code := clean(a.Code)
		if code == "" {
			code = a.External
		}
		owners = append(owners, []any{customers[i], string(w.company), code, customers[i], now, now})
		accounts = append(accounts, []any{ids[i], w.conn, a.External, customers[i], clean(a.Code), clean(a.Name), hash, content, now, now, now})
		made[a.External] = known{id: ids[i], customer: customers[i], hash: hash}
		w.touch[customers[i]] = true
	}
	if err := w.insertMany("customer", customerColumns, owners); err != nil {
		return nil, err
	}
	return made, w.insertMany("account", accountColumns, accounts)
}

// placeholder marks an account that only documents spoke of so far.
const placeholder receivable.Kind = "placeholder"

// code sets what customers are called by: the source's code, where it has one
// and does not repeat it; else its id.
func (w *writer) code(codes []string) error {
	if len(codes) == 0 {
		return nil
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	for chunk := range slices.Chunk(codes, 5000) {
		_, err := w.exec(`UPDATE customer SET code = (
  SELECT CASE WHEN a.code = '' OR (SELECT count(*) FROM account b WHERE b.connection = a.connection AND b.code = a.code AND b.gone_at = 0) > 1 THEN a.external ELSE a.code END
  FROM account a WHERE a.customer = customer.id)
WHERE id IN (SELECT customer FROM account a WHERE a.connection = $1 AND `+w.in("a.code", 2)+`
  AND (a.code = '' OR a.written_at = $3 OR (SELECT count(*) FROM account b WHERE b.connection = a.connection AND b.code = a.code) > 1))
AND code <> (SELECT CASE WHEN a.code = '' OR (SELECT count(*) FROM account b WHERE b.connection = a.connection AND b.code = a.code AND b.gone_at = 0) > 1 THEN a.external ELSE a.code END
  FROM account a WHERE a.customer = customer.id)`, w.conn, texts(slices.DeleteFunc(slices.Clone(chunk), func(c string) bool { return c == "" })), w.now)
		if err != nil {
			return err
		}
	}
	return w.applyWaitingOverlays(w.company, codes)
}

var contactColumns = []column{{"company", "text"}, {"customer", "bigint"}, {"address", "text"}, {"domain", "text"}, {"origin", "text"}}

// saveContacts records which addresses belong to which customer.
func (w *writer) saveContacts(changed []int64, list []addressOf) error {
	if len(changed) > 0 {
		if _, err := w.exec("DELETE FROM contact WHERE origin = 'account' AND "+w.in("customer", 1), numbers(changed)); err != nil {
			return err
		}
	}
	var rows [][]any
	for _, l := range list {
		addresses := slices.Clone(l.account.Emails)
		for _, c := range l.account.Contacts {
			addresses = append(addresses, c.Email)
		}
		rows = append(rows, contactRows(w.company, l.customer, "account", addresses)...)
	}
	return w.upsertMany("contact", contactColumns, rows, "DO NOTHING")
}

func contactRows(company receivable.CompanyID, customer int64, origin string, addresses []string) [][]any {
	var rows [][]any
	seen := map[string]bool{}
	for _, address := range addresses {
		address = strings.TrimSpace(address)
		if !email.IsAddress(address) {
			continue
		}
		if address = email.Canonical(address); !seen[address] {
			seen[address] = true
			rows = append(rows, []any{string(company), customer, clean(address), clean(email.Domain(address)), origin})
		}
	}
	return rows
}

var (
	documentColumns = []column{
		{"id", "bigint"}, {"connection", "bigint"}, {"external", "text"}, {"account", "bigint"}, {"customer", "bigint"}, {"kind", "text"},
		{"number", "text"}, {"folded", "text"}, {"currency", "text"}, {"total", "bigint"}, {"outstanding", "bigint"}, {"hash", "text"},
		{"content", "text"}, {"since", "bigint"}, {"first_seen_at", "bigint"}, {"written_at", "bigint"},
	}
	documentChanged = []column{
		{"id", "bigint"}, {"account", "bigint"}, {"customer", "bigint"}, {"kind", "text"}, {"number", "text"}, {"folded", "text"},
		{"currency", "text"}, {"total", "bigint"}, {"outstanding", "bigint"}, {"hash", "text"}, {"content", "text"}, {"since", "bigint"},
		{"written_at", "bigint"}, {"gone_at", "bigint"},
	}
	dueColumns = []column{
		{"document", "bigint"}, {"customer", "bigint"}, {"rank", "bigint"}, {"due_on", "text"}, {"total", "bigint"},
		{"outstanding", "bigint"}, {"estimated", "boolean"}, {"changed_at", "bigint"},
	}
	dueChanged = []column{
		{"id", "bigint"}, {"customer", "bigint"}, {"due_on", "text"}, {"total", "bigint"}, {"outstanding", "bigint"},
		{"estimated", "boolean"}, {"changed_at", "bigint"}, {"gone_at", "bigint"},
	}
)

// owners finds the accounts that rows name, making nameless ones where they are
// not known yet.
func (w *writer) owners(externals []string) (map[string]known, error) {
	for i := range externals {
		externals[i] = clean(externals[i])
	}
	slices.Sort(externals)
	externals = slices.Compact(externals)
	have, err := w.lookup("account", externals)
	if err != nil {
		return nil, err
	}
	var missing []receivable.Account
	for _, e := range externals {
		if _, ok := have[e]; !ok {
			missing = append(missing, receivable.Account{External: e, Kind: placeholder})
		}
	}
	made, err := w.newAccounts(missing)
	if err != nil {
		return nil, err
	}
	for e, k := range made {
		have[e] = k
	}
	return have, nil
}

// changedDocument is a document whose content differs from what is stored.
type changedDocument struct {
	known
	doc receivable.Document
	row documentRow
}

func (w *writer) documents() error {
	if len(w.page.Documents) == 0 {
		return nil
	}
	docs := slices.Clone(w.page.Documents)
	for i := range docs {
		docs[i].External = clean(docs[i].External)
		if docs[i].Kind == "" {
			docs[i].Kind = receivable.Invoice
		}
	}
	docs = sorted(docs, func(d receivable.Document) string { return d.External })
	w.counts.DocumentsSeen += len(docs)
	have, err := w.lookup("document", keys(docs, func(d receivable.Document) string { return d.External }))
	if err != nil {
		return err
	}
	owners, err := w.owners(keys(docs, func(d receivable.Document) string { return d.Account }))
	if err != nil {
		return err
	}
	now := micros(w.now)
	var fresh, dues, changes [][]any
	var changed []changedDocument
	var kept []int64
	for _, d := range docs {
		row := documentContent(d)
		content, hash := contentOf(struct {
			K receivable.DocumentKind
			documentRow
		}{d.Kind, row})
		owner := owners[clean(d.Account)]
		k, ok := have[d.External]
		switch {
		case !ok:
			w.counts.New++
			fresh = append(fresh, []any{
				int64(0), w.conn, d.External, owner.id, owner.customer, string(d.Kind), clean(d.Number), fold(clean(d.Number)), clean(row.Currency),
				row.Total, row.Outstanding, hash, content, now, now, now,
			})
			w.rose(d.Kind, row.Outstanding, row.Currency)
			dues = append(dues, w.dueRows(len(fresh)-1, owner.customer, row)...)
		case k.hash == hash && !k.gone && k.account == owner.id:
			w.counts.Unchanged++
			continue
		default:
			w.counts.Changed++
			kept = append(kept, k.id)
			changes = append(changes, []any{
				k.id, owner.id, owner.customer, string(d.Kind), clean(d.Number), fold(clean(d.Number)), clean(row.Currency), row.Total,
				row.Outstanding, hash, content, now, now, int64(0),
			})
			w.touch[k.customer] = true
			k.customer = owner.customer
			changed = append(changed, changedDocument{k, d, row})
		}
		w.touch[owner.customer] = true
	}
	ids, err := w.newIDs("document", len(fresh))
	if err != nil {
		return err
	}
	for i, id := range ids {
		fresh[i][0] = id
	}
	for _, due := range dues {
		due[0] = ids[due[0].(int)] //nolint:forcetypeassert // set by dueRows
	}
	old, err := w.stored(kept)
	if err != nil {
		return err
	}
	if err := w.keep("document", kept); err != nil {
		return err
	}
	if err := w.insertMany("document", documentColumns, fresh); err != nil {
		return err
	}
	if err := w.insertMany("due", dueColumns, dues); err != nil {
		return err
	}
	if err := w.updateMany("document", documentChanged, changes); err != nil {
		return err
	}
	return w.changeDues(changed, old)
}

// dueRows are the due lines of the document that stands at place n of the new ones.
func (w *writer) dueRows(n int, customer int64, row documentRow) [][]any {
	rows := make([][]any, 0, len(row.Dues))
	seen := map[int]bool{}
	for _, d := range row.Dues {
		if !seen[d.Rank] {
			seen[d.Rank] = true
			rows = append(rows, []any{n, customer, int64(d.Rank), d.On.String(), d.Total, d.Outstanding, d.Estimated, micros(w.now)})
		}
	}
	return rows
}

// storedDue is a due line as it stands; storedDocument what it belongs to.
type storedDue struct {
	id, document, customer, total, outstanding int64
	rank                                       int
	on                                         string
	estimated, gone                            bool
}

type storedDocument struct {
	kind        receivable.DocumentKind
	currency    string
	outstanding int64
	gone        bool
	dues        map[int]storedDue
}

func (w *writer) stored(ids []int64) (map[int64]storedDocument, error) {
	found := map[int64]storedDocument{}
	if len(ids) == 0 {
		return found, nil
	}
	err := w.each(func(scan scanner) error {
		var id, gone int64
		d := storedDocument{dues: map[int]storedDue{}}
		err := scan(&id, &d.kind, &d.currency, &d.outstanding, &gone)
		d.gone = gone != 0
		found[id] = d
		return err
	}, "SELECT id, kind, currency, outstanding, gone_at FROM document WHERE "+w.in("id", 1), numbers(ids))
	if err != nil {
		return nil, err
	}
	err = w.each(func(scan scanner) error {
		var d storedDue
		var gone int64
		err := scan(&d.id, &d.document, &d.customer, &d.rank, &d.on, &d.total, &d.outstanding, &d.estimated, &gone)
		d.gone = gone != 0
		found[d.document].dues[d.rank] = d
		return err
	}, "SELECT id, document, customer, rank, due_on, total, outstanding, estimated, gone_at FROM due WHERE "+w.in("document", 1), numbers(ids))
	return found, err
}

// changeDues brings the due lines of changed documents up to date, and counts
// what the breaker looks at.
func (w *writer) changeDues(changed []changedDocument, old map[int64]storedDocument) error {
	var fresh, updates [][]any
	var falls []fall
	for _, c := range changed {
		was := old[c.id]
		before := was.outstanding
		if was.gone {
			before = 0
		}
		if was.kind == receivable.Invoice {
			w.rose(was.kind, -before, was.currency)
		}
		w.rose(c.doc.Kind, c.row.Outstanding, c.row.Currency)
		if c.doc.Kind == receivable.Invoice && before == 0 && c.row.Outstanding != 0 {
			w.counts.Reopened++
		}
		if before != 0 && c.row.Outstanding == 0 {
			w.counts.Closed++
		}
		if c.doc.Kind == receivable.Invoice && was.currency == c.row.Currency && before > c.row.Outstanding {
			falls = append(falls, fall{external: c.doc.External, account: c.doc.Account, amount: before - c.row.Outstanding, currency: was.currency})
		}
		named := map[int]bool{}
		for _, d := range c.row.Dues {
			if named[d.Rank] {
				continue
			}
			named[d.Rank] = true
			s, ok := was.dues[d.Rank]
			at := micros(w.now)
			switch {
			case !ok:
				fresh = append(fresh, []any{c.id, c.customer, int64(d.Rank), d.On.String(), d.Total, d.Outstanding, d.Estimated, at})
				continue
			case s.on == d.On.String() && s.total == d.Total && s.outstanding == d.Outstanding && s.estimated == d.Estimated && !s.gone && s.customer == c.customer:
				continue
			}
			if s.on != d.On.String() {
				w.counts.DatesMoved++
			}
			updates = append(updates, []any{s.id, c.customer, d.On.String(), d.Total, d.Outstanding, d.Estimated, at, int64(0)})
		}
		for rank, s := range was.dues {
			if !named[rank] && !s.gone {
				updates = append(updates, []any{s.id, c.customer, s.on, s.total, int64(0), s.estimated, micros(w.now), micros(w.now)})
			}
		}
	}
	if err := w.insertMany("due", dueColumns, fresh); err != nil {
		return err
	}
	if err := w.updateMany("due", dueChanged, updates); err != nil {
		return err
	}
	return w.derive(falls)
}

// rose notes by how much what is open changed.
func (w *writer) rose(kind receivable.DocumentKind, by int64, currency string) {
	if kind != receivable.Invoice || by == 0 {
		return
	}
	w.counts.Outstanding = addTo(w.counts.Outstanding, amount(by, currency))
}

func addTo(sums []money.Amount, a money.Amount) []money.Amount {
	for i := range sums {
		if sums[i].Currency == a.Currency {
			sums[i] = sums[i].Add(a)
			return sums
		}
	}
	return append(sums, a)
}

// fall is an invoice of which less is outstanding than before.
type fall struct {
	external, account string
	amount            int64
	currency          string
}

// derive turns falls into payments where the source tells none.
func (w *writer) derive(falls []fall) error {
	if !w.page.Derive || len(falls) == 0 {
		return nil
	}
	counts := w.counts
	payments, allocations := w.page.Payments, w.page.Allocations
	w.page.Payments, w.page.Allocations = nil, nil
	for _, f := range falls {
		id := fmt.Sprintf("derived:%s:%d", f.external, micros(w.now))
		w.page.Payments = append(w.page.Payments, receivable.Payment{
			External: id, Account: f.account, On: w.page.PayOn, Amount: amount(f.amount, f.currency), Unallocated: amount(0, f.currency), Derived: true,
		})
		w.page.Allocations = append(w.page.Allocations,
			receivable.Allocation{Group: id, Item: f.external, Kind: receivable.ItemDocument, Amount: amount(f.amount, f.currency)},
			receivable.Allocation{Group: id, Item: id, Kind: receivable.ItemPayment, Amount: amount(-f.amount, f.currency)})
	}
	err := errors.Join(w.payments(), w.allocations())
	w.page.Payments, w.page.Allocations = payments, allocations
	w.counts = counts
	clear(w.linked)
	return err
}
