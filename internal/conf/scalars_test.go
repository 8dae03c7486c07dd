package conf_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"relanced/internal/conf"
)

func TestSecret_isReadFromItsPlace(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"private": 0o600, "public": 0o604, "cred": 0o600, "empty": 0o600} {
		text := name + "-value\r\n"
		if name == "empty" {
			text = "\n"
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("RELANCED_TEST_SECRET", "env-value")
	t.Setenv("RELANCED_TEST_EMPTY", "")
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	for text, want := range map[string]struct{ value, problem, warning string }{
		"{env: RELANCED_TEST_SECRET}": {"env-value", "", ""},
		"{file: private}":             {"private-value", "", ""},
		"{file: " + dir + "/private}": {"private-value", "", ""},
		"{credential: cred}":          {"cred-value", "", ""},
		"{file: public}":              {"public-value", "", "1:15: everybody on this machine may read " + dir + "/public: chmod 600 it"},
		"{env: RELANCED_TEST_NONE}":   {"", "1:14: the environment variable RELANCED_TEST_NONE is not set: set it, or name another", ""},
		"{env: RELANCED_TEST_EMPTY}":  {"", "1:14: the environment variable RELANCED_TEST_EMPTY is empty", ""},
		"{file: none}":                {"", "1:15: the secret file " + dir + "/none cannot be read: no such file or directory", ""},
		"{file: empty}":               {"", "1:15: " + dir + "/empty is empty", ""},
		"{file: .}":                   {"", "1:15: " + dir + " is a folder, not a secret file", ""},
		"{credential: none}":          {"", "1:21: systemd gave no credential \"none\": add LoadCredential=none:PATH to the unit", ""},
		"{credential: ../cred}":       {"", "1:21: \"../cred\" is not the name of a credential", ""},
		"{env: [a]}":                  {"", "1:14: must be text", ""},
		"{}":                          {"", "1:8: an empty secret: write {env: NAME}, {file: path} or {credential: name}", ""},
		"{vault: hunter2}":            {"", "1:9: unknown key \"vault\": write {env: NAME}, {file: path} or {credential: name}", ""},
		"hunter2":                     {"", "1:8: a secret never stands in the file: write {env: NAME}, {file: path} or {credential: name}", ""},
		"[hunter2]":                   {"", "1:8: a secret never stands in the file: write {env: NAME}, {file: path} or {credential: name}", ""},
		"{env: HOME, file: private}":  {"-", "1:26: a secret has one place: write {env: NAME}, {file: path} or {credential: name}", ""},
	} {
		t.Run(text, func(t *testing.T) {
			var p conf.Problems
			var into own
			n, ok := conf.Parse(filepath.Join(dir, "a.yaml"), []byte("token: "+text+"\n"), &p)
			if !ok {
				t.Fatal(p.Err())
			}
			n.Decode(&p, &into)
			line := func(list []conf.Problem) string {
				var lines []string
				for _, problem := range list {
					first, source, _ := strings.Cut(problem.String(), "\n")
					if strings.Contains(problem.String(), "hunter2") {
						t.Errorf("the secret is shown: %s", problem)
					}
					_ = source
					lines = append(lines, strings.TrimPrefix(first, filepath.Join(dir, "a.yaml:")))
				}
				return strings.Join(lines, "; ")
			}
			if want.value != "-" && into.Token.Value() != want.value {
				t.Errorf("value %q", into.Token.Value())
			}
			if diff := cmp.Diff([2]string{want.problem, want.warning}, [2]string{line(p.List()), line(p.Warnings())}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSecret_neverPrints(t *testing.T) {
	t.Parallel()
	s := conf.SecretOf("hunter2")
	holder := struct {
		Token conf.Secret
		List  []conf.Secret
	}{s, []conf.Secret{s}}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "s", s, "h", holder)
	document, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{
		fmt.Sprint(s), fmt.Sprintf("%+v", holder), fmt.Sprintf("%#v", holder), fmt.Sprintf("%q %x %d", s, s, s),
		fmt.Sprintf("%v", &holder), log.String(), string(document), fmt.Errorf("x: %v", s).Error(),
		string(conf.Marshal(&own{Token: s})),
	} {
		if strings.Contains(shown, "hunter2") || strings.Contains(shown, "68756e74657232") || !strings.Contains(shown, conf.Mask) {
			t.Errorf("shown: %s", shown)
		}
	}
}

// However a literal secret is written, and whatever else is wrong in its line,
// it is not shown.
func TestProblems_neverShowALiteralSecret(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"token: hunter2\n", "token: \"hunter2\" # why\n", "token: 'hunter2'\n", "{id: 3, token: hunter2, mode: x}\n",
		"token: |\n  hunter2\n  hunter2\nidd: x\n", "token: >-\n  hunter2\nmode: x\n", "token: hunter2\n  hunter2\nmode: x\n",
		"tokn: hunter2\n", "password: hunter2\n", "id: a\n  token: hunter2\n", "token: \"hunter2\n", "token: {env: [hunter2]}\n",
		"token: hunter2\ntoken: hunter2\n", "base_url: https://user:hunter2@example.org\n", "client_secret: hunter2, hunter2\n",
		"id: [token: hunter2, a\n", "token: &a hunter2\nid: *a\n", "token: !x hunter2\n", "words: {token: hunter2, a: [}\n",
		"token: \"a\\\"hunter2\"\nid: 3\n", "token: hunter2: x\n", "token:\n  hunter2\n", "token:\n  - hunter2\n",
		"token: {value: hunter2, mode: x}\n", "dsn: postgres://u:hunter2@h/db\n", "one: {port: x, api_key: hunter2}\n",
	} {
		var into sample
		problems := decode(t, text, &into)
		err := problems.Err()
		if err == nil {
			t.Errorf("%q is accepted", text)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q shows the secret:\n%v", text, err)
		}
	}
}

func TestSchedule_comesWhenItSays(t *testing.T) {
	t.Parallel()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		when, err := time.ParseInLocation("2006-01-02 15:04:05", text, paris)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for _, test := range []struct{ schedule, from, next, atOrAfter string }{
		{"30 7 * * 1-5", "2026-11-24 07:30:00", "2026-11-25 07:30:00", "2026-11-24 07:30:00"},
		{"30 7 * * 1-5", "2026-11-27 08:00:00", "2026-11-30 07:30:00", "2026-11-30 07:30:00"},
		{"@daily", "2026-11-24 12:00:00", "2026-11-25 00:00:00", "2026-11-25 00:00:00"},
		{"@every 15m", "2026-11-24 12:00:00", "2026-11-24 12:15:00", "2026-11-24 12:00:00"},
		{"@every 1s", "2026-11-24 12:00:00", "2026-11-24 12:00:01", "2026-11-24 12:00:00"},
		{"0 7 29 2 *", "2026-11-24 12:00:00", "2028-02-29 07:00:00", "2028-02-29 07:00:00"},
		{" 0  7 * * * ", "2026-03-28 07:00:00", "2026-03-29 07:00:00", "2026-03-28 07:00:00"},
	} {
		s, err := conf.ParseSchedule(test.schedule)
		if err != nil {
			t.Errorf("%s: %v", test.schedule, err)
			continue
		}
		if got := s.Next(at(test.from)); !got.Equal(at(test.next)) {
			t.Errorf("%s after %s: %s", test.schedule, test.from, got)
		}
		if got := s.AtOrAfter(at(test.from)); !got.Equal(at(test.atOrAfter)) {
			t.Errorf("%s at or after %s: %s", test.schedule, test.from, got)
		}
	}
	for _, bad := range []string{"", "@reboot", "* * * *", "0 0 30 2 *", "TZ=UTC 0 7 * * *", "CRON_TZ=UTC 0 7 * * *", "TZ=", "@every 0s", "@every 1.5s", "@every -1h", "60 * * * *", "0 7 * * 1-", "*/0 * * * *"} {
		if s, err := conf.ParseSchedule(bad); err == nil {
			t.Errorf("%q is read as %s", bad, s)
		}
	}
}

// FuzzParseSchedule: no text makes the parser panic, and what is accepted comes.
func FuzzParseSchedule(f *testing.F) {
	for _, seed := range []string{"* * * * *", "@every 1s", "TZ=", "TZ=x *", "@daily", "0 0 31 * 1", "?/5 ? L W #"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := conf.ParseSchedule(text)
		if err != nil {
			return
		}
		from := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		if next := s.Next(from); !next.After(from) {
			t.Errorf("%q comes at %s", text, next)
		}
	})
}

func TestScalars_readWhatTheyWrite(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := conf.Size(rapid.Int64Range(0, 1e12).Draw(t, "size"))
		if got, err := conf.ParseSize(size.String()); err != nil || got != size {
			t.Fatalf("%s is read as %d, %v", size, got, err)
		}
		rate := conf.Rate{
			Count: rapid.IntRange(1, 999_999).Draw(t, "count"),
			Per:   rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}).Draw(t, "per"),
		}
		if got, err := conf.ParseRate(rate.String()); err != nil || got != rate {
			t.Fatalf("%s is read as %v, %v", rate, got, err)
		}
	})
	for text, want := range map[string]conf.Size{"8MB": 8e6, "512kB": 512e3, "1MiB": 1 << 20, "1.5 MB": 1.5e6, "10": 10, "3B": 3} {
		if got, err := conf.ParseSize(text); err != nil || got != want {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "MB", "-1MB", "8 megabytes", "1e9", "99999999GB", "8MBit"} {
		if got, err := conf.ParseSize(bad); err == nil {
			t.Errorf("%q is read as %d", bad, got)
		}
	}
}

