package term

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal returns the two ends of a terminal: the person's and the
// program's.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no terminals here: ", err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("the terminal cannot be opened: ", err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Error(err)
		return false
	}
	return s.Lflag&unix.ECHO != 0
}

func TestReadSecret(t *testing.T) {
	person, program := openTerminal(t)
	if _, err := person.WriteString("my secret\n"); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	got, err := ReadSecret(t.Context(), program, &out, "Password: ")
	if err != nil || got != "my secret" || out.String() != "Password: \n" {
		t.Errorf("%q, %v, shown %q", got, err, &out)
	}
}

// Nobody has to type a line to get away, and what is typed after that shows.
func TestReadSecretEnds(t *testing.T) {
	_, program := openTerminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for t.Context().Err() == nil && echoes(t, program) {
			runtime.Gosched()
		}
	}()
	var out bytes.Buffer
	if got, err := ReadSecret(ctx, program, &out, "Password: "); !errors.Is(err, context.Canceled) || got != "" {
		t.Errorf("%q, %v", got, err)
	}
	if !echoes(t, program) {
		t.Error("what is typed does not show")
	}
}
