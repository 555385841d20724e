package files

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// The container of an xz stream is read here, and only the LZMA2 data in it by
// the library: the library allocates whatever dictionary a block's header asks
// for, up to 4 GiB, and a log may hold thirty bytes that ask. Section numbers
// are those of "The .xz File Format", version 1.2.1.

const (
	xzMagic     = "\xFD7zXZ\x00"
	xzFooter    = "YZ"
	maxXZDict   = 64 << 20 // what xz -9 uses
	xzLZMA2     = 0x21
	xzMaxVarint = 9 // bytes, §1.2
)

// errRefused marks what is sound and yet not read.
var errRefused = errors.New("not unpacked")

// xzStream reads one stream and stops at its end.
type xzStream struct {
	src     *bufio.Reader
	flags   [2]byte
	sum     hash.Hash // of the block, nil if the stream has none
	sumSize int
	block   *xzBlock
	blocks  uint64
	index   hash.Hash32 // of the sizes of the blocks read, as the index must give them
}

type xzBlock struct {
	packed   counter
	data     *lzma.Reader2
	header   int
	unpacked uint64
	want     [2]uint64 // sizes that the header gives, packed and unpacked
	has      [2]bool
}

type counter struct {
	r *bufio.Reader
	n uint64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += uint64(n)
	return n, err
}

// newXZ reads the stream header (§2.1.1).
func newXZ(br *bufio.Reader) (*xzStream, error) {
	var h [12]byte
	if _, err := io.ReadFull(br, h[:]); err != nil {
		return nil, err
	}
	if !xzSum(h[6:8], h[8:12]) {
		return nil, errors.New("the stream header does not match its checksum")
	}
	x := &xzStream{src: br, flags: [2]byte{h[6], h[7]}, index: crc32.NewIEEE()}
	if h[6] != 0 || h[7] > 0x0F {
		return nil, errors.New("stream flags of a later format")
	}
	switch h[7] {
	case 0x00:
	case 0x01:
		x.sum = crc32.NewIEEE()
	case 0x04:
		x.sum = crc64.New(crc64.MakeTable(crc64.ECMA))
	case 0x0A:
		x.sum = sha256.New()
	default:
		return nil, fmt.Errorf("unknown kind of check 0x%02x", h[7])
	}
	if x.sum != nil {
		x.sumSize = x.sum.Size()
	}
	return x, nil
}

// xzSum reports whether sum is the CRC32 of data.
func xzSum(data, sum []byte) bool {
	return crc32.ChecksumIEEE(data) == binary.LittleEndian.Uint32(sum)
}

func (x *xzStream) Read(p []byte) (int, error) {
	if x.block == nil {
		size, err := x.src.ReadByte()
		if err != nil {
			return 0, tooEarly(err)
		}
		if size == 0 {
			if err := x.tail(); err != nil {
				return 0, tooEarly(err)
			}
			return 0, io.EOF
		}
		if err := x.open(int(size)); err != nil {
			return 0, tooEarly(err)
		}
	}
	n, err := x.block.data.Read(p)
	x.block.unpacked += uint64(n)
	if x.sum != nil {
		x.sum.Write(p[:n])
	}
	if errors.Is(err, io.EOF) {
		err = x.close()
	}
	return n, tooEarly(err)
}

