package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"relanced/connectors"
	"relanced/internal/conf"
	"relanced/reminders"
	"relanced/reminders/compose"
)

// Variable names the environment variable that names the configuration.
const Variable = "RELANCED_CONFIG"

// places are searched where neither flag nor variable names a configuration.
var places = []string{"relanced.yaml", "/etc/relanced/relanced.yaml"}

// Find returns the configuration to read: the one a flag names, else the one
// $RELANCED_CONFIG names, else ./relanced.yaml, else /etc/relanced/relanced.yaml.
func Find(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	if named := os.Getenv(Variable); named != "" {
		return named, nil
	}
	for _, place := range places {
		if _, err := os.Stat(place); err == nil {
			return place, nil
		}
	}
	return "", fmt.Errorf("no configuration: neither --config nor $%s names one, and there is no ./relanced.yaml and no /etc/relanced/relanced.yaml; `relanced config example` prints one to start from, `relanced demo` needs none", Variable)
}

// maxFiles bounds how many files includes may bring in.
const maxFiles = 2000

// document is the shape of a file: companies and plans wait until all files are read.
type document struct {
	Store     conf.Node   `yaml:"store"`
	Key       conf.Node   `yaml:"key"`
	Log       conf.Node   `yaml:"log"`
	HTTP      conf.Node   `yaml:"http"`
	Companies []conf.Node `yaml:"companies"`
	Plans     conf.Node   `yaml:"plans"`
	Include   []string    `yaml:"include"`
}

// loader collects what the files say.
type loader struct {
	problems  *conf.Problems
	factories map[string]connectors.Factory
	file      *File
	seen      map[string]bool // files read, by their real path
	companies []placed        // entries of `companies`
	plans     map[string]bool // named by the configuration itself
}

// placed is a view that stands at an entry of some file.
type placed struct {
	node conf.Node
	at   *conf.Problems
}

// Load reads the configuration that stands at path, with all it includes, and
// checks it. Where problems.Count() is not zero the file is not to be used;
// what is wrong is in problems, all at once, each at its place.
func Load(path string, factories map[string]connectors.Factory) (*File, *conf.Problems) {
	l := &loader{
		problems:  &conf.Problems{},
		factories: factories,
		file:      &File{Path: path},
		seen:      map[string]bool{},
		plans:     map[string]bool{},
	}
	conf.SetDefaults(l.file)
	shipped, err := reminders.Shipped()
	if err != nil {
		panic("configs: " + err.Error()) // embedded, and read by a test
	}
	l.file.Plans = shipped
	if root, ok := conf.ReadFile(path, l.problems); ok {
		l.seen[realPath(path)] = true
		l.first(root)
		l.loadCompanies(root)
	}
	return l.file, l.problems
}

// first reads the first file: besides what any file may say, the keys of the whole.
func (l *loader) first(root conf.Node) {
	at := root.On(l.problems)
	var doc document
	root.Decode(at, &doc)
	decode := func(key string, n conf.Node, into any) {
		if !n.IsZero() {
			n.Decode(at.At(key), into)
		}
	}
	decode("store", doc.Store, &l.file.Store)
	if doc.Store.IsZero() {
		l.file.Defaults()
	}
	decode("key", doc.Key, &l.file.Key)
	l.file.key = checkKey(l.file.Key, at.At("key"))
	decode("log", doc.Log, &l.file.Log)
	decode("http", doc.HTTP, &l.file.HTTP)
	l.file.Include = doc.Include
	l.any(root, doc, []string{l.file.Path})
}

// any takes what every file may say: companies, plans, more files. chain is how
// the file came in, the first file first.
func (l *loader) any(root conf.Node, doc document, chain []string) {
	at := root.On(l.problems)
	for i, n := range doc.Companies {
		l.companies = append(l.companies, placed{n, at.At("companies", i)})
	}
	if !doc.Plans.IsZero() {
		l.addPlans(doc.Plans, at.At("plans"))
	}
	for i, pattern := range doc.Include {
		l.include(root, pattern, at.At("include", i), chain)
	}
}

func (l *loader) addPlans(n conf.Node, at *conf.Problems) {
	var plans map[string]conf.Node
	n.Decode(at, &plans)
	for name, entry := range plans {
		view := at.At(name)
		if _, err := conf.ParseName(name); err != nil {
			view.Key().Addf("%v", err)
		}
		if l.plans[name] {
			view.Key().Addf("another file has a plan %q already", name)
			continue
		}
		l.plans[name] = true
		var plan reminders.PlanConfig
		entry.Decode(view, &plan)
		plan.Check(view)
		for i, step := range plan.Steps {
			if step.Channel == reminders.Email && step.Template != "" && !slices.Contains(compose.Names(), step.Template) {
				view.At("steps", i, "template").Addf("there is no template %q; write one of %s", step.Template, strings.Join(compose.Names(), ", "))
			}
		}
		l.file.Plans[name] = plan
	}
}

// include reads the files that a pattern names, in the order of their names.
func (l *loader) include(root conf.Node, pattern string, at *conf.Problems, chain []string) {
	if pattern == "" {
		at.Addf("an empty path")
		return
	}
	full := pattern
	if !filepath.IsAbs(full) {
		full = filepath.Join(root.Dir(), full)
	}
	names, err := filepath.Glob(full)
	switch {
	case err != nil:
		at.Addf("%q is not a pattern of file names", pattern)
		return
	case len(names) == 0 && strings.ContainsAny(pattern, "*?["):
		at.Warnf("no file is named like %s", pattern)
		return
	case len(names) == 0:
		at.Addf("there is no file %s", full)
		return
	}
	for _, name := range names {
		link := realPath(name)
		if slices.ContainsFunc(chain, func(outer string) bool { return realPath(outer) == link }) {
			at.Addf("%s includes itself: %s", name, strings.Join(append(slices.Clone(chain), name), " → "))
			continue
		}
		if l.seen[link] {
			continue // two patterns may name one file
		}
		if l.seen[link] = true; len(l.seen) > maxFiles {
			at.Addf("more than %d files are included", maxFiles)
			return
		}
		inner, ok := conf.ReadFile(name, l.problems)
		if !ok {
			continue
		}
		var doc document
		view := inner.On(l.problems)
		inner.Decode(view, &doc)
		for key, n := range map[string]conf.Node{"store": doc.Store, "key": doc.Key, "log": doc.Log, "http": doc.HTTP} {
			if !n.IsZero() {
				view.At(key).Addf("%s stands only in the first file, %s", key, l.file.Path)
			}
		}
		l.any(inner, doc, append(slices.Clone(chain), name))
	}
}

// realPath is one name for one file, whatever links lead to it.
func realPath(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path
}
