package store

import (
	"maps"
	"slices"
	"strings"

	"relanced/internal/email"
	"relanced/internal/receivable"
)

var (
	customerColumns = []column{{"id", "bigint"}, {"company", "text"}, {"code", "text"}, {"root", "bigint"}, {"since", "bigint"}, {"created_at", "bigint"}}
	accountColumns  = []column{
		{"id", "bigint"},
		{"connection", "bigint"},
		{"external", "text"},
		{"customer", "bigint"},
		{"code", "text"},
		{"name", "text"},
		{"hash", "text"},
		{"content", "text"},
		{"since", "bigint"},
		{"first_seen_at", "bigint"},
		{"written_at", "bigint"},
	}
	accountChanged = []column{
		{"id", "bigint"},
		{"code", "text"},
		{"name", "text"},
		{"hash", "text"},
		{"content", "text"},
		{"since", "bigint"},
		{"written_at", "bigint"},
		{"gone_at", "bigint"},
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
		completed := w.began > 0 && k.firstSeen >= w.began && k.hash != "" // this very pass made it: it was counted
		if k.hash == hash && !k.gone {
			if !completed {
				w.counts.Unchanged++
			}
			continue
		}
		switch {
		case k.hash == "": // the nameless one that a document made
			w.counts.New++
		case !completed:
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
	w.known = have
	maps.Copy(w.known, made)
	for _, a := range fresh {
		w.counts.New++
		codes = append(codes, clean(a.Code), a.External)
		contacts = append(contacts, addressOf{made[a.External].customer, a})
	}
	if err := w.saveContacts(changedCustomers, contacts); err != nil {
		return err
	}
	return w.code(len(changed) > 0, codes)
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
// and does not repeat it; else its id. New customers bear their code already.
func (w *writer) code(changed bool, codes []string) error {
	if len(codes) == 0 {
		return nil
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	for chunk := range slices.Chunk(codes, 5000) {
		asked := texts(slices.DeleteFunc(slices.Clone(chunk), func(c string) bool { return c == "" }))
		var repeated int64
		if !changed {
			err := w.one([]any{&repeated}, "SELECT count(*) FROM (SELECT 1 FROM account WHERE connection = $1 AND "+w.in("code", 2)+" GROUP BY code HAVING count(*) > 1 LIMIT 1) x", w.conn, asked)
			if err != nil {
				return err
			}
		}
		if !changed && repeated == 0 {
			continue
		}
		_, err := w.exec(`UPDATE customer SET code = (
  SELECT CASE WHEN a.code = '' OR (SELECT count(*) FROM account b WHERE b.connection = a.connection AND b.code = a.code AND b.gone_at = 0) > 1 THEN a.external ELSE a.code END
  FROM account a WHERE a.customer = customer.id)
WHERE id IN (SELECT customer FROM account a WHERE a.connection = $1 AND `+w.in("a.code", 2)+`
  AND (a.code = '' OR a.written_at = $3 OR (SELECT count(*) FROM account b WHERE b.connection = a.connection AND b.code = a.code) > 1))
AND code <> (SELECT CASE WHEN a.code = '' OR (SELECT count(*) FROM account b WHERE b.connection = a.connection AND b.code = a.code AND b.gone_at = 0) > 1 THEN a.external ELSE a.code END
  FROM account a WHERE a.customer = customer.id)`, w.conn, asked, w.now)
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

// owners finds the accounts that rows name, making nameless ones where they are
// not known yet.
func (w *writer) owners(externals []string) (map[string]known, error) {
	for i := range externals {
		externals[i] = clean(externals[i])
	}
	slices.Sort(externals)
	externals = slices.Compact(externals)
	asked := slices.DeleteFunc(externals, func(e string) bool { _, ok := w.known[e]; return ok })
	have, err := w.lookup("account", asked)
	if err != nil {
		return nil, err
	}
	maps.Copy(w.known, have)
	var missing []receivable.Account
	for _, e := range asked {
		if _, ok := have[e]; !ok {
			missing = append(missing, receivable.Account{External: e, Kind: placeholder})
		}
	}
	made, err := w.newAccounts(missing)
	maps.Copy(w.known, made)
	return w.known, err
}
