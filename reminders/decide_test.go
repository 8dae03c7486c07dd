package reminders

import (
	"testing"
	"time"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/receivable"
)

// TestDecide_reasons says of one overdue invoice of 1000 €, 34 days late, on a
// Monday noon, what each fact does to it.
func TestDecide_reasons(t *testing.T) {
	t.Parallel()
	now := at("2026-11-23 12:00")
	history := func(d *dossier.Dossier) {
		d.Messages = []dossier.Message{sent(1, "first", "2026-10-26 09:00", d.Lines[0]), sent(2, "second", "2026-11-05 09:00", d.Lines[0])}
	}
	for _, c := range []struct {
		name    string
		change  func(*dossier.Dossier)
		outcome Outcome
		reason  dossier.Reason
	}{
		{"nothing", func(*dossier.Dossier) {}, Act, ""},
		{"paid", func(d *dossier.Dossier) { d.Lines[0].Outstanding = eur(0) }, Done, dossier.Paid},
		{"gone", func(d *dossier.Dossier) { d.Lines[0].GoneAt = now.Add(-time.Hour) }, Done, dossier.Gone},
		{"inconsistent", func(d *dossier.Dossier) { d.Lines[0].Problem = "x" }, Held, dossier.Inconsistent},
		{"no due date", func(d *dossier.Dossier) { d.Lines[0].DueOn = 0 }, Held, dossier.Inconsistent},
		{"unconfirmed", func(d *dossier.Dossier) { d.Lines[0].ConfirmedAt = time.Time{} }, Held, dossier.FirstRun},
		{"not due", func(d *dossier.Dossier) { d.Lines[0].DueOn = day("2026-12-20") }, Wait, dossier.NotDue},
		{"gap", func(d *dossier.Dossier) {
			history(d)
			d.Messages = append(d.Messages, sent(3, "second", "2026-11-20 09:00", d.Lines[0]))
			d.Taken = []dossier.Taken{{Due: 1, Step: "call", How: TakenDone, At: at("2026-11-12 09:00")}}
		}, Wait, dossier.Gap},
		{"first seen after the tick", func(d *dossier.Dossier) { d.Lines[0].FirstSeenAt = at("2026-11-23 10:00") }, Wait, dossier.Window},
		{"asked for since", func(d *dossier.Dossier) {
			d.Lines[0].FirstSeenAt = at("2026-11-23 10:00")
			d.Company.RemindAt = at("2026-11-23 11:00")
		}, Act, ""},
		{"cap", func(d *dossier.Dossier) {
			for i, on := range []string{"2026-10-26 09:00", "2026-11-02 09:00", "2026-11-09 09:00", "2026-11-16 07:30"} {
				d.Messages = append(d.Messages, sent(int64(i+1), "first", on))
			}
		}, Wait, dossier.Cap},
		{"replied", func(d *dossier.Dossier) {
			d.Holds = []dossier.Hold{{ID: 1, Reason: dossier.Replied, From: now.Add(-time.Hour)}}
		}, Held, dossier.Replied},
		{"hold run out this morning", func(d *dossier.Dossier) {
			d.Holds = []dossier.Hold{{ID: 1, Reason: dossier.Conversation, From: at("2026-11-16 09:00"), Until: day("2026-11-23")}}
		}, Act, ""},
		{"hold ended after the tick", func(d *dossier.Dossier) {
			d.Holds = []dossier.Hold{{ID: 1, Reason: dossier.Manual, From: at("2026-11-16 09:00"), EndedAt: at("2026-11-23 11:00")}}
		}, Wait, dossier.Window},
		{"hold of another invoice", func(d *dossier.Dossier) {
			d.Holds = []dossier.Hold{{ID: 1, Document: 7, Reason: dossier.Manual, From: now.Add(-time.Hour)}}
		}, Act, ""},
		{"disputed", func(d *dossier.Dossier) {
			d.Disputes = []dossier.Dispute{{ID: 1, Document: 1, OpenedAt: now.Add(-time.Hour)}}
		}, Held, dossier.Disputed},
		{"promised", func(d *dossier.Dossier) {
			d.Promises = []dossier.Promise{{ID: 1, Document: 1, On: day("2026-11-23"), MadeAt: now.Add(-time.Hour)}}
		}, Held, dossier.Promised},
		{"promise broken", func(d *dossier.Dossier) {
			d.Promises = []dossier.Promise{{ID: 1, Document: 1, On: day("2026-11-18"), MadeAt: at("2026-11-10 09:00")}}
		}, Act, ""},
		{"a cheque is on its way", func(d *dossier.Dossier) {
			d.Promises = []dossier.Promise{{ID: 1, Claimed: "cheque", On: day("2026-11-20"), Until: day("2026-11-27"), MadeAt: now.Add(-time.Hour)}}
		}, Held, dossier.ProbablyPaid},
		{"payment of that amount not allocated", func(d *dossier.Dossier) {
			d.Credits = []dossier.Credit{{ID: 1, Amount: eur(100_000)}}
		}, Held, dossier.ProbablyPaid},
		{"credit covers", func(d *dossier.Dossier) {
			d.Credits = []dossier.Credit{{ID: 1, Amount: eur(150_000), Note: true}}
		}, Held, dossier.CreditCovers},
		{"credit covers a part", func(d *dossier.Dossier) { d.Credits = []dossier.Credit{{ID: 1, Amount: eur(60_000)}} }, Act, ""},
		{"direct debit long ago", func(d *dossier.Dossier) { d.Lines[0].Method = receivable.MethodDirectDebit }, Act, ""},
		{"direct debit of last week", func(d *dossier.Dossier) {
			d.Lines[0].Method, d.Lines[0].DueOn = receivable.MethodDirectDebit, day("2026-11-18")
		}, Held, dossier.DirectDebit},
		{"direct debit returned", func(d *dossier.Dossier) {
			d.Lines[0].Method, d.Lines[0].DueOn, d.Lines[0].Returned = receivable.MethodDirectDebit, day("2026-11-20"), true
		}, Act, ""},
		{"assigned", func(d *dossier.Dossier) { d.Lines[0].Assigned = true }, Held, dossier.Assigned},
		{"bill", func(d *dossier.Dossier) { d.Lines[0].Standing = receivable.StandingBill }, Held, dossier.DirectDebit},
		{"refused in e-invoicing", func(d *dossier.Dossier) { d.Lines[0].EStatus = receivable.EStatusRefused }, Held, dossier.Disputed},
		{"disputed in e-invoicing", func(d *dossier.Dossier) { d.Lines[0].EStatus = receivable.EStatusDisputed }, Held, dossier.Disputed},
		{"suspended in e-invoicing", func(d *dossier.Dossier) { d.Lines[0].EStatus = receivable.EStatusSuspended }, Held, dossier.Disputed},
		{"rejected by a platform", func(d *dossier.Dossier) { d.Lines[0].EStatus = receivable.EStatusRejected }, Held, dossier.Excluded},
		{"cashed, says e-invoicing", func(d *dossier.Dossier) { d.Lines[0].EStatus = receivable.EStatusPaid }, Done, dossier.Paid},
		{"approved in e-invoicing", func(d *dossier.Dossier) { d.Lines[0].EStatus = receivable.EStatusApproved }, Act, ""},
		{"tiny", func(d *dossier.Dossier) { d.Lines[0].Outstanding = eur(100) }, Held, dossier.Tiny},
		{"customer owes next to nothing", func(d *dossier.Dossier) { d.Lines[0].Outstanding = eur(1500) }, Held, dossier.Tiny},
		{"do not contact", func(d *dossier.Dossier) { d.Customer.DoNotContact = true }, Held, dossier.Excluded},
		{"backlog", func(d *dossier.Dossier) { d.Company.FirstConfirmedAt = at("2026-12-31 09:00") }, Held, dossier.Backlog},
		{"backlog resumed", func(d *dossier.Dossier) {
			d.Company.FirstConfirmedAt = at("2026-12-31 09:00")
			d.Taken = []dossier.Taken{{Due: 1, How: TakenResumed, At: at("2026-11-20 09:00")}}
		}, Act, ""},
		{"no address", func(d *dossier.Dossier) { d.Customer.Emails = nil }, Held, dossier.NoAddress},
		{"bounced", func(d *dossier.Dossier) {
			d.Bounced = []dossier.Bounced{{Address: "COMPTA@durand.example", At: now.Add(-time.Hour)}}
		}, Held, dossier.BouncedAddress},
		{"bounced, kept in its plain form", func(d *dossier.Dossier) {
			d.Customer.Emails = []string{"Jean.Durand+factures@gmail.com"}
			d.Bounced = []dossier.Bounced{{Address: "jeandurand@gmail.com", At: now.Add(-time.Hour)}}
		}, Held, dossier.BouncedAddress},
		{"absent, kept in its plain form", func(d *dossier.Dossier) {
			d.Customer.Emails = []string{"jean.durand@gmail.com"}
			d.Lines[0].DueOn = day("2026-11-17")
			d.Replies = []dossier.Reply{{ID: 1, From: "jeandurand@gmail.com", ReceivedAt: at("2026-11-20 09:00"), ReturnOn: day("2026-11-30")}}
		}, Wait, dossier.Absent},
		{"absent", func(d *dossier.Dossier) {
			d.Lines[0].DueOn = day("2026-11-17")
			d.Replies = []dossier.Reply{{ID: 1, From: "compta@durand.example", ReceivedAt: at("2026-11-20 09:00"), ReturnOn: day("2026-11-30")}}
		}, Wait, dossier.Absent},
		{"absent, and another reads", func(d *dossier.Dossier) {
			d.Customer.Emails = append(d.Customer.Emails, "chef@durand.example")
			d.Replies = []dossier.Reply{{ID: 1, From: "compta@durand.example", ReceivedAt: at("2026-11-20 09:00"), ReturnOn: day("2026-11-30")}}
		}, Act, ""},
		{"outcome unknown", func(d *dossier.Dossier) {
			d.Messages = []dossier.Message{{ID: 4, Kind: dossier.KindReminder, State: dossier.StateUnknown, Step: "first"}}
		}, Held, dossier.OutcomeUnknown},
		{"plan taken to its end", func(d *dossier.Dossier) {
			d.Taken = []dossier.Taken{{Due: 1, Step: "handover", How: TakenHistory, At: at("2026-11-20 09:00")}}
		}, Done, dossier.PlanEnd},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000))
			c.change(&d)
			r := rulesWith(t, auto)
			moment := now
			if c.name == "absent" {
				moment = at("2026-11-24 12:00")
			}
			got := Decide(d, r, moment)
			if v := got.Verdicts[0]; v.Outcome != c.outcome || v.Reason != c.reason {
				t.Fatalf("%s %s, want %s %s\n%s", v.Outcome, v.Reason, c.outcome, c.reason, show(got))
			}
			for _, lang := range []string{"fr", "en"} {
				if v := Explain(got, d, r, moment, lang).Verdicts[0]; v.Because == "" || len(v.Facts) == 0 {
					t.Errorf("%s: no explanation: %+v", lang, v)
				}
			}
		})
	}
}

