package message

import (
	"strings"
	"testing"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
)

func TestJudge_firstSignDecides(t *testing.T) {
	t.Parallel()
	own := func(text string) bool { return strings.Contains(text, "r1.ours") }
	for name, c := range map[string]struct {
		raw   string
		want  dossier.Class
		holds bool
	}{
		"our own mail":       {"From: compta@dupont.example\nMessage-ID: <r1.ours@dupont.example>\nAuto-Submitted: auto-replied\n\nBonjour", dossier.ClassOwn, false},
		"a colleague":        {"From: Compta@Dupont.example\nMessage-ID: <x@dupont.example>\n\nJe vous appelle", dossier.ClassColleague, true},
		"a forward":          {"From: compta@dupont.example\nSubject: TR : Rappel\n\nDe : Jean <jean@client.example>\nDate : lundi\nObjet : Rappel\n\nOn paie demain", dossier.ClassHuman, true},
		"complaint":          {"From: fbl@isp.example\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n--b--\n", dossier.ClassComplaint, true},
		"DMARC report":       {"From: dmarc@isp.example\nSubject: Report Domain: dupont.example\nContent-Type: application/zip\n\nx", dossier.ClassIgnore, false},
		"receipt":            {"From: a@b.example\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nlu\n--b--\n", dossier.ClassReceipt, false},
		"certain absence":    {"From: a@b.example\nAuto-Submitted: auto-replied; owner-email=\"x\"\n\nJe suis absent jusqu'au 3 décembre.", dossier.ClassAutoReply, false},
		"left the firm":      {"From: a@b.example\nAuto-Submitted: auto-replied (vacation)\n\nMme X ne fait plus partie de la société.", dossier.ClassAutoReply, true},
		"firm at its end":    {"From: a@b.example\nAuto-Submitted: auto-replied\n\nLa société est en liquidation judiciaire.", dossier.ClassAutoReply, true},
		"ticket, a person":   {"From: support@b.example\nAuto-Submitted: auto-generated\nX-Mailer: Zendesk Mailer\n\nBonjour, le virement a été fait hier.", dossier.ClassHuman, true},
		"ticket, a machine":  {"From: support@b.example\nAuto-Submitted: auto-generated\n\nNous avons bien reçu votre demande.", dossier.ClassMachineAck, true},
		"ack that talks":     {"From: support@b.example\nPrecedence: bulk\n\nNous avons bien reçu votre demande, nous contestons cette facture.", dossier.ClassHuman, true},
		"subject only":       {"From: a@b.example\nSubject: Absence du bureau : Rappel\n\nbonjour", dossier.ClassProbableAuto, true},
		"sure, but typed":    {"From: a@b.example\nAuto-Submitted: auto-replied\n\nNous avons payé cette facture hier.", dossier.ClassProbableAuto, true},
		"not automatic":      {"From: a@b.example\nAuto-Submitted: no\n\nok", dossier.ClassHuman, true},
		"null return path":   {"Return-Path: <>\nFrom: a@b.example\n\nle chèque est parti", dossier.ClassHuman, true},
		"calendar":           {"From: a@b.example\nContent-Type: text/calendar; method=REPLY\n\nBEGIN:VCALENDAR", dossier.ClassCalendar, false},
		"no header, no body": {"", dossier.ClassUnreadable, true},
		"a person":           {"From: a@b.example\n\nJe paie vendredi.", dossier.ClassHuman, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := Parse(eml(c.raw)).Judge(Context{Own: []string{"compta@dupont.example"}, Ours: own})
			if v.Class != c.want || v.Holds != c.holds {
				t.Errorf("got %s %v (%v), want %s %v", v.Class, v.Holds, v.Why, c.want, c.holds)
			}
		})
	}
}

func TestJudge_bulkMailOfNobodyIsIgnored(t *testing.T) {
	t.Parallel()
	m := Parse(eml("From: news@shop.example\nList-Id: <news>\nPrecedence: bulk\n\nSoldes !"))
	if v := m.Judge(Context{Unmatched: true}); v.Class != dossier.ClassIgnore || v.Holds {
		t.Errorf("got %s %v", v.Class, v.Holds)
	}
	if v := m.Judge(Context{}); !v.Holds {
		t.Errorf("of a customer it must hold: %s", v.Class)
	}
}

