package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// remembered is how long ended holds, promises and disputes stay in a dossier.
const remembered = 400 * 24 * time.Hour

// gathering builds the dossiers of many customers in few queries.
type gathering struct {
	*Tx
	at        time.Time // zero: as it stands now
	roots     []int64
	members   []int64         // customers joined under the roots, roots included
	root      map[int64]int64 // of each member
	by        map[int64]*dossier.Dossier
	documents []dossier.DocumentID // besides open and reminded ones
	lines     map[dossier.DueID]bool
}

// Dossier is all that is known of one customer now. A joined account's customer
// gives the dossier of who pays for it.
func (tx *Tx) Dossier(id dossier.CustomerID) (dossier.Dossier, error) {
	return tx.dossier(id, gathering{})
}

// Dossier is Tx.Dossier in a transaction of its own.
func (s *Store) Dossier(ctx context.Context, id dossier.CustomerID) (dossier.Dossier, error) {
	return view(ctx, s, func(tx *Tx) (dossier.Dossier, error) { return tx.Dossier(id) })
}

// Dossiers returns those of many customers in few queries, in the order of ids,
// unknown ones left out.
func (s *Store) Dossiers(ctx context.Context, ids []dossier.CustomerID) ([]dossier.Dossier, error) {
	return view(ctx, s, func(tx *Tx) ([]dossier.Dossier, error) { return tx.gather(ids, gathering{}) })
}

// DossierOf is Dossier with all lines of one document, settled ones too.
func (s *Store) DossierOf(ctx context.Context, id dossier.CustomerID, document dossier.DocumentID) (dossier.Dossier, error) {
	return view(ctx, s, func(tx *Tx) (dossier.Dossier, error) {
		return tx.dossier(id, gathering{documents: []dossier.DocumentID{document}})
	})
}

// DossierAt rebuilds the dossier as it was known at a past moment.
func (s *Store) DossierAt(ctx context.Context, id dossier.CustomerID, at time.Time) (dossier.Dossier, error) {
	return view(ctx, s, func(tx *Tx) (dossier.Dossier, error) { return tx.dossier(id, gathering{at: at}) })
}

func (tx *Tx) dossier(id dossier.CustomerID, g gathering) (dossier.Dossier, error) {
	list, err := tx.gather([]dossier.CustomerID{id}, g)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("customer %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return dossier.Dossier{}, err
	}
	return list[0], nil
}

// CustomerIDs returns all customers of the company that are chased on their own
// account, by id.
func (s *Store) CustomerIDs(ctx context.Context, company receivable.CompanyID) ([]dossier.CustomerID, error) {
	return s.ids(ctx, "SELECT id FROM customer WHERE company = $1 AND root = id ORDER BY id", company)
}

// OpenCustomerIDs is CustomerIDs, those with an open due line.
func (s *Store) OpenCustomerIDs(ctx context.Context, company receivable.CompanyID) ([]dossier.CustomerID, error) {
	return s.ids(ctx, `SELECT DISTINCT c.root FROM due l JOIN customer c ON c.id = l.customer
WHERE l.outstanding <> 0 AND l.gone_at = 0 AND c.company = $1 ORDER BY c.root`, company)
}

func (s *Store) ids(ctx context.Context, query string, args ...any) ([]dossier.CustomerID, error) {
	return view(ctx, s, func(tx *Tx) ([]dossier.CustomerID, error) {
		return all(tx, func(scan scanner) (dossier.CustomerID, error) {
			var id dossier.CustomerID
			err := scan(&id)
			return id, err
		}, query, args...)
	})
}

func (tx *Tx) gather(ids []dossier.CustomerID, g gathering) ([]dossier.Dossier, error) {
	g.Tx, g.root, g.by, g.lines = tx, map[int64]int64{}, map[int64]*dossier.Dossier{}, map[dossier.DueID]bool{}
	order := map[dossier.CustomerID]int64{}
	err := tx.each(func(scan scanner) error {
		var asked dossier.CustomerID
		var member, root int64
		err := scan(&asked, &member, &root)
		order[asked] = root
		if _, ok := g.root[member]; !ok {
			g.members = append(g.members, member)
		}
		g.root[member] = root
		return err
	}, "SELECT a.id, m.id, m.root FROM customer a JOIN customer m ON m.root = a.root WHERE "+tx.in("a.id", 1)+" ORDER BY a.id, m.id", numbers(ids))
	if err != nil || len(g.members) == 0 {
		return nil, err
	}
	for _, root := range order {
		if g.by[root] == nil {
			g.by[root] = &dossier.Dossier{}
			g.roots = append(g.roots, root)
		}
	}
	for _, step := range []func() error{g.customers, g.messages, g.books, g.credits, g.settlements, g.holds, g.promises, g.disputes, g.replies, g.taken, g.tasks, g.bounced} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("dossier: %w", err)
		}
	}
	list := make([]dossier.Dossier, 0, len(ids))
	for _, id := range ids {
		if root, ok := order[id]; ok {
			list = append(list, *g.by[root])
		}
	}
	return list, nil
}

