package term

import (
	"os"

	xterm "golang.org/x/term"
)

// SGR sequences, in the colours that grep has made people used to.
const (
	Reset = "\x1b[0m"
	Bold  = "\x1b[1m"
	Faint = "\x1b[2m"
	Red   = "\x1b[1;31m" // a match
	Path  = "\x1b[35m"   // a file's name
	Line  = "\x1b[32m"   // a line's number
	Sep   = "\x1b[36m"   // what stands between them
	Warn  = "\x1b[33m"
)

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool { return f != nil && xterm.IsTerminal(int(f.Fd())) }

// Width returns the columns of the terminal f, or 0 when f is none.
func Width(f *os.File) int {
	if f == nil {
		return 0
	}
	w, _, err := xterm.GetSize(int(f.Fd()))
	if err != nil || w < 1 {
		return 0
	}
	return w
}

// Colours decides on colour in what is written to f. mode is auto, always or
// never, as the user said it, and anything else is auto. Under auto, colour is
// for terminals, but NO_COLOR (no-color.org) and TERM=dumb turn it off and
// CLICOLOR_FORCE (bixense.com/clicolors) turns it on for any output. getenv is
// os.Getenv; f may be nil.
func Colours(mode string, f *os.File, getenv func(string) string) bool {
	return colours(mode, IsTerminal(f), getenv)
}

func colours(mode string, terminal bool, getenv func(string) string) bool {
	switch mode {
	case "always":
		return true
	case "never":
		return false
	}
	force := getenv("CLICOLOR_FORCE")
	switch {
	case getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return terminal && getenv("TERM") != "dumb" && getenv("CLICOLOR") != "0"
}
