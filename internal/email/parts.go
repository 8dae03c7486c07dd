package email

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"

	"github.com/emersion/go-message/mail"
)

// Parts returns text and page of a message that Build made, the page with its
// inline pictures in it, so that it can be shown alone. It is not for foreign
// mail: what it cannot read is "".
func Parts(message []byte) (text, html string) {
	reader, err := mail.CreateReader(bytes.NewReader(message))
	if err != nil {
		return "", ""
	}
	pictures := map[string]string{}
	for {
		part, err := reader.NextPart()
		if err != nil {
			for cid, data := range pictures {
				html = strings.ReplaceAll(html, "cid:"+cid, data)
			}
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
		case strings.HasPrefix(kind, "image/"):
			cid := strings.Trim(header.Get("Content-Id"), "<>")
			pictures[cid] = "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(body)
		}
	}
}
