package bank

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"relanced/internal/money"
	"relanced/internal/vectortest"
)

const iban = "FR7630006000011234567890189"

func TestCheckIBAN_vector(t *testing.T) {
	t.Parallel()
	var in struct{ Check []string }
	var want struct{ Result []IBANCheck }
	vectortest.Read(t, "IBAN-01", &in, &want)
	var got []IBANCheck
	for _, text := range in.Check {
		got = append(got, CheckIBAN(text))
	}
	if diff := cmp.Diff(want.Result, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCheckIBAN(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]IBANCheck{
		"":                                  BadFormat,
		"FR":                                BadFormat,
		"FRXX30006000011234567890189":       BadFormat,
		"FR76-3000-6000-0112-3456-7890-189": BadFormat,
		"FR76300060000112345678901é9":       BadFormat,
		"ZZ7630006000011234567890189":       BadCountry,
		"DE89370400440532013000":            OK,
		"be68 5390 0754 7034":               OK,
		"BE68539007547035":                  BadChecksum,
		"NL91ABNA041716430":                 BadLength,
		"LU280019400644750000":              OK,
		"CH9300762011623852957":             OK,
		"\tFR76 3000 6000 0112\u00a03456 7890 189\n": OK,
	} {
		if got := CheckIBAN(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := Fours(iban); got != "FR76 3000 6000 0112 3456 7890 189" {
		t.Error(got)
	}
}

func TestIsBIC(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"AGRIFRPP": true, "AGRIFRPP882": true, "agrifrpp": false, "AGRIFRPP8": false, "": false, "AGRIFRPP\n": false, "AGR1FRPP": false,
	} {
		if got := IsBIC(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestRF_vector(t *testing.T) {
	t.Parallel()
	var in struct{ Make, Check []string }
	var want struct {
		Made  []string
		Valid []bool
	}
	vectortest.Read(t, "RF-01", &in, &want)
	var made []string
	for _, number := range in.Make {
		reference, err := MakeRF(number)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, reference)
	}
	var valid []bool
	for _, text := range in.Check {
		valid = append(valid, CheckRF(text))
	}
	if diff := cmp.Diff(want.Made, made) + cmp.Diff(want.Valid, valid); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMakeRF_refusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	for _, number := range []string{"", "---", "é à", strings.Repeat("1", 22)} {
		if got, err := MakeRF(number); err == nil {
			t.Errorf("%q made %s", number, got)
		}
	}
	if got, err := MakeRF(strings.Repeat("z", 21)); err != nil || !CheckRF(got) {
		t.Errorf("21 letters: %s, %v", got, err)
	}
}

func TestRF_madeIsValidAndOneWrongDigitIsNot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		reference, err := MakeRF(rapid.StringMatching(`[0-9A-Za-z./ -]{0,8}[0-9][0-9A-Z-]{0,10}`).Draw(t, "number"))
		if err != nil {
			t.Fatal(err)
		}
		if !CheckRF(reference) || !CheckRF(strings.ToLower(Fours(reference))) {
			t.Fatalf("%s is not valid", reference)
		}
		at := rapid.IntRange(2, len(reference)-1).Draw(t, "at")
		other := rapid.SampledFrom([]byte("0123456789")).Draw(t, "digit")
		if c := reference[at]; c >= '0' && c <= '9' && c != other {
			if wrong := reference[:at] + string(other) + reference[at+1:]; CheckRF(wrong) {
				t.Fatalf("%s and %s are both valid", reference, wrong)
			}
		}
	})
}

func TestOGM_vector(t *testing.T) {
	t.Parallel()
	var in struct{ Base []string }
	var want struct{ Result []string }
	vectortest.Read(t, "OGM-01", &in, &want)
	var got []string
	for _, base := range in.Base {
		made, err := MakeOGM(base)
		if err != nil {
			t.Fatal(err)
		}
		if !CheckOGM(made) || !CheckOGM(strings.Trim(made, "+")) {
			t.Errorf("%s is not valid", made)
		}
		got = append(got, made)
	}
	if diff := cmp.Diff(want.Result, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOGM(t *testing.T) {
	t.Parallel()
	if got, err := MakeOGM("0000000097"); err != nil || got != "+++000/0000/09797+++" {
		t.Errorf("a remainder of zero: %s, %v", got, err)
	}
	for _, base := range []string{"", "123", "12345678901", "123456789a"} {
		if got, err := MakeOGM(base); err == nil {
			t.Errorf("%q made %s", base, got)
		}
	}
	for _, text := range []string{"", "+++090/9337/55494+++", "+++090/9337/5549+++", "090933755493x"} {
		if CheckOGM(text) {
			t.Errorf("%q is valid", text)
		}
	}
}

func TestPayload_vectors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"EPC-01", "EPC-02"} {
		var in struct{ Name, IBAN, Amount, Reference, Text string }
		var want struct {
			Payload string
			Bytes   int `json:"bytes_utf8"`
		}
		vectortest.Read(t, name, &in, &want)
		amount, err := money.Parse(in.Amount, "EUR")
		if err != nil {
			t.Fatal(err)
		}
		got, err := Transfer{Name: in.Name, IBAN: in.IBAN, Amount: amount, Reference: in.Reference, Text: in.Text}.Payload()
		if err != nil || got != want.Payload || len(got) != want.Bytes {
			t.Errorf("%s: %q of %d bytes, %v", name, got, len(got), err)
		}
	}
}

func TestPayload_keepsEmptyLinesBeforeTheLastFilledOne(t *testing.T) {
	t.Parallel()
	got, err := Transfer{Name: "X", IBAN: iban, Note: "merci"}.Payload()
	if want := "BCD\n002\n1\nSCT\n\nX\n" + iban + "\n\n\n\n\nmerci"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	got, err = Transfer{Name: "X", IBAN: "fr76 3000 6000 0112 3456 7890 189", BIC: "AGRIFRPP"}.Payload()
	if want := "BCD\n002\n1\nSCT\nAGRIFRPP\nX\n" + iban; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
}

func TestPayload_refusesAndNeverShortens(t *testing.T) {
	t.Parallel()
	fits := func() Transfer { return Transfer{Name: "X", IBAN: iban, Amount: money.New(1, "EUR")} }
	for name, change := range map[string]func(*Transfer){
		"no name":             func(t *Transfer) { t.Name = "" },
		"name of spaces":      func(t *Transfer) { t.Name = "  " },
		"long name":           func(t *Transfer) { t.Name = strings.Repeat("é", 71) },
		"line break":          func(t *Transfer) { t.Name = "X\nFR00" },
		"carriage return":     func(t *Transfer) { t.Text = "a\rb" },
		"broken UTF-8":        func(t *Transfer) { t.Text = "\xff" },
		"wrong IBAN":          func(t *Transfer) { t.IBAN = iban[:26] + "0" },
		"wrong BIC":           func(t *Transfer) { t.BIC = "AGRI" },
		"other currency":      func(t *Transfer) { t.Amount = money.New(100, "GBP") },
		"nothing to pay":      func(t *Transfer) { t.Amount = money.New(0, "EUR") },
		"negative":            func(t *Transfer) { t.Amount = money.New(-1, "EUR") },
		"a thousand millions": func(t *Transfer) { t.Amount = money.New(100_000_000_000, "EUR") },
		"long purpose":        func(t *Transfer) { t.Purpose = "ABCDE" },
		"both references":     func(t *Transfer) { t.Reference, t.Text = "RF83FA20260042", "x" },
		"wrong RF":            func(t *Transfer) { t.Reference = "RF82FA20260042" },
		"long reference":      func(t *Transfer) { t.Reference = strings.Repeat("1", 36) },
		"long text":           func(t *Transfer) { t.Text = strings.Repeat("1", 141) },
		"long note":           func(t *Transfer) { t.Note = strings.Repeat("1", 71) },
	} {
		transfer := fits()
		change(&transfer)
		payload, err := transfer.Payload()
		if err == nil {
			t.Errorf("%s: %q", name, payload)
		}
	}
	full := fits()
	full.Name, full.Text, full.Note = strings.Repeat("é", 35), strings.Repeat("t", 140), ""
	payload, err := full.Payload()
	if err != nil {
		t.Fatal(err)
	}
	full.Note = strings.Repeat("n", 331-len(payload)-1)
	if payload, err = full.Payload(); err != nil || len(payload) != 331 {
		t.Errorf("%d bytes: %v", len(payload), err)
	}
	full.Note += "n"
	if _, err = full.Payload(); err == nil {
		t.Error("332 bytes were taken")
	}
	largest := fits()
	largest.Amount = money.New(99_999_999_999, "EUR")
	if _, err := largest.Payload(); err != nil {
		t.Error(err)
	}
}

func TestPayload_holdsAtMost331Bytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		transfer := Transfer{
			Name: rapid.StringN(1, 70, -1).Draw(t, "name"), IBAN: iban, Amount: money.New(5, "EUR"),
			Text: rapid.StringN(0, 140, -1).Draw(t, "text"), Note: rapid.StringN(0, 70, -1).Draw(t, "note"),
		}
		payload, err := transfer.Payload()
		if err != nil {
			return
		}
		lines := strings.Split(payload, "\n")
		if len(payload) > 331 || len(lines) > 12 || lines[len(lines)-1] == "" || lines[5] != transfer.Name {
			t.Fatalf("%d bytes: %q", len(payload), payload)
		}
		if len(lines) > 10 && lines[10] != transfer.Text {
			t.Fatalf("the text became %q", lines[10])
		}
	})
}

func FuzzCheck(f *testing.F) {
	f.Add(iban)
	f.Add("RF18 5390 0754 7034")
	f.Add("+++090/9337/55493+++")
	f.Fuzz(func(t *testing.T, text string) {
		if CheckIBAN(text) == OK && CheckIBAN(Fours(text)) != OK {
			t.Errorf("%q is valid and in fours is not", text)
		}
		if made, err := MakeRF(text); err == nil && !CheckRF(made) {
			t.Errorf("%q makes %q", text, made)
		}
		CheckOGM(text)
	})
}
