// Package einvoice reads electronic invoices: EN 16931 in both its syntaxes,
// UN/CEFACT CII and UBL 2.1, as XML or embedded in a PDF (Factur-X, ZUGFeRD 2).
// What it reads is foreign: sizes and depths are bounded, and nothing outside
// the file is looked at. It tells what was owed at issue, never what was paid.
package einvoice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// Invoice is an invoice or credit note in the words of the file; texts are
// trimmed, "" where the file does not say. BT numbers are those of EN 16931.
type Invoice struct {
	Number    string // BT-1
	IssuedOn  string // BT-2, YYYY-MM-DD or YYYYMMDD
	Type      string // BT-3, a code of UNTDID 1001
	Credit    bool   // its very form says credit note (UBL CreditNote)
	Currency  string // BT-5
	Terms     []Term
	TermsText string // BT-20
	OrderRef  string // BT-13
	Preceding []string
	Means     []string // BT-81, codes of UNTDID 4461
	Total     string   // BT-112
	Prepaid   string   // BT-113, "" not told
	Rounding  string   // BT-114, "" not told
	Due       string   // BT-115
	Seller    Party
	Buyer     Party
}

// Term is a date on which the invoice, or a part of it, falls due.
type Term struct {
	On     string
	Amount string // "" all of it
}

// Party is the seller or the buyer.
type Party struct {
	ID       string // BT-46: what the seller calls the buyer by
	Name     string
	Numbers  []Number // in public registers
	VAT      string
	Contact  string
	Email    string // of the contact
	Endpoint Number // BT-49: scheme EM is an e-mail address
	Phone    string
	Lines    []string
	Postcode string
	City     string
	Country  string
}

// Number is an identifier with its scheme (ISO 6523: 0002 SIREN, 0009 SIRET).
type Number struct{ Scheme, ID string }

// Is tells whether the first bytes of a file are those of a PDF or of XML.
func Is(head []byte) bool { return isPDF(head) || isXML(head) }

func isPDF(head []byte) bool { return bytes.HasPrefix(head, []byte("%PDF-")) }

func isXML(head []byte) bool {
	text, err := decode(head)
	return err == nil && bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("<"))
}

// maxPDF and maxXML bound what is read; real ones are far smaller.
const (
	maxPDF = 50 << 20
	maxXML = 10 << 20
)

// Read reads one file from its start. The error says what is wrong with it.
func Read(ctx context.Context, file io.ReadSeeker, size int64) (Invoice, error) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(file, head); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Invoice{}, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Invoice{}, err
	}
	if isPDF(head) {
		if size > maxPDF {
			return Invoice{}, fmt.Errorf("a PDF of %d MB is not read: the most is %d MB", size>>20, maxPDF>>20)
		}
		return fromPDF(ctx, file)
	}
	if size > maxXML {
		return Invoice{}, tooLarge(size)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return Invoice{}, err
	}
	return parse(text)
}

func tooLarge(size int64) error {
	return fmt.Errorf("XML of %d MB is not read: the most is %d MB", size>>20, maxXML>>20)
}

const (
	nsCII           = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
	nsUBLInvoice    = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
	nsUBLCreditNote = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"
)

// parse reads an XML document; its root says what it is.
func parse(text []byte) (Invoice, error) {
	root, err := readTree(text)
	if err != nil {
		return Invoice{}, err
	}
	switch {
	case root.space == nsCII && root.name == "CrossIndustryInvoice":
		return fromCII(root), nil
	case root.space == nsUBLInvoice && root.name == "Invoice", root.space == nsUBLCreditNote && root.name == "CreditNote":
		return fromUBL(root), nil
	case root.name == "CrossIndustryDocument":
		return Invoice{}, errors.New("it is ZUGFeRD 1, which is no longer in use: have the invoice made as Factur-X or ZUGFeRD 2")
	case root.name == "SCRDMCCBDACIOMessageStructure":
		return Invoice{}, errOrder
	case root.name == "comptabilite":
		return Invoice{}, errors.New("it is a FEC in XML: a FEC is read in its text form only")
	case root.name == "CrossIndustryInvoice":
		return Invoice{}, fmt.Errorf("it is a cross-industry invoice of another version (%s): only %s is read", root.space, nsCII)
	}
	return Invoice{}, fmt.Errorf("it is XML, but no invoice: its root is %q of %q", root.name, root.space)
}

var errOrder = errors.New("it is an order (Order-X), not an invoice")
