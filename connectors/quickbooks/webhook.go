package quickbooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
)

// VerifyWebhook looks at the signature of a notification, on its bytes as they
// came, and whether one of its events is about this company. Both forms are
// read: the vendor's own, and CloudEvents.
func (c *Connector) VerifyWebhook(header http.Header, body []byte) (bool, error) {
	if c.verifier == "" {
		return false, errors.New("no webhook_token is configured")
	}
	given, err := base64.StdEncoding.DecodeString(header.Get("Intuit-Signature"))
	mac := hmac.New(sha256.New, []byte(c.verifier))
	mac.Write(body)
	if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
		return false, errors.New("the signature is not that of webhook_token")
	}
	realm := c.realm
	for _, told := range realmsIn(body) {
		if realm == "" || told == realm {
			return true, nil
		}
	}
	return false, nil
}

// realmsIn are the companies that a notification speaks of. What cannot be read
// speaks of none: the vendor would only repeat it.
func realmsIn(body []byte) []string {
	var realms []string
	var events []struct {
		Account string `json:"intuitaccountid"`
	}
	if json.Unmarshal(body, &events) == nil {
		for _, e := range events {
			realms = append(realms, e.Account)
		}
		return realms
	}
	var legacy struct {
		Notifications []struct {
			Realm string `json:"realmId"`
		} `json:"eventNotifications"`
	}
	_ = json.Unmarshal(body, &legacy)
	for _, n := range legacy.Notifications {
		realms = append(realms, n.Realm)
	}
	return realms
}
