package customersfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/internal/receivable"
)

func TestParse_everyColumn(t *testing.T) {
	t.Parallel()
	body := "code;connection;name;emails;cc;contact;phone;language;kind;siren;terms;payment_method;owner;plan;payer;tags;do_not_contact;siret;service_code;portal;order_ref\n" +
		"C1;books;Société Été;a@x.fr|b@x.fr;c@x.fr;Mme Petit;01;FR-fr;public;732 829 320;45D_EOM;cheque;MP;slow;HQ;vip|gros;oui;73282932000074;SC;chorus;PO1\n"
	want := []Row{{
		Line: 2, Code: "C1", Connection: "books", Name: "Société Été", Emails: []string{"a@x.fr", "b@x.fr"}, CC: []string{"c@x.fr"},
		Contact: "Mme Petit", Phone: "01", Language: "fr", Kind: receivable.KindPublic, SIREN: "732829320", Terms: "45d_eom",
		Method: receivable.MethodCheque, Owner: "MP", Plan: "slow", Payer: "HQ", Tags: []string{"vip", "gros"}, DoNotContact: true,
		SIRET: "73282932000074", ServiceCode: "SC", Portal: "chorus", OrderRef: "PO1",
	}}
	windows := strings.NewReplacer("é", "\xe9", "É", "\xc9").Replace(body)
	for name, text := range map[string]string{
		"UTF-8": body, "mark": "\ufeff" + body, "Windows-1252": windows, "commas": strings.ReplaceAll(body, ";", ","),
		"CRLF": strings.ReplaceAll(body, "\n", "\r\n"),
	} {
		f, err := Parse([]byte(text))
		if err != nil || len(f.Problems) > 0 {
			t.Errorf("%s: %v %v", name, err, f.Problems)
		}
		if diff := cmp.Diff(want, f.Rows); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestParse_aBadCellIsToldAndTheRestOfItsRowKept(t *testing.T) {
	t.Parallel()
	for column, cell := range map[string]string{
		"emails": "not an address", "cc": "x@y", "kind": "firm", "terms": "soon", "language": "French",
		"payment_method": "gold", "siren": "12", "siret": "x", "do_not_contact": "perhaps", "payer": "C1",
	} {
		f, err := Parse([]byte("code;name;" + column + "\nC1;Durand;" + cell + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Problems) != 1 || f.Problems[0].Line != 2 || f.Problems[0].Column != column {
			t.Errorf("%s: problems %v", column, f.Problems)
		}
		if len(f.Rows) != 1 || f.Rows[0].Name != "Durand" {
			t.Errorf("%s: rows %v", column, f.Rows)
		}
	}
}

func TestParse_linesWithoutAUsableCodeAreLeftOut(t *testing.T) {
	t.Parallel()
	f, err := Parse([]byte("code;connection;name;colour\nC1;;a;red\n;;b;\nC1;;c;\nC1;books;d;\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Rows) != 2 || f.Rows[1].Name != "d" || len(f.Problems) != 3 {
		t.Errorf("rows %v, problems %v", f.Rows, f.Problems)
	}
	if _, err := Parse([]byte("name;emails\nx;y\n")); err == nil {
		t.Error("a file without codes was taken")
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "clients.csv")
	put := func(body string) {
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("code\nC1\n")
	now := time.Now()
	steps := []struct {
		body string
		want bool
	}{{"", true}, {"", false}, {"code\nC2\n", true}, {"code\nC2\n", false}}
	var mark Mark
	for i, step := range steps {
		if step.body != "" {
			put(step.body) // same size, perhaps the same time: the content tells
		}
		changed, next, err := Changed(path, mark, now)
		if err != nil || changed != step.want {
			t.Errorf("step %d: %v, %v", i, changed, err)
		}
		mark = next
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("code;emails\nC1;a@x.fr|b\n"))
	f.Add([]byte("sep=,\ncode,name\n\"C1,x\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		file, err := Parse(body)
		if err != nil {
			return
		}
		for _, r := range file.Rows {
			if r.Code == "" {
				t.Error("a row without code")
			}
			for _, email := range append(r.Emails, r.CC...) {
				if strings.ContainsAny(email, " \t\r\n") {
					t.Errorf("address %q", email)
				}
			}
		}
	})
}
