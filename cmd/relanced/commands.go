package main

import (
	"fmt"

	"github.com/alecthomas/kong"
)

// commands are what the program does, one file each or per family.
type commands struct {
	Demo    demoCmd     `cmd:"" help:"The whole product on this machine, nothing to configure." group:"Set up"`
	Check   checkCmd    `cmd:"" help:"Check configuration, connections, mailboxes, templates." group:"Set up"`
	Connect connectCmd  `cmd:"" help:"Authorise an OAuth connection or mailbox." group:"Set up"`
	Config  configCmd   `cmd:"" help:"Schema, effective configuration, example." group:"Set up"`
	Run     runCmd      `cmd:"" help:"The daemon." group:"Work"`
	Sync    syncCmd     `cmd:"" help:"Read the books, now." group:"Work"`
	Import  importCmd   `cmd:"" help:"Read files into a connection of type files." group:"Work"`
	Confirm confirmCmd  `cmd:"" help:"Accept a new or suspect connection." group:"Work"`
	Date    upToDateCmd `cmd:"" name:"uptodate" help:"Payments are entered up to a day." group:"Work"`
	Preview previewCmd  `cmd:"" help:"Every step that would happen." group:"Work"`
	Remind  remindCmd   `cmd:"" help:"Bring up to date, decide, send what may leave, once." group:"Work"`

	Why       whyCmd       `cmd:"" help:"What is decided, and why." group:"Look"`
	Status    statusCmd    `cmd:"" help:"Connections, mailboxes, freshness, problems." group:"Look"`
	Customers customersCmd `cmd:"" help:"Customers with what they owe." group:"Look"`
	Invoices  invoicesCmd  `cmd:"" help:"Open invoices and credit notes." group:"Look"`
	Aged      agedCmd      `cmd:"" help:"Aged balance." group:"Look"`
	Outbox    outboxCmd    `cmd:"" help:"Messages, proposed and sent." group:"Look"`
	Show      showCmd      `cmd:"" help:"A message in full." group:"Look"`
	Replies   repliesCmd   `cmd:"" help:"What customers wrote." group:"Look"`
	Tasks     tasksCmd     `cmd:"" help:"What people have to do." group:"Look"`
	Timeline  timelineCmd  `cmd:"" help:"What happened with a customer." group:"Look"`

	Approve approveCmd `cmd:"" help:"Let drafts leave." group:"Decide"`
	Decline declineCmd `cmd:"" help:"Skip the step of drafts." group:"Decide"`
	Hold    holdCmd    `cmd:"" help:"Stop reminders of a customer or an invoice." group:"Decide"`
	Resume  resumeCmd  `cmd:"" help:"End what keeps reminders back." group:"Decide"`
	Exclude excludeCmd `cmd:"" help:"Stop reminders for good." group:"Decide"`
	Dispute disputeCmd `cmd:"" help:"An invoice is contested." group:"Decide"`
	Promise promiseCmd `cmd:"" help:"Payment is promised." group:"Decide"`
	Claimed claimedCmd `cmd:"" help:"The customer says it has paid." group:"Decide"`
	Called  calledCmd  `cmd:"" help:"A call was made." group:"Decide"`
	Resolve resolveCmd `cmd:"" help:"What became of a message of unknown outcome." group:"Decide"`

	Inbox     inboxCmd     `cmd:"" help:"Explain messages, read mailboxes." group:"Other"`
	Interest  interestCmd  `cmd:"" help:"Work out late-payment interest and fee." group:"Other"`
	Connector connectorCmd `cmd:"" help:"Try a manifest." group:"Other"`
	Backup    backupCmd    `cmd:"" help:"Copy the database while running." group:"Other"`
	Reindex   reindexCmd   `cmd:"" help:"Look at every customer anew." group:"Other"`
	Version   versionCmd   `cmd:"" help:"Print the version." group:"Other"`

	toCome
}

// toCome are the commands that are promised and not built yet: each says so.
type toCome struct {
	Init      laterCmd `cmd:"" hidden:"" passthrough:""`
	Metrics   laterCmd `cmd:"" hidden:"" passthrough:""`
	Arrange   laterCmd `cmd:"" hidden:"" passthrough:""`
	Posted    laterCmd `cmd:"" hidden:"" passthrough:""`
	Resend    laterCmd `cmd:"" hidden:"" passthrough:""`
	Answer    laterCmd `cmd:"" hidden:"" passthrough:""`
	Mail      laterCmd `cmd:"" hidden:"" passthrough:""`
	Template  laterCmd `cmd:"" hidden:"" passthrough:""`
	Letter    laterCmd `cmd:"" hidden:"" passthrough:""`
	CallSheet laterCmd `cmd:"" name:"callsheet" hidden:"" passthrough:""`
	Evidence  laterCmd `cmd:"" hidden:"" passthrough:""`
	Verify    laterCmd `cmd:"" hidden:"" passthrough:""`
	Forget    laterCmd `cmd:"" hidden:"" passthrough:""`
}

type laterCmd struct {
	Args []string `arg:"" optional:""`
}

// Run says that the command is not there, whatever follows it.
func (laterCmd) Run(k *kong.Context) error {
	return usagef("%s is not available yet", k.Selected().Name)
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
