package configs_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relanced/configs"
)

func TestLoad_includesAddCompaniesAndPlans(t *testing.T) {
	t.Parallel()
	f := mustLoad(t,
		"relanced.yaml", "include: [companies.d/*.yaml, plans.yaml]\n",
		"companies.d/a.yaml", "companies: [{id: a, name: A, reminders: {mode: off, plan: own}, customers: {file: clients.csv}}]\n",
		"companies.d/b.yaml", "companies: [{id: b, name: B, reminders: {mode: off}}]\n",
		"plans.yaml", "plans: {own: {steps: [{id: one, at: 5d, channel: call}]}}\n")
	if len(f.Companies) != 2 || f.Companies[0].ID != "a" || f.Companies[1].ID != "b" {
		t.Fatalf("got %+v", f.Companies)
	}
	if len(f.Plans) != 6 {
		t.Errorf("%d plans", len(f.Plans))
	}
	want := filepath.Join(filepath.Dir(f.Path), "companies.d", "clients.csv")
	if got := string(f.Companies[0].Customers.File); got != want {
		t.Errorf("the path starts at the wrong file: %s", got)
	}
}

func TestLoad_reportsWhatIncludesGetWrong(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files    []string
		problems []string
		warnings []string
	}{
		"a key of the first file": {
			[]string{"relanced.yaml", small + "include: [b.yaml]\n", "b.yaml", "store: sqlite:x.db\nlog: {level: info}\n"},
			[]string{"b.yaml:1:8: store stands only in the first file, relanced.yaml", "b.yaml:2:6: log stands only in the first file, relanced.yaml"},
			nil,
		},
		"a circle": {
			[]string{"relanced.yaml", small + "include: [b.yaml]\n", "b.yaml", "include:\n  - relanced.yaml\n"},
			[]string{"b.yaml:2:5: relanced.yaml includes itself: relanced.yaml → b.yaml → relanced.yaml"},
			nil,
		},
		"itself by a pattern": {
			[]string{"relanced.yaml", small + "include: ['*.yaml']\n"},
			[]string{"relanced.yaml:6:11: relanced.yaml includes itself: relanced.yaml → relanced.yaml"},
			nil,
		},
		"a file twice is read once": {
			[]string{"relanced.yaml", "include: [b.yaml, './b*.yaml']\n", "b.yaml", small}, nil, nil,
		},
		"no such file": {
			[]string{"relanced.yaml", small + "include: [b.yaml]\n"}, []string{"relanced.yaml:6:11: there is no file b.yaml"}, nil,
		},
		"no file of the pattern": {
			[]string{"relanced.yaml", small + "include: ['d/*.yaml']\n"}, nil, []string{"relanced.yaml:6:11: no file is named like d/*.yaml"},
		},
		"a bad pattern": {
			[]string{"relanced.yaml", small + "include: ['[']\n"}, []string{"relanced.yaml:6:11: \"[\" is not a pattern of file names"}, nil,
		},
		"the same company twice": {
			[]string{"relanced.yaml", small + "include: [b.yaml]\n", "b.yaml", small}, []string{"b.yaml:3:9: another company has the id \"dupont\""}, nil,
		},
		"the same plan twice": {
			[]string{
				"relanced.yaml", small + "plans: {p: {steps: [{id: a, at: 1d, channel: task}]}}\ninclude: [b.yaml]\n",
				"b.yaml", "plans:\n  p: {steps: [{id: a, at: 1d, channel: task}]}\n",
			},
			[]string{"b.yaml:2:3: another file has a plan \"p\" already"},
			nil,
		},
		"an included file that is broken": {
			[]string{"relanced.yaml", small + "include: [b.yaml]\n", "b.yaml", "companies: [\n"},
			[]string{"b.yaml:1:12: YAML: sequence end token ']' not found"},
			nil,
		},
		"nobody at all": {[]string{"relanced.yaml", "log: {level: debug}\n"}, []string{"relanced.yaml:1:1: there is no company: write one under companies, or include its file"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := load(t, test.files...)
			if diff := cmp.Diff(test.problems, said(problems.List())); diff != "" {
				t.Error("problems: " + diff)
			}
			if diff := cmp.Diff(test.warnings, said(problems.Warnings())); diff != "" {
				t.Error("warnings: " + diff)
			}
		})
	}
}

func TestLoad_aFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "no.yaml"): "no such file or directory",
		t.TempDir():                           "it is not a file",
	} {
		_, problems := configs.Load(path, factories())
		if err := problems.Err(); err == nil || err.Error() != path+": cannot be read: "+want {
			t.Errorf("got %v", err)
		}
	}
}

func TestFind_flagThenVariableThenHere(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv(configs.Variable, "")
	if _, err := configs.Find(""); err == nil {
		t.Error("found what is not there")
	}
	if err := os.WriteFile("relanced.yaml", []byte(small), 0o600); err != nil {
		t.Fatal(err)
	}
	here, _ := configs.Find("")
	t.Setenv(configs.Variable, "/named.yaml")
	named, _ := configs.Find("")
	flag, _ := configs.Find("flag.yaml")
	if diff := cmp.Diff([]string{"relanced.yaml", "/named.yaml", "flag.yaml"}, []string{here, named, flag}); diff != "" {
		t.Error(diff)
	}
}
