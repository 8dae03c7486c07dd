package brief

import (
	"fmt"
	"sync"
	"testing"

	"relanced/internal/dossier"
	"relanced/internal/store/storetest"
)

// Several nodes make lists and carry out answers at the same moment: one list,
// and one answer of two that say the contrary.
func TestBrief_severalNodesActOnce(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	for range 3 {
		w := newWorldIn(t, "fr", database(t))
		w.drafts(3)
		together := func(do func() error) {
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					if err := do(); err != nil {
						t.Log(err) // whoever comes second may find the list made
					}
				})
			}
			group.Wait()
		}
		together(func() error { return w.brief.Mail(t.Context()) })
		lists := w.notices()
		if len(lists) != 1 {
			t.Fatalf("%d lists", len(lists))
		}
		for i, text := range []string{"ok", "non 1", "non 2", "non 3"} {
			w.record(boxKey.Name, "marie@dupont.example", text, lists[0].Text, fmt.Sprintf("mail-%d", i))
		}
		together(func() error { return w.brief.Answers(t.Context()) })
		if err := w.brief.Answers(t.Context()); err != nil { // what lost the race is tried again
			t.Fatal(err)
		}
		if answered, refused := w.events(eventAnswered), w.events(eventRefused); len(answered) != 1 || len(refused) != 3 {
			t.Errorf("carried out %q, refused %q", answered, refused)
		}
		queued, cancelled := 0, 0
		for _, state := range w.states() {
			switch state {
			case dossier.StateQueued:
				queued++
			case dossier.StateCancelled:
				cancelled++
			}
		}
		if !(queued == 3 && cancelled == 0 || queued == 0 && cancelled == 1) {
			t.Errorf("%d queued, %d cancelled", queued, cancelled)
		}
	}
}
