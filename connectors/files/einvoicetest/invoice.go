// Package einvoicetest writes electronic invoices for tests, in both syntaxes
// and in PDFs, with the oddities that real ones have.
package einvoicetest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// Invoice is an invoice to write; what is "" is left out.
type Invoice struct {
	Number, Issued, Type, Currency string // dates as YYYYMMDD
	Due                            string // date
	Terms                          string // prose
	Parts                          []Part // terms with dates of their own, instead of Due
	OrderRef, Preceding, Means     string
	Total, Prepaid, Owed           string
	Seller, Buyer                  Party
	Encoding                       string // declared; "" UTF-8
	Prolog                         string // between the declaration and the root
	Lines                          int    // of goods, to make it long
}

// Part is an instalment.
type Part struct{ On, Amount string }

// Party is the seller or the buyer.
type Party struct {
	Name, Code, SIREN, SIRET, VAT, Email, Endpoint, Contact, Street, Postcode, City, Country string
}

// Simple is a plain invoice of Dupont to Durand over 120 euros.
func Simple() Invoice {
	return Invoice{
		Number: "FA-2026-001", Issued: "20261103", Type: "380", Currency: "EUR", Due: "20261203", Means: "58",
		Total: "120.00", Owed: "120.00", OrderRef: "PO-77",
		Seller: Party{Name: "Dupont & Fils SARL", SIREN: "732829320", VAT: "FR44732829320", Country: "FR"},
		Buyer: Party{
			Name: "Durand <SAS>", Code: "C001", SIREN: "552100554", SIRET: "55210055400013", VAT: "FR96552100554", Email: "compta@durand.example",
			Contact: "Alice Martin", Street: "1 rue Basse", Postcode: "75001", City: "Paris", Country: "FR",
		},
	}
}

type writer struct{ bytes.Buffer }

// tag writes an element with its text, nothing where there is none. attrs are
// name and value pairs.
func (w *writer) tag(name, text string, attrs ...string) {
	if text == "" {
		return
	}
	fmt.Fprintf(w, "<%s", name)
	for i := 0; i < len(attrs); i += 2 {
		fmt.Fprintf(w, ` %s=%q`, attrs[i], attrs[i+1])
	}
	w.WriteString(">")
	_ = xml.EscapeText(w, []byte(text))
	fmt.Fprintf(w, "</%s>\n", name)
}

func (w *writer) in(name string, fill func()) {
	fmt.Fprintf(w, "<%s>", name)
	fill()
	fmt.Fprintf(w, "</%s>\n", name)
}

func (in Invoice) declaration() string {
	encoding := in.Encoding
	if encoding == "" {
		encoding = "UTF-8"
	}
	return fmt.Sprintf("<?xml version='1.0' encoding='%s'?>\n%s", encoding, in.Prolog)
}

// CII writes the invoice as UN/CEFACT CII.
func (in Invoice) CII() []byte {
	w := &writer{}
	w.WriteString(in.declaration())
	w.WriteString(`<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100" xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100" xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">`)
	date := func(name, on string) {
		if on != "" {
			w.in(name, func() { w.tag("udt:DateTimeString", on, "format", "102") })
		}
	}
	w.in("rsm:ExchangedDocument", func() {
		w.tag("ram:ID", in.Number)
		w.tag("ram:TypeCode", in.Type)
		date("ram:IssueDateTime", in.Issued)
	})
	w.in("rsm:SupplyChainTradeTransaction", func() {
		for n := range in.Lines {
			w.in("ram:IncludedSupplyChainTradeLineItem", func() { w.tag("ram:Name", fmt.Sprintf("line %d", n)) })
		}
		w.in("ram:ApplicableHeaderTradeAgreement", func() {
			w.in("ram:SellerTradeParty", func() { in.Seller.cii(w) })
			w.in("ram:BuyerTradeParty", func() { in.Buyer.cii(w) })
			w.in("ram:BuyerOrderReferencedDocument", func() { w.tag("ram:IssuerAssignedID", in.OrderRef) })
		})
		w.in("ram:ApplicableHeaderTradeSettlement", func() {
			w.tag("ram:InvoiceCurrencyCode", in.Currency)
			w.in("ram:SpecifiedTradeSettlementPaymentMeans", func() { w.tag("ram:TypeCode", in.Means) })
			w.in("ram:SpecifiedTradePaymentTerms", func() {
				w.tag("ram:Description", in.Terms)
				if len(in.Parts) == 0 {
					date("ram:DueDateDateTime", in.Due)
				}
			})
			for _, part := range in.Parts {
				w.in("ram:SpecifiedTradePaymentTerms", func() {
					date("ram:DueDateDateTime", part.On)
					w.tag("ram:PartialPaymentAmount", part.Amount)
				})
			}
			w.in("ram:SpecifiedTradeSettlementHeaderMonetarySummation", func() {
				w.tag("ram:TaxTotalAmount", "20.00", "currencyID", in.Currency)
				w.tag("ram:TaxTotalAmount", "23.11", "currencyID", "USD")
				w.tag("ram:GrandTotalAmount", in.Total)
				w.tag("ram:TotalPrepaidAmount", in.Prepaid)
				w.tag("ram:DuePayableAmount", in.Owed)
			})
			w.in("ram:InvoiceReferencedDocument", func() { w.tag("ram:IssuerAssignedID", in.Preceding) })
		})
	})
	w.WriteString("</rsm:CrossIndustryInvoice>")
	return w.Bytes()
}

