package message

import (
	"strings"
	"testing"

	"relanced/internal/dossier"
	"relanced/internal/email"
)

func eml(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

const postfix = `Return-Path: <>
From: MAILER-DAEMON@mx.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

This is the mail system at host mx.example.

<bob@client.example>: host mx.client.example[192.0.2.1] said: STATUSTEXT
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Original-Envelope-Id: 0123456789abcdef

Final-Recipient: rfc822; bob@client.example
Original-Recipient: rfc822;bob@client.example
Action: ACTION
Status: STATUS
Diagnostic-Code: smtp; STATUSTEXT

--b
Content-Type: text/rfc822-headers

Message-ID: <r1.0123456789abcdef.0123456789abcdef@dupont.example>
Subject: Facture
--b--
`

func TestReport_classOfStandardNotices(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		action, status, text string
		want                 email.Failure
		code                 string
		hard, holds          bool
	}{
		{"failed", "5.1.1", "550 5.1.1 <bob@client.example>: user unknown", email.HardAddress, "5.1.1", true, true},
		{"failed", "5.0.0", "550 5.1.1 no such user", email.HardAddress, "5.1.1", true, true},
		{"failed", "5.0.0", "550 no such user here", email.HardAddress, "5.0.0", true, true},
		{"failed", "4.0.0", "550 5.1.2 bad domain", email.HardAddress, "5.1.2", true, true},
		{"failed", "5.2.2", "552 5.2.2 mailbox full", email.MailboxFull, "5.2.2", false, false},
		{"failed", "4.4.1", "connect to mx: Connection timed out", email.Expired, "4.4.1", false, false},
		{"failed", "5.7.1", "550 5.7.1 blocked, user unknown in spam list", email.Blocked, "5.7.1", false, true},
		{"failed", "5.4.1", "550 5.4.1 Recipient address rejected: Access denied", email.HardAddress, "5.4.1", true, true},
		{"failed", "5.7.133", "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", email.Restricted, "5.7.133", false, true},
		{"failed", "5.3.4", "552 5.3.4 message too big", email.TooBig, "5.3.4", false, false},
		{"failed", "5.0.0", "554 rejected", email.Blocked, "5.0.0", false, true},
		{"delayed", "4.2.0", "450 4.2.0 greylisted", email.Greylisted, "4.2.0", false, false},
	} {
		raw := strings.NewReplacer("ACTION", c.action, "STATUSTEXT", c.text).Replace(postfix)
		m := Parse(eml(strings.Replace(raw, "Status: STATUS", "Status: "+c.status, 1)))
		v := m.Judge(Context{})
		if v.Class != dossier.ClassBounce || m.Report == nil || len(m.Report.Recipients) != 1 {
			t.Errorf("%s %s: class %s, report %+v", c.status, c.text, v.Class, m.Report)
			continue
		}
		r := m.Report.Recipients[0]
		if r.Address != "bob@client.example" || r.Class != c.want || r.Status != c.code || r.Hard() != c.hard || v.Holds != c.holds || m.Report.Action() != c.action {
			t.Errorf("%s %q: got %+v hard %v holds %v", c.status, c.text, r, r.Hard(), v.Holds)
		}
		if m.Report.EnvelopeID != "0123456789abcdef" || len(m.Enclosed) != 1 {
			t.Errorf("envelope id %q, enclosed %d", m.Report.EnvelopeID, len(m.Enclosed))
		}
	}
}

func TestReport_noticesWithoutStatusPart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw, address, code string
		want               email.Failure
		action             string
	}{
		"exim": {`Return-Path: <>
From: Mail Delivery System <Mailer-Daemon@mx.example>
X-Failed-Recipients: bob@client.example
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  bob@client.example
    host mx.client.example [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<bob@client.example>:
    550 5.1.1 User unknown
`, "bob@client.example", "5.1.1", email.HardAddress, "failed"},
		"qmail": {`Return-Path: <>
From: MAILER-DAEMON@mx.example
Subject: failure notice

Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<bob@client.example>:
Sorry, no mailbox here by that name. 550 mailbox unavailable
`, "bob@client.example", "550", email.HardAddress, "failed"},
		"exchange in French": {`From: Postmaster <postmaster@client.example>
Subject: =?utf-8?Q?Non_remis=C2=A0:_Facture?=
Return-Path: <>

Informations de diagnostic pour les administrateurs :
Serveur de génération : ex.client.example

bob@client.example
#550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found ##
`, "bob@client.example", "5.1.10", email.HardAddress, "failed"},
		"delay": {`From: Mail Delivery System <mailer-daemon@mx.example>
Return-Path: <>
Subject: Warning: message 1abc delayed 24 hours

bob@client.example: 451 4.4.1 connection timed out
`, "bob@client.example", "4.4.1", email.Expired, "delayed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := Parse(eml(c.raw))
			v := m.Judge(Context{})
			if v.Class != dossier.ClassBounce || len(m.Report.Recipients) != 1 {
				t.Fatalf("class %s, %+v", v.Class, m.Report)
			}
			r := m.Report.Recipients[0]
			if r.Address != c.address || r.Status != c.code || r.Class != c.want || r.Action != c.action {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// A person who sends a failure notice along is a person.
func TestReport_noticeSentAlongByAPersonIsNoBounce(t *testing.T) {
	t.Parallel()
	m := Parse(eml(`From: Jean Client <jean@client.example>
Subject: votre message
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: text/plain

Bonjour, voyez ce que je reçois, merci de corriger mon adresse.
--o
Content-Type: message/rfc822

` + strings.NewReplacer("ACTION", "failed", "STATUSTEXT", "550 5.1.1 no", "STATUS", "5.1.1").Replace(postfix) + `
--o--
`))
	if v := m.Judge(Context{}); v.Class != dossier.ClassHuman || !v.Holds {
		t.Errorf("got %s %v %v", v.Class, v.Holds, v.Why)
	}
}
