// Package customersfile reads the company's own list of customers: what the
// accounting software does not know of them (addresses, terms, who to write to).
// What it says wins over the sources.
package customersfile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"relanced/connectors/files/charset"
	"relanced/internal/calendar"
	"relanced/internal/receivable"
)

// Row is one customer of the file. Empty fields say nothing.
type Row struct {
	Line         int
	Code         string
	Connection   receivable.ConnectionID // where the code is repeated; "" any
	Name         string
	Emails       []string
	CC           []string
	Contact      string
	Phone        string
	Language     string // ISO 639-1
	Kind         receivable.Kind
	SIREN        string
	Terms        string // as in the configuration
	Method       receivable.PaymentMethod
	Owner        string
	Plan         string
	Payer        string // code of the customer that pays for this one
	Tags         []string
	DoNotContact bool
	SIRET        string
	ServiceCode  string
	Portal       string
	OrderRef     string
}

// File is the list as it was read.
type File struct {
	Rows     []Row
	Problems []Problem
}

// Problem is one cell or line that could not be used; the rest of its row is kept.
type Problem struct {
	Line   int // of the file, 0 for all of it
	Column string
	Text   string
}

// String is "line 3, emails: …".
func (p Problem) String() string {
	switch {
	case p.Line == 0:
		return p.Text
	case p.Column == "":
		return fmt.Sprintf("line %d: %s", p.Line, p.Text)
	}
	return fmt.Sprintf("line %d, %s: %s", p.Line, p.Column, p.Text)
}

// Columns are the titles that are known, as in the documentation.
var Columns = []string{
	"code", "connection", "name", "emails", "cc", "contact", "phone", "language", "kind", "siren", "terms", "payment_method",
	"owner", "plan", "payer", "tags", "do_not_contact", "siret", "service_code", "portal", "order_ref",
}

// maxSize bounds the file, in bytes.
const maxSize = 64 << 20

// Read reads the file at path. An error means that nothing of it can be used;
// bad cells and rows are Problems.
func Read(path string) (File, error) {
	file, err := os.Open(path) //nolint:gosec // named in the configuration
	if err != nil {
		return File{}, fmt.Errorf("customers' file: %w", err)
	}
	defer file.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return File{}, fmt.Errorf("customers' file %s: %w", path, err)
	}
	if len(body) > maxSize {
		return File{}, fmt.Errorf("customers' file %s: it is larger than %d MB: is it the right file?", path, maxSize>>20)
	}
	f, err := Parse(body)
	if err != nil {
		return File{}, fmt.Errorf("customers' file %s: %w", path, err)
	}
	return f, nil
}

// Parse reads the bytes of a customers' file: UTF-8 or Windows-1252, with ; or ,
// between the cells.
func Parse(body []byte) (File, error) {
	probe, err := charset.Look(bytes.NewReader(body))
	if err != nil {
		return File{}, err
	}
	if bytes.HasPrefix(body, []byte("PK\x03\x04")) || probe.Encoding == charset.EBCDIC {
		return File{}, errors.New("it is no text: save it as CSV")
	}
	if probe.Encoding == charset.Latin9 {
		probe.Encoding = charset.Windows1252 // the same letters; the documentation names this one
	}
	text, err := probe.Reader(bytes.NewReader(body))
	if err != nil {
		return File{}, err
	}
	all, err := io.ReadAll(text)
	if err != nil {
		return File{}, err
	}
	all = bytes.ReplaceAll(bytes.ReplaceAll(all, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	skipped := 0
	if first, rest, _ := bytes.Cut(all, []byte("\n")); bytes.HasPrefix(bytes.ToLower(first), []byte("sep=")) {
		all, skipped = rest, 1
	}
	r := csv.NewReader(bytes.NewReader(all))
	r.Comma = delimiter(all)
	r.FieldsPerRecord, r.LazyQuotes, r.TrimLeadingSpace = -1, true, true
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return File{}, errors.New("it has no header")
	}
	if err != nil {
		return File{}, fmt.Errorf("header: %w", err)
	}
	p := parser{at: make(map[string]int), seen: make(map[string]int)}
	headerLine, _ := r.FieldPos(0)
	if err := p.header(header, headerLine+skipped); err != nil {
		return File{}, err
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			p.addf(bad.StartLine+skipped, "", "cannot be read: %v", bad.Err)
			continue
		}
		if err != nil {
			return File{}, err
		}
		line, _ := r.FieldPos(0)
		p.row(cells, line+skipped)
	}
	p.payers()
	slices.SortStableFunc(p.Problems, func(a, b Problem) int { return a.Line - b.Line })
	return p.File, nil
}

