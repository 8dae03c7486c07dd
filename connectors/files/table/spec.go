// Package table reads customer items from CSV and text exports of spreadsheets:
// lists of invoices, lists of open items, ledgers. There is no norm, so it
// decides column by column what amounts and dates look like, and refuses a
// column that a spreadsheet has damaged.
package table

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"relanced/internal/conf"
)

// Spec says how to read the CSV files of one connection.
type Spec struct {
	Shape   Shape             `yaml:"shape" doc:"invoices, open_items or ledger"`
	Locale  string            `yaml:"locale" doc:"fr, de, en-GB, en-US…: decimal mark and order of dates where the file leaves a doubt"`
	Columns map[string]string `yaml:"columns" doc:"our word: the title in the file"`
}

// Shape is what a line of a file stands for.
type Shape string

// The shapes.
const (
	Invoices  Shape = "invoices"
	OpenItems Shape = "open_items"
	Ledger    Shape = "ledger"
)

// Values lists the words of the configuration.
func (Shape) Values() []string { return []string{string(Invoices), string(OpenItems), string(Ledger)} }

var locales = []string{"fr", "de", "es", "it", "nl", "en", "en-GB", "en-US", "en-IE", "fr-FR", "fr-BE", "fr-CH", "de-DE", "de-AT", "de-CH", "nl-BE", "nl-NL", "es-ES", "it-IT"}

// Check reports what cannot work.
func (s Spec) Check(p *conf.Problems) {
	switch s.Shape {
	case Invoices, OpenItems, Ledger:
	case "":
		p.At("shape").Addf("the shape is missing: write csv: {shape: invoices}, open_items or ledger")
	default:
		p.At("shape").Addf("shape %q is unknown: write invoices, open_items or ledger", s.Shape)
	}
	if s.Locale != "" && !slices.Contains(locales, s.Locale) {
		p.At("locale").Addf("locale %q is unknown: write one of %s", s.Locale, strings.Join(locales, ", "))
	}
	seen := make(map[string]string)
	words := make([]string, 0, len(s.Columns))
	for word := range s.Columns {
		words = append(words, word)
	}
	slices.Sort(words)
	for _, word := range words {
		title := s.Columns[word]
		at := p.At("columns", word)
		switch other := seen[fold(title)]; {
		case !isWord(s.Shape, word):
			at.Key().Addf("%q is none of our words: %s", word, strings.Join(ourWords(s.Shape), ", "))
		case fold(title) == "":
			at.Addf("the title of the column is missing")
		case other != "":
			at.Addf("column %q already stands for %s", title, other)
		default:
			seen[fold(title)] = word
		}
	}
}

// point tells whether the locale's decimal mark is a point, monthFirst whether
// its dates begin with the month.
func (s Spec) point() bool {
	return strings.HasPrefix(s.Locale, "en") || strings.HasSuffix(s.Locale, "-CH")
}
func (s Spec) monthFirst() bool { return s.Locale == "en-US" }

// The words for columns. Those after the blank are recognised only so that a
// header is found, or have a meaning of their own here.
var (
	listWords = []string{
		"number", "customer", "name", "email", "issued_on", "due_on", "total", "outstanding", "paid", "currency",
		"kind", "order_ref", "payment_method", "e_status", "siren",
	}
	ledgerWords = []string{"journal", "entry", "account", "auxiliary", "label", "debit", "credit", "letter"}
)

func ourWords(shape Shape) []string {
	if shape == Ledger {
		return append(slices.Clone(listWords), ledgerWords...)
	}
	return listWords
}

func isWord(shape Shape, word string) bool { return slices.Contains(ourWords(shape), word) }

