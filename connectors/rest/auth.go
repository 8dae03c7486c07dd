package rest

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"relanced/internal/conf"
)

// auth says how requests are let in: a header, HTTP Basic, a token, or OAuth.
type auth struct {
	lock
	OAuth2 *grant
}

// lock is a key that the connection holds. secret, user, password and bearer name
// secrets of the connection.
type lock struct {
	Header string `yaml:"header" doc:"name of the header that takes the secret"`
	Secret string `yaml:"secret" doc:"the secret of that header"`
	Prefix string `yaml:"prefix" doc:"what stands before it, a blank included"`
	Basic  *basic `yaml:"basic"  doc:"user and password, each the name of a secret"`
	Bearer string `yaml:"bearer" doc:"the secret that is the token"`
}

type basic struct {
	User     string `yaml:"user"`
	Password string `yaml:"password"`
}

// grant is how tokens are obtained.
type grant struct {
	Kind         string            `yaml:"oauth2"        doc:"client_credentials, or code: a person agrees once"`
	AuthorizeURL conf.URL          `yaml:"authorize_url" doc:"of code: the page where a person agrees"`
	TokenURL     conf.URL          `yaml:"token_url"     doc:"where tokens are given"`
	Scopes       []string          `yaml:"scopes"        doc:"what is asked for"`
	Basic        bool              `yaml:"basic"         doc:"the client's id and secret come by HTTP Basic, else in the form"`
	PKCE         bool              `yaml:"pkce"          doc:"of code: the vendor supports it"`
	Consent      map[string]string `yaml:"consent"       doc:"of code: parameters added to the page"`
}

// The ways to a token.
const (
	clientCredentials = "client_credentials"
	code              = "code"
)

// DecodeConf reads the keys of a grant where oauth2 is among them, else those of a
// lock.
func (a *auth) DecodeConf(n conf.Node, p *conf.Problems) {
	if _, ok := n.Get("oauth2"); ok {
		a.OAuth2 = &grant{}
		n.Decode(p, a.OAuth2)
		return
	}
	n.Decode(p, &a.lock)
}

// check reports an auth that lets nobody in.
func (a *auth) check(p *conf.Problems) {
	ways := 0
	for _, written := range []bool{a.Header != "", a.Basic != nil, a.Bearer != "", a.OAuth2 != nil} {
		if written {
			ways++
		}
	}
	if ways != 1 {
		p.Addf("say in one way how requests are let in: {header: X-API-Key, secret: api_key}, {bearer: token}, {basic: {user: u, password: p}} or {oauth2: client_credentials, …}")
		return
	}
	switch {
	case a.Header != "":
		if !headerName.MatchString(a.Header) {
			p.At("header").Addf("%q is no name of a header", a.Header)
		}
		if a.Secret == "" {
			p.At("secret").Addf("name the secret that the header takes, as in secret: api_key")
		}
	case a.Basic != nil && a.Basic.User == "":
		p.At("basic").Addf("name the secret that is the user, as in user: api_key; the password may be left out")
	case a.OAuth2 != nil:
		a.OAuth2.check(p)
	}
	if a.Header == "" && (a.Secret != "" || a.Prefix != "") {
		p.At("secret").Addf("secret and prefix belong to a header")
	}
}

func (g *grant) check(p *conf.Problems) {
	switch {
	case g.Kind != clientCredentials && g.Kind != code:
		p.At("oauth2").Addf("%q is no way to a token: write client_credentials or code", g.Kind)
	case g.Kind == clientCredentials && (g.AuthorizeURL != "" || g.PKCE || len(g.Consent) > 0):
		p.At("oauth2").Addf("authorize_url, pkce and consent are for a person who agrees: write oauth2: code, or leave them out")
	}
}

// secrets are the names of the secrets that the manifest speaks of; those that
// end in ? may be left out.
func (b *book) secrets() []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	add(b.Auth.Secret)
	add(b.Auth.Bearer)
	if b.Auth.Basic != nil {
		add(b.Auth.Basic.User)
		add(b.Auth.Basic.Password)
	}
	for _, t := range b.Headers {
		for _, name := range t.names() {
			add(name)
		}
	}
	slices.Sort(names)
	return names
}

// header makes the headers of every request. secret gives the value of one.
func (b *book) header(secret func(name string) string) http.Header {
	h := http.Header{}
	for name, t := range b.Headers {
		left := false
		text := slot.ReplaceAllStringFunc(t.text, func(place string) string {
			named, optional := strings.CutSuffix(place[1:len(place)-1], "?")
			value := secret(named)
			left = left || optional && value == ""
			return value
		})
		if !left {
			h.Set(name, text)
		}
	}
	switch {
	case b.Auth.Header != "":
		h.Set(b.Auth.Header, b.Auth.Prefix+secret(b.Auth.Secret))
	case b.Auth.Bearer != "":
		h.Set("Authorization", "Bearer "+secret(b.Auth.Bearer))
	case b.Auth.Basic != nil:
		password := ""
		if b.Auth.Basic.Password != "" {
			password = secret(b.Auth.Basic.Password)
		}
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(secret(b.Auth.Basic.User)+":"+password)))
	}
	return h
}
