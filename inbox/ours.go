package inbox

import (
	"context"

	"relanced/inbox/mailbox"
	"relanced/inbox/match"
	"relanced/inbox/message"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
)

// headed is a message of which the header was read.
type headed struct {
	head   mailbox.Head
	header *message.Message
	need   match.Need
	own    bool // of ours, by its mark: its body is known
}

// kept returns the messages of the batch that may matter, by their headers: with
// a few questions to the store however many there are.
func (r *Reader) kept(ctx context.Context, batch mailbox.Batch) ([]headed, error) {
	if len(batch.Heads) == 0 {
		return nil, nil
	}
	parsed := make([]*message.Message, len(batch.Heads))
	match.Share(len(parsed), func(i int) { parsed[i] = message.ParseHeader(batch.Heads[i].Fields) })
	needs, err := match.Heads(ctx, r.Store, r.Company.Seller, parsed)
	if err != nil {
		return nil, err
	}
	var kept []headed
	var written []*message.Message // by one of our people
	var at []int                   // where they stand in kept
	for i, head := range batch.Heads {
		m, k := parsed[i], headed{head: head, header: parsed[i], need: needs[i]}
		seller := r.Company.Seller
		k.own = seller.Owns(m.From.Email) && seller.Ours(m.Header.Raw("x-relanced-ref")+" <"+m.MessageID+">")
		switch {
		case k.own && batch.Folder.Role != mailbox.RoleSent:
			continue // our own message, come back: nothing to learn
		case !k.own && batch.Folder.Role == mailbox.RoleSent:
			written, at = append(written, m), append(at, len(kept))
		case !k.own && k.need == match.Nothing && !head.Unreadable:
			continue
		}
		kept = append(kept, k)
	}
	return r.toCustomers(ctx, kept, written, at)
}

// toCustomers leaves out what our people wrote to nobody who is a customer, or
// answers nothing that was matched.
func (r *Reader) toCustomers(ctx context.Context, kept []headed, written []*message.Message, at []int) ([]headed, error) {
	if len(written) == 0 {
		return kept, nil
	}
	var addresses, mids []string
	for _, m := range written {
		addresses = append(addresses, addressees(r.Company.Seller, m)...)
		mids = append(mids, answered(m)...)
	}
	known := map[string]bool{}
	for len(addresses) > 0 {
		n := min(len(addresses), 200)
		found, err := r.written(ctx, addresses[:n])
		if err != nil {
			return nil, err
		}
		for address, list := range found {
			known[address] = len(list) > 0
		}
		addresses = addresses[n:]
	}
	for len(mids) > 0 {
		n := min(len(mids), 200)
		sent, err := r.Store.SentByMID(ctx, r.Key.Company, mids[:n])
		if err != nil {
			return nil, err
		}
		for mid := range sent {
			known[mid] = true
		}
		matched, err := r.Store.MatchesByMID(ctx, r.Key.Company, mids[:n])
		if err != nil {
			return nil, err
		}
		for mid, list := range matched {
			known[mid] = len(list) > 0
		}
		mids = mids[n:]
	}
	unrelated := map[int]bool{}
	for i, m := range written {
		matters := kept[at[i]].head.Unreadable
		for _, key := range append(addressees(r.Company.Seller, m), answered(m)...) {
			matters = matters || known[key]
		}
		unrelated[at[i]] = !matters
	}
	left := kept[:0]
	for i, k := range kept {
		if !unrelated[i] {
			left = append(left, k)
		}
	}
	return left, nil
}

// answered gives the ids that a message of one of our people answers.
func answered(m *message.Message) []string {
	ids := append(append([]string{}, m.InReplyTo...), m.References...)
	return ids[:min(len(ids), 100)]
}

// addressees gives whom a message went to besides our own people.
func addressees(s match.Seller, m *message.Message) []string {
	var list []string
	for _, a := range append(append([]message.Address{}, m.To...), m.Cc...) {
		if c := canonical(a.Email); c != "" && !s.Owns(c) && len(list) < 100 {
			list = append(list, c)
		}
	}
	return list
}

// written finds the customers that addresses belong to: as contacts, else by a
// domain that is one customer's alone.
func (r *Reader) written(ctx context.Context, addresses []string) (map[string][]store.Contact, error) {
	found, err := r.Store.ByAddress(ctx, r.Key.Company, addresses)
	if err != nil {
		return nil, err
	}
	var domains []string
	for _, a := range addresses {
		if d := email.Domain(a); len(found[a]) == 0 && d != "" && !email.IsPublicDomain(d) {
			domains = append(domains, d)
		}
	}
	if len(domains) == 0 {
		return found, nil
	}
	byDomain, err := r.Store.ByDomain(ctx, r.Key.Company, domains)
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		list := byDomain[email.Domain(a)]
		if len(found[a]) > 0 || len(list) == 0 || severalCustomers(list) {
			continue
		}
		found[a] = list[:1]
	}
	return found, nil
}

func severalCustomers(list []store.Contact) bool {
	for _, c := range list {
		if c.Customer != list[0].Customer {
			return true
		}
	}
	return false
}

// recipients makes the customers that one of our people wrote to those of the
// message. What went to our own people alone concerns no customer, unless it
// forwards what one wrote.
func (r *Reader) recipients(ctx context.Context, in *understood) error {
	addresses := addressees(r.Company.Seller, in.m)
	if len(addresses) == 0 {
		from := in.m.ForwardedSender().Email
		if in.role == mailbox.RoleSent || from == "" || r.Company.Seller.Owns(from) {
			in.found.Hits = nil
		}
		return nil
	}
	contacts, err := r.written(ctx, addresses)
	if err != nil {
		return err
	}
	var hits []match.Hit
	have := map[dossier.CustomerID]bool{}
	for _, h := range in.found.Hits {
		if h.Level != match.Probable {
			have[h.Customer], hits = true, append(hits, h)
		}
	}
	for _, address := range addresses {
		for _, c := range contacts[address] {
			if !have[c.Customer] {
				have[c.Customer] = true
				hits = append(hits, match.Hit{Customer: c.Customer, Level: match.Probable, Evidence: []string{"written to " + address}})
			}
		}
	}
	in.found.Hits = hits
	return nil
}
