package conf_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/internal/calendar"
	"relanced/internal/conf"
)

type mode string

func (mode) Values() []string { return []string{"off", "review", "auto"} }

type inner struct {
	Port  int    `yaml:"port"`
	Host  string `yaml:"host"`
	Quiet bool   `yaml:"quiet"`
}

func (i *inner) Defaults() { i.Port = 25 }

type envelope struct {
	Name string `yaml:"name"`
	Type string `yaml:"type"`
}

type own struct {
	Token   conf.Secret   `yaml:"token"`
	Timeout time.Duration `yaml:"timeout"`
}

func (o *own) Defaults() { o.Timeout = time.Minute }

type sample struct {
	ID       string            `yaml:"id"`
	Mode     mode              `yaml:"mode"`
	Grace    calendar.Span     `yaml:"grace"`
	Schedule conf.Schedule     `yaml:"schedule"`
	One      inner             `yaml:"one"`
	Many     []inner           `yaml:"many"`
	Maybe    *inner            `yaml:"maybe"`
	Words    map[string]string `yaml:"words"`
	Rate     conf.Rate         `yaml:"rate"`
	Size     conf.Size         `yaml:"size"`
	Base     conf.URL          `yaml:"base_url"`
	Token    conf.Secret       `yaml:"token"`
	Folder   conf.Path         `yaml:"folder"`
	Rest     conf.Node         `yaml:"rest"`
	Away     conf.Later        `yaml:"away"`
}

func (s *sample) Defaults() { s.Mode, s.One.Host = "review", "localhost" }

func decode(t *testing.T, text string, into ...any) *conf.Problems {
	t.Helper()
	var p conf.Problems
	if n, ok := conf.Parse("conf.d/a.yaml", []byte(text), &p); ok {
		n.Decode(&p, into...)
	}
	return &p
}

func TestDecode_laysTheDocumentOverTheDefaults(t *testing.T) {
	t.Parallel()
	var got sample
	p := decode(t, `
id: dupont
grace: 5wd
schedule: "30 7 * * 1-5"
one: {quiet: true}
many:
  - host: a
  - {host: b, port: 26}
maybe: {host: c}
words: {x: "1", y: zwei}
rate: 20/min
size: 8MB
base_url: http://127.0.0.1:8080/api/
folder: in/box
`, &got)
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	want := sample{
		ID: "dupont", Mode: "review", Grace: calendar.WorkDays(5), Schedule: conf.MustSchedule("30 7 * * 1-5"),
		One:   inner{Port: 25, Host: "localhost", Quiet: true},
		Many:  []inner{{Port: 25, Host: "a"}, {Port: 26, Host: "b"}},
		Maybe: &inner{Port: 25, Host: "c"}, Words: map[string]string{"x": "1", "y": "zwei"},
		Rate: conf.Rate{Count: 20, Per: time.Minute}, Size: 8e6, Base: "http://127.0.0.1:8080/api", Folder: "conf.d/in/box",
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(conf.Node{})); diff != "" {
		t.Error(diff)
	}
}

func TestDecode_sharesAnEntryAmongItsStructs(t *testing.T) {
	t.Setenv("RELANCED_TEST_TOKEN", "s3cret")
	var e envelope
	var o own
	p := decode(t, "name: compta\ntype: pennylane\ntoken: {env: RELANCED_TEST_TOKEN}\n", &e, &o)
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	if e != (envelope{"compta", "pennylane"}) || o.Token.Value() != "s3cret" || o.Timeout != time.Minute {
		t.Errorf("got %+v, %+v", e, o)
	}
}

func TestDecode_reportsEveryMistakeAtItsPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"id: a\nidd: b\n":                   {"2:1: unknown key \"idd\" (did you mean id?)"},
		"id: a\nid: b\n":                    {"2:1: \"id\" is given twice, first on line 1"},
		"id: 12\n":                          {"1:5: must be text: put quotes around it (\"12\")"},
		"id: [a]\n":                         {"1:5: must be text, is a list"},
		"id:\n":                             {"1:1: there is no value: write one, or remove the key"},
		"mode: on\n":                        {"1:7: \"on\" is not one of off, review, auto"},
		"mode: aut\n":                       {"1:7: \"aut\" is not one of off, review, auto (did you mean auto?)"},
		"one: {port: x, quiet: yes}\n":      {"1:13: must be a whole number, is text", "1:23: must be true or false, is text"},
		"many:\n  - port: 010\n  - hst: a":  {"2:11: \"010\" is not a plain whole number", "3:5: unknown key \"hst\" (did you mean host?)"},
		"many: a\n":                         {"1:7: must be a list, is text"},
		"many:\n  a: b\n":                   {"1:1: must be a list, is a mapping"},
		"one: 3\n":                          {"1:6: must be a mapping, is a number"},
		"grace: soon\n":                     {"1:8: \"soon\" is not a duration (write 90s, 30m, 24h, 7d, or 5wd for working days)"},
		"away: [x]\n":                       {"1:1: away is not available yet"},
		"id: !foo a\n":                      {"1:5: tags (!foo) have no meaning here: remove it"},
		"id: *a\n":                          {"1:5: this alias stands for nothing that comes before it"},
		"base_url: http://example.org\n":    {"1:11: http:// is for this machine only (127.0.0.1, localhost): use https://"},
		"schedule: 0 0 30 2 *\n":            {"1:11: \"0 0 30 2 *\" never comes"},
		"schedule: \"TZ=\"\n":               {"1:11: \"TZ=\" is not a schedule (the zone is the company's timezone)"},
		"a: [\n":                            {"1:4: YAML: sequence end token ']' not found"},
		"id:\n\tone: a\n":                   {"2:1: a tab cannot indent YAML: use spaces"},
		"id: a\n---\nid: b\n":               {"3:1: a second document begins here: one file holds one document (remove the ---)"},
		"id: \xff\n":                        {"1:5: this is not UTF-8: save the file as UTF-8"},
		"id: \"a\x00\"\n":                   {"1:7: a control character cannot stand here"},
		"\xff\xfei\x00":                     {": the file is UTF-16: save it as UTF-8"},
		"":                                  {"1:1: the file is empty"},
		"# nothing\n":                       {"1:1: the file is empty"},
		strings.Repeat("[", 99):             {"1:61: nested too deeply"},
		strings.Repeat("- ", 99):            {"1:121: nested too deeply"},
		"hello\n":                           {"1:1: must be a mapping, is text"},
		"\xef\xbb\xbfid: a\r\nidd: b\r\n":   {"2:1: unknown key \"idd\" (did you mean id?)"},
		"words: &w {a: b}\none: {<<: *w}\n": {"1:12: unknown key \"a\" (known here: host, port, quiet)"},
	} {
		t.Run(text[:min(len(text), 20)], func(t *testing.T) {
			t.Parallel()
			var into sample
			var got []string
			for _, p := range decode(t, text, &into).List() {
				first, _, _ := strings.Cut(p.String(), "\n")
				got = append(got, strings.TrimPrefix(strings.TrimPrefix(first, "conf.d/a.yaml"), ":"))
			}
			for i := range want {
				want[i] = strings.TrimPrefix(want[i], ":")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNode_valueIsPlainData(t *testing.T) {
	t.Parallel()
	var p conf.Problems
	n, ok := conf.Parse("a.yaml", []byte("a: &l [1, 2.50, true, null, x, '3']\nb: {c: *l}\n"), &p)
	if !ok {
		t.Fatal(p.Err())
	}
	text, err := json.Marshal(n.Value())
	if want := `{"a":[1,2.50,true,null,"x","3"],"b":{"c":[1,2.50,true,null,"x","3"]}}`; err != nil || string(text) != want {
		t.Errorf("got %s, %v", text, err)
	}
}
