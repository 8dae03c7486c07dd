package main

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
)

// The fixed parts of the smallest workbook that spreadsheets open (ECMA-376,
// part 1): one sheet, one style for the header.
const (
	xlsxTypes = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>`
	xlsxRoot = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`
	xlsxBook = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="aged" sheetId="1" r:id="rId1"/></sheets></workbook>`
	xlsxBookRels = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>`
	xlsxStyles = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3"><xf/><xf fontId="1" applyFont="1"/><xf numFmtId="4" applyNumberFormat="1"/></cellXfs></styleSheet>`
)

// amountCell is a cell that spreadsheets compute with: a decimal with a point.
type amountCell string

// writeXLSX writes a workbook of one sheet, its first row the header. Texts are
// texts whatever they begin with: no cell is a formula.
func writeXLSX(w io.Writer, header []string, rows [][]any) error {
	var sheet bytes.Buffer
	sheet.WriteString(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row>`)
	for _, title := range header {
		textCell(&sheet, title, ` s="1"`)
	}
	sheet.WriteString(`</row>`)
	for _, row := range rows {
		sheet.WriteString(`<row>`)
		for _, value := range row {
			if amount, ok := value.(amountCell); ok {
				fmt.Fprintf(&sheet, `<c s="2"><v>%s</v></c>`, amount)
				continue
			}
			textCell(&sheet, cleanText(fmt.Sprint(value)), "")
		}
		sheet.WriteString(`</row>`)
	}
	sheet.WriteString(`</sheetData></worksheet>`)
	archive := zip.NewWriter(w)
	for _, part := range []struct{ name, text string }{
		{"[Content_Types].xml", xlsxTypes},
		{"_rels/.rels", xlsxRoot},
		{"xl/workbook.xml", xlsxBook},
		{"xl/_rels/workbook.xml.rels", xlsxBookRels},
		{"xl/styles.xml", xlsxStyles},
		{"xl/worksheets/sheet1.xml", sheet.String()},
	} {
		file, err := archive.Create(part.name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(file, part.text); err != nil {
			return err
		}
	}
	return archive.Close()
}

func textCell(sheet *bytes.Buffer, text, style string) {
	sheet.WriteString(`<c t="inlineStr"` + style + `><is><t xml:space="preserve">`)
	_ = xml.EscapeText(sheet, []byte(text)) // a buffer takes everything
	sheet.WriteString(`</t></is></c>`)
}
