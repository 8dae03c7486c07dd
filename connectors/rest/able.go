package rest

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	"relanced/connectors"
	"relanced/connectors/httpapi"
	"relanced/connectors/manifest"
	"relanced/internal/oauth"
	"relanced/internal/receivable"
)

// The abilities that only some manifests give.
type (
	rereading   struct{ c *Connector }
	fetching    struct{ c *Connector }
	authorising struct{ c *Connector }
)

// able is the connector with the abilities that its manifest gives: callers ask
// for them by type assertion.
func (c *Connector) able() connectors.Connector {
	r, f, a := rereading{c}, fetching{c}, authorising{c}
	rereads, fetches := c.book.Invoices.Read != nil, c.book.Invoices.PDF != nil
	if g := c.book.Auth.OAuth2; g != nil && g.Kind == code {
		switch {
		case rereads && fetches:
			return struct {
				*Connector
				rereading
				fetching
				authorising
			}{c, r, f, a}
		case rereads:
			return struct {
				*Connector
				rereading
				authorising
			}{c, r, a}
		case fetches:
			return struct {
				*Connector
				fetching
				authorising
			}{c, f, a}
		}
		return struct {
			*Connector
			authorising
		}{c, a}
	}
	switch {
	case rereads && fetches:
		return struct {
			*Connector
			rereading
			fetching
		}{c, r, f}
	case rereads:
		return struct {
			*Connector
			rereading
		}{c, r}
	case fetches:
		return struct {
			*Connector
			fetching
		}{c, f}
	}
	return c
}

// OAuth is what the vendor knows this program by.
func (a authorising) OAuth() oauth.Client { return a.c.grant }

// Accept looks whether the permission opens books that the manifest can read.
func (a authorising) Accept(ctx context.Context, access string, _ url.Values) (map[string]string, string, error) {
	whose, err := a.c.Probe(httpapi.WithToken(ctx, access))
	return nil, whose, err
}

// Probe asks what the manifest's probe says, then for the first page of each kind
// of thing: what cannot be read is told.
func (c *Connector) Probe(ctx context.Context) (string, error) {
	whose, _, _, err := c.whose(ctx)
	if err != nil {
		return "", err
	}
	for _, s := range c.book.sections() {
		if _, err := c.walk(s, noTime, place{}).next(ctx); err != nil {
			return "", err
		}
	}
	if whose != "" {
		return fmt.Sprintf("%s (%s)", whose, c.book.Manifest), nil
	}
	return fmt.Sprintf("%s answers as the manifest %s says", c.base.Host, c.book.Manifest), nil
}

// whose asks what the manifest's probe says: the name to show, and the key of the
// company; "" what it does not tell.
func (c *Connector) whose(ctx context.Context) (name, id string, told manifest.Row, err error) {
	const op = "ask whose books these are"
	b := c.book.Probe
	if b == nil {
		return "", "", nil, nil
	}
	a := &answer{}
	if err := c.ask(ctx, op, &b.request, nil, values{}, noTime, a); err != nil {
		return "", "", nil, err
	}
	if !b.Show.IsZero() {
		name, err = b.Show.Text("show", a.root)
	}
	if err == nil && !b.ID.IsZero() {
		if id, err = b.ID.Text("id", a.root); err == nil && id == "" {
			err = fmt.Errorf("the answer does not tell the key of the company (%s)", b.ID.Place())
		}
	}
	if err != nil {
		return "", "", a.root, c.http.Fail(op, connectors.Schema, err.Error(), "correct probe: in the manifest")
	}
	return name, id, a.root, nil
}

