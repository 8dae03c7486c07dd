package message

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relanced/internal/calendar"
)

type label struct {
	File     string
	Received string
	Country  string
	Class    string
	Holds    bool
	Language string
	NewText  string `json:"new_text"`
	Dates    []struct{ Earliest, Latest, What string }
	Client   string
}

func corpus(t *testing.T, name string) (string, []label) {
	t.Helper()
	dir, _ := os.Getwd()
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the package")
		}
		dir = up
	}
	dir = filepath.Join(dir, "..", "shared", "corpus", name)
	f, err := os.Open(filepath.Join(dir, "labels.jsonl"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the corpus %s is missing: %v", name, err)
		}
		t.Skipf("the corpus %s is not here", name)
	}
	defer f.Close()
	var out []label
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var l label
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	return dir, out
}

func collapse(s string) string {
	return strings.Join(strings.Fields(tidy(strings.ReplaceAll(s, "\n", " "))), " ")
}

func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(x); i++ {
		prev := row[0]
		row[0] = i
		for j := 1; j <= len(y); j++ {
			cost := prev
			if x[i-1] != y[j-1] {
				cost++
			}
			prev = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(y)]
}

func TestNewText_ofTheCorpora(t *testing.T) {
	for _, name := range []string{"replies_fr", "replies_intl"} {
		t.Run(name, func(t *testing.T) {
			dir, labels := corpus(t, name)
			good := 0
			for _, l := range labels {
				raw, err := os.ReadFile(filepath.Join(dir, l.File))
				if err != nil {
					t.Fatal(err)
				}
				got := collapse(Parse(raw).newText(Outgoing{}).Text)
				want := collapse(l.NewText)
				if d := distance(got, want); d*10 <= len([]rune(want)) {
					good++
				} else if os.Getenv("SHOW") != "" {
					fmt.Printf("%s %s %s\n  got  %q\n  want %q\n", l.File, l.Class, l.Client, got, want)
				}
			}
			t.Logf("%s: new text right for %d of %d (%.1f %%)", name, good, len(labels), 100*float64(good)/float64(len(labels)))
			if good*100 < 93*len(labels) {
				t.Errorf("below 93 %%")
			}
		})
	}
}

func (l label) context(t *testing.T) Context {
	t.Helper()
	at, err := time.Parse(time.RFC3339, l.Received)
	if err != nil {
		t.Fatal(err)
	}
	return Context{ReceivedOn: calendar.DateOf(at), Country: l.Country}
}

// What must never happen is that a message that has to hold does not. A class
// beside the labelled one is counted, and only shown.
func TestJudge_ofTheCorpora(t *testing.T) {
	for _, name := range []string{"replies_fr", "replies_intl"} {
		t.Run(name, func(t *testing.T) {
			dir, labels := corpus(t, name)
			classes, languages, returns, dated, human, heard, machine, spared := 0, 0, 0, 0, 0, 0, 0, 0
			for _, l := range labels {
				raw, err := os.ReadFile(filepath.Join(dir, l.File))
				if err != nil {
					t.Fatal(err)
				}
				v := Parse(raw).Judge(l.context(t))
				if l.Class == "human" || l.Class == "probable_auto" {
					if human++; v.Holds {
						heard++
					} else {
						t.Errorf("%s: %s message does not hold: %v", l.File, l.Class, v.Why)
					}
				} else if l.Holds && !v.Holds {
					t.Errorf("%s: %s that holds does not: %v", l.File, l.Class, v.Why)
				}
				if !l.Holds {
					if machine++; !v.Holds {
						spared++
					}
				}
				if l.Class == string(v.Class) {
					classes++
				}
				if l.Class != string(v.Class) || l.Holds != v.Holds {
					t.Logf("%s: labelled %s %v, judged %s %v: %v", l.File, l.Class, l.Holds, v.Class, v.Holds, v.Why)
				}
				if v.Language == l.Language {
					languages++
				} else {
					t.Logf("%s: language %s, want %s", l.File, v.Language, l.Language)
				}
				for _, d := range l.Dates {
					if d.What != "return" {
						continue
					}
					dated++
					if got := v.ReturnOn.String(); got >= d.Earliest && got <= d.Latest {
						returns++
					} else {
						t.Errorf("%s: return on %q, want %s to %s: %q", l.File, got, d.Earliest, d.Latest, l.NewText)
					}
				}
			}
			n := len(labels)
			t.Logf("%s: human or doubtful held %d of %d; class right %d of %d (%.1f %%); not held where nothing is to do %d of %d; return date %d of %d; language %d of %d",
				name, heard, human, classes, n, 100*float64(classes)/float64(n), spared, machine, returns, dated, languages, n)
		})
	}
}
