package quickbooks

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"relanced/connectors"
	"relanced/connectors/httpapi"
)

// fault is what the vendor says is wrong: in JSON with capitals (its business
// part), without (its gateway), or in XML whatever was asked for; with a status
// that fits, or with 200.
type fault struct {
	Type   string
	Errors []faultError
}

type faultError struct {
	Message, Detail string
	Code            httpapi.Text
}

// parseFault reads a fault of either form.
func parseFault(body []byte) (fault, bool) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return fault{}, false
	}
	if body[0] == '<' {
		return parseXML(body)
	}
	// Keys of encoding/json match whatever their case.
	var in struct {
		Fault *struct {
			Type  string
			Error []struct {
				Message, Detail string
				Code            httpapi.Text
			}
		}
	}
	if err := json.Unmarshal(body, &in); err != nil || in.Fault == nil {
		return fault{}, false
	}
	f := fault{Type: in.Fault.Type}
	for _, e := range in.Fault.Error {
		f.Errors = append(f.Errors, faultError(e))
	}
	return f, true
}

func parseXML(body []byte) (fault, bool) {
	var in struct {
		Fault struct {
			Type   string `xml:"type,attr"`
			Errors []struct {
				Code    string `xml:"code,attr"`
				Message string `xml:"Message"`
				Detail  string `xml:"Detail"`
			} `xml:"Error"`
		} `xml:"Fault"`
	}
	decoder := xml.NewDecoder(bytes.NewReader(body))
	decoder.Strict = false
	if err := decoder.Decode(&in); err != nil || in.Fault.Type == "" && len(in.Fault.Errors) == 0 {
		return fault{}, false
	}
	f := fault{Type: in.Fault.Type}
	for _, e := range in.Fault.Errors {
		f.Errors = append(f.Errors, faultError{Message: e.Message, Detail: e.Detail, Code: httpapi.Text(e.Code)})
	}
	return f, true
}

// code is the number of the first error, leading zeros gone; 0 where there is none.
func (f fault) code() int {
	if len(f.Errors) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(string(f.Errors[0].Code))
	return n
}

func (f fault) detail() string {
	if len(f.Errors) == 0 {
		return f.Type
	}
	text := f.Errors[0].Detail
	if text == "" {
		text = f.Errors[0].Message
	}
	// "Token expired: AB01…" carries the token.
	if head, _, found := strings.Cut(text, "Token expired:"); found {
		text = head + "token expired"
	}
	return text
}

func (f fault) says(text string) bool {
	return slices.ContainsFunc(f.Errors, func(e faultError) bool { return strings.Contains(e.Message+e.Detail, text) })
}

// The codes that ask for something special.
const (
	codePoisoned = 4002 // one row spoils the whole page
	codeNotFound = 610
	codeThrottle = 3001
)

// throttled is how long the vendor asks to wait.
const throttled = time.Minute

const anotherCompany = "this permission is for another QuickBooks company: check realm_id, or run relanced connect NAME again and choose the company there"

// faultIn turns a fault into our terms: the status decides first, the code
// second; only 4002 overrides its 500. status 0: it came with 200.
func faultIn(status int, body []byte) (httpapi.Refusal, bool) {
	f, ok := parseFault(body)
	if !ok {
		return httpapi.Refusal{}, false
	}
	r := httpapi.Refusal{Kind: connectors.Invalid, Detail: f.detail()}
	code := f.code()
	switch {
	case f.says("older than fixed days"):
		r.Detail = tooOld // whatever the status, which is not documented
	case code == codePoisoned:
		r.Detail = poisoned + ": " + r.Detail
	case code == codeThrottle || status == http.StatusTooManyRequests:
		r.Kind, r.Retry = connectors.Rate, throttled
	case status == http.StatusUnauthorized && strings.Contains(f.Type, "AuthenticationFault"):
		r.Kind, r.Do = connectors.Auth, anotherCompany
	case status == http.StatusUnauthorized, status == 0 && (code == 3200 || code == 110 || code == 100):
		r.Kind, r.Do = connectors.Auth, "reconnect: run relanced connect NAME"
	case status >= 500:
		r.Kind = connectors.Temporary
	case status == http.StatusForbidden && (code == 130 || code == 140 || code == 150), code == 130 || code == 140 || code == 150:
		r.Kind = connectors.Temporary
	case status == http.StatusForbidden, code == 3100 || code == 120 || code == 5020:
		r.Kind, r.Do = connectors.Auth, "the person who agreed may not read this company, or sandbox and production are mixed up: check environment, then run relanced connect NAME again"
	case code == codeNotFound:
		r.Kind = connectors.NotFound
	case code == 6190 || strings.Contains(strings.ToLower(r.Detail), "subscription") && strings.Contains(strings.ToLower(r.Detail), "expired"):
		r.Kind, r.Do = connectors.Auth, "the QuickBooks subscription has ended: renew it"
	case status == 0 && code == 10000:
		r.Kind = connectors.Temporary
	}
	return r, true
}

// poisoned begins the detail of a page that one row spoils; tooOld is that of
// changes asked for since longer ago than they are kept.
const (
	poisoned = "one record keeps the others from being read"
	tooOld   = "changes since then are no longer kept"
)

func explain(status int, _ http.Header, body []byte) (httpapi.Refusal, bool) {
	if status == http.StatusBadRequest && len(bytes.TrimSpace(body)) == 0 { // it says nothing of what was asked
		return httpapi.Refusal{Kind: connectors.Temporary, Detail: "an empty answer"}, true
	}
	if status == http.StatusOK {
		status = 0
	}
	return faultIn(status, body)
}