func TestPreview_standardPlanToItsEnd(t *testing.T) {
	t.Parallel()
	d := customer(invoice(1, "FA-1001", "2026-03-02", 100_000))
	want := []string{
		"preventive 2026-02-23 08:30", "first 2026-03-09 08:30", "second 2026-03-17 08:30", "call 2026-03-23 07:00",
		"third 2026-04-01 08:30", "formal 2026-04-16 07:00", "handover 2026-05-04 07:00",
	}
	var got []string
	for v := range Preview(d, rulesWith(t, nil), at("2026-02-01 12:00"), at("2026-07-01 12:00")) {
		got = append(got, v.Step+" "+v.At.In(paris).Format("2006-01-02 15:04"))
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("got %q\nwant %q", got, want)
		}
	}
}

func TestDecide_draftWaitsAndIsReplacedOrWithdrawn(t *testing.T) {
	t.Parallel()
	r := rulesWith(t, nil)
	now := at("2026-11-23 12:00")
	d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000))
	proposed := Decide(d, r, now)
	if len(proposed.Actions) != 1 || !proposed.Actions[0].Approval {
		t.Fatalf("no draft proposed\n%s", show(proposed))
	}
	draft := dossier.Message{
		ID: 9, Kind: dossier.KindReminder, State: dossier.StateDraft, Plan: "standard", Step: "first",
		Basis: proposed.Actions[0].Basis, CreatedAt: now, Lines: []dossier.MessageLine{{Due: 1, Document: 1, Role: dossier.RoleDemanded}},
	}
	d.Messages = []dossier.Message{draft}
	kept := Decide(d, r, now)
	if len(kept.Keep) != 1 || kept.Keep[0].Reopens != 9 || kept.Verdicts[0].Reason != dossier.Approval {
		t.Fatalf("the draft does not stand\n%s", show(kept))
	}
	d.Lines[0].Outstanding = eur(40_000)
	if got := Decide(d, r, now); len(got.Actions) != 1 || got.Actions[0].Reopens != 9 || len(got.Keep) != 0 {
		t.Errorf("a part payment does not replace the draft\n%s", show(got))
	}
	d.Lines[0].Outstanding = eur(0)
	if got := Decide(d, r, now); len(got.Withdraw) != 1 || got.Withdraw[0] != (Withdrawal{9, dossier.Paid}) {
		t.Errorf("payment does not withdraw the draft\n%s", show(got))
	}
}

