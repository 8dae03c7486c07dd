package message

import "strings"

// ForwardedSender gives the sender of the message that this one forwards. It is
// the zero Address where there is none.
func (m *Message) ForwardedSender() Address {
	sender, _ := m.Forwarded()
	return sender
}

// Forwarded gives the sender and the text of the message that this one forwards:
// of the first one enclosed, else of what follows a header block in the text.
func (m *Message) Forwarded() (sender Address, text string) {
	for _, e := range m.Enclosed {
		if list := Addresses(e.Header.Raw("from")); len(list) > 0 && list[0].Email != "" {
			return list[0], strings.TrimSpace(e.Text)
		}
	}
	n := 0
	rest := m.Text
	for l := range strings.SplitSeq(m.Text, "\n") {
		rest = strings.TrimPrefix(rest[min(len(l), len(rest)):], "\n")
		if n++; n > 200 || len(l) > 1000 {
			continue
		}
		_, bare := quoteDepth(l)
		key := headerKey.FindStringSubmatch(Fold(bare))
		if key == nil || !origin[key[1]] && key[1] != "expediteur" {
			continue
		}
		_, value, _ := strings.Cut(bare, ":")
		value = strings.NewReplacer("[mailto:", "<", "]", ">", "*", "").Replace(value)
		for _, a := range Addresses(value) {
			if a.Email != "" {
				_, after, _ := strings.Cut(rest, "\n\n") // the block ends with an empty line
				return a, strings.TrimSpace(after)
			}
		}
	}
	return Address{}, ""
}
