package mailbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Mark is how far a folder was read: the numbering it holds for, and the lowest
// UID not yet handled. The zero Mark: never read.
type Mark struct {
	UIDValidity uint32
	NextUID     imap.UID
}

// Batch is a contiguous slice of a folder. Whoever handles it commits its
// messages together with Next.
type Batch struct {
	Folder   Folder
	Heads    []Head
	Next     Mark
	Vanished int  // messages that were there and left before they could be read
	Renewed  bool // first batch after the server renumbered the folder
	Last     bool // the folder is read to its end
}

// FirstLook is how far back a folder is read that was never read before.
const FirstLook = 7 * 24 * time.Hour

// Read yields what is new in the folder since the mark, oldest first, to
// handle; the last batch (empty where nothing is new) is marked so. A folder
// never read starts seven days ago; one that was renumbered starts at rescan,
// and its messages come again: handling one twice must change nothing. What
// came before a failure is handled.
func (s *Session) Read(ctx context.Context, folder Folder, mark Mark, rescan func() (time.Time, error), handle func(context.Context, Batch) error) error {
	status, err := s.Examine(ctx, folder.Name)
	if err != nil {
		return err
	}
	renewed := mark.UIDValidity != 0 && (mark.UIDValidity != status.UIDValidity || status.UIDValidity == 0)
	var uids []imap.UID
	var since time.Time
	switch {
	case mark.UIDValidity == 0 || renewed:
		since = s.account.Now().Add(-FirstLook)
		if renewed || mark.NextUID != 0 { // a server that numbers nothing renumbers each time
			if since, err = rescan(); err != nil {
				return err
			}
		}
		uids, err = s.since(ctx, since)
	case status.UIDNext != 0 && status.UIDNext <= mark.NextUID:
		return handle(ctx, Batch{Folder: folder, Next: mark, Last: true})
	default:
		uids, err = s.uids(ctx, mark.NextUID)
	}
	if err != nil {
		return err
	}
	end := Mark{status.UIDValidity, max(status.UIDNext, mark.NextUID)}
	if renewed || mark.UIDValidity == 0 {
		end.NextUID = max(status.UIDNext, 1)
	}
	if n := len(uids); n > 0 {
		end.NextUID = max(end.NextUID, uids[n-1]+1)
	}
	vanished := 0
	if mark.UIDValidity == status.UIDValidity && mark.NextUID != 0 {
		vanished = int(end.NextUID-mark.NextUID) - len(uids)
	}
	left := redials
	fetch := func(chunk []imap.UID) func() ([]Head, error) {
		return s.ahead(func() ([]Head, error) { return s.heads(ctx, status.UIDValidity, chunk, &left) })
	}
	defer s.land()
	chunk := uids[:min(chunkSize, len(uids))]
	landed := fetch(chunk)
	for first := true; first || len(chunk) > 0; first = false {
		heads, failed := landed()
		if failed != nil && len(heads) == 0 {
			return failed
		}
		uids = uids[len(chunk):]
		chunk = uids[:min(chunkSize, len(uids))]
		next := end
		switch {
		case failed != nil: // the next reading goes on from here
			next.NextUID = heads[len(heads)-1].UID + 1
		case len(chunk) > 0:
			next.NextUID = chunk[0]
			landed = fetch(chunk) // while this batch is handled
		}
		heads = slices.DeleteFunc(heads, func(h Head) bool {
			return !h.ReceivedAt.IsZero() && h.ReceivedAt.Before(since)
		})
		batch := Batch{Folder: folder, Heads: heads, Next: next, Renewed: renewed && first, Last: failed == nil && len(chunk) == 0}
		if batch.Last {
			batch.Vanished = vanished
		}
		if err := handle(ctx, batch); err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

// ahead fetches in the background; what it gives is awaited by the function it
// returns. Until then nothing else may use the line: land waits for that.
func (s *Session) ahead(fetch func() ([]Head, error)) func() ([]Head, error) {
	var heads []Head
	var err error
	done := make(chan struct{})
	s.flying = done
	go func() {
		defer close(done)
		heads, err = fetch()
	}()
	return func() ([]Head, error) {
		<-done
		return heads, err
	}
}

// land waits until nothing is fetched in the background.
func (s *Session) land() {
	if s.flying != nil {
		<-s.flying
		s.flying = nil
	}
}

// since returns the messages that arrived at or after the instant, and some
// before it: SEARCH SINCE knows days only, in the server's zone.
func (s *Session) since(ctx context.Context, at time.Time) ([]imap.UID, error) {
	return s.search(ctx, &imap.SearchCriteria{Since: at.AddDate(0, 0, -1)})
}

// FindSent looks in Sent for a message by its Message-ID (with brackets), then
// by the value of our reference header, on a connection of its own. It returns
// the Message-ID it bears there, "" where it is not there.
func FindSent(ctx context.Context, a Account, folder, messageID, header, value string) (bool, error) {
	s, err := Open(ctx, a)
	if err != nil {
		return false, err
	}
	defer s.Close()
	if _, err := s.Examine(ctx, folder); err != nil {
		return false, err
	}
	for _, field := range []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: messageID}, {Key: header, Value: value}} {
		found, err := s.search(ctx, &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{field}})
		if err != nil {
			return false, err
		}
		if len(found) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// Append files a copy of our own message in the folder, marked read, on a
// connection of its own.
func Append(ctx context.Context, a Account, folder string, message []byte) error {
	s, err := Open(ctx, a)
	if err != nil {
		return err
	}
	defer s.Close()
	err = s.guard(ctx, s.account.Limits.Append, func() error {
		command := s.client.Append(folder, int64(len(message)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}})
		_, err := command.Write(message)
		if err := errors.Join(err, command.Close()); err != nil {
			return err
		}
		_, err = command.Wait()
		return err
	})
	if err != nil {
		return &Error{Kind: Temporary, Op: "file a copy in " + folder, Err: err}
	}
	return nil
}

// Sorted returns the folders in the order of a cycle: the one that rang first.
func Sorted(folders []Folder, rang string) []Folder {
	sorted := slices.Clone(folders)
	slices.SortStableFunc(sorted, func(a, b Folder) int {
		switch {
		case a.Name == rang && b.Name != rang:
			return -1
		case b.Name == rang && a.Name != rang:
			return 1
		}
		return 0
	})
	return sorted
}
