package einvoicetest

import (
	"bytes"
	"compress/zlib"
	"fmt"
)

// File is a file to embed. Name is written as it is: a PDF string with its
// brackets, such as "(factur-x.xml)" or "<FEFF0066…>".
type File struct {
	Name       string
	Body       []byte
	Associated bool // listed under /AF only, not among the embedded files
}

// Escaped is factur-x.xml as some programs write it.
const Escaped = `(factur\055x\056xml)`

// PDF writes a PDF of one empty page with files embedded.
func PDF(files ...File) []byte {
	d := &document{}
	catalog, pages, page := d.reserve(), d.reserve(), d.reserve()
	var named, associated string
	for _, f := range files {
		var packed bytes.Buffer
		z := zlib.NewWriter(&packed)
		_, _ = z.Write(f.Body)
		_ = z.Close()
		body := d.put(fmt.Sprintf("<< /Type /EmbeddedFile /Subtype /text#2Fxml /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream", packed.Len(), packed.Bytes()))
		spec := d.put(fmt.Sprintf("<< /Type /Filespec /F %s /UF %s /AFRelationship /Data /EF << /F %d 0 R >> >>", f.Name, f.Name, body))
		if f.Associated {
			associated += fmt.Sprintf(" %d 0 R", spec)
		} else {
			named += fmt.Sprintf(" %s %d 0 R", f.Name, spec)
		}
	}
	root := fmt.Sprintf("<< /Type /Catalog /Pages %d 0 R", pages)
	if named != "" {
		leaf := d.put(fmt.Sprintf("<< /Names [%s] >>", named))
		root += fmt.Sprintf(" /Names << /EmbeddedFiles << /Kids [%d 0 R] >> >>", leaf)
	}
	if associated != "" {
		root += fmt.Sprintf(" /AF [%s]", associated)
	}
	d.set(catalog, root+" >>")
	d.set(pages, fmt.Sprintf("<< /Type /Pages /Count 1 /Kids [%d 0 R] >>", page))
	d.set(page, fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] >>", pages))
	return d.write(catalog)
}

// document is the objects of a PDF, numbered from 1.
type document struct{ objects []string }

func (d *document) reserve() int { return d.put("") }

func (d *document) put(body string) int {
	d.objects = append(d.objects, body)
	return len(d.objects)
}

func (d *document) set(n int, body string) { d.objects[n-1] = body }

func (d *document) write(catalog int) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
	offsets := make([]int, len(d.objects))
	for i, body := range d.objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(d.objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(d.objects)+1, catalog, at)
	return b.Bytes()
}
