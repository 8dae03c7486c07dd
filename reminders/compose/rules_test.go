package compose

import (
	"bytes"
	"io/fs"
	"mime"
	"net/mail"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/reminders"
)

// forbidden are words that imitate a court or a bailiff, threaten what nobody
// decided, shame, or promise that this is the last message.
var forbidden = regexp.MustCompile(`(?i)commandement|sommation|exploit|exécutoire|saisie|saisir|huissier|police|plainte|pénal(ement)?\b|prison|fichier des|liste noire|publier|` +
	`dernier avertissement|dernier rappel|dernière relance|ultime|frais de (relance|rappel|dossier)|honte|mauvais payeur|malhonn|interrompt la prescription|` +
	`bailiff|seiz|warrant|blacklist|last warning|final warning|final reminder|last reminder|criminal|collection charge|reminder fee|shame|dishonest|immediately or|L441-6`)

func TestTemplates_holdNoForbiddenWord(t *testing.T) {
	t.Parallel()
	count := 0
	for _, lang := range []string{"fr", "en"} {
		for _, name := range Names() {
			count++
			source, err := fs.ReadFile(shipped, path.Join("templates", lang, name+".md"))
			if err != nil {
				t.Fatalf("%s is missing in %s: %v", name, lang, err)
			}
			m, err := Render(sample(t, name, lang))
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{string(source), m.Text, m.Subject} {
				if found := forbidden.FindString(text); found != "" {
					t.Errorf("%s/%s says %q", lang, name, found)
				}
			}
		}
	}
	if count < 26 {
		t.Errorf("%d templates", count)
	}
	for _, bad := range []string{"Dernier avertissement avant saisie", "a bailiff will"} {
		if !forbidden.MatchString(bad) {
			t.Errorf("%q passes", bad)
		}
	}
}

func TestRender_everyMessageSaysWhoWritesAndWhereToAnswer(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"fr", "en"} {
		for _, name := range Names() {
			r := sample(t, name, lang)
			m, err := Render(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{m.Text, strings.ReplaceAll(m.HTML, "&amp;", "&")} {
				for _, want := range []string{"Dupont & Fils SARL", "732 829 320", "compta@dupont.example", "FA-2026-04", email.Reference(r.ID)} {
					if !strings.Contains(part, want) {
						t.Errorf("%s/%s: no %q in %.60q", lang, name, want, part)
					}
				}
			}
			if !strings.Contains(m.Subject, "FA-2026-") {
				t.Errorf("%s/%s: no invoice number in %q", lang, name, m.Subject)
			}
			paying := name != "thanks"
			if got := strings.Contains(m.Text, "FR76 3000 6000 0112 3456 7890 189"); got != paying {
				t.Errorf("%s/%s: bank details: %v", lang, name, got)
			}
		}
	}
}

func TestRender_asksForWhatIsDemandedAndNoMore(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		r := sample(t, name, "fr")
		m, err := Render(r)
		if err != nil {
			t.Fatal(err)
		}
		if name == "thanks" {
			continue
		}
		want := "Montant\u00a0: " + money.Format(r.totals()[0], "fr")
		if !strings.Contains(m.Text, want) {
			t.Errorf("%s: no %q", name, want)
		}
		for _, amount := range []string{"48,35", "80,00"} {
			if strings.Contains(m.Text, amount) != (r.Action.Legal == reminders.LegalAmounts) {
				t.Errorf("%s, legal %q: %s", name, r.Action.Legal, amount)
			}
		}
		if strings.Contains(m.Text, "12,40") != (r.Action.Legal != "" && r.Action.Legal != reminders.LegalNone) {
			t.Errorf("%s, legal %q: rate", name, r.Action.Legal)
		}
	}
}

func TestRender_announcesOnlyAStepThatIsPlanned(t *testing.T) {
	t.Parallel()
	r := sample(t, "third", "fr")
	with, _ := Render(r)
	r.Next = Next{}
	without, _ := Render(r)
	if !strings.Contains(with.Text, "mise en demeure") || strings.Contains(without.Text, "mise en demeure") {
		t.Errorf("announced %v, %v", strings.Contains(with.Text, "mise en demeure"), strings.Contains(without.Text, "mise en demeure"))
	}
}

