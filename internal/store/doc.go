// Package store keeps the facts: what the books said, what was sent and heard,
// what people decided. Where a customer stands is never stored; package
// reminders computes it from a dossier.Dossier, which this package builds.
//
// One SQL text serves SQLite and PostgreSQL. Everything happens in a Tx:
//
//	s, err := store.Open(ctx, "sqlite:/var/lib/relanced/relanced.db", store.Options{Logger: log})
//	err = s.InTx(ctx, func(tx *store.Tx) error { … })  // writes; may run twice on PostgreSQL
//	err = s.View(ctx, func(tx *store.Tx) error { … })  // reads one snapshot
//
// Methods of Tx run inside the caller's transaction; methods of Store open one
// of their own. A method that writes a fact about a customer touches that
// customer's agenda row by itself, once, when the transaction ends: callers
// need Touch only for facts of their own making. Network calls never happen
// inside a transaction, and a Store method is never called inside one.
//
// Where to look:
//
//	store.go       Open, InTx, View, Close; errors.go: what went wrong, by errors.Is
//	connections.go Connection, BeginPass, EndPass, Confirm, UpToDate
//	pages.go       Page, Applied: what connectors hand in; OpenInvoices
//	mirror*.go     ApplyPage: accounts, documents and money as the source says; listing.go: what a listing did not name
//	books.go       CheckBooks: total = open + allocated; the running counts of the books
//	overlay.go     ApplyOverlays: the customers' file
//	dossiers.go    Dossier, Dossiers, DossierAt; dossier_*.go: what they gather
//	agenda.go      Touch, DueAgenda, Decided, RulesChanged, OpenGate
//	facts.go       holds, promises, disputes, tasks, steps taken, commands
//	outbox.go      Propose, Approve, Cancel, NextToSend, Outbox
//	arming.go      Arm, Record, PutOff, Resolve, Takeover: the send path and its named points
//	readiness.go   what tells whether a company may send
//	inbox.go       mailboxes, folders, RecordMessage; matching.go: lookups for package match
//	company.go     ticks, batches, the work list and its answers, meta
//	timeline.go    events, Seal, Verify, Erase
//	lists.go       rows for the commands; find.go: customers and invoices by what people call them
//	leases.go      rows of package lease; backup.go: Backup; restored.go: copies put back
//
// Time: instants are UTC to the microsecond, a zero time.Time means "never";
// dates are calendar.Date, zero where there is none.
package store
