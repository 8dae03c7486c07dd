package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"relanced/connectors"
	"relanced/internal/dossier"
	"relanced/internal/store"
)

func (r Report) failure() error {
	if r.Error == nil {
		return nil
	}
	return r.Error
}

// ended is why something of ours failed: where the context has ended (somebody
// stopped it, the lease was lost), that is the cause, whatever a database made of it.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(err, context.Cause(ctx)) {
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), err)
}

func (p *pass) event(tx *store.Tx, kind, text string) error {
	return tx.AddEvent(store.Event{Company: p.company.ID, Kind: kind, By: "relanced", Text: text, Ref: string(p.key.Name)})
}

// tell puts on the timeline what a person would want to see: each thing once.
func (p *pass) tell(tx *store.Tx, end store.PassEnd, count store.PassCount) error {
	var strange []string
	for _, f := range end.Findings {
		if slices.ContainsFunc(p.before.Findings, func(g store.Finding) bool { return g.Code == f.Code }) {
			continue
		}
		strange = append(strange, f.Text)
		if err := p.event(tx, "suspect", f.Text); err != nil {
			return err
		}
	}
	if len(strange) > 0 {
		task := dossier.Task{Kind: "suspect", Title: fmt.Sprintf(
			"%s: %s. Nothing is sent until somebody looks and runs `relanced confirm %s`", p.key.Name, strings.Join(strange, "; "), p.key.Name,
		)}
		if _, err := tx.AddTask(p.company.ID, 0, task, suspectTask(p.key)); err != nil {
			return err
		}
	}
	if p.before.Error != nil {
		if err := p.event(tx, "recovered", "it answers again"); err != nil {
			return err
		}
	}
	if !wrote(count) {
		return nil
	}
	return p.event(tx, "synced", fmt.Sprintf("%d new, %d changed, %d gone", count.New, count.Changed, count.Gone))
}

func suspectTask(key store.ConnectionKey) string { return "suspect/" + string(key.Name) }

func (p *pass) report(ctx context.Context, failure *Failure) (Report, error) {
	after, err := p.store.Connection(ctx, p.key)
	if err != nil {
		return Report{}, err
	}
	problems, err := p.store.Problems(ctx, p.key)
	if err != nil {
		return Report{}, err
	}
	beside, err := p.FileProblems(ctx, p.company.ID)
	if err != nil {
		return Report{}, err
	}
	return Report{
		Connection: p.key.Name, OK: failure == nil && after.SuspectAt.IsZero(), Suspect: !after.SuspectAt.IsZero(),
		PassCount: after.Pass, Closed: p.closed, AsOf: after.AsOf, Problems: append(problems, beside...), Error: failure,
	}, nil
}

// failed reads an error of a connector.
func failed(err error) *Failure {
	f := &Failure{Kind: connectors.Temporary, Message: err.Error()}
	var e *connectors.Error
	if errors.As(err, &e) {
		f.Kind, f.Do, f.retry = e.Kind, e.Do, e.Retry
	}
	if f.Do == "" {
		f.Do = advice[f.Kind]
	}
	return f
}

// advice is what to do about a failure of which the source says nothing better.
var advice = map[connectors.Kind]string{
	connectors.Auth:      "renew the permission that the connection uses, then run sync",
	connectors.Rate:      "nothing: it is tried again by itself",
	connectors.Temporary: "nothing if it passes: it is tried again by itself; else look whether the source can be reached from here",
	connectors.Invalid:   "look at the connection's settings; if they are right, report this",
	connectors.NotFound:  "look at the connection's address",
	connectors.Schema:    "the source answered something unknown: look whether it was updated, and report this",
}
