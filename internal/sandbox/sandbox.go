package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Options say how the demo is told.
type Options struct {
	Once   bool         // the story, once and without pauses; else day by day until the context ends
	JSON   bool         // an object per event
	Dir    string       // where the mails are kept; "" makes a folder
	Out    io.Writer    // where it is told
	Logger *slog.Logger // nil: none

	mode   string    // of the reminders; "" review
	begins time.Time // zero: in the autumn of 2026
}

// How fast it goes for who watches.
const (
	linePause = 120 * time.Millisecond
	dayPause  = 2 * time.Second
)

// Run builds the company and lets the days go by. That the context ends is no
// error where the demo runs until then.
func Run(ctx context.Context, o Options) error {
	w, err := build(ctx, o)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	w.teller.say("started", nobody, fmt.Sprintf("%s has %d customers and a year of invoices, all of it made up. The mails that leave are kept in %s.", companyName, len(customers), w.folder.path))
	err = w.live(ctx, o.Once)
	if !o.Once && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil
	}
	if err == nil {
		err = w.teller.finish()
	}
	if err := errors.Join(err, w.close()); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// live lets day after day go by: those of the story, and without once those
// after it.
func (w *world) live(ctx context.Context, once bool) error {
	morning := w.clock.now()
	for n := 0; !once || n < storyDays; n++ {
		if err := w.day(ctx, n, morning); err != nil {
			return err
		}
		for morning = morning.AddDate(0, 0, 1); morning.Weekday() == time.Saturday || morning.Weekday() == time.Sunday; {
			morning = morning.AddDate(0, 0, 1)
		}
		if once {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(dayPause):
		}
	}
	return nil
}
