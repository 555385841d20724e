package files

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// codec is one way of compression. Its reader either stops at the end of a
// member (gzip, xz), or wants the next one of its kind and fails on anything
// else: stray then tells how many bytes it took to see that.
type codec struct {
	name  string
	is    func(head []byte) bool
	open  func(*bufio.Reader, *tape) (io.Reader, func(), error)
	stray func(error) int
}

const (
	longestMagic  = 6         // of xz
	maxZstdWindow = 128 << 20 // what zstd itself accepts without --long=31
)

var codecs = []*codec{
	{name: "gzip", is: starts("\x1F\x8B\x08"), open: openGzip},
	{name: "zstd", is: starts("\x28\xB5\x2F\xFD"), open: openZstd, stray: func(err error) int {
		return bytesIf(errors.Is(err, zstd.ErrMagicMismatch), 4)
	}},
	{name: "lz4", is: func(h []byte) bool { return starts("\x04\x22\x4D\x18")(h) || starts("\x02\x21\x4C\x18")(h) }, open: openLZ4, stray: func(err error) int {
		return bytesIf(errors.Is(err, lz4.ErrInvalidFrame), 4)
	}},
	{name: "xz", is: starts(xzMagic), open: openXZ},
	{name: "bzip2", is: isBzip2, open: openBzip2, stray: func(err error) int {
		return bytesIf(errors.Is(err, bzip2.StructuralError("bad magic value in continuation file")), 2)
	}},
	{name: "skippable frame", is: isSkippable, open: openSkippable},
}

func starts(magic string) func([]byte) bool {
	return func(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) }
}

func bytesIf(yes bool, n int) int {
	if yes {
		return n
	}
	return 0
}

// isBzip2 wants the level, and the first digit of the block or end mark (pi or
// its square root): a log may well begin with "BZh".
func isBzip2(h []byte) bool {
	return len(h) >= 5 && string(h[:3]) == "BZh" && h[3] >= '1' && h[3] <= '9' && (h[4] == 0x31 || h[4] == 0x17)
}

// isSkippable tells the frame that zstd and lz4 share (RFC 8878 §3.1.2).
func isSkippable(h []byte) bool {
	return len(h) >= 4 && h[0]&0xF0 == 0x50 && h[1] == 0x2A && h[2] == 0x4D && h[3] == 0x18
}

func codecOf(head []byte) *codec {
	for _, c := range codecs {
		if c.is(head) {
			return c
		}
	}
	return nil
}

func openGzip(br *bufio.Reader, _ *tape) (io.Reader, func(), error) {
	z, err := gzip.NewReader(br)
	if err != nil {
		return nil, nil, err
	}
	z.Multistream(false)
	return z, func() { _ = z.Close() }, nil
}

func openZstd(_ *bufio.Reader, t *tape) (io.Reader, func(), error) {
	z, err := zstd.NewReader(t, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxZstdWindow),
		zstd.WithDecoderMaxMemory(1<<62)) // how much may come out is limited elsewhere
	if err != nil {
		return nil, nil, err
	}
	return z, z.Close, nil
}

func openLZ4(_ *bufio.Reader, t *tape) (io.Reader, func(), error) {
	return lz4.NewReader(t), func() {}, nil
}

func openBzip2(_ *bufio.Reader, t *tape) (io.Reader, func(), error) {
	return bzip2.NewReader(t), func() {}, nil
}

func openXZ(br *bufio.Reader, _ *tape) (io.Reader, func(), error) {
	x, err := newXZ(br)
	return x, func() {}, err
}

func openSkippable(br *bufio.Reader, _ *tape) (io.Reader, func(), error) {
	var head [8]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return nil, nil, err
	}
	size := int64(binary.LittleEndian.Uint32(head[4:]))
	if _, err := io.CopyN(io.Discard, br, size); err != nil {
		return nil, nil, err
	}
	return bytes.NewReader(nil), func() {}, nil
}

