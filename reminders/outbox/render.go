package outbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/reminders"
	"relanced/reminders/compose"
)

// Draft is a message as it would leave now.
type Draft struct {
	store.Outgoing
	Mail email.Message
}

// ErrStands tells that a message no longer stands as it was proposed: the facts
// have changed, and the next sweep proposes anew or withdraws it.
var ErrStands = fmt.Errorf("the facts have changed since it was proposed")

// Preview renders a message that has not left as it would leave now, copies of
// invoices left out. ErrStands where it would not.
func (b *Box) Preview(ctx context.Context, out store.Outgoing) (email.Message, error) {
	d, err := b.Store.Dossier(ctx, out.Customer)
	if err != nil {
		return email.Message{}, err
	}
	a, ok := standing(d, b.Company.Rules, out.ID, b.Store.Now())
	if !ok {
		return email.Message{}, ErrStands
	}
	known, err := b.acceptFirst(ctx)
	if err != nil {
		return email.Message{}, err
	}
	return b.compose(d, a, out, nil, known, b.Store.Now())
}

// Previews renders several, in few queries; those that no longer stand are left out.
func (b *Box) Previews(ctx context.Context, outs []store.Outgoing) ([]Draft, error) {
	ids := make([]dossier.CustomerID, 0, len(outs))
	for _, out := range outs {
		ids = append(ids, out.Customer)
	}
	slices.Sort(ids)
	dossiers, err := b.Store.Dossiers(ctx, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	byID := make(map[dossier.CustomerID]dossier.Dossier, len(dossiers))
	for _, d := range dossiers {
		byID[d.Customer.ID] = d
	}
	known, err := b.acceptFirst(ctx)
	if err != nil {
		return nil, err
	}
	now := b.Store.Now()
	var drafts []Draft
	for _, out := range outs {
		d, found := byID[out.Customer]
		if !found {
			continue
		}
		a, ok := standing(d, b.Company.Rules, out.ID, now)
		if !ok {
			continue
		}
		mail, err := b.compose(d, a, out, nil, known, now)
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", out.ID, err)
		}
		drafts = append(drafts, Draft{out, mail})
	}
	return drafts, nil
}

// standing returns the live message as it is decided now, where it stands.
func standing(d dossier.Dossier, r reminders.Rules, id dossier.MessageID, now time.Time) (reminders.Action, bool) {
	for _, a := range reminders.Decide(d, r, now).Keep {
		if a.Reopens == id {
			return a, true
		}
	}
	return reminders.Action{}, false
}

// compose writes the message from facts and the row's fixed parts.
func (b *Box) compose(d dossier.Dossier, a reminders.Action, out store.Outgoing, copies []email.Part, known accepted, now time.Time) (email.Message, error) {
	if d.Customer.Kind == receivable.KindUnknown || d.Customer.Kind == "" {
		d.Customer.Kind = b.Company.Rules.Company.Kind // as the rules see it
	}
	lang := compose.Language(d.Customer.Language, b.Company.Compose.Language)
	figures, err := b.figures(d, a, lang, b.today(now))
	if err != nil {
		return email.Message{}, err
	}
	return compose.Render(compose.Request{
		Dossier:     d,
		Action:      a,
		Company:     b.Company.Compose,
		Sender:      b.Company.Sender,
		Bank:        b.bankOf(known, d),
		PayLink:     b.Company.PayLink,
		Legal:       figures,
		Thread:      b.thread(d, a, out),
		Next:        nextStep(a, b.Company.Rules, now),
		Keys:        b.Company.Keys,
		ID:          email.ID(out.Ref),
		Date:        now.In(b.zone()),
		Added:       out.Added,
		Attachments: copies,
	})
}

// nextStep is the step after this one as the plan really has it: what a message
// may announce.
func nextStep(a reminders.Action, r reminders.Rules, now time.Time) compose.Next {
	following, ok := r.After(a, now)
	if !ok {
		return compose.Next{}
	}
	return compose.Next{Channel: following.Channel, Formal: following.Formal, On: following.On}
}

// copies fetches the invoice copies that go with a message, within the limits
// of the configuration: a missing copy never stops a message. None goes to whom
// the last message was too big for.
func (b *Box) copies(ctx context.Context, d dossier.Dossier, a reminders.Action) []email.Part {
	config := b.Company.Rules.Config.Attach
	if b.Documents == nil || config.Invoices == "none" || tooBig(d) {
		return nil
	}
	var parts []email.Part
	left, seen := int64(config.MaxSize), map[dossier.DocumentID]bool{}
	for _, use := range a.Lines {
		if len(parts) == config.Max || seen[use.Line.Document] || config.Invoices == "overdue" && use.Role == dossier.RoleUpcoming && demands(a) {
			continue
		}
		seen[use.Line.Document] = true
		part, ok, err := b.Documents.Copy(ctx, b.Company.ID, use.Line, left)
		if err != nil {
			b.Logger.WarnContext(ctx, "invoice copy not attached", "invoice", use.Line.Invoice, "err", err)
			continue
		}
		if !ok || int64(len(part.Data)) > left {
			continue
		}
		left -= int64(len(part.Data))
		parts = append(parts, part)
	}
	return parts
}
