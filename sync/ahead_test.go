package sync

import (
	"context"
	"errors"
	"iter"
	"testing"

	"relanced/connectors"
)

func TestAhead_yieldsEverythingInOrder(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	pull := func(context.Context) iter.Seq2[connectors.Page, error] {
		return func(yield func(connectors.Page, error) bool) {
			for _, name := range []string{"a", "b", "c"} {
				if !yield(connectors.Page{File: name}, nil) {
					return
				}
			}
			yield(connectors.Page{}, broken)
		}
	}
	got := ""
	for page, err := range ahead(context.Background(), pull) {
		if got += page.File; err != nil {
			got += err.Error()
		}
	}
	if got != "abcbroken" {
		t.Errorf("got %q", got)
	}
}

// A page that is not taken, and a context that ends, must leave nothing running
// and never look like the end of the feed.
func TestAhead_endsWithItsCaller(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{}, 2)
	pull := func(ctx context.Context) iter.Seq2[connectors.Page, error] {
		return func(yield func(connectors.Page, error) bool) {
			defer func() { ended <- struct{}{} }()
			for yield(connectors.Page{}, ctx.Err()) {
				if ctx.Err() != nil {
					return
				}
			}
		}
	}
	for range ahead(context.Background(), pull) {
		break
	}
	<-ended
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	for _, err := range ahead(ctx, pull) {
		if last = err; err != nil {
			break
		}
		cancel()
	}
	<-ended
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a context that ended gave %v", last)
	}
}
