package configs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"relanced/configs"
	"relanced/connectors"
	"relanced/connectors/builtin"
	"relanced/internal/conf"
	"relanced/reminders"
)

// source stands in for the types of connection.
type source struct {
	Token  conf.Secret `yaml:"token"`
	Base   conf.URL    `yaml:"base_url"`
	Folder conf.Path   `yaml:"folder"`
}

func (s *source) Check(p *conf.Problems) {
	if s.Token.IsZero() && s.Folder == "" {
		p.At("token").Addf("pennylane needs a token")
	}
}

func (*source) Open(connectors.Env) (connectors.Connector, error) { return nil, nil }

func factories() map[string]connectors.Factory {
	make := func() connectors.Spec { return &source{} }
	return map[string]connectors.Factory{"pennylane": make, "files": make}
}

// write puts files into a fresh folder and returns the path of the first.
func write(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0])
}

// said lists problems as line:column: text, file names shortened.
func said(problems []conf.Problem) []string {
	var lines []string
	for _, p := range problems {
		first, _, _ := strings.Cut(p.String(), "\n")
		if p.File != "" {
			first = filepath.Base(p.File) + strings.TrimPrefix(first, p.File)
			first = strings.ReplaceAll(first, filepath.Dir(p.File)+"/", "")
		}
		lines = append(lines, first)
	}
	return lines
}

func load(t *testing.T, files ...string) (*configs.File, *conf.Problems) {
	t.Helper()
	return configs.Load(write(t, files...), factories())
}

func mustLoad(t *testing.T, files ...string) *configs.File {
	t.Helper()
	f, problems := load(t, files...)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	return f
}

const small = `
companies:
  - id: dupont
    name: Dupont
    reminders: {mode: off}
`

func credentials(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"relanced-key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "pennylane": "penny-secret",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
}

func TestExample_showsTheDefaults(t *testing.T) {
	credentials(t)
	t.Setenv("TOKEN", "x")
	shipped := func(files ...string) *configs.File {
		f, problems := configs.Load(write(t, files...), builtin.Factories())
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		return f
	}
	shown := shipped("relanced.yaml", string(configs.Example()), "mail-password", "hunter2", "clients.csv", "code;name\n")
	silent := shipped("relanced.yaml", `
companies:
  - id: dupont
    name: Dupont & Fils SARL
    siren: "732829320"
    bank_accounts: [{iban: FR7630006000011234567890189, bic: AGRIFRPP}]
    connections: [{name: compta, type: pennylane, token: {env: TOKEN}}, {name: exports, type: files, folder: /var/lib/relanced/exports}]
    mailboxes: [{name: courrier, address: compta@dupont.example, display: Comptabilité Dupont, login: {password: {env: TOKEN}}, smtp: {host: smtp.dupont.example}, imap: {host: imap.dupont.example}}]
    brief: {to: [marie@dupont.example]}
    documents: {folder: /srv/factures}
`)
	// What the example marks as an example is no default.
	c := &shown.Companies[0]
	c.Reminders.PlansWhen, c.Reminders.HoldWhen, c.Reminders.ExcludeWhen, c.Reminders.Closures = nil, nil, nil, nil
	c.Reminders.Start.From, c.Reminders.MaxBatch = 0, 0
	c.Team, c.PaymentLink, c.Customers = nil, "", configs.Customers{}
	opts := cmp.Options{
		cmpopts.IgnoreTypes(conf.Secret{}, reminders.Rules{}),
		cmpopts.IgnoreUnexported(configs.File{}, configs.Store{}),
		cmpopts.IgnoreFields(configs.File{}, "Path", "Include"),
		cmpopts.IgnoreFields(configs.Company{}, "Zone"),
		cmpopts.EquateEmpty(),
	}
	if diff := cmp.Diff(silent, shown, opts); diff != "" {
		t.Errorf("defaults (-) against the example (+):\n%s", diff)
	}
}

func TestShow_readsBackAsTheSame(t *testing.T) {
	credentials(t)
	for name, text := range map[string]string{"the example": string(configs.Example()), "a small one": small} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "relanced.yaml", text, "mail-password", "hunter2", "clients.csv", "code;name\n")
			f, problems := configs.Load(path, builtin.Factories())
			if err := problems.Err(); err != nil {
				t.Fatal(err)
			}
			shown := string(configs.Show(f))
			for _, secret := range []string{"hunter2", "penny-secret", "MDEyMzQ1"} {
				if strings.Contains(shown, secret) {
					t.Errorf("the secret %q is shown", secret)
				}
			}
			again := filepath.Join(filepath.Dir(path), "again.yaml")
			if err := os.WriteFile(again, []byte(shown), 0o600); err != nil {
				t.Fatal(err)
			}
			g, problems := configs.Load(again, builtin.Factories())
			if err := problems.Err(); err != nil {
				t.Fatalf("%v\n%s", err, shown)
			}
			opts := cmp.Options{
				cmpopts.IgnoreTypes(reminders.Rules{}), cmpopts.IgnoreFields(configs.File{}, "Path"),
				cmpopts.IgnoreFields(configs.Company{}, "Zone"),
				cmpopts.IgnoreUnexported(configs.File{}, configs.Store{}), cmpopts.EquateEmpty(),
			}
			if diff := cmp.Diff(f, g, opts); diff != "" {
				t.Errorf("%s\n%s", diff, shown)
			}
		})
	}
}