func TestRender_levelsOfOneCaseShareSubjectAndThread(t *testing.T) {
	t.Parallel()
	r := sample(t, "first", "fr")
	r.Thread = Thread{CaseID: "1042", Began: r.Date, Reference: "R-7K4Q-M2QV"}
	opening, err := Render(r)
	if err != nil {
		t.Fatal(err)
	}
	r = sample(t, "second", "fr")
	r.ID = "0000000000000001"
	r.Thread = Thread{
		CaseID: "1042", Began: r.Date.Add(-time.Hour), Number: 1, Subject: opening.Subject,
		InReplyTo: opening.MessageID, References: []string{opening.MessageID},
	}
	second, err := Render(r)
	if err != nil {
		t.Fatal(err)
	}
	if second.Subject != opening.Subject || second.InReplyTo != opening.MessageID || second.MessageID == opening.MessageID ||
		email.ThreadGUID(second.ThreadIndex) != email.ThreadGUID(opening.ThreadIndex) || second.ThreadTopic != opening.ThreadTopic {
		t.Errorf("%+v\n%+v", opening.Subject, second.Subject)
	}
	raw, err := email.Build(second)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Keys.Find(string(raw)); !cmp.Equal(got, []email.ID{"0000000000000001", "7k4qm2tx01234567"}) {
		t.Errorf("ids in the bytes: %v", got)
	}
}

func TestRender_subjectIsBoundedWhateverTheNumberOfInvoices(t *testing.T) {
	t.Parallel()
	r := sample(t, "first", "fr")
	r.Action.Lines = nil
	for i := range 300 {
		l := line(int64(i), "FACTURE-2026-"+strings.Repeat("9", 20)+string(rune('A'+i%26))+string(rune('a'+i/26)), "2026-10-01", 100, 100)
		r.Action.Lines = append(r.Action.Lines, reminders.LineUse{Line: l, Role: dossier.RoleDemanded})
	}
	m, err := Render(r)
	if err != nil {
		t.Fatal(err)
	}
	if n := len([]rune(m.Subject)); n > 160 || !strings.Contains(m.Subject, "299 autres") || !strings.Contains(m.Subject, "Dupont") {
		t.Errorf("%d characters: %q", n, m.Subject)
	}
}

