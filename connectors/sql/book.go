package sql

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

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
	Drivers     drivers     `yaml:"driver"      doc:"the database it is written for: sqlserver, postgres, mysql or sqlite; any where not told"`
	Page        int         `yaml:"page"        doc:"rows that one statement asks for"`
	Customers   customers   `yaml:"customers"`
	Invoices    invoices    `yaml:"invoices"`
	Dues        *dues       `yaml:"dues"`
	Payments    *payments   `yaml:"payments"`
	Allocations *allocation `yaml:"allocations"`
}

// Section says how the rows of a kind of thing are reached.
type Section struct {
	Query   statement `yaml:"query"   doc:"a SELECT, one row for each thing"`
	Key     column    `yaml:"key"     doc:"column of the query that is unique and never null: the thing's own key, and the order in which rows are read"`
	Changed column    `yaml:"changed" doc:"column of the query that grows whenever a row changes: an instant, or a whole number; without it everything is read each time"`

	name    string
	at      string            // where the query stands: file:line:column
	columns []string          // what is asked for: the key first
	places  map[string]string // where the manifest speaks of each
}

type (
	customers struct {
		Section
		Map manifest.Account `yaml:"map"`
	}
	invoices struct {
		Section
		Map manifest.Document `yaml:"map"`
	}
	payments struct {
		Section
		Map manifest.Payment `yaml:"map"`
	}
	allocation struct {
		Section
		Map manifest.Allocation `yaml:"map"`
	}
	// dues are reached by the invoices they belong to: their key is the column that
	// names the invoice.
	dues struct {
		Section
		Sums bool         `yaml:"sums" doc:"the lines are the whole invoice: their sums are its total and what is outstanding"`
		Map  manifest.Due `yaml:"map"`
	}
)

// drivers is one name of a database, or several.
type drivers []string

// DecodeConf reads a word or a list of words.
func (d *drivers) DecodeConf(n conf.Node, p *conf.Problems) {
	items := n.Items()
	if !n.IsSequence() {
		items = []conf.Node{n}
	}
	for _, item := range items {
		text := item.Text()
		if dialects[text] == nil {
			p.Addf("%q is no database: write %s", text, strings.Join(dialectNames(), ", "))
			return
		}
		*d = append(*d, text)
	}
}

// The rows that one statement asks for, and how many a manifest may ask for.
const (
	defaultPage = 1000
	maxPage     = 10_000
)

// Defaults fills what a manifest leaves out.
func (b *book) Defaults() { b.Page = defaultPage }

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
	if manifest.ForAnother(n, "sql", at) {
		return nil, false
	}
	before := at.Count()
	b := &book{}
	n.Decode(at, b)
	b.Check("sql", at)
	if b.Page < 1 || b.Page > maxPage {
		at.At("page").Addf("write 1 to %d rows", maxPage)
	}
	keyed(at.At("customers"), &b.Customers.Section, &b.Customers.Map.ID)
	b.Customers.Map.Check(at.At("customers", "map"))
	b.Customers.settle("customers", b.Customers.Map.Reads(), at)
	keyed(at.At("invoices"), &b.Invoices.Section, &b.Invoices.Map.ID)
	b.Invoices.Map.Check(at.At("invoices", "map"))
	b.Invoices.settle("invoices", b.Invoices.Map.Reads(), at)
	if d := b.Dues; d != nil {
		keyed(at.At("dues"), &d.Section, &d.Map.Invoice)
		d.Map.Check(at.At("dues", "map"))
		d.settle("dues", d.Map.Reads(), at)
		if d.Sums && d.Map.Outstanding.IsZero() {
			at.At("dues", "sums").Addf("sums of lines need what is outstanding of each: map outstanding")
		}
		if d.Changed != "" {
			at.At("dues", "changed").Addf("due lines are read with their invoices: let `changed` of invoices tell when they change")
		}
		if !b.Invoices.Map.Dues.IsZero() {
			at.At("invoices", "map", "dues").Addf("the section dues gives the due lines: one of the two")
		}
	}
	if m := b.Payments; m != nil {
		keyed(at.At("payments"), &m.Section, &m.Map.ID)
		m.Map.Check(at.At("payments", "map"))
		m.settle("payments", m.Map.Reads(), at)
	}
	if m := b.Allocations; m != nil {
		if b.Payments != nil && b.Payments.Map.Links() {
			at.At("payments", "map", "invoices").Addf("the section allocations tells what settles what: one of the two")
		}
		if !m.Map.Invoice.IsZero() { // the keys of a link in a group are the group and its item
			keyed(at.At("allocations"), &m.Section, &m.Map.ID)
		}
		m.Map.Check(at.At("allocations", "map"))
		m.settle("allocations", m.Map.Reads(), at)
	}
	for _, s := range b.sections() {
		b.noWith(s, at.At(s.name, "query"))
	}
	if b.Dues != nil {
		b.noWith(&b.Dues.Section, at.At("dues", "query"))
	}
	return b, at.Count() == before
}

