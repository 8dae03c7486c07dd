package match

import (
	"context"
	"strings"
	"testing"
	"time"

	"relanced/inbox/message"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

var _ Directory = (*store.Store)(nil)

// directory is a Directory in memory that counts its questions.
type directory struct {
	mids      map[string]store.SentRef
	refs      map[string]store.SentRef
	reference map[string][]store.SentRef
	matches   map[string][]store.Match
	threads   map[string][]store.Match
	addresses map[string][]store.Contact
	domains   map[string][]store.Contact
	numbers   map[string][]store.Numbered
	texts     map[dossier.CustomerID][]store.SentText
	sent      map[string][]store.SentRef
	asked     int
}

func pick[T any](d *directory, all map[string]T, keys []string) (map[string]T, error) {
	d.asked++
	out := map[string]T{}
	for _, k := range keys {
		if v, ok := all[k]; ok {
			out[k] = v
		}
	}
	return out, nil
}

func (d *directory) SentByMID(_ context.Context, _ receivable.CompanyID, k []string) (map[string]store.SentRef, error) {
	return pick(d, d.mids, k)
}

func (d *directory) SentByRef(_ context.Context, _ receivable.CompanyID, k []string) (map[string]store.SentRef, error) {
	return pick(d, d.refs, k)
}

func (d *directory) SentByReference(_ context.Context, _ receivable.CompanyID, k []string) (map[string][]store.SentRef, error) {
	return pick(d, d.reference, k)
}

func (d *directory) MatchesByMID(_ context.Context, _ receivable.CompanyID, k []string) (map[string][]store.Match, error) {
	return pick(d, d.matches, k)
}

func (d *directory) ByThread(_ context.Context, _ receivable.CompanyID, k []string) (map[string][]store.Match, error) {
	return pick(d, d.threads, k)
}

func (d *directory) ByAddress(_ context.Context, _ receivable.CompanyID, k []string) (map[string][]store.Contact, error) {
	return pick(d, d.addresses, k)
}

func (d *directory) ByDomain(_ context.Context, _ receivable.CompanyID, k []string) (map[string][]store.Contact, error) {
	return pick(d, d.domains, k)
}

func (d *directory) ByNumber(_ context.Context, _ receivable.CompanyID, k []string) (map[string][]store.Numbered, error) {
	return pick(d, d.numbers, k)
}

func (d *directory) RecentTexts(_ context.Context, c dossier.CustomerID, _ int) ([]store.SentText, error) {
	return d.texts[c], nil
}

func (d *directory) SentTo(_ context.Context, _ receivable.CompanyID, a string, _ time.Time) ([]store.SentRef, error) {
	return d.sent[a], nil
}

const id = email.ID("7k4qm2tx0a1b2c3d")

func world(t *testing.T) (*directory, Seller) {
	t.Helper()
	keys, err := email.NewKeys(1, map[int][]byte{1: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	ref := store.SentRef{Message: 7, Customer: 1, To: []string{"jean@client.example"}}
	d := &directory{
		mids:      map[string]store.SentRef{"alias@prod.outlook.example": ref},
		refs:      map[string]store.SentRef{string(id): ref},
		reference: map[string][]store.SentRef{email.Reference(id): {ref}},
		matches:   map[string][]store.Match{"theirs@client.example": {{Customer: 1, Message: 7}}},
		threads:   map[string][]store.Match{email.ThreadGUID(keys.ThreadIndex("case", time.Unix(1700000000, 0), 0)): {{Customer: 1, Message: 7}}},
		addresses: map[string][]store.Contact{
			"jean@client.example": {{Customer: 1, Address: "jean@client.example", Open: true}},
			"group@gmail.com":     {{Customer: 1, Open: true}, {Customer: 2, Open: true}},
			"paid@old.example":    {{Customer: 3}},
		},
		domains: map[string][]store.Contact{
			"client.example":  {{Customer: 1, Open: true}},
			"cabinet.example": {{Customer: 1, Open: true}, {Customer: 2, Open: true}},
			"gmail.com":       {{Customer: 2, Open: true}},
		},
		numbers: map[string][]store.Numbered{"FA20260417": {{Document: 5, Customer: 1, Number: "FA-2026-0417", Open: true}}},
		texts: map[dossier.CustomerID][]store.SentText{1: {{Message: 7, Text: "Sauf erreur de notre part, la facture reste due.\n" +
			"Vous trouverez notre RIB au bas de la facture.\nMerci de nous répondre sous huit jours francs."}}},
		sent: map[string][]store.SentRef{"jean@client.example": {ref}},
	}
	return d, Seller{Company: "dupont", Keys: keys, Own: []string{"compta@dupont.example"}}
}

func find(t *testing.T, d *directory, s Seller, raw string) *Result {
	t.Helper()
	r, err := Find(t.Context(), d, s, message.Parse([]byte(raw)), time.Unix(1800000000, 0))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFind_eachEvidenceAlone(t *testing.T) {
	t.Parallel()
	d, s := world(t)
	mid := s.Keys.MessageID(id, "dupont.example")
	forged := strings.Replace(mid, string(id), "0000000000000000", 1)
	for name, c := range map[string]struct {
		raw       string
		level     Level
		customers int
		attached  bool
		stranger  bool
	}{
		"token address":          {"From: x@y.example\nTo: " + s.Keys.TokenAddress(id, "compta@dupont.example") + "\n\nok", Certain, 1, true, true},
		"our Message-ID":         {"From: x@y.example\nIn-Reply-To: " + mid + "\n\nok", Certain, 1, true, true},
		"alias":                  {"From: x@y.example\nReferences: <a@b> <Alias@prod.outlook.example>\n\nok", Certain, 1, true, true},
		"folded and upper case":  {"From: x@y.example\nReferences: <a@b>,<" + strings.ToUpper(mid[1:20]) + "\n " + strings.ToUpper(mid[20:len(mid)-1]) + ">\n\nok", Certain, 1, true, true},
		"forged id":              {"From: x@y.example\nIn-Reply-To: " + forged + "\n\nok", None, 0, false, false},
		"conversation":           {"From: x@y.example\nThread-Index: " + s.Keys.ThreadIndex("case", time.Unix(1700000000, 0), 2) + "\n\nok", Certain, 1, true, true},
		"answer to an answer":    {"From: x@y.example\nIn-Reply-To: <theirs@client.example>\n\nok", Certain, 1, true, true},
		"visible reference":      {"From: x@y.example\nSubject: " + strings.ToLower(email.Reference(id)) + "\n\nok", Strong, 1, true, true},
		"number and contact":     {"From: Jean <JEAN+x@client.example>\nSubject: facture FA 2026 0417\n\nok", Strong, 1, false, false},
		"number and domain":      {"From: autre@client.example\nSubject: FA/2026/0417\n\nok", Strong, 1, false, true},
		"number from a stranger": {"From: x@y.example\n\nfacture fa-2026-0417", Probable, 1, false, true},
		"quoted text":            {"From: autre@client.example\n\nok\n\nSauf erreur de notre part, la facture reste due.\nVous trouverez notre RIB au bas de la facture.\nMerci de nous répondre sous huit jours francs.", Strong, 1, true, true},
		"contact":                {"From: jean@client.example\n\nbonjour", Probable, 1, false, false},
		"contact of two":         {"From: g.r.o.u.p@googlemail.com\n\nbonjour", Probable, 2, false, false},
		"contact without a case": {"From: paid@old.example\n\nbonjour", None, 0, false, false},
		"domain":                 {"From: autre@client.example\n\nbonjour", Probable, 1, false, true},
		"shared domain":          {"From: x@cabinet.example\n\nbonjour", None, 0, false, false},
		"public domain":          {"From: x@gmail.com\n\nbonjour", None, 0, false, false},
		"forward by ours":        {"From: compta@dupont.example\nSubject: TR: rappel\n\nDe : Jean <jean@client.example>\nDate : x\nObjet : rappel\n\nok", Probable, 1, false, false},
		"rewritten sender":       {"From: SRS0=ab=cd=client.example=jean@relay.example\n\nbonjour", Probable, 1, false, false},
		"nobody":                 {"From: x@y.example\n\nbonjour", None, 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := *d
			r := find(t, &d, s, c.raw)
			if r.Level != c.level || len(r.Hits) != c.customers || r.NewSender != c.stranger {
				t.Fatalf("level %s, hits %+v, new sender %v", r.Level, r.Hits, r.NewSender)
			}
			if c.customers > 0 && (r.Hits[0].Customer != 1 || (r.Hits[0].Message == 7) != c.attached || len(r.Evidence) == 0) {
				t.Errorf("hit %+v", r.Hits[0])
			}
		})
	}
}

const notice = "Return-Path: <>\nFrom: mailer-daemon@mx.example\nSubject: Undelivered Mail Returned to Sender\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nfailed\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; RCPT\nAction: failed\nStatus: 5.1.1\n\n--b\nContent-Type: text/rfc822-headers\n\nSubject: Rappel\nMIDLINE\n--b--\n"

func TestFind_quotedWorkListNamesNobodyElse(t *testing.T) {
	t.Parallel()
	d, s := world(t)
	d.numbers["FA20260999"] = []store.Numbered{{Document: 9, Customer: 2, Number: "FA-2026-0999", Open: true}}
	token := s.Keys.Sign(email.Token{ID: id, For: "marie@dupont.example", Expires: time.Unix(1900000000, 0)})
	list := "\r\n\r\nok\r\n> " + token + "\r\n> 1. A, FA-2026-0417, " + email.Reference(id) + "\r\n> 2. B, FA-2026-0999\r\n"
	if r := find(t, d, s, "From: x@stranger.example\r\nSubject: RE: liste"+list); len(r.Hits) != 0 {
		t.Errorf("a stranger's answer to a list is given to %+v", r.Hits)
	}
	r := find(t, d, s, "From: jean@client.example\r\nSubject: RE: liste"+list)
	if len(r.Hits) != 1 || r.Hits[0].Customer != 1 {
		t.Errorf("a client's answer to a list is given to %+v, want customer 1 alone", r.Hits)
	}
}

func TestFind_noticeCountsOnlyWithProof(t *testing.T) {
	t.Parallel()
	d, s := world(t)
	mid := "Message-ID: " + s.Keys.MessageID(id, "dupont.example")
	for name, c := range map[string]struct {
		rcpt, line string
		level      Level
		verified   bool
		elsewhere  int
	}{
		"returned id":     {"jean@client.example", mid, Certain, true, 0},
		"returned header": {"jean@client.example", "X-Relanced-Ref: " + s.Keys.Ref(id, "dupont.example"), Certain, true, 0},
		"forwarded copy":  {"secretaire@autre.example", mid, Certain, true, 1},
		"address alone":   {"jean@client.example", "X: y", Probable, false, 0},
		"forged":          {"nobody@else.example", "Message-ID: <r1.0000000000000000.0000000000000000@dupont.example>", None, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := *d
			r := find(t, &d, s, strings.NewReplacer("RCPT", c.rcpt, "MIDLINE", c.line).Replace(notice))
			if r.Level != c.level || r.Verified != c.verified || len(r.Elsewhere) != c.elsewhere {
				t.Errorf("level %s verified %v elsewhere %v hits %+v", r.Level, r.Verified, r.Elsewhere, r.Hits)
			}
		})
	}
}

func TestHeads_readsOnlyBodiesThatMatter(t *testing.T) {
	t.Parallel()
	d, s := world(t)
	mid := s.Keys.MessageID(id, "dupont.example")
	cases := []struct {
		raw  string
		want Need
	}{
		{"From: x@y.example\nIn-Reply-To: " + mid + "\nSubject: Re: x\n\n", Matched},
		{"From: jean@client.example\nSubject: bonjour\n\n", Matched},
		{"From: x@y.example\nSubject: facture FA-2026-0417\n\n", Matched},
		{"From: x@y.example\nSubject: Re: votre relance\n\n", May},
		{"From: x@y.example\nSubject: On se voit mardi ?\n\n", Nothing},
		{"From: news@shop.example\nList-Id: <n>\nSubject: Nos factures\n\n", Nothing},
		{"Return-Path: <>\nFrom: mailer-daemon@y.example\nSubject: Undeliverable: Rappel\n\n", Notice},
		{"From: compta@dupont.example\nMessage-ID: " + mid + "\nSubject: Rappel\n\n", Nothing},
		{"From: compta@dupont.example\nMessage-ID: <x@dupont.example>\nSubject: TR: Rappel\n\n", May},
	}
	var heads []*message.Message
	for range 50 {
		for _, c := range cases {
			heads = append(heads, message.ParseHeader([]byte(c.raw)))
		}
	}
	got, err := Heads(t.Context(), d, s, heads)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range got {
		if c := cases[i%len(cases)]; n != c.want {
			t.Errorf("%q: got %q, want %q", c.raw, n, c.want)
		}
	}
	if d.asked > 20 {
		t.Errorf("%d questions for one batch", d.asked)
	}
}

func TestNumbersIn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"facture 417":             "417",
		"il y a 417 personnes":    "",
		"facture FA-2026-0417.":   "FA20260417",
		"fa 2026/0417":            "FA20260417",
		"virement_FA20260417.pdf": "",
		"n° 00123":                "123",
	} {
		got := numbersIn(text)
		found := want == ""
		for _, n := range got {
			found = found || n == want
			if want == "" && n == "417" {
				t.Errorf("%q: %v", text, got)
			}
		}
		if !found {
			t.Errorf("%q: got %v, want %s among them", text, got, want)
		}
	}
}
