package reminders

import (
	"strconv"
	"strings"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email/layout"
	"relanced/internal/money"
)

// Explain returns the decision with a sentence for people in each verdict
// (Because), and the facts it rests on. lang is "fr" or anything else for
// English. The dossier, rules and moment are those of the decision.
func Explain(dec Decision, d dossier.Dossier, r Rules, now time.Time, lang string) Decision {
	explained := dec
	explained.Verdicts = make([]Verdict, len(dec.Verdicts))
	x := explainer{&d, r, calendar.DateOf(now.In(r.Company.Zone)), lang}
	for i, v := range dec.Verdicts {
		explained.Verdicts[i] = x.verdict(v)
	}
	return explained
}

// ExplainVerdict is Explain for one verdict.
func ExplainVerdict(v Verdict, d dossier.Dossier, r Rules, now time.Time, lang string) Verdict {
	x := explainer{&d, r, calendar.DateOf(now.In(r.Company.Zone)), lang}
	return x.verdict(v)
}

// Word names a reason in a few words, "" for no reason.
func Word(reason dossier.Reason, lang string) string {
	words := words[reason]
	if money.IsFrench(lang) {
		return words[0]
	}
	return words[1]
}

type explainer struct {
	d     *dossier.Dossier
	r     Rules
	today calendar.Date
	lang  string
}

func (x *explainer) verdict(v Verdict) Verdict {
	values := x.values(v)
	sentence := sentences[v.Reason]
	if v.Outcome == Act {
		sentence = acting[v.Channel]
	}
	text := sentence[1]
	if money.IsFrench(x.lang) {
		text = sentence[0]
	}
	v.Facts = nil
	for _, name := range factNames {
		if values[name] != "" {
			v.Facts = append(v.Facts, Fact{name, values[name]})
		}
	}
	v.Because = fill(text, values)
	return v
}

// fill puts values in the places of a sentence. What stands between brackets is
// left out where a value in it is missing.
func fill(text string, values map[string]string) string {
	var b strings.Builder
	for text != "" {
		before, rest, optional := strings.Cut(text, "[")
		b.WriteString(place(before, values))
		if !optional {
			break
		}
		part, after, _ := strings.Cut(rest, "]")
		if filled := place(part, values); !strings.Contains(filled, "\x00") {
			b.WriteString(filled)
		}
		text = after
	}
	return strings.ReplaceAll(b.String(), "\x00", "?")
}

func place(text string, values map[string]string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		if values[name] == "" {
			b.WriteByte(0)
		}
		b.WriteString(values[name])
		text = after
	}
}

// factNames are the facts of a verdict, in the order they are told.
var factNames = []string{
	"due_on", "days_late", "outstanding", "plan", "step", "last_step", "last_message_on", "gap", "hold_by", "hold_since",
	"hold_until", "note", "missed_on", "promised_on", "disputed", "credit", "returned_on", "problem", "standing", "e_invoicing", "supplier", "message", "start",
}

// values gathers what can be said of the verdict, as people read it.
func (x *explainer) values(v Verdict) map[string]string {
	l := v.Line
	values := map[string]string{
		"invoice":     l.Invoice,
		"due_on":      x.date(l.DueOn),
		"outstanding": money.Format(l.Outstanding, x.lang),
		"step":        v.Step,
		"problem":     l.Problem,
		"standing":    string(l.Standing),
		"e_invoicing": string(l.EStatus),
	}
	if x.d.Customer.Supplier {
		values["supplier"] = "also a supplier"
		if money.IsFrench(x.lang) {
			values["supplier"] = "aussi fournisseur"
		}
	}
	if late := x.today.DaysSince(l.DueOn); l.DueOn != 0 && late > 0 {
		values["days_late"] = strconv.Itoa(late)
		values["late"] = x.days(late)
	}
	if v.Step != "" && (v.Outcome == Act || v.Outcome == Wait || v.Reason == dossier.Approval) {
		values["plan"] = v.Plan
	}
	if !v.At.IsZero() {
		values["at"] = x.moment(v.At)
	}
	x.past(v, values)
	switch v.Reason {
	case dossier.Promised, dossier.ProbablyPaid:
		x.promise(v, values)
	case dossier.Disputed:
		x.dispute(v, values)
	case dossier.Absent:
		x.absence(values)
	case dossier.Gap:
		values["missed_on"] = x.date(x.missedOn())
	case dossier.Backlog:
		values["start"] = x.date(x.start())
	}
	if v.Reason == dossier.CreditCovers || v.Reason == dossier.ProbablyPaid {
		sum := money.Amount{Currency: l.Outstanding.Currency}
		for _, c := range x.d.Credits {
			if c.Amount.Currency == sum.Currency && c.Amount.Sign() > 0 {
				sum.Minor = plus(sum.Minor, c.Amount.Minor)
			}
		}
		if sum.Sign() > 0 {
			values["credit"] = money.Format(sum, x.lang)
		}
	}
	x.hold(v, values)
	return values
}

