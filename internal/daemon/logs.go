package daemon

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"

	"relanced/configs"
)

// NewLogger returns the logger that the configuration asks for: auto is
// coloured on a terminal, JSON under systemd, plain text elsewhere.
func NewLogger(c configs.Log, out io.Writer, color bool) *slog.Logger {
	level := slog.LevelInfo
	_ = level.UnmarshalText([]byte(c.Level)) // checked when the configuration was read
	if c.Format == "json" || c.Format == "auto" && os.Getenv("JOURNAL_STREAM") != "" {
		return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(tint.NewTextHandler(out, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !color}))
}
