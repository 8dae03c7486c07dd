package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"relanced/internal/oauth"
)

// health answers /healthz: 200 once the store is open, the configuration
// accepted and the loops started; 503 with the reason otherwise. A mail server
// or a source that is away does not change it.
type health struct {
	ready atomic.Bool
	ping  func(context.Context) error
}

// ServeHTTP answers.
func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	switch err := h.ping(ctx); {
	case err != nil:
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, "the store does not answer: %v\n", err)
	case !h.ready.Load():
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "starting or stopping")
	default:
		fmt.Fprintln(w, "ok")
	}
}

// serve answers on the address until ctx ends, and returns the one it got; ""
// and "off" listen nowhere.
func (h *health) serve(ctx context.Context, address string, hooks http.Handler, logger *slog.Logger) (listening string, stop func(), err error) {
	if address == "" || address == "off" {
		return "off", func() {}, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return "", nil, fmt.Errorf("listen for /healthz: %w (another program uses it: set http.listen, or off)", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", h)
	mux.Handle("POST /webhooks/{company}/{connection}", hooks)
	// relanced connect cannot listen where the daemon does.
	mux.HandleFunc("GET /oauth/callback", oauth.PasteHint)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() {
		if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			logger.Error("the health page ended", "err", err)
		}
	}()
	return listener.Addr().String(), func() { _ = server.Close() }, nil
}

// tellReady tells systemd that the service is ready, and from then on, where it
// asks for that, that the store answers.
func (h *health) tellReady(ctx context.Context, logger *slog.Logger) {
	h.ready.Store(true)
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		logger.Warn("systemd was not told", "err", err)
	}
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return
	}
	go func() {
		tick := time.NewTicker(every / 2)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if h.ping(ctx) == nil {
					_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
				}
			}
		}
	}()
}

func (h *health) tellStopping() {
	h.ready.Store(false)
	_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
}
