package main

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriteXLSX_textsStayTextsAndAmountsCount(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	err := writeXLSX(&file, []string{"name", "total"}, [][]any{{"=HYPERLINK(\"x\") <b>&\x01", amountCell("-1234.50")}})
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string][]byte{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if parts[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		if err := xml.Unmarshal(parts[f.Name], new(struct{ XMLName xml.Name })); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	var sheet struct {
		Rows []struct {
			Cells []struct {
				Type  string `xml:"t,attr"`
				Value string `xml:"v"`
				Text  string `xml:"is>t"`
				F     string `xml:"f"`
			} `xml:"c"`
		} `xml:"sheetData>row"`
	}
	if err := xml.Unmarshal(parts["xl/worksheets/sheet1.xml"], &sheet); err != nil {
		t.Fatal(err)
	}
	row := sheet.Rows[1].Cells
	if diff := cmp.Diff([]string{"inlineStr", "=HYPERLINK(\"x\") <b>&", "", "-1234.50"}, []string{row[0].Type, row[0].Text, row[1].Type, row[1].Value}); diff != "" {
		t.Error(diff)
	}
	if row[0].F != "" {
		t.Error("a text became a formula")
	}
}
