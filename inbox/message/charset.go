package message

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/unicode/norm"
)

// charsetAliases are names mail uses and the web's index does not know, or
// reads in a narrower sense.
var charsetAliases = map[string]string{
	"utf8": "utf-8", "utf-8n": "utf-8", "unicode": "utf-8",
	"cp1252": "windows-1252", "x-ansi": "windows-1252", "ansi": "windows-1252",
	"iso8859-1": "windows-1252", "iso8859-15": "iso-8859-15", "latin9": "iso-8859-15", "latin-9": "iso-8859-15",
	"latin-1": "windows-1252", "8bit": "windows-1252", "x-unknown": "windows-1252", "unknown-8bit": "windows-1252",
	"x-mac-roman": "macintosh", "macroman": "macintosh", "mac": "macintosh",
	"iso-8859-8-i": "iso-8859-8", "gb2312": "gb18030", "x-gbk": "gb18030", "gbk": "gb18030",
	"ks_c_5601-1987": "euc-kr", "cp949": "euc-kr", "cp932": "shift_jis", "cp1250": "windows-1250", "cp1251": "windows-1251",
}

// decodeCharset turns bytes of the named charset into clean UTF-8. A charset
// that is unknown or lies gives the most likely reading, never an error.
func decodeCharset(data []byte, name string) string {
	name = strings.Trim(strings.ToLower(strings.TrimSpace(name)), `"' `)
	if to, ok := charsetAliases[name]; ok {
		name = to
	}
	switch name {
	case "utf-7", "unicode-1-1-utf-7", "x-unicode-2-0-utf-7":
		return clean(decodeUTF7(string(data)))
	case "cp850", "ibm850", "cp437", "ibm437":
		page := charmap.CodePage850
		if strings.HasSuffix(name, "437") {
			page = charmap.CodePage437
		}
		out, _ := page.NewDecoder().Bytes(data)
		return clean(string(out))
	case "utf-8", "":
		return clean(lossyUTF8(data))
	}
	enc, err := htmlindex.Get(name)
	if err != nil || enc == encoding.Replacement {
		return clean(lossyUTF8(data))
	}
	canonical, _ := htmlindex.Name(enc)
	// Text that reads as UTF-8 with multibyte characters is UTF-8 whatever a
	// one-byte charset claims: the contrary does not happen by accident.
	if singleByte(canonical) && utf8.Valid(data) {
		return clean(string(data))
	}
	out, err := enc.NewDecoder().Bytes(data)
	if err != nil {
		return clean(lossyUTF8(data))
	}
	return clean(string(out))
}

func singleByte(canonical string) bool {
	return strings.HasPrefix(canonical, "windows-") || strings.HasPrefix(canonical, "iso-8859-") || canonical == "macintosh"
}

// lossyUTF8 reads UTF-8, and each byte that is not as windows-1252.
func lossyUTF8(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	var b strings.Builder
	b.Grow(len(data) + len(data)/8)
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n <= 1 {
			r, n = charmap.Windows1252.DecodeByte(data[0]), 1
		}
		b.WriteRune(r)
		data = data[n:]
	}
	return b.String()
}

// clean makes text valid UTF-8 in NFC without NUL.
func clean(s string) string {
	if plain(s) {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return norm.NFC.String(s)
}

// plain tells ASCII without NUL, which is clean as it stands: most headers are.
func plain(s string) bool {
	for i := range len(s) {
		if s[i]-1 >= 0x7f {
			return false
		}
	}
	return true
}

func decodeUTF7(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '+')
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		n := 0
		for n < len(s) && isBase64(s[n]) {
			n++
		}
		if n == 0 {
			b.WriteByte('+')
		} else if raw, err := base64.RawStdEncoding.DecodeString(s[:n]); err == nil || len(raw) > 1 {
			units := make([]uint16, 0, len(raw)/2)
			for k := 0; k+1 < len(raw); k += 2 {
				units = append(units, uint16(raw[k])<<8|uint16(raw[k+1]))
			}
			b.WriteString(string(utf16.Decode(units)))
		}
		s = s[n:]
		s = strings.TrimPrefix(s, "-")
	}
}

func isBase64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}
