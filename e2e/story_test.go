package e2e

import (
	"bytes"
	"fmt"
	"image/png"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
)

// TestStory is the main job from end to end, on SQLite with one daemon: books
// read from a file and from an API, steps previewed, the work list answered by
// mail, reminders sent, and each sort of answer heard.
func TestStory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	story(w, 1)
}

// story tells it with so many daemons on one database.
func story(w *world, daemons int) {
	t := w.t
	w.brief = true
	w.config = w.write("relanced.yaml")
	fec := w.ledger(
		debtor{"C001", "Durand Matériaux", "achats@durand.example", "FA-101", 120_000},
		debtor{"C002", "Moulin Blanc", "bounce@moulin.example", "FA-102", 48_000},
		debtor{"C003", "Garage Leroy", "garage@leroy.example", "FA-103", 36_050},
		debtor{"C004", "Imprimerie Roux", "roux@roux.example", "FA-104", 75_000},
		debtor{"C005", "Sans Adresse", "", "FA-105", 99_000},
	)
	w.customer("P001", "Boulangerie Petit", "petit@petit.example", "PL-201", 54_000)
	w.customer("P002", "Cabinet Lefèvre", "lefevre@lefevre.example", "PL-202", 132_000)

	// The books.
	if in := one[importRow](w, "import", "exports", fec); in.New != 5 || in.Rejected != 0 {
		t.Fatalf("import: %+v", in)
	}
	for _, s := range rows[syncRow](w, "sync", "compta") {
		if !s.OK || s.New == 0 {
			t.Fatalf("sync: %+v", s)
		}
	}
	next := map[string]verdictRow{}
	for _, v := range rows[verdictRow](w, "preview", "--until", day(1).String()) {
		if _, seen := next[v.Customer]; !seen {
			next[v.Customer] = v
		}
	}
	for _, code := range []string{"C001", "C002", "C003", "C004", "P001", "P002"} {
		if v := next[code]; v.Verdict != "act" || v.step() != "first" {
			t.Errorf("preview of %s: %+v", code, v)
		}
	}
	if v := next["C005"]; v.reason() != "no_address" {
		t.Errorf("preview of C005: %+v", v)
	}

	// Nothing unasked before somebody has seen the first list.
	w.do("remind")
	if n := len(rows[outboxRow](w, "outbox")); n != 0 {
		t.Fatalf("%d messages before anybody confirmed", n)
	}
	if v := one[verdictRow](w, "why", "C001"); v.reason() != "first_run" {
		t.Errorf("why before confirm: %+v", v)
	}
	if r := w.command("confirm", "exports"); r.code != 2 {
		t.Errorf("confirm without a terminal and without --yes: exit %d", r.code)
	}
	w.do("confirm", "exports", "--yes")
	w.do("confirm", "compta", "--yes")

	var nodes []*process
	for range daemons {
		nodes = append(nodes, w.daemon())
	}

	until(t, 90*time.Second, "proposed", func() bool { return len(rows[outboxRow](w, "outbox", "--state", "draft")) == 6 })

	// The work list arrives and is answered.
	list := w.list(func(l letter) bool { return len(numbers(l)) == 6 })
	held := numbers(list)["C003"]
	reply, _ := answer("marie@dupont.example", "Marie Petit", list, fmt.Sprintf("ok sauf %d", held))
	w.post.send("marie@dupont.example", "compta@dupont.example", reply)
	for user, address := range map[string]string{"achats": "achats@durand.example", "roux": "roux@roux.example", "petit": "petit@petit.example", "lefevre": "lefevre@lefevre.example"} {
		w.await(user, 1)
		checkReminder(t, w.post.letters(user, "INBOX")[0], address)
	}
	if n := len(w.post.letters("garage", "INBOX")); n != 0 {
		t.Errorf("what was excepted left: %d", n)
	}
	if row := w.message("C003"); row.State != "draft" {
		t.Errorf("what was excepted is %s", row.State)
	}

	// A customer answers with another program: held within seconds, and the
	// answer stays as it was.
	before := traces(w.post.letters("compta", "INBOX"))
	reminder := w.post.letters("achats", "INBOX")[0]
	text := "Bonjour,\n\nLe virement partira mardi, merci de votre patience.\n\nClaire Durand"
	reply, mid := answer("achats@durand.example", "Claire Durand", reminder, text)
	sent := time.Now()
	w.post.send("achats@durand.example", "compta@dupont.example", reply)
	until(t, 10*time.Second, "held", func() bool { return w.held("C001") })
	t.Logf("held %s after the answer was handed in", time.Since(sent).Round(time.Millisecond))
	after := w.post.letters("compta", "INBOX")
	if i := slices.IndexFunc(after, func(l letter) bool { return l.head.Get("Message-Id") == mid }); i < 0 || slices.Contains(after[i].flags, imap.FlagSeen) {
		t.Errorf("the answer is not where it was, unread: %d", i)
	}
	for _, trace := range before {
		if !slices.Contains(traces(after), trace) {
			t.Errorf("a message of the mailbox changed: %s", trace)
		}
	}
	v := one[verdictRow](w, "why", "C001")
	if v.reason() != "replied" || !strings.Contains(fmt.Sprint(v.Because, v.Facts), "virement partira mardi") {
		t.Errorf("why: %+v", v)
	}
	if strings.Contains(fmt.Sprint(v.Because, v.Facts), "De :") {
		t.Errorf("the quoted text is shown as new: %+v", v)
	}

	// A notice of failure marks the address.
	until(t, 30*time.Second, "bounced", func() bool { return w.why("C002").reason() == "bounced" || w.why("C002").reason() == "no_address" })
	if !slices.ContainsFunc(rows[taskRow](w, "tasks"), func(r taskRow) bool { return r.Customer != nil && *r.Customer == "C002" }) {
		t.Error("nobody is asked to correct the address")
	}

	// An absence notice does not hold.
	reminder = w.post.letters("petit", "INBOX")[0]
	w.post.send("", "compta@dupont.example", absence("petit@petit.example", reminder))
	until(t, 20*time.Second, "heard", func() bool { return w.replied("P001") != "" })
	if class := w.replied("P001"); class != "auto_reply" || w.held("P001") {
		t.Errorf("absence: class %s, held %v", class, w.held("P001"))
	}

	// A colleague's own message in Sent does.
	w.post.file("compta", "Sent", colleague("roux@roux.example"))
	until(t, 90*time.Second, "held by a conversation", func() bool { return w.why("C004").reason() == "conversation" })

	for _, n := range nodes {
		n.stop()
	}
	if n := len(w.post.letters("compta", "Sent")); n < 6 { // five reminders and what the colleague wrote
		t.Errorf("%d messages in Sent", n)
	}

	// Another run sends nothing to them.
	w.do("remind")
	w.do("remind")
	for _, user := range []string{"achats", "roux", "petit", "lefevre"} {
		if n := len(w.post.letters(user, "INBOX")); n != 1 {
			t.Errorf("%s has %d messages", user, n)
		}
	}
	kinds := map[string]bool{}
	for _, e := range rows[eventRow](w, "timeline", "C001") {
		kinds[e.Kind] = true
	}
	for _, kind := range []string{"proposed", "approved", "sent", "replied", "held"} {
		if !kinds[kind] {
			t.Errorf("the timeline lacks %q: %v", kind, kinds)
		}
	}
	checkStatus(w)
	if missteps := w.books.Missteps(); len(missteps) > 0 {
		t.Errorf("the accounting software was asked what it should not be: %v", missteps)
	}
}

