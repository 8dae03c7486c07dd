package main

import (
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// working shows on a terminal that something long goes on, until the returned
// function is called.
func (p *printer) working(what string) (done func()) {
	if p.quiet || !terminalOf(p.err) {
		return func() {}
	}
	bar := progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(p.err),
		progressbar.OptionSetDescription(cleanText(what)),
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSpinnerType(14),
	)
	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				_ = bar.Finish()
				return
			case <-tick.C:
				_ = bar.Add(1)
			}
		}
	})
	return func() { close(stop); group.Wait() }
}
