// Package builtin lists the connectors this program ships with.
package builtin

import (
	"relanced/connectors"
	"relanced/connectors/files"
	"relanced/connectors/pennylane"
	"relanced/connectors/quickbooks"
	"relanced/connectors/rest"
	"relanced/connectors/sage"
	"relanced/connectors/sageactive"
	"relanced/connectors/sql"
)

// Factories returns, by the type written in the configuration, what makes the
// empty Spec to decode a connection into. Each call returns a map of its own.
func Factories() map[string]connectors.Factory {
	return map[string]connectors.Factory{
		"files":      func() connectors.Spec { return new(files.Spec) },
		"pennylane":  func() connectors.Spec { return new(pennylane.Spec) },
		"quickbooks": func() connectors.Spec { return new(quickbooks.Spec) },
		"rest":       func() connectors.Spec { return new(rest.Spec) },
		"sql":        func() connectors.Spec { return new(sql.Spec) },
		"sage":       func() connectors.Spec { return new(sage.Spec) },
		"sageactive": func() connectors.Spec { return new(sageactive.Spec) },
	}
}
