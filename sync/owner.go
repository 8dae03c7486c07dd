package sync

import (
	"context"
	"fmt"

	"relanced/connectors"
	"relanced/internal/store"
)

// taken tells that another configured connection reads the books that the cursor
// stands in: every customer would owe everything twice. It is asked until the
// first pass has ended; of two first passes the one that began later gives way.
func (p *pass) taken(ctx context.Context, next connectors.Cursor) (*Failure, error) {
	books := owner(p.source.Connector, next)
	if books == "" || !p.before.PassEndedAt.IsZero() {
		return nil, nil
	}
	known, err := p.store.Connections(ctx, "")
	if err != nil {
		return nil, err
	}
	var began store.Connection
	for _, c := range known {
		if c.Key == p.key {
			began = c
		}
	}
	for _, other := range known {
		if other.Key == p.key || other.PassEndedAt.IsZero() && !began.PassStartedAt.After(other.PassStartedAt) {
			continue
		}
		_, src, err := p.Syncer.source(other.Key.Company, other.Key.Name)
		if err != nil || owner(src.Connector, other.Cursor) != books { // one that is no longer configured reads nothing
			continue
		}
		return &Failure{
			Kind:    connectors.Auth,
			Message: fmt.Sprintf("its books are those that the connection %s of the company %s reads already", other.Key.Name, other.Key.Company),
			Do:      "remove one of the two from the configuration, or give this one the access of its own company",
		}, nil
	}
	return nil, nil
}

// owner is whose books a cursor stands in, "" where that is not known.
func owner(c connectors.Connector, at connectors.Cursor) string {
	o, ok := c.(connectors.Owner)
	if !ok {
		return ""
	}
	return o.Owner(at)
}
