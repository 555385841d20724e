package match

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// The set file. All numbers are little-endian.
//
//	offset size
//	0      8   "IOCHUNT\x00"
//	8      4   version
//	12     4   number of sections
//	16     8   generation
//	24     8   length of the file
//	32     4   CRC-32C of the bytes before, with the table of sections behind
//	36     28  zero
//	64     32  for each section: number (4), CRC-32C (4), offset (8), length (8), zero (8)
//	...        the sections, each at a multiple of 64
//
// The file is read into memory whole and every section is checked as it is
// opened. It could be mapped instead, which would be quicker to open; but then
// a file cut short by somebody while it is in use would be a fault in the midst
// of a search, and a search has no way to say so. The sums guard against damage,
// not against malice: the file is its owner's own, as the indicators are.

// Errors of Open, to be told with errors.Is.
var (
	ErrDamaged = errors.New("the set file is damaged")
	ErrVersion = errors.New("the set file is of another version")
)

const (
	magic      = "IOCHUNT\x00"
	version    = 3 // 3: the gate; 2: the names of a registry key's root
	headerSize = 64
	sumAt      = 32
	rowSize    = 32
	align      = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sections returns the sections of s in the order of the file.
func (s *Set) sections() []*[]byte {
	return append([]*[]byte{
		&s.arena, &s.ends, &s.types, &s.filter, &s.slots, &s.entries, &s.members, &s.nets, &s.gate,
	}, s.ac.sections()...)
}

// Save writes s to path, to be opened as of the given generation. The file is
// there whole or not at all: it is written beside path, flushed to disk and
// renamed. Only its owner may read it.
func (s *Set) Save(path string, generation uint64) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("save set: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("save set %s: %w", path, err)
		}
	}()
	if err := s.write(f, generation); err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	s.generation = generation
	return syncDir(filepath.Dir(path))
}

func (s *Set) write(w io.Writer, generation uint64) error {
	parts := [][]byte{s.params.bytes()}
	for _, p := range s.sections() {
		parts = append(parts, *p)
	}
	if _, err := w.Write(header(parts, generation)); err != nil {
		return err
	}
	for _, p := range parts {
		if _, err := w.Write(p); err != nil {
			return err
		}
		if _, err := w.Write(make([]byte, padding(len(p)))); err != nil {
			return err
		}
	}
	return nil
}

// padding returns how many bytes bring n to a multiple of align.
func padding(n int) int { return -n & (align - 1) }

// header returns header and table of sections, padded.
func header(parts [][]byte, generation uint64) []byte {
	h := make([]byte, headerSize, headerSize+rowSize*len(parts)+align)
	copy(h, magic)
	le := binary.LittleEndian
	le.PutUint32(h[8:], version)
	le.PutUint32(h[12:], uint32(len(parts)))
	le.PutUint64(h[16:], generation)
	at := headerSize + rowSize*len(parts)
	at += padding(at)
	for i, p := range parts {
		h = le.AppendUint32(h, uint32(i))
		h = le.AppendUint32(h, crc32.Checksum(p, castagnoli))
		h = le.AppendUint64(h, uint64(at))
		h = le.AppendUint64(h, uint64(len(p)))
		h = le.AppendUint64(h, 0)
		at += len(p) + padding(len(p))
	}
	le.PutUint64(h[24:], uint64(at))
	le.PutUint32(h[sumAt:], headerSum(h))
	return append(h, make([]byte, padding(len(h)))...)
}

// headerSum sums header and table without the sum itself.
func headerSum(h []byte) uint32 {
	sum := crc32.Checksum(h[:sumAt], castagnoli)
	return crc32.Update(sum, castagnoli, h[sumAt+4:])
}

// Open reads a set that was saved. The error is an os.ErrNotExist, ErrDamaged
// or ErrVersion, or that of the system.
func Open(path string) (*Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open set: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open set: %w", err)
	}
	head := make([]byte, headerSize)
	if _, err := io.ReadFull(f, head); err != nil {
		return nil, complaint(path, fmt.Errorf("%w: it is cut short", ErrDamaged))
	}
	if err := checkHead(head, info.Size()); err != nil {
		return nil, complaint(path, err)
	}
	data := make([]byte, info.Size())
	copy(data, head)
	if _, err := io.ReadFull(f, data[headerSize:]); err != nil {
		return nil, complaint(path, fmt.Errorf("%w: %w", ErrDamaged, err))
	}
	s, err := parse(data)
	if err != nil {
		return nil, complaint(path, err)
	}
	return s, nil
}

