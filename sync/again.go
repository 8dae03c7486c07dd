package sync

import (
	"context"
	"slices"
	"time"

	"relanced/connectors"
	"relanced/internal/store"
)

// list asks for the ids of everything, where the source can and it is time.
func (p *pass) list(ctx context.Context) (*Failure, error) {
	lister, ok := p.source.Connector.(connectors.Lister)
	if !ok || p.listed || !p.due(p.info.ListEvery, p.before.ListedAt) && !p.options.Full {
		return nil, nil
	}
	return p.apply(ctx, lister.List(ctx, "all"), true)
}

// due tells whether something done at last is to be done again. What was never
// done is new with the first load.
func (p *pass) due(every time.Duration, last time.Time) bool {
	return every > 0 && !last.IsZero() && p.store.Now().Sub(last) >= every
}

// readAgain reads invoices once more by id: those tied to a payment or an
// allocation that came or went, and once in a while every open one.
func (p *pass) readAgain(ctx context.Context) (*Failure, error) {
	reader, ok := p.source.Connector.(connectors.InvoiceReader)
	if !ok {
		return nil, nil
	}
	if failure, err := p.readTodo(ctx, reader); failure != nil || err != nil {
		return failure, err
	}
	if !p.due(p.info.RereadOpen, p.before.RereadAt) {
		return nil, nil
	}
	for {
		open, err := p.store.OpenInvoices(ctx, p.key, p.todo.After, max(p.info.ReadChunk, 1))
		if err != nil {
			return nil, err
		}
		if len(open) == 0 {
			break
		}
		if ids := p.unread(open); len(ids) > 0 {
			if failure, err := p.readIDs(ctx, reader, ids); failure != nil || err != nil {
				return failure, err
			}
		}
		if err := p.keep(ctx, todo{Invoices: p.todo.Invoices, After: open[len(open)-1]}); err != nil {
			return nil, err
		}
	}
	return p.readTodo(ctx, reader)
}

// readTodo reads what is left to be read again, and what that leads to; each
// invoice once in a pass.
func (p *pass) readTodo(ctx context.Context, reader connectors.InvoiceReader) (*Failure, error) {
	for len(p.todo.Invoices) > 0 {
		ids := p.todo.Invoices[:min(len(p.todo.Invoices), max(p.info.ReadChunk, 1))]
		if failure, err := p.readIDs(ctx, reader, ids); failure != nil || err != nil {
			return failure, err
		}
		if next, changed := p.todo.with(nil, ids); changed { // some could not be read: they are among the problems
			if err := p.keep(ctx, next); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

func (p *pass) readIDs(ctx context.Context, reader connectors.InvoiceReader, ids []string) (*Failure, error) {
	for _, id := range ids {
		p.done[id] = true
	}
	return p.apply(ctx, reader.ReadInvoices(ctx, slices.Clone(ids)), true)
}

func (p *pass) keep(ctx context.Context, t todo) error {
	err := p.store.InTx(ctx, func(tx *store.Tx) error { return t.save(tx, p.key) })
	if err == nil {
		p.todo = t
	}
	return err
}
