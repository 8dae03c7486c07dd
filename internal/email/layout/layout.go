// Package layout holds what our mails look like: the page, its pieces, and how
// amounts and dates are written. Pages are one column, styled inline, without
// scripts or remote pictures, and stand both light and dark screens.
package layout

import (
	"html"
	"strings"
	"unicode"

	"relanced/internal/email"
)

// HTML is markup made by this package or by its users with Esc; foreign text
// never becomes HTML otherwise.
type HTML string

// Esc makes foreign text safe as one line of a page, limit characters at most.
// Text of right-to-left scripts is isolated from what stands around it.
func Esc(text string, limit int) HTML {
	text = email.Clean(text, limit)
	escaped := HTML(html.EscapeString(text))
	for _, r := range text {
		if unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko) {
			return "<bdi>" + escaped + "</bdi>"
		}
	}
	return escaped
}

const fonts = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"

// dark restyles pages on dark screens; clients that drop it show the light page.
const dark = `:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
.bg{background:#16181b!important}.card{background:#212429!important;border-color:#3a3f46!important}
.ink{color:#e9ebee!important}.dim{color:#a9b0b8!important}.box{background:#2a2e34!important}
.line{border-color:#3a3f46!important}a{color:#8ab4f8!important}}
@media (max-width:480px){.pad{padding-left:20px!important;padding-right:20px!important}.out{padding:0!important}}`

// Page is a whole mail.
type Page struct {
	Lang  string
	Title string // of the window, and read aloud first
	Brand string // who writes
	Body  HTML
	Foot  []HTML // lines at the bottom, small
}

// Render returns the page.
func (p Page) Render() string {
	var out strings.Builder
	write := func(parts ...string) {
		for _, part := range parts {
			out.WriteString(part)
		}
	}
	write(`<!DOCTYPE html>`, "\n", `<html lang="`, html.EscapeString(p.Lang), `"><head><meta charset="utf-8">`,
		`<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">`,
		`<meta name="supported-color-schemes" content="light dark"><meta name="format-detection" content="telephone=no,date=no,address=no">`, "\n",
		`<title>`, string(Esc(p.Title, 200)), `</title><style>`, dark, `</style></head>`, "\n",
		`<body class="bg" style="margin:0;padding:0;background:#f3f4f6;-webkit-text-size-adjust:100%">`, "\n",
		`<table role="presentation" class="bg" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#f3f4f6"><tr><td class="out" align="center" style="padding:24px 12px">`, "\n",
		`<!--[if mso]><table role="presentation" width="620" cellpadding="0" cellspacing="0" border="0"><tr><td><![endif]-->`, "\n",
		`<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:620px;background:#ffffff;border:1px solid #dfe3e8;text-align:left">`, "\n",
		`<tr><td class="ink line pad" style="padding:24px 36px 16px;border-bottom:2px solid #2f4a6d;`, fonts, `;font-size:18px;line-height:24px;font-weight:600;color:#1f2933;overflow-wrap:anywhere">`,
		string(Esc(p.Brand, 120)), `</td></tr>`, "\n",
		`<tr><td class="ink pad" style="padding:24px 36px 12px;`, fonts, `;font-size:16px;line-height:24px;color:#1f2933;overflow-wrap:anywhere">`, "\n",
		string(p.Body), "\n", `</td></tr>`, "\n")
	if len(p.Foot) > 0 {
		write(`<tr><td class="dim line pad" style="padding:16px 36px 24px;border-top:1px solid #dfe3e8;`, fonts,
			`;font-size:13px;line-height:19px;color:#5c6773;overflow-wrap:anywhere">`)
		for i, line := range p.Foot {
			if i > 0 {
				write(`<br>`)
			}
			write(string(line))
		}
		write(`</td></tr>`, "\n")
	}
	write(`</table>`, "\n", `<!--[if mso]></td></tr></table><![endif]-->`, "\n", `</td></tr></table>`, "\n", `</body></html>`, "\n")
	return out.String()
}

// Row is a line of a table: what it is about with details under it, and on the
// right a figure with a note under it.
type Row struct {
	Label   HTML
	Details []HTML
	Figure  HTML
	Note    HTML
	Strong  bool // a total
}

