package daemon

import (
	"context"
	"io"
	"net/http"
	"sync"

	"relanced/connectors"
	"relanced/internal/receivable"
	syncer "relanced/sync"
)

// hookLimit bounds a notification.
const hookLimit = 1 << 20

// hooks takes the notifications of sources that send them: a genuine one has the
// connection read at once. Vendors want their answer within seconds, and repeat
// what is not answered with 200, so that the pass is made afterwards, and books
// that are not ours are taken note of too.
type hooks struct {
	ctx     context.Context //nolint:containedctx // the daemon's: passes outlive requests
	d       *Daemon
	waiting sync.Map // connections of which a pass is about to begin
}

func (d *Daemon) hooks(ctx context.Context) http.Handler { return &hooks{ctx: ctx, d: d} }

// ServeHTTP answers 200, 401 where the notification is not the vendor's, 404
// where nothing is configured to take it.
func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, hookLimit))
	if err != nil {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	for _, c := range h.d.Companies {
		if string(c.ID) != r.PathValue("company") {
			continue
		}
		source, _ := c.Source(receivable.ConnectionID(r.PathValue("connection")))
		verifier, ok := source.Connector.(connectors.WebhookVerifier)
		if !ok {
			break
		}
		ours, err := verifier.VerifyWebhook(r.Header, body)
		if err != nil {
			h.d.logger.WarnContext(r.Context(), "webhook refused", "connection", source.Name, "err", err)
			http.Error(w, "not genuine", http.StatusUnauthorized)
			return
		}
		if ours {
			h.wake(c, source.Name)
		}
		return
	}
	http.NotFound(w, r)
}

// wake begins a pass, unless one is about to begin.
func (h *hooks) wake(c *Company, name receivable.ConnectionID) {
	key := string(c.ID) + "/" + string(name)
	if _, waiting := h.waiting.LoadOrStore(key, true); waiting {
		return
	}
	go func() {
		_, err := h.d.Syncer.Pass(h.ctx, c.id(), name, syncer.Options{Wait: true, Begun: func() { h.waiting.Delete(key) }})
		h.waiting.Delete(key)
		if err != nil && h.ctx.Err() == nil {
			h.d.logger.ErrorContext(h.ctx, "pass after a webhook", "connection", name, "err", err)
		}
	}()
}
