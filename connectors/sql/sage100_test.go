package sql_test

import (
	stdsql "database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relanced/connectors"
	"relanced/connectors/connectortest"
	"relanced/connectors/manifest"
	"relanced/connectors/sql"
	"relanced/internal/conf"
)

// sageSchema are the tables of Sage 100 as the manifest needs them. SQL Server
// itself is not among the servers of these tests: the same queries run on others.
const sageSchema = `
CREATE TABLE F_COMPTET (CT_Num VARCHAR(17) PRIMARY KEY, CT_Intitule VARCHAR(69), CT_Type SMALLINT, CT_Adresse VARCHAR(35), CT_Complement VARCHAR(35),
  CT_CodePostal VARCHAR(9), CT_Ville VARCHAR(35), CT_Pays VARCHAR(35), CT_Siret VARCHAR(15), CT_Identifiant VARCHAR(25), CT_Telephone VARCHAR(21),
  CT_EMail VARCHAR(69), cbModification TIMESTAMP NULL);
CREATE TABLE F_CONTACTT (CT_Num VARCHAR(17), CT_EMail VARCHAR(69));
CREATE TABLE F_JOURNAUX (JO_Num VARCHAR(7) PRIMARY KEY, JO_Type SMALLINT);
CREATE TABLE F_ECRITUREC (EC_No INTEGER PRIMARY KEY, JO_Num VARCHAR(7), JM_Date TIMESTAMP NULL, EC_Jour SMALLINT, EC_Piece VARCHAR(13), EC_RefPiece VARCHAR(17),
  EC_Intitule VARCHAR(69), CG_Num VARCHAR(13), CT_Num VARCHAR(17), EC_Sens SMALLINT, EC_Montant NUMERIC(24,6), EC_Echeance DATETIME_, EC_Lettre SMALLINT,
  EC_Lettrage VARCHAR(3), N_Devise SMALLINT, cbModification TIMESTAMP NULL);
INSERT INTO F_COMPTET VALUES ('DURAND', 'Durand SARL', 0, '1 rue Haute', '', '69001', 'Lyon', 'France', '73282932000074', 'FR44732829320', '0472000000', '', '2026-01-01 08:00:00');
INSERT INTO F_COMPTET VALUES ('ACIER', 'Acier et fils', 1, '', '', '', '', '', '', '', '', 'a@acier.example', '2026-01-01 08:00:00');
INSERT INTO F_CONTACTT VALUES ('DURAND', 'compta@durand.example');
INSERT INTO F_JOURNAUX VALUES ('VE', 1);
INSERT INTO F_JOURNAUX VALUES ('BQ', 2);
INSERT INTO F_JOURNAUX VALUES ('OD', 3)
`

// entry is a line on a customer's account; signed: a debit is positive.
type entry struct {
	no        int
	journal   string
	day       int
	piece     string
	cents     int64
	dueOn     string
	lettering string
}

func (e entry) insert(db *stdsql.DB, at string) error {
	sens, cents, lettre := 0, e.cents, 0
	if cents < 0 {
		sens, cents = 1, -cents
	}
	if e.lettering != "" {
		lettre = 1
	}
	due, account, currency := e.dueOn, "4110000", 0
	if due == "" {
		due = "1753-01-01"
	}
	if e.piece == "USD" {
		currency = 2
	}
	_, err := db.Exec(fmt.Sprintf("INSERT INTO F_ECRITUREC VALUES (%d, '%s', '2026-03-01', %d, '%s', '%s', 'L %s', '%s', 'DURAND', %d, %d.%02d, '%s', %d, '%s', %d, '%s')",
		e.no, e.journal, e.day, e.piece, ref(e.piece), e.piece, account, sens, cents/100, cents%100, due, lettre, e.lettering, currency, at))
	return err
}

func ref(piece string) string {
	if piece == "" {
		return ""
	}
	return "FA-" + piece
}

