package sync

import (
	"context"
	"iter"

	"relanced/connectors"
)

// ahead asks for the next page while the caller writes the one before: waiting
// for the source and waiting for the disk then overlap. It is for sources that
// do nothing when a page was taken.
func ahead(ctx context.Context, pull func(context.Context) iter.Seq2[connectors.Page, error]) iter.Seq2[connectors.Page, error] {
	type item struct {
		page connectors.Page
		err  error
	}
	return func(yield func(connectors.Page, error) bool) {
		asking, stop := context.WithCancel(ctx)
		items := make(chan item)
		go func() {
			defer close(items)
			for page, err := range pull(asking) {
				select {
				case items <- item{page, err}:
				case <-asking.Done():
					return
				}
			}
		}()
		defer func() {
			stop()
			for range items { // until it has ended
			}
		}()
		for i := range items {
			if !yield(i.page, i.err) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(connectors.Page{}, err)
		}
	}
}
