package email

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/emersion/go-message/mail"
)

// Parts returns text and page of a message that Build made. It is not for
// foreign mail: what it cannot read is "".
func Parts(message []byte) (text, html string) {
	reader, err := mail.CreateReader(bytes.NewReader(message))
	if err != nil {
		return "", ""
	}
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) || err != nil {
			return text, html
		}
		header, ok := part.Header.(*mail.InlineHeader)
		if !ok {
			continue
		}
		kind, _, _ := header.ContentType()
		body, err := io.ReadAll(part.Body)
		if err != nil {
			return text, html
		}
		plain := strings.ReplaceAll(string(body), "\r\n", "\n")
		switch {
		case kind == "text/plain" && text == "":
			text = plain
		case kind == "text/html" && html == "":
			html = plain
		}
	}
}
