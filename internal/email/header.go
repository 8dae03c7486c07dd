package email

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// header writes one field, folded at spaces so that lines stay under 78 bytes
// where words allow. Fields without a value are left out. Values come from
// this package's encoders and hold no line break.
func header(out *bytes.Buffer, name, value string) {
	if value == "" {
		return
	}
	out.WriteString(name + ":")
	width := len(name) + 1
	for i, word := range strings.Split(value, " ") {
		if i > 0 && width+1+len(word) > 76 && word != "" {
			out.WriteString("\r\n")
			width = 0
		}
		out.WriteString(" " + word)
		width += 1 + len(word)
	}
	out.WriteString("\r\n")
}

// addresses writes a field of addresses; names that are not plain are quoted or
// encoded, addresses never.
func addresses(out *bytes.Buffer, name string, list []Address) {
	var parts []string
	for _, a := range list {
		shown := Clean(a.Name, 100)
		if shown == "" || strings.EqualFold(shown, a.Addr) {
			parts = append(parts, Wire(a.Addr))
			continue
		}
		parts = append(parts, strings.Join(words(shown, true), " ")+" <"+Wire(a.Addr)+">")
	}
	header(out, name, strings.Join(parts, ", "))
}

// words returns text as the words of a header: as it is where that is plain
// ASCII, quoted where a phrase needs it, else as encoded words of at most 75
// bytes that never split a character.
func words(text string, phrase bool) []string {
	plain, atoms := true, true
	for _, r := range text {
		plain = plain && r >= 0x20 && r <= 0x7e
		atoms = atoms && (r == ' ' || isAtom(r))
	}
	longest := 0
	for _, word := range strings.Fields(text) {
		longest = max(longest, len(word))
	}
	switch {
	case plain && longest <= 200 && !strings.Contains(text, "=?") && (!phrase || atoms):
		return []string{text}
	case plain && longest <= 200 && !strings.Contains(text, "=?"):
		return []string{`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`}
	}
	var list []string
	for len(text) > 0 {
		n := 0
		for n < len(text) {
			_, size := utf8.DecodeRuneInString(text[n:])
			if n+size > 42 { // 56 in base64, 68 with its frame
				break
			}
			n += size
		}
		list = append(list, "=?UTF-8?B?"+base64.StdEncoding.EncodeToString([]byte(text[:n]))+"?=")
		text = text[n:]
	}
	return list
}
