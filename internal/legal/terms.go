package legal

import (
	"fmt"
	"strings"

	"relanced/internal/calendar"
)

// ContractRate is the yearly rate of the contract. The zero ContractRate is
// none: the preset's own rate counts.
type ContractRate struct {
	Set        bool
	TimesLegal bool // three times the French legal rate: the least a contract may say
	Percent    Percent
}

// UnmarshalText reads "3x_legal", or a yearly percentage ("12.40").
func (c *ContractRate) UnmarshalText(text []byte) error {
	if strings.EqualFold(strings.TrimSpace(string(text)), "3x_legal") {
		*c = ContractRate{Set: true, TimesLegal: true}
		return nil
	}
	rate, err := ParsePercent(string(text))
	if err != nil {
		return fmt.Errorf("%w, or 3x_legal", err)
	}
	*c = ContractRate{Set: true, Percent: rate}
	return nil
}

// MarshalText writes what UnmarshalText reads, and "" for none.
func (c ContractRate) MarshalText() ([]byte, error) {
	switch {
	case !c.Set:
		return nil, nil
	case c.TimesLegal:
		return []byte("3x_legal"), nil
	}
	return c.Percent.MarshalText()
}

// Terms are the law and the contract that a claim stands under.
type Terms struct {
	Preset   Preset
	Contract ContractRate
}

// Floor returns the least rate a French contract may say on a day: three times
// the legal rate of its semester.
func Floor(d calendar.Date) (Percent, error) {
	rate, err := LegalBusiness.In(SemesterOf(d))
	return 3 * rate, err
}

// Below is a contract rate under the floor of a semester; the floor was used.
type Below struct {
	Semester Semester
	Rate     Percent
	Floor    Percent
}

// String says it in a sentence for the log.
func (b Below) String() string {
	return fmt.Sprintf("the contract rate of %s %% is below three times the legal rate (%s %%) for %s: the latter is used",
		b.Rate, b.Floor, b.Semester)
}

// RateOn returns the rate that a day bears for interest that started on the
// same day: what is true of a claim falling due the day before.
func (t Terms) RateOn(d calendar.Date) (Percent, error) {
	rate, _, err := t.rate(d, d, d.AddDays(-1))
	return rate, err
}

// rate returns what day d bears where interest began on the day first for a
// debt due on the day due; below is set where the floor replaced the contract.
func (t Terms) rate(d, first, due calendar.Date) (rate Percent, below *Below, err error) {
	p := t.Preset
	if t.contractual() {
		if !p.Floor {
			return t.Contract.Percent, nil, nil
		}
		floor, err := Floor(d)
		if err != nil {
			return 0, nil, err
		}
		if !t.Contract.TimesLegal && t.Contract.Percent < floor {
			below = &Below{SemesterOf(d), t.Contract.Percent, floor}
		}
		return max(t.Contract.Percent, floor), below, nil
	}
	if p.Reference == "" {
		return p.Margin, nil, nil
	}
	switch p.Mode {
	case Frozen:
		d = first
	case FrozenOnDue:
		d = due
	}
	base, err := p.Reference.In(SemesterOf(d))
	if err != nil {
		return 0, nil, err
	}
	rate = base + p.Margin
	if p.HalfPoint {
		rate = (rate + 49) / 50 * 50
	}
	return rate, nil, nil
}

// contractual tells whether the contract's rate replaces the preset's. Three
// times the French legal rate means nothing where that floor does not apply.
func (t Terms) contractual() bool {
	return t.Contract.Set && !t.Preset.NoContract && (t.Preset.Floor || !t.Contract.TimesLegal)
}

// varies tells whether the rate may change at the end of a semester.
func (t Terms) varies() bool {
	if t.contractual() {
		return t.Preset.Floor
	}
	return t.Preset.Mode == BySemester && t.Preset.Reference != ""
}
