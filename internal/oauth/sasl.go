package oauth

import "github.com/emersion/go-sasl"

// xoauth2 is the mechanism of Microsoft and Google, older than OAUTHBEARER.
const xoauth2 = "XOAUTH2"

// SASL is how a user logs in to a mail server by an access token: XOAUTH2 where
// the server announces it, else OAUTHBEARER. nil where it announces neither.
func SASL(user, token string, announced func(mechanism string) bool) sasl.Client {
	switch {
	case announced(xoauth2):
		return bearer{xoauth2, "user=" + user + "\x01auth=Bearer " + token + "\x01\x01", ""}
	case announced(sasl.OAuthBearer):
		_, first, err := sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: user, Token: token}).Start()
		if err == nil {
			return bearer{sasl.OAuthBearer, string(first), "\x01"}
		}
	}
	return nil
}

// bearer says everything at once. A server that does not take the token asks
// again with a reason in JSON, and refuses when that has been answered.
type bearer struct {
	mechanism, first string
	answer           string // to the reason, as the mechanism wants it
}

// Start returns all there is to say.
func (b bearer) Start() (mechanism string, first []byte, err error) {
	return b.mechanism, []byte(b.first), nil
}

// Next answers the reason, so that the refusal itself comes.
func (b bearer) Next([]byte) ([]byte, error) { return []byte(b.answer), nil }
