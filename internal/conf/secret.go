package conf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// maxSecret bounds a secret file.
const maxSecret = 64 << 10

// Secret is a value that never stands in a configuration: {env: NAME},
// {file: path} or {credential: name} (systemd) say where it is. It is read when
// the configuration is. However it is printed or marshalled, it shows as •••;
// only Value tells it.
type Secret struct {
	kind, ref string // "env" and NAME…; "" where it came from code
	value     string
}

// SecretOf makes a secret in code.
func SecretOf(value string) Secret { return Secret{value: value} }

// Value returns the secret itself, "" where none was configured.
func (s Secret) Value() string { return s.value }

// IsZero tells whether none was configured.
func (s Secret) IsZero() bool { return s == Secret{} }

// Equal tells whether both hold the same value from the same place.
func (s Secret) Equal(other Secret) bool { return s == other }

// Reference tells where the secret comes from: "env", "file" or "credential"
// and its name; "" for one made in code.
func (s Secret) Reference() (kind, name string) { return s.kind, s.ref }

// String is the mask.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return Mask
}

// GoString is the mask.
func (s Secret) GoString() string { return s.String() }

// Format writes the mask whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) } //nolint:errcheck // as fmt does

// MarshalText writes the mask.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// DecodeConf reads the reference and the secret it names. Paths start at the
// folder of the file that names them.
func (s *Secret) DecodeConf(n Node, p *Problems) {
	const want = "write {env: NAME}, {file: path} or {credential: name}"
	if !n.IsMapping() {
		n.Hide()
		p.Addf("a secret never stands in the file: " + want)
		return
	}
	var kind, ref string
	for _, pr := range n.pairs() {
		view := p.on(pr.node, "") // a problem of the reference is one of the secret
		text, isText := plainText(pr.node.resolved())
		switch {
		case pr.name != "env" && pr.name != "file" && pr.name != "credential":
			pr.node.Hide()
			at := position(pr.key)
			at.doc = n.doc
			view.addAt(at, false, "unknown key %q: %s", pr.name, want)
		case kind != "":
			view.Addf("a secret has one place: " + want)
		case !isText || text == "":
			pr.node.Hide()
			view.Addf("must be text")
		default:
			kind, ref = pr.name, text
			value, err := readSecret(kind, ref, n.Dir(), view)
			if err != nil {
				view.addFinding(finding{at: view.node.place(), path: view.path, text: printable(oneLine(err.Error())), secret: true})
			}
			*s = Secret{kind: kind, ref: ref, value: value}
		}
	}
	if kind == "" && len(n.pairs()) == 0 {
		p.Addf("an empty secret: " + want)
	}
}

// readSecret fetches what a reference names.
func readSecret(kind, ref, dir string, p *Problems) (string, error) {
	switch kind {
	case "env":
		value, set := os.LookupEnv(ref)
		switch {
		case !set:
			return "", fmt.Errorf("the environment variable %s is not set: set it, or name another", ref)
		case value == "":
			return "", fmt.Errorf("the environment variable %s is empty", ref)
		}
		return value, nil
	case "file":
		if !filepath.IsAbs(ref) {
			ref = filepath.Join(dir, ref)
		}
		return readSecretFile(ref, p)
	}
	folder := os.Getenv("CREDENTIALS_DIRECTORY")
	switch {
	case strings.ContainsAny(ref, "/\\") || ref == "." || ref == "..":
		return "", fmt.Errorf("%q is not the name of a credential", ref)
	case folder == "":
		return "", fmt.Errorf("the credential %q is given by systemd alone, and CREDENTIALS_DIRECTORY is not set: start by the unit with LoadCredential=%s:PATH, or use {file: PATH}", ref, ref)
	}
	value, err := readSecretFile(filepath.Join(folder, ref), nil)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("systemd gave no credential %q: add LoadCredential=%s:PATH to the unit", ref, ref)
	}
	return value, err
}

// readSecretFile reads a secret file, its line end aside. One that everybody
// may read is a warning to p.
func readSecretFile(name string, p *Problems) (string, error) {
	f, err := os.Open(name) //nolint:gosec // the configuration names it
	if err != nil {
		return "", secretFileError(name, err)
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		return "", secretFileError(name, err)
	}
	if info.IsDir() {
		return "", fmt.Errorf("%s is a folder, not a secret file", name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", secretFileError(name, err)
	}
	value := strings.TrimRight(string(text), "\r\n")
	switch {
	case len(text) > maxSecret:
		return "", fmt.Errorf("%s is larger than 64 KiB: it is no secret file", name)
	case value == "":
		return "", fmt.Errorf("%s is empty", name)
	}
	if p != nil && info.Mode().IsRegular() && info.Mode().Perm()&0o007 != 0 {
		p.Warnf("everybody on this machine may read %s: chmod 600 it", name)
	}
	return value, nil
}

func secretFileError(name string, err error) error {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return fmt.Errorf("the secret file %s cannot be read: %w", name, err)
}
