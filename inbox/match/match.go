// Package match finds whose message an incoming mail is: which customers, which
// reminder, and by what evidence. It looks things up in a Directory and decides
// nothing about what the message says.
package match

import (
	"context"
	"slices"
	"strings"
	"time"

	"relanced/inbox/message"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// Directory answers what package store knows. A key that nobody has is absent
// from the answer; the other keys stand in it as they were asked.
type Directory interface {
	SentByMID(ctx context.Context, company receivable.CompanyID, mids []string) (map[string]store.SentRef, error)
	SentByRef(ctx context.Context, company receivable.CompanyID, refs []string) (map[string]store.SentRef, error)
	SentByReference(ctx context.Context, company receivable.CompanyID, references []string) (map[string][]store.SentRef, error)
	MatchesByMID(ctx context.Context, company receivable.CompanyID, mids []string) (map[string][]store.Match, error)
	ByThread(ctx context.Context, company receivable.CompanyID, guids []string) (map[string][]store.Match, error)
	ByAddress(ctx context.Context, company receivable.CompanyID, addresses []string) (map[string][]store.Contact, error)
	ByDomain(ctx context.Context, company receivable.CompanyID, domains []string) (map[string][]store.Contact, error)
	ByNumber(ctx context.Context, company receivable.CompanyID, numbers []string) (map[string][]store.Numbered, error)
	RecentTexts(ctx context.Context, customer dossier.CustomerID, limit int) ([]store.SentText, error)
	SentTo(ctx context.Context, company receivable.CompanyID, address string, since time.Time) ([]store.SentRef, error)
}

// Seller is the company whose mailbox the message lies in.
type Seller struct {
	Company receivable.CompanyID
	Keys    email.Keys
	Own     []string // addresses of its mailboxes and of its people
}

// domains are those the seller writes from.
func (s Seller) domains() []string {
	var out []string
	for _, a := range s.Own {
		if d := email.Domain(a); d != "" {
			out = append(out, d)
		}
	}
	return out
}

// Owns tells whether an address is one of the seller's.
func (s Seller) Owns(address string) bool {
	for _, a := range s.Own {
		if alike(a, address) && email.SameAddress(a, address) {
			return true
		}
	}
	return false
}

// alike tells cheaply whether two addresses may be the same: whatever is left
// out of one when they are compared, its first letter stays.
func alike(a, b string) bool {
	a, b = strings.TrimLeft(a, " \t<"), strings.TrimLeft(b, " \t<")
	return a != "" && b != "" && (a[0]|0x20 == b[0]|0x20 || a[0] >= 0x80 || b[0] >= 0x80)
}

// Ours tells whether text quotes an id with our signature.
func (s Seller) Ours(text string) bool {
	return text != "" && len(s.Keys.Find(text, s.domains()...)) > 0
}

// Level is how far evidence carries.
type Level string

// The levels. Certain and strong attach the message to the reminder; probable
// holds as well, and asks.
const (
	Certain  Level = "certain"
	Strong   Level = "strong"
	Probable Level = "probable"
	None     Level = "none"
)

func (l Level) rank() int {
	switch l {
	case Certain:
		return 3
	case Strong:
		return 2
	case Probable:
		return 1
	}
	return 0
}

// Hit is one customer the message belongs to.
type Hit struct {
	Customer dossier.CustomerID
	Message  dossier.MessageID // the reminder it answers, 0 unattached
	Level    Level
	Evidence []string
}

// Result is what was found.
type Result struct {
	Hits      []Hit // by level, then as found; never two of one customer
	Level     Level // the highest of them
	Evidence  []string
	NewSender bool   // the sender is no contact of any of them
	Unknown   bool   // it quotes an id with our signature that the store does not know
	Verified  bool   // of a failure notice: it proves by an id that it is about a message of ours
	Sender    string // the address taken for the sender's, "" none
	Thread    string // conversation GUID, "" none
	Invoices  []store.Numbered
	Quoted    []dossier.MessageID // ours of which it quotes an id: they arrived somewhere
	Sent      []store.SentText    // what we wrote to the customers found, newest first
	Failed    []message.Recipient // of a failure notice: those we did write to
	Elsewhere []message.Recipient // those it was forwarded to: a note, no fault of an address we have
	sentTo    map[string]bool     // canonical addresses of the reminders found
	byID      map[dossier.CustomerID]int
}

// Outgoing prepares what we wrote for the cutting of quotes.
func (r *Result) Outgoing() message.Outgoing {
	texts := make([]string, len(r.Sent))
	for i, t := range r.Sent {
		texts[i] = t.Text
	}
	return message.NewOutgoing(texts...)
}

// Customers lists the customers found.
func (r *Result) Customers() []dossier.CustomerID {
	out := make([]dossier.CustomerID, len(r.Hits))
	for i, h := range r.Hits {
		out[i] = h.Customer
	}
	return out
}

func (r *Result) add(c dossier.CustomerID, m dossier.MessageID, level Level, why string) {
	if c == 0 {
		return
	}
	i, ok := r.byID[c]
	if !ok {
		i = len(r.Hits)
		r.byID[c] = i
		r.Hits = append(r.Hits, Hit{Customer: c, Level: None})
	}
	h := &r.Hits[i]
	if level.rank() > h.Level.rank() {
		h.Level = level
		h.Message = 0
	}
	if h.Message == 0 && level.rank() >= h.Level.rank() && level.rank() >= Strong.rank() {
		h.Message = m
	}
	h.Evidence = append(h.Evidence, why)
}

func (r *Result) addSent(ref store.SentRef, level Level, why string) {
	for _, a := range ref.To {
		r.sentTo[email.Canonical(a)] = true
	}
	r.add(ref.Customer, ref.Message, level, why)
}

// quote notes a message of ours of which an id was found.
func (r *Result) quote(ref store.SentRef, why string) {
	if !slices.Contains(r.Quoted, ref.Message) {
		r.Quoted = append(r.Quoted, ref.Message)
	}
	r.addSent(ref, Certain, why)
}

// settle keeps the customers that count: probable evidence beside certain or
// strong evidence for another customer is dropped.
func (r *Result) settle() {
	r.Level = None
	for _, h := range r.Hits {
		if h.Level.rank() > r.Level.rank() {
			r.Level = h.Level
		}
	}
	var kept []Hit
	for _, level := range []Level{Certain, Strong, Probable} {
		if level == Probable && r.Level.rank() > Probable.rank() {
			break
		}
		for _, h := range r.Hits {
			if h.Level == level {
				kept = append(kept, h)
			}
		}
	}
	r.Hits = kept
	r.byID = nil
	seen := make(map[string]bool)
	for _, h := range r.Hits {
		for _, e := range h.Evidence {
			if !seen[e] {
				seen[e] = true
				r.Evidence = append(r.Evidence, e)
			}
		}
	}
}

// join makes one text of the header fields of these names that may hold an id of
// ours, folds kept as spaces.
func join(h message.Header, names ...string) string {
	var b strings.Builder
	for _, name := range names {
		for _, f := range h {
			if f.Name == name && mayHoldID(f.Value) {
				b.WriteString(f.Value)
				b.WriteByte('\n')
			}
		}
	}
	return b.String()
}
