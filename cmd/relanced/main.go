// Command relanced reminds late customers of their invoices, and stops the
// moment a customer answers. See README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // zones are known on machines that have none

	"github.com/alecthomas/kong"
)

// version is set when the program is linked.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends what does not listen to the first
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// globals are the flags every command takes.
type globals struct {
	Config  string `help:"Configuration file. Else $RELANCED_CONFIG, ./relanced.yaml, /etc/relanced/relanced.yaml." placeholder:"FILE"`
	Company string `help:"Only this company of the configuration." placeholder:"ID"`
	JSON    bool   `name:"json" help:"Print JSON: one object per line for lists, one document otherwise."`
	Quiet   bool   `help:"Print results and errors only."`
	NoColor bool   `help:"No colours."`
}

// app is what the commands are given.
type app struct {
	globals
	*printer
	in  io.Reader
	now func() time.Time
}

// run parses the arguments, runs the command and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var grammar struct {
		globals
		commands
	}
	parser, err := kong.New(&grammar,
		kong.Name("relanced"),
		kong.Description("Reminds late customers of their invoices, and stops the moment one answers."),
		kong.Writers(stdout, stderr),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Exit(func(code int) { panic(exitNow(code)) }),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	return guarded(func() int {
		parsed, err := parser.Parse(args)
		if err != nil {
			fmt.Fprintf(stderr, "relanced: %v\nrelanced: see `relanced --help`\n", err)
			return exitUsage
		}
		answer := &output{w: stdout}
		a := &app{globals: grammar.globals, printer: newPrinter(grammar.globals, stdout, stderr), in: stdin, now: time.Now}
		a.out = answer
		err = parsed.Run(a)
		if err == nil && answer.err != nil { // tables tell nobody that they could not be written
			err = answer.err
		}
		if err != nil && !errors.Is(err, errSaid) {
			fmt.Fprintf(stderr, "relanced: %s\n", cleanText(err.Error()))
		}
		return codeOf(err)
	})
}

// exitNow carries the code of a --help through kong, which wants to end the
// program itself.
type exitNow int

func guarded(f func() int) (code int) {
	defer func() {
		if r := recover(); r != nil {
			now, ok := r.(exitNow)
			if !ok {
				panic(r)
			}
			code = int(now)
		}
	}()
	return f()
}

func newPrinter(g globals, stdout, stderr io.Writer) *printer {
	p := &printer{out: stdout, err: stderr, json: g.JSON, quiet: g.Quiet}
	if f, ok := stdout.(*os.File); ok && terminal(f) {
		p.color = !g.NoColor && os.Getenv("NO_COLOR") == ""
	}
	return p
}
