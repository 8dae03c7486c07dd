package reminders

import (
	"maps"
	"slices"

	"github.com/govalues/decimal"

	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/dossier"
	"relanced/internal/legal"
)

// Config is the key `reminders` of a company.
type Config struct {
	Mode           Mode                 `yaml:"mode"`
	Plan           string               `yaml:"plan"`
	PlansWhen      []PlanWhen           `yaml:"plans_when"`
	Schedule       conf.Schedule        `yaml:"schedule"` // when new reminders are proposed, in the company's zone
	Window         WindowConfig         `yaml:"window"`
	Closures       []calendar.DateRange `yaml:"closures"`
	Start          StartConfig          `yaml:"start"`
	MaxBatch       int                  `yaml:"max_batch,omitempty"` // 0: three times the largest day of the last 60, at least 20
	MaxPaymentsAge calendar.Span        `yaml:"max_payments_age"`
	Grace          calendar.Span        `yaml:"grace"`
	Caps           CapsConfig           `yaml:"caps"`
	Tiny           TinyConfig           `yaml:"tiny"`
	Legal          LegalConfig          `yaml:"legal"`
	Holds          HoldsConfig          `yaml:"holds"`
	HoldWhen       []HoldWhen           `yaml:"hold_when"`
	ExcludeWhen    []string             `yaml:"exclude_when"`
	Attach         AttachConfig         `yaml:"attach"`
	Thanks         Thanks               `yaml:"thanks"`

	GroupBy   conf.Later `yaml:"group_by"`
	PayTo     conf.Later `yaml:"pay_to"`
	AutoApply conf.Later `yaml:"auto_apply"`
}

// Defaults fills in what a company gets that says nothing.
func (c *Config) Defaults() { *c = Default() }

// Values lists the modes.
func (Mode) Values() []string { return []string{string(ModeOff), string(ModeReview), string(ModeAuto)} }

// Values lists the ways to meet the backlog.
func (Older) Values() []string {
	return []string{string(OlderTask), string(OlderIgnore), string(OlderFirst)}
}

// Values lists when customers can be thanked.
func (Thanks) Values() []string { return []string{string(ThanksNone), string(ThanksPaid)} }

// Mode is what happens to a reminder once it is decided.
type Mode string

// The modes: nothing is proposed, a person approves each, they leave alone.
const (
	ModeOff    Mode = "off"
	ModeReview Mode = "review"
	ModeAuto   Mode = "auto"
)

// PlanWhen chooses a plan where a condition holds; the first that holds wins.
type PlanWhen struct {
	If   string `yaml:"if"`
	Plan string `yaml:"plan"`
}

// WindowConfig says when messages may leave. Without a region of holidays it is
// the company's country.
type WindowConfig struct {
	Days     calendar.Weekdays `yaml:"days"`
	Hours    calendar.Hours    `yaml:"hours"`
	Holidays calendar.Region   `yaml:"holidays"`
}

// StartConfig is how the backlog of day one is met.
type StartConfig struct {
	From    calendar.Date `yaml:"from"` // absent: 60 days before the first confirmation
	Older   Older         `yaml:"older"`
	History string        `yaml:"history"` // a CSV file; its lines become facts when their invoices are first seen
}

// Older is what happens to invoices due before the start.
type Older string

// The ways: a task for each customer, nothing, the ladder from its first step.
const (
	OlderTask   Older = "task"
	OlderIgnore Older = "ignore"
	OlderFirst  Older = "first"
)

// CapsConfig limits how often one customer is written to. Zero is no limit.
type CapsConfig struct {
	PerDay int `yaml:"per_day"`
	Per30d int `yaml:"per_30d"`
}

// TinyConfig is up to what balance nobody is chased, in major units of the
// company's currency. Other currencies have thresholds of like worth.
type TinyConfig struct {
	Invoice  decimal.Decimal `yaml:"invoice"`
	Customer decimal.Decimal `yaml:"customer"`
}