// members reads compressed members one after the other, of one kind or of
// several. Zeros behind a complete member are padding (tapes, GNU gzip); any
// other bytes that are not compressed are read as they are, with a note.
type members struct {
	src   *bufio.Reader
	note  func(string)
	kind  *codec
	tape  *tape
	cur   io.Reader
	done  func()
	after int // complete members
	bare  bool
	err   error // ends the reading, and stays
}

// Read hands over all that comes before a fault.
func (m *members) Read(p []byte) (n int, err error) {
	if m.err != nil {
		return 0, m.err
	}
	defer func() { m.err = err }()
	defer func() {
		// The decoders are other people's, the data anyone's.
		if e := recover(); e != nil {
			n, err = 0, fmt.Errorf("%s: damaged data that the decoder cannot stand: %v", m.kind.name, e)
		}
	}()
	for {
		if m.bare {
			return m.src.Read(p)
		}
		if m.cur == nil {
			if err := m.next(); err != nil {
				return 0, err
			}
			continue
		}
		n, err := m.cur.Read(p)
		if n > 0 {
			return n, nil // a fault comes again
		}
		if err == nil {
			return 0, nil
		}
		if err := m.end(err); err != nil {
			return 0, err
		}
	}
}

// next opens the next member.
func (m *members) next() error {
	if m.after > 0 {
		if err := m.padding(); err != nil {
			return err
		}
	}
	head, err := m.src.Peek(longestMagic)
	m.kind = codecOf(head)
	if m.kind == nil {
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		m.note("what follows the compressed data is not compressed; it was searched as it is")
		m.bare = true
		return nil
	}
	m.tape = &tape{r: m.src}
	m.cur, m.done, err = m.kind.open(m.src, m.tape)
	if err != nil {
		m.cur = nil
		return m.fault(err)
	}
	return nil
}

// padding reads over zeros; io.EOF if nothing else is left.
func (m *members) padding() error {
	for {
		b, err := m.src.ReadByte()
		if err != nil {
			return err
		}
		if b != 0 {
			return m.src.UnreadByte()
		}
	}
}

// end deals with the error that ended a member.
func (m *members) end(err error) error {
	took := 0
	if m.kind.stray != nil {
		took = m.kind.stray(err)
	}
	if !errors.Is(err, io.EOF) && took == 0 {
		return m.fault(err)
	}
	m.close()
	m.after++
	if took > 0 {
		m.src = bufio.NewReader(io.MultiReader(bytes.NewReader(m.tape.end(took)), m.src))
	}
	return nil
}

func (m *members) fault(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s data ends too early: %w; what comes before was searched", m.kind.name, io.ErrUnexpectedEOF)
	}
	if errors.Is(err, errRefused) {
		return err
	}
	if errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return fmt.Errorf("zstd window of more than %d MiB: %w; use zstd -dc --long=31 FILE | iochunt scan", maxZstdWindow>>20, errRefused)
	}
	return fmt.Errorf("damaged %s data: %w; what comes before was searched", m.kind.name, err)
}

func (m *members) close() {
	if m.cur != nil && m.done != nil {
		m.done()
	}
	m.cur, m.done = nil, nil
}

// tape remembers the last bytes read, for those that were read in vain.
type tape struct {
	r    *bufio.Reader
	last [4]byte
}

func (t *tape) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if n >= len(t.last) {
		copy(t.last[:], p[n-len(t.last):n])
	} else if n > 0 {
		copy(t.last[:], t.last[n:])
		copy(t.last[len(t.last)-n:], p[:n])
	}
	return n, err
}

// ReadByte keeps bzip2 from reading ahead.
func (t *tape) ReadByte() (byte, error) {
	b, err := t.r.ReadByte()
	if err == nil {
		copy(t.last[:], t.last[1:])
		t.last[len(t.last)-1] = b
	}
	return b, err
}

func (t *tape) end(n int) []byte { return bytes.Clone(t.last[len(t.last)-n:]) }
