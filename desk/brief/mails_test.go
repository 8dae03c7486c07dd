package brief

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"relanced/inbox/message"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
)

// What mail programs make of an answer, read as the inbox reads it.
func TestAnswers_ofMailProgramsAreUnderstood(t *testing.T) {
	t.Parallel()
	head := "From: Marie Petit <marie@dupont.example>\r\nTo: compta@dupont.example\r\nSubject: Re: Relances\r\nMessage-ID: <a@dupont.example>\r\nMIME-Version: 1.0\r\n"
	plain := head + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	page := head + "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	quoted := func(text string) string {
		return "> " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n> ") + "\n"
	}
	for name, write := range map[string]func(text, html string) string{
		"gmail": func(text, _ string) string {
			return plain + "ok sauf 2\n\nLe mer. 25 nov. 2026 à 07:30, Comptabilité Dupont <compta@dupont.example> a\nécrit :\n\n" + quoted(text)
		},
		"thunderbird with a signature": func(text, _ string) string {
			return plain + "ok sauf 2\n\n-- \nMarie Petit\nDupont & Fils\n01 23 45 67 89\n\nLe 25/11/2026 à 07:30, Comptabilité Dupont a écrit :\n" + quoted(text)
		},
		"outlook, nothing marked": func(text, _ string) string {
			return plain + "Bonjour,\n\nOk sauf 2, merci.\n\nBien cordialement,\n\nMarie PETIT\nComptable\nTél. 01 23 45 67 89\n\n-----Message d'origine-----\nDe : Comptabilité Dupont <compta@dupont.example>\nEnvoyé : mercredi 25 novembre 2026 07:30\nÀ : Marie Petit <marie@dupont.example>\nObjet : Relances\n\n" + text
		},
		"a telephone": func(text, _ string) string {
			return plain + "Ok sauf 2\n\nEnvoyé de mon iPhone\n\n> Le 25 nov. 2026 à 07:30, Comptabilité Dupont <compta@dupont.example> a écrit :\n> \n" + quoted(text)
		},
		"outlook on the web": func(_, html string) string {
			return page + `<html><body><div style="font-family:Calibri">ok sauf 2</div><div id="appendonsend"></div><hr style="display:inline-block;width:98%"><div id="divRplyFwdMsg"><b>De :</b> Comptabilité Dupont<br><b>Envoyé :</b> mercredi 25 novembre 2026 07:30<br><b>À :</b> Marie Petit<br><b>Objet :</b> Relances</div>` + html + `</body></html>`
		},
		"gmail, HTML only": func(_, html string) string {
			return page + `<div dir="ltr">Ok sauf 2<br></div><br><div class="gmail_quote"><div class="gmail_attr">Le mer. 25 nov. 2026 a écrit :<br></div><blockquote class="gmail_quote">` + html + `</blockquote></div>`
		},
		"the link of the list": func(text, _ string) string {
			return plain + "ok\nnon 2\n\n" + email.FindTokens(text)[0] + "\n"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "fr")
			w.drafts(3)
			_, text, html := parts(t, w.mail()[0].Content)
			m := message.Parse([]byte(strings.ReplaceAll(write(text, html), "\n", "\r\n")))
			verdict := m.Judge(message.Context{Own: []string{"compta@dupont.example", "marie@dupont.example"}, Unmatched: true})
			w.recordAnswer(store.Command{Mailbox: boxKey.Name, From: m.From.Email, Key: name}, m.Text, verdict.New.Text)
			if err := w.brief.Answers(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := map[string]dossier.State{"C001": "queued", "C002": "draft", "C003": "queued"}
			if name == "the link of the list" {
				want["C002"] = dossier.StateCancelled
			}
			if diff := gocmp.Diff(want, w.states()); diff != "" {
				t.Errorf("%s\nnew text: %q\n%s", diff, verdict.New.Text, strings.Join(w.events(eventRefused), "\n"))
			}
		})
	}
}

// An answer without a word of its own quotes the list, and with it how to answer.
func TestAnswers_theListItselfIsNoOrder(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"fr", "en"} {
		w := newWorld(t, language)
		w.drafts(2)
		_, text, _ := parts(t, w.mail()[0].Content)
		for i, said := range []string{text, "> " + strings.ReplaceAll(text, "\n", "\n> ")} {
			w.recordAnswer(store.Command{Mailbox: boxKey.Name, From: "marie@dupont.example", Key: fmt.Sprint(i)}, said, said)
		}
		if err := w.brief.Answers(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(map[string]dossier.State{"C001": "draft", "C002": "draft"}, w.states()); diff != "" {
			t.Error(diff)
		}
	}
}
