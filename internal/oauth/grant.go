package oauth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Grant is what a consent gave.
type Grant struct {
	Refresh   string
	Access    string
	ExpiresAt time.Time // of Access; zero: the vendor does not tell
	// Facts came with the consent and hold as long as it does: whose books it
	// opens, where only the redirected address says so.
	Facts map[string]string
}

// margin is how long before its end an access token is no longer given out: a
// request may wait for its turn.
const margin = time.Minute

// good tells whether Access can be used now, other than the refused one.
func (g Grant) good(now time.Time, refused string) bool {
	if g.Access == "" || g.Access == refused {
		return false
	}
	return g.ExpiresAt.IsZero() || now.Before(g.ExpiresAt.Add(-margin))
}

// safe seals grants: AES-256-GCM, bound to the grant's id.
type safe struct{ aead cipher.AEAD }

func newSafe(key []byte) (safe, error) {
	own, err := hkdf.Key(sha256.New, key, nil, "relanced grants 1", 32)
	if err != nil {
		return safe{}, err
	}
	block, err := aes.NewCipher(own)
	if err != nil {
		return safe{}, err
	}
	aead, err := cipher.NewGCM(block)
	return safe{aead}, err
}

func (s safe) seal(id string, g Grant) ([]byte, error) {
	text, err := json.Marshal(g)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return s.aead.Seal(nonce, nonce, text, []byte(id)), nil
}

var errOtherKey = errors.New("the stored access was sealed with another key: restore the key, or connect again")

func (s safe) open(id string, sealed []byte) (Grant, error) {
	var g Grant
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return g, errOtherKey
	}
	text, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(id))
	if err != nil {
		return g, errOtherKey
	}
	if err := json.Unmarshal(text, &g); err != nil {
		return g, fmt.Errorf("stored access: %w", err)
	}
	return g, nil
}
