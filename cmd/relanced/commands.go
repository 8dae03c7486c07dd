package main

import "fmt"

// commands are what the program does, one file each or per family.
type commands struct {
	Interest interestCmd `cmd:"" help:"Work out late-payment interest and fee, segment by segment."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(a *app) error {
	if a.json {
		return a.object(map[string]string{"version": version})
	}
	fmt.Fprintln(a.out, "relanced", version)
	return nil
}
