// Package connectors holds the contract between the books and the rest: a
// connector reads one accounting system and yields pages of nouns. It only
// reads; there is no method that writes to a source. Retry, pacing, logging
// wrap its transport (package httpapi); connectors contain no loop of that kind.
package connectors

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"relanced/internal/conf"
	"relanced/internal/oauth"
	"relanced/internal/receivable"
)

// Cursor is an opaque place in a source's feed, JSON owned by the connector.
// The nil Cursor means everything from the start.
type Cursor json.RawMessage

// Connector reads one accounting system.
type Connector interface {
	// Info tells what the source can and cannot do. It touches no network.
	Info() Info
	// Pull yields what changed since the cursor (the zero cursor: everything),
	// accounts before the documents that name them. The caller commits each page
	// together with its Next; replaying a page changes nothing. After an error
	// the sequence ends.
	Pull(ctx context.Context, since Cursor) iter.Seq2[Page, error]
}

// Info is what callers must know of a source; they never test for its name.
type Info struct {
	PageSize      int
	Allocations   Extent        // how far total = open + allocated can be checked
	Payments      bool          // the source tells payments
	SeesDeletions bool          // Pull reports what was deleted
	RereadOpen    time.Duration // how often every open invoice is re-read; 0 never
	ListEvery     time.Duration // how often everything is listed; 0 never
	MaxAge        time.Duration // default of the connection's max_age
	AgeIsOfExport bool          // freshness counts from the export, not from the pass (files)
	DueDates      bool          // the source gives due dates
	ReadChunk     int           // how many invoices one live re-read takes at once
}

// Extent tells how much of something the source gives.
type Extent string

// The extents.
const (
	All  Extent = "all"
	Some Extent = "some"
	None Extent = "none"
)

// Page is a slice of the books, committed in one transaction.
type Page struct {
	Accounts    []receivable.Account
	Documents   []receivable.Document
	Payments    []receivable.Payment
	Allocations []receivable.Allocation
	Groups      []string   // groups told whole: what they held before and this page does not name is no longer so
	Gone        []Ref      // deleted at the source
	Bad         []Rejected // rows that could not be read, and why
	Listing     *Scope     // set on every page of a full listing
	Seen        []Ref      // of a listing: keys it named without their content
	Whole       bool       // its last page: what the listing did not yield is absent
	AsOf        time.Time  // the moment whose truth this is: of the request, or of the export
	Next        Cursor     // opaque JSON
	File        string     // the file this was read from; "" for sources that are not files
	Format      string     // of that file: fec, csv
	Notes       []Rejected // oddities to show: what they speak of was read nevertheless
}

// Ref names a thing at the source.
type Ref struct {
	Kind     receivable.ItemKind
	External string
}

// Rejected is a row that could not be read; the pass goes on without it.
type Rejected struct {
	Ref  Ref    // External "" where not even the id could be read
	Line int    // of a file; 0 elsewhere
	Text string // what is wrong, in a person's words, without the row's secrets
}

// Scope says what a listing covers and what absence from it means. A listing
// covers exactly one Kind and one Part (of allocations: all that the source
// tells, and absent is gone); a snapshot of a newer AsOf replaces the
// older one of the same Part, an older one is refused.
type Scope struct {
	Kind   receivable.ItemKind
	Part   string // "all", "open", or a snapshot's name (SIREN and year)
	Absent Absence
}

// Absence is what it means that a listing did not name something.
type Absence string

// The meanings of absence.
const (
	AbsentGone    Absence = "gone"
	AbsentSettled Absence = "settled"
	AbsentReread  Absence = "reread"
)

// Prober tells whether the source answers and grants what is needed. The text
// is what check shows: whose books these are, what is missing.
type Prober interface {
	Probe(ctx context.Context) (string, error)
}

// Lister yields only the ids of a part of the source, as a listing.
type Lister interface {
	List(ctx context.Context, part string) iter.Seq2[Page, error]
}