// sage opens a connector of the shipped manifest on another database, whose tables
// are like those of Sage 100.
func sage(t *testing.T, s server, entries []entry) (*stdsql.DB, *sql.Connector) {
	t.Helper()
	at, err := s.fresh()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(at.drop)
	db, err := stdsql.Open(at.driver, at.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, text := range strings.Split(strings.TrimSpace(strings.ReplaceAll(sageSchema, "DATETIME_", map[bool]string{true: "DATETIME", false: "TIMESTAMP"}[at.driver == "mysql"])), ";\n") {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range entries {
		if err := e.insert(db, "2026-03-31 18:00:00"); err != nil {
			t.Fatal(err)
		}
	}
	if err := at.grant(db); err != nil {
		t.Fatal(err)
	}
	shipped, err := fs.ReadFile(sql.Manifests(), "sage100.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sage100.yaml")
	text := strings.Replace(string(shipped), "driver: sqlserver", "driver: [postgres, mysql]\npage: 3", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := sql.New(&sql.Spec{Manifest: manifest.Name(path), DSN: conf.SecretOf(at.readDSN)}, connectors.Env{
		Connection: "usine", Timeout: 20 * time.Second, Company: connectors.Company{Currency: "EUR", Terms: "30d", Zone: time.UTC},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return db, c
}

// pull makes one pass into the mirror.
func pull(t *testing.T, c connectors.Connector, m *connectortest.Mirror) {
	t.Helper()
	for page, err := range c.Pull(t.Context(), m.Cursor) {
		if err == nil {
			err = m.Apply(page)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(m.Bad) > 0 {
		t.Fatalf("rejected: %v", m.Bad)
	}
}

// told is what was read, one line for each thing.
func told(m *connectortest.Mirror) map[string]string {
	lines := map[string]string{}
	for id, d := range m.Documents {
		text := fmt.Sprintf("%s %s of %s, %s", d.Kind, d.Outstanding, d.Total, d.IssuedOn)
		for _, due := range d.Dues {
			text += fmt.Sprintf("; %s %s", due.On, due.Outstanding)
			if due.Estimated {
				text += " estimated"
			}
		}
		if d.Standing != "" {
			text += "; " + string(d.Standing)
		}
		lines[id+" "+d.Number] = text
	}
	for id, p := range m.Payments {
		lines[id+" "+p.Label] = fmt.Sprintf("payment %s, %s free, %s", p.Amount, p.Unallocated, p.On)
	}
	return lines
}

func testSage(t *testing.T, s server) {
	t.Helper()
	db, c := sage(t, s, []entry{
		{1, "VE", 5, "1", 120000, "2026-04-04", ""},
		{2, "VE", 6, "2", 60000, "2026-04-30", "A"}, // two instalments, the first one paid
		{3, "VE", 6, "2", 60000, "2026-05-31", ""},
		{4, "BQ", 28, "", -60000, "", "A"},
		{5, "BQ", 29, "", -10000, "", ""}, // on account
		{6, "VE", 7, "3", 50000, "2026-04-06", "B"},
		{7, "BQ", 30, "", -30000, "", "B"}, // lettered, and not enough
		{8, "VE", 8, "4", -5000, "", ""},   // a credit note
		{9, "VE", 8, "5", -8000, "", "C"},  // one that was used
		{10, "VE", 8, "6", 8000, "2026-04-07", "C"},
		{11, "VE", 9, "7", 10000, "2026-04-08", "D"},
		{12, "BQ", 30, "", -15000, "", "D"}, // too much
		{13, "OD", 31, "", -4000, "", "E"},  // written off
		{14, "VE", 9, "8", 4000, "2026-04-08", "E"},
		{15, "VE", 10, "9", 7777, "", ""}, // no due date
		{16, "VE", 10, "USD", 9900, "2026-04-09", ""},
		{17, "VE", 11, "", 100, "2026-04-10", ""}, // without a number each line is an invoice
		{18, "VE", 11, "", 200, "2026-04-10", ""},
		{19, "VE", 12, "10", 30000, "2026-04-11", "F"}, // three instalments paid in part by one payment
		{20, "VE", 12, "10", 30000, "2026-05-11", "F"},
		{21, "VE", 12, "10", 30000, "2026-06-11", "F"},
		{22, "BQ", 30, "", -45000, "", "F"},
		{23, "OD", 1, "", 99900, "2026-01-01", ""}, // carried forward: not from a sales journal
		{24, "BQ", 31, "", 2500, "", ""},           // a cheque that came back
	})
	m := connectortest.NewMirror()
	pull(t, c, m)
	want := map[string]string{
		"1 FA-1":    "invoice 1200.00 of 1200.00, 2026-03-05; 2026-04-04 1200.00",
		"2 FA-2":    "invoice 600.00 of 1200.00, 2026-03-06; 2026-04-30 0.00; 2026-05-31 600.00",
		"6 FA-3":    "invoice 200.00 of 500.00, 2026-03-07; 2026-04-06 200.00",
		"8 FA-4":    "credit_note 50.00 of 50.00, 2026-03-08",
		"9 FA-5":    "credit_note 0.00 of 80.00, 2026-03-08",
		"10 FA-6":   "invoice 0.00 of 80.00, 2026-03-08; 2026-04-07 0.00",
		"11 FA-7":   "invoice 0.00 of 100.00, 2026-03-09; 2026-04-08 0.00",
		"14 FA-8":   "invoice 0.00 of 40.00, 2026-03-09; 2026-04-08 0.00",
		"15 FA-9":   "invoice 77.77 of 77.77, 2026-03-10; 2026-04-09 77.77 estimated",
		"16 FA-USD": "invoice 99.00 of 99.00, 2026-03-10; 2026-04-09 99.00; unchecked",
		"17 L":      "invoice 1.00 of 1.00, 2026-03-11; 2026-04-10 1.00",
		"18 L":      "invoice 2.00 of 2.00, 2026-03-11; 2026-04-10 2.00",
		"19 FA-10":  "invoice 450.00 of 900.00, 2026-03-12; 2026-04-11 0.00; 2026-05-11 150.00; 2026-06-11 300.00",
		"4 L":       "payment 600.00, 0.00 free, 2026-03-28",
		"5 L":       "payment 100.00, 100.00 free, 2026-03-29",
		"7 L":       "payment 300.00, 0.00 free, 2026-03-30",
		"12 L":      "payment 150.00, 50.00 free, 2026-03-30",
		"22 L":      "payment 450.00, 0.00 free, 2026-03-30",
		"24 L":      "payment -25.00, -25.00 free, 2026-03-31",
	}
	if diff := cmp.Diff(want, told(m)); diff != "" {
		t.Errorf("the books differ (-want +got):\n%s", diff)
	}
	if a := m.Accounts["DURAND"]; len(m.Accounts) != 1 || a.Name != "Durand SARL" || a.Country != "FR" || len(a.Emails) != 1 || a.Emails[0] != "compta@durand.example" {
		t.Errorf("accounts %+v", m.Accounts)
	}
	if a := m.Allocations["DURAND/4110000/F\x0019\x00document"]; a.Kind != "document" {
		t.Errorf("a line of a lettering does not lead to its invoice: %+v", m.Allocations)
	}
	// The second instalment is lettered with the money on account and the rest.
	if err := (entry{25, "BQ", 31, "", -50000, "", "G"}).insert(db, "2026-04-01 09:00:00"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("UPDATE F_ECRITUREC SET EC_Lettre = 1, EC_Lettrage = 'G', cbModification = '2026-04-01 09:00:00' WHERE EC_No IN (3, 5)"); err != nil {
		t.Fatal(err)
	}
	pull(t, c, m)
	want["2 FA-2"] = "invoice 0.00 of 1200.00, 2026-03-06; 2026-04-30 0.00; 2026-05-31 0.00"
	want["5 L"] = "payment 100.00, 0.00 free, 2026-03-29"
	want["25 L"] = "payment 500.00, 0.00 free, 2026-03-31"
	if diff := cmp.Diff(want, told(m)); diff != "" {
		t.Errorf("after a lettering the books differ (-want +got):\n%s", diff)
	}
	for page, err := range c.ReadInvoices(t.Context(), []string{"1", "2", "999"}) {
		if err != nil || len(page.Documents) != 2 || len(page.Gone) != 1 || page.Gone[0].External != "999" || len(page.Accounts) != 1 {
			t.Errorf("read again: %+v, %v", page, err)
		}
	}
}

func TestSage100_onPostgres(t *testing.T) {
	t.Parallel()
	testSage(t, postgresServer(t))
}

func TestSage100_onMariaDB(t *testing.T) {
	t.Parallel()
	testSage(t, mariaServer(t))
}
