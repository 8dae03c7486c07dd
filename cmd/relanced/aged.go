package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"relanced/internal/daemon"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

type agedCmd struct {
	By   string `enum:"amount,age" default:"amount" help:"Order: amount or age."`
	At   date   `help:"As it was at the end of that day (YYYY-MM-DD)." placeholder:"DATE"`
	CSV  sheet  `name:"csv" xor:"file" help:"Write CSV for spreadsheets: to a file, to standard output without a name." placeholder:"FILE"`
	XLSX string `name:"xlsx" xor:"file" help:"Write a workbook." placeholder:"FILE" type:"path"`
}

// sheet names a file to write; standardOutput where no name follows the flag.
type sheet string

const standardOutput sheet = "-"

// Decode takes the name that follows, where one does.
func (s *sheet) Decode(ctx *kong.DecodeContext) error {
	next := ctx.Scan.Peek()
	if next.IsEOL() || next.Type != kong.FlagValueToken && strings.HasPrefix(next.String(), "-") {
		if next.String() == string(standardOutput) {
			ctx.Scan.Pop()
		}
		*s = standardOutput
		return nil
	}
	return ctx.Scan.PopValueInto("file", s)
}

type agedJSON struct {
	Customer *string `json:"customer"`
	Name     *string `json:"name"`
	Currency string  `json:"currency"`
	NotDue   string  `json:"not_due"`
	D30      string  `json:"d1_30"`
	D60      string  `json:"d31_60"`
	D90      string  `json:"d61_90"`
	Older    string  `json:"d91_plus"`
	Overdue  string  `json:"overdue"`
	Total    string  `json:"total"`
	Credit   string  `json:"credit"`
}

// Run prints the aged balance.
func (c *agedCmd) Run(ctx context.Context, a *app) error {
	on := c.At.Date
	return a.with(ctx, func(d *daemon.Daemon) error {
		var rows []store.AgedRow
		for _, company := range d.Companies {
			day, at := today(a, company), time.Time{}
			if on != 0 && on != day {
				day = on
				if end := on.AddDays(1).Time(company.Zone); end.Before(a.now()) {
					at = end
				}
			}
			some, err := d.Store.Aged(ctx, company.CompanyID(), day, at)
			if err != nil {
				return err
			}
			if len(some) == 0 && !at.IsZero() {
				if some, err = d.Store.Aged(ctx, company.CompanyID(), day, time.Time{}); err != nil {
					return err
				}
				if len(some) > 0 {
					a.warn("relanced: %s: nothing was known of that day: what is open now is shown, by its age then", string(company.ID))
				}
			}
			rows = append(rows, some...)
		}
		if c.By == "age" {
			slices.SortStableFunc(rows, func(x, y store.AgedRow) int {
				if by := cmp.Compare(x.Credit.Currency, y.Credit.Currency); by != 0 {
					return by // amounts of two currencies have no order
				}
				for b := receivable.BucketOver90; b > receivable.BucketNotDue; b-- {
					if x.Ages[b].Minor != y.Ages[b].Minor {
						return cmp.Compare(y.Ages[b].Minor, x.Ages[b].Minor)
					}
				}
				return 0
			})
		}
		switch {
		case c.CSV == standardOutput:
			return writeAgedCSV(a.out, rows)
		case c.CSV != "":
			return toFile(a, string(c.CSV), rows, writeAgedCSV)
		case c.XLSX != "":
			return toFile(a, c.XLSX, rows, writeAgedXLSX)
		}
		return list(a.printer, rows, "Nothing is open.",
			[]string{"Customer", "Name", "", "Not due", "1-30", "31-60", "61-90", "91+", "Overdue", "Total", "Credit"},
			func(r store.AgedRow) []any {
				v := agedView(r)
				return []any{r.Code, oneLine(r.Name, 32), v.Currency, v.NotDue, v.D30, v.D60, v.D90, v.Older, v.Overdue, v.Total, v.Credit}
			}, func(r store.AgedRow) any { return agedView(r) })
	})
}

func agedView(r store.AgedRow) agedJSON {
	return agedJSON{
		Customer: optional(r.Code), Name: optional(r.Name), Currency: r.Credit.Currency,
		NotDue: amountText(r.Ages[receivable.BucketNotDue]), D30: amountText(r.Ages[receivable.Bucket1To30]),
		D60: amountText(r.Ages[receivable.Bucket31To60]), D90: amountText(r.Ages[receivable.Bucket61To90]),
		Older: amountText(r.Ages[receivable.BucketOver90]), Overdue: amountText(r.Ages.Overdue()),
		Total: amountText(r.Ages.Total()), Credit: amountText(r.Credit),
	}
}

var agedHeader = []string{"customer", "name", "currency", "not_due", "d1_30", "d31_60", "d61_90", "d91_plus", "overdue", "total", "credit"}

// toFile writes rows to a file that only its owner reads.
func toFile(a *app, path string, rows []store.AgedRow, write func(io.Writer, []store.AgedRow) error) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(write(file, rows), file.Close()); err != nil {
		return err
	}
	a.say("%s written to %s", count(len(rows), "line"), path)
	return nil
}

// writeAgedCSV writes what spreadsheets open as it is meant: with a byte-order
// mark, and no cell that they would take for a formula.
func writeAgedCSV(out io.Writer, rows []store.AgedRow) error {
	if _, err := io.WriteString(out, "\ufeff"); err != nil {
		return err
	}
	w := csv.NewWriter(out)
	w.Comma = ';'
	lines := [][]string{agedHeader}
	for _, r := range rows {
		v := agedView(r)
		lines = append(lines, []string{cell(r.Code), cell(r.Name), v.Currency, v.NotDue, v.D30, v.D60, v.D90, v.Older, v.Overdue, v.Total, v.Credit})
	}
	return w.WriteAll(lines)
}

func writeAgedXLSX(out io.Writer, rows []store.AgedRow) error {
	lines := make([][]any, len(rows))
	for i, r := range rows {
		v := agedView(r)
		lines[i] = []any{r.Code, r.Name, v.Currency}
		for _, amount := range []string{v.NotDue, v.D30, v.D60, v.D90, v.Older, v.Overdue, v.Total, v.Credit} {
			lines[i] = append(lines[i], amountCell(amount))
		}
	}
	return writeXLSX(out, agedHeader, lines)
}

func cell(text string) string {
	text = cleanText(text)
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
