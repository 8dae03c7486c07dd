package message

import "strings"

// ForwardedSender gives the sender of the message that this one forwards: of
// the first one enclosed, else of the header block in the text. It is the zero
// Address where there is none.
func (m *Message) ForwardedSender() Address {
	for _, e := range m.Enclosed {
		if list := Addresses(e.Header.Raw("from")); len(list) > 0 && list[0].Email != "" {
			return list[0]
		}
	}
	n := 0
	for l := range strings.SplitSeq(m.Text, "\n") {
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
				return a
			}
		}
	}
	return Address{}
}
