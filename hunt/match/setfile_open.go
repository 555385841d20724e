package match

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"slices"
	"sync/atomic"
)

// file is a set file that is open. Sections of a Set that has one are views of
// data; a block of them may be read once check has let it pass.
type file struct {
	path   string
	data   []byte          // the whole file
	mapped bool            // data is mapFile's
	sums   []byte          // uint32 by block; checked, and no view of data
	first  []int           // by section of Set.sections: the number of its first block
	parts  [][]byte        // the sections, as views of data
	seen   []atomic.Uint32 // a bit for each block: it has passed

	texts atomic.Bool // the automaton has passed
	users atomic.Int64
	err   atomic.Pointer[error] // what stopped the search

	closed, freed atomic.Bool
}

// Open opens a set that was saved. It reads next to nothing of the file, so
// damage may come to light only in a search: see Err. The error is an
// os.ErrNotExist, ErrDamaged or ErrVersion, or that of the system.
func Open(path string) (*Set, error) {
	data, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	s, err := newFile(path, data)
	if err != nil {
		unmap(data)
		return nil, err
	}
	s.file.mapped = true
	return s, nil
}

// newFile makes a set of a file that lies in data. A fault on data is an
// error, as damage is.
func newFile(path string, data []byte) (*Set, error) {
	s := &Set{file: &file{path: path, data: data}}
	err := s.protect(func() error { return s.file.complain(s.parse()) })
	if err != nil {
		return nil, err
	}
	return s, nil
}

// openFile opens a regular file and tells its size.
func openFile(path string) (*os.File, int, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("open set: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err == nil && info.Size() > math.MaxInt {
		err = fmt.Errorf("%s: its %d bytes are more than this machine can address", path, info.Size())
	}
	if err == nil && info.Size() < headerSize {
		err = complaint(path, fmt.Errorf("%w: it is cut short", ErrDamaged))
	}
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("open set: %w", err)
	}
	return f, int(info.Size()), nil
}

// complaint says which file is wrong and what mends it.
func complaint(path string, err error) error {
	return fmt.Errorf("%s: %w; `iochunt doctor --repair` or the next collect makes it anew", path, err)
}

// complain is complaint where there is an error, which stays.
func (f *file) complain(err error) error {
	if err != nil {
		err = complaint(f.path, err)
		f.fail(err)
	}
	return err
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrDamaged}, args...)...)
}

// parse reads header and table, and makes the sections of s views of the file.
func (s *Set) parse() error {
	f := s.file
	if err := checkHead(f.data); err != nil {
		return err
	}
	into := s.sections()
	count := before + len(into)
	tableEnd := headerSize + rowSize*count
	if u32(f.data, 3) != uint32(count) || len(f.data) < tableEnd || headerSum(f.data[:tableEnd]) != u32(f.data, sumAt/4) {
		return damaged("its header does not add up")
	}
	parts, err := f.table(tableEnd, count)
	if err != nil {
		return err
	}
	if err := f.split(parts); err != nil {
		return err
	}
	for i, p := range into {
		*p = f.parts[before-1+i]
	}
	return s.settle()
}

// table reads the table of sections, which lie one behind the other.
func (f *file) table(end, count int) (parts [][]byte, err error) {
	at := uint64(end + padding(end))
	for i := range count {
		row := f.data[headerSize+rowSize*i:]
		n := u64(row, 2)
		if u64(row, 0) != uint64(i) || u64(row, 1) != at || at > uint64(len(f.data)) || n > uint64(len(f.data))-at {
			return nil, damaged("section %d is not where it should be", i)
		}
		parts = append(parts, f.data[at:at+n:at+n])
		at += n + uint64(padding(int(n)))
	}
	if at != uint64(len(f.data)) {
		return nil, damaged("there is something behind its sections")
	}
	return parts, nil
}

// checkHead looks at what the header says of itself.
func checkHead(h []byte) error {
	if string(h[:8]) != magic {
		return damaged("it does not begin as a set file does")
	}
	if v := u32(h, 2); v != version {
		return fmt.Errorf("%w: %d, this program reads %d", ErrVersion, v, version)
	}
	if n := u64(h, 3); n != uint64(len(h)) {
		return damaged("it has %d bytes and should have %d", len(h), n)
	}
	return nil
}

