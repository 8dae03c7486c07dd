package match

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"relanced/inbox/message"
	"relanced/internal/store"
)

// Need is what a message's header alone says of its body.
type Need string

// What a header may say. Only of Nothing is the body left on the server.
const (
	Nothing Need = ""        // unrelated, or our own
	Matched Need = "matched" // it belongs to a customer
	May     Need = "may"     // it may: only its body can tell
	Notice  Need = "notice"  // it looks like a failure notice, complaint or receipt
)

// Heads decides for messages read with message.ParseHeader, in their order,
// which need their body: with one question of each kind to the Directory for
// every thousand keys, however many messages there are.
func Heads(ctx context.Context, d Directory, s Seller, heads []*message.Message) ([]Need, error) {
	clues, own := make([]Clues, len(heads)), s.domains()
	Share(len(heads), func(i int) { clues[i] = cluesOf(heads[i], s, own) })
	var all Clues
	for _, c := range clues {
		all.Tokens = append(append(append(all.Tokens, c.Tokens...), c.Refs...), c.Mangled...)
		all.MIDs = append(all.MIDs, c.MIDs...)
		all.Threads = append(all.Threads, c.Threads...)
		all.References = append(all.References, c.References...)
		all.Addresses = append(all.Addresses, c.Addresses...)
		all.Domains = append(all.Domains, c.Domains...)
		all.Numbers = append(all.Numbers, c.Numbers...)
	}
	k := known{}
	for _, ask := range []func() error{
		func() error {
			return k.note(all.MIDs, func(keys []string) (map[string]store.SentRef, error) { return d.SentByMID(ctx, s.Company, keys) })
		},
		func() error {
			return noteLists(k, "mid ", all.MIDs, func(keys []string) (map[string][]store.Match, error) { return d.MatchesByMID(ctx, s.Company, keys) })
		},
		func() error {
			return noteLists(k, "thread ", all.Threads, func(keys []string) (map[string][]store.Match, error) { return d.ByThread(ctx, s.Company, keys) })
		},
		func() error {
			return noteLists(k, "ref ", all.References, func(keys []string) (map[string][]store.SentRef, error) {
				return d.SentByReference(ctx, s.Company, keys)
			})
		},
		func() error {
			return noteLists(k, "from ", all.Addresses, func(keys []string) (map[string][]store.Contact, error) { return d.ByAddress(ctx, s.Company, keys) })
		},
		func() error {
			return noteLists(k, "domain ", all.Domains, func(keys []string) (map[string][]store.Contact, error) { return d.ByDomain(ctx, s.Company, keys) })
		},
		func() error {
			return noteLists(k, "number ", all.Numbers, func(keys []string) (map[string][]store.Numbered, error) { return d.ByNumber(ctx, s.Company, keys) })
		},
	} {
		if err := ask(); err != nil {
			return nil, fmt.Errorf("match headers: %w", err)
		}
	}
	out := make([]Need, len(heads))
	Share(len(heads), func(i int) { out[i] = need(heads[i], clues[i], k, s) })
	return out, nil
}

// Share does n independent pieces of work on all processors.
func Share(n int, do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < n; i += workers {
				do(i)
			}
		})
	}
	wait.Wait()
}

// need decides for one message. An id with our signature is enough, whether
// the store knows it or not.
func need(m *message.Message, c Clues, k known, s Seller) Need {
	signed := len(c.Tokens)+len(c.Refs)+len(c.Mangled) > 0
	switch {
	case s.Owns(m.From.Email):
		// Our own mail with our mark is known; a forward by one of our people,
		// or what a colleague writes in a case, is read.
		if s.Ours(m.Header.Raw("x-relanced-ref")) || s.Ours(m.MessageID) {
			return Nothing
		}
		return May
	case m.MayBeNotice():
		return Notice
	case signed, k.any("", c.MIDs), k.any("mid ", c.MIDs), k.any("thread ", c.Threads), k.any("ref ", c.References),
		k.any("from ", c.Addresses), k.any("domain ", c.Domains), k.any("number ", c.Numbers):
		return Matched
	case m.Unreadable, !m.Bulk() && m.MayConcern():
		return May
	}
	return Nothing
}

// known holds the keys that somebody has.
type known map[string]bool

func (k known) any(prefix string, keys []string) bool {
	for _, key := range keys {
		if k[prefix+key] {
			return true
		}
	}
	return false
}

func (k known) note(keys []string, ask func([]string) (map[string]store.SentRef, error)) error {
	return inChunks(keys, func(chunk []string) error {
		found, err := ask(chunk)
		for key := range found {
			k[key] = true
		}
		return err
	})
}

func noteLists[T any](k known, prefix string, keys []string, ask func([]string) (map[string][]T, error)) error {
	return inChunks(keys, func(chunk []string) error {
		found, err := ask(chunk)
		for key, list := range found {
			k[prefix+key] = k[prefix+key] || len(list) > 0
		}
		return err
	})
}

// chunk is how many keys one question holds.
const chunk = 1000

func inChunks(keys []string, do func([]string) error) error {
	seen := make(map[string]bool, len(keys))
	var unique []string
	for _, key := range keys {
		if !seen[key] {
			seen[key] = true
			unique = append(unique, key)
		}
	}
	for len(unique) > 0 {
		n := min(chunk, len(unique))
		if err := do(unique[:n]); err != nil {
			return err
		}
		unique = unique[n:]
	}
	return nil
}
