package brief

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAnswer_actsOnWhatIsSaid(t *testing.T) {
	t.Parallel()
	listed := []int{1, 2, 3, 4, 5}
	all := map[int]Verdict{1: Approve, 2: Approve, 3: Approve, 4: Approve, 5: Approve}
	but := func(v Verdict, ns ...int) map[int]Verdict {
		m := map[int]Verdict{}
		for n, x := range all {
			m[n] = x
		}
		for _, n := range ns {
			m[n] = v
		}
		return m
	}
	only := func(v Verdict, ns ...int) map[int]Verdict {
		m := map[int]Verdict{1: Leave, 2: Leave, 3: Leave, 4: Leave, 5: Leave}
		for _, n := range ns {
			m[n] = v
		}
		return m
	}
	for text, want := range map[string]map[int]Verdict{
		"ok":                                  all,
		"OK.":                                 all,
		"« ok »":                              all,
		"“ok sauf 3”":                         but(Leave, 3),
		"Ok, merci !":                         all,
		"Bonjour,\n\nok pour tout\n\nMarie":   all,
		"D’accord":                            all,
		"yes, thanks":                         all,
		"ok 👍🏻":                               all,
		"C'est ok pour moi":                   all,
		"Parfait, ok pour tout":               all,
		"Je valide":                           all,
		"vous pouvez envoyer":                 all,
		"Bon pour accord":                     all,
		"ok pour le n°2":                      only(Approve, 2),
		"non au 3":                            only(Decline, 3),
		"je refuse la 3":                      only(Decline, 3),
		"ok sauf 3":                           but(Leave, 3),
		"OK sauf le 3":                        but(Leave, 3),
		"ok sauf 3 et 5":                      but(Leave, 3, 5),
		"ok, sauf 2-4, merci":                 but(Leave, 2, 3, 4),
		"ok except 3":                         but(Leave, 3),
		"tout sauf 1, 2":                      but(Leave, 1, 2),
		"non 3":                               only(Decline, 3),
		"no 3":                                only(Decline, 3),
		"Non 3 et 4":                          only(Decline, 3, 4),
		"3: non":                              only(Decline, 3),
		"3 : ok":                              only(Approve, 3),
		"ok 2":                                only(Approve, 2),
		"ok pour 1 et 2":                      only(Approve, 1, 2),
		"ok\nnon 3":                           but(Decline, 3),
		"ok sauf 3\n\nCordialement\nM. 06 12": but(Leave, 3),
	} {
		answer, err := ParseAnswer(text, []string{"Marie Petit"})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got, err := answer.On(listed)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestParseAnswer_aSentenceGoesOnTop(t *testing.T) {
	t.Parallel()
	answer, err := ParseAnswer("ok sauf 2\n3 : Suite à notre appel de mardi,\nmerci de nous confirmer la date.\n\nMarie", []string{"Marie Petit"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]string{3: "Suite à notre appel de mardi, merci de nous confirmer la date."}
	if diff := cmp.Diff(want, answer.Say); diff != "" {
		t.Error(diff)
	}
	got, err := answer.On([]int{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int]Verdict{1: Approve, 2: Leave, 3: Approve}, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseAnswer_inDoubtNothingIsDone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Misunderstanding{
		"ok mais attendez pour Dupont": Unclear,
		"ok\nmais pas Dupont svp":      Unclear,
		"non":                          Unclear,
		"":                             Nothing,
		"Merci":                        Nothing,
		"je regarde demain":            Unclear,
		"ok\n3: attendre":              Unclear,
		"3 : plus tard":                Unclear,
		"3: litige en cours":           Unclear,
		"ok sauf 3 : litige":           Unclear,
		"ok 3\nnon 3":                  Contrary,
		"ok sauf 3\n3: bonjour à vous": Contrary,
	} {
		_, err := ParseAnswer(text, nil)
		var got *NotUnderstood
		if !errors.As(err, &got) || got.Why != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	answer, err := ParseAnswer("ok 9", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := answer.On([]int{1, 2}); err == nil {
		t.Error("an unknown number was accepted")
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add("ok sauf 3")
	f.Add("3: phrase")
	f.Fuzz(func(t *testing.T, text string) {
		answer, err := ParseAnswer(text, []string{"Marie"})
		if err != nil {
			return
		}
		if !answer.All && len(answer.Approve)+len(answer.Decline)+len(answer.Say)+len(answer.Except) == 0 {
			t.Error("understood as no order at all")
		}
	})
}
