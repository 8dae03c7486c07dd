package sync

import (
	"time"

	"relanced/internal/store"
)

// After a failure, scheduled passes leave the source alone: twice as long each
// time, so that a source that is away is not hammered, and not longer than the
// usual schedule, so that it is noticed when it is back.
const (
	firstPause   = 5 * time.Second
	longestPause = 15 * time.Minute
)

// pause is the time during which a connection is not asked.
type pause struct {
	until   time.Time
	last    time.Duration
	failure *Failure
}

// paused returns the failure because of which the connection is left alone now,
// nil where it is not.
func (s *Syncer) paused(key store.ConnectionKey) *Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.pauses[key]
	now := s.store.Now()
	// A clock that was set back must not make a pause longer than it was.
	if !ok || !now.Before(p.until) || p.until.Sub(now) > max(p.last, p.failure.retry) {
		return nil
	}
	return p.failure
}

// paused after a failure, or not any more after a success.
func (s *Syncer) pauseAfter(key store.ConnectionKey, f *Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f == nil {
		delete(s.pauses, key)
		return
	}
	next := min(max(2*s.pauses[key].last, firstPause), longestPause)
	s.pauses[key] = pause{until: s.store.Now().Add(max(next, f.retry)), last: next, failure: f}
}
