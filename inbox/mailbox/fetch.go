package mailbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Head is a message before its body is read.
type Head struct {
	UID        imap.UID
	Size       int64
	ReceivedAt time.Time // INTERNALDATE; zero where the server gave none that could be read
	Fields     []byte    // raw header fields asked for, as the server gave them
	Unreadable bool      // the server holds it, and will not give it in a form that can be read
}

const (
	chunkSize = 500 // messages in one FETCH
	// redials bounds how often one reading reconnects over messages that cut
	// the line: enough to isolate several among hundreds.
	redials = 40
)

// BodyLimit is how much of a message is read; what is longer is cut.
const BodyLimit = 1 << 20

// uids returns the UIDs from first on, growing.
func (s *Session) uids(ctx context.Context, first imap.UID) ([]imap.UID, error) {
	var from imap.UIDSet
	from.AddRange(first, 0) // 0 is *: the answer always holds the last message
	found, err := s.search(ctx, &imap.SearchCriteria{UID: []imap.UIDSet{from}})
	found = slices.DeleteFunc(found, func(u imap.UID) bool { return u < first })
	return found, err
}

func (s *Session) search(ctx context.Context, criteria *imap.SearchCriteria) ([]imap.UID, error) {
	var found []imap.UID
	err := s.guard(ctx, s.account.Limits.Search, func() error {
		data, err := s.client.UIDSearch(criteria, nil).Wait()
		if err == nil {
			found = data.AllUIDs()
		}
		return err
	})
	if err != nil {
		return nil, &Error{Kind: Temporary, Op: fmt.Sprintf("search the folder %q", s.selected), Err: err}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// heads fetches the heads of the UIDs, in their order. It reconnects by itself
// where a message cuts the line, and isolates that message: it comes back
// without its date, or as unreadable. One that has vanished is left out. Beside
// an error it returns those before the first that it could not fetch.
func (s *Session) heads(ctx context.Context, validity uint32, uids []imap.UID, left *int) ([]Head, error) {
	if len(uids) == 0 {
		return nil, nil
	}
	got, err := s.fetchHeads(ctx, imap.UIDSetNum(uids...), true)
	if err == nil {
		return s.complete(ctx, validity, uids, got, left)
	}
	if err := s.redial(ctx, validity, left, err); err != nil {
		return nil, err
	}
	if len(uids) == 1 {
		got, err = s.fetchHeads(ctx, imap.UIDSetNum(uids...), false)
		if err == nil && len(got) == 1 {
			return s.complete(ctx, validity, uids, got, left)
		}
		if err != nil {
			if err := s.redial(ctx, validity, left, err); err != nil {
				return nil, err
			}
		}
		return []Head{{UID: uids[0], Unreadable: true}}, nil
	}
	half := len(uids) / 2
	first, err := s.heads(ctx, validity, uids[:half], left)
	if err != nil {
		return first, err
	}
	second, err := s.heads(ctx, validity, uids[half:], left)
	return append(first, second...), err
}

// complete adds what the answer left out: a server that sends BODY before UID
// makes the library drop the message in silence.
func (s *Session) complete(ctx context.Context, validity uint32, uids []imap.UID, got map[imap.UID]Head, left *int) ([]Head, error) {
	heads := make([]Head, 0, len(uids))
	for _, uid := range uids {
		if head, ok := got[uid]; ok {
			heads = append(heads, head)
			continue
		}
		head, there, err := s.single(ctx, uid)
		if err != nil {
			if err := s.redial(ctx, validity, left, err); err != nil {
				return heads, err
			}
			head, there = Head{UID: uid, Unreadable: true}, true
		}
		if there {
			heads = append(heads, head)
		}
	}
	return heads, nil
}

func (s *Session) single(ctx context.Context, uid imap.UID) (Head, bool, error) {
	got, err := s.fetchHeads(ctx, imap.UIDSetNum(uid), true)
	if head, ok := got[uid]; ok || err != nil {
		return head, ok, err
	}
	seqs, err := s.sequence(ctx, uid)
	if err != nil || len(seqs) == 0 {
		return Head{}, false, err // gone since it was listed
	}
	got, err = s.fetchHeads(ctx, imap.SeqSetNum(seqs...), true)
	if head, ok := got[uid]; ok || err != nil {
		return head, ok, err
	}
	return Head{UID: uid, Unreadable: true}, true, nil
}

// redial opens the line again on the same folder after err, as long as the
// folder is still the same one and the budget of redials lasts.
func (s *Session) redial(ctx context.Context, validity uint32, left *int, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	folder := s.selected
	if *left--; *left < 0 {
		return &Error{Kind: Temporary, Op: fmt.Sprintf("read the folder %q", folder), Err: cause}
	}
	if s.broken == nil {
		return nil // the server only said NO: the line is good
	}
	s.Close()
	if err := s.connect(ctx); err != nil {
		return err
	}
	status, err := s.Examine(ctx, folder)
	if err != nil {
		return err
	}
	if status.UIDValidity != validity {
		return &Error{Kind: Temporary, Op: fmt.Sprintf("read the folder %q", folder), Err: errRenumbered}
	}
	return nil
}

var errRenumbered = errors.New("the server renumbered the folder while it was read")

func (s *Session) fetchHeads(ctx context.Context, set imap.NumSet, dated bool) (map[imap.UID]Head, error) {
	section := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: s.account.Fields, Peek: true}
	if !dated {
		section.HeaderFields = append(slices.Clone(section.HeaderFields), "Received")
	}
	options := &imap.FetchOptions{UID: true, RFC822Size: true, InternalDate: dated, BodySection: []*imap.FetchItemBodySection{section}}
	return s.fetch(ctx, s.account.Limits.Headers, set, options)
}

// fetch runs one FETCH. What came whole is returned also beside an error; a
// literal shorter than announced never is.
func (s *Session) fetch(ctx context.Context, limit time.Duration, set imap.NumSet, options *imap.FetchOptions) (map[imap.UID]Head, error) {
	got := map[imap.UID]Head{}
	err := s.guard(ctx, limit, func() error {
		command := s.client.Fetch(set, options)
		for {
			message := command.Next()
			if message == nil {
				break
			}
			head, whole := Head{}, true
			for item := message.Next(); item != nil; item = message.Next() {
				whole = head.take(item) && whole
			}
			if whole && head.UID != 0 {
				got[head.UID] = head
			}
		}
		return command.Close()
	})
	if err != nil {
		return nil, &Error{Kind: Temporary, Op: fmt.Sprintf("fetch from the folder %q", s.selected), Err: err}
	}
	if options.RFC822Size && !options.InternalDate {
		for uid, head := range got {
			head.ReceivedAt = received(head.Fields)
			got[uid] = head
		}
	}
	return got, nil
}

// received is when the last server took the message, by its Received field:
// for a server that gives no INTERNALDATE that can be read.
func received(fields []byte) time.Time {
	message, err := mail.ReadMessage(bytes.NewReader(append(slices.Clone(fields), "\r\n\r\n"...)))
	if err != nil {
		return time.Time{}
	}
	value := message.Header.Get("Received")
	at, err := mail.ParseDate(strings.TrimSpace(value[strings.LastIndexByte(value, ';')+1:]))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// literal reads a literal to its announced end.
func literal(r imap.LiteralReader) ([]byte, bool) {
	if r == nil {
		return []byte{}, true // BODY[] NIL is an empty message
	}
	var text bytes.Buffer
	text.Grow(int(min(r.Size(), 64<<10)) + bytes.MinRead) // no more: what is announced proves nothing
	n, err := text.ReadFrom(r)
	return text.Bytes(), err == nil && n == r.Size()
}

// ErrGone is a message that left its folder between two looks.
var ErrGone = errors.New("the message is no longer there")

// Body reads the message, cut at BodyLimit. It reconnects by itself. A nil slice
// and no error: the server holds it and will not give it. ErrGone: somebody
// moved or deleted it.
func (s *Session) Body(ctx context.Context, validity uint32, uid imap.UID) ([]byte, error) {
	s.land()
	section := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Offset: 0, Size: BodyLimit}}
	options := &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}
	for left := 2; ; {
		got, err := s.fetch(ctx, s.account.Limits.Body, imap.UIDSetNum(uid), options)
		if head, ok := got[uid]; ok {
			return head.Fields, nil
		}
		if err == nil {
			return s.odd(ctx, uid, options)
		}
		last := left == 1 // twice the line was cut by this very message
		if err := s.redial(ctx, validity, &left, err); err != nil || last {
			return nil, err
		}
	}
}

// odd fetches a body by sequence number, where a server that sends it before its
// UID made the library drop it.
func (s *Session) odd(ctx context.Context, uid imap.UID, options *imap.FetchOptions) ([]byte, error) {
	seqs, err := s.sequence(ctx, uid)
	if err != nil {
		return nil, err
	}
	if len(seqs) == 0 {
		return nil, ErrGone
	}
	got, err := s.fetch(ctx, s.account.Limits.Body, imap.SeqSetNum(seqs...), options)
	return got[uid].Fields, err
}

func (s *Session) sequence(ctx context.Context, uid imap.UID) ([]uint32, error) {
	var seqs []uint32
	err := s.guard(ctx, s.account.Limits.Search, func() error {
		data, err := s.client.Search(&imap.SearchCriteria{UID: []imap.UIDSet{imap.UIDSetNum(uid)}}, nil).Wait()
		if err == nil {
			seqs = data.AllSeqNums()
		}
		return err
	})
	if err != nil {
		return nil, &Error{Kind: Temporary, Op: fmt.Sprintf("search the folder %q", s.selected), Err: err}
	}
	return seqs, nil
}
