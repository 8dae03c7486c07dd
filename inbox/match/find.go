package match

import (
	"context"
	"fmt"
	"strings"
	"time"

	"relanced/inbox/message"
	"relanced/internal/email"
	"relanced/internal/store"
)

// recent is how many of our texts to a customer are compared.
const recent = 10

// Find collects the evidence of a message. Now bounds how far back a failure
// notice is matched by its address alone. An error is the Directory's.
func Find(ctx context.Context, d Directory, s Seller, m *message.Message, now time.Time) (*Result, error) {
	f := finder{ctx: ctx, d: d, s: s, m: m, now: now, clues: cluesOf(m, s, s.domains())}
	f.r = newResult()
	if len(f.clues.Threads) > 0 {
		f.r.Thread = f.clues.Threads[0]
	}
	if len(f.clues.Addresses) > 0 {
		f.r.Sender = f.clues.Addresses[0]
	}
	steps := []func() error{f.ids, f.threads, f.answers, f.references, f.contacts}
	if _, list, _ := s.Keys.Open(m.Text, m.From.Email, now); list {
		f.list = true // it names every customer of the day: only who writes tells whose message it is
		steps = []func() error{f.ids, f.threads, f.answers, f.contacts}
	}
	if m.Report != nil || m.Complaint() {
		steps = []func() error{f.returned, f.ids, f.numbersOnly, f.recipients}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	f.r.settle()
	if err := f.texts(); err != nil {
		return nil, err
	}
	return f.r, nil
}

func newResult() *Result {
	r := &Result{sentTo: make(map[string]bool)}
	r.byID = make(map[customerID]int)
	return r
}

type finder struct {
	ctx   context.Context
	d     Directory
	s     Seller
	m     *message.Message
	now   time.Time
	clues Clues
	r     *Result
	list  bool // it quotes a work list
}

// ids looks for our own ids: token addresses, Message-IDs and their aliases.
func (f *finder) ids() error {
	kinds := []struct {
		ids []email.ID
		why string
	}{
		{f.clues.Tokens, "it came to an address with our signed token"},
		{f.clues.Refs, "it answers our Message-ID"},
		{f.clues.Mangled, "its header quotes an id with our signature"},
	}
	var all []string
	for _, k := range kinds {
		for _, id := range k.ids {
			all = addKey(all, string(id))
		}
	}
	found, err := lookup(len(all), func() (map[string]store.SentRef, error) { return f.d.SentByRef(f.ctx, f.s.Company, all) })
	if err != nil {
		return fmt.Errorf("match by id: %w", err)
	}
	for _, k := range kinds {
		for _, id := range k.ids {
			if ref, ok := found[string(id)]; ok {
				f.r.quote(ref, k.why)
				f.r.Verified = true
			} else {
				f.r.Unknown = true
			}
		}
	}
	mids, err := lookup(len(f.clues.MIDs), func() (map[string]store.SentRef, error) {
		return f.d.SentByMID(f.ctx, f.s.Company, f.clues.MIDs)
	})
	if err != nil {
		return fmt.Errorf("match by Message-ID: %w", err)
	}
	for _, id := range f.clues.MIDs {
		if ref, ok := mids[id]; ok {
			f.r.quote(ref, "it answers a message of ours")
			f.r.Verified = true
		}
	}
	return nil
}

func (f *finder) threads() error {
	found, err := lookup(len(f.clues.Threads), func() (map[string][]store.Match, error) {
		return f.d.ByThread(f.ctx, f.s.Company, f.clues.Threads)
	})
	if err != nil {
		return fmt.Errorf("match by conversation: %w", err)
	}
	for _, list := range found {
		for _, x := range list {
			f.r.add(x.Customer, x.Message, Certain, "it belongs to a known conversation")
		}
	}
	return nil
}

func (f *finder) answers() error {
	found, err := lookup(len(f.clues.MIDs), func() (map[string][]store.Match, error) {
		return f.d.MatchesByMID(f.ctx, f.s.Company, f.clues.MIDs)
	})
	if err != nil {
		return fmt.Errorf("match by answered message: %w", err)
	}
	for _, id := range f.clues.MIDs {
		for _, x := range found[id] {
			f.r.add(x.Customer, x.Message, Certain, "it answers a message that was matched")
		}
	}
	return nil
}

func (f *finder) references() error {
	found, err := lookup(len(f.clues.References), func() (map[string][]store.SentRef, error) {
		return f.d.SentByReference(f.ctx, f.s.Company, f.clues.References)
	})
	if err != nil {
		return fmt.Errorf("match by reference: %w", err)
	}
	for _, key := range f.clues.References {
		for _, ref := range found[key] {
			f.r.addSent(ref, Strong, "it names our reference "+key)
		}
	}
	return nil
}

// contacts weighs who writes: known addresses and domains, with the invoices
// the message names and with what it quotes of ours.
func (f *finder) contacts() error {
	byAddress, err := lookup(len(f.clues.Addresses), func() (map[string][]store.Contact, error) {
		return f.d.ByAddress(f.ctx, f.s.Company, f.clues.Addresses)
	})
	if err != nil {
		return fmt.Errorf("match by address: %w", err)
	}
	byDomain, err := lookup(len(f.clues.Domains), func() (map[string][]store.Contact, error) {
		return f.d.ByDomain(f.ctx, f.s.Company, f.clues.Domains)
	})
	if err != nil {
		return fmt.Errorf("match by domain: %w", err)
	}
	near := make(map[customerID]bool) // customers the sender belongs to, by address or domain
	contact := make(map[customerID]bool)
	var order []customerID
	note := func(c customerID) {
		if !near[c] {
			near[c] = true
			order = append(order, c)
		}
	}
	for _, a := range f.clues.Addresses {
		for _, x := range byAddress[a] {
			note(x.Customer)
			contact[x.Customer] = true
		}
	}
	sharers := make(map[customerID]bool)
	for _, list := range byDomain {
		for _, x := range list {
			note(x.Customer)
			sharers[x.Customer] = true
		}
	}
	if err := f.numbers(near); err != nil {
		return err
	}
	if err := f.quoted(order); err != nil {
		return err
	}
	for _, a := range f.clues.Addresses {
		for _, x := range byAddress[a] {
			if x.Open {
				f.r.add(x.Customer, 0, Probable, "the sender "+a+" is a contact")
			}
		}
	}
	for domain, list := range byDomain {
		// A domain of two customers is an accountant's or a group's: alone it says nothing.
		if len(sharers) == 1 && len(list) > 0 && anyOpen(list) {
			f.r.add(list[0].Customer, 0, Probable, "the sender's domain "+domain+" is a contact's")
		}
	}
	f.r.NewSender = true
	for _, h := range f.r.Hits {
		if contact[h.Customer] {
			f.r.NewSender = false
		}
	}
	f.r.NewSender = f.r.NewSender && len(f.r.Hits) > 0
	return nil
}

func anyOpen(list []store.Contact) bool {
	for _, x := range list {
		if x.Open {
			return true
		}
	}
	return false
}

// numbers looks the named invoices up: strong with a sender who belongs to the
// customer, else probable.
func (f *finder) numbers(near map[customerID]bool) error {
	found, err := lookup(len(f.clues.Numbers), func() (map[string][]store.Numbered, error) {
		return f.d.ByNumber(f.ctx, f.s.Company, f.clues.Numbers)
	})
	if err != nil {
		return fmt.Errorf("match by invoice number: %w", err)
	}
	seen := make(map[int64]bool)
	for _, n := range f.clues.Numbers {
		for _, x := range found[n] {
			if !x.Open || seen[int64(x.Document)] || f.list && !near[x.Customer] {
				continue
			}
			seen[int64(x.Document)] = true
			f.r.Invoices = append(f.r.Invoices, x)
			if near[x.Customer] {
				f.r.add(x.Customer, 0, Strong, "it names invoice "+x.Number+", the sender belongs to the customer")
			} else {
				f.r.add(x.Customer, 0, Probable, "it names invoice "+x.Number)
			}
		}
	}
	return nil
}

// quoted compares with what we wrote to the customers in question.
func (f *finder) quoted(order []customerID) error {
	for _, h := range f.r.Hits {
		if h.Level == Certain {
			return nil
		}
		order = append(order, h.Customer)
	}
	if len(f.m.Text) < 60 {
		return nil
	}
	asked := make(map[customerID]bool)
	for _, c := range order {
		if asked[c] || len(asked) >= 5 {
			continue
		}
		asked[c] = true
		texts, err := f.d.RecentTexts(f.ctx, c, recent)
		if err != nil {
			return fmt.Errorf("match by quoted text: %w", err)
		}
		for _, t := range texts {
			if message.NewOutgoing(t.Text).Quoted(f.m.Text) >= 3 {
				f.r.add(c, t.Message, Strong, "it quotes a message of ours")
				break
			}
		}
	}
	return nil
}

// texts fetches what we wrote to the customers found, for cutting it out.
func (f *finder) texts() error {
	for i, h := range f.r.Hits {
		if i == 5 {
			break
		}
		texts, err := f.d.RecentTexts(f.ctx, h.Customer, recent)
		if err != nil {
			return fmt.Errorf("texts of the customer: %w", err)
		}
		f.r.Sent = append(f.r.Sent, texts...)
	}
	return nil
}

// lookup asks only where there is something to ask for.
func lookup[T any](keys int, ask func() (map[string]T, error)) (map[string]T, error) {
	if keys == 0 {
		return nil, nil
	}
	return ask()
}

// enclosedText is what a notice returns of the message: headers and text.
func enclosedText(m *message.Message) (headers string, mids []string) {
	var b strings.Builder
	for _, e := range m.Enclosed {
		for _, field := range e.Header {
			if b.Len() < 128<<10 {
				b.WriteString(field.Value)
				b.WriteByte('\n')
			}
		}
		for _, id := range message.IDs(e.Header.Raw("message-id")) {
			mids = addKey(mids, strings.ToLower(id))
		}
	}
	return b.String(), mids
}
