package files

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"relanced/connectors"
	"relanced/connectors/files/ledger"
)

// place is the cursor: for each part (a fiscal year, a list) the last file that
// was accepted.
type place struct {
	Files []accepted `json:"files"`
}

// accepted is a file whose last page was committed.
type accepted struct {
	Part    string          `json:"part"`
	Name    string          `json:"name"`
	Hash    string          `json:"hash"`
	AsOf    time.Time       `json:"as_of"`
	Closing *ledger.Closing `json:"closing,omitempty"`
	Redo    bool            `json:"redo,omitempty"` // the same file may say more now
}

func parseCursor(c connectors.Cursor) (place, error) {
	var p place
	if len(c) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(c, &p); err != nil {
		return p, fmt.Errorf("files: read cursor: %w", err)
	}
	return p, nil
}

// with returns the cursor after a file was accepted.
func (p place) with(a accepted) (connectors.Cursor, error) {
	next := place{Files: slices.Clone(p.Files)}
	if old := next.part(a.Part); old != nil {
		*old = a
	} else {
		next.Files = append(next.Files, a)
	}
	if c := a.Closing; c != nil {
		for i := range next.Files {
			if f := &next.Files[i]; f.Closing != nil && f.Closing.SIREN == c.SIREN && f.Closing.Year == c.Year+1 {
				f.Redo = true
			}
		}
	}
	body, err := json.Marshal(next)
	if err != nil {
		return nil, fmt.Errorf("files: write cursor: %w", err)
	}
	return connectors.Cursor(body), nil
}

// knows tells whether the very file is the last that was accepted of its part.
func (p place) knows(hash string) bool {
	return slices.ContainsFunc(p.Files, func(a accepted) bool { return a.Hash == hash && !a.Redo })
}

// year returns what is known of a fiscal year, nil where it was not loaded.
func (p place) year(siren string, year int) *ledger.Closing {
	for _, f := range p.Files {
		if f.Closing != nil && f.Closing.SIREN == siren && f.Closing.Year == year {
			return f.Closing
		}
	}
	return nil
}
