package compose

// phrases are the words of a language that stand in no template.
type phrases struct {
	greeting, greetingTo                               string
	invoice, due, dueToday, dueOn, total, outstanding  string
	instalment, issued, of, day, days, late, noDue     string
	returned, copy, copies, oneCopy, someCopies        string
	upcoming, annex, settled, order                    string
	pay, holder, iban, bic, amount, reference          string
	unchanged, changed, scan, payOnline                string
	tracking, replyTo, siren, others, other            string
	mention, mentionFee, noClaim, rate, asOf, together string
	nextFormal, nextCall, nextOther                    string
	creditor, debtor, refs, service                    string
	regards, formal, faithfully, colon, percent, payAt string
}

var phrasebook = map[string]phrases{
	"fr": {
		greeting: "Bonjour,", greetingTo: "Bonjour %s,",
		invoice: "Facture", due: "échéance le %s", dueToday: "échéance aujourd'hui", dueOn: "échue le %s", noDue: "échéance non précisée",
		total: "Total", outstanding: "Reste dû", instalment: "échéance %d sur %d", issued: "émise le %s", of: "sur %s",
		day: "%d jour", days: "%d jours", late: "%s de retard",
		returned: "paiement revenu impayé", copy: "Une copie de la facture est jointe à ce message.",
		copies: "Une copie de chaque facture est jointe à ce message.", oneCopy: "La copie d'une des factures est jointe à ce message.", someCopies: "Des copies de factures sont jointes à ce message.",
		upcoming: "Pour information, à échoir prochainement", annex: "Pour information, autres factures échues", settled: "soldée", order: "commande %s",
		pay: "Pour régler par virement", holder: "Titulaire", iban: "IBAN", bic: "BIC", amount: "Montant", reference: "Référence à indiquer",
		unchanged: "Coordonnées bancaires inchangées.", changed: "Attention : ces coordonnées bancaires sont nouvelles. Vous pouvez nous appeler pour en vérifier l'exactitude.",
		scan: "À scanner avec votre application bancaire : virement de %s", payOnline: "Payer en ligne", payAt: "Payer en ligne :", colon: " :", percent: " %",
		tracking: "Réf. de suivi : %s", replyTo: "Pour nous répondre : %s", siren: "SIREN %s", other: "%d autre", others: "%d autres",
		mention:    "Pour mémoire, tout retard donne lieu de plein droit à des %s",
		mentionFee: " et à une ", noClaim: "Ces sommes ne sont pas réclamées dans ce message.",
		rate: "%s au taux annuel de %s (%s)", asOf: "Arrêté au %s, en sus de la somme ci-dessus :", together: "Total avec ces sommes : %s.",
		nextFormal: "Sans règlement ni réponse de votre part, une mise en demeure vous sera adressée à partir du %s.",
		nextCall:   "Sans nouvelles de votre part, nous vous appellerons à partir du %s.",
		nextOther:  "Sans règlement ni réponse de votre part, le dossier sera repris par notre direction à partir du %s.",
		creditor:   "Créancier : %s", debtor: "Débiteur : %s", regards: "Cordialement,",
		refs: "Vos références : %s.", service: "code service %s",
		formal: "Madame, Monsieur,", faithfully: "Veuillez agréer, Madame, Monsieur, nos salutations distinguées.",
	},
	"en": {
		greeting: "Hello,", greetingTo: "Hello %s,",
		invoice: "Invoice", due: "due %s", dueToday: "due today", dueOn: "due %s", noDue: "due date not stated",
		total: "Total", outstanding: "Outstanding", instalment: "instalment %d of %d", issued: "dated %s", of: "of %s",
		day: "%d day", days: "%d days", late: "%s overdue",
		returned: "payment returned unpaid", copy: "A copy of the invoice is attached.",
		copies: "A copy of each invoice is attached.", oneCopy: "A copy of one of the invoices is attached.", someCopies: "Copies of some invoices are attached.",
		upcoming: "For information, due soon", annex: "For information, other overdue invoices", settled: "settled", order: "order %s",
		pay: "To pay by bank transfer", holder: "Account holder", iban: "IBAN", bic: "BIC", amount: "Amount", reference: "Reference to quote",
		unchanged: "Our bank details are unchanged.", changed: "Please note: these bank details are new. You can call us to check that they are right.",
		scan: "Scan with your banking app: transfer of %s", payOnline: "Pay online", payAt: "Pay online:", colon: ":", percent: "%",
		tracking: "Tracking ref.: %s", replyTo: "To reply to us: %s", siren: "Company number (SIREN) %s", other: "%d more", others: "%d more",
		mention:    "For the record, late payment entitles us by law to %s",
		mentionFee: " and a ", noClaim: "These amounts are not claimed in this message.",
		rate: "%s at %s a year (%s)", asOf: "As of %s, on top of the amount above:", together: "Total including these: %s.",
		nextFormal: "Without payment or an answer from you, a formal notice will be sent from %s.",
		nextCall:   "If we do not hear from you, we will call you from %s.",
		nextOther:  "Without payment or an answer from you, our management will take the matter over from %s.",
		creditor:   "Creditor: %s", debtor: "Debtor: %s", regards: "Kind regards,",
		refs: "Your references: %s.", service: "service code %s",
		formal: "Dear Sir or Madam,", faithfully: "Yours faithfully,",
	},
}
