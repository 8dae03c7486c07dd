package rest

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"relanced/connectors/httpapi"
	"relanced/connectors/manifest"
	"relanced/internal/conf"
	"relanced/internal/receivable"
)

//go:embed manifests/*.yaml
var embedded embed.FS

// Manifests are those that are shipped, NAME.yaml each.
func Manifests() fs.FS {
	sub, err := fs.Sub(embedded, "manifests")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// book is a manifest of this connector: how to reach the rows of one system.
type book struct {
	manifest.Head
	BaseURL     conf.URL            `yaml:"base_url"      doc:"where the interface is; without it each connection says so"`
	Auth        auth                `yaml:"auth"          doc:"how requests are let in"`
	Headers     map[string]template `yaml:"headers"       doc:"headers of every request; {name} is a secret of the connection, {name?} one that may be left out"`
	Rate        conf.Rate           `yaml:"rate"          doc:"most requests, as in 60/min"`
	Errors      faults              `yaml:"errors"        doc:"how the interface tells that something is wrong"`
	FalseIsNull bool                `yaml:"false_is_null" doc:"fields without a value hold false"`
	Probe       *probe              `yaml:"probe"         doc:"what check asks: a path, or a request"`
	Customers   customers           `yaml:"customers"`
	Invoices    invoices            `yaml:"invoices"`
	CreditNotes *credits            `yaml:"credit_notes"`
	Payments    *payments           `yaml:"payments"`
	Allocations *allocations        `yaml:"allocations"`

	hash string // of all of it
}

// Section says how the rows of a kind of thing are reached.
type Section struct {
	request
	Page   paging   `yaml:"page"   doc:"how one page leads to the next; without it one answer holds everything"`
	Since  *since   `yaml:"since"  doc:"how to ask for what changed only"`
	Empty  *empty   `yaml:"empty"  doc:"a refusal that means that there are no rows"`
	Detail *detail  `yaml:"detail" doc:"a second request for each row, where the list does not tell enough"`
	Read   *reading `yaml:"read"   doc:"rows by their keys: {id}, or {ids} for several at once"`

	name string
	id   *manifest.Expr
}

type (
	customers struct {
		Section
		Map manifest.Account `yaml:"map"`
	}
	invoices struct {
		Section
		PDF *pdf              `yaml:"pdf" doc:"the invoice's copy"`
		Map manifest.Document `yaml:"map"`
	}
	credits struct {
		Section
		Map manifest.Document `yaml:"map"`
	}
	payments struct {
		Section
		Map manifest.Payment `yaml:"map"`
	}
	allocations struct {
		Section
		Map manifest.Allocation `yaml:"map"`
	}
)

// empty is a refusal that means that there are no rows.
type empty struct {
	Status   int    `yaml:"status"   doc:"of the answer: 404"`
	Contains string `yaml:"contains" doc:"what the answer then says; a wrong address says something else"`
}

// detail is a second request for a row.
type detail struct {
	request
	When manifest.Expr `yaml:"when" doc:"over the row: only where this is true; everywhere where not told"`
	As   string        `yaml:"as"   doc:"the field of the row that takes the rows of the answer as a list: contacts; without it the answer is one row, laid over this one"`
}

// reading asks for rows by their keys.
type reading struct {
	request
	Most int `yaml:"most" doc:"how many keys {ids} may hold"`
}

// pdf says where the copy of an invoice is: under an address of its own, behind a
// link that its row holds, or inside a JSON answer.
type pdf struct {
	request
	Link   manifest.Expr `yaml:"link"   doc:"over the invoice read again: where the copy is"`
	Hosts  []string      `yaml:"hosts"  doc:"hosts besides that of base_url that a link may lead to"`
	Base64 string        `yaml:"base64" doc:"where in a JSON answer the copy is, in base64"`
}

// probe is what check asks.
type probe struct {
	request
	Show manifest.Expr `yaml:"show" doc:"over the answer: whose books these are, for people"`
	ID   manifest.Expr `yaml:"id"   doc:"over the answer: the key of the company; books of another one behind the address are then refused"`
}

// DecodeConf reads a path, or a request.
func (b *probe) DecodeConf(n conf.Node, p *conf.Problems) {
	if !n.IsMapping() {
		b.Path.DecodeConf(n, p)
		return
	}
	var inner struct {
		request
		Show manifest.Expr `yaml:"show"`
		ID   manifest.Expr `yaml:"id"`
	}
	n.Decode(p, &inner)
	b.request, b.Show, b.ID = inner.request, inner.Show, inner.ID
}

// The keys of one live re-read, and how many a manifest may ask for.
const (
	defaultMost = 50
	maxMost     = 500
)

// load reads and compiles a manifest. Everything that is wrong with it is
// reported to p, which stands at the connection's `manifest`.
func load(name manifest.Name, p *conf.Problems) (*book, bool) {
	n, ok := name.Load(Manifests(), p)
	if !ok {
		return nil, false
	}
	return compile(n, n.On(p))
}

func compile(n conf.Node, at *conf.Problems) (*book, bool) {
	if manifest.ForAnother(n, "rest", at) {
		return nil, false
	}
	before := at.Count()
	b := &book{hash: hashOf(n)}
	n.Decode(at, b)
	b.Check("rest", at)
	if b.BaseURL != "" {
		if _, err := httpapi.ParseURL(string(b.BaseURL)); err != nil {
			at.At("base_url").Addf("%s", err)
		}
	}
	b.Auth.check(at.At("auth"))
	for _, name := range slices.Sorted(maps.Keys(b.Headers)) {
		checkHeader(at.At("headers", name), name)
		for _, place := range b.Headers[name].names() {
			if strings.Contains(place, ".") {
				at.At("headers", name).Addf("{%s} is no name of a secret", place)
			}
		}
	}
	checkSteps(at.At("errors", "message"), b.Errors.Message)
	if b.Probe != nil {
		b.Probe.check(at.At("probe"))
	}
	b.Customers.Map.Check(at.At("customers", "map"))
	b.Customers.settle("customers", &b.Customers.Map.ID, at)
	b.Invoices.Map.Check(at.At("invoices", "map"))
	b.Invoices.settle("invoices", &b.Invoices.Map.ID, at)
	b.Invoices.PDF.check(b.Invoices.Read != nil, at.At("invoices", "pdf"))
	if m := b.CreditNotes; m != nil {
		m.Map.Check(at.At("credit_notes", "map"))
		m.settle("credit_notes", &m.Map.ID, at)
	}
	if m := b.Payments; m != nil {
		m.Map.Check(at.At("payments", "map"))
		m.settle("payments", &m.Map.ID, at)
	}
	if m := b.Allocations; m != nil {
		if b.Payments != nil && b.Payments.Map.Links() {
			at.At("payments", "map", "invoices").Addf("the section allocations tells what settles what: one of the two")
		}
		m.Map.Check(at.At("allocations", "map"))
		m.settle("allocations", nil, at)
	}
	return b, at.Count() == before
}

// hashOf names the content of a manifest: with another one, rows mean something
// else, and are read again.
func hashOf(n conf.Node) string {
	text, _ := json.Marshal(n.Value()) // plain data: cannot fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// settle checks a section.
func (s *Section) settle(name string, id *manifest.Expr, at *conf.Problems) {
	s.name, s.id = name, id
	p := at.At(name)
	places := s.Page.places()
	if s.Since != nil {
		places = append(places, "since")
	}
	s.check(p, s.Page.places()...)
	if s.Items == "" {
		p.At("items").Addf("say where in the answer the rows are, as in items: data, or . where the answer itself is the list")
	}
	s.Page.check(s, p.At("page"))
	s.Since.check(p.At("since"), places)
	if s.Empty != nil && (s.Empty.Status < 400 || s.Empty.Status > 499 || s.Empty.Contains == "") {
		p.At("empty").Addf("write the status and what the answer says then, as in empty: {status: 404, contains: No invoice found}")
	}
	if s.Detail != nil {
		s.Detail.check(p.At("detail"), "id")
		if s.Detail.As != "" && !fieldName.MatchString(s.Detail.As) {
			p.At("detail", "as").Addf("%q is no name of a field, as in as: contacts", s.Detail.As)
		}
		if id == nil {
			p.At("detail").Addf("%s have no key to ask by", name)
		}
	}
	if s.Read == nil {
		return
	}
	if name != "customers" && name != "invoices" {
		p.At("read").Addf("only customers and invoices are read again by key")
	}
	s.Read.check(p.At("read"), "id", "ids", "size")
	if s.Read.Items == "" {
		p.At("read", "items").Addf("say where in the answer the row is, as in items: data, or . where the answer itself is the row")
	}
	switch {
	case s.Read.Most == 0:
		s.Read.Most = defaultMost
	case s.Read.Most < 1 || s.Read.Most > maxMost:
		p.At("read", "most").Addf("write 1 to %d", maxMost)
	}
}

// several tells whether one request reads several rows.
func (r *reading) several() bool {
	return slices.Contains(placesIn(&r.request), "ids")
}

func (d *pdf) check(rereads bool, p *conf.Problems) {
	if d == nil {
		return
	}
	switch {
	case d.Link.IsZero() && d.Path.text == "":
		p.Addf("write the path of the copy, as in path: /invoices/{id}/pdf, or the link that the row holds")
		return
	case !d.Link.IsZero() && d.Path.text != "":
		p.At("link").Addf("path says where the copy is: one of the two")
	case d.needsRow() && !rereads:
		p.Addf("this needs the invoice's row: write read for invoices")
	}
	if d.Path.text != "" {
		d.request.check(p, "id", "it")
	}
	for i, host := range d.Hosts {
		if !hostName.MatchString(host) {
			p.At("hosts", i).Addf("%q is no name of a host, as in files.example.com", host)
		}
	}
	checkSteps(p.At("base64"), d.Base64)
}

var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

func checkSteps(p *conf.Problems, path string) {
	if path != "" && slices.Contains(strings.Split(path, "."), "") {
		p.Addf("write the names that lead there, as in error.message")
	}
}

// sections are those that the manifest has, in the order in which they are read.
func (b *book) sections() []*Section {
	list := []*Section{&b.Customers.Section, &b.Invoices.Section}
	if b.CreditNotes != nil {
		list = append(list, &b.CreditNotes.Section)
	}
	if b.Payments != nil {
		list = append(list, &b.Payments.Section)
	}
	if b.Allocations != nil {
		list = append(list, &b.Allocations.Section)
	}
	return list
}

// kind is what a section lists.
func (s *Section) kind() receivable.ItemKind {
	switch s.name {
	case "customers":
		return receivable.ItemAccount
	case "invoices", "credit_notes":
		return receivable.ItemDocument
	case "payments":
		return receivable.ItemPayment
	}
	return receivable.ItemAllocation
}

// partial tells whether changes of a kind can be asked for, in all its sections.
func (b *book) partial(kind receivable.ItemKind) bool {
	for _, s := range b.sections() {
		if s.kind() == kind && s.Since == nil {
			return false
		}
	}
	return true
}
