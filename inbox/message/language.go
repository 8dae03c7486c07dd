package message

import "strings"

// stopWords are frequent words that tell one language from the others.
var stopWords = map[string]map[string]bool{
	"fr": set("le la les de des du et est pas nous vous je pour dans sur une un au aux avec ce cette votre notre bonjour merci facture cordialement que qui ne ai avons sera suis mon ma en il elle on par plus bien reglement paiement ci joint avis virement svp mais si fait ok j c n d l s qu y suis comme tout etre ete"),
	"en": set("the and is are you we to of for this that with have has will not your our on be it at in was please thanks regards i invoice payment dear hi hello from been my can if but as so no me they there would could just don t ll ve accepted call re about"),
	"de": set("der die das und ist nicht wir ich sie fur mit ein eine den dem zu auf von im am bitte rechnung zahlung guten tag hallo herr frau ihre ihr unsere wird werden haben wurde noch bis bin gruss grusse freundlichen"),
	"es": set("el la los las de en y es no nosotros usted para con por una su sus nuestro la factura pago gracias saludos hola buenos dias que se del al lo ha hemos esta estamos pagar hasta mi tu les le si ya muy como pero pues transferencia cuando voy ahora esto cada estare fuera oficina ausente"),
	"it": set("il lo gli e non di per con una un che la le fattura pagamento grazie saluti buongiorno gentile abbiamo sono del della alla nostro vostra vostro al dal fino cordiali questa ho mese fine pago si ma ci mi se come anche piu oggi domani subito tranquilla bonifico allora"),
	"nl": set("de het een en is niet wij we ik u uw voor met van op te zijn wordt factuur betaling beste groet groeten dank onze ons dat die deze nog aan bij tot hebben heb"),
}

// languages in the order that breaks ties.
var languages = []string{"fr", "en", "de", "es", "it", "nl"}

// guessLanguage gives the ISO 639-1 code of the language a text is most likely
// in, or "" where nothing tells.
func guessLanguage(texts ...string) string {
	for _, text := range texts {
		if len(text) > 16<<10 {
			text = text[:16<<10]
		}
		count := make(map[string]int)
		for _, w := range strings.FieldsFunc(Fold(strings.ToValidUTF8(text, "")), func(r rune) bool { return r < 'a' || r > 'z' }) {
			only := ""
			for l, words := range stopWords {
				if words[w] {
					count[l] += 2
					if only += l; len(only) > 2 {
						only = "--"
					}
				}
			}
			if len(only) == 2 && only != "--" {
				count[only]++ // a word of one language tells more
			}
		}
		best := ""
		for _, l := range languages {
			if count[l] > count[best] {
				best = l
			}
		}
		if best != "" {
			return best
		}
	}
	return ""
}
