package compose

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"relanced/internal/bank"
	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/email/layout"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/reminders"
)

// greeting opens the message, by name where a person is known and the message
// is not a formal one.
func (b builder) greeting(formal bool) string {
	if formal {
		return b.say.formal + "\n\n"
	}
	if contact := b.md(b.Dossier.Customer.Contact, 60); contact != "" {
		return fmt.Sprintf(b.say.greetingTo, contact) + "\n\n"
	}
	return b.say.greeting + "\n\n"
}

// added is what a person wrote on top, paragraph by paragraph.
func (b builder) added() string {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(email.CleanText(b.Added, 4000), "\n") {
		if safe := b.md(paragraph, 2000); safe != "" {
			out.WriteString(safe + "\n\n")
		}
	}
	return out.String()
}

// signature closes the message: the configuration's own, or name and telephone.
func (b builder) signature(formal bool) string {
	if b.Sender.Signature != "" {
		return "\n\n" + b.Sender.Signature + "\n"
	}
	lines := []string{b.say.regards}
	if formal {
		lines[0] = b.say.faithfully
	}
	for _, line := range []string{b.Sender.Person, b.Company.Name, b.Sender.Phone} {
		if safe := b.md(line, 100); safe != "" && !slices.Contains(lines, safe) {
			lines = append(lines, safe)
		}
	}
	return "\n\n" + lines[0] + "\n\n" + strings.Join(lines[1:], "  \n") + "\n"
}

// identity says who writes and where answers go; it stands on every message.
func (b builder) identity() []string {
	lines := []string{email.Clean(b.Company.Name, 120)}
	for _, line := range b.Company.Lines {
		if line = email.Clean(line, 120); line != "" {
			lines = append(lines, line)
		}
	}
	if siren := email.Clean(b.Company.SIREN, 20); siren != "" {
		lines = append(lines, fmt.Sprintf(b.say.siren, spaced(siren, 3)))
	}
	return append(lines, fmt.Sprintf(b.say.replyTo, b.Sender.Address))
}

func (b builder) foot() []layout.HTML {
	var lines []layout.HTML
	for _, line := range b.identity() {
		lines = append(lines, layout.Esc(line, 300))
	}
	return lines
}

func (b builder) textFoot() string { return "\n-- \n" + strings.Join(b.identity(), "\n") + "\n" }

// spaced sets digits and letters in groups.
func spaced(text string, size int) string {
	var groups []string
	for part := range slices.Chunk([]rune(text), size) {
		groups = append(groups, string(part))
	}
	return strings.Join(groups, " ")
}

// earlier names the days of the case's messages so far, the last three of them.
func (b builder) earlier() string {
	about := map[dossier.DueID]bool{}
	for _, line := range b.mainLines() {
		about[line.ID] = true
	}
	var days []calendar.Date
	for _, m := range b.Dossier.Messages {
		if _, missed := b.Dossier.ReachedNobody(&m); m.Kind != dossier.KindReminder || m.SentAt.IsZero() || missed {
			continue
		}
		touches := slices.ContainsFunc(m.Lines, func(l dossier.MessageLine) bool {
			return about[l.Due] && l.Role == dossier.RoleDemanded
		})
		day := calendar.DateOf(m.SentAt.In(b.Date.Location()))
		if touches && day < b.today && !slices.Contains(days, day) {
			days = append(days, day)
		}
	}
	slices.Sort(days)
	var texts []string
	for _, day := range days[max(0, len(days)-3):] {
		texts = append(texts, layout.Date(b.lang, day))
	}
	if b.lang == "fr" {
		return strings.NewReplacer(", ", ", le ", " et ", " et le ").Replace(layout.List(b.lang, texts))
	}
	return layout.List(b.lang, texts)
}

// next announces the step that is really planned, and nothing otherwise.
func (b builder) next() string {
	if b.Next.On.IsZero() || b.Next.On <= b.today {
		return ""
	}
	say := b.say.nextOther
	switch {
	case b.Next.Formal:
		say = b.say.nextFormal
	case b.Next.Channel == reminders.Call:
		say = b.say.nextCall
	case b.Next.Channel == reminders.Email || b.Next.Channel == reminders.Letter:
		return "" // one more message is no news
	}
	return fmt.Sprintf(say, layout.Date(b.lang, max(b.Next.On, b.today.AddDays(AnswerDays+1))))
}

// parties names creditor and debtor, as a formal message must.
func (b builder) parties() layout.Piece {
	name := func(name, siren string) string {
		if siren = email.Clean(siren, 20); siren != "" {
			return email.Clean(name, 120) + " (SIREN " + spaced(siren, 3) + ")"
		}
		return email.Clean(name, 120)
	}
	creditor := fmt.Sprintf(b.say.creditor, name(b.Company.Name, b.Company.SIREN))
	debtor := fmt.Sprintf(b.say.debtor, name(b.Dossier.Customer.Name, b.Dossier.Customer.SIREN))
	return layout.Piece{
		Text: creditor + "\n" + debtor,
		HTML: `<p style="margin:0 0 16px">` + layout.Esc(creditor, 300) + "<br>" + layout.Esc(debtor, 300) + "</p>",
	}
}

