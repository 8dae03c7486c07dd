package brief

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
	"relanced/reminders"
)

// readProblems gathers what keeps reminders back and what to do about it, how
// fresh the books are, and what is overdue in all.
func (b *Brief) readProblems(ctx context.Context, c *content, _ time.Time) error {
	gates, err := b.Box.Gates(ctx)
	if err != nil {
		return fmt.Errorf("look at the gates: %w", err)
	}
	unconfirmed := false
	for _, conn := range b.Box.Company.Connections {
		key := store.ConnectionKey{Company: b.Box.Company.ID, Name: conn.Name}
		known, err := b.Box.Store.Connection(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			c.problem(b.say("Connexion %s : jamais lue", "Connection %s: never read"), string(conn.Name), "relanced sync "+string(conn.Name))
			continue
		}
		if err != nil {
			return fmt.Errorf("look at connection %s: %w", conn.Name, err)
		}
		unconfirmed = unconfirmed || known.ConfirmedAt.IsZero() && !known.PassEndedAt.IsZero()
		b.connection(c, known, gates.Connections[conn.Name], gates.Payments[conn.Name])
		rows, err := b.Box.Store.Problems(ctx, key)
		if err != nil {
			return fmt.Errorf("look at connection %s: %w", conn.Name, err)
		}
		if len(rows) > 0 {
			c.problem(b.say("Connexion %s : %s", "Connection %s: %s"), conn.Name,
				b.count(len(rows), [2]string{"%d ligne à vérifier", "%d lignes à vérifier"}, [2]string{"%d row to check", "%d rows to check"}), "relanced status")
		}
	}
	if unconfirmed {
		if err := b.firstRun(ctx, c); err != nil {
			return err
		}
	}
	if err := b.sending(ctx, c, gates.Inbox); err != nil {
		return err
	}
	return b.customers(ctx, c)
}

// problem adds one; the last argument is what to do, "" nothing.
func (c *content) problem(format string, args ...any) {
	last := len(args) - 1
	i := item{head: email.Clean(fmt.Sprintf(format, args[:last]...), 500)}
	if do, _ := args[last].(string); do != "" {
		i.lines = []string{"→ " + email.Clean(do, 300)}
	}
	c.problems = append(c.problems, i)
}

func (b *Brief) connection(c *content, known store.Connection, gate dossier.Reason, paymentsStale bool) {
	name := string(known.Key.Name)
	newest := max(known.LastPaymentOn, known.UpToDateOn)
	if !known.AsOf.IsZero() {
		book := fmt.Sprintf(b.say("Comptabilité « %s » au %s", "Books “%s” as of %s"), name, b.moment(known.AsOf))
		if newest != 0 {
			book += b.say(", paiements saisis jusqu'au ", ", payments entered up to ") + b.date(newest)
		}
		c.books = append(c.books, book+".")
	}
	if known.Error != nil {
		c.problem(b.say("Connexion %s : %s", "Connection %s: %s"), name, known.Error.Message, known.Error.Do)
	}
	for _, f := range known.Findings {
		c.problem(b.say("Connexion %s, données suspectes : %s. Rien ne part avant confirmation.", "Connection %s, suspect data: %s. Nothing leaves before it is confirmed."), name, f.Text, "relanced confirm "+name)
	}
	if gate == dossier.StaleData && known.Error == nil {
		c.problem(b.say("Connexion %s : comptabilité trop ancienne, rien ne part", "Connection %s: books too old, nothing leaves"), name, "relanced sync "+name)
	}
	if paymentsStale && !known.ConfirmedAt.IsZero() {
		since := b.say("aucun paiement connu", "no payment known")
		if newest != 0 {
			since = b.say("aucun paiement saisi depuis le ", "no payment entered since ") + b.date(newest)
		}
		c.problem(b.say("Connexion %s : %s", "Connection %s: %s"), name, since, "relanced uptodate "+c.today.String()+" "+name)
	}
}

// firstRun tells what would be proposed were the new connections accepted.
func (b *Brief) firstRun(ctx context.Context, c *content) error {
	ids, err := b.Box.Store.OpenCustomerIDs(ctx, b.Box.Company.ID)
	if err != nil {
		return fmt.Errorf("preview: %w", err)
	}
	const chunk = 250
	var sums []money.Amount
	messages := 0
	for len(ids) > 0 {
		n := min(chunk, len(ids))
		dossiers, err := b.Box.Store.Dossiers(ctx, ids[:n])
		if err != nil {
			return fmt.Errorf("preview: %w", err)
		}
		ids = ids[n:]
		for _, d := range dossiers {
			if asked, some := b.firstMessage(d, c.now); some {
				messages++
				for _, sum := range asked {
					sums = plus(sums, sum)
				}
			}
		}
	}
	what := strconv.Itoa(messages) + b.say(" relances seraient proposées", " reminders would be proposed")
	if messages == 1 {
		what = b.say("1 relance serait proposée", "1 reminder would be proposed")
	}
	if len(sums) > 0 {
		what += b.say(" pour ", " for ") + b.sums(sums)
	}
	for _, conn := range b.Box.Company.Connections {
		known, err := b.Box.Store.Connection(ctx, store.ConnectionKey{Company: b.Box.Company.ID, Name: conn.Name})
		if err == nil && known.ConfirmedAt.IsZero() && !known.PassEndedAt.IsZero() {
			c.problem(b.say("Connexion %s : première lecture à confirmer, rien n'est proposé avant. %s.", "Connection %s: its first reading waits for your word, nothing is proposed before. %s."), conn.Name, what, "relanced preview, relanced confirm "+string(conn.Name))
		}
	}
	return nil
}

