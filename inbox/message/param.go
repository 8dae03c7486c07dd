package message

import "strings"

// value is a structured field: text/plain; charset=utf-8; format=flowed.
type value struct {
	main   string            // lower case
	params map[string]string // names in lower case, values decoded
}

// parseValue reads a Content-Type or Content-Disposition leniently: missing
// quotes, spaces around "=", RFC 2231 continuations and encoded words in quotes.
func parseValue(raw string) value {
	v := value{params: make(map[string]string)}
	main, rest, _ := strings.Cut(raw, ";")
	v.main = strings.ToLower(strings.Trim(strings.TrimSpace(main), `"'`))
	if i := strings.IndexAny(v.main, " \t"); i > 0 {
		v.main = v.main[:i]
	}
	var pieces map[string][]string
	for count := 0; rest != "" && count < 100; count++ {
		var name, val string
		name, val, rest = nextParam(rest)
		if name == "" {
			continue
		}
		base, section, cut := strings.Cut(name, "*")
		switch {
		case !cut:
			if _, seen := v.params[name]; !seen {
				v.params[name] = DecodeWords(val)
			}
		case section == "":
			v.params[base] = extended(val)
		default:
			if pieces == nil {
				pieces = make(map[string][]string)
			}
			if len(pieces[base]) < 50 {
				pieces[base] = append(pieces[base], val)
			}
		}
	}
	for base, list := range pieces {
		if _, seen := v.params[base]; !seen {
			v.params[base] = extended(strings.Join(list, ""))
		}
	}
	return v
}

func nextParam(s string) (name, val, rest string) {
	s = strings.TrimLeft(s, " \t;")
	eq := strings.IndexAny(s, "=;")
	if eq < 0 || s[eq] == ';' {
		_, rest, _ = strings.Cut(s, ";")
		return "", "", rest
	}
	name = strings.ToLower(strings.TrimSpace(s[:eq]))
	s = strings.TrimLeft(s[eq+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		val, rest, _ = strings.Cut(s, ";")
		return name, strings.Trim(strings.TrimSpace(val), `'"`), rest
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i+1 < len(s) {
				i++
				b.WriteByte(s[i])
			}
		case '"':
			return name, b.String(), s[i+1:]
		default:
			b.WriteByte(s[i])
		}
	}
	return name, b.String(), ""
}

// extended decodes charset'language'percent-encoded; plain text passes.
func extended(s string) string {
	charset := ""
	if parts := strings.SplitN(s, "'", 3); len(parts) == 3 {
		charset, s = parts[0], parts[2]
	}
	return decodeCharset([]byte(unpercent(s)), charset)
}

// unpercent decodes %XX once and keeps what is no such sequence.
func unpercent(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, ok1 := unhex(s[i+1])
			lo, ok2 := unhex(s[i+2])
			if ok1 && ok2 {
				out = append(out, hi<<4|lo)
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}