func TestReturnOn(t *testing.T) {
	t.Parallel()
	received := calendar.MustParse("2026-11-24") // a Tuesday
	for text, want := range map[string]string{
		"Je suis absente jusqu'au 4 décembre inclus.":                     "2026-12-07",
		"Absent jusqu'au 4/12.":                                           "2026-12-04",
		"En congés du 23 novembre au 6 décembre. Retour le 7.":            "2026-12-07",
		"De retour lundi.":                                                "2026-11-30",
		"I am out of the office until December 1st, 2026":                 "2026-12-01",
		"I'm away, back on 2 December":                                    "2026-12-02",
		"Ich bin bis einschließlich 4.12.2026 nicht im Büro":              "2026-12-07",
		"am 7. Dezember wieder im Büro":                                   "2026-12-07",
		"Estaré fuera hasta el 1 de diciembre":                            "2026-12-01",
		"Retour le 3 août":                                                "", // too far
		"Rappel : facture du 1er décembre":                                "",
		"Le cabinet est fermé du 24 décembre au lundi 4 janvier au matin": "2027-01-04",
	} {
		if got := returnOn(text, received, "FR").String(); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := returnOn("out until 12/04/26", received, "US").String(); got != "2026-12-04" {
		t.Errorf("US: %q", got)
	}
}

func TestNewText_ourOwnWordsNeverCount(t *testing.T) {
	t.Parallel()
	ours := "Bonjour,\nSauf erreur de notre part, la facture F-12 reste impayée à ce jour.\nMerci de la régler, ou de nous dire si vous la contestez."
	m := Parse(eml("From: a@b.example\nContent-Type: text/plain; charset=utf-8\n\nok\n\nSauf erreur de notre part, la facture\nF-12 reste impayée à ce jour.\nMerci de la régler, ou de nous dire si vous la contestez.\n"))
	if got := m.newText(NewOutgoing(ours)).Text; got != "ok" {
		t.Errorf("got %q", got)
	}
}

func TestNewText_answersWithoutMarksAreFound(t *testing.T) {
	t.Parallel()
	ours := "Sauf erreur de notre part, la facture ci-dessous reste due.\nVous trouverez notre RIB au bas de la facture jointe.\nMerci de nous répondre sous huit jours par retour de courriel."
	m := Parse(eml("From: a@b.example\nContent-Type: text/plain; charset=utf-8\n\nVoir mes réponses ci-dessous.\n\nDe : Dupont <c@dupont.example>\nEnvoyé : lundi\nÀ : a@b.example\nObjet : Rappel\n\nSauf erreur de notre part, la facture ci-dessous reste due.\n\nNon, nous sommes à soixante jours fin de mois.\n\nVous trouverez notre RIB au bas de la facture jointe.\nMerci de nous répondre sous huit jours par retour de courriel.\n"))
	got := m.newText(NewOutgoing(ours))
	if want := "Voir mes réponses ci-dessous.\n\nNon, nous sommes à soixante jours fin de mois."; got.Text != want || !got.Inline {
		t.Errorf("got %q inline %v", got.Text, got.Inline)
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"<a@b> <c@d>":             "a@b c@d",
		"<a@b>,<c@d>;\t<e@f>":     "a@b c@d e@f",
		"<<a@b>>":                 "a@b",
		"<a\n @b>":                "a@b",
		"<abc>":                   "abc",
		"a@b":                     "a@b",
		"<a%2Bx@b>":               "a+x@b",
		"<a@b":                    "a@b",
		"=?utf-8?q?=3Ca=40b=3E?=": "a@b",
	} {
		if got := strings.Join(IDs(DecodeWords(raw)), " "); got != want {
			t.Errorf("%q: got %q, want %q", raw, got, want)
		}
	}
}

func TestParse_lenient(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, subject, text string }{
		"raw 8-bit subject":     {"Subject: Rappel \xe9ch\xe9ance\n\nok", "Rappel échéance", "ok"},
		"line without colon":    {"Subject: a\ngarbage here\nFrom: b@c.example\n\nok", "a", "ok"},
		"mbox line":             {"From b@c Mon\nSubject: a\n\nok", "a", "ok"},
		"utf-8 called latin1":   {"Subject: a\nContent-Type: text/plain; charset=iso-8859-1\n\n\u00e9t\u00e9", "a", "été"},
		"latin1 called utf-8":   {"Subject: a\nContent-Type: text/plain; charset=utf-8\n\n\xe9t\xe9", "a", "été"},
		"missing closing":       {"Subject: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nok", "a", "ok"},
		"boundary not declared": {"Subject: a\nContent-Type: multipart/mixed\n\n--b\n\nok\n--b--\n", "a", "ok"},
		"html called plain":     {"Subject: a\nContent-Type: text/plain\n\n<html><body>ok</body></html>", "a", "ok"},
		"cut base64":            {"Subject: a\nContent-Transfer-Encoding: base64\n\nb2s", "a", "ok"},
		"split character":       {"Subject: =?utf-8?B?w6k=?= =?utf-8?Q?=C3?= =?utf-8?Q?=A9?=\n\nok", "éé", "ok"},
		"utf-7":                 {"Subject: a\nContent-Type: text/plain; charset=unicode-1-1-utf-7\n\n+AOk-t+AOk-", "a", "été"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := Parse([]byte(c.raw))
			if m.Subject != c.subject || m.Text != c.text {
				t.Errorf("subject %q text %q, problems %v", m.Subject, m.Text, m.Problems)
			}
		})
	}
}

func TestBaseSubject(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"RE : TR: [EXTERNE] Re[2]: Rappel": "rappel",
		"AW: ***SPAM*** Rechnung 12":       "rechnung 12",
		"Réf. : Facture":                   "facture",
		"Regarding invoice":                "regarding invoice",
	} {
		if got := BaseSubject(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
