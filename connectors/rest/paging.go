package rest

import (
	"slices"

	"relanced/connectors/manifest"
	"relanced/internal/conf"
)

// paging says how one page leads to the next.
type paging struct {
	By        string        `yaml:"by"         doc:"number, offset, cursor, link (the header Link) or url (an address in the answer)"`
	Param     string        `yaml:"param"      doc:"parameter of the address that takes the page, offset or cursor"`
	Header    string        `yaml:"header"     doc:"instead: header that takes it"`
	Size      int           `yaml:"size"       doc:"rows asked for at once"`
	SizeParam string        `yaml:"size_param" doc:"parameter that takes size"`
	First     int           `yaml:"first"      doc:"number of the first page, 1 where not told"`
	Until     string        `yaml:"until"      doc:"what ends it: empty, a page without rows; short, one with fewer rows than size; total, the number that the answer tells; where the source says what follows, that alone where not told"`
	Total     manifest.Expr `yaml:"total"      doc:"over the answer: how many rows there are"`
	Next      manifest.Expr `yaml:"next"       doc:"over the answer: the next cursor or address; null or empty on the last page"`
}

// The ways of paging, and what ends a section.
const (
	byNumber = "number"
	byOffset = "offset"
	byCursor = "cursor"
	byLink   = "link"
	byURL    = "url"

	untilEmpty = "empty"
	untilShort = "short"
	untilTotal = "total"
)

// Defaults fills what a manifest leaves out.
func (g *paging) Defaults() { g.First = 1 }

// counts tells whether pages are reached by counting, not by what the source says.
func (g *paging) counts() bool { return g.By == byNumber || g.By == byOffset }

// places are those that a request of the section may hold.
func (g *paging) places() []string {
	var names []string
	switch g.By {
	case byNumber:
		names = []string{"page"}
	case byOffset:
		names = []string{"offset"}
	case byCursor:
		names = []string{"cursor"}
	}
	if g.Size > 0 {
		names = append(names, "size")
	}
	return names
}

func (g *paging) check(s *Section, p *conf.Problems) {
	if g.By == "" {
		if g.Param != "" || g.Header != "" || g.Size != 0 || !g.Next.IsZero() {
			p.At("by").Addf("say how pages follow each other: number, offset, cursor, link or url")
		}
		return
	}
	if !slices.Contains([]string{byNumber, byOffset, byCursor, byLink, byURL}, g.By) {
		p.At("by").Addf("%q is no way of paging: write number, offset, cursor, link or url", g.By)
		return
	}
	takes := g.Param != "" || g.Header != "" || len(g.places()) > 0 && slices.Contains(placesIn(&s.request), g.places()[0])
	switch {
	case (g.counts() || g.By == byCursor) && !takes:
		p.At("param").Addf("name the parameter that takes the %s, as in param: page, or write {%s} where it belongs", g.By, g.places()[0])
	case !g.counts() && g.By != byCursor && (g.Param != "" || g.Header != ""):
		p.At("param").Addf("with %s the source says where the next page is", g.By)
	}
	if g.Header != "" {
		checkHeader(p.At("header"), g.Header)
	}
	if (g.By == byCursor || g.By == byURL) && g.Next.IsZero() {
		p.At("next").Addf("say where the answer tells the next one, as in next: it.meta.next")
	}
	if g.By != byCursor && g.By != byURL && !g.Next.IsZero() {
		p.At("next").Addf("next belongs to cursor and url")
	}
	if g.Size < 0 || g.Size > maxSize {
		p.At("size").Addf("write 1 to %d rows", maxSize)
	}
	if g.SizeParam != "" && g.Size == 0 {
		p.At("size").Addf("size_param takes the size: write it")
	}
	if g.First < 0 {
		p.At("first").Addf("write 0 or 1")
	}
	switch g.Until {
	case "", untilEmpty:
	case untilShort:
		if g.Size == 0 {
			p.At("size").Addf("until: short compares with the size: write it")
		}
	case untilTotal:
		if !g.counts() {
			p.At("until").Addf("with %s the source says what follows: write empty or short, or leave it out", g.By)
		}
		if g.Total.IsZero() {
			p.At("total").Addf("say where the answer tells how many rows there are, as in total: it.meta.total")
		}
	default:
		p.At("until").Addf("%q does not end anything: write empty, short or total", g.Until)
	}
	if !g.Total.IsZero() && g.Until != untilTotal {
		p.At("total").Addf("total is for until: total")
	}
}

// maxSize bounds what a manifest asks for at once.
const maxSize = 10_000

func placesIn(r *request) []string {
	names := append(r.Path.names(), placesOf(r.Post.Value())...)
	for _, t := range r.Query {
		names = append(names, t.names()...)
	}
	return names
}

// place is where the reading of a section stands, kept in the cursor.
type place struct {
	Page   int    `json:"page,omitempty"`   // number: the next one
	Offset int    `json:"offset,omitempty"` // offset: of the next row
	Next   string `json:"next,omitempty"`   // cursor, link, url: as the source told it
	Count  int    `json:"count,omitempty"`  // rows read
	Total  int    `json:"total,omitempty"`  // rows there were by the last answer
	Last   string `json:"last,omitempty"`   // number: hash of the last page; offset: key of the last row
	Pages  int    `json:"pages,omitempty"`  // pages read
}

func (g *paging) start() place { return place{Page: g.First} }
