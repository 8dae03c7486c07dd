package main

import (
	"testing"
	"time"

	"relanced/configs"
	"relanced/internal/calendar"
	"relanced/internal/daemon"
)

// TestAhead_countsFromTheCompaniesToday: shortly before midnight in London it is
// tomorrow in Paris.
func TestAhead_countsFromTheCompaniesToday(t *testing.T) {
	t.Parallel()
	zone := func(name string) *daemon.Company {
		z, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return &daemon.Company{Company: &configs.Company{Zone: z}}
	}
	paris, london := zone("Europe/Paris"), zone("Europe/London")
	now := time.Date(2026, 11, 24, 23, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		on        string
		first     int
		companies []*daemon.Company
		ok        bool
	}{
		{"2026-11-24", 0, []*daemon.Company{paris}, false},
		{"2026-11-25", 0, []*daemon.Company{paris}, true},
		{"2026-11-25", 1, []*daemon.Company{paris}, false},
		{"2026-11-26", 1, []*daemon.Company{paris}, true},
		{"2026-11-24", 0, []*daemon.Company{paris, london}, true},
		{"2026-11-23", 0, []*daemon.Company{paris, london}, false},
	} {
		err := date{calendar.MustParse(c.on)}.ahead("--on", c.first, "write another", c.companies, now)
		if (err == nil) != c.ok || err != nil && codeOf(err) != exitUsage {
			t.Errorf("%s, first %d, %d companies: %v", c.on, c.first, len(c.companies), err)
		}
	}
	if err := (date{}).ahead("--until", 1, "", []*daemon.Company{paris}, now); err != nil {
		t.Errorf("no day: %v", err)
	}
}
