package store

import (
	"fmt"
	"slices"
	"strings"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// Overlay is what the customers' file says of one customer. It wins over the
// source; an empty field says nothing.
type Overlay struct {
	Connection   receivable.ConnectionID // "" where codes do not repeat
	Code         string
	Name         string
	Emails       []string // valid ones
	CC           []string
	BadEmails    []string
	Contact      string
	Phone        string
	Language     string
	Kind         receivable.Kind
	SIREN        string
	SIRET        string
	Terms        string
	Method       receivable.PaymentMethod
	Owner        string
	Plan         string
	Payer        string // code of who pays, or CONNECTION/CODE: both become one customer
	Tags         []string
	DoNotContact bool
	ServiceCode  string
	Portal       string
	OrderRef     string
}

// OverlayResult is what laying the file over the customers did.
type OverlayResult struct {
	Changed   int
	Unknown   []string // codes nobody has yet: kept for when they come
	Ambiguous []string // codes in several connections, without the connection
	Payers    []string // payers nobody knows, or that pay themselves in a circle
}

// ApplyOverlays lays the customers' file over the company's customers: the
// whole file at once, what it no longer names loses its overlay. Codes nobody
// has yet are kept for when they come.
func (tx *Tx) ApplyOverlays(company receivable.CompanyID, file []Overlay) (OverlayResult, error) {
	var result OverlayResult
	if _, err := tx.exec("DELETE FROM overlay WHERE company = $1", company); err != nil {
		return result, err
	}
	rows := sorted(file, func(o Overlay) string { return clean(string(o.Connection)) + "\x00" + clean(o.Code) })
	var write [][]any
	for _, o := range rows {
		write = append(write, []any{string(company), clean(string(o.Connection)), clean(o.Code), clean(o.Payer), clean(encode(o))})
	}
	err := tx.insertMany("overlay", []column{{"company", "text"}, {"connection", "text"}, {"code", "text"}, {"payer", "text"}, {"content", "text"}}, write)
	if err != nil {
		return result, err
	}
	return tx.layOver(company, nil)
}

// applyWaitingOverlays gives accounts that came or changed what the file says
// of their codes, and whoever they pay for, or who pays for them.
func (w *writer) applyWaitingOverlays(company receivable.CompanyID, codes []string) error {
	var n int64
	if err := w.one([]any{&n}, "SELECT count(*) FROM (SELECT 1 FROM overlay WHERE company = $1 LIMIT 1) x", company); err != nil || n == 0 {
		return err
	}
	connections, err := all(w.Tx, func(scan scanner) (string, error) {
		var name string
		err := scan(&name)
		return name, err
	}, "SELECT name FROM connection WHERE company = $1 ORDER BY id", company)
	if err != nil {
		return err
	}
	var concerned, next []string
	known := map[string]bool{}
	concern := func(code string) {
		if code != "" && !known[code] {
			known[code] = true
			concerned, next = append(concerned, code), append(next, code)
		}
	}
	for asked := codes; len(asked) > 0; asked = next {
		next = nil
		var named []string // the same, as a payer may be called
		for _, code := range asked {
			for _, connection := range connections {
				named = append(named, connection+"/"+code)
			}
		}
		err := w.each(func(scan scanner) error {
			var code, payer string
			err := scan(&code, &payer)
			concern(code)
			concern(payer)
			if _, bare, qualified := strings.Cut(payer, "/"); qualified {
				concern(bare)
			}
			return err
		}, "SELECT code, payer FROM overlay WHERE company = $1 AND "+w.in("code", 2)+" UNION SELECT code, payer FROM overlay WHERE company = $1 AND payer <> '' AND "+w.in("payer", 3)+" ORDER BY 1",
			company, texts(asked), texts(slices.Concat(asked, named)))
		if err != nil {
			return err
		}
	}
	if len(concerned) == 0 {
		return nil
	}
	_, err = w.layOver(company, concerned)
	return err
}

// laid is a customer as layOver compares it.
type laid struct {
	id, root   int64
	connection string
	code       string
	overlay    string
	moved      bool // somebody else pays for it now
}

// layOver matches overlays with customers by code. codes nil: all customers;
// else those that overlays tie to each other.
func (tx *Tx) layOver(company receivable.CompanyID, codes []string) (OverlayResult, error) {
	var result OverlayResult
	which, args := func(string) string { return "" }, []any{company}
	if codes != nil {
		which = func(column string) string { return " AND " + tx.in(column, 2) }
		args = append(args, texts(codes))
	}
	customers, err := all(tx, func(scan scanner) (laid, error) {
		var l laid
		err := scan(&l.id, &l.root, &l.connection, &l.code, &l.overlay)
		return l, err
	}, `SELECT k.id, k.root, c.name, k.code, k.overlay FROM customer k JOIN account a ON a.customer = k.id JOIN connection c ON c.id = a.connection
WHERE k.company = $1`+which("k.code")+" ORDER BY k.id", args...)
	if err != nil {
		return result, err
	}
	byCode := map[string][]int{}
	for i, c := range customers {
		byCode[c.code] = append(byCode[c.code], i)
	}
	contents, payers := map[int]string{}, map[int]string{}
	find := func(connection receivable.ConnectionID, code string) []int {
		var found []int
		for _, i := range byCode[clean(code)] {
			if connection == "" || customers[i].connection == string(connection) {
				found = append(found, i)
			}
		}
		return found
	}
	overlays, err := all(tx, func(scan scanner) (Overlay, error) {
		var o Overlay
		err := scan(doc(&o))
		return o, err
	}, "SELECT content FROM overlay WHERE company = $1"+which("code")+" ORDER BY connection DESC, code", args...)
	if err != nil {
		return result, err
	}
	for _, o := range overlays {
		found := find(o.Connection, o.Code)
		switch {
		case len(found) == 0:
			result.Unknown = append(result.Unknown, o.Code)
			continue
		case len(found) > 1 && o.Connection == "":
			result.Ambiguous = append(result.Ambiguous, o.Code)
			continue
		}
		i := found[0]
		if _, done := contents[i]; done {
			continue
		}
		contents[i] = clean(encode(o))
		if o.Payer != "" {
			payers[i] = o.Payer
		}
	}
	roots := map[int]int64{}
	for i, code := range payers {
		found := find("", code)
		if connection, bare, qualified := strings.Cut(code, "/"); len(found) == 0 && qualified {
			found = find(receivable.ConnectionID(connection), bare)
		}
		if len(found) > 1 {
			found = slices.DeleteFunc(found, func(j int) bool { return customers[j].connection != customers[i].connection })
		}
		if len(found) != 1 || found[0] == i || payers[found[0]] != "" {
			result.Payers = append(result.Payers, code)
			continue
		}
		roots[i] = customers[found[0]].id
	}
	slices.Sort(result.Payers)
	var changes []laid
	for i, c := range customers {
		root := c.id
		if r, ok := roots[i]; ok {
			root = r
		}
		if contents[i] == c.overlay && root == c.root {
			continue
		}
		// Whoever paid until now is looked at again, and so is whoever pays from now on.
		tx.Touch(dossier.CustomerID(c.id), dossier.CustomerID(c.root), dossier.CustomerID(root))
		c.moved, c.overlay, c.root = root != c.root, contents[i], root
		changes = append(changes, c)
	}
	result.Changed = len(changes)
	return result, tx.lay(company, changes)
}

// lay writes what changed of customers: what the file says of them, and who
// pays for them.
func (tx *Tx) lay(company receivable.CompanyID, changes []laid) error {
	if len(changes) == 0 {
		return nil
	}
	var ids, moved []int64
	var rows, contacts [][]any
	for _, c := range changes {
		ids = append(ids, c.id)
		if c.moved {
			moved = append(moved, c.id)
		}
		rows = append(rows, []any{c.id, c.overlay, c.root, micros(tx.now)})
		var o Overlay
		if err := doc(&o).Scan(c.overlay); err != nil {
			return err
		}
		contacts = append(contacts, contactRows(company, c.id, "file", slices.Concat(o.Emails, o.CC))...)
	}
	_, err := tx.exec("INSERT INTO history (tbl, row_id, from_at, until_at, content) SELECT 'customer', id, since, CAST($1 AS BIGINT), overlay FROM customer WHERE "+tx.in("id", 2)+" AND overlay <> '' AND since < $1 ORDER BY id", tx.now, numbers(ids))
	if err != nil {
		return err
	}
	if len(moved) > 0 {
		// A customer that another pays for is not looked at by itself.
		if _, err := tx.exec("DELETE FROM agenda WHERE "+tx.in("customer", 1), numbers(moved)); err != nil {
			return err
		}
	}
	if err := tx.updateMany("customer", []column{{"id", "bigint"}, {"overlay", "text"}, {"root", "bigint"}, {"since", "bigint"}}, rows); err != nil {
		return err
	}
	if len(moved) > 0 {
		if err := tx.endJoins(company); err != nil {
			return err
		}
	}
	if _, err := tx.exec("DELETE FROM contact WHERE origin = 'file' AND "+tx.in("customer", 1), numbers(ids)); err != nil {
		return err
	}
	return tx.upsertMany("contact", contactColumns, contacts, "DO NOTHING")
}

// JoinKey names the proposal to join two customers.
func JoinKey(a, b dossier.CustomerID) string { return fmt.Sprintf("join/%d/%d", min(a, b), max(a, b)) }

// endJoins closes the proposals that somebody has followed.
func (tx *Tx) endJoins(company receivable.CompanyID) error {
	type proposal struct{ id, a, b int64 }
	open, err := all(tx, func(scan scanner) (proposal, error) {
		var p proposal
		var key string
		if err := scan(&p.id, &key); err != nil {
			return p, err
		}
		_, err := fmt.Sscanf(key, "join/%d/%d", &p.a, &p.b)
		return p, err
	}, "SELECT id, key FROM task WHERE company = $1 AND kind = 'join' AND done_at = 0 AND key <> '' ORDER BY id", company)
	if err != nil {
		return err
	}
	for _, p := range open {
		var roots int
		if err := tx.one([]any{&roots}, "SELECT count(DISTINCT root) FROM customer WHERE id IN ($1, $2)", p.a, p.b); err != nil {
			return err
		}
		if roots == 1 {
			if err := tx.DoneTask(p.id, "customers' file", "joined"); err != nil {
				return err
			}
		}
	}
	return nil
}
