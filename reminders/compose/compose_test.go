package compose

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/reminders"
)

var update = flag.Bool("update", false, "write the snapshots anew")

func eur(minor int64) money.Amount { return money.New(minor, "EUR") }

func testKeys() email.Keys {
	k, err := email.NewKeys(1, map[int][]byte{1: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		panic(err)
	}
	return k
}

var paris = time.FixedZone("", 3600)

// line is a due line of the sample customer.
func line(id int64, number, due string, outstanding, total int64) dossier.Line {
	on := calendar.MustParse(due)
	return dossier.Line{
		ID: dossier.DueID(id), Document: dossier.DocumentID(id), Invoice: number, IssuedOn: on.AddDays(-30), DueOn: on,
		Rank: 1, Of: 1, Total: eur(total), InvoiceTotal: eur(total), Outstanding: eur(outstanding),
	}
}

func sample(t testing.TB, template, lang string) Request {
	t.Helper()
	return sampleFor(template, lang)
}

// sampleFor returns a request for a shipped template, as the shipped plans use it.
func sampleFor(template, lang string) Request {
	r := Request{
		Dossier: dossier.Dossier{Customer: dossier.Customer{
			ID: 1, Code: "C042", Name: "Atelier Durand & Fils", Kind: receivable.KindBusiness, SIREN: "404833048",
			Emails: []string{"achats@durand.example"}, Contact: "Claire Durand", Language: lang,
		}},
		Action: reminders.Action{Channel: reminders.Email, Kind: dossier.KindReminder, Template: template, Step: template, To: []string{"achats@durand.example"}},
		Company: Company{
			Name: "Dupont & Fils SARL", Language: "fr", SIREN: "732829320",
			Lines: []string{"12 rue des Lilas, 69003 Lyon"},
		},
		Sender:  Sender{Display: "Comptabilité Dupont", Address: "compta@dupont.example", Person: "Marie Petit", Phone: "+33 1 23 45 67 89"},
		Bank:    Bank{Holder: "Dupont et Fils", IBAN: "FR7630006000011234567890189", BIC: "AGRIFRPP"},
		PayLink: "https://payer.dupont.example/{invoice.number}",
		Keys:    testKeys(),
		ID:      "7k4qm2tx01234567",
		Date:    time.Date(2026, 11, 24, 9, 30, 0, 0, paris),
		Legal: Legal{
			Interest: "Pénalités de retard", Rate: "12.4", Basis: "taux BCE majoré de 10 points, article L441-10 du code de commerce",
			Fee:   "indemnité forfaitaire de recouvrement de 40\u00a0€ par facture (article D441-5)",
			Lines: []LegalLine{{Due: 1, Days: 55, Interest: eur(4240), Fee: eur(4000)}, {Due: 2, Days: 24, Interest: eur(595), Fee: eur(4000)}},
		},
	}
	if lang == "en" {
		r.Legal.Interest, r.Legal.Basis = "Late-payment interest", "ECB rate plus 10 points, article L441-10 of the French commercial code"
		r.Legal.Fee = "fixed recovery fee of %s per invoice (article D441-5)"
	}
	demanded := []dossier.Line{line(1, "FA-2026-0391", "2026-09-30", 240000, 240000), line(2, "FA-2026-0417", "2026-10-31", 50000, 120000)}
	upcoming := line(3, "FA-2026-0442", "2026-12-01", 99000, 99000)
	sent := func(day string, lines ...dossier.DueID) {
		m := dossier.Message{Kind: dossier.KindReminder, State: dossier.StateSent, SentAt: calendar.MustParse(day).Time(paris).Add(9 * time.Hour)}
		for _, due := range lines {
			m.Lines = append(m.Lines, dossier.MessageLine{Due: due, Role: dossier.RoleDemanded})
		}
		r.Dossier.Messages = append(r.Dossier.Messages, m)
	}
	switch {
	case template == "preventive":
		demanded = []dossier.Line{upcoming}
	case strings.HasSuffix(template, "first"):
		demanded = demanded[1:]
		r.Attachments = []email.Part{{Name: "FA-2026-0417.pdf", Type: "application/pdf", Data: []byte("%PDF")}}
	case strings.HasSuffix(template, "second"):
		r.Action.Legal = reminders.LegalMention
		sent("2026-11-05", 1, 2)
	case template == "third":
		r.Action.Legal = reminders.LegalMention
		r.Next = Next{Channel: reminders.Letter, Formal: true, On: calendar.MustParse("2026-12-09")}
		sent("2026-10-06", 1)
		sent("2026-11-05", 1, 2)
	case template == "copy":
		r.Action.Kind = dossier.KindCopy
		demanded = demanded[1:]
		r.Attachments = []email.Part{{Name: "FA-2026-0417.pdf", Type: "application/pdf", Data: []byte("%PDF")}}
	case template == "thanks", template == "receipt":
		r.Action.Kind = dossier.MessageKind(template)
		r.Received = Received{Amount: eur(70000), On: calendar.MustParse("2026-11-20")}
		demanded = demanded[1:]
	default:
		r.Action.Legal = reminders.LegalAmounts
		sent("2026-10-06", 1)
		sent("2026-11-05", 1, 2)
	}
	if strings.HasPrefix(template, "consumer") {
		r.Action.Legal, r.Legal, r.Dossier.Customer.SIREN = reminders.LegalNone, Legal{}, ""
	}
	for _, l := range demanded {
		r.Action.Lines = append(r.Action.Lines, reminders.LineUse{Line: l, Role: dossier.RoleDemanded})
	}
	switch {
	case strings.Contains(template, "formal") || template == "public-claim":
		r.Action.Lines = append(r.Action.Lines, reminders.LineUse{Line: line(4, "FA-2026-0430", "2026-11-12", 31550, 31550), Role: dossier.RoleAnnex})
	case template != "preventive" && template != "thanks" && template != "copy":
		r.Action.Lines = append(r.Action.Lines, reminders.LineUse{Line: upcoming, Role: dossier.RoleUpcoming})
	}
	return r
}

func TestRender_everyTemplateInEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"fr", "en"} {
		for _, name := range Names() {
			t.Run(lang+"/"+name, func(t *testing.T) {
				t.Parallel()
				m, err := Render(sample(t, name, lang))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := email.Build(m); err != nil {
					t.Fatal(err)
				}
				text := fmt.Sprintf("From: %v\nTo: %v\nSubject: %s\n\n%s", m.From, m.To, m.Subject, m.Text)
				golden(t, filepath.Join("testdata", lang, name+".txt"), text)
				golden(t, filepath.Join("testdata", lang, name+".html"), m.HTML)
			})
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil { //nolint:gosec // a snapshot
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (go test -update accepts it):\n%s", file, diff)
	}
}
