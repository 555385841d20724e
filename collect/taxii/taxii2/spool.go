package taxii2

import (
	"bytes"
	"fmt"
	"io"

	"github.com/iochunt/iochunt/collect/taxii"
)

// spoolMemory is how much of an answer is kept in memory; the rest goes to a
// file.
const spoolMemory = 8 << 20

// spool keeps an answer until it is known to be whole. Servers that ignore
// "limit" send a collection in one answer, of any size.
type spool struct {
	dir  string // "": the system's folder for temporary files
	mem  []byte
	file *taxii.TempFile
}

// Write implements io.Writer.
func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && len(s.mem)+len(p) <= spoolMemory {
		s.mem = append(s.mem, p...)
		return len(p), nil
	}
	if s.file == nil {
		f, err := taxii.NewTempFile(s.dir, fmt.Sprintf("an answer of more than %d MiB", spoolMemory>>20))
		if err != nil {
			return 0, err
		}
		s.file = f
	}
	n, err := s.file.Write(p)
	if err != nil {
		err = fmt.Errorf("an answer is kept in a temporary file: %w", err)
	}
	return n, err
}

// reader reads the answer from its beginning.
func (s *spool) reader() (io.Reader, error) {
	if s.file == nil {
		return bytes.NewReader(s.mem), nil
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return io.MultiReader(bytes.NewReader(s.mem), s.file), nil
}

// reset empties the spool.
func (s *spool) reset() {
	s.mem = s.mem[:0]
	if s.file != nil {
		_ = s.file.Close() // what stays behind is a temporary file
		s.file = nil
	}
}
