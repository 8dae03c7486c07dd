package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/files/charset"
	"relanced/connectors/files/fec"
)

// quiet is how long a file's size must have stood still before it is taken.
const quiet = 2 * time.Second

// folder is the watched folder; "" none.
type folder string

func (f folder) inbox() string  { return filepath.Join(string(f), "inbox") }
func (f folder) done() string   { return filepath.Join(string(f), "done") }
func (f folder) failed() string { return filepath.Join(string(f), "failed") }

func (f folder) make() error {
	for _, path := range []string{f.inbox(), f.done(), f.failed()} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return &connectors.Error{
				Kind: connectors.Temporary, Op: "files: make folder", Err: err,
				Do: "make the folder writable for the account the daemon runs under",
			}
		}
	}
	return nil
}

// dropped is a file in the inbox.
type dropped struct {
	name string
	size int64
	at   time.Time
}

// waiting lists the files of the inbox, oldest first; ledgers of one company in
// the order of their years. Hidden and temporary files, folders and links are
// not files to take.
func (f folder) waiting() ([]dropped, error) {
	entries, err := os.ReadDir(f.inbox())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &connectors.Error{Kind: connectors.Temporary, Op: "files: read inbox", Err: err, Do: "make the folder readable"}
	}
	var list []dropped
	for _, entry := range entries {
		name := entry.Name()
		if !entry.Type().IsRegular() || temporary(name) {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			continue // gone since
		}
		list = append(list, dropped{name, info.Size(), info.ModTime()})
	}
	slices.SortFunc(list, func(a, b dropped) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.name, b.name))
	})
	byYear(list)
	return list, nil
}

func temporary(name string) bool {
	lower := strings.ToLower(name)
	for _, end := range []string{".part", ".tmp", ".crdownload", ".filepart", "~"} {
		if strings.HasSuffix(lower, end) {
			return true
		}
	}
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~$")
}

// byYear puts ledgers whose names tell the year in the order of their years,
// among the places they have: a year explains the opening entry of the next.
func byYear(list []dropped) {
	places := make(map[string][]int)
	for i, d := range list {
		if n := fec.ParseName(d.name); n.Year != 0 {
			places[n.SIREN] = append(places[n.SIREN], i)
		}
	}
	for _, at := range places {
		files := make([]dropped, len(at))
		for n, i := range at {
			files[n] = list[i]
		}
		slices.SortStableFunc(files, func(a, b dropped) int {
			return strings.Compare(fec.ParseName(a.name).End, fec.ParseName(b.name).End)
		})
		for n, i := range at {
			list[i] = files[n]
		}
	}
}

// Pull takes the files of the inbox, one after the other. A file is moved to
// done when its last page was committed, to failed with a report beside it when
// it is refused. Files still being written are left for the next pass, unless a
// person asked for this one. A file that cannot be opened, or changes while it is
// read, stays; the others are taken, and then the pass fails with the reason.
func (c *Connector) Pull(ctx context.Context, since connectors.Cursor) iter.Seq2[connectors.Page, error] {
	return func(yield func(connectors.Page, error) bool) {
		if c.folder == "" {
			return
		}
		if err := c.folder.make(); err != nil {
			yield(connectors.Page{}, err)
			return
		}
		files, err := c.settled(ctx)
		if err != nil {
			yield(connectors.Page{}, err)
			return
		}
		var left error
		for _, file := range files {
			next, fault, more := c.take(ctx, file.name, since, yield)
			if !more {
				return
			}
			if left == nil {
				left = fault
			}
			since = next
		}
		if left != nil {
			yield(connectors.Page{}, left)
		}
	}
}

// settled returns the files to take now.
func (c *Connector) settled(ctx context.Context) ([]dropped, error) {
	files, err := c.folder.waiting()
	if err != nil || len(files) == 0 || connectors.Asked(ctx) {
		return files, err
	}
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
	}
	later, err := c.folder.waiting()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(later, func(d dropped) bool {
		return !slices.ContainsFunc(files, func(e dropped) bool { return e.name == d.name && e.size == d.size && e.at.Equal(d.at) })
	}), nil
}

