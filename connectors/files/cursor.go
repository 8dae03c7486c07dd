package files

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"relanced/connectors"
	"relanced/connectors/files/ledger"
)

// place is the cursor: for each part (a fiscal year, a list, the electronic
// invoices) the last file that was accepted.
type place struct {
	Files    []accepted `json:"files"`
	Taken    []string   `json:"taken,omitempty"`    // short hashes of the last exports: an old one again must not undo a newer
	Replaced []string   `json:"replaced,omitempty"` // external ids of invoices that a corrected one stands instead of
}

// mostTaken is how many exports are remembered.
const mostTaken = 200

// accepted is a file whose last page was committed.
type accepted struct {
	Part    string          `json:"part"`
	Name    string          `json:"name"`
	Hash    string          `json:"hash"`
	AsOf    time.Time       `json:"as_of"`
	At      time.Time       `json:"at,omitzero"` // when the file was written
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

// after returns the cursor after a file was accepted.
func (p place) after(r staged) (connectors.Cursor, error) {
	a := r.accepted
	next := place{Files: slices.Clone(p.Files), Taken: p.Taken, Replaced: p.Replaced}
	if short := short(a.Hash); a.Part != electronic && !slices.Contains(next.Taken, short) {
		next.Taken = append(slices.Clone(next.Taken[max(0, len(next.Taken)+1-mostTaken):]), short)
	}
	for _, external := range r.replaced {
		if !slices.Contains(next.Replaced, external) {
			next.Replaced = append(slices.Clone(next.Replaced), external)
		}
	}
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

// replayed tells whether the very file was accepted before, and another of its
// kind after it.
func (p place) replayed(hash string) bool {
	last := slices.ContainsFunc(p.Files, func(a accepted) bool { return a.Hash == hash })
	return !last && slices.Contains(p.Taken, short(hash))
}

// older tells whether a file says what was true before another: two exports may
// end with the same entry and differ in what is settled.
func (a accepted) older(than accepted) bool {
	return a.AsOf.Before(than.AsOf) || a.AsOf.Equal(than.AsOf) && a.At.Before(than.At)
}

// exports names a part that is an export of the whole books, "" where there is none.
func (p place) exports() string {
	for _, f := range p.Files {
		if f.Part != electronic {
			return f.Part
		}
	}
	return ""
}

func short(hash string) string { return hash[:min(16, len(hash))] }

// year returns what is known of a fiscal year, nil where it was not loaded.
func (p place) year(siren string, year int) *ledger.Closing {
	for _, f := range p.Files {
		if f.Closing != nil && f.Closing.SIREN == siren && f.Closing.Year == year {
			return f.Closing
		}
	}
	return nil
}
