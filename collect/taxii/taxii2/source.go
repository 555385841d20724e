package taxii2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/httpx"
)

// errDamaged marks an answer that is not whole, or not what was meant.
var errDamaged = errors.New("the answer is damaged")

// source remembers the error with which an answer ended, so that a failure of
// the network is not taken for bad JSON.
type source struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// judge says what an error in reading the answer means.
func (s *source) judge(err error) error {
	switch {
	case err == nil, taxii.FromDisk(err), errors.Is(err, taxii.ErrNotTAXII):
		return err
	case s.err != nil:
		return s.err
	}
	return httpx.Temporary(fmt.Errorf("%w: %w", errDamaged, err))
}

func tee(r io.Reader, w io.Writer) io.Reader { return io.TeeReader(r, w) }

func appendDigest(b []byte, d digest) []byte {
	b = binary.NativeEndian.AppendUint64(b, d[0])
	return binary.NativeEndian.AppendUint64(b, d[1])
}
