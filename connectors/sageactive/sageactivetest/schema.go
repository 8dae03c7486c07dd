package sageactivetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// unquote reads a string, which is written as in JSON.
func unquote(token string) (text string, err error) {
	err = json.Unmarshal([]byte(token), &text)
	return text, err
}

// The types of the interface that are known, by name: their fields, each with its
// type. What is not here does not exist.
var types = map[string]map[string]string{
	"Query": fields("organizations:Organizations organizationDetail:OrganizationDetails customers:Customers salesInvoices:SalesInvoices " +
		"salesInvoiceOpenItems:OpenItems accountingEntries:AccountingEntries documentPdfPreview:PdfPreview"),
	"Organizations":       list("Organization"),
	"OrganizationDetails": list("OrganizationDetail"),
	"Customers":           list("Customer"),
	"SalesInvoices":       list("SalesInvoice"),
	"OpenItems":           list("OpenItem"),
	"AccountingEntries":   list("AccountingEntry"),
	"PageInfo":            fields("endCursor hasNextPage:Boolean"),
	"Organization":        fields("id:UUID socialName legislationCode status onboardingCompleted:Boolean"),
	"OrganizationDetail":  fields("socialName documentId currency:Currency"),
	"Currency":            fields("code precision:Int"),
	"Customer": fields("id:UUID code socialName tradeName documentId vatNumber status disabled:Boolean documentLanguage creationDate:DateTime modificationDate:DateTime " +
		"addresses:Address contacts:Contact paymentTermLines:PaymentTermLine"),
	"Address":         fields("firstLine secondLine city zipCode countryIsoCodeAlpha2 isMainAddress:Boolean"),
	"Contact":         fields("id:UUID name surname isDefault:Boolean isDefaultCustomer:Boolean emails:Email phones:Phone"),
	"Email":           fields("emailAddress usage isDefault:Boolean"),
	"Phone":           fields("number type isDefault:Boolean"),
	"PaymentTermLine": fields("order:Int type value:Decimal condition day:Int payDays:Int"),
	"SalesInvoice": fields("id:UUID operationalNumber type status customerId:UUID socialName contactName contactEmail invoiceEmail documentLanguage " +
		"documentDate:DateTime operationDate:DateTime firstDueDate:DateTime totalNet:Decimal totalVat:Decimal totalLiquid:Decimal externalReference hasCreditNote:Boolean " +
		"sourceSalesInvoiceId:UUID creationDate:DateTime modificationDate:DateTime openItems:OpenItem"),
	"OpenItem": fields("id:UUID amount:Decimal paidAmountAccumulated:Decimal dueDate:DateTime status isAdvanceInvoicePayment:Boolean " +
		"creationDate:DateTime modificationDate:DateTime salesInvoice:SalesInvoice"),
	"AccountingEntry": fields("id:UUID sourceType sourceEntityId:UUID salesInvoice:SalesInvoice date:DateTime documentNumber journalType:JournalType " +
		"creationDate:DateTime modificationDate:DateTime accountingEntryLines:AccountingEntryLine"),
	"JournalType": fields("code"),
	"AccountingEntryLine": fields("id:UUID debitAmount:Decimal creditAmount:Decimal subAccount:SubAccount accountingEntryThirdParty:ThirdParty " +
		"accountingEntryPayment:EntryPayment accountingEntryInvoice:EntryInvoice"),
	"SubAccount":     fields("code:SubAccountCode"),
	"SubAccountCode": fields("value"),
	"ThirdParty":     fields("thirdPartyId:UUID code socialName origin"),
	"EntryPayment":   fields("matching matchingLetter matchId"),
	"EntryInvoice":   fields("id:UUID externalInvoiceNumber documentDate:DateTime amount:Decimal openItems:EntryItem"),
	"EntryItem":      fields("id:UUID amount:Decimal paidAmountAccumulated:Decimal dueDate:DateTime status modificationDate:DateTime"),
	"PdfPreview":     fields("type id:UUID pdfPreview"),
}

// enums are the values of enumerations in arguments.
var enums = map[string][]string{
	"SortEnumType": {"ASC", "DESC"},
	"DocumentType": {"SALES_INVOICE"},
}

// operators are those of a filter; those that end in [] take a list.
var operators = strings.Fields("eq neq gt gte lt lte in[] nin[] contains startsWith endsWith")

// fields reads "name:Type name …"; without a type it is a String.
func fields(text string) map[string]string {
	all := map[string]string{}
	for _, part := range strings.Fields(text) {
		name, of, _ := strings.Cut(part, ":")
		if of == "" {
			of = "String"
		}
		all[name] = of
	}
	return all
}

func list(of string) map[string]string {
	return map[string]string{"nodes": of, "pageInfo": "PageInfo", "totalCount": "Int"}
}

// arguments are those of a field of Query, with their types: of a filter and of an
// order the type whose fields they name.
func arguments(field string) map[string]string {
	if field == "documentPdfPreview" {
		return map[string]string{"input": "PdfInput"}
	}
	of := types[types["Query"][field]]["nodes"]
	return map[string]string{"first": "Int", "after": "String", "where": of + "Filter", "order": of + "Sort"}
}

