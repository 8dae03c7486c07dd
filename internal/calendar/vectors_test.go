package calendar

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"relanced/internal/vectortest"
)

var spoken = map[string]string{
	"45 days then end of month":     "45d_eom",
	"end of month then 45 days":     "eom_45d",
	"30 days end of month the 10th": "30d_eom_10",
	"60 days net":                   "60d",
	"30 days net":                   "30d",
}

func TestTerms_vectors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"DUE-01", "DUE-02", "DUE-03"} {
		var in struct {
			Issue Date
			Terms []string
		}
		var want struct{ Due []Date }
		vectortest.Read(t, name, &in, &want)
		var got []Date
		for _, words := range in.Terms {
			terms, err := ParseTerms(spoken[words])
			if err != nil {
				t.Fatalf("%s: %v", words, err)
			}
			got = append(got, terms.Due(in.Issue))
		}
		if diff := cmp.Diff(want.Due, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestCap_vector(t *testing.T) {
	t.Parallel()
	type result struct {
		Issue, Due Date
		Periodic   bool
		Days       int
		Verdict    CapVerdict
	}
	var in struct {
		Cases []struct {
			Issue, Due Date
			Periodic   bool
		}
	}
	var want struct{ Results []result }
	vectortest.Read(t, "CAP-01", &in, &want)
	var got []result
	for _, c := range in.Cases {
		got = append(got, result{c.Issue, c.Due, c.Periodic, c.Due.DaysSince(c.Issue), Cap(c.Issue, c.Due, c.Periodic)})
	}
	if diff := cmp.Diff(want.Results, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHolidays_vector(t *testing.T) {
	t.Parallel()
	var in struct {
		Year   int
		Region Region
	}
	var want struct{ Holidays []Date }
	vectortest.Read(t, "HOL-01", &in, &want)
	if diff := cmp.Diff(want.Holidays, in.Region.Holidays(in.Year)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNextWorkingDay_vector(t *testing.T) {
	t.Parallel()
	var in struct {
		Cases []struct {
			Due    Date
			Offset int
			Region Region
		}
	}
	var want struct{ Send []Date }
	vectortest.Read(t, "SND-01", &in, &want)
	var got []Date
	for _, c := range in.Cases {
		got = append(got, Calendar{}.With(c.Region).NextWorkingDay(c.Due.AddDays(c.Offset)))
	}
	if diff := cmp.Diff(want.Send, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
