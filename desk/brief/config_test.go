package brief

import (
	"testing"

	"relanced/internal/conf"
)

func TestConfig_goesToTheTeam(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"brief: {to: [a@dupont.example]}":                           "",
		"other: 1":                                                  "",
		"brief: {to: [b@dupont.example]}":                           "brief.to[0]: b@dupont.example is not on the team: answers from there are refused",
		"brief: {to: [a@dupont.example, A@dupont.example]}":         "brief.to[1]: A@dupont.example is listed twice",
		"brief: {max_items: 3}":                                     "brief.to: the brief goes to nobody: write to: [ADDRESS], or remove it",
		"brief: {to: [a@dupont.example], max_items: 0}":             "brief.max_items: 0 drafts in full: write at least 1",
		"brief: {to: [\"a@dupont.example\\r\\nBcc: x@y.example\"]}": "brief.to[0]: \"a@dupont.example Bcc: x@y.example\" is no e-mail address: '@' before the @",
	} {
		var p conf.Problems
		n, ok := conf.Parse("a.yaml", []byte(text), &p)
		if !ok {
			t.Fatal(p.Err())
		}
		var c Config
		at := n.On(&p).At("brief")
		if entry, there := n.Get("brief"); there {
			entry.Decode(at, &c)
		}
		c.Check([]Member{{Email: "a@dupont.example"}}, at)
		got := ""
		for _, problem := range append(p.List(), p.Warnings()...) {
			got += problem.Path + ": " + problem.Text
		}
		if got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestMember_mayDoWhatIsListed(t *testing.T) {
	t.Parallel()
	if (Member{}).Can(MayHold) || !(Member{May: []Right{MayHold}}).Can(MayHold) ||
		(Member{May: []Right{MayHold}}).Can(MayApprove) || !(Member{May: []Right{MayAll}}).Can(MayApprove) {
		t.Error("rights are mixed up")
	}
}
