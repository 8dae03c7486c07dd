package legal

import "relanced/internal/money"

func eur(units int64) money.Amount { return money.New(units*100, "EUR") }
func gbp(units int64) money.Amount { return money.New(units*100, "GBP") }

var forty = []Tier{{Fee: eur(40)}}

// Words are what a message says of the law, in one language.
type Words struct {
	Interest string // "late-payment interest", beginning a sentence
	Basis    string // where the statutory rate comes from
	Law      string // the text that allows a contract rate
	Fee      string // the fixed fee and its text
}

// presets are the laws known, checked on 2026-11-21. Those that say the
// directive's words have none of their own.
var presets = []Preset{
	{
		Code: "FR-B2B", Currency: "EUR", Reference: ECB, Margin: 10_00, Floor: true, Fees: forty,
		Limitation: Limitation{Years: 5},
		Words: map[string]Words{
			"fr": {
				Interest: "Pénalités de retard",
				Basis:    "taux BCE majoré de 10 points, article L441-10 du code de commerce",
				Law:      "article L441-10 du code de commerce",
				Fee:      "indemnité forfaitaire de recouvrement de %s par facture (article D441-5)",
			},
			"en": {
				Interest: "Late-payment interest",
				Basis:    "ECB rate plus 10 points, article L441-10 of the French commercial code",
				Law:      "article L441-10 of the French commercial code",
				Fee:      "fixed recovery fee of %s per invoice (article D441-5)",
			},
		},
	},
	{
		Code: "FR-PUBLIC", Currency: "EUR", Reference: ECB, Margin: 8_00, Mode: Frozen, NoContract: true, Fees: forty,
		Limitation: Limitation{Years: 4, FromYearEnd: true, WrittenClaim: true},
		Words: map[string]Words{
			"fr": {
				Interest: "Intérêts moratoires",
				Basis:    "taux BCE majoré de 8 points, article R2192-31 du code de la commande publique",
				Fee:      "indemnité forfaitaire pour frais de recouvrement de %s par demande de paiement (article D2192-35)",
			},
			"en": {
				Interest: "Late-payment interest",
				Basis:    "ECB rate plus 8 points, article R2192-31 of the French public procurement code",
				Fee:      "fixed recovery fee of %s per request for payment (article D2192-35)",
			},
		},
	},
	{
		Code: "FR-B2C", Currency: "EUR", Reference: LegalBusiness, Start: AfterNotice, NoContract: true, Consumer: true,
		Limitation: Limitation{Years: 2},
		Words: map[string]Words{
			"fr": {Interest: "Intérêts depuis la mise en demeure", Basis: "taux d’intérêt légal, article 1231-6 du code civil"},
			"en": {Interest: "Interest since the formal notice", Basis: "French legal interest rate, article 1231-6 of the civil code"},
		},
	},
	{Code: "EU-B2B", Currency: "EUR", Reference: ECB, Margin: 8_00, Fees: forty, Words: directive},
	{
		Code: "DE-B2B", Currency: "EUR", Reference: GermanBase, Margin: 9_00, Start: AfterDefault, Fees: forty,
		Limitation: Limitation{Years: 3, FromYearEnd: true},
		Words: map[string]Words{
			"fr": {
				Interest: "Intérêts de retard", Basis: "taux de base allemand majoré de 9 points, § 288 BGB", Law: "§ 288 BGB",
				Fee: "indemnité forfaitaire de %s par facture (§ 288 alinéa 5 BGB)",
			},
			"en": {
				Interest: "Late-payment interest", Basis: "German base rate plus 9 points, section 288 BGB", Law: "section 288 BGB",
				Fee: "fixed fee of %s per invoice (section 288(5) BGB)",
			},
		},
	},
	{
		Code: "DE-B2C", Currency: "EUR", Reference: GermanBase, Margin: 5_00, Start: AfterDefault, NoContract: true, Consumer: true,
		Limitation: Limitation{Years: 3, FromYearEnd: true},
		Words: map[string]Words{
			"fr": {Interest: "Intérêts de retard", Basis: "taux de base allemand majoré de 5 points, § 288 BGB"},
			"en": {Interest: "Late-payment interest", Basis: "German base rate plus 5 points, section 288 BGB"},
		},
	},
	{
		Code: "BE-B2B", Currency: "EUR", Reference: ECB, Margin: 8_00, HalfPoint: true, Fees: forty,
		Words: map[string]Words{
			"fr": {
				Interest: "Intérêts de retard",
				Basis:    "taux BCE majoré de 8 points, arrondi au demi-point supérieur, loi du 2 août 2002",
				Law:      "loi du 2 août 2002",
				Fee:      "indemnité forfaitaire de recouvrement de %s par facture (même loi)",
			},
			"en": {
				Interest: "Late-payment interest",
				Basis:    "ECB rate plus 8 points, rounded up to the half point, Belgian act of 2 August 2002",
				Law:      "Belgian act of 2 August 2002",
				Fee:      "fixed recovery fee of %s per invoice (same act)",
			},
		},
	},
	{Code: "IT-B2B", Currency: "EUR", Reference: ECB, Margin: 8_00, Fees: forty, Words: directive},
	{Code: "ES-B2B", Currency: "EUR", Reference: ECB, Margin: 8_00, Fees: forty, Words: directive},
	{Code: "NL-B2B", Currency: "EUR", Reference: ECB, Margin: 8_00, Fees: forty, Words: directive},
	{Code: "LU-B2B", Currency: "EUR", Reference: ECB, Margin: 8_00, Fees: forty, Words: directive},
	{
		Code: "IE-B2B", Currency: "EUR", Reference: ECB, Margin: 8_00, Mode: FrozenOnDue, Words: directive,
		Fees: []Tier{{eur(1000), eur(40)}, {eur(10000), eur(70)}, {Fee: eur(100)}},
	},
	{Code: "PT-B2B", Currency: "EUR", Reference: ECB, Margin: 8_00, Fees: forty, Words: directive},
	{
		Code: "UK-B2B", Currency: "GBP", Reference: UKBase, Margin: 8_00, Mode: Frozen,
		Fees:       []Tier{{gbp(1000), gbp(40)}, {gbp(10000), gbp(70)}, {Fee: gbp(100)}},
		Limitation: Limitation{Years: 6},
		Words: map[string]Words{
			"fr": {
				Interest: "Intérêts de retard",
				Basis:    "taux de la Banque d’Angleterre majoré de 8 points, Late Payment of Commercial Debts (Interest) Act 1998",
				Law:      "Late Payment of Commercial Debts (Interest) Act 1998",
				Fee:      "indemnité forfaitaire de %s par facture (même loi)",
			},
			"en": {
				Interest: "Statutory interest",
				Basis:    "Bank of England base rate plus 8%, Late Payment of Commercial Debts (Interest) Act 1998",
				Law:      "Late Payment of Commercial Debts (Interest) Act 1998",
				Fee:      "fixed compensation of %s per invoice (same Act)",
			},
		},
	},
	{
		Code: "CH-B2B", Currency: "CHF", Margin: 5_00, Mode: ByContract, Start: AfterNotice,
		Words: map[string]Words{
			"fr": {Interest: "Intérêts moratoires", Basis: "article 104 du code des obligations", Law: "article 104 du code des obligations"},
			"en": {Interest: "Late-payment interest", Basis: "article 104 of the Swiss code of obligations", Law: "article 104 of the Swiss code of obligations"},
		},
	},
	{Code: "US", Currency: "USD", Mode: ByContract, Words: agreed},
	{Code: "CA", Currency: "CAD", Margin: 5_00, Mode: ByContract, Words: canadian},
	{Code: "CA-QC", Currency: "CAD", Margin: 5_00, Mode: ByContract, Words: canadian},
}

// The words of laws that follow Directive 2011/7 and have none of their own here.
var directive = map[string]Words{
	"fr": {
		Interest: "Intérêts de retard", Basis: "taux BCE majoré de 8 points, directive 2011/7/UE", Law: "directive 2011/7/UE",
		Fee: "indemnité forfaitaire de recouvrement de %s par facture (même directive)",
	},
	"en": {
		Interest: "Late-payment interest", Basis: "ECB rate plus 8 points, Directive 2011/7/EU", Law: "Directive 2011/7/EU",
		Fee: "fixed recovery fee of %s per invoice (same directive)",
	},
}

var canadian = map[string]Words{
	"fr": {Interest: "Intérêts de retard", Basis: "taux légal, Loi sur l’intérêt", Law: "conditions du contrat"},
	"en": {Interest: "Late-payment interest", Basis: "legal rate, Interest Act", Law: "terms of the contract"},
}

var agreed = map[string]Words{
	"fr": {Interest: "Intérêts de retard", Law: "conditions du contrat"},
	"en": {Interest: "Late-payment interest", Law: "terms of the contract"},
}
