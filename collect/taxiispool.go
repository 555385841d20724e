package collect

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// objectSpool keeps the objects of a run in a temporary file. They are read
// twice, as STIX tells names behind what they name, and there may be more of
// them than fit into memory.
type objectSpool struct {
	file *os.File
	out  *bufio.Writer
	size int64
	n    int // objects
}

// newObjectSpool makes a file that nobody else can read and, where the system
// allows it, that no name leads to, so that not even kill -9 leaves it.
func newObjectSpool() (*objectSpool, error) {
	f, err := os.CreateTemp("", "iochunt-taxii-*")
	if err != nil {
		return nil, fmt.Errorf("no temporary file for what the server sends: %w", err)
	}
	_ = os.Remove(f.Name()) // where it fails, close removes it
	return &objectSpool{file: f, out: bufio.NewWriterSize(f, 256<<10)}, nil
}

func (s *objectSpool) close() {
	name := s.file.Name()
	s.file.Close()
	_ = os.Remove(name) // it is mostly gone already
}

// add appends one object.
func (s *objectSpool) add(raw []byte) error {
	var head [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(len(raw)))
	if _, err := s.out.Write(head[:n]); err != nil {
		return err
	}
	s.size += int64(n + len(raw))
	s.n++
	_, err := s.out.Write(raw)
	return err
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
