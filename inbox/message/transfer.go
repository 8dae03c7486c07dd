package message

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// decodeTransfer undoes a content transfer encoding. Unknown names leave the
// bytes as they are; damage costs the damaged bytes only.
func decodeTransfer(data []byte, name string) []byte {
	name, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(name)), ";")
	switch strings.Trim(strings.TrimSpace(name), `"'`) {
	case "base64", "base-64":
		return decodeBase64(data)
	case "quoted-printable", "quotedprintable":
		return decodeQuoted(data)
	}
	return data
}

// decodeBase64 skips what is no base64 and tolerates a cut end. Concatenated
// blocks, each padded, are all read.
func decodeBase64(data []byte) []byte {
	out := make([]byte, 0, len(data)*3/4)
	run := make([]byte, 0, len(data))
	flush := func() {
		if len(run)%4 == 1 {
			run = run[:len(run)-1]
		}
		if len(run) > 0 {
			part := make([]byte, base64.RawStdEncoding.DecodedLen(len(run)))
			n, _ := base64.RawStdEncoding.Decode(part, run)
			out = append(out, part[:n]...)
		}
		run = run[:0]
	}
	for _, c := range data {
		switch {
		case isBase64(c):
			run = append(run, c)
		case c == '=':
			flush()
		}
	}
	flush()
	return out
}

// decodeQuoted keeps invalid sequences as they stand.
func decodeQuoted(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		line, rest, found := bytes.Cut(data, []byte{'\n'})
		data = rest
		line = bytes.TrimRight(line, " \t\r")
		soft := false
		for i := 0; i < len(line); i++ {
			c := line[i]
			if c != '=' {
				out = append(out, c)
				continue
			}
			if i == len(line)-1 {
				soft = true
				break
			}
			if i+2 < len(line) {
				hi, ok1 := unhex(line[i+1])
				lo, ok2 := unhex(line[i+2])
				if ok1 && ok2 {
					out = append(out, hi<<4|lo)
					i += 2
					continue
				}
			}
			out = append(out, '=')
		}
		if !soft && found {
			out = append(out, '\n')
		}
	}
	return out
}

func unhex(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
