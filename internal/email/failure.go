package email

import (
	"regexp"
	"strings"
)

// Failure is what it means for an address, and for what comes next, that a
// message did not reach it: told by the server at once, or by a notice later.
type Failure string

// The failures.
const (
	HardAddress    Failure = "hard_address" // no such address
	MailboxFull    Failure = "mailbox_full"
	TooBig         Failure = "too_big"
	Expired        Failure = "expired" // the network, not the address
	Greylisted     Failure = "greylisted"
	Restricted     Failure = "restricted" // takes no mail from us
	Blocked        Failure = "blocked"    // our reputation or a policy, not the address
	Content        Failure = "content"
	UnknownFailure Failure = "unknown_failure"
)

// Passes tells whether the same message may arrive another day, or in another
// form, without anybody correcting anything.
func (f Failure) Passes() bool {
	return f == MailboxFull || f == TooBig || f == Expired || f == Greylisted
}

// Wrong tells whether nothing can be sent to the address any more.
func (f Failure) Wrong() bool { return f == HardAddress || f == Restricted }

// Holds tells whether such a failure pauses the customer until a person looked.
func (f Failure) Holds() bool { return f != "" && !f.Passes() }

var enhancedCode = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}$`)

// codeClasses orders the enhanced codes; the first that matches decides.
var codeClasses = []struct {
	code  *regexp.Regexp
	class Failure
}{
	{regexp.MustCompile(`^5\.1\.(1|2|3|6|10)$|^5\.2\.1$|^5\.4\.(4|310)$`), HardAddress},
	{regexp.MustCompile(`^[45]\.2\.2$`), MailboxFull},
	{regexp.MustCompile(`^5\.2\.3$|^5\.3\.4$`), TooBig},
	{regexp.MustCompile(`^4\.4\.(1|2|7)$|^[45]\.4\.(6|7|14)$|^4\.4\.`), Expired},
	{regexp.MustCompile(`^5\.7\.(124|129|133|134)$`), Restricted},
	{regexp.MustCompile(`^5\.7\.`), Blocked},
	{regexp.MustCompile(`^4\.2\.|^4\.7\.`), Greylisted},
	{regexp.MustCompile(`^5\.6\.|^5\.3\.`), Content},
	{regexp.MustCompile(`^4\.`), Expired},
}

var (
	unknownUser = regexp.MustCompile(`user unknown|no such (user|recipient|mailbox|person|address)|unknown (user|recipient|mailbox|local part|address)|does(n't| not) exist|recipient (address )?(not found|unknown)|invalid (recipient|mailbox|address)|mailbox (unavailable|disabled|not found|inactive)|account (that you tried to reach )?(is |has been )?(disabled|closed|suspended|inactive)|address not found|adresse (introuvable|inconnue|inexistante|email inconnue)|utilisateur inconnu|destinataire inconnu|boite( aux lettres| mail)? (inexistante|desactivee|inconnue)|empfanger (unbekannt|nicht)|nicht gefunden|unbekannte adresse|usuario desconocido|buzon no existe|resolver\.adr\.(recipnotfound|recipientnotfound|exrecipnotfound)|smtpsend\.dns\.nonexistentdomain|domain not found|host or domain name not found|nxdomain|nom de domaine|n'existe pas|no existe|non esiste|bestaat niet`)
	full        = regexp.MustCompile(`over ?quota|(mailbox|mail box|inbox|storage).{0,20} (is )?full|quota (exceeded|depass)|exceeded .{0,20}(quota|storage)|boite.{0,20} (pleine|saturee)|espace de stockage|postfach (ist )?voll|buzon lleno|casella piena|out of storage`)
	oversize    = regexp.MustCompile(`resolver\.rst\.recipsizelimit|message (size|too (big|large))|size limit|maximum (message )?size|taille (du message|maximale)|trop (volumineux|gros)|zu gross`)
	timedOut    = regexp.MustCompile(`queue\.expired|connection (timed out|refused)|retry time-?out exceeded|delai depasse|delivery time expired|no route to host|could not connect|unable to connect|too many hops|mail loop`)
	closedTo    = regexp.MustCompile(`resolver\.rst\.(authrequired|notauthorized)|not authori[sz]ed to send|only accepts? (internal |authenticated |mail |messages )*(senders?|from)|restricted to (internal|authenticated)|n'est pas autorise a envoyer`)
	distrusted  = regexp.MustCompile(`spam|black ?list|block ?list|blocked|reputation|\bpolicy\b|\bspf\b|\bdkim\b|\bdmarc\b|banned|\blisted\b|bloque|refuse pour spam|denied by|abuse|ofr_\d|lpn\d`)
	infected    = regexp.MustCompile(`virus|malware|attachment (type )?(not allowed|blocked|rejected)|content rejected`)
	accessDeny  = regexp.MustCompile(`recipient address rejected: access denied`)
)

// FailureOf tells what a failure means by its enhanced code, then by the
// server's words and the three digits before them. Each may be "". Text is in
// lower case and has no accents.
func FailureOf(status, digits, text string) Failure {
	switch {
	case status == "5.1.1":
		return HardAddress
	case status == "5.4.1" && accessDeny.MatchString(text):
		return HardAddress
	case closedTo.MatchString(text) && !strings.HasPrefix(status, "4."):
		return Restricted
	}
	if enhancedCode.MatchString(status) && !strings.HasSuffix(status, ".0.0") {
		for _, c := range codeClasses {
			if c.code.MatchString(status) {
				if c.class == Content && infected.MatchString(text) {
					return Content
				}
				return c.class
			}
		}
	}
	soft := strings.HasPrefix(status, "4")
	switch {
	case oversize.MatchString(text) && !soft:
		return TooBig
	case full.MatchString(text), digits == "552" && !oversize.MatchString(text):
		return MailboxFull
	case soft && timedOut.MatchString(text):
		return Expired
	case soft, digits == "421", digits == "450", digits == "451":
		return Greylisted
	case unknownUser.MatchString(text):
		return HardAddress
	case infected.MatchString(text):
		return Content
	case timedOut.MatchString(text):
		return Expired
	case distrusted.MatchString(text), digits == "554":
		return Blocked
	}
	return UnknownFailure
}
