package email

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What is wrong with a token that does not verify.
var (
	ErrForged  = errors.New("the signature is not ours")
	ErrExpired = errors.New("it has expired")
)

// Token is what an answer to a work list must quote: it names the list, says
// until when it counts, and is bound to one recipient. That it is used once is
// kept by whoever records its ID.
type Token struct {
	ID      ID
	For     string // the recipient's address; another one cannot use it
	Expires time.Time
}

// Sign returns the token as text: t1.{id}.{expiry}.{mac}, safe in a subject,
// an address and a link.
func (k Keys) Sign(t Token) string {
	expiry := strconv.FormatInt(t.Expires.Unix(), 36)
	mac := k.mac(k.current, tokenText(string(t.ID), expiry, t.For))
	return fmt.Sprintf("t%d.%s.%s.%s", k.current, t.ID, expiry, mac)
}

func tokenText(id, expiry, recipient string) string {
	return "list1|" + id + "|" + expiry + "|" + Canonical(recipient)
}

var tokenPattern = regexp.MustCompile(`t([0-9]{1,2})\.([0-9a-z]{16})\.([0-9a-z]{1,12})\.([0-9a-z]{16})`)

// Open finds the token in text and verifies it for that sender at that moment.
// Without a token at all ok is false and err nil.
func (k Keys) Open(text, sender string, now time.Time) (t Token, ok bool, err error) {
	for _, m := range tokenPattern.FindAllStringSubmatch(strings.ToLower(text), -1) {
		version, _ := strconv.Atoi(m[1])
		seconds, badTime := strconv.ParseInt(m[3], 36, 64)
		if version == 0 || badTime != nil || !k.verify(version, tokenText(m[2], m[3], sender), m[4]) {
			err = ErrForged
			continue
		}
		t = Token{ID: ID(m[2]), For: Canonical(sender), Expires: time.Unix(seconds, 0).UTC()}
		if now.After(t.Expires) {
			return t, true, ErrExpired
		}
		return t, true, nil
	}
	return Token{}, err != nil, err
}

// FindTokens returns what has the form of a token in text, in order, each once,
// verified or not.
func FindTokens(text string) []string {
	var found []string
	for _, token := range tokenPattern.FindAllString(strings.ToLower(text), -1) {
		if !slices.Contains(found, token) {
			found = append(found, token)
		}
	}
	return found
}
