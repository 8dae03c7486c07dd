package files

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"relanced/connectors/files/fectest"
)

// Random books are written as a FEC of a random style and read back: what is
// open must be what the books were made with.
func TestImportFile_randomBooksGiveTheirOpenItems(t *testing.T) {
	t.Parallel()
	c := connector(t, Spec{})
	folder := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		lines, want := drawBooks(rt)
		style := fectest.Style{
			Separator: rapid.SampledFrom([]string{"\t", "|", ";"}).Draw(rt, "separator"),
			End:       rapid.SampledFrom([]string{"\r\n", "\n", "\r\r\n"}).Draw(rt, "end"),
			Encoding:  rapid.SampledFrom([]string{"", "UTF-8-BOM", "ISO-8859-15", "Windows-1252"}).Draw(rt, "encoding"),
			Trailing:  rapid.Bool().Draw(rt, "trailing"),
			Sens:      rapid.Bool().Draw(rt, "sens"),
			Padded:    rapid.Bool().Draw(rt, "padded"),
			Shuffled:  rapid.Bool().Draw(rt, "shuffled"),
			NumZero:   rapid.Bool().Draw(rt, "zero"),
		}
		var b bytes.Buffer
		if err := fectest.Write(&b, style, lines); err != nil {
			rt.Fatal(err)
		}
		path := filepath.Join(folder, "732829320FEC20261231.txt")
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			rt.Fatal(err)
		}
		r, err := importFile(t, c, path, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if got := r.open(); !maps.Equal(got, want) {
			rt.Fatalf("open items %v, want %v\n%s", got, want, b.String())
		}
	})
}

// drawBooks makes entries whose truth is known as they are made.
func drawBooks(t *rapid.T) ([]fectest.Line, map[string]int64) {
	var lines, opening []fectest.Line
	truth := make(map[string]int64)
	num := 0
	date := func(month int) string { return fmt.Sprintf("2026-%02d-%02d", month, 1+num%28) }
	next := func() string { num++; return fmt.Sprint(num) }
	piece := func() string { return fmt.Sprintf("FA %05d", num) }
	cents := rapid.Int64Range(1, 1_000_000)
	add := func(more []fectest.Line) { lines = append(lines, more...) }
	// One balanced entry more, so that every file knows lettering.
	n := next()
	add(sale(n, "ZZZ", piece(), date(1), 600, "ZZ"))
	add(pay(next(), "ZZZ", "VIR 0", date(2), 600, "ZZ"))
	for _, aux := range []string{"A1", "B2", "ÉTÉ"}[:rapid.IntRange(1, 3).Draw(t, "customers")] {
		brought := int64(0)
		for k := range rapid.IntRange(0, 6).Draw(t, "cases") {
			letter := string(rune('A' + k)) // the same codes for every customer
			amount := cents.Draw(t, "amount")
			switch rapid.IntRange(0, 6).Draw(t, "case") {
			case 0: // paid
				n := next()
				add(sale(n, aux, piece(), date(1), amount, letter))
				add(pay(next(), aux, "VIR "+n, date(3), amount, letter))
			case 1: // open
				n := next()
				truth[aux+" "+piece()] += amount
				add(sale(n, aux, piece(), date(2), amount, ""))
			case 2: // paid after the end
				n := next()
				add(sale(n, aux, piece(), date(12), amount, letter))
			case 3: // paid in part
				n := next()
				truth[aux+" "+piece()] += amount
				add(sale(n, aux, piece(), date(2), amount+100, letter))
				add(pay(next(), aux, "VIR "+n, date(4), 100, letter))
			case 4: // on account
				n := next()
				truth[aux+" -"] -= amount
				add(pay(n, aux, "VIR "+n, date(5), amount, ""))
			case 5: // brought forward, then paid in part
				brought += amount + 50
				truth[aux+" RAN"] += amount
				n := next()
				add(pay(n, aux, "VIR "+n, date(1), 50, letter))
			case 6: // credit note, unused
				n := next()
				truth[aux+" -"] -= amount
				note := sale(n, aux, "AV"+n, date(6), amount, "")
				for i := range note {
					note[i].Debit, note[i].Credit = note[i].Credit, note[i].Debit
				}
				add(note)
			}
		}
		if brought != 0 {
			opening = append(opening, fectest.Line{
				Journal: "AN", JournalLib: "A nouveaux", Num: "1", On: day("2026-01-01"), Account: "411000", Aux: aux, AuxLib: "Société " + aux,
				Piece: "RAN", PieceOn: day("2026-01-01"), Label: "A nouveau", Debit: brought,
			}, fectest.Line{
				Journal: "AN", JournalLib: "A nouveaux", Num: "1", On: day("2026-01-01"), Account: "110000", Piece: "RAN",
				PieceOn: day("2026-01-01"), Label: "A nouveau", Credit: brought,
			})
		}
	}
	return append(opening, lines...), truth
}