func TestDecide_approvedMessageLeavesThoughAnotherLineFallsDue(t *testing.T) {
	t.Parallel()
	r := rulesWith(t, nil)
	d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000), invoice(2, "FA-1002", "2026-11-23", 50_000))
	now := at("2026-11-23 12:00")
	a := Decide(d, r, now).Actions[0]
	m := dossier.Message{ID: 9, Kind: dossier.KindReminder, State: dossier.StateQueued, Approved: true, Plan: a.Plan, Step: a.Step, Basis: a.Basis, CreatedAt: now}
	for _, use := range a.Lines {
		if use.Line.ID == 1 {
			m.Lines = append(m.Lines, dossier.MessageLine{Due: 1, Document: 1, Role: use.Role})
		}
	}
	only := d
	only.Lines = d.Lines[:1]
	m.Basis = Decide(only, r, now).Actions[0].Basis
	d.Messages = []dossier.Message{m}
	if got := Decide(d, r, at("2026-11-24 12:00")); len(got.Keep) != 1 || len(got.Withdraw) != 0 {
		t.Errorf("what a person approved does not stand\n%s", show(got))
	}
}

func TestDecide_partOfAnInvoiceInDisputeIsNotDemanded(t *testing.T) {
	t.Parallel()
	d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000))
	d.Disputes = []dossier.Dispute{{ID: 1, Document: 1, Amount: eur(30_000), OpenedAt: at("2026-11-01 09:00")}}
	got := Decide(d, rulesWith(t, auto), at("2026-11-23 12:00"))
	if len(got.Actions) != 1 || got.Actions[0].Sums()[0] != eur(70_000) || got.Actions[0].Lines[0].Disputed != eur(30_000) {
		t.Errorf("demands %+v\n%s", got.Actions, show(got))
	}
}

