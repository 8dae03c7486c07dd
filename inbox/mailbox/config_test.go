package mailbox_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"relanced/inbox/mailbox"
	"relanced/internal/conf"
)

func TestSettle_portAndProtectionFollowFromOneAnother(t *testing.T) {
	t.Parallel()
	type server struct {
		TLS  mailbox.TLS
		Port uint16
	}
	for _, test := range []struct{ smtp, imap, wantSMTP, wantIMAP server }{
		{server{}, server{}, server{mailbox.StartTLS, 587}, server{mailbox.Implicit, 993}},
		{server{Port: 465}, server{Port: 143}, server{mailbox.Implicit, 465}, server{mailbox.StartTLS, 143}},
		{server{TLS: mailbox.Implicit}, server{TLS: mailbox.StartTLS}, server{mailbox.Implicit, 465}, server{mailbox.StartTLS, 143}},
		{server{mailbox.NoTLS, 2525}, server{mailbox.NoTLS, 1143}, server{mailbox.NoTLS, 2525}, server{mailbox.NoTLS, 1143}},
		{server{Port: 2525}, server{Port: 1993}, server{mailbox.StartTLS, 2525}, server{mailbox.Implicit, 1993}},
	} {
		list := []mailbox.Config{{Address: "a@dupont.example"}}
		list[0].SMTP.TLS, list[0].SMTP.Port = test.smtp.TLS, test.smtp.Port
		list[0].IMAP.TLS, list[0].IMAP.Port = test.imap.TLS, test.imap.Port
		mailbox.Settle(list)
		got := [2]server{{list[0].SMTP.TLS, list[0].SMTP.Port}, {list[0].IMAP.TLS, list[0].IMAP.Port}}
		if diff := cmp.Diff([2]server{test.wantSMTP, test.wantIMAP}, got); diff != "" {
			t.Errorf("%v, %v: %s", test.smtp, test.imap, diff)
		}
		if list[0].Login.User != "a@dupont.example" || list[0].Sends == nil || !*list[0].Sends {
			t.Errorf("user %q, sends %v", list[0].Login.User, list[0].Sends)
		}
	}
}

func TestConfig_foldersAreAListOfNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"folders: [INBOX, Clients/Relances]": "",
		"folders: [INBOX, INBOX]":            "folders[1]: \"INBOX\" is listed twice",
		"folders: INBOX":                     "folders: must be a list of folders, as in [INBOX]",
		"folders: []":                        "folders: no folder: a mailbox that is not read hears no answer",
		"folders: [2024]":                    "folders[0]: must be text: put quotes around it (\"2024\")",
		"folders: [[a]]":                     "folders[0]: must be text, is a list",
		"sent: keep":                         "sent: \"keep\" is not one of watch, ignore",
	} {
		var p conf.Problems
		n, ok := conf.Parse("a.yaml", []byte(text), &p)
		if !ok {
			t.Fatal(p.Err())
		}
		var c mailbox.Config
		n.Decode(&p, &c)
		got := ""
		for _, problem := range p.List() {
			got += problem.Path + ": " + problem.Text
		}
		if got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}
