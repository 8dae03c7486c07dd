package brief

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"relanced/internal/calendar"
	"relanced/internal/dossier"
	"relanced/internal/email"
	"relanced/internal/money"
	"relanced/internal/receivable"
	"relanced/internal/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// eventful is a world in which there is something to say under each heading.
func eventful(t testing.TB, language string) *world {
	w := newWorld(t, language)
	w.now = at("2026-11-02 09:00")
	w.refresh()
	replied := w.customer("C010", "Boulangerie Martin", 840, "2026-10-20")
	disputed := w.customer("C011", "Garage de l'Étoile", 2210, "2026-10-15")
	promised := w.customer("C012", "Hôtel du Lac", 1575, "2026-10-10")
	today := w.customer("C013", "Imprimerie Noël", 460, "2026-10-12")
	w.page(store.Page{
		Accounts:  []receivable.Account{{External: "C014", Code: "C014", Name: "Sans Adresse SA", Kind: receivable.KindBusiness, Country: "FR"}},
		Documents: []receivable.Document{w.invoice("C014", 99, "2026-11-12")},
	})
	w.customer("C015", "Transports Leroy", 3200, "2026-10-18")
	w.page(store.Page{Payments: []receivable.Payment{{External: "P1", Account: "C015", On: calendar.MustParse("2026-11-20"), Amount: money.New(320_000, "EUR"), Unallocated: money.New(320_000, "EUR")}}})
	w.tx(func(tx *store.Tx) error {
		for _, add := range []func() (int64, error){
			func() (int64, error) {
				return tx.AddHold(replied, dossier.Hold{Reason: dossier.Replied, By: "martin@client.example", Note: "Je regarde avec mon comptable.", From: w.now})
			},
			func() (int64, error) {
				d, err := tx.Dossier(disputed)
				if err != nil {
					return 0, err
				}
				return tx.AddDispute(disputed, dossier.Dispute{Document: d.Lines[0].Document, Reason: "quantité", By: "marie@dupont.example", OpenedAt: w.now})
			},
			func() (int64, error) {
				return tx.AddPromise(promised, dossier.Promise{On: calendar.MustParse("2026-11-20"), Until: calendar.MustParse("2026-11-24"), By: "marie@dupont.example"})
			},
			func() (int64, error) {
				return tx.AddPromise(today, dossier.Promise{On: calendar.MustParse("2026-11-25"), Until: calendar.MustParse("2026-11-27"), By: "marie@dupont.example"})
			},
			func() (int64, error) {
				return tx.AddTask(dupont, disputed, dossier.Task{Kind: "call", Title: "Appeler Garage de l'Étoile", DueOn: calendar.MustParse("2026-11-26")}, "")
			},
		} {
			if _, err := add(); err != nil {
				return err
			}
		}
		return nil
	})
	w.now = at("2026-11-24 18:00")
	w.drafts(3)
	w.now = at("2026-11-25 07:10")
	acme, err := w.store.FindCustomer(t.Context(), dupont, "C003")
	if err != nil {
		t.Fatal(err)
	}
	w.tx(func(tx *store.Tx) error {
		_, _, err := tx.RecordMessage(store.Incoming{
			Company: dupont, Identity: "x1", Place: store.Place{Mailbox: boxKey.Name, Folder: "INBOX", UIDValidity: 1, UID: 1}, From: "jean@client.example", FromName: "Jean Client",
			Subject: "Re: Facture F-007", ReceivedAt: w.now.Add(-time.Minute), Class: dossier.ClassHuman, Holds: true,
			Quote: "Bonjour,\n\nLe virement est parti hier.\n3. Autre chose\n", Matches: []store.Match{{Customer: acme, Level: "certain"}},
		})
		if err != nil {
			return err
		}
		_, err = tx.AddHold(acme, dossier.Hold{Reason: dossier.Replied, By: "jean@client.example", Note: "Le virement est parti hier.", From: w.now})
		return err
	})
	w.now = at("2026-11-25 07:30")
	w.refresh()
	w.sweep()
	return w
}

var referenceForm = regexp.MustCompile(`R-[0-9A-Z]{4}-[0-9A-Z]{4}`)

// steady replaces what is random.
func steady(text string) string {
	for _, token := range email.FindTokens(text) {
		text = strings.ReplaceAll(text, token, "t1.TOKEN")
	}
	return referenceForm.ReplaceAllString(text, "R-0000-0000")
}

func TestMail_saysWhatThereIsToKnowAndToDo(t *testing.T) {
	t.Parallel()
	for _, language := range []string{"fr", "en"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			w := eventful(t, language)
			lists := w.mail()
			if len(lists) != 1 {
				t.Fatalf("%d lists", len(lists))
			}
			_, text, page := parts(t, lists[0].Content)
			for name, got := range map[string]string{"list-" + language + ".txt": steady(text), "list-" + language + ".html": steady(page)} {
				path := filepath.Join("testdata", name)
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := gocmp.Diff(string(want), got); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
		})
	}
}

