package sandbox

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRun_tellsTheWholeStoryOnce wants each turn of the story to happen, in the
// program and not only in the telling.
func TestRun_tellsTheWholeStoryOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	dir := t.TempDir()
	if err := Run(t.Context(), Options{Once: true, JSON: true, Dir: dir, Out: &out}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	var events []event
	for line := range strings.Lines(out.String()) {
		var e event
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		events = append(events, e)
	}
	count := func(kind string, who int) int {
		n := 0
		for _, e := range events {
			if e.Event == kind && (who == nobody || e.Customer != nil && *e.Customer == customers[who].code) {
				n++
			}
		}
		return n
	}
	for _, want := range []struct {
		kind string
		who  int
	}{
		{"synced", nobody},
		{"first_list", nobody},
		{"confirmed", nobody},
		{"briefed", nobody},
		{"answered", nobody},
		{"proposed", pays},
		{"approved", pays},
		{"sent", pays},
		{"paid", pays},
		{"thanked", pays},
		{"replied", promises},
		{"held", promises},
		{"promised", promises},
		{"paid", promises},
		{"replied", disputes},
		{"held", disputes},
		{"disputed", disputes},
		{"absent", absent},
		{"bounced", bounces},
		{"held", bounces},
		{"colleague", talks},
		{"held", talks},
		{"held", probablyPaid},
		{"credited", credited},
		{"sent", credited},
		{"sent", public},
		{"approved", paysInTime},
		{"withdrawn", paysInTime},
	} {
		if count(want.kind, want.who) == 0 {
			name := ""
			if want.who != nobody {
				name = customers[want.who].code
			}
			t.Errorf("the story lacks %s %s", want.kind, name)
		}
	}
	if n := count("sent", paysInTime); n != 0 {
		t.Errorf("who paid in time got %d reminders", n)
	}
	for _, who := range []int{disputes, bounces, probablyPaid} {
		if n := count("sent", who); n != 1 {
			t.Errorf("%s got %d reminders", customers[who].code, n)
		}
	}
	if count("held", absent) != 0 {
		t.Error("an absence notice holds")
	}
	if events[len(events)-1].Folder != dir {
		t.Errorf("the last event names no folder: %+v", events[len(events)-1])
	}
	mails, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	if err != nil || len(mails) < 20 {
		t.Errorf("%d mails, %v", len(mails), err)
	}
	if page, err := os.ReadFile(filepath.Join(dir, "index.html")); err != nil || !bytes.Contains(page, []byte("CARP")) {
		t.Errorf("index.html: %v", err)
	}
	if t.Failed() {
		t.Log(out.String())
	}
}
