package term

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	xterm "golang.org/x/term"
)

// ReadSecret asks for a line on a terminal without showing what is typed. When
// ctx ends, at Ctrl-C say, so does the waiting, and what is typed shows again.
func ReadSecret(ctx context.Context, in *os.File, out io.Writer, prompt string) (string, error) {
	fd := int(in.Fd())
	shown, err := xterm.GetState(fd)
	if err != nil {
		return "", err
	}
	type answer struct {
		line []byte
		err  error
	}
	answers := make(chan answer, 1)
	fmt.Fprint(out, prompt)
	defer fmt.Fprintln(out)
	go func() { // nothing but a line ends it: it may outlive the wait
		line, err := xterm.ReadPassword(fd)
		answers <- answer{line, err}
	}()
	select {
	case a := <-answers:
		return string(a.line), a.err
	case <-ctx.Done():
		return "", errors.Join(context.Cause(ctx), xterm.Restore(fd, shown))
	}
}