// tooEarly makes the end of the input an error: only Read says io.EOF, at the
// end of the stream.
func tooEarly(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// open reads a block header (§3.1), of which size is the first byte.
func (x *xzStream) open(size int) error {
	h := make([]byte, (size+1)*4)
	h[0] = byte(size)
	if _, err := io.ReadFull(x.src, h[1:]); err != nil {
		return err
	}
	body := h[:len(h)-4]
	if !xzSum(body, h[len(h)-4:]) {
		return errors.New("a block header does not match its checksum")
	}
	b := &xzBlock{header: len(h), packed: counter{r: x.src}}
	dict, err := b.parse(body[1:])
	if err != nil {
		return err
	}
	b.data, err = lzma.Reader2Config{DictCap: max(dict, lzma.MinDictCap)}.NewReader2(&b.packed)
	if err != nil {
		return err
	}
	if x.sum != nil {
		x.sum.Reset()
	}
	x.block = b
	return nil
}

// parse reads flags, sizes and filters, and returns the dictionary's size.
func (b *xzBlock) parse(h []byte) (dict int, err error) {
	r := bytes.NewReader(h)
	flags, err := r.ReadByte()
	if err != nil {
		return 0, err
	}
	if flags&0x3C != 0 {
		return 0, errors.New("block flags of a later format")
	}
	for i, bit := range []byte{0x40, 0x80} {
		if b.has[i] = flags&bit != 0; b.has[i] {
			if b.want[i], err = xzVarint(r); err != nil {
				return 0, err
			}
		}
	}
	id, err := xzVarint(r)
	if err != nil {
		return 0, err
	}
	if flags&3 != 0 || id != xzLZMA2 {
		return 0, fmt.Errorf("xz filter 0x%x is not supported: %w; use xz -dc FILE | iochunt scan", id, errRefused)
	}
	var props [2]byte // its length, and the dictionary's size (§5.3.1)
	if _, err := io.ReadFull(r, props[:]); err != nil {
		return 0, err
	}
	if props[0] != 1 || props[1] > 40 {
		return 0, errors.New("wrong LZMA2 properties")
	}
	size := uint64(2|props[1]&1) << (props[1]/2 + 11)
	if size > maxXZDict {
		return 0, fmt.Errorf("xz dictionary of %d MiB, more than %d: %w; use xz -dc FILE | iochunt scan", size>>20, maxXZDict>>20, errRefused)
	}
	return int(size), nil
}

// xzVarint reads a variable-length integer (§1.2).
func xzVarint(r io.ByteReader) (uint64, error) {
	var v uint64
	for i := range xzMaxVarint {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		v |= uint64(b&0x7F) << (7 * i)
		if b < 0x80 {
			if b == 0 && i > 0 {
				break
			}
			return v, nil
		}
	}
	return 0, errors.New("wrong variable-length number")
}

// close checks the end of a block: padding, checksum, sizes (§3.3, §3.4).
func (x *xzStream) close() error {
	b := x.block
	x.block = nil
	end := make([]byte, -int(b.packed.n)&3+x.sumSize)
	if _, err := io.ReadFull(x.src, end); err != nil {
		return tooEarly(err)
	}
	if x.sum != nil && !bytes.Equal(reversed(x.sum), end[len(end)-x.sumSize:]) {
		return errors.New("a block does not match its checksum")
	}
	if b.has[0] && b.want[0] != b.packed.n || b.has[1] && b.want[1] != b.unpacked {
		return errors.New("a block is not as long as its header says")
	}
	x.blocks++
	x.index.Write(binary.AppendUvarint(nil, uint64(b.header)+b.packed.n+uint64(x.sumSize)))
	x.index.Write(binary.AppendUvarint(nil, b.unpacked))
	return nil
}

// reversed returns a sum in the byte order of the file: CRCs are little endian.
func reversed(h hash.Hash) []byte {
	sum := h.Sum(nil)
	if len(sum) > 8 {
		return sum // SHA-256 is a string of bytes
	}
	for i, j := 0, len(sum)-1; i < j; i, j = i+1, j-1 {
		sum[i], sum[j] = sum[j], sum[i]
	}
	return sum
}

// tail checks the index (§4) and the stream footer (§2.1.2): a stream whose
// blocks are sound may still have lost some of them.
func (x *xzStream) tail() error {
	in := &summing{r: x.src, sum: crc32.NewIEEE()}
	in.sum.Write([]byte{0})
	in.n = 1
	blocks, err := xzVarint(in)
	if err != nil {
		return err
	}
	if blocks != x.blocks {
		return fmt.Errorf("the index counts %d blocks, there are %d", blocks, x.blocks)
	}
	sizes := crc32.NewIEEE()
	for range 2 * blocks {
		v, err := xzVarint(in)
		if err != nil {
			return err
		}
		sizes.Write(binary.AppendUvarint(nil, v))
	}
	if sizes.Sum32() != x.index.Sum32() {
		return errors.New("the index does not fit the blocks")
	}
	for in.n%4 != 0 {
		if _, err := in.ReadByte(); err != nil {
			return err
		}
	}
	return x.footer(in.sum.Sum32())
}

// footer reads what follows the index: its checksum, and the footer.
func (x *xzStream) footer(index uint32) error {
	var f [16]byte
	if _, err := io.ReadFull(x.src, f[:]); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(f[:4]) != index {
		return errors.New("the index does not match its checksum")
	}
	if !xzSum(f[8:14], f[4:8]) || string(f[14:]) != xzFooter || [2]byte(f[12:14]) != x.flags {
		return errors.New("wrong stream footer")
	}
	return nil
}

// summing reads single bytes and sums them up.
type summing struct {
	r   *bufio.Reader
	sum hash.Hash32
	n   int
}

func (s *summing) ReadByte() (byte, error) {
	b, err := s.r.ReadByte()
	if err == nil {
		s.n++
		s.sum.Write([]byte{b})
	}
	return b, err
}