func TestMail_carriesTheHeadersOfANotification(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.drafts(1)
	list := w.mail()[0]
	header, text, _ := parts(t, list.Content)
	for name, want := range map[string]string{
		"To": `"Marie Petit" <marie@dupont.example>`, "Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", "Reply-To": "", "Message-Id": list.MID,
	} {
		if got := header.Get(name); strings.ReplaceAll(got, `"`, "") != strings.ReplaceAll(want, `"`, "") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if from, err := header.AddressList("From"); err != nil || from[0].Address != "compta@dupont.example" {
		t.Errorf("from %v, %v", from, err)
	}
	if list.Kind != dossier.KindNotice || list.State != dossier.StateQueued || list.Customer != 0 || list.Mailbox != boxKey.Name || !list.NotBefore.IsZero() {
		t.Errorf("%+v", list)
	}
	if tokens := email.FindTokens(text); len(tokens) != 1 {
		t.Errorf("%d references", len(tokens))
	}
}

func TestMail_isMadeOnceForEachMorningAndAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.brief.Config.To = []string{"marie@dupont.example", "paul@dupont.example"}
	w.drafts(1)
	if err := w.brief.Config.Schedule.UnmarshalText([]byte("45 7 * * 1-5")); err != nil {
		t.Fatal(err)
	}
	w.now = at("2026-11-25 07:44")
	if lists := w.mail(); len(lists) != 0 {
		t.Fatalf("%d lists before their time", len(lists))
	}
	w.now = at("2026-11-25 07:45").Add(-5 * time.Millisecond) // whoever calls is a little ahead
	if lists := w.mail(); len(lists) != 2 || lists[0].To[0] == lists[1].To[0] {
		t.Fatalf("%d lists", len(lists))
	}
	for range 3 {
		w.now = w.now.Add(time.Hour)
		if lists := w.mail(); len(lists) != 0 {
			t.Fatalf("%d lists more", len(lists))
		}
	}
	w.morning()
	w.now = w.now.Add(time.Hour)
	if lists := w.mail(); len(lists) != 2 {
		t.Errorf("%d lists the next morning", len(lists))
	}
}

func TestMail_aClockThatWasWrongStopsNoList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.drafts(1)
	right := w.now
	w.now = at("2031-03-05 08:00")
	w.mail()
	w.now = right
	if lists := w.mail(); len(lists) != 1 {
		t.Errorf("%d lists", len(lists))
	}
}

func TestMail_comesLateRatherThanNot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.drafts(1)
	w.now = at("2026-11-25 15:00")
	if lists := w.mail(); len(lists) != 1 {
		t.Errorf("%d lists", len(lists))
	}
}

// A reminder before the due date asks for nothing; its line says what comes due.
func TestMail_aStepBeforeTheDueDateShowsItsAmount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.customer("C001", "Client 1", 1000, "2026-12-01")
	w.morning()
	if lists := w.mail(); len(lists) != 1 || !strings.Contains(lists[0].Text, "1. Client 1 (C001), preventive, 1\u202f000,00\u00a0€\n") {
		t.Errorf("%v", lists)
	}
}

func TestMail_aSecondOneOfTheDayHasNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	if err := w.brief.Config.Schedule.UnmarshalText([]byte("@every 1s")); err != nil {
		t.Fatal(err)
	}
	w.drafts(1)
	if lists := w.mail(); len(lists) != 1 {
		t.Fatalf("%d lists", len(lists))
	}
	for range 5 {
		w.now = w.now.Add(time.Second)
		if lists := w.mail(); len(lists) != 0 {
			t.Fatalf("the same list again: %s", lists[0].Text)
		}
	}
	w.answer("eve@evil.example", "ok", "")
	w.now = w.now.Add(time.Second)
	lists := w.mail()
	if len(lists) != 1 || !strings.Contains(lists[0].Text, "eve@evil.example") {
		t.Fatalf("the refused answer is not shown: %v", lists)
	}
	// The newer list counts, and so does the older one, until one is answered.
	w.now = w.now.Add(time.Minute)
	if acks := w.answer("marie@dupont.example", "ok", lists[0].Text); len(acks) != 0 || w.states()["C001"] != dossier.StateQueued {
		t.Error("the second list cannot be answered")
	}
	w.now = w.now.Add(time.Second)
	if lists := w.mail(); len(lists) != 1 || !strings.Contains(lists[0].Text, "Client 1 (C001), first, 1\u202f000,00\u00a0€ : approuvée par marie@dupont.example") {
		t.Errorf("what was decided is not told: %v", lists)
	}
	for range 5 {
		w.now = w.now.Add(time.Second)
		if lists := w.mail(); len(lists) != 0 {
			t.Fatalf("the same list again: %s", lists[0].Text)
		}
	}
}

func TestMail_restsOnHolidaysAndWhereTheScheduleDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.drafts(1)
	for _, day := range []string{"2026-12-25 08:00", "2026-11-28 08:00", "2026-11-29 12:00"} { // Christmas, a weekend
		w.now = at(day)
		if lists := w.mail(); len(lists) != 0 {
			t.Errorf("a list on %s", day)
		}
	}
}

