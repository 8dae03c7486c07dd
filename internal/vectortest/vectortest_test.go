package vectortest

import "testing"

func TestAll_findsTheFortyVectors(t *testing.T) {
	t.Parallel()
	vectors := All(t)
	if len(vectors) != 40 {
		t.Errorf("found %d vectors, want 40", len(vectors))
	}
	var input struct {
		Issue string
		Terms []string
	}
	var expected struct{ Due []string }
	Read(t, "DUE-01", &input, &expected)
	if input.Issue != "2026-01-15" || len(expected.Due) != 2 {
		t.Errorf("read %+v and %+v", input, expected)
	}
}

func TestParse_refusesADamagedReference(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no marks":  "#### X-01 — a\n```json\n{}\n```\n",
		"no end":    "<!-- vectors:begin -->",
		"no JSON":   "<!-- vectors:begin -->\n#### X-01 — a\n<!-- vectors:end -->",
		"twice":     "<!-- vectors:begin -->\n#### X-01 — a\n```json\n{}\n```\n#### X-01 — a\n```json\n{}\n```\n<!-- vectors:end -->",
		"not there": "",
	} {
		if _, err := parse(text); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
