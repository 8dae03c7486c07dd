package einvoice

import "strings"

// fromUBL reads a UBL 2.1 invoice or credit note.
func fromUBL(root *node) Invoice {
	in := Invoice{
		Number:   root.value("ID"),
		IssuedOn: root.value("IssueDate"),
		Type:     root.value("InvoiceTypeCode"),
		Credit:   root.name == "CreditNote",
		Currency: root.value("DocumentCurrencyCode"),
		OrderRef: root.value("OrderReference", "ID"),
		Seller:   partyOfUBL(root.at("AccountingSupplierParty", "Party")),
		Buyer:    partyOfUBL(root.at("AccountingCustomerParty", "Party")),
	}
	if in.Credit {
		in.Type = root.value("CreditNoteTypeCode")
	}
	sums := root.at("LegalMonetaryTotal")
	in.Total, in.Due = amountIn(sums.all("TaxInclusiveAmount"), in.Currency), amountIn(sums.all("PayableAmount"), in.Currency)
	in.Prepaid, in.Rounding = amountIn(sums.all("PrepaidAmount"), in.Currency), amountIn(sums.all("PayableRoundingAmount"), in.Currency)
	for _, terms := range root.all("PaymentTerms") {
		in.addText(terms.value("Note"))
		if on := terms.value("PaymentDueDate"); on != "" {
			in.Terms = append(in.Terms, Term{on, amountIn(terms.all("Amount"), in.Currency)})
		}
	}
	dueOn := root.value("DueDate")
	for _, means := range root.all("PaymentMeans") {
		in.Means = append(in.Means, means.value("PaymentMeansCode"))
		if on := means.value("PaymentDueDate"); dueOn == "" {
			dueOn = on
		}
	}
	if len(in.Terms) == 0 && dueOn != "" {
		in.Terms = []Term{{On: dueOn}}
	}
	for _, before := range root.all("BillingReference") {
		in.addPreceding(before.value("InvoiceDocumentReference", "ID"))
	}
	return in
}

func partyOfUBL(n *node) Party {
	contact, address := n.at("Contact"), n.at("PostalAddress")
	p := Party{
		Name:    n.value("PartyLegalEntity", "RegistrationName"),
		Contact: contact.value("Name"), Email: contact.value("ElectronicMail"), Phone: contact.value("Telephone"),
		Endpoint: numberOf(n.at("EndpointID")),
		Postcode: address.value("PostalZone"), City: address.value("CityName"), Country: address.value("Country", "IdentificationCode"),
	}
	if p.Name == "" {
		p.Name = n.value("PartyName", "Name")
	}
	p.Lines = filled(address.value("StreetName"), address.value("AdditionalStreetName"), address.value("AddressLine", "Line"))
	p.Numbers = append(p.Numbers, numberOf(n.at("PartyLegalEntity", "CompanyID")))
	for _, known := range n.all("PartyIdentification") {
		id := numberOf(known.at("ID"))
		if id.Scheme == "" && p.ID == "" {
			p.ID = id.ID
		} else {
			p.Numbers = append(p.Numbers, id)
		}
	}
	for _, tax := range n.all("PartyTaxScheme") {
		if scheme := tax.value("TaxScheme", "ID"); strings.EqualFold(scheme, "VAT") {
			p.VAT = tax.value("CompanyID")
		}
	}
	return p
}
