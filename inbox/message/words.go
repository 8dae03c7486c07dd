package message

import "strings"

// maxWord bounds one encoded word: some programs write a whole subject in one.
const maxWord = 8 << 10

// DecodeWords decodes a header value: RFC 2047 words, also badly padded or
// holding spaces, and raw 8-bit bytes. The result is clean UTF-8.
func DecodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		if plain(s) {
			return s
		}
		return clean(lossyUTF8([]byte(s)))
	}
	var out strings.Builder
	var pending []byte // bytes of adjacent words of one charset: a character may be split over two
	charset := ""
	flush := func() {
		if len(pending) > 0 {
			out.WriteString(decodeCharset(pending, charset))
			pending = pending[:0]
		}
	}
	after := false
	for len(s) > 0 {
		i := strings.Index(s, "=?")
		if i < 0 {
			flush()
			out.WriteString(lossyUTF8([]byte(s)))
			break
		}
		cs, data, size, ok := encodedWord(s[i:])
		if !ok {
			flush()
			out.WriteString(lossyUTF8([]byte(s[:i+2])))
			s = s[i+2:]
			after = false
			continue
		}
		if gap := s[:i]; !after || strings.TrimSpace(gap) != "" {
			flush()
			out.WriteString(lossyUTF8([]byte(gap)))
		}
		if !strings.EqualFold(cs, charset) {
			flush()
			charset = cs
		}
		pending = append(pending, data...)
		s = s[i+size:]
		after = true
	}
	flush()
	return clean(out.String())
}

func encodedWord(s string) (charset string, data []byte, size int, ok bool) {
	head := s[2:min(len(s), 2+100)]
	cs, rest, found := strings.Cut(head, "?")
	if !found || len(rest) < 2 || rest[1] != '?' || cs == "" || strings.ContainsAny(cs, " \t=") {
		return "", nil, 0, false
	}
	from := 2 + len(cs) + 3
	end := strings.Index(s[from:min(len(s), from+maxWord)], "?=")
	if end < 0 {
		return "", nil, 0, false
	}
	text := s[from : from+end]
	switch rest[0] {
	case 'b', 'B':
		data = decodeBase64([]byte(text))
	case 'q', 'Q':
		data = decodeQ(text)
	default:
		return "", nil, 0, false
	}
	cs, _, _ = strings.Cut(cs, "*") // RFC 2231 language
	return cs, data, from + end + 2, true
}

func decodeQ(text string) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(text):
			hi, ok1 := unhex(text[i+1])
			lo, ok2 := unhex(text[i+2])
			if ok1 && ok2 {
				out = append(out, hi<<4|lo)
				i += 2
			} else {
				out = append(out, c)
			}
		default:
			out = append(out, c)
		}
	}
	return out
}
