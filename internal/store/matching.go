package store

import (
	"context"
	"fmt"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/receivable"
)

// gatherBy collects rows under their key; the keys asked for are given back as
// they were asked, whatever form they are compared in.
func gatherBy[T any](ctx context.Context, s *Store, asked []string, form func(string) string, row func(scan scanner) (string, T, error), query func(tx *Tx) string, company receivable.CompanyID) (map[string][]T, error) {
	forms := map[string][]string{}
	var list []string
	for _, key := range asked {
		if f := form(key); f != "" {
			if forms[f] == nil {
				list = append(list, f)
			}
			forms[f] = append(forms[f], key)
		}
	}
	found := map[string][]T{}
	if len(list) == 0 {
		return found, nil
	}
	err := s.View(ctx, func(tx *Tx) error {
		return tx.each(func(scan scanner) error {
			f, v, err := row(scan)
			for _, key := range forms[f] {
				found[key] = append(found[key], v)
			}
			return err
		}, query(tx), company, texts(list))
	})
	return found, err
}

// among is a table j(value) of the texts bound as argument n. First in a CROSS
// JOIN it is walked once and each key sought in an index: half the cost of IN on
// SQLite, which first sorts such a list.
func (tx *Tx) among(n int) string {
	if tx.pg != nil {
		return fmt.Sprintf("unnest($%d::text[]) AS j(value)", n)
	}
	return fmt.Sprintf("json_each($%d) AS j", n)
}

func only[T any](many map[string][]T, err error) (map[string]T, error) {
	one := make(map[string]T, len(many))
	for key, list := range many {
		one[key] = list[0]
	}
	return one, err
}

func same(key string) string { return key }

const sentColumns = ", o.id, o.customer, o.kind, o.state, o.recipients, o.sent_at FROM "

func scanSent(scan scanner) (string, SentRef, error) {
	var key string
	var r SentRef
	err := scan(&key, &r.Message, &r.Customer, &r.Kind, &r.State, doc(&r.To), at(&r.SentAt))
	return key, r, err
}

// SentByMID finds our messages by Message-ID or alias, brackets and case ignored.
func (s *Store) SentByMID(ctx context.Context, company receivable.CompanyID, mids []string) (map[string]SentRef, error) {
	return only(gatherBy(ctx, s, mids, midKey, scanSent, func(tx *Tx) string {
		return "SELECT i.mid" + sentColumns + tx.among(2) + " CROSS JOIN sent_id i JOIN outbox o ON o.id = i.outbox WHERE i.company = $1 AND i.mid = j.value"
	}, company))
}

// SentByRef finds them by email.ID.
func (s *Store) SentByRef(ctx context.Context, company receivable.CompanyID, refs []string) (map[string]SentRef, error) {
	return only(gatherBy(ctx, s, refs, same, scanSent, func(tx *Tx) string {
		return "SELECT o.ref" + sentColumns + tx.among(2) + " CROSS JOIN outbox o WHERE o.company = $1 AND o.ref <> '' AND o.ref = j.value"
	}, company))
}

// SentByReference finds them by the visible reference; one may belong to several.
func (s *Store) SentByReference(ctx context.Context, company receivable.CompanyID, references []string) (map[string][]SentRef, error) {
	return gatherBy(ctx, s, references, same, scanSent, func(tx *Tx) string {
		return "SELECT o.reference" + sentColumns + tx.among(2) + " CROSS JOIN outbox o WHERE o.company = $1 AND o.reference <> '' AND o.reference = j.value ORDER BY o.id DESC"
	}, company)
}

func scanKeyed(scan scanner) (string, Match, error) {
	var key string
	var m Match
	err := scan(&key, &m.Customer, &m.Message, &m.Level)
	return key, m, err
}

// MatchesByMID finds what stored incoming messages were matched to, by their
// Message-ID.
func (s *Store) MatchesByMID(ctx context.Context, company receivable.CompanyID, mids []string) (map[string][]Match, error) {
	return gatherBy(ctx, s, mids, midKey, scanKeyed, func(tx *Tx) string {
		return "SELECT m.mid_key, x.customer, x.outbox, x.level FROM " + tx.among(2) + " CROSS JOIN message_in m JOIN message_match x ON x.message = m.id WHERE m.company = $1 AND m.mid_key <> '' AND m.mid_key = j.value ORDER BY m.id, x.customer"
	}, company)
}

// ByThread finds customers by conversation GUID (hex): one we sent, or one seen
// in a matched message.
func (s *Store) ByThread(ctx context.Context, company receivable.CompanyID, guids []string) (map[string][]Match, error) {
	return gatherBy(ctx, s, guids, same, scanKeyed, func(tx *Tx) string {
		return "SELECT guid, customer, outbox, 'certain' FROM " + tx.among(2) + " CROSS JOIN thread WHERE company = $1 AND guid = j.value ORDER BY customer"
	}, company)
}

