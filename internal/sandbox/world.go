package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"relanced/configs"
	"relanced/connectors/builtin"
	"relanced/connectors/pennylane/pennylanetest"
	"relanced/internal/daemon"
	"relanced/internal/email/emailtest"
)

// world is the company and all that is around it.
type world struct {
	clock   *clock
	zone    *time.Location
	scratch string
	folder  *folder
	source  *pennylanetest.Server
	books   *pennylanetest.Books
	smtp    *emailtest.SMTP
	imap    *emailtest.IMAP
	daemon  *daemon.Daemon
	company *daemon.Company
	teller  *teller

	ids     []int64          // customers in the accounting software, by place
	open    map[int]int64    // the invoice that the story is about, by place of its customer
	numbers map[int64]string // of invoices
	mails   int              // that our people and customers wrote so far
	read    int              // work lists that Marie has read
	later   []int64          // open invoices written after the story

	ends []func() error // what close does

	mu   sync.Mutex
	sent map[string][]emailtest.Mail // what arrived, by address
}

// build makes the world. The caller closes it.
func build(ctx context.Context, o Options) (*world, error) {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		return nil, err
	}
	if o.begins.IsZero() {
		o.begins = time.Date(2026, time.September, 7, 6, 0, 0, 0, zone) // a Monday
	}
	w := &world{
		clock: &clock{at: o.begins}, zone: zone,
		open: map[int]int64{}, numbers: map[int64]string{}, sent: map[string][]emailtest.Mail{},
	}
	if err := w.start(ctx, o); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *world) start(ctx context.Context, o Options) error {
	var err error
	if w.folder, err = newFolder(o.Dir); err != nil {
		return err
	}
	if w.scratch, err = os.MkdirTemp("", "relanced-sandbox-"); err != nil {
		return err
	}
	w.ends = append(w.ends, func() error { return os.RemoveAll(w.scratch) })
	w.source, err = pennylanetest.New(pennylanetest.Options{Now: w.clock.now, Token: token, Company: companyName, Unlimited: true})
	if err != nil {
		return err
	}
	w.ends = append(w.ends, w.source.Close)
	w.books = w.source.Books
	w.fill()
	if w.imap, err = emailtest.NewIMAP(emailtest.IMAPConfig{Users: map[string]string{ourAddress: password}}); err != nil {
		return err
	}
	w.ends = append(w.ends, w.imap.Close)
	if w.smtp, err = emailtest.NewSMTP(emailtest.SMTPConfig{Users: map[string]string{ourAddress: password}, DSN: true, Accepted: w.arrived}); err != nil {
		return err
	}
	w.ends = append(w.ends, w.smtp.Close)
	path, err := w.configuration(cmp.Or(o.mode, "review"))
	if err != nil {
		return err
	}
	file, problems := configs.Load(path, builtin.Factories())
	if err := problems.Err(); err != nil {
		return fmt.Errorf("the demo's configuration: %w", err)
	}
	if w.daemon, err = daemon.Open(ctx, file, daemon.Options{Now: w.clock.now, Logger: o.Logger}); err != nil {
		return err
	}
	w.ends = append(w.ends, w.daemon.Close)
	w.company = w.daemon.Companies[0]
	w.teller = newTeller(w, o)
	return nil
}

// close ends everything, last things first; the folder with the mails stays.
func (w *world) close() error {
	var errs []error
	for _, end := range slices.Backward(w.ends) {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

// arrived is a mail that the mail server took: it reaches its recipients.
func (w *world) arrived(m emailtest.Mail) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, to := range m.To {
		w.sent[to] = append(w.sent[to], m)
	}
	w.folder.keep(whose(m.To), w.clock.now().In(w.zone), m.Data)
}

// last is the newest mail that reached an address.
func (w *world) last(address string) (emailtest.Mail, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	mails := w.sent[address]
	if len(mails) == 0 {
		return emailtest.Mail{}, false
	}
	return mails[len(mails)-1], true
}

// count is how many mails reached an address.
func (w *world) count(address string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sent[address])
}

// whose names a mail's file: the customer's code.
func whose(to []string) string {
	for _, address := range to {
		if address == marie {
			return "marie"
		}
		for i, c := range customers {
			if mailOf(i) == address {
				return c.code
			}
		}
	}
	return "mail"
}
