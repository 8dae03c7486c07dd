package message

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"relanced/internal/calendar"
)

// maxAway bounds how far ahead a return is believed.
const maxAway = 180

var months = numbered(
	"janvier|january|januar|enero|gennaio|januari|janv|jan|ene|genn",
	"fevrier|february|februar|febrero|febbraio|februari|fevr|feb",
	"mars|march|marz|maerz|marzo|maart|mar|mrt",
	"avril|april|abril|aprile|avr|apr|abr",
	"mai|may|mayo|maggio|mei|mag",
	"juin|june|juni|junio|giugno|jun|giu",
	"juillet|july|juli|julio|luglio|juil|jul|lug",
	"aout|august|agosto|augustus|aug|ago",
	"septembre|september|septiembre|setiembre|settembre|sept|sep|set",
	"octobre|october|oktober|octubre|ottobre|oct|okt|ott",
	"novembre|november|noviembre|nov",
	"decembre|december|dezember|diciembre|dicembre|dec|dez|dic",
)

var weekdays = numbered(
	"lundi|monday|montag|lunes|lunedi|maandag|mon",
	"mardi|tuesday|dienstag|martes|martedi|dinsdag|tue|tues",
	"mercredi|wednesday|mittwoch|miercoles|mercoledi|woensdag|wed",
	"jeudi|thursday|donnerstag|jueves|giovedi|donderdag|thu|thur|thurs",
	"vendredi|friday|freitag|viernes|venerdi|vrijdag|fri",
	"samedi|saturday|samstag|sonnabend|sabado|sabato|zaterdag|sat",
	"dimanche|sunday|sonntag|domingo|domenica|zondag|sun",
)

// numbered maps each word of the n-th list to n, from 1.
func numbered(lists ...string) map[string]int {
	m := make(map[string]int)
	for i, l := range lists {
		for w := range strings.SplitSeq(l, "|") {
			m[w] = i + 1
		}
	}
	return m
}

func alternatives(m map[string]int) string {
	words := make([]string, 0, len(m))
	for w := range m {
		words = append(words, w)
	}
	// Longest first, so that "mars" is not read as "mar".
	for i := range words {
		for j := i + 1; j < len(words); j++ {
			if len(words[j]) > len(words[i]) || len(words[j]) == len(words[i]) && words[j] < words[i] {
				words[i], words[j] = words[j], words[i]
			}
		}
	}
	return strings.Join(words, "|")
}

const article = `(?:(?:le|les|the|den|dem|der|el|il|lo|de|on|am|du|dal|del|zum|op|dia|giorno|jour|date)\b|'|,)`

// dateAt reads one date at the start of folded text.
var dateAt = regexp.MustCompile(`^[ :,(]*(?:` + article + ` ?)*(?:l')?` +
	`(?:(` + alternatives(weekdays) + `)\b\.?,? ?(?:` + article + ` )*)?` +
	`(?:(\d{4})-(\d\d)-(\d\d)\b` + // 2 3 4
	`|(\d{1,2})(?:er|st|nd|rd|th|º|°)?\.? ?(?:de |of |du )?(` + alternatives(months) + `)\b\.?(?:,? (?:de |del )?(\d{4})\b)?` + // 5 6 7
	`|(` + alternatives(months) + `)\b\.? (\d{1,2})(?:st|nd|rd|th)?\b(?:,? (\d{4})\b)?` + // 8 9 10
	`|(\d{1,2})[/.-](\d{1,2})(?:[/.-](\d{4}|\d{2}))?\b\.?` + // 11 12 13
	`|(\d{1,2})(?:er|st|nd|rd|th|\.)?(?:[ ,;)!]|$))?`) // 14

var (
	sep     = `(?:\b(?:le|les|the|on|in the office|to the office|to work|dans nos bureaux|au bureau|prevu|prevue|est|from|a partir|de|du|des|am|ab|a|zum|op|parmi vous|al lavoro|en la oficina|wieder|im buro|beginning|as of|again|at work)\b|[ :,])*`
	backAt  = regexp.MustCompile(`\b(de retour|retour|reprise|rentrer?a?i?(?: de (?:deplacement|conges?|vacances))?|reouverture|rouvr\w+|reouvr\w+|reprend\w*|revien\w*|a (?:compter|partir) d[ue']|des le|(?:be |am |are |is )?back|returning|return|reopen\w*|re-open\w*|resume|wieder|zuruck|ab (?:dem|montag|dienstag|mittwoch|donnerstag|freitag)|regres\w*|vuelv\w*|volver\w*|reincorpor\w*|rientr\w*|torner\w*|torno|riapr\w*|a partire da[l]?|terug|vanaf|heropen\w*)` + sep)
	untilAt = regexp.MustCompile(`\b(jusqu'(?:au|a|en)|until|till|til|through|thru|to and including|bis(?: einschliesslich| einschl\.?| inkl\.?)?(?: zum)?|hasta(?: el)?|fino (?:al|a)|sino al|tot(?: en met)?|t/m|t\.e\.m\.)` + sep)
	rangeAt = regexp.MustCompile(`\b(?:du|from|vom|von|del|dal|van|entre le|between|zwischen dem) (.{2,40}?) (?:au|a|to|until|till|through|-|bis(?: zum| einschliesslich)?|al|tot(?: en met)?|t/m|et le|and|und(?: dem)?) `)
)

