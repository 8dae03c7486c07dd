package sync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"relanced/connectors"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

// pull asks for what changed. A source of files moves each when its last page
// was taken: it is asked for no page before that.
func (p *pass) pull(ctx context.Context, since connectors.Cursor) iter.Seq2[connectors.Page, error] {
	if p.info.AgeIsOfExport {
		return p.source.Connector.Pull(ctx, since)
	}
	return ahead(ctx, func(ctx context.Context) iter.Seq2[connectors.Page, error] {
		return p.source.Connector.Pull(ctx, since)
	})
}

// errRefused tells that a file was handed back to the connector.
var errRefused = errors.New("file refused")

// apply commits pages as they come. again: they are of a re-read or of a listing
// of ids, the cursor stays.
func (p *pass) apply(ctx context.Context, pages iter.Seq2[connectors.Page, error], again bool) (*Failure, error) {
	for in, err := range pages {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return failed(err), nil
		}
		if !again {
			if failure, err := p.taken(ctx, in.Next); failure != nil || err != nil {
				return failure, err
			}
		}
		out := page(p.company, p.info, in)
		out.KeepCursor = again
		applied, err := p.write(ctx, out, again)
		if errors.Is(err, store.ErrOlder) {
			return p.refuse(ctx, in)
		}
		if err != nil {
			return nil, err
		}
		if !again {
			p.asOf = later(p.asOf, in.AsOf)
			p.listed = p.listed || in.Whole && in.Listing != nil && in.Listing.Kind == receivable.ItemDocument && in.Listing.Part == "all"
		}
		p.closed += applied.Closed
		p.note(in, applied.New > 0)
	}
	return nil, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// write commits a page together with what it leaves to be read again.
func (p *pass) write(ctx context.Context, out store.Page, again bool) (store.Applied, error) {
	var applied store.Applied
	var next todo
	err := p.store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		if applied, err = tx.ApplyPage(p.key, out); err != nil {
			return err
		}
		if err := p.tellRefused(tx, out.Bad); err != nil {
			return err
		}
		var done []string
		if again {
			done = named(out)
		}
		var changed bool
		if next, changed = p.todo.with(p.unread(slices.Concat(applied.Linked, applied.Reread)), done); changed {
			return next.save(tx, p.key)
		}
		return nil
	})
	if err == nil {
		p.todo = next
	}
	return applied, err
}

// named are the documents that a page of a re-read answers for.
func named(page store.Page) []string {
	if page.Listing != nil {
		return nil
	}
	var ids []string
	for _, d := range page.Documents {
		ids = append(ids, d.External)
	}
	for _, g := range page.Gone {
		if g.Kind == receivable.ItemDocument {
			ids = append(ids, g.External)
		}
	}
	return ids
}

// unread leaves out what this pass has read by id already.
func (p *pass) unread(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return p.done[id] })
}

// note remembers what the end of the pass will look at.
func (p *pass) note(in connectors.Page, fresh bool) {
	p.newAccounts = p.newAccounts || fresh && len(in.Accounts) > 0
	if known := p.history(); len(known.rows) > 0 {
		for _, d := range in.Documents {
			if f := store.FoldNumber(d.Number); known.byNumber[f] != nil {
				p.numbers[f] = true
			}
		}
	}
	if len(p.company.Sources) < 2 {
		return
	}
	for _, a := range in.Accounts {
		if a.SIREN+a.SIRET+a.VAT != "" {
			for _, number := range registers(a.SIREN, a.SIRET, a.VAT) {
				p.met[number] = true
			}
		}
	}
}

// refuse hands a file back that is older than what was accepted.
func (p *pass) refuse(ctx context.Context, in connectors.Page) (*Failure, error) {
	const reason = "it is older than the export accepted before it: export again"
	refuser, ok := p.source.Connector.(connectors.FileRefuser)
	if !ok || in.File == "" || p.refused[in.File] {
		return &Failure{Kind: connectors.Invalid, Message: "what the source gave is older than what was accepted before", Do: "export again"}, nil
	}
	p.refused[in.File] = true
	if err := refuser.RefuseFile(in.File, reason); err != nil {
		return failed(err), nil
	}
	told := store.Page{
		KeepCursor: true, AsOf: in.AsOf,
		Bad: []store.Rejected{{File: in.File, Text: in.File + " was refused: " + reason}},
	}
	if _, err := p.write(ctx, told, false); err != nil {
		return nil, err
	}
	return nil, errRefused
}

// tellRefused opens a task for each file that was refused whole: among the
// problems it stands only until the next pass.
func (p *pass) tellRefused(tx *store.Tx, bad []store.Rejected) error {
	for _, b := range bad {
		if b.File == "" || b.Line != 0 || b.Ref.External != "" {
			continue
		}
		task := dossier.Task{Kind: "file", Title: fmt.Sprintf("%s: %s", p.key.Name, b.Text)}
		if _, err := tx.AddTask(p.company.ID, 0, task, "file/"+string(p.key.Name)+"/"+b.File); err != nil {
			return err
		}
	}
	return nil
}
