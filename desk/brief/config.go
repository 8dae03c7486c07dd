package brief

import (
	"slices"

	"relanced/desk/actions"
	"relanced/internal/conf"
	"relanced/internal/email"
)

// Config is the key `brief` of a company: the morning's work list.
type Config struct {
	Schedule conf.Schedule `yaml:"schedule"` // in the company's zone; none on public holidays
	To       []string      `yaml:"to" doc:"addresses"`
	MaxItems int           `yaml:"max_items" doc:"beyond it, drafts show their first lines only"` // beyond it, drafts show their first lines only
	Empty    Empty         `yaml:"empty" doc:"what happens with nothing to say"`
}

// Empty is what happens on a morning with nothing to say.
type Empty string

// The ways: no mail, or one line.
const (
	EmptySilent Empty = "silent"
	EmptyShort  Empty = "short"
)

// Values lists the words.
func (Empty) Values() []string { return []string{string(EmptySilent), string(EmptyShort)} }

// Defaults fills in what config.md shows. Without addresses there is no brief.
func (c *Config) Defaults() {
	c.Schedule = conf.MustSchedule("30 7 * * 1-5")
	c.MaxItems = 15
	c.Empty = EmptySilent
}

// Member is an entry of the key `team`: somebody who handles customers.
type Member struct {
	Name  string  `yaml:"name"`
	Email string  `yaml:"email"`
	Phone string  `yaml:"phone"`
	May   []Right `yaml:"may" doc:"what answers of this member can do"`

	Handles conf.Later `yaml:"handles"`
	Away    conf.Later `yaml:"away"`
	Deputy  conf.Later `yaml:"deputy"`
}

// Right is something a member may do by answering a mail.
type Right = actions.Right

// The rights.
const (
	MayApprove = actions.MayApprove
	MayHold    = actions.MayHold
	MayAll     = actions.MayAll
)

// Can tells whether the member may do that.
func (m Member) Can(right Right) bool {
	return slices.Contains(m.May, right) || slices.Contains(m.May, MayAll)
}

// May tells what somebody may do, given the team: whoever is not on it may do
// everything, having the program itself in hand.
func May(team []Member, by string, right Right) bool {
	for _, m := range team {
		if email.SameAddress(m.Email, by) {
			return m.Can(right)
		}
	}
	return true
}

// Check reports what is wrong in the brief, given who is on the team. p stands
// at `brief`.
func (c Config) Check(team []Member, p *conf.Problems) {
	if _, written := p.Node(); !written {
		return
	}
	if len(c.To) == 0 {
		p.At("to").Addf("the brief goes to nobody: write to: [ADDRESS], or remove it")
	}
	for i, address := range c.To {
		at := p.At("to", i)
		if err := email.CheckAddress(address); err != nil {
			at.Addf("%v", err)
			continue
		}
		if slices.ContainsFunc(c.To[:i], func(other string) bool { return email.SameAddress(other, address) }) {
			at.Addf("%s is listed twice", address)
		}
		if !slices.ContainsFunc(team, func(m Member) bool { return email.SameAddress(m.Email, address) }) {
			at.Warnf("%s is not on the team: answers from there are refused", address)
		}
	}
	if c.MaxItems <= 0 {
		p.At("max_items").Addf("%d drafts in full: write at least 1", c.MaxItems)
	}
}

// CheckTeam reports what is wrong in the team. p stands at `team`.
func CheckTeam(team []Member, p *conf.Problems) {
	for i, m := range team {
		at := p.At(i)
		if m.Email == "" {
			at.At("email").Addf("a member of the team needs an email")
			continue
		}
		if err := email.CheckAddress(m.Email); err != nil {
			at.At("email").Addf("%v", err)
			continue
		}
		if slices.ContainsFunc(team[:i], func(o Member) bool { return email.SameAddress(o.Email, m.Email) }) {
			at.At("email").Addf("%s is on the team already", m.Email)
		}
	}
}

// bare is a Config without its way of being written.
type bare Config

// Parts are the keys to write: none where there is no brief.
func (c Config) Parts() []any {
	if len(c.To) == 0 {
		return nil
	}
	return []any{bare(c)}
}