// list waits for a work list that Marie finds in her mailbox and that is good.
// Reminders are decided once a minute.
func (w *world) list(good func(letter) bool) letter {
	w.t.Helper()
	var found letter
	until(w.t, 2*time.Minute, "a work list as expected", func() bool {
		for _, l := range slices.Backward(w.post.letters("marie", "INBOX")) {
			if good(l) {
				found = l
				return true
			}
		}
		return false
	})
	if auto := found.head.Get("Auto-Submitted"); !strings.HasPrefix(auto, "auto-generated") {
		w.t.Errorf("the work list's Auto-Submitted is %q", auto)
	}
	return found
}

var numbered = regexp.MustCompile(`(?m)^(\d+)\. (.+) \((\S+)\), (.+)$`)

// numbers are the numbers of the drafts in a work list, by customer.
func numbers(l letter) map[string]int {
	found := map[string]int{}
	for _, m := range numbered.FindAllStringSubmatch(strings.ReplaceAll(l.text("text/plain"), "\r\n", "\n"), -1) {
		var n int
		if _, err := fmt.Sscan(m[1], &n); err == nil {
			found[m[3]] = n
		}
	}
	return found
}

// await waits until a customer has that many messages.
func (w *world) await(user string, n int) {
	w.t.Helper()
	until(w.t, 60*time.Second, fmt.Sprintf("%d messages at %s", n, user), func() bool { return len(w.post.letters(user, "INBOX")) >= n })
}