// delimiter counts in the header, outside quotes.
func delimiter(text []byte) rune {
	first, _, _ := bytes.Cut(bytes.TrimLeft(text, "\n "), []byte("\n"))
	if bytes.Count(first, []byte(";")) >= bytes.Count(first, []byte(",")) && bytes.IndexByte(first, ';') >= 0 {
		return ';'
	}
	if bytes.IndexByte(first, ',') < 0 && bytes.IndexByte(first, '\t') >= 0 {
		return '\t'
	}
	if bytes.IndexByte(first, ',') >= 0 {
		return ','
	}
	return ';'
}

func fold(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			return unicode.ToLower(r)
		case r == ' ' || r == '-' || r == '_':
			return '_'
		}
		return -1
	}, norm.NFD.String(strings.TrimSpace(title)))
}

type parser struct {
	File
	at   map[string]int
	seen map[string]int // line of each connection and code
}

func (p *parser) addf(line int, column, format string, args ...any) {
	if len(p.Problems) < 10_000 {
		p.Problems = append(p.Problems, Problem{line, column, fmt.Sprintf(format, args...)})
	}
}

func (p *parser) header(cells []string, line int) error {
	for i, cell := range cells {
		title := fold(cell)
		switch _, twice := p.at[title]; {
		case title == "":
		case !slices.Contains(Columns, title):
			p.addf(line, "", "column %q is unknown and was left out: the columns are %s", short(cell), strings.Join(Columns, ", "))
		case twice:
			p.addf(line, "", "column %q stands twice: the first was taken", title)
		default:
			p.at[title] = i
		}
	}
	if _, ok := p.at["code"]; !ok {
		return fmt.Errorf("line %d: the header has no column code: the first line names the columns, among %s", line, strings.Join(Columns, ", "))
	}
	return nil
}

func (p *parser) row(cells []string, line int) {
	cell := func(column string) string {
		if at, ok := p.at[column]; ok && at < len(cells) {
			return strings.TrimSpace(strings.Map(spaces, cells[at]))
		}
		return ""
	}
	if !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" }) {
		return
	}
	r := Row{
		Line: line, Code: cell("code"), Connection: receivable.ConnectionID(cell("connection")), Name: cell("name"),
		Contact: cell("contact"), Phone: cell("phone"), Owner: cell("owner"), Plan: cell("plan"), Payer: cell("payer"),
		Tags: several(cell("tags")), ServiceCode: cell("service_code"), Portal: cell("portal"), OrderRef: cell("order_ref"),
	}
	if r.Code == "" {
		p.addf(line, "code", "the code is missing: the line was left out")
		return
	}
	key := string(r.Connection) + "\x00" + r.Code
	if first := p.seen[key]; first != 0 {
		p.addf(line, "code", "%q stands on line %d already: this line was left out (name the connection where codes repeat)", short(r.Code), first)
		return
	}
	p.seen[key] = line
	if r.Payer == r.Code {
		p.addf(line, "payer", "%q cannot pay for itself", short(r.Payer))
		r.Payer = ""
	}
	p.typed(&r, cell)
	p.Rows = append(p.Rows, r)
}

// payers tells payers that pay through another: one step is followed.
func (p *parser) payers() {
	payer := make(map[string]string)
	for _, r := range p.Rows {
		if r.Payer != "" {
			payer[r.Code] = r.Payer
		}
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		if next := payer[r.Payer]; r.Payer != "" && next != "" {
			p.addf(r.Line, "payer", "%q has a payer itself (%q): name the one who pays", short(r.Payer), short(next))
			r.Payer = ""
		}
	}
}

