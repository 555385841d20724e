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

// The set file. All numbers are little-endian, on every machine.
//
//	offset size
//	0      8   "IOCHUNT\x00"
//	8      4   version
//	12     4   number of sections
//	16     8   generation
//	24     8   length of the file
//	32     4   CRC-32C of the bytes before, with those behind to the end of the table
//	36     4   zero
//	40     8   mark
//	48     16  zero
//	64     32  for each section: number (4), zero (4), offset (8), length (8), zero (8)
//	...        the sections, each at a multiple of 64, zeros between them
//
// The first section holds a CRC-32C for each block of the sections behind it:
// a section is cut into blocks of sumBlock from its beginning, the last one
// may be shorter. It ends with a CRC-32C of itself. The second section is the
// parameters, the others are the arrays of Set.
//
// Open maps the file and parses nothing (setfile_open.go). A block is checked
// when it is first looked at; what is read all the time is checked at once. So
// nothing is believed that has not been checked, and nothing is checked
// that nobody asks for. The sums guard against damage, not against malice: the
// file is its owner's own, as the indicators are. All the same no number in it
// is trusted to be a place in it.

// Errors of Open and Err, to be told with errors.Is.
var (
	ErrDamaged = errors.New("the set file is damaged")
	ErrVersion = errors.New("the set file is of another version")
)

const (
	magic      = "IOCHUNT\x00"
	version    = 4 // 4: two gates, rows of the automaton; 3: blocks; 2: the names of a registry key's root
	headerSize = 64
	sumAt      = 32
	rowSize    = 32
	align      = 64

	sumShift = 14
	sumBlock = 1 << sumShift
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The sections that are checked as they are touched, as Set.sections has them.
const (
	inArena = iota
	inEnds
	inTypes
	inFilter
	inSlots
	inEntries
	inMembers
	inNets
	inGate
	inText // the first of the automaton
)

// before is how many sections of the file stand before those of Set.sections.
const before = 2

// sections returns the sections of s in the order of the file.
func (s *Set) sections() []*[]byte {
	return append([]*[]byte{
		&s.arena, &s.ends, &s.types, &s.filter, &s.slots, &s.entries, &s.members, &s.nets, &s.gate,
	}, s.ac.sections()...)
}

// Save writes s to path, to be opened as of the given generation. The file is
// there whole or not at all: it is written beside path, flushed to disk and
// renamed. Only its owner may read it. Who has the old file open keeps it.
func (s *Set) Save(path string, generation uint64) (err error) {
	if err := s.Verify(); err != nil { // damage must not be given a new sum
		return fmt.Errorf("save set: %w", err)
	}
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
	if err := s.protect(func() error { return s.write(f, generation) }); err != nil {
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
	parts := [][]byte{nil, s.params.bytes()}
	for _, p := range s.sections() {
		parts = append(parts, *p)
	}
	parts[0] = blockSums(parts[1:])
	if _, err := w.Write(header(parts, generation, s.mark)); err != nil {
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

// blocks returns how many blocks a section of n bytes has.
func blocks(n int) int { return (n + sumBlock - 1) >> sumShift }

// blockSums makes the section of sums.
func blockSums(parts [][]byte) []byte {
	var sums []byte
	for _, p := range parts {
		for ; len(p) > 0; p = p[min(len(p), sumBlock):] {
			sums = put32(sums, crc32.Checksum(p[:min(len(p), sumBlock)], castagnoli))
		}
	}
	return put32(sums, crc32.Checksum(sums, castagnoli))
}

// header returns header and table of sections, padded.
func header(parts [][]byte, generation, mark uint64) []byte {
	h := make([]byte, headerSize, headerSize+rowSize*len(parts)+align)
	copy(h, magic)
	le := binary.LittleEndian
	le.PutUint32(h[8:], version)
	le.PutUint32(h[12:], uint32(len(parts)))
	le.PutUint64(h[16:], generation)
	le.PutUint64(h[40:], mark)
	at := headerSize + rowSize*len(parts)
	at += padding(at)
	for i, p := range parts {
		h = le.AppendUint64(h, uint64(i))
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

// paramsSize is the size of the section of parameters.
const paramsSize = 4*256 + 4*8 + 4*int(kinds) + 3*8*lengthWords

// bytes returns p as its section has it.
func (p *params) bytes() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, paramsSize)
	for _, n := range p.counts {
		b = le.AppendUint32(b, n)
	}
	for _, n := range []uint64{p.skipped, p.keys, p.hashes, p.flags} {
		b = le.AppendUint64(b, n)
	}
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
	p.skipped, p.keys, p.hashes, p.flags = u64(b, 0), u64(b, 1), u64(b, 2), u64(b, 3)
	b = b[32:]
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
