package einvoice

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// The most that a document may nest, and the elements of its head that are kept.
const (
	maxDepth    = 60
	maxElements = 100_000
)

// unread are the parts of an invoice that are passed over: its lines, which can
// be many, and what is attached to it.
var unread = map[string]bool{
	"IncludedSupplyChainTradeLineItem": true, "InvoiceLine": true, "CreditNoteLine": true,
	"AdditionalReferencedDocument": true, "AdditionalDocumentReference": true, "UBLExtensions": true,
}

// node is an element with what is in it. The nil node is an element that is not there.
type node struct {
	space, name string
	attrs       []xml.Attr
	text        strings.Builder
	kids        []*node
}

// all returns the children of a name.
func (n *node) all(name string) []*node {
	if n == nil {
		return nil
	}
	var list []*node
	for _, kid := range n.kids {
		if kid.name == name {
			list = append(list, kid)
		}
	}
	return list
}

// at follows the first child of each name.
func (n *node) at(path ...string) *node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		var next *node
		for _, kid := range n.kids {
			if kid.name == name {
				next = kid
				break
			}
		}
		n = next
	}
	return n
}

// value is the trimmed text at the end of the path.
func (n *node) value(path ...string) string {
	if n = n.at(path...); n == nil {
		return ""
	}
	return strings.TrimSpace(n.text.String())
}

func (n *node) attr(name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.attrs {
		if a.Name.Local == name {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

// decode takes byte-order marks away; UTF-16 becomes UTF-8.
func decode(text []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(text, []byte{0xEF, 0xBB, 0xBF}):
		return text[3:], nil
	case bytes.HasPrefix(text, []byte{0xFF, 0xFE}), bytes.HasPrefix(text, []byte{0xFE, 0xFF}):
		return unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder().Bytes(text)
	}
	return text, nil
}

// charset reads the encodings that invoices are declared in. Some declare
// "UTF-8-W/O-BOM" and the like, which is UTF-8.
func charset(label string, in io.Reader) (io.Reader, error) {
	switch label = strings.ToLower(strings.TrimSpace(label)); {
	case strings.HasPrefix(label, "utf-8"), strings.HasPrefix(label, "utf8"), strings.HasPrefix(label, "utf-16"), label == "us-ascii", label == "ascii":
		return in, nil
	case label == "iso-8859-1", label == "latin1", label == "windows-1252", label == "cp1252":
		return charmap.Windows1252.NewDecoder().Reader(in), nil
	case label == "iso-8859-15", label == "latin9":
		return charmap.ISO8859_15.NewDecoder().Reader(in), nil
	}
	return nil, fmt.Errorf("its encoding %q is not read: save it as UTF-8", label)
}

// readTree reads a document without its lines and attachments. A document type
// is refused: with it come entities, which no invoice needs.
func readTree(text []byte) (*node, error) {
	if len(text) > maxXML {
		return nil, tooLarge(int64(len(text)))
	}
	text, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("it is no UTF-16: %w", err)
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = charset
	var (
		root    *node
		open    []*node
		passing int // depth inside a part that is passed over
		count   int
	)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("its XML is broken: %w", err)
		}
		switch token := token.(type) {
		case xml.Directive:
			return nil, errors.New("it declares a document type (DTD): such XML is not read")
		case xml.StartElement:
			if len(open)+passing >= maxDepth {
				return nil, fmt.Errorf("its XML nests deeper than %d elements", maxDepth)
			}
			if passing > 0 || root != nil && unread[token.Name.Local] {
				passing++
				continue
			}
			if count++; count > maxElements {
				return nil, fmt.Errorf("its head has more than %d elements", maxElements)
			}
			n := &node{space: token.Name.Space, name: token.Name.Local, attrs: token.Attr}
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.kids = append(parent.kids, n)
			} else if root == nil {
				root = n
			}
			open = append(open, n)
		case xml.EndElement:
			if passing > 0 {
				passing--
				continue
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if passing == 0 && len(open) > 0 {
				open[len(open)-1].text.Write(token)
			}
		}
	}
	if root == nil {
		return nil, errors.New("it holds no XML")
	}
	return root, nil
}