// returnOn reads from an absence notice the day somebody is back: the day that
// is named for the return, else the working day after the last day away. The
// zero Date where the text tells none that makes sense.
func returnOn(text string, received calendar.Date, country string) calendar.Date {
	if received.IsZero() {
		return 0
	}
	f := Fold(strings.ToValidUTF8(text[:min(len(text), 8<<10)], ""))
	r := reader{received: received, monthFirst: country == "US"}
	r.context(f)
	if d := r.first(f, backAt, false); d != 0 {
		return d
	}
	for _, m := range backBefore.FindAllStringSubmatch(f, 10) {
		if d, ok := r.read(m[1]); ok && r.believed(d) {
			return d
		}
	}
	r.after = r.received
	if d := r.first(f, untilAt, true); d != 0 {
		return d
	}
	return r.first(f, rangeAt, true)
}

type reader struct {
	received   calendar.Date
	monthFirst bool
	after      calendar.Date // what a bare day or weekday comes after
}

// context finds the last day away, so that "back on the 7th" is the one after it.
func (r *reader) context(f string) {
	r.after = r.received
	for _, re := range []*regexp.Regexp{rangeAt, untilAt} {
		if d := r.first(f, re, false); d > r.after {
			r.after = d
			return
		}
	}
}

// first gives the date after the first place where re matches and one stands.
// A last day away gives the day that follows: itself where the text does not
// count it in and it is a working day.
func (r *reader) first(f string, re *regexp.Regexp, lastAway bool) calendar.Date {
	for _, at := range re.FindAllStringIndex(f, 20) {
		rest := f[at[1]:]
		if m := partOfDay.FindString(rest); m != "" {
			rest = rest[len(m):]
		}
		d, ok := r.read(rest)
		if !ok || !r.believed(d) {
			continue
		}
		if !lastAway {
			return d
		}
		tail := dateAt.FindString(rest)
		tail = rest[len(tail):min(len(rest), len(tail)+25)]
		switch {
		case morning.MatchString(tail):
			return d
		case re == rangeAt, countedIn.MatchString(f[at[0]:at[1]]), countedIn.MatchString(tail), weekend(d):
			return nextWorkday(d)
		}
		return d
	}
	return 0
}

var (
	partOfDay  = regexp.MustCompile(`^(?:soir|matin|midi|evening|morning|abends?|mittags?) (?:au|a|to|until|bis|al) `)
	morning    = regexp.MustCompile(`^ ?(?:au matin|matin|in the morning|morgens|por la manana|mattina)`)
	countedIn  = regexp.MustCompile(`inclus|inclu|through|thru|\bbis\b|compres|t/m|t\.e\.m|en met|einschl|inkl|incl|ambos`)
	backBefore = regexp.MustCompile(`\b(?:am|ab|on|le|il|op|el|from) ([^.;!?]{0,3}[^;!?]{3,28}?) (?:wieder|zuruck|back|weer|terug|de retour|di nuovo|estare de vuelta)\b`)
)

// believed tells whether a return lies ahead, and not too far.
func (r *reader) believed(d calendar.Date) bool {
	return d >= r.received && d <= r.received.AddDays(maxAway)
}

func weekend(d calendar.Date) bool {
	return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday
}

func nextWorkday(d calendar.Date) calendar.Date {
	for d++; weekend(d); d++ {
		continue
	}
	return d
}

// read gives the date a text starts with.
func (r *reader) read(s string) (calendar.Date, bool) {
	m := dateAt.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	num := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
	switch {
	case m[2] != "":
		return civil(num(2), num(3), num(4))
	case m[6] != "":
		return r.dated(num(7), months[m[6]], num(5))
	case m[8] != "":
		return r.dated(num(10), months[m[8]], num(9))
	case m[12] != "":
		day, month := num(11), num(12)
		if r.monthFirst && day <= 12 || month > 12 {
			day, month = month, day
		}
		year := num(13)
		if year > 0 && year < 100 {
			year += 2000
		}
		return r.dated(year, month, day)
	case m[14] != "":
		for n := range 3 {
			y, mo, _ := r.after.AddMonths(n).Civil()
			if d, ok := civil(y, int(mo), num(14)); ok && d >= r.after {
				return d, true
			}
		}
	case m[1] != "":
		for d := r.after + 1; d <= r.after+7; d++ {
			if int(d.Weekday()) == weekdays[m[1]]%7 {
				return d, true
			}
		}
	}
	return 0, false
}

// dated completes a date without its year: the next such day.
func (r *reader) dated(year, month, day int) (calendar.Date, bool) {
	if year > 0 {
		return civil(year, month, day)
	}
	d, ok := civil(r.received.Year(), month, day)
	if ok && d < r.received {
		d, ok = civil(r.received.Year()+1, month, day)
	}
	return d, ok
}

func civil(year, month, day int) (calendar.Date, bool) {
	if year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	d := calendar.On(year, time.Month(month), day)
	_, m, got := d.Civil()
	return d, int(m) == month && got == day
}
