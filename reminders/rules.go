package reminders

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// version changes whenever Decide would answer otherwise on the same facts and
// rules: every customer is then looked at again.
const version = 2

// Identity is what Rules need to know of the company beside its reminders.
type Identity struct {
	ID       receivable.CompanyID
	Country  string
	Currency string
	Zone     *time.Location  // nil: UTC
	Kind     receivable.Kind // of customers nobody knows the kind of; "" leaves them unknown
	Rates    string          // version of the legal rates: part of the hash
}

// Rules is a company's compiled configuration. It is never changed once made,
// may be used by many goroutines, and costs nothing to hand on. The zero Rules is
// none: only Compile makes some.
type Rules struct{ *compiled }

type compiled struct {
	Company  Identity
	Mode     Mode
	Config   Config
	Window   calendar.Window // when messages may leave, without the client's own holidays
	hash     string
	plans    map[string]*plan
	byRule   []planRule
	fallback *plan
	holdWhen []holdRule
	exclude  []condition
	slots    *slots

	tinyInvoice, tinyCustomer int64 // minor units of the company's currency
}

// plan is a compiled plan.
type plan struct {
	name  string
	gap   calendar.Span
	steps []step

	overdue  int  // the first step that is not preventive; -1: none
	measured bool // some step has a least amount
}

// step is a compiled step.
type step struct {
	StepConfig
	index int
	wait  calendar.Span
}

type planRule struct {
	when condition
	plan *plan
}

type holdRule struct {
	when   condition
	reason dossier.Reason
	until  until
}

// Compile checks what the parts of the configuration say of each other, and
// makes the rules. Problems are reported on p, which stands at `reminders`;
// plans are checked by their own Check. The rules are usable only where p has
// got no problem.
func Compile(c Config, plans map[string]PlanConfig, company Identity, p *conf.Problems) Rules {
	if company.Zone == nil {
		company.Zone = time.UTC
	}
	r := Rules{&compiled{Company: company, Mode: c.Mode, Config: c, plans: map[string]*plan{}}}
	for name, config := range plans {
		r.plans[name] = compilePlan(name, config)
	}
	named := func(at *conf.Problems, name string) *plan {
		if r.plans[name] == nil {
			at.Addf("there is no plan %q; write one of %s", name, strings.Join(planNames(plans), ", "))
		}
		return r.plans[name]
	}
	compiled := func(at *conf.Problems, text string) condition {
		cond, err := compileCondition(text)
		if err != nil {
			at.Addf("%v", err)
		}
		return cond
	}
	r.fallback = named(p.At("plan"), c.Plan)
	for i, when := range c.PlansWhen {
		at := p.At("plans_when", i)
		r.byRule = append(r.byRule, planRule{compiled(at.At("if"), when.If), named(at.At("plan"), when.Plan)})
	}
	for i, when := range c.HoldWhen {
		if when.If == "" {
			continue // reported by Check
		}
		until, _ := parseUntil(when.Until) // reported by Check
		r.holdWhen = append(r.holdWhen, holdRule{compiled(p.At("hold_when", i, "if"), when.If), when.Reason, until})
	}
	for i, text := range c.ExcludeWhen {
		r.exclude = append(r.exclude, compiled(p.At("exclude_when", i), text))
	}

	region := c.Window.Holidays
	if region == "" {
		region = calendar.RegionOf(company.Country, "")
	}
	r.Window = calendar.Window{
		Calendar: calendar.Calendar{Week: c.Window.Days, Regions: []calendar.Region{region}, Closures: c.Closures}.Remembered(),
		Hours:    c.Window.Hours,
		Zone:     company.Zone,
	}
	r.slots = newSlots(c.Schedule, r.Window)
	r.tinyInvoice = r.threshold(c.Tiny.Invoice, company.Currency).Minor
	r.tinyCustomer = r.threshold(c.Tiny.Customer, company.Currency).Minor
	r.hash = r.digest(c, plans)
	return r
}

func compilePlan(name string, c PlanConfig) *plan {
	p := &plan{name: name, gap: c.Gap, overdue: slices.IndexFunc(c.Steps, func(s StepConfig) bool { return !s.preventive() })}
	if p.gap.IsZero() {
		p.gap = defaultGap
	}
	for i, s := range c.Steps {
		if s.Covers == "" {
			s.Covers = CoversAll
		}
		if s.Legal == "" {
			s.Legal = LegalNone
		}
		p.measured = p.measured || !s.MinAmount.IsZero()
		wait := s.Wait
		if wait.IsZero() {
			wait = defaultWait
		}
		p.steps = append(p.steps, step{StepConfig: s, index: i, wait: wait})
	}
	return p
}