// ReadInvoices reads invoices again, and their customers where that takes one
// request. Keys that the source does not know any more come back as gone.
func (r rereading) ReadInvoices(ctx context.Context, externals []string) iter.Seq2[connectors.Page, error] {
	c := r.c
	return func(yield func(connectors.Page, error) bool) {
		for chunk := range slices.Chunk(externals, max(c.Info().ReadChunk, 1)) {
			out, err := c.again(ctx, chunk)
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}

func (c *Connector) again(ctx context.Context, keys []string) (connectors.Page, error) {
	s := &c.book.Invoices.Section
	var out connectors.Page
	rows, asOf, err := c.byKeys(ctx, s, keys, &out)
	if err != nil {
		return out, err
	}
	out.AsOf = asOf
	for _, row := range rows {
		c.take(s, row, &out)
	}
	there := map[string]bool{}
	for _, doc := range out.Documents {
		there[doc.External] = true
	}
	for _, bad := range out.Bad {
		there[bad.Ref.External] = true
	}
	out.Gone = nil
	for _, key := range keys {
		if !there[key] {
			out.Gone = append(out.Gone, connectors.Ref{Kind: receivable.ItemDocument, External: key})
		}
	}
	if r := c.book.Customers.Read; r != nil && r.several() {
		accounts, _, err := c.byKeys(ctx, &c.book.Customers.Section, accountsOf(out.Documents, nil), &out)
		if err != nil {
			return out, err
		}
		for _, row := range accounts {
			c.take(&c.book.Customers.Section, row, &out)
		}
	}
	return out, nil
}

// FetchDocument fetches the PDF of an invoice.
func (f fetching) FetchDocument(ctx context.Context, external string, limit int64) (connectors.Copy, error) {
	const op = "fetch a document"
	c, d := f.c, f.c.book.Invoices.PDF
	v := values{id: external}
	number := external
	if d.needsRow() {
		rows, _, err := c.byKeys(ctx, &c.book.Invoices.Section, []string{external}, &connectors.Page{})
		if err != nil {
			return connectors.Copy{}, err
		}
		if len(rows) == 0 {
			return connectors.Copy{}, c.http.Fail(op, connectors.NotFound, "the source does not know the invoice any more", "nothing: the next pass tells what became of it")
		}
		if v.row, err = manifest.RowOf(rows[0]); err != nil {
			return connectors.Copy{}, c.http.Fail(op, connectors.Schema, err.Error(), "")
		}
		number, _ = c.book.Invoices.Map.Number.Text("number", v.row) // only the name of a file
	}
	data, err := c.document(ctx, op, d, v, limit)
	if err != nil {
		return connectors.Copy{}, err
	}
	if len(data) < 5 || string(data[:5]) != "%PDF-" {
		return connectors.Copy{}, c.http.Fail(op, connectors.Temporary, "the answer is no PDF", "")
	}
	return connectors.Copy{Name: fileName(number) + ".pdf", Bytes: data}, nil
}

func (c *Connector) document(ctx context.Context, op string, d *pdf, v values, limit int64) ([]byte, error) {
	if !d.Link.IsZero() {
		link, err := d.Link.Text("link", v.row)
		if err != nil {
			return nil, c.http.Fail(op, connectors.Schema, err.Error(), "")
		}
		to, err := c.base.Parse(link)
		if err != nil || link == "" || to.Host != c.base.Host && !slices.Contains(d.Hosts, to.Host) {
			return nil, c.http.Fail(op, connectors.Invalid, "the link leads to another host than base_url, and none of pdf.hosts in the manifest", "name the host there, if it is the vendor's")
		}
		return c.http.Download(ctx, op, to.String(), limit)
	}
	call, err := c.call(op, &d.request, nil, v, noTime)
	if err != nil {
		return nil, c.http.Fail(op, connectors.Invalid, err.Error(), "")
	}
	if d.Base64 == "" {
		var raw httpapi.Raw
		call.Header.Set("Accept", "application/pdf")
		call.Limit = limit
		_, err := c.http.Do(ctx, call, &raw)
		return raw, err
	}
	call.Limit = limit*4/3 + envelope
	var body any
	if _, err := c.http.Do(ctx, call, &body); err != nil {
		return nil, err
	}
	found, _ := walk(body, d.Base64)
	text, _ := found.(string)
	data, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err != nil || text == "":
		return nil, c.http.Fail(op, connectors.Schema, fmt.Sprintf("%q holds nothing in base64", d.Base64), "")
	case int64(len(data)) > limit:
		return nil, c.http.Fail(op, connectors.Invalid, fmt.Sprintf("the document is larger than %d bytes", limit), "")
	}
	return data, nil
}

// envelope is what a JSON answer may hold besides the copy.
const envelope = 64 << 10

func (d *pdf) needsRow() bool {
	names := placesIn(&d.request)
	return !d.Link.IsZero() || slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "it.") })
}

// fileName is a number that can be part of a file's name anywhere.
func fileName(number string) string {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || r < ' ' {
			return '-'
		}
		return r
	}, number)
	return strings.Trim(name, ". ")
}

var (
	_ connectors.Prober          = (*Connector)(nil)
	_ connectors.Lister          = (*Connector)(nil)
	_ connectors.InvoiceReader   = rereading{}
	_ connectors.DocumentFetcher = fetching{}
	_ connectors.Authorizer      = authorising{}
)
