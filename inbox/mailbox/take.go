package mailbox

import "github.com/emersion/go-imap/v2/imapclient"

// take stores one item of a FETCH answer and tells whether it came whole. The
// first body section is the one asked for: some servers do not echo <0>.
func (h *Head) take(item imapclient.FetchItemData) bool {
	switch item := item.(type) {
	case imapclient.FetchItemDataUID:
		h.UID = item.UID
	case imapclient.FetchItemDataRFC822Size:
		h.Size = item.Size
	case imapclient.FetchItemDataInternalDate:
		h.ReceivedAt = item.Time.UTC()
	case imapclient.FetchItemDataBodySection:
		text, whole := literal(item.Literal)
		if h.Fields == nil {
			h.Fields = text
		}
		return whole
	}
	return true
}
