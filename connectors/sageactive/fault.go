package sageactive

import (
	"encoding/json"
	"net/http"
	"strings"

	"relanced/connectors"
	"relanced/connectors/httpapi"
)

// explain turns a refusal into our terms. A 401 is about the token or about the
// subscription key: only its text tells.
func explain(status int, _ http.Header, body []byte) (httpapi.Refusal, bool) {
	var in struct {
		Message string `json:"message"`
		Errors  []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if len(body) > 0 && (json.Unmarshal(body, &in) != nil || strings.HasPrefix(strings.TrimSpace(string(body)), "<")) {
		return httpapi.Refusal{}, false
	}
	if in.Message == "" && len(in.Errors) > 0 {
		in.Message = in.Errors[0].Message
	}
	r := httpapi.Refusal{Kind: connectors.Invalid, Detail: in.Message}
	switch {
	case status == http.StatusUnauthorized && strings.Contains(strings.ToLower(in.Message), "subscription key"):
		r.Kind, r.Final, r.Do = connectors.Auth, true, "check subscription_key against the app's keys in "+registry+": Sage does not take it, whoever signs in; then run relanced check"
	case status == http.StatusUnauthorized:
		r.Kind = connectors.Auth
	case status == http.StatusForbidden:
		r.Kind, r.Do = connectors.Auth, "the user who agreed must open Sage Active once, and have access to this organization; then run relanced check"
	case status == http.StatusTooManyRequests:
		r.Kind = connectors.Rate
	case status == http.StatusRequestTimeout, status >= 500:
		r.Kind = connectors.Temporary
	case status < 400:
		return r, false
	}
	return r, true
}

// faultIn reads errors that come with status 200: those of the business logic
// have keys, what an answer may cost is a limit, others are of the moment.
func faultIn(messages []string) *httpapi.Refusal {
	if len(messages) == 0 {
		return nil
	}
	r := &httpapi.Refusal{Kind: connectors.Temporary, Detail: strings.Join(messages, "; ")}
	switch lower := strings.ToLower(r.Detail); {
	case strings.Contains(lower, "organization"), strings.Contains(lower, "tenant"):
		r.Kind, r.Do = connectors.Auth, "check organization_id"
	case strings.Contains(lower, "businesserrors"), strings.Contains(lower, "cost"), strings.Contains(lower, "complex"):
		r.Kind, r.Do = connectors.Invalid, ""
	}
	return r
}
