package message

import (
	"regexp"
	"testing"
)

var allPhrases = []*phrases{
	absenceSubjects, bounceSubjects, receiptSubjects, bounceAnchors, acks, absences, departures, insolvencies, personal,
	attributions, separators, mobileLines, banners, aboveLines, trailers, closings, topics, stubs,
}

func TestPhrases_eachLineMatchesItsExample(t *testing.T) {
	t.Parallel()
	for _, list := range allPhrases {
		if len(list.entries()) == 0 {
			t.Errorf("%s is empty", list.name)
		}
		for _, e := range list.entries() {
			re, err := regexp.Compile(list.before + "(?:" + e[0] + ")" + list.after)
			if err != nil {
				t.Errorf("%s: %q: %v", list.name, e[0], err)
				continue
			}
			if e[1] == "" || !re.MatchString(Fold(e[1])) {
				t.Errorf("%s: %q does not match its example %q (%q)", list.name, e[0], e[1], Fold(e[1]))
			}
		}
	}
}

func TestPhrases_everyListIsTested(t *testing.T) {
	t.Parallel()
	files, err := data.ReadDir("data")
	if err != nil {
		t.Fatal(err)
	}
	tested := make(map[string]bool)
	for _, list := range allPhrases {
		tested[list.name+".txt"] = true
	}
	for _, f := range files {
		if !tested[f.Name()] {
			t.Errorf("%s has no test", f.Name())
		}
	}
}

// What people write about a payment is never an acknowledgement or an absence.
func TestPhrases_humanSentencesAreNoMachine(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"Bonjour, le virement partira vendredi.",
		"Merci de nous renvoyer la facture.",
		"Nous contestons cette facture.",
		"Payment will go out on Friday.",
		"Das haben wir schon bezahlt.",
		"Ya lo hemos pagado.",
	} {
		f := Fold(s)
		if acks.in(f) || absences.in(f) || departures.in(f) {
			t.Errorf("%q reads as automatic: %q %q %q", s, acks.find(f), absences.find(f), departures.find(f))
		}
	}
}
