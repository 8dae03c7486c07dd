package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
)

// jobLog is what people get of the job engine's own logs: its warnings and
// errors, without those that a stop brings about. That the database is away it
// meets at each try of each of its parts: the line tells that, once.
type jobLog struct {
	slog.Handler
	line     *line
	stopping *atomic.Bool
}

func newJobLog(logger *slog.Logger, l *line) *jobLog {
	return &jobLog{logger.Handler(), l, new(atomic.Bool)}
}

// Enabled tells whether the level is shown: the engine's news is not ours.
func (h *jobLog) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// Handle passes on what a person may have to see to.
func (h *jobLog) Handle(ctx context.Context, record slog.Record) error {
	cause := causeOf(record)
	switch {
	case strings.Contains(cause, context.Canceled.Error()), h.stopping.Load() && brokenOff(cause):
		return nil
	case lineDown(cause):
		h.line.tell(context.WithoutCancel(ctx), errors.New(cause))
		return nil
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs keeps what is left out.
func (h *jobLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &jobLog{h.Handler.WithAttrs(attrs), h.line, h.stopping}
}

// WithGroup keeps what is left out.
func (h *jobLog) WithGroup(name string) slog.Handler {
	return &jobLog{h.Handler.WithGroup(name), h.line, h.stopping}
}

// causeOf is the error that a record of the engine speaks of, which it gives as
// an error or as text, or "".
func causeOf(record slog.Record) (cause string) {
	record.Attrs(func(a slog.Attr) bool {
		if a.Key == "err" || a.Key == "error" {
			cause = fmt.Sprint(a.Value.Any())
		}
		return cause == ""
	})
	return cause
}

// brokenOff tells whether the error is that of work whose database was closed, or
// whose statement was broken off, under it.
func brokenOff(cause string) bool {
	for _, said := range []string{"database is closed", "interrupted", "closed pool", "conn closed"} {
		if strings.Contains(cause, said) {
			return true
		}
	}
	return false
}

// lineDown tells whether the error is that of a database server that cannot be
// reached. The engine keeps of most errors the text alone.
func lineDown(cause string) bool {
	for _, said := range []string{
		"failed to connect", "connection refused", "connection reset", "broken pipe", "unexpected EOF", "i/o timeout", "conn closed",
		"no route to host", "network is unreachable", "no such host", "context deadline exceeded", "SQLSTATE 57P0", "SQLSTATE 08",
	} {
		if strings.Contains(cause, said) {
			return true
		}
	}
	return false
}

// line is the way to the database. Whoever finds it broken or whole says so
// here, and people are told when it breaks and when it is whole again.
type line struct {
	mu   sync.Mutex
	said told
}

func newLine(logger *slog.Logger) *line {
	return &line{said: told{logger: logger, bad: "database away: nothing is read, decided or sent until it is back", good: "database back"}}
}

// tell takes an error, or nil after the database has answered.
func (l *line) tell(ctx context.Context, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said.tell(ctx, err)
}
