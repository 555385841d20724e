package filefmt

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// HeadSize is how much of a file Detect should see.
const HeadSize = 64 << 10

// ErrTooBig is wrapped by the error for content that is longer than the limit.
var ErrTooBig = errors.New("the content is longer than the limit")

// ErrBinary is wrapped by the error for content that is not text.
var ErrBinary = errors.New("not a text file")

// Open makes r plain UTF-8: it undoes gzip, which it knows by its first bytes,
// takes off a byte order mark and decodes UTF-16 that has one. Content of more
// than limit bytes, counted after decompression, ends with ErrTooBig: so does
// a small gzip file that would unpack to all of memory. Peek(HeadSize) of the
// result gives Detect what it needs.
func Open(r io.Reader, limit int64) (*bufio.Reader, error) {
	b := bufio.NewReaderSize(r, HeadSize)
	if magic, _ := b.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		b = bufio.NewReaderSize(gunzip{z}, HeadSize)
	}
	capped := &limited{r: b, left: limit, limit: limit}
	text := bufio.NewReaderSize(transform.NewReader(capped, unicode.BOMOverride(transform.Nop)), HeadSize)
	head, err := text.Peek(HeadSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return text, checkText(head)
}

// gunzip says in its errors which layer is damaged.
type gunzip struct{ r io.Reader }

func (g gunzip) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("gzip: %w", err)
	}
	return n, err
}

// limited is io.LimitedReader with an error where that ends quietly.
type limited struct {
	r           io.Reader
	left, limit int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, fmt.Errorf("%w of %d bytes", ErrTooBig, l.limit)
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	if l.left < 0 {
		return n - 1, fmt.Errorf("%w of %d bytes", ErrTooBig, l.limit)
	}
	return n, err
}

var packed = []struct{ name, magic string }{
	{"zstd", "\x28\xb5\x2f\xfd"}, {"xz", "\xfd7zXZ\x00"}, {"bzip2", "BZh"}, {"zip", "PK\x03\x04"}, {"7z", "7z\xbc\xaf\x27\x1c"},
	{"PDF", "%PDF-"}, {"lz4", "\x04\x22\x4d\x18"},
}

// checkText tells text from everything else by its beginning.
func checkText(head []byte) error {
	for _, p := range packed {
		if bytes.HasPrefix(head, []byte(p.magic)) && (p.name != "bzip2" || bytes.IndexByte(head, 0) >= 0) {
			return fmt.Errorf("%w: it looks like %s; unpack it first, or leave it out of path", ErrBinary, p.name)
		}
	}
	if i := bytes.IndexByte(head, 0); i >= 0 {
		return fmt.Errorf("%w: byte %d is NUL; leave it out of path", ErrBinary, i+1)
	}
	return nil
}
