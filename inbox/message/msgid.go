package message

import (
	"slices"
	"strings"
)

// maxIDs bounds how many ids of one field are looked at.
const maxIDs = 500

// IDs extracts message ids from a header value, in order, without their
// brackets: from whatever stands between < and >, and, outside brackets, from
// words with one "@". Spaces that folding put inside brackets are removed and
// percent-encoding is undone once.
func IDs(raw string) []string {
	var out []string
	add := func(id string) {
		id = clean(strings.Map(func(r rune) rune {
			if r <= ' ' || r == 0x7f {
				return -1
			}
			return r
		}, unpercent(strings.Trim(id, "<> \t"))))
		if id != "" && len(id) < 1000 && len(out) < maxIDs && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	loose := func(s string) {
		for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == ',' || r == ';' || r == '>' }) {
			if strings.Count(w, "@") == 1 {
				add(strings.Trim(w, `"'()`))
			}
		}
	}
	for raw != "" && len(out) < maxIDs {
		open := strings.IndexByte(raw, '<')
		if open < 0 {
			loose(raw)
			break
		}
		loose(raw[:open])
		raw = strings.TrimLeft(raw[open:], "<")
		end := strings.IndexAny(raw, "<>")
		if end < 0 {
			add(raw)
			break
		}
		add(raw[:end])
		if raw[end] == '>' {
			raw = strings.TrimLeft(raw[end:], ">")
		} else {
			raw = raw[end:]
		}
	}
	return out
}
