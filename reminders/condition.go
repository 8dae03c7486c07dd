package reminders

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

// scope is what a condition may speak of.
type scope struct {
	Customer customerScope `expr:"customer"`
	Invoice  invoiceScope  `expr:"invoice"`
	Company  companyScope  `expr:"company"`

	method receivable.PaymentMethod // of the customer, where the invoice has none
}

type customerScope struct {
	Code          string   `expr:"code"`
	Name          string   `expr:"name"`
	Kind          string   `expr:"kind"`
	Country       string   `expr:"country"`
	Language      string   `expr:"language"`
	Tags          []string `expr:"tags"`
	Owner         string   `expr:"owner"`
	PaymentMethod string   `expr:"payment_method"`
}

type invoiceScope struct {
	Number      string  `expr:"number"`
	Total       float64 `expr:"total"` // to compare with, never to compute with
	Outstanding float64 `expr:"outstanding"`
	Currency    string  `expr:"currency"`
	DueOn       string  `expr:"due_on"` // YYYY-MM-DD: compares as text
	Returned    bool    `expr:"returned"`
	Assigned    bool    `expr:"assigned"`
}

type companyScope struct {
	ID      string `expr:"id"`
	Country string `expr:"country"`
}

// condition is a compiled expression that is true or false.
type condition struct{ program *vm.Program }

// CheckCondition tells what is wrong with a condition, nil where it is sound.
// Other rooms that take conditions speak of the same things.
func CheckCondition(text string) error {
	_, err := compileCondition(text)
	return err
}

// maxCondition bounds the text: the compiler's stack grows with its brackets.
const maxCondition = 4000

func compileCondition(text string) (condition, error) {
	if strings.TrimSpace(text) == "" {
		return condition{}, fmt.Errorf("a condition is missing")
	}
	if len(text) > maxCondition {
		return condition{}, fmt.Errorf("a condition has at most %d characters", maxCondition)
	}
	program, err := expr.Compile(text,
		expr.Env(scope{}), expr.AsBool(), expr.MaxNodes(1000),
		// What depends on the clock could not be foreseen: nobody would look again.
		expr.DisableBuiltin("now"), expr.DisableBuiltin("date"), expr.DisableBuiltin("timezone"))
	if err != nil {
		return condition{}, explain(err)
	}
	return condition{program}, nil
}

// conditionError is a mistake in a condition, at its place in the text. It
// implements conf.Offset.
type conditionError struct {
	text         string
	line, column int
}

func (e *conditionError) Error() string { return e.text }

// Offset tells where in the condition the mistake is.
func (e *conditionError) Offset() (line, column int) { return e.line, e.column }

var noField = regexp.MustCompile(`^type reminders\.(\w+)Scope has no field (\w+)`)

// explain turns what the compiler says into a sentence for people.
func explain(err error) error {
	var told *file.Error
	if !errors.As(err, &told) {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return errors.New(first)
	}
	e := &conditionError{text: told.Message, line: told.Line, column: told.Column + 1}
	if m := noField.FindStringSubmatch(told.Message); m != nil {
		e.text = fmt.Sprintf("there is no %s.%s in a condition", m[1], m[2])
	}
	switch strings.TrimPrefix(told.Message, "unknown name ") {
	case "now", "date", "timezone":
		e.text = "now() is refused: the time is not known when reminders are foreseen; use the plan's days, or `until`"
	}
	return e
}

// holds evaluates the condition; one that fails on the data at hand does not hold.
func (c condition) holds(machine *vm.VM, s *scope) bool {
	if c.program == nil {
		return false
	}
	got, err := machine.Run(c.program, s)
	yes, _ := got.(bool)
	return err == nil && yes
}

func (s *scope) setCustomer(c *dossier.Customer, kind receivable.Kind) {
	s.method = c.Method
	s.Customer = customerScope{
		Code: c.Code, Name: c.Name, Kind: string(kind), Country: c.Country, Language: c.Language,
		Tags: c.Tags, Owner: c.Owner, PaymentMethod: string(c.Method),
	}
}

func (s *scope) setLine(l *dossier.Line) {
	s.Invoice = invoiceScope{
		Number: l.Invoice, Total: major(l.InvoiceTotal), Outstanding: major(l.Outstanding), Currency: l.Outstanding.Currency,
		DueOn: l.DueOn.String(), Returned: l.Returned, Assigned: l.Assigned,
	}
	s.Customer.PaymentMethod = string(cmp.Or(l.Method, s.method))
}

// major returns the amount in major units, to compare with what a condition says.
func major(a money.Amount) float64 {
	unit := 1.0
	for range money.Digits(a.Currency) {
		unit *= 10
	}
	return float64(a.Minor) / unit
}