func (p Party) cii(w *writer) {
	w.tag("ram:ID", p.Code)
	w.tag("ram:Name", p.Name)
	w.in("ram:SpecifiedLegalOrganization", func() {
		if p.SIRET != "" {
			w.tag("ram:ID", p.SIRET, "schemeID", "0009")
		} else {
			w.tag("ram:ID", p.SIREN, "schemeID", "0002")
		}
	})
	w.in("ram:DefinedTradeContact", func() {
		w.tag("ram:PersonName", p.Contact)
		w.in("ram:EmailURIUniversalCommunication", func() { w.tag("ram:URIID", p.Email) })
	})
	w.in("ram:PostalTradeAddress", func() {
		w.tag("ram:PostcodeCode", p.Postcode)
		w.tag("ram:LineOne", p.Street)
		w.tag("ram:CityName", p.City)
		w.tag("ram:CountryID", p.Country)
	})
	w.in("ram:URIUniversalCommunication", func() { w.tag("ram:URIID", p.Endpoint, "schemeID", "EM") })
	w.in("ram:SpecifiedTaxRegistration", func() { w.tag("ram:ID", "123/456", "schemeID", "FC") })
	w.in("ram:SpecifiedTaxRegistration", func() { w.tag("ram:ID", p.VAT, "schemeID", "VA") })
}

// UBL writes the invoice as UBL 2.1: a CreditNote where its type is 381.
func (in Invoice) UBL() []byte {
	w := &writer{}
	root := "Invoice"
	if in.Type == "381" {
		root = "CreditNote"
	}
	w.WriteString(in.declaration())
	fmt.Fprintf(w, `<u:%s xmlns:u="urn:oasis:names:specification:ubl:schema:xsd:%s-2" xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">`, root, root)
	w.tag("cbc:ID", in.Number)
	w.tag("cbc:IssueDate", iso(in.Issued))
	if root == "Invoice" && len(in.Parts) == 0 {
		w.tag("cbc:DueDate", iso(in.Due))
	}
	w.tag("cbc:"+root+"TypeCode", in.Type)
	w.tag("cbc:DocumentCurrencyCode", in.Currency)
	w.in("cac:OrderReference", func() { w.tag("cbc:ID", in.OrderRef) })
	w.in("cac:BillingReference", func() {
		w.in("cac:InvoiceDocumentReference", func() { w.tag("cbc:ID", in.Preceding) })
	})
	w.in("cac:AccountingSupplierParty", func() { w.in("cac:Party", func() { in.Seller.ubl(w) }) })
	w.in("cac:AccountingCustomerParty", func() { w.in("cac:Party", func() { in.Buyer.ubl(w) }) })
	w.in("cac:PaymentMeans", func() {
		w.tag("cbc:PaymentMeansCode", in.Means)
		if root == "CreditNote" {
			w.tag("cbc:PaymentDueDate", iso(in.Due))
		}
	})
	w.in("cac:PaymentTerms", func() { w.tag("cbc:Note", in.Terms) })
	for _, part := range in.Parts {
		w.in("cac:PaymentTerms", func() {
			w.tag("cbc:Amount", part.Amount, "currencyID", in.Currency)
			w.tag("cbc:PaymentDueDate", iso(part.On))
		})
	}
	w.in("cac:LegalMonetaryTotal", func() {
		w.tag("cbc:TaxInclusiveAmount", in.Total, "currencyID", in.Currency)
		w.tag("cbc:PrepaidAmount", in.Prepaid, "currencyID", in.Currency)
		w.tag("cbc:PayableAmount", in.Owed, "currencyID", in.Currency)
	})
	fmt.Fprintf(w, "</u:%s>", root)
	return w.Bytes()
}

func (p Party) ubl(w *writer) {
	w.tag("cbc:EndpointID", p.Endpoint, "schemeID", "EM")
	w.in("cac:PartyIdentification", func() { w.tag("cbc:ID", p.SIRET, "schemeID", "0009") })
	w.in("cac:PartyIdentification", func() { w.tag("cbc:ID", p.Code) })
	w.in("cac:PostalAddress", func() {
		w.tag("cbc:StreetName", p.Street)
		w.tag("cbc:CityName", p.City)
		w.tag("cbc:PostalZone", p.Postcode)
		w.in("cac:Country", func() { w.tag("cbc:IdentificationCode", p.Country) })
	})
	w.in("cac:PartyTaxScheme", func() {
		w.tag("cbc:CompanyID", p.VAT)
		w.in("cac:TaxScheme", func() { w.tag("cbc:ID", "VAT") })
	})
	w.in("cac:PartyLegalEntity", func() {
		w.tag("cbc:RegistrationName", p.Name)
		w.tag("cbc:CompanyID", p.SIREN, "schemeID", "0002")
	})
	w.in("cac:Contact", func() {
		w.tag("cbc:Name", p.Contact)
		w.tag("cbc:ElectronicMail", p.Email)
	})
}

func iso(on string) string {
	if len(on) != 8 {
		return on
	}
	return strings.Join([]string{on[:4], on[4:6], on[6:]}, "-")
}