func (x *explainer) days(n int) string {
	forms := [2]string{"day", "days"}
	if money.IsFrench(x.lang) {
		forms = [2]string{"jour", "jours"}
	}
	return strconv.Itoa(n) + " " + forms[min(n-1, 1)]
}

func (x *explainer) date(d calendar.Date) string {
	if d == 0 {
		return ""
	}
	return layout.ShortDate(x.lang, d)
}

func (x *explainer) moment(t time.Time) string {
	t = t.In(x.r.Company.Zone)
	join := " at "
	if money.IsFrench(x.lang) {
		join = " à "
	}
	return x.date(calendar.DateOf(t)) + join + t.Format("15:04")
}

// past tells the last message to the customer, and the last that spoke of the line.
func (x *explainer) past(v Verdict, values map[string]string) {
	var last, own *dossier.Message
	for i := range x.d.Messages {
		m := &x.d.Messages[i]
		if m.Kind != dossier.KindReminder {
			continue
		}
		if m.State.Live() && (v.Reason == dossier.Approval || v.Reason == dossier.OutcomeUnknown) {
			values["message"] = strconv.FormatInt(int64(m.ID), 10)
		}
		if _, missed := x.d.ReachedNobody(m); m.State != dossier.StateSent || missed {
			continue
		}
		if last == nil || m.SentAt.After(last.SentAt) {
			last = m
		}
		for _, use := range m.Lines {
			if use.Due == v.Line.ID && (own == nil || m.SentAt.After(own.SentAt)) {
				own = m
			}
		}
	}
	if own != nil {
		values["last_step"] = own.Step
	}
	if last != nil {
		values["last_message_on"] = x.date(calendar.DateOf(last.SentAt.In(x.r.Company.Zone)))
		if plan := x.r.plans[last.Plan]; plan != nil {
			values["gap"] = plan.gap.String()
		}
	}
}

func (x *explainer) hold(v Verdict, values map[string]string) {
	for i := range x.d.Holds {
		h := &x.d.Holds[i]
		if h.Reason != v.Reason || !h.EndedAt.IsZero() || h.Document != 0 && h.Document != v.Line.Document {
			continue
		}
		values["hold_by"], values["note"] = h.By, inSentence(h.Note)
		values["hold_since"] = x.date(calendar.DateOf(h.From.In(x.r.Company.Zone)))
		values["hold_until"] = x.date(h.Until)
	}
}

// inSentence makes a note of several lines part of a sentence that has its own
// full stop.
func inSentence(note string) string {
	return strings.TrimRight(strings.Join(strings.Fields(note), " "), ".")
}

func (x *explainer) promise(v Verdict, values map[string]string) {
	for i := range x.d.Promises {
		p := &x.d.Promises[i]
		if p.EndedAt.IsZero() && (p.Document == 0 || p.Document == v.Line.Document) && (p.Claimed != "") == (v.Reason == dossier.ProbablyPaid) {
			values["promised_on"], values["hold_by"] = x.date(p.On), p.By
		}
	}
}

func (x *explainer) dispute(v Verdict, values map[string]string) {
	for i := range x.d.Disputes {
		p := &x.d.Disputes[i]
		if p.EndedAt.IsZero() && p.Document == v.Line.Document {
			values["note"], values["hold_by"] = inSentence(p.Reason), p.By
			if !p.Amount.IsZero() {
				values["disputed"] = money.Format(p.Amount, x.lang)
			}
		}
	}
}

func (x *explainer) absence(values map[string]string) {
	var back calendar.Date
	for i := range x.d.Replies {
		back = max(back, x.d.Replies[i].ReturnOn)
	}
	values["returned_on"] = x.date(back)
}

func (x *explainer) start() calendar.Date { return x.r.backlogBefore(&x.d.Company) }
