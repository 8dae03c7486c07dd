package message

import (
	"embed"
	"regexp"
	"strings"
	"sync"
)

// The phrase lists. Each line is a regular expression over folded text (see
// Fold), a tab, and an example that it matches; "#" starts a comment.
//
//go:embed data/*.txt
var data embed.FS

// phrases is one list, compiled when first used.
type phrases struct {
	name   string
	before string // around each expression
	after  string
	once   func() *regexp.Regexp
	starts func() *starts
}

func phraseList(name, before, after string) *phrases {
	p := &phrases{name: name, before: before, after: after}
	p.once = sync.OnceValue(func() *regexp.Regexp {
		var b strings.Builder
		for i, l := range p.entries() {
			if i > 0 {
				b.WriteByte('|')
			}
			b.WriteString("(?:" + l[0] + ")")
		}
		return regexp.MustCompile(p.before + "(?:" + b.String() + ")" + p.after)
	})
	p.starts = sync.OnceValue(func() *starts { return startsOf(p.once().String(), p.before) })
	return p
}

// entries gives expression and example of each line.
func (p *phrases) entries() [][2]string {
	text, err := data.ReadFile("data/" + p.name + ".txt")
	if err != nil {
		panic(err)
	}
	var out [][2]string
	for l := range strings.SplitSeq(string(text), "\n") {
		if l == "" || l[0] == '#' {
			continue
		}
		expr, example, _ := strings.Cut(l, "\t")
		out = append(out, [2]string{expr, example})
	}
	return out
}

// in tells whether the list occurs in folded text.
func (p *phrases) in(folded string) bool {
	return p.starts().may(folded) && p.once().MatchString(folded)
}

// find gives what of folded text the list matches first, or "".
func (p *phrases) find(folded string) string { return p.once().FindString(folded) }

// without gives folded text with what the list matches taken out.
func (p *phrases) without(folded string) string {
	return p.once().ReplaceAllString(folded, " ; ")
}

var (
	absenceSubjects = phraseList("absence_subjects", `^`, `(?:[ :,.!)\]_-]|$)`)
	bounceSubjects  = phraseList("bounce_subjects", `^`, ``)
	receiptSubjects = phraseList("receipt_subjects", `^`, ``)
	bounceAnchors   = phraseList("bounce_anchors", ``, ``)
	acks            = phraseList("acks", `\b`, ``)
	absences        = phraseList("absences", `\b`, ``)
	departures      = phraseList("departures", `\b`, ``)
	insolvencies    = phraseList("insolvencies", `\b`, `\b`)
	personal        = phraseList("personal", `\b`, ``)
	attributions    = phraseList("attributions", `^`, `$`)
	separators      = phraseList("separators", `^[-_=* ]*`, `[-_=* ]*$`)
	mobileLines     = phraseList("mobile", `^[-_* ]*`, ``)
	banners         = phraseList("banners", ``, ``)
	aboveLines      = phraseList("above", ``, ``)
	trailers        = phraseList("trailers", `^[-_=* ]*`, ``)
	closings        = phraseList("closings", `^`, `[ ,.!]*$`)
	closingStarts   = phraseList("closings", `^`, `\b`)
	topics          = phraseList("topics", `\b`, ``)
	stubs           = phraseList("stubs", ``, ``)
)
