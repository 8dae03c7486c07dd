package sql

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"relanced/connectors"
)

// cursor is where a connection's reading stands.
type cursor struct {
	Version  int    `json:"v"`
	Database string `json:"database,omitempty"` // whose books these are
	Manifest string `json:"manifest,omitempty"` // hash of the queries: other ones begin again

	// Of a reading under way: the section, whether it is a listing of everything,
	// the last key that was committed, and the marks for when all is read.
	Began   time.Time       `json:"began,omitzero"`
	Section string          `json:"section,omitempty"`
	Full    bool            `json:"full,omitempty"`
	After   any             `json:"after,omitempty"`
	Coming  map[string]mark `json:"coming,omitempty"`

	Marks map[string]mark `json:"marks,omitempty"` // by section: changes up to here are known
}

func readCursor(since connectors.Cursor) (cursor, error) {
	cur := cursor{Version: 1}
	if len(since) == 0 || string(since) == "null" {
		return cur, nil
	}
	d := json.NewDecoder(bytes.NewReader(since))
	d.UseNumber()
	if err := d.Decode(&cur); err != nil {
		return cur, fmt.Errorf("sql: stored cursor: %w", err)
	}
	if n, ok := cur.After.(json.Number); ok {
		whole, err := n.Int64()
		if err != nil {
			return cur, fmt.Errorf("sql: stored cursor: %w", err)
		}
		cur.After = whole
	}
	return cur, nil
}

func (cur cursor) next() connectors.Cursor {
	text, _ := json.Marshal(cur) // plain fields: cannot fail
	return text
}

// mark is the largest value of a `changed` column when a reading began: an
// instant, a whole number, or a text that is one of them.
type mark struct {
	At   *time.Time `json:"at,omitempty"`
	N    *int64     `json:"n,omitempty"`
	Text string     `json:"text,omitempty"`
	Seen time.Time  `json:"seen,omitzero"` // when it was first found, by our clock
}

// How far before the mark changes are asked for again: what was changed then may
// have become visible since, and clocks tell whole minutes in some products. A
// mark that has stood for the overlap hides nothing any more.
const (
	overlapTime  = 10 * time.Minute
	overlapCount = 1000
)

// markOf reads the largest value that a driver gave; the zero mark is none.
func markOf(v any) mark {
	switch v := v.(type) {
	case time.Time:
		return mark{At: &v}
	case int64:
		return mark{N: &v}
	case nil:
		return mark{}
	}
	text := fmt.Sprint(v)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return mark{N: &n}
	}
	return mark{Text: text}
}

func (m mark) none() bool { return m.At == nil && m.N == nil && m.Text == "" }

// same tells whether nothing was changed since the other was found.
func (m mark) same(other mark) bool {
	switch {
	case m.At != nil && other.At != nil:
		return m.At.Equal(*other.At)
	case m.N != nil && other.N != nil:
		return *m.N == *other.N
	}
	return m.At == nil && other.At == nil && m.N == nil && other.N == nil && m.Text == other.Text
}

// instants are the ways in which SQLite's users write an instant.
var instants = []string{
	"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02",
}

// after is the condition on the `changed` column for what the mark does not
// cover, at a moment: what comes after it, or from the overlap before it.
func (m mark) after(d *dialect, now time.Time) (operator string, value any) {
	if now.Sub(m.Seen) > overlapTime {
		return ">", m.less(d, 0, 0)
	}
	return ">=", m.less(d, overlapTime, overlapCount)
}

// less is the mark as a parameter, so much earlier.
func (m mark) less(d *dialect, t time.Duration, n int64) any {
	switch {
	case m.At != nil:
		return d.moment(m.At.Add(-t))
	case m.N != nil:
		return *m.N - n
	case t == 0:
		return m.Text
	}
	for _, layout := range instants {
		if at, err := time.Parse(layout, m.Text); err == nil {
			if i := strings.IndexByte(m.Text, '.'); i >= 0 { // as many decimals as the text has
				digits := len(m.Text) - i - 1 - len(strings.TrimLeft(m.Text[i+1:], "0123456789"))
				layout = strings.Replace(layout, ".999999999", "."+strings.Repeat("0", digits), 1)
			}
			return at.Add(-t).Format(layout)
		}
	}
	return m.Text
}
