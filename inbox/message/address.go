package message

import "strings"

// Address is a mailbox as a header names it. Email is "" where none is given;
// neither is lower-cased.
type Address struct {
	Name  string
	Email string
}

// String returns the address as people read it.
func (a Address) String() string {
	switch {
	case a.Name == "":
		return a.Email
	case a.Email == "":
		return a.Name
	}
	return a.Name + " <" + a.Email + ">"
}

// maxAddresses bounds the mailboxes read from one field.
const maxAddresses = 200

// Addresses reads an address list leniently: quoted names, comments, groups,
// missing brackets, names with commas that nobody quoted.
func Addresses(raw string) []Address {
	if raw == "" {
		return nil
	}
	var out []Address
	for _, item := range splitAddresses(raw) {
		if a, ok := parseAddress(item); ok && len(out) < maxAddresses {
			out = append(out, a)
		}
	}
	return out
}

func splitAddresses(raw string) []string {
	var out []string
	var depth, from int
	quoted, angle := false, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case (c == ',' || c == ';') && depth == 0 && !angle && (strings.ContainsRune(raw[from:i], '@') || c == ';'):
			out = append(out, raw[from:i])
			from = i + 1
		}
		if len(out) > maxAddresses {
			return out
		}
	}
	return append(out, raw[from:])
}

func parseAddress(item string) (Address, bool) {
	item = strings.TrimSpace(item)
	var a Address
	if open := strings.LastIndexByte(item, '<'); open >= 0 {
		email := item[open+1:]
		if end := strings.IndexByte(email, '>'); end >= 0 {
			email = email[:end]
		}
		a = Address{Name: item[:open], Email: email}
	} else {
		for _, w := range strings.Fields(item) {
			if strings.ContainsRune(w, '@') {
				a.Email = w
				a.Name = strings.Replace(item, w, "", 1)
				break
			}
		}
		if a.Email == "" {
			a.Name = item
		}
	}
	if i := strings.LastIndexByte(a.Name, ':'); i >= 0 && !strings.ContainsRune(a.Name, '"') && !strings.Contains(a.Name, "=?") {
		a.Name = a.Name[i+1:]
	}
	a.Email = clean(strings.Trim(strings.Map(dropControl, DecodeWords(a.Email)), ` <>"'()`))
	if at := strings.LastIndexByte(a.Email, '@'); at < 1 || at == len(a.Email)-1 || strings.ContainsAny(a.Email, " \t") {
		a.Email = ""
	}
	a.Name = displayName(a.Name)
	return a, a.Email != "" || a.Name != ""
}

func displayName(raw string) string {
	raw = strings.TrimSpace(raw)
	if n := len(raw); n >= 2 && raw[0] == '"' && raw[n-1] == '"' {
		raw = strings.ReplaceAll(raw[1:n-1], `\`, "")
	}
	raw = strings.Map(dropControl, DecodeWords(raw))
	raw = strings.TrimSpace(raw)
	if n := len(raw); n >= 2 && (raw[0] == '"' && raw[n-1] == '"' || raw[0] == '(' && raw[n-1] == ')' || raw[0] == '\'' && raw[n-1] == '\'') {
		raw = raw[1 : n-1]
	}
	return strings.Join(strings.Fields(raw), " ")
}

func dropControl(r rune) rune {
	if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
		return ' '
	}
	return r
}
