package resttest

import "fmt"

// Manifest reads the service in the way it pages, size rows at a time. Secrets
// are key, and user where it asks for Basic.
func (s *Server) Manifest(size int) string {
	return fmt.Sprintf(`manifest: quittance
speaks: rest
product: "Quittance, the service of the tests"
base_url: %s
auth: %s
errors: {message: fault.text, when: it.success == false}
probe: {path: /me, show: it.company.name, id: it.company.id}
customers:%s
  read: {path: "/customers/{id}", items: data}
  map: {id: it.id, code: it.code, name: it.name, emails: it.email, country: it.address?.country}
invoices:%s
  read: {path: "/invoices/{id}", items: data}
  pdf: {path: "/invoices/{id}/pdf"}
  map:
    id: it.id
    customer: it.customer.id
    number: it.number
    issued_on: it.date
    dues: 'map(it.instalments, ({"on": #.due_date, "total": #.amount}))'
    total: it.total
    outstanding: it.remaining
    currency: it.currency
    standing: 'it.state == "lost" ? "written_off" : ""'
    skip: it.state in ["draft", "void"]
credit_notes:%s
  map: {id: 'concat("C", it.id)', customer: it.customer.id, number: it.number, issued_on: it.date, currency: it.currency, total: it.total, outstanding: it.unused}
payments:%s
  map:
    id: it.id
    customer: it.customer.id
    on: it.date
    amount: it.amount
    unallocated: it.unallocated
    currency: it.currency
    invoices: 'map(it.shares, ({"invoice": #.invoice_id, "amount": #.amount}))'
`, s.URL(), s.auth(), s.reach("customers", size), s.reach("invoices", size), s.reach("credits", size), s.reach("payments", size))
}

func (s *Server) auth() string {
	switch s.o.Auth {
	case Basic:
		return "{basic: {user: user, password: key}}"
	case Bearer:
		return "{bearer: key}"
	case Client:
		return "{oauth2: client_credentials, token_url: " + s.TokenURL() + ", scopes: [books.read]}"
	case Code:
		return "{oauth2: code, authorize_url: " + s.AuthorizeURL() + ", token_url: " + s.TokenURL() + ", scopes: [books.read]}"
	}
	return `{header: X-Quittance-Key, secret: key, prefix: "key "}`
}

// reach says how the rows of a kind are reached.
func (s *Server) reach(kind string, size int) string {
	const since = "\n  since: {param: updated_since}"
	get := fmt.Sprintf("\n  path: /%s\n  items: data", kind)
	page := fmt.Sprintf("\n  page: {size: %d, size_param: per_page, ", size)
	switch s.o.Style {
	case NumberEmpty:
		return get + since + page + "by: number, param: page}"
	case NumberShort:
		return get + since + page + "by: number, param: page, until: short}"
	case NumberTotal:
		return get + since + page + "by: number, param: page, until: total, total: it.meta.total}"
	case Offset:
		return get + since + page + "by: offset, param: offset}"
	case Cursor:
		return get + since + page + "by: cursor, param: cursor, next: it.meta.next}"
	case NextURL:
		return get + since + page + "by: url, next: it.meta.next}"
	case Link:
		return fmt.Sprintf("\n  path: /%s\n  items: .", kind) + since + page + "by: link}"
	case Post:
		return fmt.Sprintf(`
  path: /%s/search
  items: data
  post: {limit: "{size}", offset: "{offset}"}
  page: {by: offset, size: %d, until: total, total: it.meta.total}
  since: {post: {limit: "{size}", offset: "{offset}", filters: [{field: updated_at, from: "{since}"}]}}`, kind, size)
	}
	return get
}
