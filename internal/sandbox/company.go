package sandbox

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/calendar"
)

// The company, invented like everybody here. Hosts end in .example.
const (
	companyName = "Ateliers Kermadec SARL"
	ourAddress  = "compta@kermadec.example"
	ourName     = "Comptabilité Kermadec"
	marie       = "marie@kermadec.example"
	password    = "on-this-machine-only"
	token       = "demo-token"
)

// customer is one of the company's.
type customer struct {
	code, name, city, postcode string
	contact                    string // first and last name
	address                    string
	public                     bool
}

// customers of the company: those of the story first, whose order the story
// knows by its constants.
var customers = []customer{
	{code: "CARP", name: "Menuiserie Carpentier", city: "Quimper", postcode: "29000", contact: "Hélène Carpentier", address: "h.carpentier@menuiserie-carpentier.example"},
	{code: "LUMEN", name: "Atelier Lumen", city: "Rennes", postcode: "35000", contact: "Yann Le Goff", address: "yann@atelier-lumen.example"},
	{code: "VENTS", name: "Garage des Quatre Vents", city: "Brest", postcode: "29200", contact: "Karim Benali", address: "garage@quatre-vents.example"},
	{code: "MOREL", name: "Cabinet Morel", city: "Vannes", postcode: "56000", contact: "Sophie Morel", address: "s.morel@cabinet-morel.example"},
	{code: "AZUR", name: "Fleurs d'Azur", city: "Lorient", postcode: "56100", contact: "Inès Roche", address: "commandes@fleurs-azur.example"},
	{code: "PORT", name: "Imprimerie du Port", city: "Saint-Malo", postcode: "35400", contact: "Luc Tanguy", address: "luc.tanguy@imprimerie-du-port.example"},
	{code: "CANAL", name: "Brasserie du Canal", city: "Redon", postcode: "35600", contact: "Maëlle Guérin", address: "compta@brasserie-canal.example"},
	{code: "BELLE", name: "Hôtel Bellerive", city: "Dinard", postcode: "35800", contact: "Antoine Perrot", address: "direction@hotel-bellerive.example"},
	{code: "STAUB", name: "Commune de Saint-Aubin", city: "Saint-Aubin", postcode: "35250", contact: "Service des finances", address: "finances@saint-aubin.example", public: true},
	{code: "GIRARD", name: "Transports Girard", city: "Fougères", postcode: "35300", contact: "Denis Girard", address: "d.girard@transports-girard.example"},

	{code: "ABERS", name: "Boulangerie des Abers", city: "Lannilis", postcode: "29870"},
	{code: "ARMOR", name: "Armor Nautique", city: "Paimpol", postcode: "22500"},
	{code: "ARZ", name: "Chantier naval d'Arz", city: "Vannes", postcode: "56000"},
	{code: "BOCAGE", name: "Jardins du Bocage", city: "Vitré", postcode: "35500"},
	{code: "BRUYERE", name: "Clinique de la Bruyère", city: "Rennes", postcode: "35000"},
	{code: "CEZEMB", name: "Crêperie Cézembre", city: "Saint-Malo", postcode: "35400"},
	{code: "COLIN", name: "Électricité Colin", city: "Pontivy", postcode: "56300"},
	{code: "DANIEL", name: "Librairie Daniel", city: "Morlaix", postcode: "29600"},
	{code: "ELORN", name: "Conserverie de l'Elorn", city: "Landerneau", postcode: "29800"},
	{code: "FLOCH", name: "Maçonnerie Floc'h", city: "Guingamp", postcode: "22200"},
	{code: "GLAZ", name: "Studio Glaz", city: "Nantes", postcode: "44000"},
	{code: "HERMINE", name: "Pharmacie de l'Hermine", city: "Auray", postcode: "56400"},
	{code: "ISOLE", name: "Plomberie de l'Isole", city: "Quimperlé", postcode: "29300"},
	{code: "JEZEQ", name: "Jézéquel Paysages", city: "Lannion", postcode: "22300"},
	{code: "KERLEO", name: "Domaine Kerléo", city: "Carnac", postcode: "56340"},
	{code: "LAITA", name: "Laiterie de Laïta", city: "Guidel", postcode: "56520"},
	{code: "MENEZ", name: "Scierie du Menez", city: "Châteaulin", postcode: "29150"},
	{code: "NEDELEC", name: "Couverture Nédélec", city: "Concarneau", postcode: "29900"},
	{code: "ODET", name: "Vedettes de l'Odet", city: "Bénodet", postcode: "29950"},
	{code: "PENN", name: "Optique Pennarun", city: "Douarnenez", postcode: "29100"},
	{code: "QUAI", name: "Café du Quai", city: "Le Palais", postcode: "56360"},
	{code: "RANCE", name: "Moulins de la Rance", city: "Dinan", postcode: "22100"},
	{code: "SEIN", name: "Mareyage de Sein", city: "Audierne", postcode: "29770"},
	{code: "TREGOR", name: "Trégor Informatique", city: "Lannion", postcode: "22300"},
	{code: "VILAINE", name: "Menuiseries de la Vilaine", city: "Redon", postcode: "35600"},
	{code: "YS", name: "Ys Communication", city: "Brest", postcode: "29200"},
}