func TestDecide_graceDelaysNothingLater(t *testing.T) {
	t.Parallel()
	r := rulesWith(t, func(c *Config, plans map[string]PlanConfig) {
		c.Mode, c.Plan = ModeAuto, "p"
		plans["p"] = PlanConfig{Steps: []StepConfig{
			{ID: "zero", At: calendar.Days(0), Channel: Email, Template: "first"}, {ID: "eight", At: calendar.Days(8), Channel: Email, Template: "second"},
		}}
	})
	var got []string
	for v := range Preview(customer(invoice(1, "A", "2026-11-20", 100_000)), r, at("2026-11-19 12:00"), at("2026-12-30 12:00")) {
		got = append(got, v.Step+" "+v.At.In(paris).Format(time.DateOnly))
	}
	// Friday, two working days later is Tuesday; the gap puts the second on 1 December.
	if len(got) != 2 || got[0] != "zero 2026-11-24" || got[1] != "eight 2026-12-01" {
		t.Errorf("%q", got)
	}
}

func TestDecide_declinedStepIsSkippedAndSpaced(t *testing.T) {
	t.Parallel()
	d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000))
	d.Taken = []dossier.Taken{{Due: 1, Plan: "standard", Step: "first", How: TakenDeclined, At: at("2026-11-23 10:00")}}
	got := Decide(d, rulesWith(t, auto), at("2026-11-23 12:00"))
	if v := got.Verdicts[0]; v.Reason != dossier.Gap || v.Step != "second" || !v.At.Equal(at("2026-11-30 08:30")) {
		t.Errorf("%s", show(got))
	}
}

