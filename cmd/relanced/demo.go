package main

import (
	"context"

	"relanced/internal/sandbox"
)

type demoCmd struct {
	Once   bool   `help:"Tell the story once and end; else it goes on, day by day, until Ctrl-C."`
	Output string `short:"o" help:"Folder for the mails that leave. Default: a new one." placeholder:"DIR" type:"path"`
}

// Run shows the whole product on this machine, with nothing to configure.
func (c *demoCmd) Run(ctx context.Context, a *app) error {
	return sandbox.Run(ctx, sandbox.Options{Once: c.Once, JSON: a.json, Dir: c.Output, Out: a.out})
}
