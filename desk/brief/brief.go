package brief

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"relanced/desk/actions"
	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/store"
	"relanced/reminders/outbox"
)

// Brief makes the work lists of one company and carries out what people answer.
type Brief struct {
	Desk     *actions.Desk
	Box      *outbox.Box // of the company; lists leave by its mailbox, and answers come back to it
	Config   Config
	Team     []Member
	Holidays calendar.Region // of the company: no list on these days; "" has none
	Logger   *slog.Logger
}

// valid is how long a list can be answered.
const valid = 7 * 24 * time.Hour

// Mail makes the list of each address that is due by the schedule, and queues
// it. It is made once for each time of the schedule, however often Mail is
// called; a second one of the same day only where there is something new.
func (b *Brief) Mail(ctx context.Context) error {
	box := b.Box.Company
	if box.Mailbox.Name == "" || len(b.Config.To) == 0 {
		return nil
	}
	now := b.Box.Store.Now().In(b.zone())
	tick := b.tick(now)
	if tick.IsZero() {
		return nil
	}
	var errs []error
	for _, to := range b.Config.To {
		if err := b.mail(ctx, to, tick, now); err != nil {
			errs = append(errs, fmt.Errorf("work list for %s: %w", to, err))
		}
	}
	return errors.Join(errs...)
}

// early is by how much whoever keeps the schedule may be ahead of our clock.
const early = 2 * time.Second

// tick is the last time of today's schedule that has come; zero: none, or
// today is a public holiday.
func (b *Brief) tick(now time.Time) time.Time {
	today := calendar.DateOf(now)
	if b.Holidays.IsHoliday(today) || b.Config.Schedule.IsZero() {
		return time.Time{}
	}
	midnight := today.Time(now.Location())
	last := time.Time{}
	for _, from := range []time.Time{now.Add(-10 * time.Minute), midnight} {
		if from.Before(midnight) {
			continue
		}
		for t := b.Config.Schedule.AtOrAfter(from); !t.IsZero() && !t.After(now.Add(early)); t = b.Config.Schedule.Next(t) {
			last = t
		}
		if !last.IsZero() {
			return last
		}
	}
	return last
}

func (b *Brief) mail(ctx context.Context, to string, tick, now time.Time) error {
	s := b.Box.Store
	mark := fmt.Sprintf("brief/%s/%s", b.Box.Company.ID, email.Canonical(to))
	var done string
	var last store.WorkList
	err := s.View(ctx, func(tx *store.Tx) error {
		var err error
		if done, err = tx.Meta(mark); err != nil {
			return err
		}
		last, err = tx.LastWorkList(b.Box.Company.ID, to)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	stamp := tick.UTC().Format(time.RFC3339)
	if made(done, stamp, now) {
		return nil
	}
	c, err := b.gather(ctx, last, now)
	if err != nil {
		return err
	}
	if c.sameDay(last) && !c.news(last) || c.empty() && b.Config.Empty != EmptyShort {
		return s.InTx(ctx, func(tx *store.Tx) error { return tx.SetMeta(mark, stamp) })
	}
	return b.queue(ctx, to, mark, stamp, c)
}

// made tells whether the list of that time was made, given the time of the last
// one that was. One of a day to come is left from a clock that was wrong.
func made(done, stamp string, now time.Time) bool {
	return done >= stamp && done <= now.AddDate(0, 0, 1).UTC().Format(time.RFC3339)
}

// queue records the list with what its numbers mean, and puts its mail into the
// outbox, both or neither.
func (b *Brief) queue(ctx context.Context, to, mark, stamp string, c content) error {
	company := b.Box.Company
	id := email.NewID()
	list := store.WorkList{Company: company.ID, To: to, SentAt: c.now.UTC(), ExpiresAt: c.now.Add(valid).UTC().Truncate(time.Second)}
	list.Token = company.Keys.Sign(email.Token{ID: id, For: to, Expires: list.ExpiresAt})
	for _, d := range c.drafts {
		list.Items = append(list.Items, store.WorkItem{Number: d.number, Message: d.id, Basis: d.basis})
	}
	page := b.page(c, list.Token, list.ExpiresAt)
	out, err := b.notice(id, to, page, c.now, "")
	if err != nil {
		return err
	}
	out.Key = mark + "/" + stamp
	return b.Box.Store.InTx(ctx, func(tx *store.Tx) error {
		if done, err := tx.Meta(mark); err != nil || made(done, stamp, c.now) {
			return err
		}
		if err := tx.SetMeta(mark, stamp); err != nil {
			return err
		}
		l := list
		if l.Message, err = tx.Propose(out, 0); err != nil {
			return err
		}
		_, err := tx.AddWorkList(l)
		return err
	})
}

// notice is a mail to one of our own people, ready to leave at once.
func (b *Brief) notice(id email.ID, to string, p page, now time.Time, inReplyTo string) (store.Outgoing, error) {
	company := b.Box.Company
	domain := email.Domain(company.Sender.Address)
	m := email.Message{
		From:         email.Address{Name: company.Sender.Display, Addr: company.Sender.Address},
		To:           []email.Address{{Addr: to}},
		Subject:      p.subject,
		Date:         now,
		MessageID:    company.Keys.MessageID(id, domain),
		Ref:          company.Keys.Ref(id, domain),
		Notification: true,
		Text:         p.text,
		HTML:         p.html,
	}
	if m.From.Name == "" {
		m.From.Name = company.Compose.Name
	}
	for _, member := range b.Team {
		if email.SameAddress(member.Email, to) {
			m.To[0].Name = member.Name
		}
	}
	if email.IsMessageID(inReplyTo) {
		m.InReplyTo, m.References = inReplyTo, []string{inReplyTo}
	}
	bytes, err := email.Build(m)
	if err != nil {
		return store.Outgoing{}, err
	}
	out := store.Outgoing{
		Company: company.ID, Mailbox: company.Mailbox.Name, Ref: string(id), Language: b.lang(), Content: bytes, Text: p.text,
	}
	out.Kind, out.State, out.To, out.Subject, out.MID = dossier.KindNotice, dossier.StateQueued, []string{to}, email.Clean(p.subject, 300), m.MessageID
	return out, nil
}

func (b *Brief) zone() *time.Location { return b.Box.Company.Rules.Company.Zone }

// lang is the language of the company's people: French or English.
func (b *Brief) lang() string {
	if money.IsFrench(b.Box.Company.Compose.Language) {
		return "fr"
	}
	return "en"
}

// count writes a number with its words, in the singular and the plural of each
// language.
func (b *Brief) count(n int, french, english [2]string) string {
	forms, many := english, n != 1
	if b.lang() == "fr" {
		forms, many = french, n > 1
	}
	if many {
		return fmt.Sprintf(forms[1], n)
	}
	return fmt.Sprintf(forms[0], n)
}

func (b *Brief) say(french, english string) string {
	if b.lang() == "fr" {
		return french
	}
	return english
}
