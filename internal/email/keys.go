package email

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// alphabet is Crockford's base32 in lower case: no i, l, o or u, and nothing
// that a gateway changing case could spoil.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// ID names a message, a case or a work list: 80 random bits as 16 characters
// of lower-case base32.
type ID string

// NewID returns a fresh random ID.
func NewID() ID {
	var raw [10]byte
	if _, err := rand.Read(raw[:]); err != nil {
		panic(err) // crypto/rand never fails on a supported system
	}
	return ID(encode(raw[:]))
}

// Valid tells whether the ID has the form NewID gives.
func (id ID) Valid() bool {
	return len(id) == 16 && strings.Trim(string(id), alphabet) == ""
}

// Keys signs what must be recognised when it comes back. Each key has a
// version; new signatures use the current one, old ones verify for ever.
type Keys struct {
	current int
	keys    map[int][]byte
}

// NewKeys returns the ring whose signatures are made with the key of version
// current. Keys shorter than 16 bytes and versions outside 1 to 99 are refused.
func NewKeys(current int, keys map[int][]byte) (Keys, error) {
	if _, ok := keys[current]; !ok {
		return Keys{}, fmt.Errorf("no key of version %d", current)
	}
	for version, key := range keys {
		if version < 1 || version > 99 {
			return Keys{}, fmt.Errorf("key version %d is outside 1 to 99", version)
		}
		if len(key) < 16 {
			return Keys{}, errors.New("a key must have 16 bytes or more")
		}
	}
	return Keys{current, maps.Clone(keys)}, nil
}

// mac returns 80 bits of HMAC-SHA-256 as 16 characters.
func (k Keys) mac(version int, text string) string {
	return encode(k.sum(version, text)[:10])
}

func (k Keys) sum(version int, text string) []byte {
	h := hmac.New(sha256.New, k.keys[version])
	h.Write([]byte(text))
	return h.Sum(nil)
}

// verify tells whether mac signs text under the key of that version, or under
// any key where the version is 0.
func (k Keys) verify(version int, text, mac string) bool {
	versions := []int{version}
	if version == 0 {
		versions = slices.Sorted(maps.Keys(k.keys))
	}
	for _, v := range versions {
		if _, ok := k.keys[v]; ok && hmac.Equal([]byte(k.mac(v, text)), []byte(mac)) {
			return true
		}
	}
	return false
}

// encode writes bytes as base32 without padding, most significant bit first.
func encode(raw []byte) string {
	var out strings.Builder
	bits, have := uint32(0), 0
	for _, b := range raw {
		bits, have = bits<<8|uint32(b), have+8
		for have >= 5 {
			have -= 5
			out.WriteByte(alphabet[bits>>have&31])
		}
	}
	if have > 0 {
		out.WriteByte(alphabet[bits<<(5-have)&31])
	}
	return out.String()
}

// fold lowers text and reads the letters that base32 leaves out as the digits
// people and scanners take them for.
func fold(text string) string {
	return strings.NewReplacer("o", "0", "i", "1", "l", "1").Replace(strings.ToLower(text))
}
