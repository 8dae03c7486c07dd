package inbox

import (
	"testing"

	"relanced/inbox/mailbox"
	"relanced/inbox/message"
	"relanced/internal/store"
)

// TestIdentity: what is one message and what are two.
func TestIdentity(t *testing.T) {
	t.Parallel()
	const stamp = "Received: by mx.example; Tue, 24 Nov 2026 09:00:00 +0100\r\n"
	type seen struct {
		fields, body string
		uid          uint32
	}
	for name, test := range map[string]struct {
		a, b seen
		same bool
	}{
		"two places":                            {seen{"From: a@b\r\nMessage-ID: <x@b>\r\n", "1", 1}, seen{"From: a@b\r\nMessage-ID: <X@b>\r\n", "1", 2}, true},
		"one id, two senders":                   {seen{"From: a@b\r\nMessage-ID: <x@b>\r\n", "1", 1}, seen{"From: c@b\r\nMessage-ID: <x@b>\r\n", "1", 2}, false},
		"no id, two bodies":                     {seen{"From: a@b\r\n", "1", 1}, seen{"From: a@b\r\n", "2", 2}, false},
		"no id, one body":                       {seen{"From: a@b\r\n", "1", 1}, seen{"From: a@b\r\n", "1", 2}, true},
		"no id, moved before its body was read": {seen{stamp + "From: a@b\r\n", "", 1}, seen{stamp + "From: a@b\r\n", "1", 2}, true},
		"no id, two stamps":                     {seen{stamp + "From: a@b\r\n", "1", 1}, seen{stamp + stamp + "From: a@b\r\n", "1", 2}, false},
		"nothing could be read of two":          {seen{"", "", 1}, seen{"", "", 2}, false},
		"nothing could be read of one, twice":   {seen{"", "", 1}, seen{"", "", 1}, true},
	} {
		of := func(x seen) string {
			return identity(message.ParseHeader([]byte(x.fields)), mailbox.Head{Size: 100, Fields: []byte(x.fields)}, []byte(x.body), store.Place{Mailbox: "m", Folder: "INBOX", UIDValidity: 7, UID: x.uid})
		}
		if got := of(test.a) == of(test.b); got != test.same {
			t.Errorf("%s: one message: %v, want %v", name, got, test.same)
		}
	}
}
