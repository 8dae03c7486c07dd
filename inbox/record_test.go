package inbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/inbox/mailbox"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/email/emailtest"
)

// notice is a failure notice as a standard one looks.
func notice(to, status, said, mid string) string {
	return fmt.Sprintf("From: MAILER-DAEMON@mx.example\r\nTo: compta@dupont.example\r\nSubject: Undelivered Mail Returned to Sender\r\nMessage-ID: <%s@mx.example>\r\nDate: %s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"+
		"--b\r\nContent-Type: text/plain\r\n\r\nIt failed.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; %s\r\nAction: failed\r\nStatus: %s\r\nDiagnostic-Code: smtp; %s\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: %s\r\nSubject: rappel\r\n\r\n--b--\r\n",
		email.NewID(), time.Now().Format(time.RFC1123Z), to, status, said, mid)
}

// TestReader_effects: what each sort of message means for the customer.
func TestReader_effects(t *testing.T) {
	t.Parallel()
	server, err := emailtest.NewIMAP(emailtest.IMAPConfig{Users: map[string]string{"compta@dupont.example": "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	codes := []string{"adresse", "saturee", "bloque1", "bloque2", "bloque3", "ailleurs", "depart", "transfert", "interne", "etranger", "equipe"}
	w := newWorld(t, codes...)
	sent := map[string]reminder{}
	for _, code := range codes {
		sent[code] = w.remind(code, "contact@"+code+".example", dossier.StateSent)
	}
	put := func(raw string) {
		if !server.Put("compta@dupont.example", "INBOX", []byte(raw), time.Now()) {
			t.Fatal("not filed")
		}
	}
	own, marie := "compta@dupont.example", "marie@dupont.example"
	token := w.keys.Sign(email.Token{ID: email.NewID(), For: marie, Expires: time.Now().Add(time.Hour)})
	put(notice("contact@adresse.example", "5.1.1", "550 5.1.1 User unknown", sent["adresse"].mid))
	put(notice("contact@saturee.example", "4.2.2", "452 4.2.2 Mailbox full", sent["saturee"].mid))
	for _, code := range []string{"bloque1", "bloque2", "bloque3"} {
		put(notice("contact@"+code+".example", "5.7.1", "550 5.7.1 Message blocked as spam", sent[code].mid))
	}
	put(notice("autre@redirige.example", "5.1.1", "550 5.1.1 User unknown", sent["ailleurs"].mid))
	put(letter("contact@depart.example", own, "Réponse automatique", "Auto-Submitted: auto-replied\r\nIn-Reply-To: "+sent["depart"].mid, "Madame Durand a quitté la société. Écrivez à paul@depart.example.\n"))
	put(letter(marie, own, "TR: votre facture", "", "Pour info.\n\nDe : contact@transfert.example\nEnvoyé : lundi\nÀ : Marie\nObjet : votre facture\n\nJe conteste la facture.\n"))
	put(letter(marie, own, "F-2026-interne", "", "Qui appelle le client pour la facture F-2026-interne ?\n"))
	put(letter("contact@etranger.example", own, "RE: liste", "", "ok\n> "+token+"\n"))
	put(letter(marie, own, "Absence", "Auto-Submitted: auto-replied", "Je suis absente.\n> "+token+"\n"))
	r := w.reader(mailbox.Account{User: own, Password: "secret", Host: server.Host, Port: server.Port, TLS: mailbox.NoTLS})
	read(t, r)

	for code, want := range map[string]struct {
		holds   []dossier.Reason
		bounced int
		tasks   int
	}{
		"adresse":   {[]dossier.Reason{}, 1, 1},
		"saturee":   {[]dossier.Reason{}, 0, 0}, // sent again by itself
		"bloque1":   {[]dossier.Reason{dossier.Blocked}, 0, 1},
		"bloque3":   {[]dossier.Reason{dossier.Blocked}, 0, 1},
		"ailleurs":  {[]dossier.Reason{}, 0, 0},
		"depart":    {[]dossier.Reason{dossier.Replied}, 0, 1},
		"transfert": {[]dossier.Reason{dossier.Replied}, 0, 0},
		"interne":   {[]dossier.Reason{}, 0, 0},
		"etranger":  {[]dossier.Reason{dossier.Replied}, 0, 0},
		"equipe":    {[]dossier.Reason{}, 0, 0},
	} {
		d := w.dossier(code)
		if diff := cmp.Diff(want.holds, w.holds(code)); diff != "" || len(d.Bounced) != want.bounced || len(d.Tasks) != want.tasks {
			t.Errorf("%s: holds %v, bounced %+v, tasks %+v", code, w.holds(code), d.Bounced, d.Tasks)
		}
	}
	if reply := w.dossier("transfert").Replies[0]; reply.From != "contact@transfert.example" || reply.Quote != "Transféré par marie@dupont.example : Je conteste la facture." {
		t.Errorf("what was forwarded: %+v", reply)
	}
	if reply := w.dossier("adresse").Replies[0]; reply.Quote != "contact@adresse.example 5.1.1 550 5.1.1 User unknown" {
		t.Errorf("failure notice: %+v", reply)
	}
	boxes, err := w.store.Mailboxes(t.Context(), company)
	if err != nil || boxes[0].BlockedAt.IsZero() {
		t.Errorf("three refusals in a day do not stop the mailbox: %+v %v", boxes, err)
	}
	commands, err := w.store.PendingCommands(t.Context(), company)
	if err != nil || len(commands) != 1 || commands[0].From != "contact@etranger.example" {
		t.Errorf("commands %+v %v", commands, err)
	}
}
