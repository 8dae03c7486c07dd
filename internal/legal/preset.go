package legal

import (
	"fmt"
	"strings"

	"relanced/internal/calendar"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// Code names a preset: "FR-B2B".
type Code string

// Mode is how a rate follows its reference.
type Mode int

// The modes.
const (
	BySemester  Mode = iota // each day bears its semester's rate
	Frozen                  // the rate of the semester in which interest starts
	FrozenOnDue             // the rate of the semester of the due date
	ByContract              // what the contract says
)

// Start is when interest begins to run.
type Start int

// The starts: interest runs from the day after.
const (
	AfterDue     Start = iota // the due date
	AfterDefault              // the due date, or the day default began where one is given
	AfterNotice               // the formal notice
)

// Preset is the law on late payment of one country for one kind of customer. The
// zero Preset adds nothing and says nothing.
type Preset struct {
	Code       Code
	Currency   string    // of the country, where nothing else tells one
	Reference  Reference // "": Margin is the whole rate; 0 % is none
	Margin     Percent
	HalfPoint  bool // the sum is rounded up to the next half point
	Mode       Mode
	Start      Start
	Floor      bool // a contract rate is three times the legal rate at least
	NoContract bool // a contract rate does not replace the preset's
	Fees       []Tier
	Consumer   bool // words for a consumer, no fee
	Limitation Limitation
	Words      map[string]Words // by language: "fr", "en"
}

// Tier is a fixed recovery fee for debts below an amount; the last tier has none.
type Tier struct {
	Below money.Amount
	Fee   money.Amount
}

// Fee returns the fixed fee for a debt. A debt in another currency than the
// tiers' is not converted: the first tier counts.
func (p Preset) Fee(debt money.Amount) money.Amount {
	for _, tier := range p.Fees {
		if tier.Below.IsZero() || tier.Below.Currency != debt.Currency || debt.Cmp(tier.Below) < 0 {
			return tier.Fee
		}
	}
	return money.Amount{}
}

// Find returns the preset of a code, of any case; "GB-…" is "UK-…".
func Find(code string) (Preset, error) {
	wanted := strings.ToUpper(strings.TrimSpace(code))
	if rest, ok := strings.CutPrefix(wanted, "GB-"); ok {
		wanted = "UK-" + rest
	}
	codes := make([]string, 0, len(presets))
	for _, p := range presets {
		if string(p.Code) == wanted {
			return p, nil
		}
		codes = append(codes, string(p.Code))
	}
	return Preset{}, fmt.Errorf("%q is not a legal preset (write one of %s)", code, strings.Join(codes, ", "))
}

// Auto returns the preset for a creditor's country (ISO 3166-1 alpha-2) and a
// kind of customer. An unknown kind counts as a consumer. Where no preset
// applies it is the zero Preset.
func Auto(country string, kind receivable.Kind) Preset {
	country = strings.ToUpper(strings.TrimSpace(country))
	business := kind == receivable.KindBusiness || kind == receivable.KindSoleTrader || kind == receivable.KindPublic
	code := ""
	switch {
	case country == "FR" && kind == receivable.KindPublic:
		code = "FR-PUBLIC"
	case country == "FR" && !business:
		code = "FR-B2C"
	case country == "DE" && !business:
		code = "DE-B2C"
	case !business:
		return Preset{}
	case country == "GB" || country == "UK":
		code = "UK-B2B"
	case country == "US" || country == "CA":
		code = country
	default:
		code = country + "-B2B"
	}
	if p, err := Find(code); err == nil {
		return p
	}
	if union[country] {
		p, _ := Find("EU-B2B")
		return p
	}
	return Preset{}
}

// The members of the European Union without a preset of their own.
var union = map[string]bool{
	"AT": true, "BG": true, "CY": true, "CZ": true, "DK": true, "EE": true, "FI": true, "GR": true, "HR": true,
	"HU": true, "LT": true, "LV": true, "MT": true, "PL": true, "RO": true, "SE": true, "SI": true, "SK": true,
}

// Limitation is when a claim is time-barred. The zero Limitation is not known.
type Limitation struct {
	Years        int
	FromYearEnd  bool // the years run from the end of the year of the due date
	WrittenClaim bool // any written claim for payment starts it anew
}

// ExpiresOn returns the last day to act on a claim due on that day. The latest
// of the days given — acknowledgements such as a partial payment or a written
// promise, and written claims where those count — starts the time anew. It is
// no date where the limitation is not known. Nothing asks it yet: the brief will
// tell 12, 6 and 1 month before.
func (l Limitation) ExpiresOn(due calendar.Date, anew ...calendar.Date) calendar.Date {
	if l.Years == 0 || due.IsZero() {
		return 0
	}
	from := due
	for _, d := range anew {
		from = max(from, d)
	}
	if l.FromYearEnd {
		return calendar.On(from.Year()+l.Years, 12, 31)
	}
	return from.AddMonths(12 * l.Years)
}
