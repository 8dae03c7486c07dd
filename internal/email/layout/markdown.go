package layout

import (
	"bytes"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	gmtext "github.com/yuin/goldmark/text"

	"relanced/internal/email"
)

// Marks of a block inside Markdown: private-use characters, which email.Clean
// takes out of every foreign text.
const (
	blockOpen  = "\ue000"
	blockClose = "\ue001"
)

// Block returns the paragraph that Markdown replaces by the block of that name.
func Block(name string) string { return "\n\n" + blockOpen + name + blockClose + "\n\n" }

// EscMarkdown makes foreign text safe as words of a Markdown paragraph: no
// markup, link or block can come of it. Limit is in characters.
func EscMarkdown(text string, limit int) string {
	var out strings.Builder
	for _, r := range email.Clean(text, limit) {
		if r < 0x80 && r > ' ' && (r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z') {
			out.WriteByte('\\')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// Piece is a block in its two forms.
type Piece struct {
	Text string
	HTML HTML
}

// Markdown renders a text in its two forms, blocks put in their places. Raw
// HTML in it is left out.
func Markdown(source string, blocks map[string]Piece) Piece {
	raw := []byte(source)
	md := goldmark.New()
	tree := md.Parser().Parse(gmtext.NewReader(raw))
	var page bytes.Buffer
	_ = md.Renderer().Render(&page, raw, tree) // a bytes.Buffer takes everything
	text := plain(tree, raw)
	markup := styled.Replace(page.String())
	for name, piece := range blocks {
		mark := blockOpen + name + blockClose
		markup = strings.ReplaceAll(markup, paragraph+mark+"</p>", string(piece.HTML))
		text = strings.ReplaceAll(text, mark, strings.Trim(piece.Text, "\n"))
	}
	return Piece{Text: squeeze(text), HTML: HTML(markup)}
}

const paragraph = `<p style="margin:0 0 16px">`

var styled = strings.NewReplacer(
	"<p>", paragraph,
	"<h1>", `<h1 class="ink" style="margin:0 0 16px;font-size:20px;line-height:26px;font-weight:600;color:#1f2933">`,
	"<h2>", `<h2 class="ink" style="margin:20px 0 8px;font-size:16px;line-height:22px;font-weight:600;color:#1f2933">`,
	"<ul>", `<ul style="margin:0 0 16px;padding-left:22px">`,
	"<ol>", `<ol style="margin:0 0 16px;padding-left:22px">`,
	"<a ", `<a style="color:#1d5fae" `,
	"<!-- raw HTML omitted -->", "",
)

// plain writes the tree as text: headings and paragraphs apart, lists with
// hyphens, links with their address behind.
func plain(tree ast.Node, source []byte) string {
	var out strings.Builder
	_ = ast.Walk(tree, func(n ast.Node, in bool) (ast.WalkStatus, error) {
		switch node := n.(type) {
		case *ast.Text:
			if in {
				out.WriteString(unescape(string(node.Segment.Value(source))))
				switch {
				case node.HardLineBreak():
					out.WriteByte('\n')
				case node.SoftLineBreak():
					out.WriteByte(' ')
				}
			}
		case *ast.String:
			if in {
				out.Write(node.Value)
			}
		case *ast.AutoLink:
			if in {
				out.Write(node.URL(source))
			}
		case *ast.Link:
			if !in {
				out.WriteString(" (" + string(node.Destination) + ")")
			}
		case *ast.ListItem:
			if in {
				out.WriteString("\n- ")
			}
		case *ast.Paragraph, *ast.Heading, *ast.List, *ast.ThematicBreak:
			if !in {
				out.WriteString("\n\n")
			}
		case *ast.RawHTML, *ast.HTMLBlock:
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	return out.String()
}

func unescape(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", text[i+1]) >= 0 {
			i++
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// squeeze leaves one empty line where there were more, and none at the ends.
func squeeze(text string) string {
	for strings.Contains(text, "\n\n\n") {
		text = strings.ReplaceAll(text, "\n\n\n", "\n\n")
	}
	return strings.Trim(text, "\n") + "\n"
}

// Plain returns Markdown of one line as text, its escapes undone.
func Plain(source string) string { return unescape(strings.TrimSpace(source)) }