func (p *parser) typed(r *Row, cell func(string) string) {
	r.Emails = p.emails(r.Line, "emails", cell("emails"))
	r.CC = p.emails(r.Line, "cc", cell("cc"))
	if text := strings.ToLower(cell("language")); text != "" {
		base, _, _ := strings.Cut(strings.ReplaceAll(text, "_", "-"), "-")
		if len(base) == 2 && strings.Trim(base, "abcdefghijklmnopqrstuvwxyz") == "" {
			r.Language = base
		} else {
			p.addf(r.Line, "language", "%q is not a language: write fr, en, de…", short(text))
		}
	}
	if text := strings.ToLower(cell("kind")); text != "" {
		switch kind := receivable.Kind(text); kind {
		case receivable.KindBusiness, receivable.KindPublic, receivable.KindConsumer, receivable.KindSoleTrader:
			r.Kind = kind
		default:
			p.addf(r.Line, "kind", "%q is unknown: write business, public, consumer or sole_trader", short(text))
		}
	}
	if text := cell("terms"); text != "" {
		if terms, err := calendar.ParseTerms(text); err != nil {
			p.addf(r.Line, "terms", "%v", err)
		} else {
			r.Terms = terms.String()
		}
	}
	if text := strings.ToLower(cell("payment_method")); text != "" {
		switch method := receivable.PaymentMethod(text); method {
		case receivable.MethodTransfer, receivable.MethodDirectDebit, receivable.MethodBill, receivable.MethodCheque, receivable.MethodCard:
			r.Method = method
		default:
			p.addf(r.Line, "payment_method", "%q is unknown: write transfer, direct_debit, bill, cheque or card", short(text))
		}
	}
	r.SIREN = p.digits(r.Line, "siren", cell("siren"), 9)
	r.SIRET = p.digits(r.Line, "siret", cell("siret"), 14)
	switch text := strings.ToLower(cell("do_not_contact")); text {
	case "", "no", "non", "0", "false", "faux", "n", "nein":
	case "yes", "oui", "1", "true", "vrai", "x", "o", "y", "ja":
		r.DoNotContact = true
	default:
		p.addf(r.Line, "do_not_contact", "%q is neither yes nor no: nobody is written to until it is", short(text))
		r.DoNotContact = true
	}
}

func (p *parser) digits(line int, column, text string, n int) string {
	bare := strings.Map(func(r rune) rune {
		if r == ' ' || r == '.' || r == '-' {
			return -1
		}
		return r
	}, text)
	if bare == "" {
		return ""
	}
	if len(bare) != n || strings.Trim(bare, "0123456789") != "" {
		p.addf(line, column, "%q is not a number of %d digits", short(text), n)
		return ""
	}
	return bare
}

func (p *parser) emails(line int, column, text string) []string {
	var list []string
	for _, address := range several(text) {
		if !isAddress(address) {
			p.addf(line, column, "%q is not an e-mail address", short(address))
			continue
		}
		if !slices.ContainsFunc(list, func(a string) bool { return strings.EqualFold(a, address) }) {
			list = append(list, address)
		}
	}
	return list
}

// isAddress tells a bare address that mail can be sent to.
func isAddress(text string) bool {
	at := strings.LastIndexByte(text, '@')
	if at <= 0 || at > 64 || len(text) > 254 || strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(`<>()[]\,;:"`, r)
	}) {
		return false
	}
	local, domain := text[:at], text[at+1:]
	if strings.Contains(local, "@") || strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return false
	}
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return len(labels) > 1
}

// several cuts a cell with several values.
func several(text string) []string {
	var list []string
	for part := range strings.SplitSeq(text, "|") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// spaces makes a plain space of line breaks and no-break spaces in a cell.
func spaces(r rune) rune {
	switch r {
	case '\n', '\r', '\t', '\u00a0', '\u202f':
		return ' '
	case 0:
		return -1
	}
	return r
}

func short(text string) string {
	if runes := []rune(text); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return text
}
