package sage

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"relanced/connectors"
	"relanced/connectors/httpapi"
)

// diagnosis is one thing that is wrong, in the vendor's words. Codes come and
// go: only the status and, for a lapsed business, the text decide.
type diagnosis struct {
	Message string `json:"$message"`
	Code    string `json:"$dataCode"`
}

// told reads what a refusal says: a list, an object around it, or what an
// authorization server says.
func told(body []byte) (string, bool) {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '<' {
		return "", false
	}
	var list []diagnosis
	if json.Unmarshal(body, &list) != nil {
		var in struct {
			Diagnoses   []diagnosis `json:"$diagnoses"`
			Error       string      `json:"error"`
			Description string      `json:"error_description"`
		}
		if json.Unmarshal(body, &in) != nil {
			return string(body), true
		}
		if list = in.Diagnoses; len(list) == 0 {
			return strings.TrimPrefix(strings.TrimSuffix(in.Error+": "+in.Description, ": "), ": "), true
		}
	}
	if len(list) == 0 {
		return "", true
	}
	if list[0].Message == "" {
		return list[0].Code, true
	}
	return list[0].Message, true
}

// explain turns a refusal into our terms. A 401 that says MSE is about the
// business, not the token: renewing would not help.
func explain(status int, _ http.Header, body []byte) (httpapi.Refusal, bool) {
	detail, ok := told(body)
	if !ok {
		return httpapi.Refusal{}, false
	}
	r := httpapi.Refusal{Kind: connectors.Invalid, Detail: detail}
	switch {
	case status == http.StatusUnauthorized && lapsed(detail):
		r.Kind, r.Final, r.Do = connectors.Auth, true, "the business's Sage subscription has ended: renew it, or correct business_id"
	case status == http.StatusUnauthorized:
		r.Kind = connectors.Auth
	case status == http.StatusForbidden:
		r.Kind, r.Do = connectors.Auth, "give the user who agreed read access to Contacts, Sales, Bank and Settings in Sage, and to this business; then run relanced check"
	case status == http.StatusNotFound, status == http.StatusGone:
		r.Kind = connectors.NotFound
	case status == http.StatusTooManyRequests:
		r.Kind = connectors.Rate
	case status == http.StatusRequestTimeout, status >= 500:
		r.Kind = connectors.Temporary
	case status < 400:
		return r, false
	}
	return r, true
}

func lapsed(detail string) bool {
	return strings.Contains(detail, "(MSE)") || strings.Contains(strings.ToLower(detail), "no active subscription")
}