// noWith refuses what SQL Server cannot use as a table.
func (b *book) noWith(s *Section, at *conf.Problems) {
	if s.Query.begins("with") && (len(b.Drivers) == 0 || slices.Contains(b.Drivers, "sqlserver")) {
		at.Addf("SQL Server takes no query that begins with WITH as a table: write its parts as tables in FROM, or say for which databases this is (driver: [postgres, mysql])")
	}
}

// keyed makes the key column the id of the noun.
func keyed(at *conf.Problems, s *Section, id *manifest.Expr) {
	if !id.IsZero() {
		id.Node().On(at).Addf("`key` is the id: leave this out of the map")
	}
	if s.Key != "" {
		*id = manifest.FieldOf(string(s.Key))
	} else {
		*id = manifest.FieldOf("key") // told missing once, by settle
	}
}

// settle checks a section and gathers the columns to ask for.
func (s *Section) settle(name string, exprs []manifest.Expr, at *conf.Problems) {
	s.name = name
	here := at.At(name)
	if s.Query == "" {
		here.At("query").Addf("%s need their query", name)
	}
	if s.Key == "" {
		here.At("key").Addf("%s need their key, a column of the query that is unique", name)
	}
	s.columns, s.places = []string{string(s.Key)}, map[string]string{}
	s.at = placeOf(here.At("query"))
	s.places[string(s.Key)], s.places[string(s.Changed)] = placeOf(here.At("key")), placeOf(here.At("changed"))
	for _, e := range exprs {
		for _, c := range e.Reads() {
			if !plainName.MatchString(c) {
				e.Node().On(at).Addf("%q is no name of a column: give it one in the query with AS", c)
				continue
			}
			if !slices.Contains(s.columns, c) {
				s.columns = append(s.columns, c)
			}
			if s.places[c] == "" {
				s.places[c] = e.Place()
			}
		}
	}
}

// placeOf is file:line:column of what p stands at, "" where nothing is written.
func placeOf(p *conf.Problems) string {
	n, ok := p.Node()
	if !ok {
		return ""
	}
	line, column := n.Position()
	return fmt.Sprintf("%s:%d:%d", n.File(), line, column)
}

// sections are those that the manifest has, in the order in which they are read,
// with the kind of item that they list.
func (b *book) sections() []*Section {
	list := []*Section{&b.Customers.Section, &b.Invoices.Section}
	if b.Payments != nil {
		list = append(list, &b.Payments.Section)
	}
	if b.Allocations != nil {
		list = append(list, &b.Allocations.Section)
	}
	return list
}

// section finds one by its name, nil where the manifest has none.
func (b *book) section(name string) *Section {
	for _, s := range b.sections() {
		if s.name == name {
			return s
		}
	}
	return nil
}

// kind is what a section lists.
func (s *Section) kind() receivable.ItemKind {
	switch s.name {
	case "customers":
		return receivable.ItemAccount
	case "invoices":
		return receivable.ItemDocument
	case "payments":
		return receivable.ItemPayment
	}
	return receivable.ItemAllocation
}