// of returns the dossier that a member's facts belong to.
func (g *gathering) of(member int64) *dossier.Dossier { return g.by[g.root[member]] }

// past tells whether something lies after the moment asked for.
func (g *gathering) past(t time.Time) bool { return !g.at.IsZero() && t.After(g.at) }

// until forgets an end that lies after the moment asked for.
func (g *gathering) until(t *time.Time) {
	if g.past(*t) {
		*t = time.Time{}
	}
}

// old replaces a row's content by what it was at the moment asked for.
func (g *gathering) old(table string, ids []int64) (map[int64]string, error) {
	found := map[int64]string{}
	if g.at.IsZero() || len(ids) == 0 {
		return found, nil
	}
	err := g.each(func(scan scanner) error {
		var id int64
		var content string
		err := scan(&id, &content)
		found[id] = content
		return err
	}, "SELECT row_id, content FROM history WHERE tbl = $1 AND "+g.in("row_id", 2)+" AND from_at <= $3 AND until_at > $3 ORDER BY id", table, numbers(ids), g.at)
	return found, err
}

func (g *gathering) customers() error {
	type own struct {
		id      int64
		code    string
		overlay Overlay
	}
	owns := map[int64]own{}
	companies := map[int64]receivable.CompanyID{}
	past, err := g.old("customer", g.members)
	if err != nil {
		return err
	}
	err = g.each(func(scan scanner) error {
		var o own
		var company receivable.CompanyID
		var content string
		var since time.Time
		if err := scan(&o.id, &company, &o.code, &content, at(&since)); err != nil {
			return err
		}
		companies[o.id] = company
		if before, ok := past[o.id]; ok && g.past(since) {
			content = before
		}
		err := doc(&o.overlay).Scan(content)
		owns[o.id] = o
		return err
	}, "SELECT id, company, code, overlay, since FROM customer WHERE "+g.in("id", 1), numbers(g.members))
	if err != nil {
		return err
	}
	facts := map[receivable.CompanyID]dossier.Company{}
	err = g.each(func(scan scanner) error {
		var c dossier.Company
		err := scan(&c.ID, at(&c.FirstConfirmedAt), at(&c.RemindAt))
		g.until(&c.FirstConfirmedAt)
		g.until(&c.RemindAt)
		facts[c.ID] = c
		return err
	}, "SELECT id, first_confirmed_at, remind_at FROM company")
	if err != nil {
		return err
	}
	for _, root := range g.roots {
		d, o := g.by[root], owns[root]
		d.Company = facts[companies[root]]
		d.Company.ID = companies[root]
		d.Customer = dossier.Customer{ID: dossier.CustomerID(root), Code: o.code, Kind: receivable.KindUnknown}
	}
	type account struct {
		id, customer int64
		ref          dossier.AccountRef
		content      string
		gone, since  time.Time
	}
	accounts, err := all(g.Tx, func(scan scanner) (account, error) {
		var a account
		err := scan(&a.id, &a.customer, &a.ref.Connection, &a.ref.External, &a.content, at(&a.gone), at(&a.since))
		a.ref.ID = a.id
		return a, err
	}, "SELECT a.id, a.customer, c.name, a.external, a.content, a.gone_at, a.since FROM account a JOIN connection c ON c.id = a.connection WHERE "+g.in("a.customer", 1)+" ORDER BY a.id", numbers(g.members))
	if err != nil {
		return err
	}
	var ids []int64
	for _, a := range accounts {
		ids = append(ids, a.id)
	}
	if past, err = g.old("account", ids); err != nil {
		return err
	}
	for _, a := range accounts {
		d := g.of(a.customer)
		d.Customer.Accounts = append(d.Customer.Accounts, a.ref)
		if a.customer != g.root[a.customer] {
			continue
		}
		if before, ok := past[a.id]; ok && g.past(a.since) {
			a.content = before
		}
		var said receivable.Account
		if err := doc(&said).Scan(a.content); err != nil {
			return err
		}
		fill(&d.Customer, said, owns[a.customer].overlay)
	}
	return nil
}

