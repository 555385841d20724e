package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/hunt/emit"
	"github.com/iochunt/iochunt/internal/term"
)

// The exit codes of every verb but scan, which has grep's: 0 hits, 1 none,
// 2 error or incomplete.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPartial     = 3
	exitAuth        = 4
	exitInterrupted = 130
)

// exitError is an error that knows its code. With a nil err nothing is said:
// the verb has already told all there is.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// quietly ends the verb with a code and without a word.
func quietly(code int) error {
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// usage marks err as a wrong use of the program.
func usage(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// exit tells the error and returns the code, the one place that maps the two.
func (a *app) exit(ctx context.Context, cmd *cobra.Command, err error) int {
	switch {
	case err == nil:
		return exitOK
	case emit.IsBrokenPipe(err):
		return exitOK // the reader, head say, has seen enough
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(a.err, "iochunt: interrupted")
		return exitInterrupted
	}
	var e *exitError
	if !errors.As(err, &e) {
		e = &exitError{code: codeOf(cmd, err), err: err}
	}
	if cmd != nil && cmd.Name() == "scan" && e.code == exitAuth {
		e = &exitError{code: exitUsage, err: e.err} // grep's "error"
	}
	if e.err != nil {
		for i, line := range strings.Split(a.explained(e.err).Error(), "\n") {
			prefix := "iochunt: "
			if i > 0 {
				prefix = "         "
			}
			fmt.Fprintln(a.err, prefix+term.EscapeString(line))
		}
	}
	return e.code
}

// codeOf is the code of an error that does not carry one.
func codeOf(cmd *cobra.Command, err error) int {
	switch {
	case cmd != nil && cmd.Name() == "scan":
		return exitUsage // grep's "error"
	case isAuth(err):
		return exitAuth
	case errors.Is(err, os.ErrInvalid), isCobraUsage(err):
		return exitUsage
	default:
		return exitFailed
	}
}

// isCobraUsage tells cobra's own complaints, which have no type.
func isCobraUsage(err error) bool {
	s := err.Error()
	for _, p := range []string{"unknown command", "unknown flag", "unknown shorthand", "required flag",
		"accepts ", "requires ", "invalid argument", "flag needs an argument", "if any flags in the group"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
