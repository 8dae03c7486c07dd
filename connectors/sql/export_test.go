package sql

import (
	"context"
	"database/sql/driver"
)

// Through makes the connector reach its database through another driver.
func (s *Spec) Through(wrap func(driver.Connector) driver.Connector) { s.wrap = wrap }

// CheckSelect tells what is wrong with a query of a manifest.
var CheckSelect = checkSelect

// Exec tries a statement in a transaction as reads have it.
func (c *Connector) Exec(ctx context.Context, text string) error {
	return c.once(ctx, func(r *reader) error {
		_, err := r.tx.ExecContext(r.ctx, text)
		return err
	})
}