// complaint says which file is wrong and what mends it.
func complaint(path string, err error) error {
	return fmt.Errorf("%s: %w; `iochunt doctor --repair` or the next collect makes it anew", path, err)
}

// checkHead looks at what the header says of itself, before as much memory is
// taken as the file is long.
func checkHead(h []byte, size int64) error {
	if string(h[:8]) != magic {
		return fmt.Errorf("%w: it does not begin as a set file does", ErrDamaged)
	}
	if v := u32(h, 2); v != version {
		return fmt.Errorf("%w: %d, this program reads %d", ErrVersion, v, version)
	}
	if n := u64(h, 3); n != uint64(size) {
		return fmt.Errorf("%w: it has %d bytes and should have %d", ErrDamaged, size, n)
	}
	return nil
}

// parse makes a set of the bytes of a file, in place.
func parse(data []byte) (*Set, error) {
	s := &Set{generation: u64(data, 2)}
	var params []byte
	parts := append([]*[]byte{&params}, s.sections()...)
	tableEnd := headerSize + rowSize*len(parts)
	if u32(data, 3) != uint32(len(parts)) || len(data) < tableEnd || headerSum(data[:tableEnd]) != u32(data, sumAt/4) {
		return nil, fmt.Errorf("%w: its header does not add up", ErrDamaged)
	}
	for i, p := range parts {
		row := data[headerSize+rowSize*i:]
		off, n := u64(row, 1), u64(row, 2)
		if u32(row, 0) != uint32(i) || off > uint64(len(data)) || n > uint64(len(data))-off {
			return nil, fmt.Errorf("%w: section %d lies outside of it", ErrDamaged, i)
		}
		*p = data[off : off+n : off+n]
		if crc32.Checksum(*p, castagnoli) != u32(row, 1) {
			return nil, fmt.Errorf("%w: section %d does not add up", ErrDamaged, i)
		}
	}
	if !s.params.read(params) || !s.fits() {
		return nil, fmt.Errorf("%w: its sections do not fit together", ErrDamaged)
	}
	s.n, s.shift = len(s.types), shiftOf(len(s.filter)/8)
	return s, nil
}

// paramsSize is the size of the first section.
const paramsSize = 4*256 + 8 + 8 + 4*int(kinds) + 3*8*lengthWords

// bytes returns p as the first section has it.
func (p *params) bytes() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, paramsSize)
	for _, n := range p.counts {
		b = le.AppendUint32(b, n)
	}
	b = le.AppendUint64(le.AppendUint64(b, p.skipped), p.flags)
	for _, n := range p.longest {
		b = le.AppendUint32(b, n)
	}
	for _, set := range []*[lengthWords]uint64{&p.digests, &p.urls, &p.urlPaths} {
		for _, w := range set {
			b = le.AppendUint64(b, w)
		}
	}
	return b
}

func (p *params) read(b []byte) bool {
	if len(b) != paramsSize {
		return false
	}
	for i := range p.counts {
		p.counts[i] = u32(b, i)
	}
	b = b[4*len(p.counts):]
	p.skipped, p.flags = u64(b, 0), u64(b, 1)
	b = b[16:]
	for i := range p.longest {
		p.longest[i] = u32(b, i)
	}
	b = b[4*len(p.longest):]
	for i, set := range []*[lengthWords]uint64{&p.digests, &p.urls, &p.urlPaths} {
		for k := range set {
			set[k] = u64(b, i*lengthWords+k)
		}
	}
	return true
}

// fits checks that the sections have the sizes that they must have among
// themselves.
func (s *Set) fits() bool {
	words, slots := len(s.filter)/8, len(s.slots)/8
	if words < 2 || slots < 1 || words&(words-1) != 0 || slots&(slots-1) != 0 {
		return false
	}
	return len(s.ends) == 4*len(s.types) && len(s.entries)%entrySize == 0 && len(s.nets) == netsSize &&
		len(s.filter) == 8*words && len(s.slots) == 8*slots && s.ac.fits()
}

// Verify reports damage to the set. Open has looked at every byte already and a
// compiled set has no other copy, so that a Set that exists is whole.
func (s *Set) Verify() error {
	if !s.fits() {
		return ErrDamaged
	}
	return nil
}

// Close releases the memory of s, which must not be used afterwards.
func (s *Set) Close() error {
	*s = Set{}
	return nil
}

// syncDir flushes a directory, so that a rename in it outlives a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
