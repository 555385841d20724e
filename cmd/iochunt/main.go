// Command iochunt reads threat feeds, keeps their indicators, and hunts for
// them in logs.
//
// This is the top floor: it sees every package and introduces them to each
// other (wire.go). Each verb is one file. The whole program is one function,
// run, so that tests call it in-process with their own arguments, streams and
// environment.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // a reader that has gone is an error of the write, so that what was begun is cleaned up
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, process{
		args: os.Args[1:], in: os.Stdin, out: os.Stdout, err: os.Stderr,
		env: os.Getenv, now: time.Now,
	})
	stop()
	os.Exit(code)
}

// process is all that the program knows of the outside.
type process struct {
	args     []string
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	now      func() time.Time
}

// run is the program. It returns the exit code.
func run(ctx context.Context, p process) int {
	a := &app{process: p}
	root := newRoot(a)
	root.SetArgs(p.args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	cmd, err := root.ExecuteContextC(ctx)
	return a.exit(ctx, cmd, err)
}