func TestRender_totalsPerCurrencyAndACodeForTheEuros(t *testing.T) {
	t.Parallel()
	r := sample(t, "second", "en")
	usd := line(9, "FA-USD", "2026-10-01", 0, 0)
	usd.Outstanding, usd.InvoiceTotal = money.New(12345, "USD"), money.New(12345, "USD")
	r.Action.Lines = append([]reminders.LineUse{{Line: usd, Role: dossier.RoleDemanded}}, r.Action.Lines...)
	m, err := Render(r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(m.Text, "USD\u00a0123.45 and €2,900.00") || strings.Count(m.Text, "  Total") != 2 {
		t.Errorf("%s", m.Text)
	}
	if len(m.Inline) != 1 || !strings.Contains(m.HTML, `transfer of €2,900.00"`) {
		t.Errorf("%d codes", len(m.Inline))
	}
	r.Action.Lines = r.Action.Lines[:1]
	if m, err = Render(r); err != nil || len(m.Inline) != 0 || strings.Contains(m.HTML, "cid:") {
		t.Errorf("dollars alone: %d codes, %v", len(m.Inline), err)
	}
}

func TestRender_withoutBankDetailsOrLegalFiguresLeavesThemOut(t *testing.T) {
	t.Parallel()
	r := sample(t, "formal-notice", "fr")
	r.Bank, r.Legal, r.PayLink = Bank{}, Legal{}, ""
	m, err := Render(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"IBAN", "virement", "Pénalités", "en ligne", "inchangées", "cid:"} {
		if strings.Contains(m.Text+m.HTML, word) {
			t.Errorf("says %q", word)
		}
	}
}

func TestRender_saysWhenBankDetailsAreNew(t *testing.T) {
	t.Parallel()
	r := sample(t, "first", "fr")
	r.Bank.Changed = true
	m, _ := Render(r)
	if strings.Contains(m.Text, "inchangées") || !strings.Contains(m.Text, "sont nouvelles") {
		t.Error(m.Text)
	}
}

func TestRender_namesEarlierMessagesAboutTheseLinesOnly(t *testing.T) {
	t.Parallel()
	r := sample(t, "second", "en")
	other := dossier.Message{
		Kind: dossier.KindReminder, SentAt: calendar.MustParse("2026-11-10").Time(paris),
		Lines: []dossier.MessageLine{{Due: 77, Role: dossier.RoleDemanded}},
	}
	unsent := r.Dossier.Messages[0]
	unsent.SentAt = time.Time{}
	r.Dossier.Messages = append(r.Dossier.Messages, other, unsent)
	m, _ := Render(r)
	if !strings.Contains(m.Text, "We wrote to you on 5\u00a0November\u00a02026 about") && !strings.Contains(m.Text, "We wrote to you on 5 November 2026 about") {
		t.Error(m.Text)
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for _, test := range [][3]string{{"fr", "en", "fr"}, {"en-GB", "fr", "en"}, {"", "fr", "fr"}, {"de", "fr", "en"}, {"", "", "en"}, {"FR-ca", "en", "fr"}} {
		if got := Language(test[0], test[1]); got != test[2] {
			t.Errorf("Language(%q, %q) = %q", test[0], test[1], got)
		}
	}
}

func TestRender_refusesWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	r := sample(t, "first", "fr")
	r.Action.Template = "../../secret"
	if _, err := Render(r); err == nil || !strings.Contains(err.Error(), "formal-notice") {
		t.Errorf("unknown template: %v", err)
	}
	r = sample(t, "first", "fr")
	r.Action.Lines = nil
	if _, err := Render(r); err == nil {
		t.Error("a message about nothing")
	}
}

var nasty = []string{
	"x\r\nBcc: victim@example.com", "<script>alert(1)</script>", "<img src=http://evil.example/x.png>", "[clic](http://evil.example)",
	"![x](http://evil.example/p.png)", "**gras**", "# titre", "`code`", "{{.Company}}", "{{template \"x\"}}", "\u202egpj\u202c", "a\u2066b\u2069",
	"\ue000table\ue001", "\ue000pay\ue001", "- liste", "1. un", "> cité", "---", "&lt;b&gt;", "javascript:alert(1)", "\"onmouseover=\"x", "a\n\n# b\n\n<b>",
	"\x00\x1b[31m", "$HOME `id`", "=cmd|' /C calc'!A0", "<http://evil.example>", "\\", "{invoice.number}", "%s%n%d", "| a | b |", "\t\tcode",
	strings.Repeat("<b>", 4000), strings.Repeat("é", 10_000), strings.Repeat("long ", 2000),
}

// elements are the tags that a page may have.
var elements = regexp.MustCompile(`^(!|!DOCTYPE|html|head|meta|title|style|body|table|tr|td|th|p|br|h1|h2|strong|em|a|img|span|bdi|ul|li|ol|hr|!--)$`)

func TestRender_hostileNamesBreakNothing(t *testing.T) {
	t.Parallel()
	names := Names()
	tag := regexp.MustCompile(`<(/?)(!--|[a-zA-Z!][a-zA-Z0-9]*)`)
	rapid.Check(t, func(t *rapid.T) {
		pick := func(label string) string {
			return rapid.OneOf(rapid.SampledFrom(nasty), rapid.String()).Draw(t, label)
		}
		template := rapid.SampledFrom(names).Draw(t, "template")
		lang := rapid.SampledFrom([]string{"fr", "en"}).Draw(t, "lang")
		r := sampleFor(template, lang)
		plain, err := Render(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Dossier.Customer.Name, r.Dossier.Customer.Contact, r.Dossier.Customer.SIREN = pick("name"), pick("contact"), pick("siren")
		r.Dossier.Customer.Code, r.Dossier.Customer.ServiceCode, r.Dossier.Customer.SIRET = pick("code"), pick("service"), pick("siret")
		for i := range r.Action.Lines {
			r.Action.Lines[i].Line.Invoice, r.Action.Lines[i].Line.OrderRef = pick("invoice"), pick("order")
		}
		r.Added = pick("added")
		m, err := Render(r)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := email.Build(m)
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) > 200_000 {
			t.Fatalf("%d bytes", len(raw))
		}
		got, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		list, err := got.Header.AddressList("To")
		if err != nil || len(list) != 1 || list[0].Address != "achats@durand.example" || got.Header["Bcc"] != nil || len(got.Header["To"]) != 1 {
			t.Fatalf("recipients %v %v", list, err)
		}
		if _, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject")); err != nil {
			t.Fatal(err)
		}
		for _, m := range tag.FindAllStringSubmatch(m.HTML, -1) {
			if !elements.MatchString(m[2]) {
				t.Fatalf("element %q", m[0])
			}
		}
		for _, word := range []string{"<table", "<img", "<h1", "<h2", "<ul", "<ol", "<li", "<em", "<hr", "<a ", "</table"} {
			if strings.Count(m.HTML, word) > strings.Count(plain.HTML, word) {
				t.Fatalf("%d %s instead of %d", strings.Count(m.HTML, word), word, strings.Count(plain.HTML, word))
			}
		}
		for _, m := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(m.HTML, -1) {
			if !strings.HasPrefix(m[1], "https://payer.dupont.example/") && !strings.HasPrefix(m[1], "cid:") {
				t.Fatalf("address %q", m[1])
			}
		}
		if strings.ContainsAny(m.Text+m.HTML+m.Subject, "\u202e\u2066\ue000\ue001\x00\x1b\r") {
			t.Fatalf("control characters in %q", m.Text)
		}
	})
}

