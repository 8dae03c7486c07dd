package reminders

import (
	"github.com/expr-lang/expr/vm"

	"relanced/internal/dossier"
)

// CustomerCondition compiles a condition that other rooms ask about a customer,
// such as which bank account to show. An invoice is not part of the question.
func CustomerCondition(text string) (func(Rules, dossier.Customer) bool, error) {
	compiled, err := compileCondition(text)
	if err != nil {
		return nil, err
	}
	return func(r Rules, c dossier.Customer) bool {
		s := scope{Company: companyScope{ID: string(r.Company.ID), Country: r.Company.Country}}
		s.setCustomer(&c, c.Kind)
		return compiled.holds(&vm.VM{}, &s)
	}, nil
}