func TestDecide_formalNoticeNeedsAgreedDateAndPerson(t *testing.T) {
	t.Parallel()
	d := customer(invoice(1, "FA-1001", "2026-09-20", 100_000))
	d.Taken = []dossier.Taken{{Due: 1, Plan: "standard", Step: "third", How: TakenHistory, At: at("2026-11-01 10:00")}}
	r := rulesWith(t, auto)
	got := Decide(d, r, at("2026-11-23 12:00"))
	if len(got.Actions) != 1 || got.Actions[0].Step != "formal" || !got.Actions[0].Formal || got.Actions[0].Task != "letter" {
		t.Fatalf("%s", show(got))
	}
	d.Lines[0].DueEstimated = true
	if got := Decide(d, r, at("2026-11-23 12:00")); len(got.Actions) != 1 || got.Actions[0].Step != "handover" {
		t.Errorf("estimated date: %s", show(got))
	}
}

func TestExplain_tellsTheStateInEInvoicingAndWhoIsASupplierToo(t *testing.T) {
	t.Parallel()
	now := at("2026-11-23 12:00")
	d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000))
	d.Customer.Supplier, d.Lines[0].EStatus = true, receivable.EStatusDisputed
	r := rulesWith(t, auto)
	for lang, supplier := range map[string]string{"fr": "aussi fournisseur", "en": "also a supplier"} {
		told := map[string]string{}
		for _, f := range Explain(Decide(d, r, now), d, r, now, lang).Verdicts[0].Facts {
			told[f.Name] = f.Value
		}
		if told["e_invoicing"] != "disputed" || told["supplier"] != supplier {
			t.Errorf("%s: %v", lang, told)
		}
	}
}

// A second reminder to a customer to whom we owe something too waits for a person.
func TestDecide_aSupplierIsAskedASecondTimeByAPerson(t *testing.T) {
	t.Parallel()
	now := at("2026-11-23 12:00")
	for _, supplier := range []bool{false, true} {
		d := customer(invoice(1, "FA-1001", "2026-10-20", 100_000))
		d.Messages = []dossier.Message{sent(1, "first", "2026-10-26 09:00", d.Lines[0])}
		d.Customer.Supplier = supplier
		got := Decide(d, rulesWith(t, auto), now)
		if len(got.Actions) != 1 || got.Actions[0].Step != "second" || got.Actions[0].Approval != supplier {
			t.Errorf("supplier %v: %+v", supplier, got.Actions)
		}
	}
}
