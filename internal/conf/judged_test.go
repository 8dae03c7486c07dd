package conf_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/govalues/decimal"

	"relanced/internal/conf"
)

// form is what the tests of single values decode into.
type form struct {
	Name   conf.Name       `yaml:"name"`
	Text   string          `yaml:"text"`
	Mode   mode            `yaml:"mode"`
	Amount decimal.Decimal `yaml:"amount"`
	Count  int             `yaml:"count"`
	Port   uint16          `yaml:"port"`
	Folder conf.Path       `yaml:"folder"`
	Token  conf.Secret     `yaml:"token"`
	Many   []inner         `yaml:"many"`
}

// problems are what is wrong, each as line:column: text.
func problems(p *conf.Problems) []string {
	var lines []string
	for _, problem := range p.List() {
		first, _, _ := strings.Cut(problem.String(), "\n")
		lines = append(lines, strings.TrimPrefix(first, "conf.d/a.yaml:"))
	}
	return lines
}

func TestDecode_refusesWhatSaysNothingOrIsOfAnotherType(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`text: ""`:                    "1:7: there is no value: write one, or remove the key",
		`text: "  "`:                  "1:7: there is no value: write one, or remove the key",
		"text: |\n  \n":               "1:7: there is no value: write one, or remove the key",
		`mode: ""`:                    "1:7: there is no value: write one, or remove the key",
		`name: ""`:                    `1:7: "" is not a name (letters, digits, . _ -, at most 64)`,
		`name: 5`:                     `1:7: must be text: put quotes around it ("5")`,
		`name: a/b`:                   `1:7: "a/b" is not a name (letters, digits, . _ -, at most 64)`,
		`folder: 5`:                   `1:9: must be text: put quotes around it ("5")`,
		`token: {file: 5}`:            "1:15: must be text",
		`amount: "1,50"`:              `1:9: "1,50" is not an amount (write 1250 or 1250.50)`,
		`amount: 1e3`:                 `1:9: "1e3" is not an amount (write 1250 or 1250.50)`,
		`amount: 010`:                 `1:9: "010" is not an amount (write 1250 or 1250.50)`,
		`amount: .inf`:                `1:9: ".inf" is not an amount (write 1250 or 1250.50)`,
		`amount: 1 EUR`:               `1:9: "1 EUR" is not an amount (write 1250 or 1250.50)`,
		`amount: 1_000`:               `1:9: "1_000" is not an amount (write 1250 or 1250.50)`,
		`amount: 9999999999999999999`: `1:9: "9999999999999999999" is not an amount (write 1250 or 1250.50)`,
		`count: 99999999999999999999`: "1:8: 99999999999999999999 is out of range",
		`count: 0587`:                 `1:8: "0587" is not a plain whole number`,
		`count: "15"`:                 "1:8: must be a whole number, is text",
		`port: 70000`:                 "1:7: 70000 is out of range",
	} {
		var into form
		if diff := cmp.Diff([]string{want}, problems(decode(t, text, &into))); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
	for _, text := range []string{"amount: 12.50", `amount: "12.50"`, "amount: 0", "amount: -3", `name: "5"`, "count: -4"} {
		var into form
		if got := problems(decode(t, text, &into)); got != nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestProblems_sayNothingOfWhatStandsInARefusedValue(t *testing.T) {
	t.Parallel()
	var into form
	var list conf.Problems
	n, _ := conf.Parse("conf.d/a.yaml", []byte("many:\n  - a\n  - {port: 1}\n"), &list)
	p := n.On(&list)
	n.Decode(p, &into)
	p.At("many", 0, "host").Addf("a server needs its host")
	p.At("many", 1, "host").Addf("a server needs its host")
	want := []string{"2:5: must be a mapping, is text", "3:5: a server needs its host"}
	if diff := cmp.Diff(want, problems(p)); diff != "" {
		t.Error(diff)
	}
}

func TestProblems_keyPointsAtTheNameItself(t *testing.T) {
	t.Parallel()
	var p conf.Problems
	n, _ := conf.Parse("conf.d/a.yaml", []byte("words: {a: 1, bad name: 2}\n"), &p)
	n.On(&p).At("words", "bad name").Key().Addf("no such word")
	if diff := cmp.Diff([]string{"1:15: no such word"}, problems(&p)); diff != "" {
		t.Error(diff)
	}
}

func TestProblem_showsNoSecretHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"token: PLANTED\n", "token: *PLANTED\n", "token: &PLANTED\n", "token: &a [*a, PLANTED]\n", "token: \"a\" PLANTED\n",
		"text: &a PLANTED\ntoken: *a\ncount: x\n", "{text: &a PLANTED, token: *a}\n",
		"pw: PLANTED\n", "mot-de-passe: PLANTED\n", "motdepasse: PLANTED\n", "bearer: PLANTED\n", "credentials: {user: PLANTED}\n",
		"secrets: {api: PLANTED, other: [PLANTED]}\n", "tokens: [PLANTED]\n", "rest: {passwords: {a: PLANTED}}\n",
		"{count: x, words: [\"host=h password=PLANTED\"]}\n", "{count: x, words: [\"host=h password='PLANTED x'\"]}\n",
		"{count: x, words: [\"postgres:///db?sslmode=off&password=PLANTED\"]}\n", "{count: x, words: [\"https://x.example/?api_key=PLANTED\"]}\n",
		"{count: x, words: [postgres://u:p@PLANTED@h/db]}\n", "{count: x, words: [postgres://u:PLANTED@h/db]}\n",
	} {
		var into form
		var list conf.Problems
		if n, ok := conf.Parse("a.yaml", []byte(text), &list); ok {
			n.Decode(n.On(&list), &into)
			n.On(&list).Warnf("look") // the line as a whole
		}
		if list.Count() == 0 {
			t.Errorf("%q is accepted", text)
		}
		for _, problem := range append(list.List(), list.Warnings()...) {
			if strings.Contains(problem.String(), "PLANTED") {
				t.Errorf("%q is shown:\n%s", text, problem)
			}
		}
	}
	var list conf.Problems
	n, _ := conf.Parse("a.yaml", []byte("token: {credential: pennylane}\nsecrets: {api: {file: key.txt}}\nmonkey: {a: [b]}\n"), &list)
	for _, key := range []string{"token", "secrets", "monkey"} {
		n.On(&list).At(key).Addf("look")
	}
	for _, problem := range list.List() {
		if strings.Contains(problem.String(), conf.Mask) {
			t.Errorf("nothing is secret in\n%s", problem)
		}
	}
}
