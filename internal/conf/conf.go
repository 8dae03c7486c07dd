// Package conf reads YAML strictly: unknown and duplicate keys, wrong types and
// bad values are all reported at once, each with file, line, column, the line
// itself and a caret. A struct says what may stand in the document by its `yaml`
// tags; what the values must satisfy together, it says in a Check method.
//
// Kinds of field: strings, booleans, integers, time.Duration, anything that
// implements encoding.TextUnmarshaler, structs, pointers, slices, maps with
// string keys, Node (kept for later) and Later (not available yet).
package conf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems bounds what one list keeps: a file of another kind is all problems.
const maxProblems = 200

// maxText bounds one message, in runes.
const maxText = 600

// Problems collects what is wrong in a configuration, each at its place. Views
// made by At share one list. Check methods of the rooms' Config structs report
// through it and never return errors. The zero Problems is ready for use.
type Problems struct {
	list *list
	node Node
	path string
	from string // the part of path that is in the document
	miss bool   // the path left the document: place is the nearest parent
	key  bool   // problems stand at the key, not at its value
	read bool   // the view is used by Decode: its problems silence checks of the same value
}

// list is what all views of one Problems share.
type list struct {
	found   []finding
	dropped int
	unread  map[spot]bool // values that Decode refused: what checks say of them is noise
}

// spot names a value: a path in a document.
type spot struct {
	doc  *document
	path string
}

type finding struct {
	at   place
	path string
	text string
	warn bool

	secret bool // what is missing is the value of a secret
}

// Problem is one thing to mend.
type Problem struct {
	File         string
	Line, Column int    // 1-based; 0 where the place is unknown
	Source       string // the line, secrets masked
	Caret        int    // 0-based, in runes of Source; -1 where there is none
	Path         string // where in the document: companies[0].reminders.plan
	Text         string
	Secret       bool // all that is wrong is that the value of a secret cannot be read here
}

// At returns a view deeper in the document: string keys and int indexes.
// A path that is not in the document reports at its nearest parent.
func (p *Problems) At(path ...any) *Problems {
	view := &Problems{list: p.shared(), node: p.node, path: p.path, from: p.from, miss: p.miss, read: p.read}
	for _, step := range path {
		view.path = joinPath(view.path, step)
		if view.miss {
			continue
		}
		if child, ok := view.node.child(step); ok {
			view.node, view.from = child, view.path
		} else {
			view.miss = true
		}
	}
	return view
}

// Key returns a view that reports at the key of its value: what is wrong is the name.
func (p *Problems) Key() *Problems {
	view := p.At()
	view.key = true
	return view
}

// Addf reports a problem at the view's place. The configuration is refused.
// Of a value that could not be decoded, and of what would stand in it, nothing
// more is said. An error among the arguments that implements Offset moves the
// place into the text that stands there.
func (p *Problems) Addf(format string, args ...any) { p.add(false, format, args...) }

// Offset is implemented by errors that know where in a text they arose: line and
// column, 1-based, column in runes.
type Offset interface {
	Offset() (line, column int)
}

// Warnf reports something to look at at the view's place. The configuration stands.
func (p *Problems) Warnf(format string, args ...any) { p.add(true, format, args...) }

// Node returns what stands at the view's place. ok is false where the document
// has nothing there.
func (p *Problems) Node() (n Node, ok bool) { return p.node, !p.miss && !p.node.IsZero() }

// Count says how many problems have been reported so far, warnings aside.
func (p *Problems) Count() int {
	n := p.shared().dropped
	for _, f := range p.shared().found {
		if !f.warn {
			n++
		}
	}
	return n
}

// List returns the problems in the order of files and lines.
func (p *Problems) List() []Problem { return p.render(false) }

// Warnings returns the warnings in the order of files and lines.
func (p *Problems) Warnings() []Problem { return p.render(true) }

// Err returns an *Error with all problems, nil where there are none.
func (p *Problems) Err() error {
	found := p.List()
	if len(found) == 0 {
		return nil
	}
	return &Error{Problems: found, More: p.shared().dropped}
}

// Error is a configuration that was refused.
type Error struct {
	Problems []Problem
	More     int // problems beyond those kept
}

// Error lists all problems, each with its line and a caret.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\nand %d more", e.More)
	}
	return b.String()
}

// String is "file:line:column: text", then the line and a caret beneath, where
// they are known.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		b.WriteString(": ")
	} else if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Text)
	if p.Caret >= 0 && p.Line > 0 {
		fmt.Fprintf(&b, "\n    %s\n    %s^", p.Source, strings.Repeat(" ", p.Caret))
	}
	return b.String()
}

// shared returns the list, made on first use.
func (p *Problems) shared() *list {
	if p.list == nil {
		p.list = &list{}
	}
	return p.list
}

func (p *Problems) add(warn bool, format string, args ...any) {
	at := p.node.place()
	if !p.read && p.shared().unread[spot{p.node.doc, p.from}] {
		return
	}
	if p.key && !p.miss && p.node.key != nil {
		at = position(p.node.key)
		at.doc = p.node.doc
	} else if !p.miss {
		for _, arg := range args {
			if err, ok := arg.(error); ok {
				at = p.node.inside(at, err)
			}
		}
	}
	p.addAt(at, warn, format, args...)
}

func (p *Problems) addAt(at place, warn bool, format string, args ...any) {
	p.addFinding(finding{at: at, path: p.path, text: printable(fmt.Sprintf(format, args...)), warn: warn})
}

func (p *Problems) addFinding(f finding) {
	l := p.shared()
	if slices.Contains(l.found, f) { // an alias reaches one place twice
		return
	}
	if len(l.found) >= maxProblems {
		l.dropped++
		return
	}
	l.found = append(l.found, f)
	if p.read && !f.warn {
		if l.unread == nil {
			l.unread = map[spot]bool{}
		}
		l.unread[spot{f.at.doc, p.path}] = true
	}
}

// on returns the view of the same list that stands at n.
func (p *Problems) on(n Node, step any) *Problems {
	path := joinPath(p.path, step)
	return &Problems{list: p.shared(), node: n, path: path, from: path, read: p.read}
}

// printable bounds a message and keeps what it quotes from moving the cursor.
func printable(text string) string {
	runes := []rune(text)
	if len(runes) > maxText {
		runes = append(runes[:maxText:maxText], '…')
	}
	for i, r := range runes {
		runes[i] = visible(r)
	}
	return string(runes)
}

func (p *Problems) render(warn bool) []Problem {
	var files []*document
	var picked []finding
	for _, f := range p.shared().found {
		if f.warn != warn {
			continue
		}
		picked = append(picked, f)
		if !slices.Contains(files, f.at.doc) {
			files = append(files, f.at.doc)
		}
	}
	slices.SortStableFunc(picked, func(a, b finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(files, a.at.doc), slices.Index(files, b.at.doc)),
			cmp.Compare(a.at.line, b.at.line),
			cmp.Compare(a.at.column, b.at.column),
		)
	})
	var problems []Problem
	for _, f := range picked {
		problem := Problem{Path: f.path, Text: f.text, Caret: -1, Secret: f.secret}
		if f.at.doc != nil {
			problem.File, problem.Line, problem.Column = f.at.doc.name, f.at.line, f.at.column
			problem.Source, problem.Caret = f.at.doc.show(f.at.line, f.at.column)
		}
		problems = append(problems, problem)
	}
	return problems
}

func joinPath(path string, step any) string {
	switch step := step.(type) {
	case int:
		return fmt.Sprintf("%s[%d]", path, step)
	case string:
		if path == "" || step == "" {
			return path + step
		}
		return path + "." + step
	}
	return path
}
