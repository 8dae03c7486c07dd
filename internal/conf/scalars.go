package conf

import (
	"fmt"
	"math"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Path is a file or folder; a relative one starts at the folder of the file
// that names it. Decoded, it is ready to open.
type Path string

// DecodeConf reads the path and makes it start at the naming file.
func (f *Path) DecodeConf(n Node, p *Problems) {
	text, isText := plainText(n.resolved())
	if !isText {
		p.noText("a path")
		return
	}
	switch {
	case strings.TrimSpace(text) == "":
		p.Addf("an empty path")
	case strings.HasPrefix(text, "~"):
		p.Addf("~ is not known here: write the whole path")
	case filepath.IsAbs(text):
		*f = Path(filepath.Clean(text))
	default:
		*f = Path(filepath.Join(n.Dir(), text))
	}
}

// Size counts bytes, written "8MB", "512kB", "1MiB" or a plain number.
type Size int64

var sizePattern = regexp.MustCompile(`^(\d+(?:\.\d+)?) ?([kKMG]i?)?B?$`)

// ParseSize reads a size: kB, MB, GB are powers of 1000, KiB, MiB, GiB of 1024.
func ParseSize(text string) (Size, error) {
	m := sizePattern.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, fmt.Errorf("%q is not a size (write 8MB, 512kB)", text)
	}
	number, err := strconv.ParseFloat(m[1], 64)
	factor := map[string]float64{"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "ki": 1 << 10, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}[m[2]]
	if err != nil || number*factor > 1e15 {
		return 0, fmt.Errorf("%q is not a size (write 8MB, 512kB)", text)
	}
	return Size(math.Round(number * factor)), nil
}

// String writes the size as ParseSize reads it.
func (s Size) String() string {
	for _, unit := range []struct {
		size Size
		name string
	}{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if s >= unit.size && s%unit.size == 0 {
			return fmt.Sprintf("%d%s", s/unit.size, unit.name)
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText writes the size as String does.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what ParseSize reads.
func (s *Size) UnmarshalText(text []byte) error { return parseInto(s, ParseSize, text) }

// Rate is how many in how long, written "20/min". The zero Rate is none.
type Rate struct {
	Count int
	Per   time.Duration
}

var ratePattern = regexp.MustCompile(`^([1-9]\d{0,5}) ?/ ?(s|min|h|day)$`)

var rateUnits = map[string]time.Duration{"s": time.Second, "min": time.Minute, "h": time.Hour, "day": 24 * time.Hour}

// ParseRate reads "20/min": per s, min, h or day.
func ParseRate(text string) (Rate, error) {
	m := ratePattern.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return Rate{}, fmt.Errorf("%q is not a rate (write 20/min; also s, h, day)", text)
	}
	count, _ := strconv.Atoi(m[1])
	return Rate{Count: count, Per: rateUnits[m[2]]}, nil
}

// Interval returns the time from one to the next, 0 for no rate.
func (r Rate) Interval() time.Duration {
	if r.Count <= 0 {
		return 0
	}
	return r.Per / time.Duration(r.Count)
}

// String writes the rate as ParseRate reads it.
func (r Rate) String() string {
	for name, per := range rateUnits {
		if r.Per == per {
			return fmt.Sprintf("%d/%s", r.Count, name)
		}
	}
	return ""
}

// MarshalText writes the rate as String does.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what ParseRate reads.
func (r *Rate) UnmarshalText(text []byte) error { return parseInto(r, ParseRate, text) }

// URL is an absolute https address of a service, without a closing slash;
// http only on this machine. It holds no password and no fragment.
type URL string

// ParseURL reads a URL.
func ParseURL(text string) (URL, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", fmt.Errorf("this is not an https:// address")
	case u.User != nil:
		return "", fmt.Errorf("an address holds no user and no password")
	case u.Fragment != "":
		return "", fmt.Errorf("an address of a service holds no #fragment")
	case u.Scheme == "http" && !Loopback(u.Hostname()):
		return "", fmt.Errorf("http:// is for this machine only (127.0.0.1, localhost): use https://")
	}
	return URL(strings.TrimRight(u.String(), "/")), nil
}

// MarshalText writes the URL.
func (u URL) MarshalText() ([]byte, error) { return []byte(u), nil }

// UnmarshalText reads what ParseURL reads.
func (u *URL) UnmarshalText(text []byte) error { return parseInto(u, ParseURL, text) }

// Loopback tells whether a host name or address is this machine itself.
func Loopback(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}

// Name names a company, connection, mailbox or plan: letters, digits, point,
// hyphen and underscore, so that it can stand in commands, logs and addresses.
type Name string

var namePattern = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$`)

// ParseName reads a name.
func ParseName(text string) (Name, error) {
	if !namePattern.MatchString(text) {
		return "", fmt.Errorf("%q is not a name (letters, digits, . _ -, at most 64)", shorten(text))
	}
	return Name(text), nil
}

// MarshalText writes the name.
func (n Name) MarshalText() ([]byte, error) { return []byte(n), nil }

// UnmarshalText reads what ParseName reads.
func (n *Name) UnmarshalText(text []byte) error { return parseInto(n, ParseName, text) }

func shorten(text string) string {
	if runes := []rune(text); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return text
}
