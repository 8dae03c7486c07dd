package store

import (
	"context"

	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// AttentionIDs returns the customers of whom some fact may keep reminders back
// for long: a hold, a promise or a dispute that lasts, an address that failed,
// money or a credit note not allocated.
func (s *Store) AttentionIDs(ctx context.Context, company receivable.CompanyID) ([]dossier.CustomerID, error) {
	return s.ids(ctx, `SELECT DISTINCT root FROM customer WHERE company = $1 AND id IN (
  SELECT customer FROM hold WHERE ended_at = 0
  UNION SELECT customer FROM promise WHERE ended_at = 0
  UNION SELECT customer FROM dispute WHERE ended_at = 0
  UNION SELECT customer FROM bounced
  UNION SELECT customer FROM payment WHERE unallocated <> 0 AND gone_at = 0
  UNION SELECT customer FROM document WHERE kind = 'credit_note' AND outstanding <> 0 AND gone_at = 0)
ORDER BY root`, company)
}