// DefaultTiny is what a company with that currency gets that says nothing.
func DefaultTiny(currency string) TinyConfig {
	return TinyConfig{Invoice: decimal.MustNew(worth(currency), 0), Customer: decimal.MustNew(15*worth(currency), 0)}
}

// LegalConfig chooses the law of penalties and fees.
type LegalConfig struct {
	Preset       string             `yaml:"preset"` // a code of package legal, or auto: by country and kind
	ContractRate legal.ContractRate `yaml:"contract_rate"`
}

// HoldsConfig is how long each kind of hold lasts.
type HoldsConfig struct {
	Reply        HoldSpan      `yaml:"reply"`
	ReplyNag     calendar.Span `yaml:"reply_nag"`
	Conversation HoldSpan      `yaml:"conversation"`
	Ack          HoldSpan      `yaml:"ack"`
	Thanks       HoldSpan      `yaml:"thanks"`
	PaidClaim    HoldSpan      `yaml:"paid_claim"`
	Cheque       HoldSpan      `yaml:"cheque"`
	Promise      calendar.Span `yaml:"promise"` // after the promised day
}

// HoldSpan is a length of time, or until a person says: the word "ask".
type HoldSpan struct {
	Ask  bool
	Span calendar.Span
}

// For is a hold of a fixed length.
func For(s calendar.Span) HoldSpan { return HoldSpan{Span: s} }

// MarshalText writes the span as UnmarshalText reads it.
func (h HoldSpan) MarshalText() ([]byte, error) {
	if h.Ask {
		return []byte("ask"), nil
	}
	return h.Span.MarshalText()
}

// UnmarshalText reads "ask" or a span.
func (h *HoldSpan) UnmarshalText(text []byte) error {
	if string(text) == "ask" {
		*h = HoldSpan{Ask: true}
		return nil
	}
	h.Ask = false
	return h.Span.UnmarshalText(text)
}

// Until returns the first day on which a hold that begins on the day no longer
// holds; the zero Date: when a person says.
func (h HoldSpan) Until(from calendar.Date, days calendar.Calendar) calendar.Date {
	if h.Ask {
		return 0
	}
	return days.AddSpan(from, h.Span)
}

// HoldWhen holds invoices for which a condition holds.
type HoldWhen struct {
	If     string         `yaml:"if"`
	Reason dossier.Reason `yaml:"reason"`
	Until  string         `yaml:"until"` // a date, a duration from the due date, or due+5wd; absent: as long as the condition holds
}

// AttachConfig is which invoice copies go with a message.
type AttachConfig struct {
	Invoices string    `yaml:"invoices"` // overdue, all, none
	Max      int       `yaml:"max"`
	MaxSize  conf.Size `yaml:"max_size"`

	Statement conf.Later `yaml:"statement"`
}

// Thanks is when a customer is thanked.
type Thanks string

// Never, or when all that reminders of the case demanded has been paid.
const (
	ThanksNone Thanks = "none"
	ThanksPaid Thanks = "paid"
)

// Default returns what a company gets that says nothing.
func Default() Config {
	return Config{
		Mode:           ModeReview,
		Plan:           "standard",
		Schedule:       conf.MustSchedule("0 7 * * 1-5"),
		Window:         WindowConfig{Days: calendar.MondayToFriday, Hours: calendar.Hours{From: 8*60 + 30, To: 18*60 + 30}},
		Start:          StartConfig{Older: OlderTask},
		MaxPaymentsAge: calendar.WorkDays(5),
		Grace:          calendar.WorkDays(2),
		Caps:           CapsConfig{PerDay: 1, Per30d: 4},
		Tiny:           DefaultTiny("EUR"),
		Legal:          LegalConfig{Preset: "auto", ContractRate: legal.ContractRate{Set: true, TimesLegal: true}},
		Holds: HoldsConfig{
			Reply:        HoldSpan{Ask: true},
			ReplyNag:     calendar.WorkDays(5),
			Conversation: For(calendar.WorkDays(7)),
			Ack:          For(calendar.WorkDays(3)),
			Thanks:       For(calendar.WorkDays(3)),
			PaidClaim:    For(calendar.WorkDays(5)),
			Cheque:       For(calendar.Days(7)),
			Promise:      calendar.WorkDays(2),
		},
		Attach: AttachConfig{Invoices: "overdue", Max: 10, MaxSize: 8_000_000},
		Thanks: ThanksNone,
	}
}

