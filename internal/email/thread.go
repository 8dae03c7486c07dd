package email

import (
	"encoding/base64"
	"encoding/binary"
	"regexp"
	"strings"
	"time"
)

// ThreadIndex returns the Thread-Index of the message number n (0 the first)
// of a case that began at that moment. Outlook threads by bytes 6 to 21, which
// are the same for all messages of the case and differ between cases.
func (k Keys) ThreadIndex(caseID string, began time.Time, n int) string {
	const epoch = 116444736000000000 // 1970 in the 100 ns ticks since 1601
	var ticks [8]byte
	binary.BigEndian.PutUint64(ticks[:], uint64(began.UnixNano()/100+epoch)) //nolint:gosec // after 1970
	index := append([]byte{}, ticks[:6]...)
	index = append(index, k.sum(k.current, "ti1|"+caseID)[:16]...)
	for i := range min(n, 50) {
		index = append(index, 0, 0, 0, byte(i+1), 0)
	}
	return base64.StdEncoding.EncodeToString(index)
}

// ThreadGUID returns what a Thread-Index says of the conversation: 16 bytes as
// text, "" where the header is none.
func ThreadGUID(index string) string {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(index), ""))
	if err != nil || len(raw) < 22 {
		return ""
	}
	return encode(raw[6:22])
}

var strictID = regexp.MustCompile(`^<[!-;=?-~]+@[!-;=?-~]+>$`)

// IsMessageID tells whether text is one message id with its brackets, safe to
// stand in a header.
func IsMessageID(text string) bool {
	return len(text) <= 900 && strictID.MatchString(text)
}

// References returns the ids of a thread, oldest first, as they should stand in
// the header: the first and the last ten, 900 bytes at most, each once, what is
// no id left out.
func References(thread []string) []string {
	var ids []string
	seen := map[string]bool{}
	for i := len(thread) - 1; i >= 0; i-- { // the last mention counts: replies name their parent last
		id := strings.TrimSpace(thread[i])
		if IsMessageID(id) && !seen[id] {
			seen[id] = true
			ids = append([]string{id}, ids...)
		}
	}
	if len(ids) > 11 {
		ids = append(ids[:1:1], ids[len(ids)-10:]...)
	}
	for len(ids) > 1 && len(strings.Join(ids, " ")) > 900 {
		if len(ids) == 2 {
			ids = ids[1:]
			break
		}
		ids = append(ids[:1:1], ids[2:]...)
	}
	return ids
}