// message is the newest message to the customer.
func (w *world) message(code string) outboxRow {
	w.t.Helper()
	var found outboxRow
	for _, row := range rows[outboxRow](w, "outbox") {
		if row.customer() == code {
			found = row
		}
	}
	return found
}

func (w *world) held(code string) bool {
	w.t.Helper()
	for _, c := range rows[customerRow](w, "customers") {
		if c.Customer == code {
			return c.Held
		}
	}
	return false
}

func (w *world) why(name string) verdictRow {
	w.t.Helper()
	all := rows[verdictRow](w, "why", name)
	if len(all) == 0 {
		return verdictRow{}
	}
	return all[0]
}

// replied is the class of the newest message of a customer, "" for none.
func (w *world) replied(code string) string {
	w.t.Helper()
	for _, r := range rows[replyRow](w, "replies") {
		if r.Customer != nil && *r.Customer == code {
			return r.Class
		}
	}
	return ""
}

func traces(letters []letter) []string {
	var all []string
	for _, l := range letters {
		all = append(all, l.hash())
	}
	return all
}

// checkReminder looks at a message as a mail program does.
func checkReminder(t *testing.T, l letter, to string) {
	t.Helper()
	for _, name := range []string{"From", "To", "Subject", "Date", "Message-Id"} {
		if l.head.Get(name) == "" {
			t.Errorf("the reminder has no %s", name)
		}
	}
	if !strings.Contains(l.head.Get("To"), to) || !strings.Contains(l.head.Get("From"), "compta@dupont.example") {
		t.Errorf("from %q to %q", l.head.Get("From"), l.head.Get("To"))
	}
	text, page := l.text("text/plain"), l.text("text/html")
	if !strings.Contains(text, "FR76") || !strings.Contains(page, "<table") {
		t.Errorf("the text lacks the bank details or the page its table:\n%s", text)
	}
	for _, p := range l.parts {
		if p.kind != "image/png" {
			continue
		}
		if p.cid == "" || !strings.Contains(page, "cid:"+p.cid) {
			t.Errorf("the picture %q is not shown by the page", p.cid)
		}
		if _, err := png.Decode(bytes.NewReader(p.body)); err != nil {
			t.Errorf("the picture: %v", err)
		}
		return
	}
	t.Error("there is no code to pay by")
}

// checkStatus wants everything fresh and nothing unknown.
func checkStatus(w *world) {
	w.t.Helper()
	s := one[statusRow](w, "status")
	for _, c := range s.Connections {
		if c.State != "fresh" || c.Error != nil {
			w.t.Errorf("connection %s is %s", c.Name, c.State)
		}
	}
	for _, b := range s.Mailboxes {
		if b.State != "fresh" || b.Error != nil {
			w.t.Errorf("mailbox %s is %s", b.Name, b.State)
		}
	}
	if s.Outbox["unknown"] != 0 || s.Outbox["armed"] != 0 {
		w.t.Errorf("outbox: %v", s.Outbox)
	}
}

// absence is the notice of somebody who is away.
func absence(from string, to letter) string {
	return fmt.Sprintf(`From: <%s>
To: compta@dupont.example
Subject: Absence : %s
Date: %s
Message-ID: %s
In-Reply-To: %s
References: %s
Auto-Submitted: auto-replied (vacation)
X-Auto-Response-Suppress: All
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Bonjour,

Je suis absente jusqu'au %s. Je vous répondrai à mon retour.
`, from, to.head.Get("Subject"), time.Now().Format(time.RFC1123Z), newMID("petit.example"), to.head.Get("Message-Id"), to.head.Get("Message-Id"), frenchDay(day(12).Time(time.UTC)))
}

func frenchDay(t time.Time) string {
	months := []string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}
	return fmt.Sprintf("%d %s %d", t.Day(), months[t.Month()-1], t.Year())
}

// colleague is what somebody of the company wrote to a customer by hand.
func colleague(to string) string {
	return fmt.Sprintf(`From: Comptabilité Dupont <compta@dupont.example>
To: <%s>
Subject: Votre appel de ce matin
Date: %s
Message-ID: %s
User-Agent: Mozilla Thunderbird
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8; format=flowed

Bonjour,

Comme convenu au téléphone, je regarde votre question sur la livraison.

Paul
`, to, time.Now().Format(time.RFC1123Z), newMID("dupont.example"))
}