// running tells of customer k whether something of it is open, or was reminded.
const running = `(EXISTS (SELECT 1 FROM due l WHERE l.customer = k.customer AND l.outstanding <> 0 AND l.gone_at = 0)
  OR EXISTS (SELECT 1 FROM outbox o WHERE o.customer = c.root AND o.kind = 'reminder'))`

func scanContact(scan scanner) (string, Contact, error) {
	var key string
	var c Contact
	err := scan(&key, &c.Customer, &c.Address, &c.Open)
	return key, c, err
}

// ByAddress finds customers by e-mail address, compared as email.Canonical does.
func (s *Store) ByAddress(ctx context.Context, company receivable.CompanyID, addresses []string) (map[string][]Contact, error) {
	return gatherBy(ctx, s, addresses, email.Canonical, scanContact, func(tx *Tx) string {
		return "SELECT DISTINCT k.address, c.root, k.address, " + running + " FROM " + tx.among(2) + " CROSS JOIN contact k JOIN customer c ON c.id = k.customer WHERE k.company = $1 AND k.address = j.value ORDER BY 2"
	}, company)
}

// ByDomain finds customers by domain (ASCII, lower case).
func (s *Store) ByDomain(ctx context.Context, company receivable.CompanyID, domains []string) (map[string][]Contact, error) {
	return gatherBy(ctx, s, domains, email.ASCIIDomain, scanContact, func(tx *Tx) string {
		return "SELECT DISTINCT k.domain, c.root, k.address, " + running + " FROM " + tx.among(2) + " CROSS JOIN contact k JOIN customer c ON c.id = k.customer WHERE k.company = $1 AND k.domain = j.value ORDER BY 2, 3"
	}, company)
}

// ByNumber finds invoices by number; case, spaces and punctuation are ignored.
func (s *Store) ByNumber(ctx context.Context, company receivable.CompanyID, numbers []string) (map[string][]Numbered, error) {
	return gatherBy(ctx, s, numbers, fold, func(scan scanner) (string, Numbered, error) {
		var key string
		var n Numbered
		err := scan(&key, &n.Document, &n.Customer, &n.Number, &n.Open)
		return key, n, err
	}, func(tx *Tx) string {
		return `SELECT d.folded, d.id, c.root, d.number, ((d.outstanding <> 0 AND d.gone_at = 0) OR EXISTS (SELECT 1 FROM outbox_line l WHERE l.document = d.id))
FROM ` + tx.among(2) + " CROSS JOIN document d JOIN customer c ON c.id = d.customer WHERE c.company = $1 AND d.folded <> '' AND d.folded = j.value ORDER BY d.id"
	}, company)
}

// RecentTexts returns what we wrote to the customer, newest first.
func (s *Store) RecentTexts(ctx context.Context, customer dossier.CustomerID, limit int) ([]SentText, error) {
	return view(ctx, s, func(tx *Tx) ([]SentText, error) {
		return all(tx, func(scan scanner) (SentText, error) {
			var t SentText
			err := scan(&t.Message, at(&t.SentAt), &t.Text)
			return t, err
		}, "SELECT id, sent_at, body FROM outbox WHERE customer = $1 AND body <> '' AND (sent_at > 0 OR armed_at > 0) ORDER BY id DESC LIMIT $2", customer, limit)
	})
}

// AwaitsSince is when the oldest reminder left of which something is still owed,
// and an answer may still come; zero where there is none.
func (s *Store) AwaitsSince(ctx context.Context, company receivable.CompanyID) (time.Time, error) {
	return view(ctx, s, func(tx *Tx) (time.Time, error) {
		var oldest time.Time
		err := tx.one([]any{at(&oldest)}, `SELECT coalesce(min(CASE WHEN o.armed_at > 0 THEN o.armed_at ELSE o.sent_at END), 0) FROM outbox o
WHERE o.company = $1 AND o.kind = 'reminder' AND (o.sent_at > 0 OR o.armed_at > 0) AND o.state IN ('sent', 'armed', 'unknown')
  AND EXISTS (SELECT 1 FROM outbox_line x JOIN due l ON l.id = x.due WHERE x.outbox = o.id AND l.outstanding <> 0 AND l.gone_at = 0)`, company)
		return oldest, err
	})
}

// SentTo returns reminders that went to the address at or after since.
func (s *Store) SentTo(ctx context.Context, company receivable.CompanyID, address string, since time.Time) ([]SentRef, error) {
	return view(ctx, s, func(tx *Tx) ([]SentRef, error) {
		return all(tx, func(scan scanner) (SentRef, error) {
			_, r, err := scanSent(scan)
			return r, err
		}, "SELECT t.address"+sentColumns+"outbox o JOIN sent_to t ON t.outbox = o.id WHERE o.company = $1 AND t.address = $2 AND o.kind = 'reminder' AND o.sent_at > 0 AND o.sent_at >= $3 ORDER BY o.id",
			company, email.Canonical(address), since)
	})
}