var synonyms = map[string]string{
	"number":         "number|numero|n|no|n facture|no facture|num facture|numero facture|numero de facture|n de facture|n piece|no piece|numero piece|piece|reference|ref|facture|invoice|invoice number|invoice no|rechnungsnummer|rechnung|belegnummer",
	"name":           "name|client|nom client|nom du client|nom|tiers|raison sociale|customer|customer name|company|intitule|kunde|kundenname",
	"customer":       "code client|code|compte|auxiliaire|code tiers|n client|no client|numero client|compte client|compte tiers|customer code|customer number|kundennummer",
	"issued_on":      "issued on|date|date facture|date de facture|date d emission|date emission|date piece|date de piece|invoice date|rechnungsdatum|datum",
	"due_on":         "due on|echeance|date d echeance|date echeance|dateecheance|due date|due|fallig|fallig am|falligkeit|falligkeitsdatum",
	"total":          "total|ttc|montant ttc|total ttc|montant|montant facture|amount|total amount|betrag|brutto",
	"net":            "ht|montant ht|total ht|net|netto",
	"vat":            "tva|montant tva|vat|mwst",
	"outstanding":    "outstanding|reste du|restant du|solde|solde du|reste a payer|reste|a regler|reste a regler|montant restant|montant du|balance|balance due|open|open amount|offen|offener betrag",
	"paid":           "paid|regle|paye|montant regle|montant paye|deja regle|amount paid|bezahlt",
	"status":         "statut|etat|status",
	"email":          "email|e mail|mail|courriel|adresse email|adresse mail",
	"currency":       "currency|devise|monnaie|wahrung",
	"kind":           "kind|type|type de piece|type piece|nature",
	"order_ref":      "order ref|commande|n commande|numero de commande|bon de commande|order|order number|purchase order",
	"payment_method": "payment method|mode de reglement|mode reglement|mode de paiement|moyen de paiement",
	"e_status":       "e status|statut e facture",
	"siren":          "siren",
}

var ledgerSynonyms = map[string]string{
	"journal":   "journal|journalcode|code journal|jnl",
	"entry":     "entry|ecriturenum|n ecriture|numero ecriture|no ecriture|n mouvement",
	"account":   "account|comptenum|compte|n compte|no compte|numero compte|compte general",
	"auxiliary": "auxiliary|auxiliaire|compauxnum|compte auxiliaire|compte tiers|tiers|code tiers|code client|customer|customer code",
	"label":     "label|ecriturelib|libelle|libelle ecriture",
	"debit":     "debit|montant debit",
	"credit":    "credit|montant credit",
	"letter":    "letter|ecriturelet|codelettrage|code lettrage|lettrage|lettre|let",
	"letter_on": "datelet|date lettrage|date de lettrage",
	"valid_on":  "validdate|date validation|date de validation",
	"number":    "number|piece 1|piece1|pieceref|piece|n piece|no piece|numero piece|reference|ref|n facture|numero de facture",
	"issued_on": "issued on|ecrituredate|date|date ecriture|date piece|piecedate",
	"due_on":    "due on|dateecheance|date echeance|date d echeance|echeance",
	"name":      "name|compauxlib|libellecompte|libelle compte|intitule compte|intitule|nom client|client",
	"montant":   "montant|amount",
	"sens":      "sens",
	"currency":  "currency|devise",
}

// fold makes titles comparable: lower case, no accents, one space between words.
func fold(title string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(norm.NFD.String(strings.ReplaceAll(title, "ß", "ss"))), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r)
	}), " ")
}

func plain(folded string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, folded)
}

// known finds our word for a title that was not configured.
func known(shape Shape, title string) string {
	folded := plain(fold(title))
	if folded == "" {
		return ""
	}
	lists := []map[string]string{synonyms}
	if shape == Ledger {
		lists = []map[string]string{ledgerSynonyms}
	}
	for _, list := range lists {
		for word, names := range list {
			for name := range strings.SplitSeq(names, "|") {
				if name == folded {
					return word
				}
			}
		}
	}
	return ""
}

// damaged is the error of a column that a spreadsheet has spoilt.
func damaged(line int, title, cell, why string) error {
	return fmt.Errorf("line %d, column %q: %q: %s", line, title, shorten(cell), why)
}

func shorten(cell string) string {
	if runes := []rune(cell); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return cell
}