// take reads one file of the inbox. It returns the cursor after it, why the file
// was left where it is (the others are taken nevertheless), and whether to go on.
func (c *Connector) take(ctx context.Context, name string, since connectors.Cursor, yield func(connectors.Page, error) bool) (connectors.Cursor, error, bool) {
	path := filepath.Join(c.folder.inbox(), name)
	before, err := parseCursor(since)
	if err != nil {
		yield(connectors.Page{}, err)
		return since, nil, false
	}
	was, err := os.Lstat(path)
	if err != nil || !was.Mode().IsRegular() {
		return since, nil, true // gone since, or made into something else
	}
	if hash, err := hashOf(path); err == nil && (before.knows(hash) || before.replayed(hash)) {
		// Committed before, or the same export once more: nothing to change.
		c.log.InfoContext(ctx, "file already taken", "file", name)
		return since, nil, c.finish(ctx, path, was, yield)
	}
	var refused error
	format, next := "", since
	stopped := false
	c.read(ctx, path, before, since, func(page connectors.Page, err error) bool {
		if err != nil {
			refused, format = err, page.Format
			return false
		}
		if !yield(page, nil) {
			stopped = true
			return false
		}
		next = page.Next
		return true
	})
	switch {
	case stopped:
		return since, nil, false
	case refused == nil:
		return next, nil, c.finish(ctx, path, was, yield)
	case gone(path):
		return since, nil, true
	case errors.Is(refused, fs.ErrPermission), errors.Is(refused, errChanged):
		return since, refused, true
	}
	var fault *connectors.Error
	if !errors.As(refused, &fault) || fault.Kind != connectors.Invalid {
		yield(connectors.Page{}, refused) // not the file's fault: it stays
		return since, nil, false
	}
	if !unchanged(path, was) {
		return since, nil, true // replaced since: what is there now is read by the next pass
	}
	reason := fault.Error()
	if fault.Do != "" {
		reason += "\n" + fault.Do
	}
	if err := c.RefuseFile(name, reason); err != nil {
		yield(connectors.Page{}, err)
		return since, nil, false
	}
	c.log.ErrorContext(ctx, "file refused", "file", name, "err", refused)
	return since, nil, yield(connectors.Page{
		File: name, Format: format, Next: since,
		Bad: []connectors.Rejected{{Text: fmt.Sprintf("%s was refused: %v", name, refused)}},
	}, nil)
}

func gone(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// unchanged tells whether the path still leads to the very file, as it was.
func unchanged(path string, was fs.FileInfo) bool {
	now, err := os.Lstat(path)
	return err == nil && os.SameFile(was, now) && now.Size() == was.Size() && now.ModTime().Equal(was.ModTime())
}

func hashOf(path string) (string, error) {
	file, err := os.Open(path) //nolint:gosec // a file of the inbox
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // read only
	probe, err := charset.Look(file)
	return probe.Hash, err
}

// RefuseFile moves a file of the inbox to failed, with a report of the reason
// beside it.
func (c *Connector) RefuseFile(name, reason string) error {
	name = filepath.Base(name)
	to := free(c.folder.failed(), name)
	report := fmt.Sprintf("%s\n%s\n\nNothing of this file was taken. Once it is mended, put it into %s again.\n",
		c.env.Now().In(c.env.Company.Zone).Format("2006-01-02 15:04:05"), reason, c.folder.inbox())
	err := os.WriteFile(to+reportEnd, []byte(report), 0o600)
	if err == nil {
		err = os.Rename(filepath.Join(c.folder.inbox(), name), to)
	}
	if err != nil { // on a full disk the file stays where it is, rather than without a reason
		_ = os.Remove(to + reportEnd)
		return &connectors.Error{Kind: connectors.Temporary, Op: "files: move to failed", Err: err, Do: "make the folder writable, and room on its disk"}
	}
	return nil
}

// finish moves a file that was taken to done. One that was replaced meanwhile
// stays: it has not been read.
func (c *Connector) finish(ctx context.Context, path string, was fs.FileInfo, yield func(connectors.Page, error) bool) bool {
	if !unchanged(path, was) {
		c.log.InfoContext(ctx, "file replaced while it was read", "file", filepath.Base(path))
		return true
	}
	if err := os.Rename(path, free(c.folder.done(), filepath.Base(path))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		yield(connectors.Page{}, &connectors.Error{Kind: connectors.Temporary, Op: "files: move to done", Err: err, Do: "make the folder writable"})
		return false
	}
	return true
}

// reportEnd is what the name of a report adds to that of its file.
const reportEnd = ".txt"

// free is a path for the file in a folder: under another name where its own, or
// that of a report beside it, is taken.
func free(folder, name string) string {
	ext := filepath.Ext(name)
	for n := 1; ; n++ {
		to := filepath.Join(folder, name)
		if n > 1 {
			to = filepath.Join(folder, fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), n, ext))
		}
		_, taken := os.Lstat(to)
		_, told := os.Lstat(to + reportEnd)
		if taken != nil && told != nil {
			return to
		}
	}
}
