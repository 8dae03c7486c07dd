package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"relanced/inbox/mailbox"
	"relanced/inbox/match"
	"relanced/inbox/message"
	"relanced/internal/calendar"
	"relanced/internal/email"
	"relanced/internal/store"
)

func uid(n uint32) imap.UID { return imap.UID(n) }

// errRenumbered stops a folder whose server gives its messages new numbers
// again and again: reading it would never come to an end.
var errRenumbered = errors.New("the server renumbered the folder twice within a day: ask its administrator; reading it goes on a day later")

// handle records a batch. Each message that concerns somebody is recorded in a
// transaction that also moves the folder's mark past it; those that concern
// nobody leave no trace but the mark.
func (r *Reader) handle(ctx context.Context, known store.Folder, batch mailbox.Batch) error {
	mark := store.Folder{
		Name: batch.Folder.Name, UIDValidity: batch.Next.UIDValidity, Next: uint32(batch.Next.NextUID),
		RenewedAt: known.RenewedAt, Renewals: known.Renewals,
	}
	now := r.Store.Now()
	if batch.Renewed {
		if mark.Renewals++; now.Sub(known.RenewedAt) > 24*time.Hour {
			mark.Renewals = 1
		}
		mark.RenewedAt = now
		if mark.Renewals > 1 {
			return errRenumbered
		}
	}
	if batch.Vanished > 0 {
		r.Logger.InfoContext(ctx, "messages left before they were read", "mailbox", r.Key.Name, "folder", batch.Folder.Name, "count", batch.Vanished)
	}
	kept, err := r.kept(ctx, batch)
	if err != nil {
		return err
	}
	for _, k := range kept {
		in, err := r.understand(ctx, batch, k)
		if err != nil {
			return err
		}
		past := mark
		past.Next, past.UIDValidity = uint32(k.head.UID)+1, batch.Next.UIDValidity
		err = r.Store.InTx(ctx, func(tx *store.Tx) error {
			if _, err := tx.EnsureMailbox(r.Key, r.Account.Address); err != nil {
				return err
			}
			if err := r.record(tx, in); err != nil {
				return err
			}
			return tx.SaveFolder(r.Key, past)
		})
		if err != nil {
			return fmt.Errorf("record message %d: %w", k.head.UID, err)
		}
	}
	if batch.Last {
		mark.ReadAt = now
	}
	if batch.Last && len(kept) == 0 && len(batch.Heads) == 0 && known.Next == mark.Next && known.UIDValidity == mark.UIDValidity {
		return nil // nothing came: nothing is written
	}
	return r.Store.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.EnsureMailbox(r.Key, r.Account.Address); err != nil {
			return err
		}
		return tx.SaveFolder(r.Key, mark)
	})
}

// headed is a message of which the header was read.
type headed struct {
	head mailbox.Head
	need match.Need
}

// kept returns the messages of the batch whose body may matter.
func (r *Reader) kept(ctx context.Context, batch mailbox.Batch) ([]headed, error) {
	if len(batch.Heads) == 0 {
		return nil, nil
	}
	parsed := make([]*message.Message, len(batch.Heads))
	for i, head := range batch.Heads {
		parsed[i] = message.ParseHeader(head.Fields)
	}
	needs, err := match.Heads(ctx, r.Store, r.Company.Seller, parsed)
	if err != nil {
		return nil, err
	}
	var kept []headed
	for i, head := range batch.Heads {
		from := parsed[i].From.Email
		switch {
		case batch.Folder.Role == mailbox.RoleSent, needs[i] != match.Nothing, head.Unreadable, r.Company.isMember(from):
			kept = append(kept, headed{head, needs[i]})
		}
	}
	return kept, nil
}

// understood is a message with all that is known of it, ready to be recorded.
type understood struct {
	m        *message.Message
	found    *match.Result
	verdict  message.Verdict
	role     mailbox.Role
	identity string
	place    store.Place
	at       time.Time // arrival
	on       calendar.Date
	token    bool                     // it quotes the token of a work list
	cut      bool                     // only its header could be read
	sent     map[string]store.SentRef // of a copy in Sent: which of our messages it is
}

