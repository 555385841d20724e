package collect

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/iochunt/iochunt/collect/taxii"
)

// objectSpool keeps the objects of a run in a temporary file. They are read
// twice, as STIX tells names behind what they name, and there may be more of
// them than fit into memory.
type objectSpool struct {
	file *taxii.TempFile
	out  *bufio.Writer
	size int64
	n    int // objects
}

func newObjectSpool() (*objectSpool, error) {
	f, err := taxii.NewTempFile("", "what the server sends")
	if err != nil {
		return nil, err
	}
	return &objectSpool{file: f, out: bufio.NewWriterSize(f, 256<<10)}, nil
}

func (s *objectSpool) close() { _ = s.file.Close() } // what stays behind is a temporary file

// add appends one object. Its errors are of the disk (taxii.FromDisk).
func (s *objectSpool) add(raw []byte) error {
	var head [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(len(raw)))
	s.size += int64(n + len(raw))
	s.n++
	_, err := s.out.Write(head[:n])
	if err == nil {
		_, err = s.out.Write(raw)
	}
	if err != nil {
		return fmt.Errorf("the temporary file for what the server sends: %w", err)
	}
	return nil
}

// each calls f with one object after the other; f must not keep it.
func (s *objectSpool) each(f func(raw []byte) error) error {
	if err := s.out.Flush(); err != nil {
		return err
	}
	in := bufio.NewReaderSize(io.NewSectionReader(s.file, 0, s.size), 256<<10)
	var raw []byte
	for range s.n {
		size, err := binary.ReadUvarint(in)
		if err != nil {
			return fmt.Errorf("the temporary file: %w", err)
		}
		if raw = raw[:0]; uint64(cap(raw)) < size {
			raw = make([]byte, 0, size)
		}
		raw = raw[:size]
		if _, err := io.ReadFull(in, raw); err != nil {
			return fmt.Errorf("the temporary file: %w", err)
		}
		if err := f(raw); err != nil {
			return err
		}
	}
	return nil
}

// reset empties the spool.
func (s *objectSpool) reset() error {
	s.size, s.n = 0, 0
	_, err := s.file.Seek(0, io.SeekStart)
	s.out.Reset(s.file)
	return errors.Join(err, s.file.Truncate(0))
}
