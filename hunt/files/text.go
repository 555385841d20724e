package files

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/text/encoding/unicode"
)

// text is the content of a log, unpacked and in UTF-8 if that could be told.
type text struct {
	r       io.Reader
	start   int64 // offset of the first byte: a UTF-8 byte order mark is left out
	flaw    error // the content hides something: reported after all of it was read
	notes   []string
	pooled  []*bufio.Reader
	closers []func()
}

// bom is the byte order mark of UTF-8, which is left out.
const bom = "\xEF\xBB\xBF"

const (
	sniffed  = 512 // the magic of tar ends at 262
	maxNests = 4   // gzip in gzip in … is no log
)

// open peels compression and encoding off src.
func open(src io.Reader, live bool, opts Options) (*text, error) {
	t := &text{}
	br := t.buffer(src)
	head, err := peek(br, live)
	if !opts.NoDecompress {
		for depth := 0; codecOf(head) != nil; depth++ {
			if depth == maxNests {
				return t, fmt.Errorf("compressed more than %d times over: not unpacked", maxNests)
			}
			m := &members{src: br, note: func(s string) { t.notes = append(t.notes, s) }}
			t.closers = append(t.closers, m.close)
			br = t.buffer(&limited{r: m, left: opts.maxDecompressed(), max: opts.maxDecompressed()})
			head, err = peek(br, false)
		}
		t.flaw = hides(head)
	}
	if len(head) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return t, err
	}
	t.decode(br, head)
	return t, nil
}

// decode sets the reader that gives UTF-8.
func (t *text) decode(br *bufio.Reader, head []byte) {
	t.r = br
	switch {
	case bytes.HasPrefix(head, []byte(bom)):
		n, _ := br.Discard(len(bom))
		t.start = int64(n)
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE, 0, 0}):
		t.flaw = errors.New("UTF-32 text is not decoded: convert it with iconv -f UTF-32 -t UTF-8")
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		t.r = unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Reader(br)
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		t.r = unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder().Reader(br)
	}
}

// peek returns the first bytes of br. Of a live stream it waits only for those
// without which nothing can be told.
func peek(br *bufio.Reader, live bool) ([]byte, error) {
	if !live {
		return br.Peek(sniffed)
	}
	if head, err := br.Peek(longestMagic); err != nil {
		return head, err
	}
	return br.Peek(br.Buffered())
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 64<<10) }}

func (t *text) buffer(r io.Reader) *bufio.Reader {
	br := readers.Get().(*bufio.Reader)
	br.Reset(r)
	t.pooled = append(t.pooled, br)
	return br
}

func (t *text) close() {
	for _, f := range t.closers {
		f()
	}
	for _, br := range t.pooled {
		br.Reset(nil)
		readers.Put(br)
	}
	t.pooled, t.closers = nil, nil
}

// limited ends a decompression bomb.
type limited struct {
	r         io.Reader
	left, max int64
	err       error
}

func (l *limited) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if l.left <= 0 {
		l.err = l.over()
		return 0, l.err
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	return n, err
}

// over returns the error of a log that is too long; one that is exactly as long
// as allowed has nothing more to say.
func (l *limited) over() error {
	if n, err := io.ReadFull(l.r, make([]byte, 1)); n == 0 {
		return err
	}
	return fmt.Errorf("unpacks to more than %d bytes: the rest was not searched; --max-decompressed raises the limit", l.max)
}
