package match

import (
	"fmt"
	"time"

	"relanced/inbox/message"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/store"
)

type customerID = dossier.CustomerID

// returned looks in a failure notice or complaint for the message it is about:
// our envelope id, then the ids of what it returns. Only these, and those of
// its own header, prove it: anybody can forge a notice.
func (f *finder) returned() error {
	headers, mids := enclosedText(f.m)
	var ids []string
	if r := f.m.Report; r != nil {
		if email.ID(r.EnvelopeID).Valid() {
			ids = addKey(ids, r.EnvelopeID)
		}
		if r.OriginalID != "" {
			mids = addKey(mids, r.OriginalID)
			headers += r.OriginalID + "\n"
		}
		for _, id := range f.s.Keys.Find(r.EnvelopeID, f.s.domains()...) {
			ids = addKey(ids, string(id))
		}
	}
	text := f.m.Text[:min(len(f.m.Text), 64<<10)]
	for _, id := range f.s.Keys.Find(headers+text, f.s.domains()...) {
		ids = addKey(ids, string(id))
	}
	byRef, err := lookup(len(ids), func() (map[string]store.SentRef, error) { return f.d.SentByRef(f.ctx, f.s.Company, ids) })
	if err != nil {
		return fmt.Errorf("match a notice by id: %w", err)
	}
	for _, id := range ids {
		if ref, ok := byRef[id]; ok {
			f.r.quote(ref, "it returns a message with our signature")
			f.r.Verified = true
		}
	}
	byMID, err := lookup(len(mids), func() (map[string]store.SentRef, error) { return f.d.SentByMID(f.ctx, f.s.Company, mids) })
	if err != nil {
		return fmt.Errorf("match a notice by Message-ID: %w", err)
	}
	for _, id := range mids {
		if ref, ok := byMID[id]; ok {
			f.r.quote(ref, "it returns a message of ours")
			f.r.Verified = true
		}
	}
	return nil
}

// numbersOnly uses what a notice quotes: it shows whom it is about, and proves
// nothing.
func (f *finder) numbersOnly() error {
	if f.r.Verified {
		return nil
	}
	if err := f.references(); err != nil {
		return err
	}
	return f.numbers(nil)
}

// recipients matches by the failed address where exactly one reminder went to
// it in the last five days, and sorts the recipients into ours and others'.
func (f *finder) recipients() error {
	if f.m.Report == nil {
		return nil
	}
	for _, x := range f.m.Report.Recipients {
		if f.r.Verified && len(f.r.sentTo) > 0 && !f.r.sentTo[email.Canonical(x.Address)] && !f.r.sentTo[email.Canonical(x.Original)] {
			f.r.Elsewhere = append(f.r.Elsewhere, x)
		} else {
			f.r.Failed = append(f.r.Failed, x)
		}
	}
	if len(f.r.Hits) > 0 {
		return nil
	}
	for i, x := range f.m.Report.Recipients {
		if i == 5 {
			break
		}
		for _, a := range addressesOf(x) {
			sent, err := f.d.SentTo(f.ctx, f.s.Company, a, f.now.Add(-5*24*time.Hour))
			if err != nil {
				return fmt.Errorf("match a notice by address: %w", err)
			}
			if len(sent) == 1 {
				f.r.add(sent[0].Customer, sent[0].Message, Probable, "one reminder went to "+a+" in the last five days")
				break
			}
		}
	}
	return nil
}

func addressesOf(x message.Recipient) []string {
	var out []string
	for _, a := range []string{x.Address, x.Original} {
		out = addKey(out, a)
	}
	return out
}
