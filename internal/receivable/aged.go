package receivable

import (
	"relanced/internal/calendar"
	"relanced/internal/money"
)

// Bucket is an age of what is outstanding, in days past due.
type Bucket int

// The buckets. The due date itself is not late.
const (
	BucketNotDue Bucket = iota
	Bucket1To30
	Bucket31To60
	Bucket61To90
	BucketOver90
	buckets
)

// BucketOf returns the bucket on a day of what falls due on due. Without a due
// date it is not due.
func BucketOf(due, on calendar.Date) Bucket {
	if due.IsZero() {
		return BucketNotDue
	}
	switch days := on.DaysSince(due); {
	case days <= 0:
		return BucketNotDue
	case days <= 30:
		return Bucket1To30
	case days <= 60:
		return Bucket31To60
	case days <= 90:
		return Bucket61To90
	}
	return BucketOver90
}

// AgedBalance is what is outstanding by age, in one currency. Credits are not
// in it: they stand beside the buckets.
type AgedBalance [buckets]money.Amount

// NoBalance returns the aged balance of nothing in the currency.
func NoBalance(currency string) (a AgedBalance) {
	for i := range a {
		a[i] = money.New(0, currency)
	}
	return a
}

// Add counts an amount outstanding in its bucket.
func (a *AgedBalance) Add(due, on calendar.Date, outstanding money.Amount) {
	b := BucketOf(due, on)
	a[b] = a[b].Add(outstanding)
}

// Overdue returns the sum of all buckets but the first.
func (a AgedBalance) Overdue() money.Amount {
	sum := money.New(0, a[BucketNotDue].Currency)
	for _, amount := range a[Bucket1To30:] {
		sum = sum.Add(amount)
	}
	return sum
}

// Total returns the sum of the buckets.
func (a AgedBalance) Total() money.Amount { return a.Overdue().Add(a[BucketNotDue]) }
