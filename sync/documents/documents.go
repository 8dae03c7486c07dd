// Package documents finds the copies of invoices in a folder, by their numbers.
package documents

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"relanced/connectors"
)

// ErrNone tells that no file carries the number.
var ErrNone = errors.New("no file carries this number")

// SeveralError tells that more than one file carries the number: none is taken.
type SeveralError struct {
	Number string
	Names  []string // at most ten, in order
}

// Error names the files.
func (e *SeveralError) Error() string {
	return fmt.Sprintf("several files carry the number %q (%s): none is attached; rename or remove all but one", e.Number, strings.Join(e.Names, ", "))
}

// Folder is a folder of invoice copies. It may be used by several goroutines.
type Folder struct {
	path    string
	pattern pattern
	now     func() time.Time

	mu      sync.Mutex
	changed time.Time // of the folder, when it was listed
	listed  time.Time
	index   *index
}

// New makes a Folder of the files of path (not of folders below it) whose names
// match, as in "*{number}*.pdf". It does not touch the disk.
func New(path, match string) (*Folder, error) {
	p, err := parsePattern(match)
	if err != nil {
		return nil, err
	}
	return &Folder{path: path, pattern: p, now: time.Now}, nil
}

// Check lists the folder and tells how many files it holds.
func (f *Folder) Check() (int, error) {
	x, err := f.refresh()
	if err != nil {
		return 0, err
	}
	return len(x.names), nil
}

// Find returns the name of the one file that carries the number. The error is
// ErrNone, a *SeveralError, or that of the disk.
func (f *Folder) Find(number string) (string, error) {
	x, err := f.refresh()
	if err != nil {
		return "", err
	}
	found := x.find(f.pattern, number)
	switch len(found) {
	case 0:
		return "", ErrNone
	case 1:
		return found[0], nil
	}
	return "", &SeveralError{Number: number, Names: found[:min(len(found), 10)]}
}

// Fetch reads the one file that carries the number, at most limit bytes. A link
// that leads out of the folder is refused.
func (f *Folder) Fetch(number string, limit int64) (connectors.Copy, error) {
	name, err := f.Find(number)
	if err != nil {
		return connectors.Copy{}, err
	}
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return connectors.Copy{}, fmt.Errorf("documents: %w", err)
	}
	defer root.Close() //nolint:errcheck // read only
	// A pipe in the place of a file would block an open for reading.
	info, err := root.Stat(name)
	if err != nil {
		return connectors.Copy{}, fmt.Errorf("documents: %s: it does not lead to a file of the folder: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return connectors.Copy{}, fmt.Errorf("documents: %s is no regular file", name)
	}
	file, err := root.Open(name)
	if err != nil {
		return connectors.Copy{}, fmt.Errorf("documents: %w", err)
	}
	defer file.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return connectors.Copy{}, fmt.Errorf("documents: %s: %w", name, err)
	}
	if int64(len(body)) > limit {
		return connectors.Copy{}, fmt.Errorf("documents: %s is larger than %d bytes", name, limit)
	}
	if len(body) == 0 {
		return connectors.Copy{}, fmt.Errorf("documents: %s is empty", name)
	}
	return connectors.Copy{Name: name, Bytes: body}, nil
}

// settling is how long after a change of the folder its time cannot be trusted
// to tell a second change.
const settling = 2 * time.Second

// refresh lists the folder again where it has changed: one look at its time
// otherwise.
func (f *Folder) refresh() (*index, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, fmt.Errorf("documents: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("documents: %s is not a folder", f.path)
	}
	if f.index != nil && info.ModTime().Equal(f.changed) && f.listed.Sub(f.changed) > settling {
		return f.index, nil
	}
	entries, err := list(f.path)
	if err != nil {
		return nil, fmt.Errorf("documents: %w", err)
	}
	f.index, f.changed, f.listed = newIndex(entries), info.ModTime(), f.now()
	return f.index, nil
}

func list(path string) ([]string, error) {
	folder, err := os.Open(path) //nolint:gosec // named in the configuration
	if err != nil {
		return nil, err
	}
	defer folder.Close() //nolint:errcheck // read only
	var names []string
	for {
		entries, err := folder.ReadDir(1024)
		for _, entry := range entries {
			if entry.Type().IsRegular() || entry.Type()&fs.ModeSymlink != 0 {
				names = append(names, entry.Name())
			}
		}
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
