package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/goccy/go-yaml"

	"relanced/configs"
	"relanced/connectors/builtin"
	"relanced/internal/daemon"
	"relanced/internal/store"
)

type runCmd struct{}

// Run is the daemon. The first signal lets what is leaving finish, the second
// cuts it off.
func (c *runCmd) Run(ctx context.Context, a *app) error {
	file, err := a.load(a.Config, true)
	if err != nil {
		return err
	}
	logger := daemon.NewLogger(file.Log, a.err, a.color || terminalOf(a.err))
	defer outliveHangup(logger)()
	d, err := daemon.Open(ctx, file, daemon.Options{Logger: logger})
	if err != nil {
		return err
	}
	hard, cut := context.WithCancel(context.Background())
	defer cut()
	go func() {
		<-ctx.Done()
		second := make(chan os.Signal, 1)
		signal.Notify(second, os.Interrupt, syscall.SIGTERM)
		<-second
		cut()
	}()
	return errors.Join(d.Run(ctx, hard), d.Close())
}

// outliveHangup keeps a hang-up, which administrators send for a reload, from
// ending the daemon in the middle of its work. The function ends that.
func outliveHangup(logger *slog.Logger) (end func()) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			logger.Warn("SIGHUP ignored: a changed configuration counts from the next start, run `systemctl restart relanced`")
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(hangups)
	}
}

type checkCmd struct {
	Offline bool `help:"Touch no network."`
}

type checkJSON struct {
	What    string  `json:"what"`
	Name    string  `json:"name"`
	OK      bool    `json:"ok"`
	Message string  `json:"message"`
	Do      *string `json:"do"`
}

// Run checks the configuration, then every connection, mailbox and template.
func (c *checkCmd) Run(ctx context.Context, a *app) error {
	d, err := a.open(ctx, true)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	bad := false
	var rows []checkJSON
	for _, l := range d.Check(ctx, c.Offline) {
		bad = bad || !l.OK
		row := checkJSON{What: l.What, Name: l.Name, OK: l.OK, Message: l.Message}
		if !l.OK {
			row.Do = optional(l.Do)
		}
		rows = append(rows, row)
	}
	for _, row := range rows {
		if a.json {
			if err := a.object(row); err != nil {
				return err
			}
			continue
		}
		a.tell("%-6s  %s %s: %s", map[bool]string{true: "ok", false: "NOT OK"}[row.OK], row.What, row.Name, row.Message)
		if row.Do != nil {
			a.tell("        → %s", *row.Do)
		}
	}
	if bad {
		return errSaid
	}
	return nil
}

type configCmd struct {
	Schema  configSchemaCmd  `cmd:"" help:"Print the JSON Schema: editors complete from it."`
	Show    configShowCmd    `cmd:"" help:"Print the effective configuration, secrets masked."`
	Example configExampleCmd `cmd:"" help:"Print the annotated example."`
}

type (
	configSchemaCmd  struct{}
	configShowCmd    struct{}
	configExampleCmd struct{}
)

// Run prints the schema.
func (configSchemaCmd) Run(a *app) error {
	text, err := configs.Schema(builtin.Factories())
	if err != nil {
		return err
	}
	_, err = a.out.Write(append(text, '\n'))
	return err
}

// Run prints what counts, defaults included. A secret that cannot be read here
// keeps nothing from being shown: it would be masked anyway.
func (configShowCmd) Run(a *app) error {
	found, err := configs.Find(a.Config)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	file, problems := configs.Load(found, builtin.Factories())
	for _, p := range problems.List() {
		if !p.Secret {
			return &exitError{exitConfig, problems.Err()}
		}
		a.warn("warning: %s", p.String())
	}
	for _, w := range problems.Warnings() {
		a.warn("warning: %s", w.String())
	}
	if err := a.narrow(file); err != nil {
		return err
	}
	text := configs.Show(file)
	if a.json {
		if text, err = yaml.YAMLToJSON(text); err != nil {
			return err
		}
		return a.object(json.RawMessage(text))
	}
	_, err = a.out.Write(text)
	return err
}

// Run prints the example.
func (configExampleCmd) Run(a *app) error {
	_, err := a.out.Write(configs.Example())
	return err
}

type backupCmd struct {
	File string `arg:"" type:"path" help:"File to write; it must not exist."`
}

// Run copies the database while everything runs.
func (c *backupCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		if _, err := os.Stat(c.File); err == nil {
			return fmt.Errorf("%s is there already: name a new file", c.File)
		}
		if err := d.Store.Backup(ctx, c.File); err != nil {
			return err // it says that it is of a backup
		}
		key := d.File.KeyFile()
		if d.File.KeyBytes() != nil {
			key = "the `key` of the configuration"
		} else if whole, err := filepath.Abs(key); err == nil {
			key = whole
		}
		if a.json {
			return a.object(map[string]string{"file": c.File, "key": key})
		}
		a.say("Written to %s. Keep it with %s: without that key, answers to messages already sent lose their signature.", c.File, key)
		a.say("A restored copy sends nothing before `relanced confirm`.")
		return nil
	})
}

type reindexCmd struct{}

// Run looks at every customer anew.
func (c *reindexCmd) Run(ctx context.Context, a *app) error {
	return a.with(ctx, func(d *daemon.Daemon) error {
		n := 0
		for _, company := range d.Companies {
			ids, err := d.Store.CustomerIDs(ctx, company.CompanyID())
			if err != nil {
				return err
			}
			for len(ids) > 0 {
				chunk := ids[:min(500, len(ids))]
				ids = ids[len(chunk):]
				if err := d.Store.InTx(ctx, func(tx *store.Tx) error { tx.Touch(chunk...); return nil }); err != nil {
					return err
				}
				n += len(chunk)
			}
		}
		if _, err := d.Store.Seal(ctx); err != nil {
			return err
		}
		a.say("Looked at anew at the next sweep: %s.", count(n, "customer"))
		return nil
	})
}

// terminalOf tells whether the writer is a terminal.
func terminalOf(w any) bool {
	f, ok := w.(*os.File)
	return ok && terminal(f)
}

// received is the moment an explained message came in, unless told.
func received(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if text == "" {
		return now, nil
	}
	at, err := moment(text, zone)
	if err != nil {
		return at, usagef("--received: %v", err)
	}
	return at, nil
}
