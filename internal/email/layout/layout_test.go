package layout

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"relanced/internal/calendar"
)

func TestDate(t *testing.T) {
	t.Parallel()
	day := calendar.MustParse("2026-03-01")
	for got, want := range map[string]string{
		Date("fr", day): "1er mars 2026", Date("en", day): "1 March 2026",
		ShortDate("fr", day): "01/03/2026", ShortDate("en", day): "1 March 2026",
		Date("fr", day.AddDays(1)): "2 mars 2026",
	} {
		if strings.ReplaceAll(got, "\u00a0", " ") != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	if got := List("fr", []string{"a", "b", "c"}) + List("en", []string{"a", "b"}) + List("en", []string{"a"}) + List("fr", nil); got != "a, b et ca and ba" {
		t.Errorf("%q", got)
	}
}

func TestMarkdown_saysTheSameInBothForms(t *testing.T) {
	t.Parallel()
	source := "# Titre\n\nUn **mot** et [un lien](https://dupont.example/a).\nSuite.\n\n- un\n- deux\n" + Block("table") + "Fin  \ntout"
	got := Markdown(source, map[string]Piece{"table": {Text: "T1\nT2\n", HTML: "<table>T</table>"}})
	want := "Titre\n\nUn mot et un lien (https://dupont.example/a). Suite.\n\n- un\n- deux\n\nT1\nT2\n\nFin\ntout\n"
	if got.Text != want {
		t.Errorf("text %q\nwant %q", got.Text, want)
	}
	for _, part := range []string{">Titre</h1>", "<strong>mot</strong>", `href="https://dupont.example/a"`, "\n<table>T</table>\n", "<li>deux</li>", "Fin<br>"} {
		if !strings.Contains(string(got.HTML), part) {
			t.Errorf("no %q in %s", part, got.HTML)
		}
	}
}

func TestMarkdown_leavesRawHTMLOut(t *testing.T) {
	t.Parallel()
	got := Markdown("a <b onclick=x>b</b>\n\n<script>x()</script>\n\n[x](javascript:alert(1))\n", nil)
	for _, bad := range []string{"<b ", "<script", "javascript:"} {
		if strings.Contains(string(got.HTML), bad) || bad != "javascript:" && strings.Contains(got.Text, bad) {
			t.Errorf("%q in %q %q", bad, got.HTML, got.Text)
		}
	}
}

func TestEscMarkdown_valuesComeOutAsTheyWentIn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.StringMatching("[-+*_#>`~!\\[\\]()<>&;:/.a1 \\\\|={}\"']{1,40}")).Draw(t, "value")
		shown := strings.TrimSpace(EscMarkdown(value, 200))
		got := Markdown("x "+shown+" y", nil)
		if want := "x " + Plain(shown) + " y\n"; got.Text != want && shown != "" {
			t.Fatalf("text %q, want %q", got.Text, want)
		}
		inner, ok := strings.CutPrefix(string(got.HTML), paragraph)
		if !ok || strings.Count(inner, "<") != 1 || !strings.HasSuffix(inner, "</p>\n") {
			t.Fatalf("%q became %s", value, got.HTML)
		}
		alone := Markdown(shown+"\n\n"+shown, nil)
		if n := strings.Count(string(alone.HTML), "<"); shown != "" && n != 4 {
			t.Fatalf("%q became %s", value, alone.HTML)
		}
	})
}

func TestEsc_isolatesRightToLeftText(t *testing.T) {
	t.Parallel()
	if got := Esc("<b>שלום\u202e", 50); got != "<bdi>&lt;b&gt;שלום</bdi>" {
		t.Errorf("%q", got)
	}
	if got := Esc("A & B", 50); got != "A &amp; B" {
		t.Errorf("%q", got)
	}
}

func TestPage_escapesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	page := Page{Lang: "fr", Title: "<i>", Brand: `"><script>`, Body: "<p>x</p>", Foot: []HTML{Esc("<u>", 9)}}.Render()
	for _, bad := range []string{"<i>", "<script>", "<u>"} {
		if strings.Contains(page, bad) {
			t.Errorf("%s stands in the page", bad)
		}
	}
	if !strings.Contains(page, "<p>x</p>") || !strings.Contains(page, "&lt;u&gt;") {
		t.Error(page)
	}
}