// Hash names all that Decide reads besides the dossier: where it changes, every
// customer of the company is to be decided again.
func (r Rules) Hash() string { return r.hash }

func (r Rules) digest(c Config, plans map[string]PlanConfig) string {
	text, err := json.Marshal(struct {
		Version int
		Company Identity
		Zone    string
		Config  Config
		Plans   map[string]PlanConfig
	}{version, r.Company, r.Company.Zone.String(), c, plans})
	if err != nil {
		panic(fmt.Errorf("reminders: hash of the rules: %w", err)) // plain data always marshals
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12])
}

// WorkDays returns the calendar that spans of working days are counted in.
func (r Rules) WorkDays() calendar.Calendar { return r.Window.Calendar }

// WindowOf returns when messages may leave to the customer: the company's
// window, less the public holidays where the customer is. A company that wants
// no holidays gets none.
func (r Rules) WindowOf(c dossier.Customer) calendar.Window {
	return r.slots.to(r.regionOf(&c)).window
}

func (r Rules) regionOf(c *dossier.Customer) calendar.Region {
	if slices.Contains(r.Window.Calendar.Regions, calendar.NoHolidays) {
		return calendar.NoHolidays
	}
	if c.Country == "" {
		return calendar.NoHolidays
	}
	return calendar.RegionOf(c.Country, c.Postcode)
}

// backlogBefore returns the day before which what fell due is backlog; the zero
// Date: nothing is.
func (r Rules) backlogBefore(c *dossier.Company) calendar.Date {
	if r.Config.Start.From != 0 || c.FirstConfirmedAt.IsZero() {
		return r.Config.Start.From
	}
	return r.slots.dates.Of(c.FirstConfirmedAt).AddDays(-60)
}

// PaymentsStale tells whether the newest payment in the books (or the day up to
// which a person says they are entered) is too old for reminders to leave alone.
func (r Rules) PaymentsStale(newest calendar.Date, now time.Time) bool {
	if newest.IsZero() {
		return true
	}
	today := calendar.DateOf(now.In(r.Company.Zone))
	return r.WorkDays().AddSpan(newest, r.Config.MaxPaymentsAge) < today
}

// threshold returns an amount of major units of the company's currency as one
// of the currency: of like worth where the currency is another.
func (r Rules) threshold(major decimal.Decimal, currency string) money.Amount {
	if currency != r.Company.Currency {
		scaled, err := major.Mul(decimal.MustNew(worth(currency), 0))
		if err == nil {
			scaled, err = scaled.Quo(decimal.MustNew(worth(r.Company.Currency), 0))
		}
		if err == nil {
			major = scaled
		}
	}
	return r.plain(major, currency)
}

// worth is about how many of the currency's major units are worth one of a
// currency with decimals.
func worth(currency string) int64 {
	switch {
	case currency == "XOF", currency == "XAF":
		return 500
	case money.Digits(currency) == 0:
		return 100
	}
	return 1
}

// tinyOf returns a threshold in minor units of the currency; own is the one in
// the company's currency.
func (r Rules) tinyOf(major decimal.Decimal, own int64, currency string) int64 {
	if currency == r.Company.Currency {
		return own
	}
	return r.threshold(major, currency).Minor
}

// plain returns the amount of as many major units of the currency.
func (r Rules) plain(major decimal.Decimal, currency string) money.Amount {
	amount, err := money.Round(major, currency)
	if err != nil {
		return money.Amount{Currency: currency}
	}
	return amount
}

// until is the end of a hold as configured.
type until struct {
	on    calendar.Date
	after *calendar.Span // from the due date
}

func parseUntil(text string) (until, error) {
	if text == "" {
		return until{}, nil
	}
	if on, err := calendar.ParseDate(text); err == nil {
		return until{on: on}, nil
	}
	span, err := calendar.ParseSpan(strings.TrimPrefix(text, "due+"))
	if err != nil {
		return until{}, fmt.Errorf("%q is no end of a hold (write a date, a duration after the due date, or due+5wd)", text)
	}
	return until{after: &span}, nil
}

// of returns the first day on which a hold of the line no longer holds; the
// zero Date: never.
func (u until) of(l *dossier.Line, days calendar.Calendar) calendar.Date {
	if u.after != nil && !l.DueOn.IsZero() {
		return days.AddSpan(l.DueOn, *u.after)
	}
	return u.on
}
