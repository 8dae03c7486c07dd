package message

import (
	"regexp"
	"strings"
)

// headerKey is a line of the block with which mail programs introduce the
// message they quote, in folded text.
var headerKey = regexp.MustCompile(`^\*?(from|sent|date|to|cc|subject|reply-to|importance|` +
	`de|envoye|envoye le|a|objet|expediteur|destinataire|destinataires|copie a|copie|pour|message du|` +
	`von|gesendet|datum|an|betreff|kopie|enviado|enviado el|fecha|para|asunto|` +
	`da|inviato|data|oggetto|per|enviada em|assunto|van|verzonden|aan|onderwerp|` +
	`fran|skickat|till|amne|fra|sendt|til|emne|od|wyslano|do|temat)\*? ?:\*?`)

var (
	rule         = regexp.MustCompile(`^[-_=*#~—–]{5,}$`)
	longRule     = regexp.MustCompile(`^[-_=]{20,}$`)
	commentHead  = regexp.MustCompile(`^[^.!?]{2,80}, .{0,12}\d{1,2}[ ./-].{2,20}\d{2,4},? (\S+ )?\d{1,2}[:.h]\d\d(:\d\d)?( .{2,12})?$`)
	ticketField  = regexp.MustCompile(`^[\p{L}'’/ ]{2,30} ?:( .*)?$`)
	commented    = regexp.MustCompile(`^.{2,80} (a commente|commented|a ajoute un commentaire|added a comment|hat kommentiert|ha comentado|ha commentato|heeft gereageerd|updated this .{2,20}) ?:?$`)
	description  = regexp.MustCompile(`^(description|message initial|original request|demande initiale|historique|history|beschreibung|descripcion|descrizione|omschrijving) ?:$`)
	speechVerb   = regexp.MustCompile(`wrote|writes|said|ecrit|dit|schrieb|escribio|scritto|escreveu|schreef|geschreven|skrev|pisze|napisal|kirjoitti|пишет|написал|gmt|<[^>]+>`)
	inlineAnswer = regexp.MustCompile(`(ci-dessous|en rouge|en bleu|en vert|dans (le|votre) (texte|mail|message)|in (red|blue|green)|see (below|inline|my comments)|below in|inline|siehe unten|in rot|in blau|weiter unten|hieronder|in het rood|qui sotto|in rosso|mas abajo|en rojo)`)
)

// cutting is what is left of a text when the quoted parts are gone.
type cutting struct {
	runs   [][]line // new text, in pieces separated by quotes
	inline bool     // answers stand between quoted lines
	cut    bool     // something was recognised as quoted
	after  []line   // what stood after a hard cut
}

// cutQuotes separates what is new from what is quoted.
func cutQuotes(lines []line) cutting {
	var c cutting
	ticket := false
	lines, ticket = dropTop(lines)
	end := len(lines)
	quotedAt := make([]bool, len(lines))
	folded := make([]string, len(lines))
	for i, l := range lines {
		if len(l.text) <= 1000 {
			folded[i] = Fold(l.text)
		}
	}
	seen := false // new text above
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		if l.quote > 0 {
			quotedAt[i] = true
			continue
		}
		if l.cut || hardCut(folded, lines, i) || seen && (zendeskHead(folded, i) || ticket && description.MatchString(folded[i])) {
			end = i
			for end > 0 && (folded[end-1] == "" || rule.MatchString(folded[end-1])) && !quotedAt[end-1] {
				end--
			}
			c.after = lines[i:]
			break
		}
		if l.attr {
			quotedAt[i] = true
			continue
		}
		if n := attribution(folded, lines, i); n > 0 {
			next := i + n
			for next < len(lines) && folded[next] == "" && lines[next].quote == 0 {
				next++
			}
			if next < len(lines) && lines[next].quote > 0 || next == len(lines) {
				for k := i; k < i+n; k++ {
					quotedAt[k] = true
				}
				i += n - 1
				continue
			}
			end = i
			c.after = lines[i:]
			break
		}
		seen = seen || folded[i] != ""
	}
	c.cut = end < len(lines)
	unbreak(lines[:end], quotedAt)
	var run []line
	places, quotedBefore := 0, false
	flush := func() {
		if hasWords(run) {
			c.runs = append(c.runs, run)
			if quotedBefore {
				places++
			}
		}
		run = nil
	}
	for i := range end {
		if quotedAt[i] {
			c.cut = true
			flush()
			quotedBefore = true
			continue
		}
		run = append(run, lines[i])
	}
	flush()
	c.inline = places >= 2
	return c
}

func hasWords(lines []line) bool {
	for _, l := range lines {
		if wordy(l.text) {
			return true
		}
	}
	return false
}