// Check reports what is wrong within the key. Names of plans and the syntax of
// conditions are checked by Compile, which knows the plans.
func (c Config) Check(p *conf.Problems) {
	oneOf(p.At("mode"), c.Mode, ModeOff, ModeReview, ModeAuto)
	oneOf(p.At("thanks"), c.Thanks, ThanksNone, ThanksPaid)
	oneOf(p.At("start", "older"), c.Start.Older, OlderTask, OlderIgnore, OlderFirst)
	oneOf(p.At("attach", "invoices"), c.Attach.Invoices, "overdue", "all", "none")
	if c.Legal.Preset != "auto" {
		if _, err := legal.Find(c.Legal.Preset); err != nil {
			p.At("legal", "preset").Addf("%v", err)
		}
	}
	notNegative(p.At("max_batch"), c.MaxBatch)
	notNegative(p.At("attach", "max"), c.Attach.Max)
	notNegative(p.At("caps", "per_day"), c.Caps.PerDay)
	notNegative(p.At("caps", "per_30d"), c.Caps.Per30d)
	if c.Window.Days == 0 {
		p.At("window", "days").Addf("no day at all: nothing could ever leave; write mon-fri")
	}
	for key, span := range map[string]calendar.Span{
		"grace": c.Grace, "max_payments_age": c.MaxPaymentsAge,
	} {
		if negative(span) {
			p.At(key).Addf("%s is negative", span)
		}
	}
	for key, hold := range map[string]HoldSpan{
		"reply": c.Holds.Reply, "conversation": c.Holds.Conversation, "ack": c.Holds.Ack, "thanks": c.Holds.Thanks,
		"paid_claim": c.Holds.PaidClaim, "cheque": c.Holds.Cheque, "promise": For(c.Holds.Promise), "reply_nag": For(c.Holds.ReplyNag),
	} {
		if negative(hold.Span) {
			p.At("holds", key).Addf("%s is negative", hold.Span)
		}
	}
	if c.Tiny.Invoice.IsNeg() {
		p.At("tiny", "invoice").Addf("%s is negative", c.Tiny.Invoice)
	}
	if c.Tiny.Customer.IsNeg() {
		p.At("tiny", "customer").Addf("%s is negative", c.Tiny.Customer)
	}
	for i, when := range c.HoldWhen {
		at := p.At("hold_when", i)
		if when.If == "" {
			at.Addf("a hold without `if` would hold everything; write a condition")
		}
		if !slices.Contains(holdReasons, when.Reason) {
			at.At("reason").Addf("%q is not a reason to hold; write one of %v", when.Reason, holdReasons)
		}
		if _, err := parseUntil(when.Until); err != nil {
			at.At("until").Addf("%v", err)
		}
	}
}

// The reasons that a condition may give.
var holdReasons = []dossier.Reason{
	dossier.DirectDebit, dossier.Assigned, dossier.Disputed, dossier.Arranged, dossier.Excluded,
	dossier.Insolvent, dossier.Legal, dossier.Manual, dossier.Objection, dossier.ProbablyPaid, dossier.Promised,
}

func oneOf[T ~string](p *conf.Problems, got T, allowed ...T) {
	if !slices.Contains(allowed, got) {
		p.Addf("%q is not known; write one of %v", got, allowed)
	}
}

func notNegative(p *conf.Problems, n int) {
	if n < 0 {
		p.Addf("%d is negative", n)
	}
}

func negative(s calendar.Span) bool { return s.Days < 0 || s.WorkDays < 0 || s.Clock < 0 }

// planNames returns the names of plans in order, for messages.
func planNames(plans map[string]PlanConfig) []string { return slices.Sorted(maps.Keys(plans)) }
