package reminders

import (
	"embed"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/govalues/decimal"

	"relanced/internal/calendar"
	"relanced/internal/conf"
)

// PlanConfig is a plan of the configuration: the ladder of steps.
type PlanConfig struct {
	Gap   calendar.Span `yaml:"gap"` // at least, between two messages to one customer; absent: 7d
	Steps []StepConfig  `yaml:"steps"`
}

// StepConfig is one step of a plan, as written.
type StepConfig struct {
	ID         string          `yaml:"id"`
	At         calendar.Span   `yaml:"at"` // from the due date; negative: before it
	Channel    Channel         `yaml:"channel"`
	Template   string          `yaml:"template"`
	MinAmount  decimal.Decimal `yaml:"min_amount,omitempty"` // what the message's overdue sum must reach
	MaxEvery   calendar.Span   `yaml:"max_every,omitempty"`  // not again to that customer within
	Legal      LegalShow       `yaml:"legal"`
	Wait       calendar.Span   `yaml:"wait,omitempty"` // of a call, letter or task nobody reports done; absent: 5wd
	Approval   StepApproval    `yaml:"approval"`
	Registered bool            `yaml:"registered,omitempty"`
	Covers     Covers          `yaml:"covers"`

	Sender conf.Later `yaml:"sender"`
	CC     conf.Later `yaml:"cc"`
}

// Values lists the channels.
func (Channel) Values() []string {
	return []string{string(Email), string(Call), string(Letter), string(ToDo)}
}

// Values lists the degrees.
func (LegalShow) Values() []string {
	return []string{string(LegalNone), string(LegalMention), string(LegalAmounts)}
}

// Values lists the overrides that can be written.
func (StepApproval) Values() []string {
	return []string{string(ApprovalAuto), string(ApprovalRequired)}
}

// Values lists what a step can cover.
func (Covers) Values() []string { return []string{string(CoversAll), string(CoversReached)} }

// StepApproval overrides the company's mode for one step.
type StepApproval string

// The overrides; ApprovalByMode is the default.
const (
	ApprovalByMode   StepApproval = ""
	ApprovalAuto     StepApproval = "auto"
	ApprovalRequired StepApproval = "required"
)

// Covers is which overdue lines a step demands.
type Covers string

// Every overdue line (the default), or only those that have reached the step.
const (
	CoversAll     Covers = "all"
	CoversReached Covers = "reached"
)

var (
	defaultGap  = calendar.Days(7)
	defaultWait = calendar.WorkDays(5)
)

// Formal tells whether the step is a formal notice, which no program sends alone
// and which rests on a due date that somebody agreed to.
func (s StepConfig) Formal() bool {
	return s.Registered || s.Legal == LegalAmounts || strings.HasPrefix(s.Template, "formal")
}

// message tells whether the step writes to the customer: the gap and the caps
// count such steps.
func (s StepConfig) message() bool { return s.Channel == Email || s.Channel == Letter }

// preventive tells whether the step comes before the due date.
func (s StepConfig) preventive() bool { return s.At.Days < 0 || s.At.WorkDays < 0 || s.At.Clock < 0 }

//go:embed plans/*.yaml
var shipped embed.FS

// ShippedNames names the plans that come with the program.
var ShippedNames = []string{"standard", "key_account", "public_buyer", "consumer", "bad_payer"}

// ShippedText returns the YAML of a shipped plan, as people may copy it.
func ShippedText(name string) (string, error) {
	text, err := shipped.ReadFile("plans/" + name + ".yaml")
	if err != nil {
		return "", fmt.Errorf("no plan named %q is shipped", name)
	}
	return string(text), nil
}

// Shipped returns the plans that come with the program, by name.
func Shipped() (map[string]PlanConfig, error) {
	plans := map[string]PlanConfig{}
	for _, name := range ShippedNames {
		text, err := ShippedText(name)
		if err != nil {
			return nil, err
		}
		var file map[string]PlanConfig
		if err := yaml.UnmarshalWithOptions([]byte(text), &file, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("read the shipped plan %s: %w", name, err)
		}
		plans[name] = file[name]
	}
	return plans, nil
}

// Check reports what is wrong in the plan.
func (c PlanConfig) Check(p *conf.Problems) {
	if negative(c.Gap) {
		p.At("gap").Addf("%s is negative", c.Gap)
	}
	if len(c.Steps) == 0 {
		p.At("steps").Addf("a plan needs at least one step")
	}
	seen := map[string]int{}
	for i, step := range c.Steps {
		at := p.At("steps", i)
		step.check(at)
		if before, twice := seen[step.ID]; twice && step.ID != "" {
			at.At("id").Addf("step %d has the id %q too", before+1, step.ID)
		}
		seen[step.ID] = i
		if i > 0 && days(step.At) < days(c.Steps[i-1].At) {
			at.At("at").Addf("step %d comes before step %d (%s before %s)", i+1, i, step.At, c.Steps[i-1].At)
		}
	}
}

func (s StepConfig) check(p *conf.Problems) {
	if s.ID == "" {
		p.At("id").Addf("a step needs an id")
	}
	if _, written := p.At("at").Node(); !written {
		p.At("at").Addf("a step needs its day from the due date, as in at: 5d")
	}
	oneOf(p.At("channel"), s.Channel, Email, Call, Letter, ToDo)
	if s.Channel == Email && s.Template == "" {
		p.At("template").Addf("an e-mail needs a template")
	}
	oneOf(p.At("legal"), s.Legal, "", LegalNone, LegalMention, LegalAmounts)
	oneOf(p.At("approval"), s.Approval, ApprovalByMode, ApprovalAuto, ApprovalRequired)
	oneOf(p.At("covers"), s.Covers, "", CoversAll, CoversReached)
	if s.Formal() && s.Approval == ApprovalAuto {
		p.At("approval").Addf("a formal notice always needs a person; leave approval out")
	}
	if s.MinAmount.IsNeg() {
		p.At("min_amount").Addf("%s is negative", s.MinAmount)
	}
	if negative(s.MaxEvery) {
		p.At("max_every").Addf("%s is negative", s.MaxEvery)
	}
	if negative(s.Wait) {
		p.At("wait").Addf("%s is negative", s.Wait)
	}
}

// days is how far a span reaches, in hundredths of a day, to put steps in order:
// seven calendar days are about five working days.
func days(s calendar.Span) int {
	return s.Days*100 + s.WorkDays*140 + int(s.Clock.Hours()*100/24)
}
