// Package manifest holds what connectors described in YAML share: where a
// manifest is found, and how a row of the source becomes a noun of the books.
//
// A manifest says how to reach the rows of one system (that part belongs to the
// connector that speaks its language) and, under `map:`, what each field of a
// noun is in terms of a row:
//
//	map:
//	  name: it.company_name
//	  kind: '{"P": "public"}[text(it.category)] ?? "business"'
//	  total: it.net + it.vat
//
// Each value is an expression (expr-lang) over `it`, the row: a column of a
// database, a member of a JSON object. A field that the row lacks is null.
// Everything that is wrong with the expressions of a manifest is reported when
// it is loaded, at once, each at its place; a row that does not fit is an Error
// that names the place in the manifest and what the row holds there.
//
// # Numbers
//
// Numbers are exact: + - * and the comparisons work on whole numbers and on
// decimals as the source wrote them, never on binary floats. Division is refused.
// A binary float of the source (FLOAT, REAL, DOUBLE) is refused wherever a number
// is meant: have the source give it as a decimal.
//
// # Helpers
//
//	text(x)          text without blanks around it; null is ""
//	first(x, y, …)   the first that is neither null nor empty text
//	date(x)          the day of a date, an instant or "20261129"; null and "" are no date
//	date(x, form)    the day of a text in that form, as in date(it.due, "DD/MM/YYYY")
//	unix(x), unix(x, "Europe/Paris")    the day of seconds since 1970; 0 is none
//	money(x)         an amount as a decimal; refuses what is no number
//	cents(x)         an amount given in hundredths
//	abs(x)           the amount without its sign
//	min(x, y, …), max(x, y, …), sum(list)    of amounts, exactly
//	emails(x, …)     addresses of texts that hold several, parted by ; , or blanks
//	digits(x)        the digits of a text: "732 829 320" is "732829320"
//	left(x, n)       the first n characters
//
// Besides them, expr's own functions on texts and lists (upper, split, filter,
// map, len…); an object made for each item stands in parentheses: map(it.lines,
// ({"on": #.date, "total": #.amount})). What depends on the clock is not there: a
// row means the same whenever it is read.
package manifest

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"relanced/internal/conf"
)

// Name names a manifest in a configuration: one that is shipped ("sage100") or
// the path of a file, which starts at the file that names it ("./erp.yaml").
type Name string

// DecodeConf reads the name, and makes a path start at the naming file.
func (name *Name) DecodeConf(n conf.Node, p *conf.Problems) {
	text := n.Text()
	switch {
	case n.IsMapping() || n.IsSequence() || strings.TrimSpace(text) == "":
		p.Addf("write the name of a shipped manifest, or the path of a file of your own (./erp.yaml)")
	case isPath(text) && !filepath.IsAbs(text):
		*name = Name(filepath.Join(n.Dir(), text))
	default:
		*name = Name(text)
	}
}

// isPath tells a file from the name of a shipped manifest.
func isPath(text string) bool {
	return strings.ContainsAny(text, `/\`) || strings.HasSuffix(text, ".yaml") || strings.HasSuffix(text, ".yml")
}

// Load returns what the manifest holds: one of those shipped, which stand as
// NAME.yaml in the file system, or the file of that path. ok is false where
// nothing of it can be decoded; the reason was reported to p, which stands at
// the name.
func (name Name) Load(shipped fs.FS, p *conf.Problems) (n conf.Node, ok bool) {
	if isPath(string(name)) {
		return conf.ReadFile(string(name), p)
	}
	text, err := fs.ReadFile(shipped, string(name)+".yaml")
	if err != nil {
		p.Addf("no manifest %q is shipped: write one of %s, or the path of a file of your own (./erp.yaml)", string(name), strings.Join(Shipped(shipped), ", "))
		return conf.Node{}, false
	}
	return conf.Parse(string(name)+".yaml", text, p)
}

// Shipped lists the names of shipped manifests.
func Shipped(shipped fs.FS) []string {
	files, _ := fs.Glob(shipped, "*.yaml") // the pattern is sound
	for i, file := range files {
		files[i] = strings.TrimSuffix(file, ".yaml")
	}
	slices.Sort(files)
	return files
}

// Head is what every manifest says first. Connectors embed it in theirs.
type Head struct {
	Manifest string `yaml:"manifest" doc:"its name"`
	Speaks   string `yaml:"speaks" doc:"the type of connection that reads it"`
	Product  string `yaml:"product" doc:"the product and versions it was written for, and what of it was not verified"`
}

// Check reports a manifest that is not one for connections of this type.
func (h *Head) Check(speaks string, p *conf.Problems) {
	if h.Manifest == "" {
		p.At("manifest").Addf("a manifest begins with its name, as in manifest: erp")
	}
	switch h.Speaks {
	case speaks:
	case "":
		p.At("speaks").Addf("a manifest says who reads it: write speaks: %s", speaks)
	default:
		p.At("speaks").Addf("this manifest speaks %s: a connection of type %s cannot read it", h.Speaks, speaks)
	}
}

// ForAnother reports a manifest for another type of connection: what else this one
// would say of it is no mistake.
func ForAnother(n conf.Node, speaks string, p *conf.Problems) bool {
	said, ok := n.Get("speaks")
	if !ok || said.Text() == speaks || said.Text() != "rest" && said.Text() != "sql" {
		return false
	}
	h := Head{Manifest: "known", Speaks: said.Text()}
	h.Check(speaks, p)
	return true
}

// ErrSkip tells that a row is no noun of the books: its `skip` holds.
var ErrSkip = errors.New("not for the books")
