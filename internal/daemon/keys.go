package daemon

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"relanced/configs"
	"relanced/internal/email"
)

// secretOf returns the key of the configuration. Where it names none, one is
// kept in a 0600 file beside the store, made on first use.
func secretOf(file *configs.File) ([]byte, error) {
	if secret := file.KeyBytes(); secret != nil {
		return secret, nil
	}
	return keyFile(file.KeyFile())
}

// ring signs what must be recognised when it comes back.
func ring(secret []byte) (email.Keys, error) {
	mail, err := hkdf.Key(sha256.New, secret, nil, "relanced mail 1", 32)
	if err != nil {
		return email.Keys{}, err
	}
	return email.NewKeys(1, map[int][]byte{1: mail})
}

func keyFile(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newKeyFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) != 32 {
		return nil, fmt.Errorf("%s does not hold a key (32 bytes in base64): restore it from a backup; without it, answers to messages already sent are not recognised by their signature", path)
	}
	return secret, nil
}

func newKeyFile(path string) ([]byte, error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return keyFile(path) // another process was quicker
	}
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(secret) + "\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return secret, nil
}
