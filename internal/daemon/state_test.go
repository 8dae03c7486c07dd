package daemon

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/internal/store"
)

func TestVanished_isAProblemForAWeekAfterTheLastOne(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	since := now.AddDate(0, 0, -10)
	got := vanished("courrier", []store.Folder{
		{Name: "INBOX", Vanished: 3, VanishedSince: since, VanishedAt: now.AddDate(0, 0, -2)},
		{Name: "Clients", Vanished: 1, VanishedSince: since, VanishedAt: now},
		{Name: "Vieux", Vanished: 9, VanishedSince: since, VanishedAt: now.AddDate(0, 0, -8)},
		{Name: "Archive"},
	}, now)
	do := "where a rule or a person files mail of customers in another folder, add that to the mailbox's `folders`"
	want := []Problem{
		{"mailbox courrier: 3 messages left the folder INBOX before they were read", since, do},
		{"mailbox courrier: a message left the folder Clients before it was read", since, do},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
