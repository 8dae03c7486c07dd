package sandbox

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"time"

	"relanced/internal/email"
)

// folder keeps the mails that left, to be looked at.
type folder struct {
	path  string
	count int
	index strings.Builder
	err   error // the first one
}

// newFolder makes the folder; "" makes a new one among temporary files.
func newFolder(path string) (*folder, error) {
	var err error
	if path == "" {
		path, err = os.MkdirTemp("", "relanced-demo-")
	} else if err = os.MkdirAll(path, 0o700); err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, fmt.Errorf("make the folder for the mails: %w", err)
	}
	return &folder{path: path}, nil
}

// keep writes a mail as .eml, and its page as .html.
func (f *folder) keep(whose string, at time.Time, message []byte) {
	f.count++
	name := fmt.Sprintf("%03d-%s", f.count, whose)
	_, page := email.Parts(message)
	f.write(name+".eml", message)
	if page != "" {
		f.write(name+".html", []byte(page))
	}
	subject := header(message, "Subject")
	fmt.Fprintf(&f.index, "<tr><td>%s</td><td>%s</td><td><a href=\"%s.html\">%s</a></td><td><a href=\"%s.eml\">.eml</a></td></tr>\n",
		at.Format("2006-01-02 15:04"), html.EscapeString(whose), name, html.EscapeString(subject), name)
}

// finish writes a page that lists the mails, and tells what went wrong.
func (f *folder) finish() error {
	f.write("index.html", []byte("<!doctype html><meta charset=\"utf-8\"><title>relanced demo</title>\n<table>\n"+f.index.String()+"</table>\n"))
	return f.err
}

func (f *folder) write(name string, content []byte) {
	if err := os.WriteFile(filepath.Join(f.path, name), content, 0o600); err != nil && f.err == nil {
		f.err = fmt.Errorf("keep a mail: %w", err)
	}
}
