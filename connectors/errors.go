package connectors

import (
	"fmt"
	"time"
)

// Kind is what an error of a source asks for.
type Kind string

// The kinds of error: auth stops the connection until a person acts, rate and
// temporary are tried again later, invalid means our request was wrong, notfound
// that the thing is gone, schema that an answer was not understood.
const (
	Auth      Kind = "auth"
	Rate      Kind = "rate"
	Temporary Kind = "temporary"
	Invalid   Kind = "invalid"
	NotFound  Kind = "notfound"
	Schema    Kind = "schema"
)

// Error is a failure of a source. It is made in the shared layers (httpapi,
// files) and asked for with errors.As.
type Error struct {
	Kind   Kind
	Op     string        // "pennylane: list invoices, page 4"
	Detail string        // what the source said, shortened, without secrets
	Do     string        // what a person should do, a sentence; "" nothing special
	Retry  time.Duration // when the source says to come back; 0 unknown
	Err    error
}

// Error is "operation: detail: cause".
func (e *Error) Error() string {
	text := e.Op
	if e.Detail != "" {
		text = fmt.Sprintf("%s: %s", text, e.Detail)
	}
	if e.Err != nil {
		text = fmt.Sprintf("%s: %v", text, e.Err)
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
