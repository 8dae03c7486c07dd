package oauth

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"relanced/internal/conf"
)

// Visit shows the address of the vendor's page and waits for the answer: at the
// redirect address, where that is this machine's and free, and at the same time
// as a line of lines, where the redirected address may be pasted. say is given
// what else a person should know. It returns what Consent.Read does; ErrDenied and
// the context's own error end it.
func (s *Consent) Visit(ctx context.Context, lines io.Reader, show, say func(string)) (url.Values, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer)
	stop, err := s.listen(ctx, answers)
	if err != nil {
		say(fmt.Sprintf("%v: when the browser has been sent back, paste the address it shows here", err))
	}
	defer stop()
	show(s.URL)
	go s.read(ctx, lines, answers, say)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case a := <-answers:
		return a.params, a.err
	}
}

type answer struct {
	params url.Values
	err    error
}

// read looks at each line for the redirected address.
func (s *Consent) read(ctx context.Context, lines io.Reader, answers chan<- answer, say func(string)) {
	scanner := bufio.NewScanner(lines)
	for scanner.Scan() {
		if scanner.Text() == "" {
			continue
		}
		params, err := s.Read(scanner.Text())
		if errors.Is(err, ErrStranger) {
			say(err.Error() + ": copy the whole line from the browser's address field after you have agreed")
			continue
		}
		select {
		case answers <- answer{params, err}:
		case <-ctx.Done():
		}
		return
	}
}

// listen serves the redirect address. stop may be called whatever the error.
func (s *Consent) listen(ctx context.Context, answers chan<- answer) (stop func(), err error) {
	u, err := url.Parse(s.client.RedirectURL)
	if err != nil || u.Scheme != "http" || !conf.Loopback(u.Hostname()) {
		return func() {}, fmt.Errorf("%s is not an address of this machine", s.client.RedirectURL)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return func() {}, fmt.Errorf("port %s is in use on this machine", port)
	}
	path := u.Path
	if path == "" {
		path = "/"
	}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path || r.Method != http.MethodGet {
			http.NotFound(w, r)
			return
		}
		params, err := s.Read(r.URL.RequestURI())
		switch {
		case errors.Is(err, ErrStranger):
			page(w, http.StatusBadRequest, "This is not the answer relanced waits for. Begin again from the address it shows.")
			return
		case err != nil:
			page(w, http.StatusOK, "Access was refused. You can close this page.")
		default:
			page(w, http.StatusOK, "Thank you. You can close this page and go back to relanced.")
		}
		select {
		case answers <- answer{params, err}:
		case <-ctx.Done():
		}
	})
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(listener) }()
	return func() {
		// The page that says thank you is let out first.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(ending)
		_ = server.Close()
		<-served
	}, nil
}

// page writes one sentence for a person.
func page(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer") // the address holds the code
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html><title>relanced</title><p>%s</p>\n", html.EscapeString(text))
}

// PasteHint is the redirect address while nobody waits there: a person who was
// sent back learns what to do with the address.
func PasteHint(w http.ResponseWriter, _ *http.Request) {
	page(w, http.StatusOK, "relanced connect waits in its terminal: copy the address of this page and paste it there.")
}