// Table returns rows as a table of two columns that fits a telephone.
func Table(caption, left, right HTML, rows []Row) HTML {
	var out strings.Builder
	if caption != "" {
		out.WriteString(string(Heading(caption)))
	}
	out.WriteString(`<table width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:4px 0 20px;border-collapse:collapse;` + fonts + `">` + "\n")
	if left != "" {
		out.WriteString(`<tr><th class="dim line" scope="col" align="left" style="padding:6px 0;border-bottom:1px solid #9aa5b1;font-size:13px;line-height:18px;font-weight:600;color:#5c6773">` + string(left) +
			`</th><th class="dim line" scope="col" align="right" style="padding:6px 0;white-space:nowrap;border-bottom:1px solid #9aa5b1;font-size:13px;line-height:18px;font-weight:600;color:#5c6773">` + string(right) + "</th></tr>\n")
	}
	for _, row := range rows {
		weight, border := "400", "1px solid #dfe3e8"
		label := `<span style="font-weight:600">` + string(row.Label) + `</span>`
		if row.Strong {
			weight, border = "600", "0"
		}
		for _, detail := range row.Details {
			label += `<br><span class="dim" style="font-size:14px;line-height:20px;color:#5c6773">` + string(detail) + `</span>`
		}
		figure := string(row.Figure)
		if row.Note != "" {
			figure += `<br><span style="font-size:14px;line-height:20px;font-weight:400">` + string(row.Note) + `</span>`
		}
		out.WriteString(`<tr><td class="ink line" valign="top" style="padding:9px 12px 9px 0;border-bottom:` + border + `;font-size:16px;line-height:22px;color:#1f2933;overflow-wrap:anywhere">` + label +
			`</td><td class="ink line" valign="top" align="right" style="padding:9px 0;border-bottom:` + border + `;font-size:16px;line-height:22px;font-weight:` + weight + `;color:#1f2933;white-space:nowrap">` + figure + "</td></tr>\n")
	}
	out.WriteString(`</table>`)
	return HTML(out.String())
}

// Pair is a name and its value.
type Pair struct{ Name, Value HTML }

// Box returns pairs in a tinted frame, under a title, with a last line below
// and a picture (its cid, described for those who do not see it) where given.
func Box(title HTML, pairs []Pair, last HTML, cid string, picture HTML) HTML {
	var out strings.Builder
	out.WriteString(`<table class="box" width="100%" cellpadding="0" cellspacing="0" border="0" style="margin:4px 0 20px;background:#f3f5f8;` + fonts + `"><tr><td style="padding:16px 18px">` + "\n")
	out.WriteString(`<p class="ink" style="margin:0 0 8px;font-size:16px;line-height:22px;font-weight:600;color:#1f2933">` + string(title) + "</p>\n")
	for _, pair := range pairs {
		out.WriteString(`<p class="ink" style="margin:0 0 4px;font-size:15px;line-height:22px;color:#1f2933;overflow-wrap:anywhere"><span class="dim" style="color:#5c6773">` +
			string(pair.Name) + `</span> ` + string(pair.Value) + "</p>\n")
	}
	if cid != "" {
		out.WriteString(`<p style="margin:12px 0 4px"><img src="cid:` + html.EscapeString(cid) + `" alt="` + string(picture) +
			`" width="168" height="168" style="display:block;border:0;background:#ffffff;width:168px;height:168px"></p>` + "\n" +
			`<p class="dim" style="margin:0 0 4px;font-size:13px;line-height:19px;color:#5c6773">` + string(picture) + "</p>\n")
	}
	if last != "" {
		out.WriteString(`<p class="dim" style="margin:8px 0 0;font-size:14px;line-height:20px;color:#5c6773">` + string(last) + "</p>\n")
	}
	out.WriteString(`</td></tr></table>`)
	return HTML(out.String())
}

// Whole keeps text on one line.
func Whole(text HTML) HTML {
	return `<span style="white-space:nowrap">` + text + `</span>`
}

// Heading returns a title inside a page.
func Heading(text HTML) HTML {
	return `<h2 class="ink" style="margin:20px 0 4px;font-size:16px;line-height:22px;font-weight:600;color:#1f2933">` + text + "</h2>\n"
}

// Small returns a paragraph in small type.
func Small(text HTML) HTML {
	return `<p class="dim" style="margin:0 0 16px;font-size:14px;line-height:21px;color:#5c6773">` + text + "</p>\n"
}

// Link returns a link to an address that the caller vouches for.
func Link(address string, text HTML) HTML {
	return HTML(`<a href="` + html.EscapeString(address) + `" style="color:#1d5fae">` + string(text) + `</a>`)
}