// dropTop removes what stands above the answer: banners, the line that says
// where to answer and the fields of a ticket below it.
func dropTop(lines []line) (rest []line, ticket bool) {
	for looked := 0; looked < 8; looked++ {
		i := 0
		for i < len(lines) && lines[i].text == "" && !lines[i].cut {
			i++
		}
		if i == len(lines) || lines[i].quote > 0 || lines[i].cut {
			return lines, ticket
		}
		f := Fold(lines[i].text[:min(len(lines[i].text), 1000)])
		switch {
		case banners.in(f):
			// A banner is a paragraph, but only lines that look like one go with it.
			n := i + 1
			for n < len(lines) && n < i+4 && lines[n].text != "" && banners.in(Fold(lines[n].text)) {
				n++
			}
			lines = lines[n:]
		case aboveLines.in(f):
			lines, ticket = lines[i+1:], true
		case nextAbove(lines, i) && !wordy(lines[i].text):
			lines = lines[i+1:]
		case ticket && (commented.MatchString(f) || commentHead.MatchString(f)):
			return lines[i+1:], ticket
		case ticket && rule.MatchString(f):
			lines = lines[i+1:]
		case ticket && firstComment(lines, i) > 0:
			return lines[firstComment(lines, i):], ticket
		case ticket && ticketField.MatchString(lines[i].text) && fieldsFollow(lines, i):
			n := i
			for n < len(lines) && (lines[n].text == "" || ticketField.MatchString(lines[n].text)) {
				n++
			}
			lines = lines[n:]
		default:
			return lines, ticket
		}
	}
	return lines, ticket
}

// firstComment gives the line after the head of the first comment, where a
// ticket system tells first that there is one; 0 for none.
func firstComment(lines []line, i int) int {
	for k, n := i, 0; k+1 < len(lines) && n < 6; k++ {
		if lines[k].text == "" {
			continue
		}
		n++
		if k > i && longRule.MatchString(Fold(lines[k].text)) {
			for j := k + 1; j < len(lines); j++ {
				if lines[j].text != "" {
					if len(lines[j].text) < 200 && commentHead.MatchString(Fold(lines[j].text)) {
						return j + 1
					}
					return 0
				}
			}
		}
	}
	return 0
}

func nextAbove(lines []line, i int) bool {
	return i+1 < len(lines) && aboveLines.in(Fold(lines[i+1].text))
}

func fieldsFollow(lines []line, i int) bool {
	n := 0
	for ; i < len(lines) && (lines[i].text == "" || ticketField.MatchString(lines[i].text)); i++ {
		if lines[i].text != "" {
			n++
		}
	}
	return n >= 2
}

// hardCut tells whether everything from line i on is a quoted message.
func hardCut(folded []string, lines []line, i int) bool {
	f := folded[i]
	if f == "" {
		return false
	}
	if f[0] == '-' || f[0] == '_' || f[0] == '=' || f[0] == '*' || strings.HasSuffix(f, ":") {
		if separators.in(f) {
			return true
		}
	}
	if longRule.MatchString(f) {
		for k, n := i+1, 0; k < len(folded) && n < 3; k++ {
			if folded[k] != "" {
				n++
				if headerBlock(folded, lines, k) {
					return true
				}
			}
		}
		return false
	}
	return headerBlock(folded, lines, i)
}

// headerBlock tells whether line i begins the header of a quoted message: it
// and at least two of the next six lines are header lines of different names.
func headerBlock(folded []string, lines []line, i int) bool {
	first := headerKey.FindStringSubmatch(folded[i])
	if first == nil {
		return false
	}
	seen := map[string]bool{first[1]: true}
	looked, blanks := 0, 0
	for k := i + 1; k < len(folded) && looked < 6; k++ {
		if folded[k] == "" {
			if blanks++; blanks > 5 {
				break
			}
			continue
		}
		if lines[k].quote > 0 {
			break
		}
		looked++
		if m := headerKey.FindStringSubmatch(folded[k]); m != nil {
			seen[m[1]] = true
		}
	}
	return len(seen) >= 3 || len(seen) == 2 && origin[first[1]] && adjacentSubject(folded, i)
}

// origin are the names of the line that tells whose message is quoted.
var origin = set("from de von da van fra fran od")

// adjacentSubject tells a block of two lines: sender, subject.
func adjacentSubject(folded []string, i int) bool {
	for k := i + 1; k < len(folded); k++ {
		if folded[k] != "" {
			m := headerKey.FindStringSubmatch(folded[k])
			return m != nil && subjectKeys[m[1]]
		}
	}
	return false
}

var subjectKeys = set("subject objet betreff asunto oggetto assunto onderwerp amne emne temat")

// zendeskHead tells a rule line that separates the comments of a ticket.
func zendeskHead(folded []string, i int) bool {
	if !longRule.MatchString(folded[i]) {
		return false
	}
	for k, n := i+1, 0; k < len(folded) && n < 1; k++ {
		if folded[k] != "" {
			n++
			if commentHead.MatchString(folded[k]) {
				return true
			}
		}
	}
	return false
}

// attribution gives how many lines, from i on, say "On … wrote:"; 0 for none.
func attribution(folded []string, lines []line, i int) int {
	joined := ""
	for n := 0; n < 4 && i+n < len(folded); n++ {
		f := folded[i+n]
		if f == "" || lines[i+n].quote > 0 {
			return 0
		}
		if n > 0 {
			joined += " "
		}
		joined += f
		if len(joined) > 1000 {
			return 0
		}
		last := f[len(f)-1]
		if last != ':' && !strings.HasSuffix(f, "ecrit") && !strings.HasSuffix(f, "dit") {
			continue
		}
		if speechVerb.MatchString(joined) && attributions.in(joined) {
			return n + 1
		}
	}
	return 0
}

// unbreak takes for quoted what a mail program wrapped out of a quote: a short
// line directly between two quoted ones, the first of them long.
func unbreak(lines []line, quotedAt []bool) {
	for i := 1; i+1 < len(lines); i++ {
		if !quotedAt[i] && quotedAt[i-1] && quotedAt[i+1] && lines[i].text != "" && len(lines[i].text) <= 30 && len(lines[i-1].text) >= 60 {
			quotedAt[i] = true
		}
	}
}
