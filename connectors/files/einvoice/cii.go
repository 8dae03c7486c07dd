package einvoice

import "strings"

// fromCII reads a UN/CEFACT cross-industry invoice.
func fromCII(root *node) Invoice {
	head, trade := root.at("ExchangedDocument"), root.at("SupplyChainTradeTransaction")
	agreement, settlement := trade.at("ApplicableHeaderTradeAgreement"), trade.at("ApplicableHeaderTradeSettlement")
	sums := settlement.at("SpecifiedTradeSettlementHeaderMonetarySummation")
	in := Invoice{
		Number:   head.value("ID"),
		IssuedOn: head.value("IssueDateTime", "DateTimeString"),
		Type:     head.value("TypeCode"),
		Currency: settlement.value("InvoiceCurrencyCode"),
		OrderRef: agreement.value("BuyerOrderReferencedDocument", "IssuerAssignedID"),
		Seller:   partyOfCII(agreement.at("SellerTradeParty")),
		Buyer:    partyOfCII(agreement.at("BuyerTradeParty")),
	}
	in.Total, in.Due = amountIn(sums.all("GrandTotalAmount"), in.Currency), amountIn(sums.all("DuePayableAmount"), in.Currency)
	in.Prepaid, in.Rounding = amountIn(sums.all("TotalPrepaidAmount"), in.Currency), amountIn(sums.all("RoundingAmount"), in.Currency)
	for _, term := range settlement.all("SpecifiedTradePaymentTerms") {
		in.addText(term.value("Description"))
		amount := amountIn(term.all("PartialPaymentAmount"), in.Currency)
		if amount == "" && term.at("ApplicableTradePaymentDiscountTerms") != nil {
			continue // a date for paying less, not one for paying at all
		}
		if on := term.value("DueDateDateTime", "DateTimeString"); on != "" {
			in.Terms = append(in.Terms, Term{on, amount})
		}
	}
	for _, means := range settlement.all("SpecifiedTradeSettlementPaymentMeans") {
		in.Means = append(in.Means, means.value("TypeCode"))
	}
	for _, before := range settlement.all("InvoiceReferencedDocument") {
		in.addPreceding(before.value("IssuerAssignedID"))
	}
	return in
}

func partyOfCII(n *node) Party {
	contact, address := n.at("DefinedTradeContact"), n.at("PostalTradeAddress")
	p := Party{
		ID: n.value("ID"), Name: n.value("Name"),
		Contact: contact.value("PersonName"), Email: contact.value("EmailURIUniversalCommunication", "URIID"),
		Phone:    contact.value("TelephoneUniversalCommunication", "CompleteNumber"),
		Endpoint: numberOf(n.at("URIUniversalCommunication", "URIID")),
		Postcode: address.value("PostcodeCode"), City: address.value("CityName"), Country: address.value("CountryID"),
	}
	p.Lines = filled(address.value("LineOne"), address.value("LineTwo"), address.value("LineThree"))
	p.Numbers = append(p.Numbers, numberOf(n.at("SpecifiedLegalOrganization", "ID")))
	for _, id := range n.all("GlobalID") {
		p.Numbers = append(p.Numbers, numberOf(id))
	}
	for _, tax := range n.all("SpecifiedTaxRegistration") {
		if strings.EqualFold(tax.at("ID").attr("schemeID"), "VA") {
			p.VAT = tax.value("ID")
		}
	}
	return p
}

func numberOf(n *node) Number { return Number{n.attr("schemeID"), n.value()} }

// amountIn chooses the amount in the invoice's currency; an amount that names
// none is in it. Where all are in others, there is none.
func amountIn(list []*node, currency string) string {
	for _, n := range list {
		if in := n.attr("currencyID"); in == "" || in == currency {
			return n.value()
		}
	}
	return ""
}

func filled(lines ...string) []string {
	var list []string
	for _, line := range lines {
		if line != "" {
			list = append(list, line)
		}
	}
	return list
}

func (in *Invoice) addText(text string) {
	if text != "" {
		in.TermsText = strings.TrimSpace(in.TermsText + "\n" + text)
	}
}

func (in *Invoice) addPreceding(number string) {
	if number != "" {
		in.Preceding = append(in.Preceding, number)
	}
}
