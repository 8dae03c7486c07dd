package reminders

import (
	"testing"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/conf"
	"relanced/internal/dossier"
	"relanced/internal/money"
	"relanced/internal/receivable"
)

var paris = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	return zone
}()

// rulesWith compiles the default configuration as changed.
func rulesWith(t testing.TB, change func(*Config, map[string]PlanConfig)) Rules {
	t.Helper()
	plans, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	config := Default()
	if change != nil {
		change(&config, plans)
	}
	var p conf.Problems
	rules := Compile(config, plans, Identity{ID: "dupont", Country: "FR", Currency: "EUR", Zone: paris}, &p)
	if err := p.Err(); err != nil {
		t.Fatalf("compile: %v", err)
	}
	return rules
}

// auto is the configuration in which nobody has to approve.
func auto(c *Config, _ map[string]PlanConfig) { c.Mode = ModeAuto }

func day(text string) calendar.Date { return calendar.MustParse(text) }

// at reads "2026-11-23 10:00" on the clock of Paris.
func at(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", text, paris)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func eur(minor int64) money.Amount { return money.New(minor, "EUR") }

// invoice is a confirmed, ordinary invoice of one line.
func invoice(id int64, number, due string, minor int64) dossier.Line {
	return dossier.Line{
		ID: dossier.DueID(id), Document: dossier.DocumentID(id), Connection: "compta", External: number, Invoice: number,
		IssuedOn: day(due) - 30, DueOn: day(due), Rank: 1, Of: 1, Total: eur(minor), Outstanding: eur(minor), InvoiceTotal: eur(minor),
		FirstSeenAt: at("2026-01-05 06:00"), ConfirmedAt: at("2026-01-05 06:00"),
	}
}

// customer owes the lines.
func customer(lines ...dossier.Line) dossier.Dossier {
	return dossier.Dossier{
		Customer: dossier.Customer{ID: 1, Code: "C1", Name: "Durand SA", Kind: receivable.KindBusiness, Emails: []string{"compta@durand.example"}, Country: "FR"},
		Company:  dossier.Company{ID: "dupont", FirstConfirmedAt: at("2026-01-05 06:00")},
		Lines:    lines,
	}
}

// sent is a reminder that left, demanding the lines.
func sent(id int64, step, when string, lines ...dossier.Line) dossier.Message {
	m := dossier.Message{
		ID: dossier.MessageID(id), Kind: dossier.KindReminder, State: dossier.StateSent, Plan: "standard", Step: step,
		CreatedAt: at(when), SentAt: at(when),
	}
	for _, l := range lines {
		m.Lines = append(m.Lines, dossier.MessageLine{Due: l.ID, Document: l.Document, Invoice: l.Invoice, Role: dossier.RoleDemanded, Outstanding: l.Outstanding})
	}
	return m
}
