package taxii1

import (
	"bytes"
	"fmt"
	"io"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/httpx"
)

// inMemory is the size up to which an answer needs no file.
const inMemory = 256 << 10

// spool holds one whole answer as UTF-8 text, a big one in a temporary file.
type spool struct {
	io.ReaderAt
	size int64
	file *taxii.TempFile // nil: it is in memory
}

// newSpool reads r to its end, at most limit bytes.
func newSpool(r io.Reader, dir string, limit int64) (*spool, error) {
	head, err := io.ReadAll(io.LimitReader(r, min(inMemory, limit)+1))
	if err != nil {
		return nil, err
	}
	if int64(len(head)) <= min(inMemory, limit) {
		return &spool{ReaderAt: bytes.NewReader(head), size: int64(len(head))}, nil
	}
	f, err := taxii.NewTempFile(dir, "the answer")
	if err != nil {
		return nil, err
	}
	s := &spool{ReaderAt: f, file: f}
	if err := s.fill(io.MultiReader(bytes.NewReader(head), r), limit); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *spool) fill(r io.Reader, limit int64) error {
	n, err := io.Copy(s.file, io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return err
	case n > limit:
		return fmt.Errorf("%w: it has more than %d bytes; ask for a shorter time, or allow more", httpx.ErrTooBig, limit)
	}
	s.size = n
	return nil
}

// section returns the bytes from from to to.
func (s *spool) section(from, to int64) io.Reader {
	return io.NewSectionReader(s.ReaderAt, from, to-from)
}

// tail returns the bytes from from to the end, a little at first and then ever
// more at a time: who reads ahead, and then goes on elsewhere, has taken no more
// in vain than he made use of.
func (s *spool) tail(from int64) io.Reader { return &tail{s, from, firstRead} }

const firstRead, mostRead = 1 << 10, 64 << 10

type tail struct {
	sp   *spool
	at   int64
	most int64
}

// Read implements io.Reader.
func (t *tail) Read(p []byte) (int, error) {
	if t.at >= t.sp.size {
		return 0, io.EOF
	}
	n, err := t.sp.ReadAt(p[:min(int64(len(p)), t.most, t.sp.size-t.at)], t.at)
	t.at += int64(n)
	t.most = min(2*t.most, mostRead)
	if n > 0 {
		err = nil // it comes again where it is more than the end
	}
	return n, err
}

// bytes returns the bytes from from to to, of which there are few.
func (s *spool) bytes(from, to int64) ([]byte, error) {
	b := make([]byte, to-from)
	_, err := io.ReadFull(s.section(from, to), b)
	return b, err
}

// close gives the file up.
func (s *spool) close() {
	if s == nil || s.file == nil {
		return
	}
	_ = s.file.Close() // what stays behind is a temporary file
	s.file = nil
}