// Restarter gives the cursor from which everything is read again without
// forgetting whose books these are: a token that answers for another company
// is refused, not merged. Without it the zero cursor starts again.
type Restarter interface {
	Restart(since Cursor) Cursor
}

// Owner tells whose books a cursor stands in, in words that are the same for all
// connections that read them; "" where the cursor does not say. Two connections
// must not read the same books.
type Owner interface {
	Owner(at Cursor) string
}

// InvoiceReader reads given invoices again, now: the live re-read before a
// message leaves. Invoices that no longer exist come back in Gone.
type InvoiceReader interface {
	ReadInvoices(ctx context.Context, externals []string) iter.Seq2[Page, error]
}

// DocumentFetcher fetches the PDF of a document, at most limit bytes.
type DocumentFetcher interface {
	FetchDocument(ctx context.Context, external string, limit int64) (Copy, error)
}

// WebhookVerifier is a source that tells over HTTP that something changed.
type WebhookVerifier interface {
	// VerifyWebhook looks whether a notification is the vendor's own (else an
	// error), and whether it is about the configured books. What it says is only a
	// hint: a pass then asks what changed.
	VerifyWebhook(header http.Header, body []byte) (ours bool, err error)
}

// Authorizer is a source that a person must let this program into, once.
type Authorizer interface {
	// OAuth is what the vendor knows this program by; its HTTP part is the
	// connector's own. It touches no network.
	OAuth() oauth.Client
	// Accept looks whether the access token opens the configured books, and
	// returns what is to be kept beside it and whose books they are, to be shown.
	// params are what the vendor's page sent back; nil where a grant is taken over.
	// An Auth error where it opens others.
	Accept(ctx context.Context, access string, params url.Values) (facts map[string]string, whose string, err error)
}

// Tokens gives the access tokens of a connection's grant, renewed as needed.
type Tokens interface {
	// Token returns one that is good for a minute at least; refused is one that the
	// source did not take ("" none). Errors are *oauth.Error.
	Token(ctx context.Context, c oauth.Client, refused string) (oauth.Token, error)
}

// Copy is an invoice copy to attach.
type Copy struct {
	Name  string // file name, safe to show
	Bytes []byte
}

// FileImporter reads one file given by hand as Pull reads those of a watched
// folder. The file is checked completely before the first page: an error that
// comes before it means that nothing of the file may stay. Pages carry File and
// Format; a page's Next is committed with it, as in Pull.
type FileImporter interface {
	ImportFile(ctx context.Context, path string, since Cursor) iter.Seq2[Page, error]
}

// FileRefuser is told that the caller would not commit a file that Pull yielded
// (a snapshot older than the last accepted one): the file is set aside with the
// reason beside it. name is the page's File.
type FileRefuser interface {
	RefuseFile(name, reason string) error
}

// Spec is a decoded and checked configuration of one connection's own keys.
type Spec interface {
	Check(p *conf.Problems)
	// Open builds the connector. It touches no network.
	Open(env Env) (Connector, error)
}

// Factory makes an empty Spec (a pointer to a struct) to decode strictly into.
type Factory func() Spec

// Env is what a connector is given besides its own configuration.
type Env struct {
	Connection receivable.ConnectionID
	Company    Company
	Transport  http.RoundTripper // nil: the default one; wrapped by httpapi
	Tokens     Tokens            // of sources that are authorised by OAuth
	Logger     *slog.Logger
	Now        func() time.Time
	Unpaced    bool   // the source is a simulator on this machine: no pace is kept
	Scratch    string // a folder for temporary files, made and emptied by the caller
	Timeout    time.Duration
	CA         string // PEM file to trust besides the system's; "" none
}

// Company is what a connector needs to know of the company whose books it reads.
type Company struct {
	ID       receivable.CompanyID
	SIREN    string
	Country  string
	Currency string
	Zone     *time.Location
	Terms    string // where a source gives no due date
}