func TestParseURL_plainHTTPOnlyOnThisMachine(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"https://app.pennylane.com/api/external/v2": true, "http://127.0.0.1:9000/x/": true, "http://localhost": true,
		"http://[::1]:80": true, "http://example.org": false, "http://127.0.0.1.example.org": false, "ftp://x": false,
		"https://": false, "example.org": false, "https://u:p@example.org": false, "https://u@example.org": false,
		"http://localhost.example.org": false, "https://example.org/#x": false, "http://127.0.0.1@example.org": false,
		"https://:443": false, "https://ex ample.org": false,
	} {
		if u, err := conf.ParseURL(text); (err == nil) != ok {
			t.Errorf("%s: %s, %v", text, u, err)
		}
	}
}

func TestProblems_worksWithoutADocument(t *testing.T) {
	t.Parallel()
	var p conf.Problems
	p.At("steps", 1, "at").Addf("comes %s", "late")
	p.At("id").Addf("no id")
	var got []string
	for _, problem := range p.List() {
		got = append(got, problem.String())
	}
	if diff := cmp.Diff([]string{"steps[1].at: comes late", "id: no id"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestProblem_longAndHostileLinesStayOnTheirLine(t *testing.T) {
	t.Parallel()
	var into sample
	text := "words: {a: \"" + strings.Repeat("é", 5000) + "\u202e\", b: \t[x]}\n"
	for _, problem := range decode(t, text, &into).List() {
		lines := strings.Split(problem.String(), "\n")
		if len(lines) != 3 || len([]rune(lines[1])) > 140 || strings.ContainsAny(lines[1], "\u202e\t") {
			t.Errorf("got %q", lines)
		}
		if []rune(lines[1])[strings.Index(lines[2], "^")] != '[' {
			t.Errorf("the caret is elsewhere:\n%s", problem)
		}
	}
}