// Those of the story, by their place in customers.
const (
	pays = iota
	promises
	disputes
	absent
	bounces
	talks
	probablyPaid
	credited
	public
	paysInTime
	ordinary // the first of the others
)

// mailOf is where a customer reads mail.
func mailOf(i int) string {
	if customers[i].address != "" {
		return customers[i].address
	}
	host := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, customers[i].code)
	return "compta@" + host + ".example"
}

// fill fills the accounting software with the customers and a year of their
// invoices: most are paid, some days early or late; those of the story have one
// that is open. It is always the same year.
func (w *world) fill() {
	dice := rand.New(rand.NewPCG(29, 35)) //nolint:gosec // a story that is always the same
	today := calendar.DateOf(w.clock.now().In(w.zone))
	number := 0
	invoice := func(i int, issued calendar.Date, cents int64) int64 {
		number++
		name := fmt.Sprintf("F-%s-%03d", issued.String()[:4], number)
		due := issued.AddDays(30)
		id := w.books.AddInvoice(pennylanetest.Invoice{
			Customer: w.ids[i], Number: name, Date: issued.String(), Deadline: due.String(), Total: pennylanetest.Cents(cents),
			Filename: name + ".pdf",
		})
		w.numbers[id] = name
		return id
	}
	for _, c := range customers {
		i := len(w.ids)
		first, last, _ := strings.Cut(c.contact, " ")
		one := pennylanetest.Customer{
			Type: "company", Name: c.name, Reference: c.code, Emails: []string{mailOf(i)}, Language: "fr_FR",
			Street: fmt.Sprintf("%d rue du Port", 2+3*i), Postcode: c.postcode, City: c.city, Country: "FR",
		}
		if c.contact != "" {
			one.Contacts = []pennylanetest.Contact{{ID: int64(9000 + i), FirstName: first, LastName: last, Email: mailOf(i)}}
		}
		w.ids = append(w.ids, w.books.AddCustomer(one))
	}
	for back := 365; back > 40; back -= 1 + dice.IntN(3) {
		i := dice.IntN(len(customers))
		issued := today.AddDays(-back)
		id := invoice(i, issued, int64(4000+dice.IntN(250_000)))
		paidOn := issued.AddDays(26 + dice.IntN(16))
		if paidOn < today {
			w.books.Pay(id, paidOn.String())
		}
	}
	// What the story is about: days since the due date, and the amount.
	open := []struct {
		who   int
		late  int
		cents int64
	}{
		{pays, 9, 184_000},
		{promises, 8, 96_050},
		{disputes, 11, 241_200},
		{absent, 7, 58_800},
		{bounces, 6, 34_990},
		{talks, 9, 127_500},
		{probablyPaid, 10, 73_260},
		{credited, 12, 150_000},
		{public, 6, 412_000},
		{paysInTime, 8, 65_400},
		{ordinary, 7, 45_000},
		{ordinary + 3, 20, 88_000},
		{ordinary + 5, -4, 130_000},
		{ordinary + 8, -6, 72_000},
		{ordinary + 11, 130, 21_500},
	}
	for _, o := range open {
		w.open[o.who] = invoice(o.who, today.AddDays(-30-o.late), o.cents)
	}
}

// configuration writes the company's relanced.yaml, as IT would.
func (w *world) configuration(mode string) (string, error) {
	clients := "code;kind\n"
	for _, c := range customers {
		if c.public {
			clients += c.code + ";public\n"
		}
	}
	if err := os.WriteFile(filepath.Join(w.scratch, "clients.csv"), []byte(clients), 0o600); err != nil {
		return "", err
	}
	for name, secret := range map[string]string{"pennylane-token": token, "mail-password": password} {
		if err := os.WriteFile(filepath.Join(w.scratch, name), []byte(secret+"\n"), 0o600); err != nil {
			return "", err
		}
	}
	path := filepath.Join(w.scratch, "relanced.yaml")
	return path, os.WriteFile(path, fmt.Appendf(nil, `store: sqlite:relanced.db
http: {listen: off}
companies:
  - id: kermadec
    name: %s
    country: FR
    language: fr
    timezone: Europe/Paris
    siren: "732829320"
    bank_accounts:
      - {iban: FR7630006000011234567890189, bic: AGRIFRPP}
    connections:
      - {name: compta, type: pennylane, base_url: %q, token: {file: pennylane-token}}
    customers: {file: clients.csv, kind: business}
    mailboxes:
      - name: courrier
        address: %s
        display: %s
        login: {password: {file: mail-password}}
        smtp: {host: %s, port: %d, tls: none, pace: 60000/min}
        imap: {host: %s, port: %d, tls: none}
    team:
      - {name: Marie Kermadec, email: %s, may: [all]}
    brief: {to: [%s]}
    reminders:
      mode: %s
      thanks: paid
      plans_when:
        - {if: 'customer.kind == "public"', plan: public_buyer}
`, companyName, w.source.URL(), ourAddress, ourName, w.smtp.Host, w.smtp.Port, w.imap.Host, w.imap.Port, marie, marie, mode), 0o600)
}