// fill says of a customer what its account says, with the file laid over it.
func fill(c *dossier.Customer, a receivable.Account, o Overlay) {
	c.Name = cmp.Or(o.Name, a.Name, c.Code)
	c.Kind = cmp.Or(o.Kind, a.Kind, receivable.KindUnknown)
	c.Phone = cmp.Or(o.Phone, a.Phone)
	c.Language = cmp.Or(o.Language, a.Language)
	c.Country, c.Postcode, c.VAT, c.Supplier = a.Country, a.Address.Postcode, a.VAT, a.Supplier
	c.SIREN, c.SIRET = cmp.Or(o.SIREN, a.SIREN), cmp.Or(o.SIRET, a.SIRET)
	c.ServiceCode, c.Portal, c.OrderRef = o.ServiceCode, o.Portal, o.OrderRef
	c.Method = cmp.Or(o.Method, a.Method)
	c.Owner, c.Plan = cmp.Or(o.Owner, a.Owner), o.Plan
	c.DoNotContact = o.DoNotContact
	c.Tags = a.Tags
	if len(o.Tags) > 0 {
		c.Tags = o.Tags
	}
	c.Contact = o.Contact
	entries := slices.Clone(a.Emails)
	for _, contact := range a.Contacts {
		if c.Contact == "" && contact.Name != "" {
			c.Contact = contact.Name
		}
		if len(a.Emails) == 0 && contact.Email != "" && (contact.Role == "billing" || len(entries) == 0) {
			entries = append(entries, contact.Email)
		}
	}
	if len(o.Emails) > 0 || len(o.BadEmails) > 0 {
		entries = slices.Concat(o.Emails, o.BadEmails)
	}
	c.CC = o.CC
	for _, entry := range entries {
		if email.IsAddress(entry) {
			c.Emails = append(c.Emails, entry)
		} else if entry != "" {
			c.BadEmails = append(c.BadEmails, entry)
		}
	}
}

// books reads the documents: open ones, and those that our messages spoke of.
func (g *gathering) books() error {
	type found struct {
		id, customer  int64
		line          dossier.Line
		kind          receivable.DocumentKind
		content       string
		since         time.Time
		row           documentRow
		dues          []receivable.Due
		open, current bool
	}
	reminded := numbers(slices.Clone(g.documents))
	which := "(d.outstanding <> 0 AND d.gone_at = 0)"
	if !g.at.IsZero() {
		which = "d.first_seen_at <= " + fmt.Sprint(micros(g.at))
	}
	list, err := all(g.Tx, func(scan scanner) (found, error) {
		var f found
		err := scan(&f.id, &f.customer, &f.line.Connection, at(&f.line.ConfirmedAt), &f.line.External, &f.line.Invoice, &f.kind, &f.content,
			&f.line.Problem, at(&f.since), at(&f.line.FirstSeenAt), at(&f.line.GoneAt))
		return f, err
	}, `SELECT d.id, d.customer, c.name, c.confirmed_at, d.external, d.number, d.kind, d.content, d.problem, d.since, d.first_seen_at, d.gone_at
FROM document d JOIN connection c ON c.id = d.connection WHERE `+g.in("d.customer", 1)+" AND "+which+`
UNION ALL SELECT d.id, d.customer, c.name, c.confirmed_at, d.external, d.number, d.kind, d.content, d.problem, d.since, d.first_seen_at, d.gone_at
FROM document d JOIN connection c ON c.id = d.connection WHERE `+g.in("d.id", 2)+" AND "+g.in("d.customer", 1)+" AND NOT "+which+" ORDER BY 1",
		numbers(g.members), reminded)
	if err != nil {
		return err
	}
	asked := map[int64]bool{}
	for _, id := range g.documents {
		asked[int64(id)] = true
	}
	var ids []int64
	for _, f := range list {
		ids = append(ids, f.id)
	}
	past, err := g.old("document", ids)
	if err != nil {
		return err
	}
	at1 := map[int64]int{}
	for i := range list {
		f := &list[i]
		if g.past(f.line.FirstSeenAt) {
			continue
		}
		f.current = true
		if before, ok := past[f.id]; ok && g.past(f.since) {
			f.content, f.current = before, false
		}
		g.until(&f.line.GoneAt)
		g.until(&f.line.ConfirmedAt)
		if err := doc(&f.row).Scan(f.content); err != nil {
			return err
		}
		f.open = f.row.Outstanding != 0 && f.line.GoneAt.IsZero()
		at1[f.id] = i
	}
	dueOf := map[int64][]storedDue{}
	changed := map[int64]time.Time{}
	err = g.each(func(scan scanner) error {
		var s storedDue
		var when, gone time.Time
		err := scan(&s.id, &s.document, &s.rank, at(&when), at(&gone))
		s.gone = !gone.IsZero()
		dueOf[s.document] = append(dueOf[s.document], s)
		changed[s.id] = when
		return err
	}, "SELECT id, document, rank, changed_at, gone_at FROM due WHERE "+g.in("document", 1)+" ORDER BY document, rank", numbers(ids))
	if err != nil {
		return err
	}
	for id, i := range at1 {
		_ = id
		f := list[i]
		if !f.open && !asked[f.id] {
			continue
		}
		d := g.of(f.customer)
		row := f.row
		if f.kind == receivable.CreditNote {
			if f.open {
				d.Credits = append(d.Credits, dossier.Credit{ID: f.id, Label: f.line.Invoice, Note: true, On: row.IssuedOn, Amount: amount(row.Outstanding, row.Currency).Abs()})
			}
			continue
		}
		byRank := map[int]int64{}
		for _, s := range dueOf[f.id] {
			byRank[s.rank] = s.id
		}
		for _, due := range row.Dues {
			if due.Outstanding == 0 && !asked[f.id] {
				continue
			}
			line := f.line
			line.ID, line.Document = dossier.DueID(byRank[due.Rank]), dossier.DocumentID(f.id)
			line.IssuedOn, line.DueOn, line.Rank, line.Of = row.IssuedOn, due.On, due.Rank, len(row.Dues)
			line.Total, line.Outstanding = amount(due.Total, row.Currency), amount(due.Outstanding, row.Currency)
			line.InvoiceTotal = amount(row.Total, row.Currency)
			line.DueEstimated, line.Estimated, line.Returned, line.Assigned = due.Estimated, row.Estimated, row.Returned, row.Assigned
			line.Method, line.EStatus, line.Standing, line.OrderRef, line.Fetchable = row.Method, row.EStatus, row.Standing, row.OrderRef, row.Fetchable
			line.ChangedAt = changed[byRank[due.Rank]]
			if g.past(line.ChangedAt) {
				line.ChangedAt = line.FirstSeenAt
			}
			d.Lines = append(d.Lines, line)
			g.lines[line.ID] = true
		}
	}
	for _, d := range g.by {
		slices.SortFunc(d.Lines, func(a, b dossier.Line) int {
			return cmp.Or(cmp.Compare(closed(a), closed(b)), cmp.Compare(a.DueOn, b.DueOn), cmp.Compare(a.ID, b.ID))
		})
		slices.SortFunc(d.Credits, func(a, b dossier.Credit) int { return cmp.Or(cmp.Compare(a.On, b.On), cmp.Compare(a.ID, b.ID)) })
	}
	return nil
}

