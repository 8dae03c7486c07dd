// Package inbox strings the reading of mail together: mailbox, message, match,
// and the record of what was found.
package inbox

import (
	"relanced/inbox/match"
	"relanced/inbox/message"
)

// Explanation is what is thought of one message and why: the object that
// `inbox explain --json` prints.
type Explanation struct {
	File       string      `json:"file"`
	Class      string      `json:"class"`
	Holds      bool        `json:"holds"`
	Bounce     *BounceView `json:"bounce"`
	Match      MatchView   `json:"match"`
	NewText    string      `json:"new_text"`
	Labels     []struct{}  `json:"labels"` // the reading of meaning fills them
	Invoices   []string    `json:"invoices"`
	ReturnOn   *string     `json:"return_on"`
	Language   *string     `json:"language"`
	Problems   []string    `json:"problems"`
	Why        []string    `json:"-"` // for people, as NotTrimmed
	NotTrimmed bool        `json:"-"`
}

// BounceView is a failure notice as shown. Status is the code that tells most.
type BounceView struct {
	Hard       bool            `json:"hard"`
	Action     *string         `json:"action"`
	Status     *string         `json:"status"`
	Recipients []RecipientView `json:"recipients"`
}

// RecipientView is one address of a notice.
type RecipientView struct {
	Address string  `json:"address"`
	Status  *string `json:"status"`
	Action  *string `json:"action"`
	Hard    bool    `json:"hard"`
	Class   string  `json:"-"`
	Text    string  `json:"-"`
}

// MatchView is whose message it is. Without a configuration it is nobody's.
type MatchView struct {
	Customer *string  `json:"customer"`
	Reminder *string  `json:"reminder"`
	Evidence []string `json:"evidence"`
	Level    string   `json:"-"`
}

// Named is a match in words: what codes and Message-IDs the ids stand for.
type Named struct {
	Customers []string // codes
	Reminder  string   // Message-ID of the reminder answered
	Result    *match.Result
}

// Explain says what a message is and why. It asks nobody: what a configuration
// and a store add comes in c and in named, which may be nil.
func Explain(file string, m *message.Message, c message.Context, named *Named) Explanation {
	v := m.Judge(c)
	e := Explanation{
		File: file, Class: string(v.Class), Holds: v.Holds, NewText: v.New.Text,
		Match:      MatchView{Evidence: []string{}, Level: string(match.None)},
		Labels:     []struct{}{},
		Invoices:   []string{},
		ReturnOn:   text(v.ReturnOn.String()),
		Language:   text(v.Language),
		Problems:   append([]string{}, m.Problems...),
		Why:        append([]string{}, v.Why...),
		NotTrimmed: v.New.NotTrimmed,
	}
	if r := m.Report; r != nil && e.Class == "bounce" {
		e.Bounce = &BounceView{Hard: r.Hard(), Action: text(r.Action()), Status: text(r.Status()), Recipients: []RecipientView{}}
		for _, x := range r.Recipients {
			e.Bounce.Recipients = append(e.Bounce.Recipients, RecipientView{
				Address: x.Address, Status: text(x.Status), Action: text(x.Action), Hard: x.Hard(), Class: string(x.Class), Text: x.Text,
			})
		}
	}
	if named != nil && named.Result != nil {
		r := named.Result
		e.Match.Level = string(r.Level)
		e.Match.Evidence = append(e.Match.Evidence, r.Evidence...)
		if len(named.Customers) > 0 {
			e.Match.Customer = text(named.Customers[0])
		}
		e.Match.Reminder = text(named.Reminder)
		for _, x := range r.Invoices {
			e.Invoices = append(e.Invoices, x.Number)
		}
	}
	return e
}

// text gives nil for what is absent.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