// pay says how to pay what is demanded: bank details, unchanged or not, and a
// code to scan where the sum is in euros.
func (b builder) pay(m *email.Message) layout.Piece {
	if bank.NormaliseIBAN(b.Bank.IBAN) == "" {
		return layout.Piece{}
	}
	reference := first(strings.Join(invoices(b.mainLines()), " "), b.reference())
	if len(reference) > 100 || len(invoices(b.mainLines())) > 1 {
		reference = b.reference()
	}
	last := b.say.unchanged
	if b.Bank.Changed {
		last = b.say.changed
	}
	if mention := email.Clean(b.Bank.Mention, 300); mention != "" {
		last = mention + ". " + last
	}
	rows := [][2]string{
		{b.say.holder, b.Bank.Holder},
		{b.say.iban, bank.Fours(b.Bank.IBAN)},
		{b.say.bic, b.Bank.BIC},
		{b.say.amount, b.amounts(b.totals())},
		{b.say.reference, reference},
	}
	var pairs []layout.Pair
	text := []string{b.say.pay + b.say.colon, ""}
	for _, row := range rows {
		value := email.Clean(row[1], 200)
		if value == "" {
			continue
		}
		shown := layout.Esc(value, 200)
		if row[0] == b.say.iban {
			shown = layout.Whole(shown)
		}
		pairs = append(pairs, layout.Pair{Name: layout.Esc(row[0]+b.say.colon, 60), Value: shown})
		text = append(text, "  "+row[0]+b.say.colon+" "+value)
	}
	cid, picture := "", layout.HTML("")
	if amount, png := b.code(reference); png != nil {
		cid = "qr." + string(b.ID) + "@" + email.Domain(b.Sender.Address)
		picture = layout.Esc(fmt.Sprintf(b.say.scan, b.money(amount)), 200)
		m.Inline = append(m.Inline, email.Part{Name: "qr.png", Type: "image/png", CID: cid, Data: png})
	}
	text = append(text, "", last)
	return layout.Piece{Text: strings.Join(text, "\n"), HTML: layout.Box(layout.Esc(b.say.pay, 80), pairs, layout.Esc(last, 600), cid, picture)}
}

// legal says as much of interest and fees as the step wants, apart from what is
// asked for now.
func (b builder) legal() layout.Piece {
	l := b.Legal
	if l.Interest == "" || b.Action.Legal == reminders.LegalNone || b.Action.Legal == "" {
		return layout.Piece{}
	}
	kind := b.Dossier.Customer.Kind
	consumer := kind != receivable.KindBusiness && kind != receivable.KindPublic && kind != receivable.KindSoleTrader
	if consumer && b.Action.Legal == reminders.LegalMention {
		return layout.Piece{} // what the law gives against businesses is not even spoken of
	}
	fee := ""
	if !consumer {
		fee = l.Fee
	}
	if b.Action.Legal == reminders.LegalMention {
		text := fmt.Sprintf(b.say.mention, b.rule(lowerFirst(l.Interest)))
		if fee != "" {
			text += b.say.mentionFee + fee
		}
		return note(text + ". " + b.say.noClaim)
	}
	return b.legalAmounts(fee)
}

// rule names the interest, its rate where there is one figure, and where the
// rate comes from.
func (b builder) rule(interest string) string {
	if b.Legal.Rate == "" {
		return fmt.Sprintf("%s (%s)", interest, b.Legal.Basis)
	}
	return fmt.Sprintf(b.say.rate, interest, money.Number(twoDecimals(b.Legal.Rate), b.lang)+b.say.percent, b.Legal.Basis)
}

func (b builder) legalAmounts(fee string) layout.Piece {
	demanded := map[dossier.DueID]bool{}
	for _, line := range b.mainLines() {
		demanded[line.ID] = true
	}
	interest, fees := map[string]money.Amount{}, map[string]money.Amount{}
	var currencies []string
	for _, line := range b.Legal.Lines {
		if !demanded[line.Due] {
			continue
		}
		for _, amount := range []money.Amount{line.Interest, line.Fee} {
			if amount.Currency != "" && !slices.Contains(currencies, amount.Currency) {
				currencies = append(currencies, amount.Currency)
			}
		}
		interest[line.Interest.Currency] = interest[line.Interest.Currency].Add(line.Interest)
		fees[line.Fee.Currency] = fees[line.Fee.Currency].Add(line.Fee)
	}
	if len(currencies) == 0 {
		return layout.Piece{}
	}
	var owed, charged, all []money.Amount
	for _, currency := range currencies {
		if a := interest[currency]; !a.IsZero() {
			owed = append(owed, a)
		}
		if a := fees[currency]; !a.IsZero() {
			charged = append(charged, a)
		}
	}
	for _, total := range b.totals() {
		all = append(all, total.Add(interest[total.Currency]).Add(fees[total.Currency]))
	}
	lines := []string{fmt.Sprintf(b.say.asOf, layout.Date(b.lang, b.today))}
	if len(owed) > 0 {
		lines = append(lines, b.rule(b.Legal.Interest)+b.say.colon+" "+b.amounts(owed))
	}
	if len(charged) > 0 && fee != "" {
		lines = append(lines, upperFirst(fee)+b.say.colon+" "+b.amounts(charged))
	}
	if len(lines) == 1 {
		return layout.Piece{}
	}
	lines = append(lines, fmt.Sprintf(b.say.together, b.amounts(all)))
	return note(lines...)
}

func note(lines ...string) layout.Piece {
	var markup []string
	for i, line := range lines {
		lines[i] = email.CleanText(line, 1000)
		markup = append(markup, html.EscapeString(lines[i]))
	}
	return layout.Piece{Text: strings.Join(lines, "\n"), HTML: layout.Small(layout.HTML(strings.Join(markup, "<br>")))}
}

func lowerFirst(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToLower(r)) + text[size:]
}

func upperFirst(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(r)) + text[size:]
}

func twoDecimals(rate string) string {
	whole, decimals, _ := strings.Cut(rate, ".")
	for len(decimals) < 2 {
		decimals += "0"
	}
	return whole + "." + decimals
}
