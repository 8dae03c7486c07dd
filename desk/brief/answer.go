package brief

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// Answer is what a member of the team wrote under a work list, understood.
type Answer struct {
	All     bool           // every number that nothing else is said of is approved
	Except  []int          // these stay drafts
	Approve []int          // these, whatever All says
	Decline []int          // these are declined
	Say     map[int]string // these are approved with the sentence on top
}

// Verdict is what an answer wants of one number.
type Verdict string

// The verdicts. Leave: the draft stays a draft.
const (
	Leave   Verdict = "leave"
	Approve Verdict = "approve"
	Decline Verdict = "decline"
)

// NotUnderstood tells why nothing of an answer is acted on.
type NotUnderstood struct {
	Line string // as written, "" where the answer as a whole is meant
	Why  Misunderstanding
	N    int // the number concerned, 0 for none
}

// Misunderstanding names what stopped an answer.
type Misunderstanding string

// The misunderstandings.
const (
	Unclear  Misunderstanding = "unclear"  // the line is no order and no courtesy
	Contrary Misunderstanding = "contrary" // a number is both approved and declined
	Unknown  Misunderstanding = "unknown"  // the list has no such number
	Nothing  Misunderstanding = "nothing"  // no order at all
)

// Error says what was not understood.
func (e *NotUnderstood) Error() string {
	if e.N != 0 {
		return fmt.Sprintf("%s: number %d", e.Why, e.N)
	}
	return fmt.Sprintf("%s: %q", e.Why, e.Line)
}

var (
	list     = `((?:(?:n ?o|n°|nº|no|numeros?|numbers?|la|le|les|l'|the|#)\s*)*\d+(?:\s*(?:,|;|et|and|&|/|-|a|to|\s)\s*(?:(?:n°|la|le|les|the|#)\s*)?\d+)*)`
	polite   = `[\s,.!;:)]*(?:(?:merci(?: beaucoup| bien| d'avance)?|svp|s'il (?:vous|te) plait|stp|please|thanks(?: a lot)?|thank you|bonne journee|c'est bon|pour moi|for me)[\s,.!;:)]*)*`
	yes      = `(?:(?:parfait|tres bien|bien|oui|ok|yes)[\s,.!]+)?(?:(?:je|tu peux|vous pouvez|you can|c'est|tout est)\s+)?(?:ok(?:ay)?|oui|yes|d'accord|dac|go|valide(?:r|z)?|approuve(?:r|z)?|approved?|envoie|envoyez|envoyer|send|bon pour (?:envoi|accord)|vas[- ]y|allez[- ]y|c'est bon|parfait)`
	no       = `(?:je\s+)?(?:non|no|refuse(?:r|z)?|pas|annule(?:r|z)?|decline(?:d)?|cancel|don't send|do not send|ne pas envoyer|supprime(?:r|z)?)`
	every    = `(?:(?:pour|a|for|to)?\s*(?:tout(?:es)?|tous|tout le monde|all|everything|l'ensemble|le reste|the rest)(?:\s+(?:les relances|les autres|of them|the rest))?)`
	but      = `(?:,?\s*(?:sauf|hormis|a part|excepte|a l'exception d[eu]s?|except(?: for)?|but(?: not)?|apart from|mais pas|without|sans)\s*(?:pour\s+)?)`
	linking  = `(?:\s*(?:pour|au|aux|a|for|to|:|=|,)?\s*)`
	anyYes   = regexp.MustCompile(`^` + yes + `[\s,]*(?:` + every + `)?` + polite + `$`)
	yesBut   = regexp.MustCompile(`^(?:` + yes + `[\s,]*)?(?:` + every + `)?` + but + list + polite + `$`)
	yesSome  = regexp.MustCompile(`^` + yes + linking + list + polite + `$`)
	noSome   = regexp.MustCompile(`^` + no + linking + list + polite + `$`)
	someYes  = regexp.MustCompile(`^` + list + `\s*[:=]?\s*` + yes + polite + `$`)
	someNo   = regexp.MustCompile(`^` + list + `\s*[:=]?\s*` + no + polite + `$`)
	sentence = regexp.MustCompile(`^\s*(?:[Nn]°\s*|#)?(\d{1,4})\s*:\s*(\S.*)$`)
	// notes are what people jot down for themselves: nothing to say to a customer.
	notes     = regexp.MustCompile(`^(?:attend[a-z]*|wait|hold|pause|stop|plus tard|later|pas encore|not yet|not now|pas maintenant|suspend[a-z]*|litige|disputed?|skip|laiss[a-z]*|a voir|en attente|voir|je (?:regarde|vois|verifie|l'appelle)|\?+)(?:[\s,.!?-].{0,25})?$`)
	courtesy  = regexp.MustCompile(`^(?:bonjour|bonsoir|hello|hi|hey|salut|coucou|dear|cher|chere|good morning|merci|thanks|thank you|bonne journee|bonne soiree|have a (?:nice|good) day|a bientot|best)\b[^\d]{0,40}$`)
	closing   = regexp.MustCompile(`^(?:cordialement|bien cordialement|bien a (?:vous|toi)|salutations|sinceres salutations|regards|kind regards|best regards|best|cdlt|bien sincerement|-- ?)[\s,.!]*$`)
	digits    = regexp.MustCompile(`\d+|-|\ba\b|\bto\b`)
	spaceRuns = regexp.MustCompile(`\s+`)
)

