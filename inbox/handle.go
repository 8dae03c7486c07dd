package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"relanced/inbox/mailbox"
	"relanced/inbox/match"
	"relanced/inbox/message"
	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
)

// errElsewhere is a message that left the folder while it was read.
var errElsewhere = errors.New("the message went elsewhere")

// errRenumbered stops a folder whose server gives its messages new numbers
// again and again: reading it would never come to an end.
var errRenumbered = errors.New("the server renumbered the folder twice within a day: ask its administrator; reading it goes on a day later")

// handle records a batch. Each message that concerns somebody is recorded in a
// transaction that also moves the folder's mark past it; those that concern
// nobody leave no trace but the mark, and where there are many, that is stored
// about once a second.
func (r *Reader) handle(ctx context.Context, known *progress, batch mailbox.Batch) error {
	mark := known.Folder
	mark.Name, mark.UIDValidity, mark.Next = batch.Folder.Name, batch.Next.UIDValidity, uint32(batch.Next.NextUID)
	now := r.Store.Now()
	if batch.Renewed {
		if mark.Renewals++; now.Sub(known.RenewedAt) > 24*time.Hour {
			mark.Renewals = 1
		}
		if mark.Renewals > 1 {
			return errRenumbered
		}
		mark.RenewedAt = now
		r.Logger.WarnContext(ctx, "the server renumbered a folder: it is read again", "folder", batch.Folder.Name)
	}
	if batch.Vanished > 0 {
		r.Logger.InfoContext(ctx, "messages left before they were read", "folder", batch.Folder.Name, "count", batch.Vanished)
		if batch.Folder.Role == mailbox.RoleInbox || batch.Folder.Role == mailbox.RoleExtra { // others are emptied every day
			vanish(&mark, batch.Vanished, now)
		}
	}
	kept, err := r.kept(ctx, batch)
	if err != nil {
		return err
	}
	if kept, err = r.unhandled(ctx, batch, kept); err != nil {
		return err
	}
	for _, k := range kept {
		in, err := r.understand(ctx, batch, k)
		if errors.Is(err, errElsewhere) {
			continue
		}
		if err != nil {
			return err
		}
		in.late = !known.ReadAt.IsZero() && !batch.Renewed
		past := mark
		past.Next = uint32(k.head.UID) + 1
		if err := r.keep(ctx, in, past); err != nil {
			return fmt.Errorf("record message %d: %w", k.head.UID, err)
		}
	}
	if batch.Last {
		mark.ReadAt = now
	}
	if known.Next == mark.Next && known.UIDValidity == mark.UIDValidity && len(batch.Heads) == 0 && !known.ahead {
		return nil // nothing came: nothing is written
	}
	known.Folder, known.ahead = mark, true
	if !batch.Last && !batch.Renewed && len(kept) == 0 && time.Since(known.savedAt) < time.Second {
		return nil
	}
	known.ahead, known.savedAt = false, time.Now()
	return r.Store.InTx(ctx, func(tx *store.Tx) error { return tx.SaveFolder(r.Key, mark) })
}

// VanishedFor is how long messages that left a folder before they were read
// are spoken of: a folder from which none left for longer counts anew.
const VanishedFor = 7 * 24 * time.Hour

func vanish(f *store.Folder, n int, now time.Time) {
	if now.Sub(f.VanishedAt) > VanishedFor {
		f.Vanished, f.VanishedSince = 0, now
	}
	f.Vanished, f.VanishedAt = f.Vanished+n, now
}

// unhandled leaves out messages that were recorded before, from another place
// or under another number, where the header tells so: their bodies are not read
// again. That they lie here too is noted.
func (r *Reader) unhandled(ctx context.Context, batch mailbox.Batch, kept []headed) ([]headed, error) {
	if len(kept) == 0 {
		return kept, nil
	}
	ids := make([]string, len(kept))
	for i, k := range kept {
		if identified(k.header) {
			ids[i] = identity(k.header, k.head, nil, store.Place{})
		}
	}
	handled, err := r.Store.Handled(ctx, r.Key.Company, ids)
	if err != nil || len(handled) == 0 {
		return kept, err
	}
	var fresh []headed
	err = r.Store.InTx(ctx, func(tx *store.Tx) error {
		fresh = nil
		for i, k := range kept {
			if !handled[ids[i]] {
				fresh = append(fresh, k)
				continue
			}
			if _, _, err := tx.RecordMessage(store.Incoming{Company: r.Key.Company, Identity: ids[i], Place: r.place(batch, k)}); err != nil {
				return err
			}
		}
		return nil
	})
	return fresh, err
}

func (r *Reader) place(batch mailbox.Batch, k headed) store.Place {
	return store.Place{Mailbox: r.Key.Name, Folder: batch.Folder.Name, UIDValidity: batch.Next.UIDValidity, UID: uint32(k.head.UID)}
}

// progress is how far a folder was read.
type progress struct {
	store.Folder
	ahead   bool // further than the store knows
	savedAt time.Time
}

