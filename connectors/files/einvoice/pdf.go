package einvoice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// names are what the XML of an invoice is called inside a PDF, the first found
// is taken.
var names = []string{"factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml"}

// readingPDF is how long the structure of a PDF may take to read, and the most
// files that are looked at in it.
const (
	readingPDF     = 30 * time.Second
	maxAttachments = 200
	maxTreeNodes   = 2000
)

// Objects can be packed into streams, which the reader unpacks all at once: so
// many, of this size, are a gigabyte. Invoices have a few small ones.
const (
	maxPacked     = 256
	maxPackedSize = 4 << 20
)

// pdfSettings bounds what a file can make the reader do. They are our own: the
// reader's defaults would be read from a folder of the account.
func pdfSettings() *model.Configuration {
	limits := model.DefaultResourceLimits()
	limits.MaxStreamBytes, limits.MaxDecodeBytes = maxPDF, maxPackedSize
	limits.MaxObjectCount, limits.MaxXRefEntries = 500_000, 500_000
	limits.MaxObjectStreamCount, limits.MaxObjectStreamFirst = 100_000, 1<<20
	return &model.Configuration{
		Reader15: true, ValidationMode: model.ValidationRelaxed, Offline: true,
		Cmd: model.LISTATTACHMENTS, Limits: limits,
	}
}

// fromPDF reads the invoice embedded in a PDF.
func fromPDF(ctx context.Context, file io.ReadSeeker) (in Invoice, err error) {
	defer func() {
		if r := recover(); r != nil { // the reader panics on some damage
			err = fmt.Errorf("the PDF is damaged: %v", r)
		}
	}()
	body, err := io.ReadAll(file)
	if err != nil {
		return Invoice{}, err
	}
	if bytes.Count(body, []byte("/ObjStm")) > maxPacked {
		return Invoice{}, fmt.Errorf("the PDF has more than %d packed parts: it is no invoice", maxPacked)
	}
	limited, cancel := context.WithTimeout(ctx, readingPDF)
	defer cancel()
	doc, err := pdfcpu.ReadWithContext(limited, bytes.NewReader(body), pdfSettings())
	switch {
	case ctx.Err() != nil:
		return Invoice{}, ctx.Err()
	case limited.Err() != nil:
		return Invoice{}, fmt.Errorf("the PDF could not be read in %s", readingPDF)
	case errors.Is(err, pdfcpu.ErrWrongPassword), errors.Is(err, pdfcpu.ErrUnsupportedEncryptionFeature):
		return Invoice{}, errors.New("the PDF is encrypted: save it without a password")
	case err != nil:
		return Invoice{}, fmt.Errorf("the PDF is damaged: %w", err)
	}
	a := attachments{doc: doc}
	if err := a.find(); err != nil {
		return Invoice{}, fmt.Errorf("the PDF is damaged: %w", err)
	}
	return a.invoice()
}

// attachment is a file embedded in a PDF.
type attachment struct {
	name string // lower case
	spec types.Dict
}

type attachments struct {
	doc   *model.Context
	list  []attachment
	nodes int
}

// find lists the embedded files: those of the name tree, and those that the
// document is associated with.
func (a *attachments) find() error {
	catalog, err := a.doc.Catalog()
	if err != nil {
		return err
	}
	trees, err := a.dict(catalog["Names"])
	if err != nil {
		return err
	}
	if err := a.walk(trees["EmbeddedFiles"], 0); err != nil {
		return err
	}
	associated, err := a.doc.DereferenceArray(catalog["AF"])
	if err != nil {
		return err
	}
	for _, spec := range associated {
		if err := a.add(spec); err != nil {
			return err
		}
	}
	return nil
}

// walk goes through a node of the name tree. Trees that lead back to themselves
// end at the bounds.
func (a *attachments) walk(o types.Object, depth int) error {
	if a.nodes++; a.nodes > maxTreeNodes || depth > maxDepth {
		return errors.New("its list of embedded files has no end")
	}
	n, err := a.dict(o)
	if err != nil {
		return err
	}
	pairs, err := a.doc.DereferenceArray(n["Names"])
	if err != nil {
		return err
	}
	for i := 1; i < len(pairs); i += 2 {
		if err := a.add(pairs[i]); err != nil {
			return err
		}
	}
	kids, err := a.doc.DereferenceArray(n["Kids"])
	if err != nil {
		return err
	}
	for _, kid := range kids {
		if err := a.walk(kid, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// add notes a file specification. One without a file in it is passed over.
func (a *attachments) add(o types.Object) error {
	spec, err := a.dict(o)
	if err != nil || spec == nil || spec["EF"] == nil {
		return err
	}
	name := ""
	for _, key := range []string{"UF", "F"} {
		if spec[key] == nil {
			continue
		}
		if name, err = a.doc.DereferenceStringOrHexLiteral(spec[key], model.V10, nil); err == nil && name != "" {
			break
		}
	}
	if name = strings.ToLower(strings.TrimSpace(name)); name == "" {
		return nil
	}
	if len(a.list) >= maxAttachments {
		return errors.New("it embeds too many files")
	}
	a.list = append(a.list, attachment{name, spec})
	return nil
}

func (a *attachments) dict(o types.Object) (types.Dict, error) {
	if o == nil {
		return nil, nil //nolint:nilnil // what is not there has nothing in it
	}
	return a.doc.DereferenceDict(o)
}

// content is the bytes of an embedded file.
func (a *attachments) content(spec types.Dict) ([]byte, error) {
	files, err := a.dict(spec["EF"])
	if err != nil {
		return nil, err
	}
	for _, key := range []string{"F", "UF"} {
		if files[key] == nil {
			continue
		}
		stream, _, err := a.doc.DereferenceStreamDict(files[key])
		if err != nil {
			return nil, err
		}
		if stream == nil {
			continue
		}
		if len(stream.FilterPipeline) == 0 {
			return stream.Raw, nil
		}
		if err := stream.DecodeWithLimit(maxXML); err != nil {
			return nil, err
		}
		return stream.Content, nil
	}
	return nil, errors.New("the embedded file is not there")
}

// invoice reads the embedded invoice: that of a known name, else the one XML
// file that is an invoice.
func (a *attachments) invoice() (Invoice, error) {
	for _, name := range names {
		if i := slices.IndexFunc(a.list, func(x attachment) bool { return x.name == name }); i >= 0 {
			return a.read(a.list[i])
		}
	}
	var first error
	for _, x := range a.list {
		if !strings.HasSuffix(x.name, ".xml") {
			continue
		}
		in, err := a.read(x)
		if err == nil {
			return in, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = errors.New("it is a plain PDF: no electronic invoice is embedded in it")
	}
	return Invoice{}, first
}

func (a *attachments) read(x attachment) (Invoice, error) {
	text, err := a.content(x.spec)
	if err != nil {
		return Invoice{}, fmt.Errorf("%s in the PDF cannot be read: %w", x.name, err)
	}
	in, err := parse(text)
	if err != nil {
		return Invoice{}, fmt.Errorf("%s in the PDF: %w", x.name, err)
	}
	return in, nil
}