// soon is how far the preview of a first run looks: to the next times at which
// reminders are proposed, over a weekend.
const soon = 4 * 24 * time.Hour

// firstMessage is what the first message to the customer would demand.
func (b *Brief) firstMessage(d dossier.Dossier, now time.Time) (sums []money.Amount, some bool) {
	for decision := range reminders.Simulate(d, b.Box.Company.Rules, now, now.Add(soon)) {
		for _, a := range decision.Actions {
			if a.Channel == reminders.Email {
				return a.Sums(), true
			}
		}
	}
	return nil, false
}

// sending tells what is wrong with mailboxes and with what was sent.
func (b *Brief) sending(ctx context.Context, c *content, gate dossier.Reason) error {
	company := b.Box.Company
	boxes, err := b.Box.Store.Mailboxes(ctx, company.ID)
	if err != nil {
		return fmt.Errorf("look at the mailboxes: %w", err)
	}
	told := false
	for _, box := range boxes {
		if !box.ErrorAt.IsZero() {
			told = true
			c.problem(b.say("Messagerie %s, depuis le %s : %s. Rien ne part tant qu'elle n'est pas lue.", "Mailbox %s, since %s: %s. Nothing leaves until it can be read."), box.Key.Name, b.moment(box.ErrorAt), box.Error, "relanced check")
		}
		if !box.BlockedAt.IsZero() {
			told = true
			c.problem(b.say("Messagerie %s : envoi arrêté depuis le %s : %s", "Mailbox %s: sending stopped since %s: %s"), box.Key.Name, b.moment(box.BlockedAt), box.Blocked, "relanced remind")
		}
	}
	if gate == dossier.StaleInbox && !told {
		c.problem(b.say("Messagerie pas relevée depuis plus de 30 minutes : rien ne part", "No mailbox was read for more than 30 minutes: nothing leaves"), "relanced inbox read")
	}
	unknown, err := b.Box.Store.Outbox(ctx, store.OutboxFilter{Company: company.ID, States: []dossier.State{dossier.StateUnknown}})
	if err != nil {
		return fmt.Errorf("look at the outbox: %w", err)
	}
	for _, o := range unknown {
		if o.Customer == 0 {
			continue
		}
		c.problem(b.say("Message %d à %s : peut-être parti, peut-être pas", "Message %d to %s: it may have left, or not"), o.ID, who(o.Name, o.Code), fmt.Sprintf("relanced resolve %d sent|not-sent|drop", o.ID))
	}
	var facts store.CompanyFacts
	if err := b.Box.Store.View(ctx, func(tx *store.Tx) error {
		facts, err = tx.Company(company.ID)
		return err
	}); err != nil {
		return fmt.Errorf("look at the company: %w", err)
	}
	if !facts.RestoredAt.IsZero() {
		c.problem(b.say("Base restaurée le %s : rien ne part avant confirmation de chaque connexion", "Database restored on %s: nothing leaves before each connection is confirmed"), b.moment(facts.RestoredAt), "relanced confirm")
	}
	return nil
}

// customers sums what is overdue, and counts whom nobody can write to.
func (b *Brief) customers(ctx context.Context, c *content) error {
	owing := map[dossier.CustomerID]bool{}
	mute, kindless := map[dossier.CustomerID]string{}, map[dossier.CustomerID]bool{}
	for row, err := range b.Box.Store.Customers(ctx, b.Box.Company.ID, c.today) {
		if err != nil {
			return fmt.Errorf("read customers: %w", err)
		}
		if row.Overdue.Sign() <= 0 {
			continue
		}
		owing[row.ID] = true
		c.overdue = plus(c.overdue, row.Overdue)
		if len(row.Emails) == 0 {
			mute[row.ID] = who(row.Name, row.Code)
		}
		if unknown(row.Kind) && unknown(b.Box.Company.Rules.Company.Kind) {
			kindless[row.ID] = true
		}
	}
	c.owing = len(owing)
	if n := len(mute); n > 0 {
		text := b.count(n, [2]string{"%d client en retard sans adresse e-mail valable", "%d clients en retard sans adresse e-mail valable"},
			[2]string{"%d late customer without a valid e-mail address", "%d late customers without a valid e-mail address"})
		names := sorted(mute)
		if len(names) > 5 {
			names = append(names[:5:5], "…")
		}
		c.problem("%s"+b.say(" : %s", ": %s"), text, join(names), b.say("la compléter dans le fichier clients ou la comptabilité", "add it in the customers' file or in the books"))
	}
	if n := len(kindless); n > 0 {
		text := b.count(n, [2]string{"%d client en retard dont on ne sait s'il est une entreprise ou un particulier : pénalités non calculées", "%d clients en retard dont on ne sait s'ils sont des entreprises ou des particuliers : pénalités non calculées"},
			[2]string{"%d late customer of whom nobody knows whether it is a business or a consumer: no penalties are computed", "%d late customers of whom nobody knows whether they are businesses or consumers: no penalties are computed"})
		c.problem("%s", text,
			b.say("indiquer customers.kind dans la configuration, ou la colonne kind du fichier clients", "set customers.kind in the configuration, or the column kind of the customers' file"))
	}
	return nil
}

func unknown(kind receivable.Kind) bool { return kind == "" || kind == receivable.KindUnknown }

// dateOf is the day of a moment in the company's zone.
func (b *Brief) dateOf(t time.Time) calendar.Date { return calendar.DateOf(t.In(b.zone())) }