func TestRender_speaksOfNoFeeToAConsumerOrAnUnknown(t *testing.T) {
	t.Parallel()
	for _, kind := range []receivable.Kind{receivable.KindConsumer, receivable.KindUnknown, ""} {
		for _, template := range []string{"second", "formal-notice"} {
			r := sample(t, template, "fr")
			r.Dossier.Customer.Kind = kind
			for i := range r.Legal.Lines {
				r.Legal.Lines[i].Fee = money.Amount{}
			}
			m, err := Render(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range []string{"indemnité", "40,00", "de plein droit"} {
				if strings.Contains(m.Text+m.HTML, word) {
					t.Errorf("%s to %q: %q", template, kind, word)
				}
			}
		}
	}
}

func TestRender_saysWhatIsOddAboutALine(t *testing.T) {
	t.Parallel()
	r := sample(t, "first", "fr")
	l := &r.Action.Lines[0].Line
	l.Returned, l.Rank, l.Of, l.OrderRef = true, 2, 3, "BC-77"
	m, _ := Render(r)
	for _, want := range []string{"paiement revenu impayé", "échéance 2 sur 3", "commande BC-77", "sur 1\u202f200,00"} {
		if !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, want) {
			t.Errorf("no %q in both forms", want)
		}
	}
	l.DueOn = 0
	if m, _ = Render(r); !strings.Contains(m.Text, "échéance non précisée") {
		t.Error(m.Text)
	}
	l.DueOn = calendar.DateOf(r.Date)
	if m, _ = Render(r); !strings.Contains(m.Text, "échéance aujourd'hui") || strings.Contains(m.Text, "retard") {
		t.Error(m.Text)
	}
}