// checker looks whether an operation fits the types and its variables.
type checker struct {
	declared map[string]string
	given    map[string]json.RawMessage
	used     map[string]bool
}

// check tells what of an operation the interface does not have.
func check(op operation, given map[string]json.RawMessage) error {
	if op.kind != "query" {
		return fmt.Errorf("this simulator is only read")
	}
	c := checker{op.variables, given, map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := op.variables[name]; !ok {
			return fmt.Errorf("the variable $%s is given but not declared", name)
		}
	}
	if err := c.selection("Query", op.fields); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(op.variables)) {
		if !c.used[name] {
			return fmt.Errorf("the variable $%s is declared but not used", name)
		}
	}
	return nil
}

func (c checker) selection(of string, chosen []field) error {
	for _, f := range chosen {
		kind, ok := types[of][f.name]
		if !ok {
			return fmt.Errorf("the field `%s` does not exist on the type `%s`", f.name, of)
		}
		_, object := types[kind]
		switch {
		case object && f.sub == nil:
			return fmt.Errorf("`%s` is an object type: say which of its fields", f.name)
		case !object && f.sub != nil:
			return fmt.Errorf("`%s` has no fields to choose from", f.name)
		case of != "Query" && f.arguments != nil:
			return fmt.Errorf("the argument `%s` does not exist on `%s`", f.arguments[0].name, f.name)
		case of == "Query":
			if err := c.object(f.name, arguments(f.name), f.arguments); err != nil {
				return err
			}
		}
		if err := c.selection(kind, f.sub); err != nil {
			return err
		}
	}
	return nil
}

// object checks names with values, each of which has a type in known.
func (c checker) object(of string, known map[string]string, given []argument) error {
	for _, a := range given {
		kind, ok := known[a.name]
		if !ok {
			return fmt.Errorf("the argument `%s` does not exist on `%s`", a.name, of)
		}
		if err := c.value(a.name, kind, a.value); err != nil {
			return err
		}
	}
	return nil
}

func (c checker) value(name, kind string, v value) error {
	if item, ok := strings.CutSuffix(kind, "[]"); ok && v.kind == aList {
		for _, one := range v.list {
			if err := c.value(name, item, one); err != nil {
				return err
			}
		}
		return nil
	} else if ok {
		kind = item // one value stands for a list of one
	}
	if of, ok := strings.CutSuffix(kind, "Filter"); ok {
		known := map[string]string{"and": kind + "[]", "or": kind + "[]"}
		for field, scalar := range types[of] {
			if _, object := types[scalar]; !object {
				known[field] = scalar + "Operation"
			}
		}
		return c.of(anObject, name, known, v)
	}
	if of, ok := strings.CutSuffix(kind, "Sort"); ok {
		known := map[string]string{}
		for field := range types[of] {
			known[field] = "SortEnumType"
		}
		if v.kind == aList {
			return c.value(name, kind+"[]", v)
		}
		return c.of(anObject, name, known, v)
	}
	if scalar, ok := strings.CutSuffix(kind, "Operation"); ok {
		known := map[string]string{}
		for _, operator := range operators {
			plain, several := strings.CutSuffix(operator, "[]")
			known[plain] = scalar
			if several {
				known[plain] += "[]"
			}
		}
		return c.of(anObject, name, known, v)
	}
	if kind == "PdfInput" {
		return c.of(anObject, name, map[string]string{"type": "DocumentType", "id": "UUID"}, v)
	}
	return c.scalar(name, kind, v)
}

func (c checker) of(want valueKind, name string, known map[string]string, v value) error {
	if v.kind != want {
		return fmt.Errorf("`%s` is %s, not %s", name, want, v.kind)
	}
	return c.object(name, known, v.fields)
}

func (c checker) scalar(name, kind string, v value) error {
	if v.kind == aVariable {
		declared, ok := c.declared[v.text]
		if !ok {
			return fmt.Errorf("the variable $%s is not declared", v.text)
		}
		c.used[v.text] = true
		if declared != kind {
			return fmt.Errorf("the variable $%s is declared as %s, `%s` is %s", v.text, declared, name, kind)
		}
		raw, ok := c.given[v.text]
		if !ok {
			return nil
		}
		var err error
		if v, err = literal(raw); err != nil {
			return err
		}
	}
	fits := v.kind == aString
	switch kind {
	case "Int":
		_, err := strconv.Atoi(v.text)
		fits = v.kind == aNumber && err == nil
	case "Decimal":
		fits = v.kind == aNumber
	case "Boolean":
		fits = v.kind == aName && (v.text == "true" || v.text == "false")
	case "DateTime":
		_, err := time.Parse(time.RFC3339, v.text)
		fits = v.kind == aString && err == nil
	}
	if values, ok := enums[kind]; ok {
		fits = v.kind == aName && slices.Contains(values, v.text)
	}
	if !fits {
		return fmt.Errorf("`%s` is %s: %q is none", name, kind, v.text)
	}
	return nil
}

// literal is a value of JSON as one that is written in a query.
func literal(raw json.RawMessage) (value, error) {
	p := &parser{tokens: lexeme.FindAllString(string(raw), -1)}
	return p.value()
}