// ParseAnswer understands the new text of an answer to a work list. It acts on
// the whole or on nothing: a line that is neither an order nor a courtesy (names
// are those of the team) makes the answer not understood, because "ok" over
// "but wait for Dupont" must send nothing to Dupont.
func ParseAnswer(text string, names []string) (Answer, error) {
	answer := Answer{Say: map[int]string{}}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	ordered := false
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		plain := fold(line)
		if plain == "" || isName(plain, names) {
			continue
		}
		if closing.MatchString(plain) {
			break // what follows is a signature
		}
		if answer.order(plain) {
			ordered = true
			continue
		}
		if m := sentence.FindStringSubmatch(line); m != nil {
			if notes.MatchString(fold(m[2])) {
				return Answer{}, &NotUnderstood{Line: line, Why: Unclear}
			}
			n, _ := strconv.Atoi(m[1])
			said := m[2]
			for i+1 < len(lines) && continues(lines[i+1], names) {
				i++
				said += " " + strings.TrimSpace(lines[i])
			}
			if answer.Say[n] != "" {
				return Answer{}, &NotUnderstood{Line: line, Why: Contrary, N: n}
			}
			answer.Say[n], ordered = said, true
			continue
		}
		if !courtesy.MatchString(plain) {
			return Answer{}, &NotUnderstood{Line: line, Why: Unclear}
		}
	}
	if !ordered {
		return Answer{}, &NotUnderstood{Why: Nothing}
	}
	return answer, answer.contradiction()
}

// continues tells whether a line goes on with the sentence above it.
func continues(line string, names []string) bool {
	plain := fold(line)
	return plain != "" && !sentence.MatchString(line) && !closing.MatchString(plain) &&
		!isName(plain, names) && !(&Answer{}).order(plain)
}

// order reads one line as an order, and tells whether it is one.
func (a *Answer) order(plain string) bool {
	switch {
	case anyYes.MatchString(plain):
		a.All = true
	case yesBut.MatchString(plain):
		a.All = true
		a.Except = append(a.Except, numbers(yesBut.FindStringSubmatch(plain)[1])...)
	case yesSome.MatchString(plain):
		a.Approve = append(a.Approve, numbers(yesSome.FindStringSubmatch(plain)[1])...)
	case noSome.MatchString(plain):
		a.Decline = append(a.Decline, numbers(noSome.FindStringSubmatch(plain)[1])...)
	case someYes.MatchString(plain):
		a.Approve = append(a.Approve, numbers(someYes.FindStringSubmatch(plain)[1])...)
	case someNo.MatchString(plain):
		a.Decline = append(a.Decline, numbers(someNo.FindStringSubmatch(plain)[1])...)
	default:
		return false
	}
	return true
}

func (a *Answer) contradiction() error {
	for n := range a.Say {
		if slices.Contains(a.Decline, n) || slices.Contains(a.Except, n) {
			return &NotUnderstood{Why: Contrary, N: n}
		}
	}
	for _, n := range a.Approve {
		if slices.Contains(a.Decline, n) || slices.Contains(a.Except, n) {
			return &NotUnderstood{Why: Contrary, N: n}
		}
	}
	return nil
}

// On returns what the answer wants of each number of the list. A number that
// the list does not have makes it not understood as a whole.
func (a Answer) On(listed []int) (map[int]Verdict, error) {
	named := slices.Concat(a.Except, a.Approve, a.Decline)
	for n := range a.Say {
		named = append(named, n)
	}
	for _, n := range named {
		if !slices.Contains(listed, n) {
			return nil, &NotUnderstood{Why: Unknown, N: n}
		}
	}
	verdicts := make(map[int]Verdict, len(listed))
	for _, n := range listed {
		_, said := a.Say[n]
		switch {
		case slices.Contains(a.Decline, n):
			verdicts[n] = Decline
		case said, slices.Contains(a.Approve, n), a.All && !slices.Contains(a.Except, n):
			verdicts[n] = Approve
		default:
			verdicts[n] = Leave
		}
	}
	return verdicts, nil
}

// numbers reads "3, 5 et 7-9" as 3 5 7 8 9.
func numbers(text string) []int {
	var found []int
	span := false
	for _, token := range digits.FindAllString(text, -1) {
		n, err := strconv.Atoi(token)
		if err != nil {
			span = true
			continue
		}
		if span && len(found) > 0 && n > found[len(found)-1] && n-found[len(found)-1] < 1000 {
			for k := found[len(found)-1] + 1; k < n; k++ {
				found = append(found, k)
			}
		}
		found, span = append(found, n), false
	}
	return found
}

func isName(plain string, names []string) bool {
	for _, name := range names {
		name = fold(name)
		if plain == name || slices.Contains(strings.Fields(name), strings.Trim(plain, " ,.")) {
			return true
		}
	}
	return false
}

// fold lowers, drops accents and pictures, unifies apostrophes, dashes and spaces.
func fold(text string) string {
	text = strings.NewReplacer("’", "'", "‘", "'", "–", "-", "—", "-", "\u00a0", " ", "\u202f", " ", "…", "...").Replace(text)
	text = strings.Map(func(r rune) rune {
		if r != '°' && unicode.Is(unicode.So, r) || unicode.Is(unicode.Sk, r) || unicode.Is(unicode.Variation_Selector, r) {
			return -1 // a thumb adds nothing to a word
		}
		return r
	}, text)
	strip := transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC)
	folded, _, err := transform.String(strip, strings.ToLower(text))
	if err != nil {
		folded = strings.ToLower(text)
	}
	return strings.Trim(spaceRuns.ReplaceAllString(folded, " "), ` "«»“”`)
}