// split takes the sums from the sections and numbers the blocks of the others.
func (f *file) split(parts [][]byte) error {
	total := 0
	for _, p := range parts[1:] {
		f.first = append(f.first, total)
		total += blocks(len(p))
	}
	f.parts = parts[1:]
	f.sums = bytes.Clone(parts[0])
	if len(f.sums) != 4*(total+1) || crc32.Checksum(f.sums[:4*total], castagnoli) != u32(f.sums, total) {
		return damaged("its checksums do not add up")
	}
	f.seen = make([]atomic.Uint32, (total+31)/32)
	return nil
}

// settle reads the parameters and what a search reads all the time. Small
// sections and the gate become memory of our own, the types and the filter
// stay views.
func (s *Set) settle() error {
	f := s.file
	f.checkAll(0)
	if !s.params.read(f.parts[0]) || !s.fits() {
		return damaged("its sections do not fit together")
	}
	s.generation, s.mark = u64(f.data, 2), u64(f.data, 5)
	s.n, s.shift = len(s.types), shiftOf(len(s.filter)/8)
	for _, sec := range []int{inNets, inGate} {
		p := s.sections()[sec]
		*p = slices.Clone(*p)
		f.checkCopy(before-1+sec, *p)
	}
	var ok bool
	if s.gates, ok = openGate(s.gate); !ok {
		return damaged("its gate does not fit together")
	}
	f.checkAll(before - 1 + inTypes)
	f.checkAll(before - 1 + inFilter)
	return nil
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

// check lets the bytes off to off+n of a section pass, or panics with damage.
// It is on the path of every look-up: most blocks have passed before.
func (f *file) check(sec, off, n int) {
	first := f.first[before-1+sec]
	last := first + (off+n-1)>>sumShift
	for b := first + off>>sumShift; b <= last; b++ {
		if f.seen[b/32].Load()>>(b%32)&1 == 0 {
			f.judge(before-1+sec, b)
		}
	}
}

// judge compares block b, which is of section part, with its sum.
func (f *file) judge(part, b int) {
	p := f.parts[part]
	at := (b - f.first[part]) << sumShift
	f.compare(part, b, p[at:min(at+sumBlock, len(p))])
	f.seen[b/32].Or(1 << (b % 32))
}

func (f *file) compare(part, b int, block []byte) {
	if crc32.Checksum(block, castagnoli) != u32(f.sums, b) {
		panic(damage{damaged("block %d of section %d does not add up", b-f.first[part], part+1)})
	}
}

// checkAll compares the whole of a section with its sums.
func (f *file) checkAll(part int) {
	for b := range blocks(len(f.parts[part])) {
		f.judge(part, f.first[part]+b)
	}
}

// checkCopy compares a copy of a section with the sums.
func (f *file) checkCopy(part int, p []byte) {
	for b := f.first[part]; len(p) > 0; b++ {
		n := min(len(p), sumBlock)
		f.compare(part, b, p[:n])
		p = p[n:]
	}
}

// Verify reads all of the set's file again and reports damage, which a search
// would come upon only by and by. A set that has no file is whole.
func (s *Set) Verify() error {
	if s.file == nil {
		if !s.fits() {
			return ErrDamaged
		}
		return nil
	}
	return s.protect(func() error { return s.file.complain(s.file.verify()) })
}

func (f *file) verify() error {
	end := headerSize + rowSize*(1+len(f.parts))
	if err := checkHead(f.data); err != nil {
		return err
	}
	if headerSum(f.data[:end]) != u32(f.data, sumAt/4) {
		return damaged("its header does not add up")
	}
	for part := range f.parts {
		f.checkAll(part)
	}
	return f.checkRest(end)
}

// checkRest looks at what has no sum of its own: the sums, of which there is a copy,
// and the zeros between sections.
func (f *file) checkRest(at int) error {
	sumsAt := at + padding(at)
	if !bytes.Equal(f.data[sumsAt:sumsAt+len(f.sums)], f.sums) {
		return damaged("its checksums do not add up")
	}
	gaps := [][]byte{f.data[at:sumsAt]}
	at = sumsAt + len(f.sums)
	for _, p := range f.parts {
		gaps = append(gaps, f.data[at:at+padding(at)])
		at += padding(at) + len(p)
	}
	for _, g := range append(gaps, f.data[at:]) {
		if len(bytes.Trim(g, "\x00")) > 0 {
			return damaged("there is something between its sections")
		}
	}
	return nil
}