// keep records one message and moves the folder's mark past it. One that cannot
// be recorded as it is must not stop the mailbox: it is recorded as unreadable.
func (r *Reader) keep(ctx context.Context, in understood, past store.Folder) error {
	write := func(in understood) error {
		return r.Store.InTx(ctx, func(tx *store.Tx) error {
			if err := r.record(tx, in); err != nil {
				return err
			}
			return tx.SaveFolder(r.Key, past)
		})
	}
	err := write(in)
	if err == nil || ctx.Err() != nil || errors.Is(err, store.ErrDisk) || r.Store.Ping(ctx) != nil {
		return err
	}
	r.Logger.ErrorContext(ctx, "message recorded as unreadable", "folder", past.Name, "uid", past.Next-1, "err", err)
	blank := *in.m
	blank.Subject, blank.Problems = "", []string{"it could not be recorded: " + err.Error()}
	in.m, in.verdict, in.token = &blank, message.Verdict{Class: dossier.ClassUnreadable, Holds: true}, false
	if again := write(in); again != nil {
		return errors.Join(err, again)
	}
	return nil
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
	token    bool                     // it answers a work list
	cut      bool                     // only its header could be read
	sent     map[string]store.SentRef // of a copy in Sent: which of our messages it is
	refs     []string                 // of the same: the references it bears
	late     bool                     // it came after its folder was read to the end before
}

// understand reads the body where that is needed, and finds whose message it is.
func (r *Reader) understand(ctx context.Context, batch mailbox.Batch, k headed) (understood, error) {
	in := understood{
		role:  batch.Folder.Role,
		place: r.place(batch, k),
		at:    k.head.ReceivedAt,
	}
	if in.at.IsZero() {
		in.at = r.Store.Now()
	}
	in.on = calendar.DateOf(in.at.In(r.Company.Zone))
	header := k.header
	in.m = header
	var body []byte
	if !k.head.Unreadable && !k.own {
		var err error
		body, err = r.session.Body(ctx, batch.Next.UIDValidity, k.head.UID)
		if gone := errors.Is(err, mailbox.ErrGone); gone && k.need == match.Notice {
			return in, errElsewhere // of a notice only the body tells; it is read where it went
		} else if err != nil && !gone {
			return in, err
		}
	}
	if len(body) > 0 {
		in.m = message.Parse(body)
		in.m.Complete(header)
	} else {
		in.cut = !k.own
	}
	in.identity = identity(header, k.head, body, in.place)
	var err error
	if in.role == mailbox.RoleSent {
		in.refs = r.references(in.m)
		if len(in.refs) > 0 {
			if in.sent, err = r.Store.SentByRef(ctx, r.Key.Company, in.refs); err != nil {
				return in, err
			}
		}
	}
	in.found, err = match.Find(ctx, r.Store, r.Company.Seller, in.m, in.at)
	if err != nil {
		return in, err
	}
	if r.Company.Seller.Owns(in.m.From.Email) || in.role == mailbox.RoleSent {
		if err := r.recipients(ctx, &in); err != nil {
			return in, err
		}
	}
	in.verdict = in.m.Judge(message.Context{
		Own: r.Company.Seller.Own, Ours: r.Company.Seller.Ours, Unmatched: len(in.found.Hits) == 0,
		Sent: in.found.Outgoing(), ReceivedOn: in.on, Country: r.Company.Country,
	})
	in.token = r.answers(in)
	return in, nil
}

// answers tells whether the message answers a work list, or claims to: it quotes
// a token, or one of our people answers a message of ours that went to no
// customer. Machines answer nothing.
func (r *Reader) answers(in understood) bool {
	switch in.verdict.Class {
	case dossier.ClassHuman, dossier.ClassColleague, dossier.ClassProbableAuto, dossier.ClassMachineAck, dossier.ClassIgnore:
	default:
		return false
	}
	if auto := strings.ToLower(strings.TrimSpace(in.m.Header.Raw("auto-submitted"))); strings.HasPrefix(auto, "auto-") && r.Company.isMember(in.m.From.Email) {
		return false // somebody is away
	}
	if _, token, _ := r.Company.Seller.Keys.Open(in.m.Text, in.m.From.Email, in.at); token {
		return true
	}
	return r.Company.isMember(in.m.From.Email) && in.found.Verified && len(in.found.Hits) == 0
}

// references are those that a copy of our own message bears, signed by us.
func (r *Reader) references(m *message.Message) []string {
	var refs []string
	for _, id := range r.Company.Seller.Keys.Find(m.Header.Raw("x-relanced-ref")+" <"+m.MessageID+">", email.Domain(r.Account.Address)) {
		refs = append(refs, string(id))
	}
	return refs
}

// identity names a message whatever folder it lies in, mail.md §3.5: the
// Message-ID alone is neither always there nor always unique. Where there is
// none, what the transport stamped tells messages apart, and also one that left
// before its body was read; without a stamp only the body does. header is what
// was read first.
func identity(header *message.Message, head mailbox.Head, body []byte, place store.Place) string {
	from, date := header.Header.Raw("from"), header.Header.Raw("date")
	var text string
	switch {
	case header.MessageID != "":
		text = strings.ToLower(header.MessageID) + "|" + from + "|" + date
	case len(header.Header) == 0 && len(body) == 0: // nothing of it could be read
		text = fmt.Sprintf("%s|%s|%d|%d", place.Mailbox, place.Folder, place.UIDValidity, place.UID)
	case header.Header.Has("received"):
		text = fmt.Sprintf("%d|%s", head.Size, head.Fields)
	default:
		text = fmt.Sprintf("%s|%s|%s|%d|%s", from, date, header.Header.Raw("subject"), head.Size, body)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// identified tells whether the header alone gives the identity.
func identified(header *message.Message) bool {
	return header.MessageID != "" || header.Header.Has("received")
}