// understand reads the body where that is needed, and finds whose message it is.
func (r *Reader) understand(ctx context.Context, batch mailbox.Batch, k headed) (understood, error) {
	in := understood{
		role:  batch.Folder.Role,
		place: store.Place{Mailbox: r.Key.Name, Folder: batch.Folder.Name, UIDValidity: batch.Next.UIDValidity, UID: uint32(k.head.UID)},
		at:    k.head.ReceivedAt,
	}
	if in.at.IsZero() {
		in.at = r.Store.Now()
	}
	in.on = calendar.DateOf(in.at.In(r.Company.Zone))
	head := message.ParseHeader(k.head.Fields)
	body := []byte(nil)
	if !k.head.Unreadable && !(batch.Folder.Role == mailbox.RoleSent && r.Company.Seller.Ours(head.Header.Raw("x-relanced-ref")+head.MessageID)) {
		var err error
		if body, err = r.session.Body(ctx, batch.Next.UIDValidity, k.head.UID); err != nil {
			return in, err
		}
	}
	if in.m = head; len(body) > 0 {
		in.m = message.Parse(body)
	} else {
		in.cut = true
	}
	in.identity = identity(in.m, k.head, body)
	var err error
	if in.role == mailbox.RoleSent {
		if in.sent, err = r.ourOwn(ctx, in.m); err != nil {
			return in, err
		}
	}
	in.found, err = match.Find(ctx, r.Store, r.Company.Seller, in.m, in.at)
	if err != nil {
		return in, err
	}
	in.found.Hits = withCustomer(in.found.Hits)
	if in.role == mailbox.RoleSent || r.Company.Seller.Owns(in.m.From.Email) {
		if err := r.recipients(ctx, &in); err != nil {
			return in, err
		}
	}
	in.verdict = in.m.Judge(message.Context{
		Own: r.Company.Seller.Own, Ours: r.Company.Seller.Ours, Unmatched: len(in.found.Hits) == 0,
		Sent: in.found.Outgoing(), ReceivedOn: in.on, Country: r.Company.Country,
	})
	_, in.token, _ = r.Company.Seller.Keys.Open(in.m.Text, in.m.From.Email, in.at)
	return in, nil
}

// ourOwn finds which of our messages a copy in Sent is.
func (r *Reader) ourOwn(ctx context.Context, m *message.Message) (map[string]store.SentRef, error) {
	var refs []string
	for _, id := range r.Company.Seller.Keys.Find(m.Header.Raw("x-relanced-ref")+" <"+m.MessageID+">", email.Domain(r.Account.Address)) {
		refs = append(refs, string(id))
	}
	if len(refs) == 0 {
		return nil, nil
	}
	return r.Store.SentByRef(ctx, r.Key.Company, refs)
}

// withCustomer leaves out what is no customer's: notices to our own people.
func withCustomer(hits []match.Hit) []match.Hit {
	kept := hits[:0]
	for _, h := range hits {
		if h.Customer != 0 {
			kept = append(kept, h)
		}
	}
	return kept
}

// recipients finds the customers that one of our people wrote to.
func (r *Reader) recipients(ctx context.Context, in *understood) error {
	var addresses []string
	for _, a := range append(append([]message.Address{}, in.m.To...), in.m.Cc...) {
		if c := canonical(a.Email); c != "" {
			addresses = append(addresses, c)
		}
	}
	if len(addresses) == 0 {
		return nil
	}
	contacts, err := r.Store.ByAddress(ctx, r.Key.Company, addresses)
	if err != nil {
		return err
	}
	have := map[int64]bool{}
	for _, h := range in.found.Hits {
		have[int64(h.Customer)] = true
	}
	for _, address := range addresses {
		for _, c := range contacts[address] {
			if !have[int64(c.Customer)] {
				have[int64(c.Customer)] = true
				in.found.Hits = append(in.found.Hits, match.Hit{Customer: c.Customer, Level: match.Probable, Evidence: []string{"written to " + c.Address}})
			}
		}
	}
	return nil
}

// identity names a message whatever folder it lies in, mail.md §3.5: the
// Message-ID alone is neither always there nor always unique.
func identity(m *message.Message, head mailbox.Head, body []byte) string {
	from, date := m.Header.Raw("from"), m.Header.Raw("date")
	var text string
	if m.MessageID != "" {
		text = strings.ToLower(m.MessageID) + "|" + from + "|" + date
	} else {
		text = fmt.Sprintf("%s|%s|%s|%d|%s", from, date, m.Header.Raw("subject"), head.Size, body)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
