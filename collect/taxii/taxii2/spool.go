package taxii2

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// spoolMemory is how much of an answer is kept in memory; the rest goes to a
// file.
const spoolMemory = 8 << 20

// spool keeps an answer until it is known to be whole. Servers that ignore
// "limit" send a collection in one answer, of any size.
type spool struct {
	dir  string // "": the system's folder for temporary files
	mem  []byte
	file *os.File
}

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && len(s.mem)+len(p) <= spoolMemory {
		s.mem = append(s.mem, p...)
		return len(p), nil
	}
	if s.file == nil {
		if err := s.open(); err != nil {
			return 0, err
		}
	}
	n, err := s.file.Write(p)
	if err != nil {
		err = &localError{fmt.Errorf("an answer is kept in a temporary file: %w", err)}
	}
	return n, err
}

func (s *spool) open() error {
	f, err := os.CreateTemp(s.dir, "iochunt-taxii-*")
	if err != nil {
		return &localError{fmt.Errorf("an answer of more than %d MiB needs a temporary file: %w", spoolMemory>>20, err)}
	}
	s.file = f
	return nil
}

// reader reads the answer from its beginning.
func (s *spool) reader() (io.Reader, error) {
	if s.file == nil {
		return bytes.NewReader(s.mem), nil
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, &localError{err}
	}
	return io.MultiReader(bytes.NewReader(s.mem), s.file), nil
}

// reset empties the spool.
func (s *spool) reset() {
	s.mem = s.mem[:0]
	if s.file != nil {
		s.file.Close()
		_ = os.Remove(s.file.Name()) // what stays behind is a temporary file
		s.file = nil
	}
}

// localError is a failure of this machine: to ask again, or for less, does not
// mend it.
type localError struct{ error }

// Unwrap returns the cause.
func (e *localError) Unwrap() error { return e.error }