func TestRender_namesThePublicBuyersOwnReferences(t *testing.T) {
	t.Parallel()
	for _, template := range []string{"first", "formal-notice"} {
		r := sample(t, template, "fr")
		c := &r.Dossier.Customer
		c.Kind, c.SIRET, c.ServiceCode, c.OrderRef = receivable.KindPublic, "13002526500013", "ACHATS*1", "EJ-2026-9"
		r.Action.Lines[0].Line.OrderRef = "BC-77"
		m, err := Render(r)
		if err != nil {
			t.Fatal(err)
		}
		wants := []string{"commande BC-77", "Vos références\u00a0: SIRET 130 025 265 00013, code service ACHATS*1."}
		if len(r.Action.Lines) > 1 {
			wants = append(wants, "commande EJ-2026-9") // of the customers' file, where the invoice has none
		}
		for _, want := range wants {
			if !strings.Contains(m.Text, want) || !strings.Contains(m.HTML, want) {
				t.Errorf("%s: no %q in both forms:\n%s", template, want, m.Text)
			}
		}
		c.Kind, c.ServiceCode = receivable.KindBusiness, ""
		if m, _ = Render(r); strings.Contains(m.Text, "SIRET") {
			t.Errorf("%s: the references of a business are shown", template)
		}
	}
}

func TestRender_saysWhetherCopiesAreAttached(t *testing.T) {
	t.Parallel()
	pdf := email.Part{Name: "a.pdf", Type: "application/pdf", Data: []byte("x")}
	for n, want := range map[int]string{0: "", 1: "A copy of one of the invoices is attached.", 2: "A copy of each invoice is attached."} {
		r := sample(t, "second", "en")
		for range n {
			r.Attachments = append(r.Attachments, pdf)
		}
		m, _ := Render(r)
		if want != "" && !strings.Contains(m.Text, want) || want == "" && strings.Contains(m.Text, "attached") {
			t.Errorf("%d copies: %s", n, m.Text)
		}
	}
}

func TestRender_putsAPersonsWordsOnTop(t *testing.T) {
	t.Parallel()
	r := sample(t, "second", "en")
	r.Added = "As agreed on the phone:\n[see](http://x.example) **this**."
	m, _ := Render(r)
	if !strings.HasPrefix(m.Text, "Hello Claire Durand,\n\nAs agreed on the phone:\n\n[see](http://x.example) **this**.\n\nWe wrote") {
		t.Error(m.Text)
	}
}

func TestRender_foreignIDsAndCopyAddressesKeepNoMessageBack(t *testing.T) {
	t.Parallel()
	r := sample(t, "second", "fr")
	r.Thread = Thread{InReplyTo: "x\r\nBcc: a@b.example", References: []string{"<ok@b.example>", "<a b@c.example>"}}
	r.Action.CC = []string{"chef@durand.example", "x@y.example\r\nBcc: a@b.example"}
	m, err := Render(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := email.Build(m); err != nil || len(m.CC) != 1 || m.InReplyTo != "" || len(m.References) != 1 {
		t.Errorf("%v %v %q %v", err, m.CC, m.InReplyTo, m.References)
	}
}

// TestRender_listsOverdueLinesThatAreNotDemanded: those within their grace stand
// in the message of any overdue step, and not in its sum.
func TestRender_listsOverdueLinesThatAreNotDemanded(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"fr", "en"} {
		for _, name := range Names() {
			if name == "preventive" || name == "thanks" || name == "receipt" || name == "copy" {
				continue
			}
			r := sample(t, name, lang)
			before := r.totals()[0]
			r.Action.Lines = append(r.Action.Lines, reminders.LineUse{Line: line(9, "FA-2026-0499", "2026-11-23", 7700, 7700), Role: dossier.RoleAnnex})
			m, err := Render(r)
			if err != nil {
				t.Fatal(err)
			}
			if r.totals()[0] != before || !strings.Contains(m.Text, "FA-2026-0499") || !strings.Contains(m.HTML, "FA-2026-0499") {
				t.Errorf("%s/%s: asks for %s, not %s, or leaves the line out:\n%s", lang, name, r.totals()[0], before, m.Text)
			}
		}
	}
}
