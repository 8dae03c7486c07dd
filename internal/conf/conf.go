// Package conf reads YAML strictly: unknown and duplicate keys, wrong types and
// bad values are all reported at once, each with file, line, column, the line
// itself and a caret.
package conf

// Problems collects what is wrong in a configuration, each at its place. Views
// made by At share one list. Check methods of the rooms' Config structs report
// through it and never return errors.
type Problems struct {
	list *[]Problem
	path []any
}

// Problem is one thing to mend.
type Problem struct {
	File         string
	Line, Column int    // 1-based; 0 where the place is unknown
	Source       string // the line, secrets masked
	Text         string
}

// At returns a view deeper in the document: string keys and int indexes.
// A path that is not in the document reports at its nearest parent.
func (p *Problems) At(path ...any) *Problems {
	return &Problems{list: p.list, path: append(append([]any{}, p.path...), path...)}
}

// Addf reports a problem at the view's place.
func (p *Problems) Addf(format string, args ...any) {
	panic("conf: to be written")
}
