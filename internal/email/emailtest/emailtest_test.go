package emailtest

import (
	"net/smtp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

func TestMailHandedInArrivesInTheInbox(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	box, err := NewIMAP(IMAPConfig{Users: map[string]string{"compta@dupont.example": "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = box.Close() }()
	var elsewhere []string
	server, err := NewSMTP(SMTPConfig{Accepted: func(m Mail) { elsewhere = box.Deliver(m, at) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	raw := []byte("From: achats@durand.example\r\nSubject: Re: facture\r\n\r\nmardi\r\n")
	to := []string{"compta+r.x@dupont.example", "autre@x.example"}
	if err := smtp.SendMail(server.Host+":"+strconv.Itoa(server.Port), nil, "achats@durand.example", to, raw); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(elsewhere, to[1:]) {
		t.Errorf("elsewhere %q", elsewhere)
	}
	client, err := imapclient.DialInsecure(box.Host+":"+strconv.Itoa(box.Port), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if err := client.Login("compta@dupont.example", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	inbox, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil || inbox.NumMessages != 1 {
		t.Fatalf("%+v %v", inbox, err)
	}
	list, err := client.List("", "*", nil).Collect()
	if err != nil || len(list) != 3 {
		t.Errorf("%d folders, %v", len(list), err)
	}
	if box.Put("nobody@dupont.example", "INBOX", raw, at) || box.Put("compta@dupont.example", "Nowhere", raw, at) {
		t.Error("filed where nothing is")
	}
}
