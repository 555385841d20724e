package filefmt

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// HeadSize is how much of a file Detect should see.
const HeadSize = 64 << 10

// ErrTooBig is wrapped by the error for content that is longer than the limit.
var ErrTooBig = errors.New("the content is longer than the limit")

// ErrBinary is wrapped by the error for content that is not text.
var ErrBinary = errors.New("not a text file")

// maxWindow is the most that zstd may look back, and so keep in memory: what
// its command line tool reaches with --ultra and --long.
const maxWindow = 128 << 20

// Open makes r plain UTF-8: it undoes gzip, zstd and bzip2, which it knows by
// their first bytes, takes off a byte order mark and decodes UTF-16 that has
// one. Content of more than limit bytes, counted after decompression, ends with
// ErrTooBig: so does a small compressed file that would unpack to all of
// memory. Peek(HeadSize) of the result gives Detect what it needs.
func Open(r io.Reader, limit int64) (*bufio.Reader, error) {
	b := bufio.NewReaderSize(r, HeadSize)
	plain, err := unpack(b)
	if err != nil {
		return nil, err
	}
	capped := &limited{r: plain, left: limit, limit: limit}
	text := bufio.NewReaderSize(transform.NewReader(capped, unicode.BOMOverride(transform.Nop)), HeadSize)
	head, err := text.Peek(HeadSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return text, checkText(head)
}

// unpack undoes the one layer of compression that b may have. With a
// concurrency of 1 zstd starts nothing that would have to be ended.
func unpack(b *bufio.Reader) (io.Reader, error) {
	magic, _ := b.Peek(10)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return unpacked{z, "gzip"}, nil
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(1<<62)) // how much may come out is limited in Open
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return unpacked{z, "zstd"}, nil
	case isBzip2(magic):
		return unpacked{bzip2.NewReader(b), "bzip2"}, nil
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		return nil, fmt.Errorf("%w: xz-compressed; only gzip, zstd and bzip2 are read here: unpack it first, or leave it out of path", ErrBinary)
	}
	return b, nil
}

// isBzip2 wants the sign of a block, or of the end of an empty file, behind
// that of the file, since a line of text may begin with "BZh".
func isBzip2(b []byte) bool {
	if len(b) < 10 || !bytes.HasPrefix(b, []byte("BZh")) {
		return false
	}
	return string(b[4:10]) == "1AY&SY" || string(b[4:10]) == "\x17\x72\x45\x38\x50\x90"
}

// unpacked says in its errors which layer is damaged.
type unpacked struct {
	r    io.Reader
	name string
}

func (u unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s: %w", u.name, err)
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
	{"zip", "PK\x03\x04"}, {"7z", "7z\xbc\xaf\x27\x1c"},
	{"PDF", "%PDF-"}, {"lz4", "\x04\x22\x4d\x18"},
}

// checkText tells text from everything else by its beginning.
func checkText(head []byte) error {
	for _, p := range packed {
		if bytes.HasPrefix(head, []byte(p.magic)) {
			return fmt.Errorf("%w: it looks like %s; unpack it first, or leave it out of path", ErrBinary, p.name)
		}
	}
	if i := bytes.IndexByte(head, 0); i >= 0 {
		return fmt.Errorf("%w: byte %d is NUL; leave it out of path", ErrBinary, i+1)
	}
	return nil
}
