package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"

	"relanced/internal/dossier"
)

// Tx is a transaction on either engine. It lives as long as the function it
// was handed to and belongs to one goroutine.
type Tx struct {
	ctx     context.Context //nolint:containedctx // of the one call that the transaction is
	s       *Store
	lite    *sql.Tx
	pg      pgx.Tx
	now     time.Time
	touched map[dossier.CustomerID]bool
}

// Now is the moment of the transaction: one for all that it writes.
func (tx *Tx) Now() time.Time { return tx.now }
