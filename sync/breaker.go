package sync

import (
	"fmt"
	"slices"

	"relanced/internal/money"
	"relanced/internal/store"
)

// The limits of what may change between two accepted passes before a person is
// asked. Small books move in large parts: up to the first count only the half of
// all that is known raises a question, below the second nothing does.
const (
	fewItems     = 10
	veryFew      = 5
	vanishedPart = 20 // one payment in 20 known ones gone: a bank feed was undone
	reopenedPart = 50 // one settled invoice in 50 open again: a period was unlocked or re-imported
	datesPart    = 5  // one open invoice in 5 with another due date: terms were rewritten
	jumpTimes    = 3  // open total three times the last one
	jumpFloor    = 20 // open invoices below which a total may jump
)

// findings compares what a pass did with the books accepted before it. None:
// the pass is believed. A connection that no person accepted yet has nothing to
// be compared with.
func findings(before store.Connection, did store.PassCount, now store.Stats) []store.Finding {
	if before.AcceptedAt.IsZero() || before.ConfirmedAt.IsZero() {
		return nil
	}
	was := before.Stats
	var found []store.Finding
	add := func(code, text string, args ...any) {
		found = append(found, store.Finding{Code: code, Text: fmt.Sprintf(text, args...)})
	}
	if gone := did.PaymentsGone; many(gone, was.Payments, vanishedPart) {
		add("payments_vanished", "%d of %d payments vanished", gone, was.Payments)
	}
	if n := did.Reopened; many(n, was.Paid, reopenedPart) {
		add("reopened", "%d of %d settled invoices are open again", n, was.Paid)
	}
	if n := did.DatesMoved; many(n, was.Open, datesPart) {
		add("dates_moved", "%d of %d open invoices have another due date", n, was.Open)
	}
	if was.Open < jumpFloor {
		return found
	}
	for _, sum := range now.OpenSums {
		i := slices.IndexFunc(was.OpenSums, func(a money.Amount) bool { return a.Currency == sum.Currency })
		if i >= 0 && was.OpenSums[i].Minor > 0 && sum.Minor/jumpTimes > was.OpenSums[i].Minor {
			add("total_jumped", "what is open went from %s to %s %s", was.OpenSums[i], sum, sum.Currency)
		}
	}
	return found
}

// many tells whether n of the known ones are more than may change unasked: one
// in part of them.
func many(n, known, part int) bool {
	return n > fewItems && n*part > known || n >= veryFew && n*2 >= known
}
