package customersfile

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Mark remembers which state of the file was read. It is small and may be kept
// in the store; the zero Mark is "never read".
type Mark struct {
	Size int64     `json:"size"`
	At   time.Time `json:"at"`
	Hash string    `json:"hash"`
}

// settling is how close to a look a change may be for the clock of the disk to
// hide it: a file younger than this is always compared by its content.
const settling = 3 * time.Second

// Changed tells whether the file differs from what the mark remembers, and the
// mark of what it is now. Where size and time are the same it reads nothing.
func Changed(path string, last Mark, now time.Time) (bool, Mark, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, last, fmt.Errorf("customers' file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return false, last, fmt.Errorf("customers' file %s: %w", path, errors.New("not a regular file"))
	}
	if last.Hash != "" && info.Size() == last.Size && info.ModTime().Equal(last.At) && now.Sub(info.ModTime()) > settling {
		return false, last, nil
	}
	file, err := os.Open(path) //nolint:gosec // named in the configuration
	if err != nil {
		return false, last, fmt.Errorf("customers' file: %w", err)
	}
	defer file.Close() //nolint:errcheck // read only
	hash := sha256.New()
	if _, err := io.Copy(hash, io.LimitReader(file, maxSize+1)); err != nil {
		return false, last, fmt.Errorf("customers' file %s: %w", path, err)
	}
	mark := Mark{Size: info.Size(), At: info.ModTime(), Hash: fmt.Sprintf("%x", hash.Sum(nil))}
	return mark.Hash != last.Hash, mark, nil
}
