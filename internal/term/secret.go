package term

import (
	"fmt"
	"io"
	"os"

	xterm "golang.org/x/term"
)

// ReadSecret asks for a line on a terminal without showing what is typed.
func ReadSecret(in *os.File, out io.Writer, prompt string) (string, error) {
	fmt.Fprint(out, prompt)
	line, err := xterm.ReadPassword(int(in.Fd()))
	fmt.Fprintln(out)
	return string(line), err
}