func closed(l dossier.Line) int {
	if l.Outstanding.IsZero() || !l.GoneAt.IsZero() {
		return 1
	}
	return 0
}

// credits reads money on account.
func (g *gathering) credits() error {
	which := " AND p.unallocated <> 0 AND p.gone_at = 0"
	if !g.at.IsZero() {
		which = fmt.Sprintf(" AND p.first_seen_at <= %d AND (p.gone_at = 0 OR p.gone_at > %d)", micros(g.at), micros(g.at))
	}
	type found struct {
		id, customer int64
		row          paymentRow
		since        time.Time
	}
	list, err := all(g.Tx, func(scan scanner) (found, error) {
		var f found
		err := scan(&f.id, &f.customer, doc(&f.row), at(&f.since))
		return f, err
	}, "SELECT p.id, p.customer, p.content, p.since FROM payment p WHERE "+g.in("p.customer", 1)+which+" ORDER BY p.paid_on, p.id", numbers(g.members))
	if err != nil {
		return err
	}
	var ids []int64
	for _, f := range list {
		ids = append(ids, f.id)
	}
	past, err := g.old("payment", ids)
	if err != nil {
		return err
	}
	for _, f := range list {
		if before, ok := past[f.id]; ok && g.past(f.since) {
			f.row = paymentRow{}
			if err := doc(&f.row).Scan(before); err != nil {
				return err
			}
		}
		if f.row.Unallocated <= 0 {
			continue
		}
		d := g.of(f.customer)
		d.Credits = append(d.Credits, dossier.Credit{ID: f.id, Label: f.row.Label, On: f.row.On, Amount: amount(f.row.Unallocated, f.row.Currency)})
	}
	return nil
}

// settlements tells which dated payments and credit notes lowered each line:
// what a group settles goes to its invoices by date.
func (g *gathering) settlements() error {
	partly := map[string][]*dossier.Line{} // connection, NUL, document
	var externals []string
	for _, d := range g.by {
		for i := range d.Lines {
			l := &d.Lines[i]
			if l.InvoiceTotal.Minor != 0 {
				key := string(l.Connection) + "\x00" + l.External
				if partly[key] == nil {
					externals = append(externals, l.External)
				}
				partly[key] = append(partly[key], l)
			}
		}
	}
	if len(externals) == 0 {
		return nil
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
	for chunk := range slices.Chunk(slices.Compact(externals), 2000) {
		err := g.each(func(scan scanner) error {
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
    SELECT connection FROM account WHERE `+g.in("customer", 3)+`)) ORDER BY b.id`, texts(chunk), moment, numbers(g.members))
		if err != nil {
			return err
		}
	}
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