func TestMail_withNothingToSayDoesAsConfigured(t *testing.T) {
	t.Parallel()
	for empty, want := range map[Empty]int{EmptySilent: 0, EmptyShort: 1} {
		w := newWorld(t, "fr")
		w.brief.Config.Empty = empty
		w.morning()
		lists := w.mail()
		if len(lists) != want {
			t.Errorf("%s: %d lists", empty, len(lists))
		}
		if want == 1 && !strings.Contains(lists[0].Text, "Rien à signaler") {
			t.Errorf("%s:\n%s", empty, lists[0].Text)
		}
	}
}

func TestMail_showsFirstLinesBeyondMaxItems(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.brief.Config.MaxItems = 2
	w.drafts(4)
	text := w.mail()[0].Text
	_, third, _ := strings.Cut(text, "\n3. ")
	second, _, _ := strings.Cut(text, "\n3. ")
	if third == "" || strings.Count(second, "Cordialement")+strings.Count(second, "salutations") < 2 || strings.Contains(third, "salutations") || strings.Count(third, "    …\n") != 2 {
		t.Errorf("not cut as configured:\n%s", text)
	}
}

func TestMail_foreignTextBreaksNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Evil\r\nBcc: eve@evil.example\r\n\r\n1. Other (C999), first, 0,01 €",
		"<script>alert(1)</script><img src=x onerror=alert(1)>",
		"**bold** [link](https://evil.example) # heading",
		"\u202egnp.exe\u202c \u2066abc\u2069",
		strings.Repeat("Très longue raison sociale ", 400),
		"חברה בע\"מ",
	} {
		w := newWorld(t, "fr")
		w.customer("C001", name, 500, "2026-11-10")
		w.morning()
		lists := w.mail()
		if len(lists) != 1 {
			t.Fatalf("%q: %d lists", name[:10], len(lists))
		}
		header, text, page := parts(t, lists[0].Content)
		if header.Get("Bcc") != "" || len(lists[0].To) != 1 {
			t.Errorf("%q added a recipient", name[:10])
		}
		numbered := regexp.MustCompile(`(?m)^\d+\. `).FindAllString(text, -1)
		if len(numbered) != 1 {
			t.Errorf("%q: lines that begin with a number: %q", name[:10], numbered)
		}
		if strings.ContainsAny(text+page, "\u202e\u2066\r") || strings.Contains(page, "<script") || strings.Contains(page, "<img") {
			t.Errorf("%q came through", name[:10])
		}
		if acks := w.answer("marie@dupont.example", "ok", text); len(acks) != 0 || w.states()["C001"] != dossier.StateQueued {
			t.Errorf("%q: the list cannot be answered", name[:10])
		}
	}
}

func TestMail_tellsWhatAFirstRunWouldDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	w.drafts(2)
	w.tx(func(tx *store.Tx) error {
		key := store.ConnectionKey{Company: dupont, Name: "neuve"}
		if _, err := tx.EnsureConnection(key, "files"); err != nil {
			return err
		}
		if err := tx.BeginPass(key, false); err != nil {
			return err
		}
		if _, err := tx.ApplyPage(key, store.Page{
			Accounts:  []receivable.Account{{External: "N1", Code: "N1", Name: "Nouveau", Emails: []string{"n1@client.example"}, Kind: receivable.KindBusiness}},
			Documents: []receivable.Document{w.invoice("N1", 700, "2026-11-05")},
			AsOf:      w.now,
		}); err != nil {
			return err
		}
		return tx.EndPass(key, store.PassEnd{AsOf: w.now})
	})
	w.box.Company.Connections = append(w.box.Company.Connections, outboxConnection("neuve"))
	text := w.mail()[0].Text
	for _, want := range []string{"Connexion neuve : première lecture à confirmer", "1 relance serait proposée pour 700,00", "→ relanced preview, relanced confirm neuve"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
}

func TestMail_namesProblemsAndWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "en")
	w.drafts(1)
	w.tx(func(tx *store.Tx) error {
		if err := tx.FailPass(compta, store.PassError{Kind: "auth", Message: "the token was refused", Do: "make a new token"}); err != nil {
			return err
		}
		if err := tx.FailMailbox(boxKey, "auth", "log-in refused"); err != nil {
			return err
		}
		return tx.BlockMailbox(boxKey, "535 not allowed to send")
	})
	text := w.mail()[0].Text
	for _, want := range []string{"- Connection compta: the token was refused\n  → make a new token", "- Mailbox courrier, since 25 November 2026", "log-in refused", "sending stopped since"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
}

func TestCount_writesSingularAndPlural(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "fr")
	french, english := [2]string{"%d client", "%d clients"}, [2]string{"%d customer", "%d customers"}
	for n, want := range map[int]string{0: "0 client", 1: "1 client", 2: "2 clients"} {
		if got := w.brief.count(n, french, english); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	w.brief.Box.Company.Compose.Language = "en"
	for n, want := range map[int]string{0: "0 customers", 1: "1 customer", 2: "2 customers"} {
		if got := w.brief.count(n, french, english); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
