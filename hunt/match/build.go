package match

import (
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"math/bits"
	"runtime"
	"sync"

	"github.com/iochunt/iochunt/internal/ioc"
)

// ErrTooBig is returned by Compile for more than the format holds: 2^31
// observables or 4 GiB of text.
var ErrTooBig = errors.New("match: too many observables: more than 4 GiB of text, or 2^31 of them")

// Compile makes a set of the observables of seq, which should be distinct and
// in canonical form (package canon). The ids count them from 0. Those that
// cannot stand in a log (YARA rules) and those without a value, or with one of
// 16 MiB, are left out; Skipped tells how many. A value that is not of the shape its type has is not
// refused but searched for as free text.
//
// The same sequence gives the same set, to the byte, however many processors
// work on it: all of GOMAXPROCS, while seq is still being read.
func Compile(seq iter.Seq[ioc.Observable]) (*Set, error) {
	c := newCompiler()
	for o := range seq {
		if !c.take(o) {
			c.wait()
			return nil, ErrTooBig
		}
	}
	return c.compile()
}

// The observables are cut into shards of so many, or of so many bytes. Their
// size does not depend on the machine, so that the set does not.
const (
	shardLen  = 1 << 15
	shardSize = 2 << 20
)

// compiler makes a set of what it takes. While it fills one shard the keys of
// those before are made.
type compiler struct {
	shards  []*builder // in the order of their observables; the last is being filled
	codes   map[ioc.Type]uint8
	counts  [256]uint32
	skipped uint64
	n       int
	values  uint64 // bytes
	helpers chan struct{}
	working sync.WaitGroup
}

func newCompiler() *compiler {
	return &compiler{codes: map[ioc.Type]uint8{}, helpers: make(chan struct{}, runtime.GOMAXPROCS(0)-1)}
}

// take adds an observable. It reports whether there was room.
func (c *compiler) take(o ioc.Observable) bool {
	code := c.code(o.Type)
	if o.Value == "" || len(o.Value) > maxKey || code == 0 {
		c.skipped++
		return true
	}
	c.values += uint64(len(o.Value))
	if c.values > math.MaxUint32 || c.n >= several {
		return false
	}
	b := c.shard()
	b.types = append(b.types, code)
	b.arena = append(b.arena, o.Value...)
	b.ends = binary.LittleEndian.AppendUint32(b.ends, uint32(len(b.arena)))
	c.counts[code]++
	c.n++
	return true
}

// code returns the code of a type that can be hunted, else 0.
func (c *compiler) code(t ioc.Type) uint8 {
	if code, ok := c.codes[t]; ok {
		return code
	}
	row := t.Row()
	if row.Form == ioc.NotHuntable {
		return 0
	}
	c.codes[t] = row.Code
	return row.Code
}

// shard returns the shard to be filled. One that is full is given to a
// helper, or dealt with at once if all are at work.
func (c *compiler) shard() *builder {
	if len(c.shards) == 0 {
		c.shards = append(c.shards, &builder{first: uint32(c.n)})
	}
	b := c.shards[len(c.shards)-1]
	if len(b.types) < shardLen && len(b.arena) < shardSize {
		return b
	}
	next := &builder{ // it will be much like the one before
		first: uint32(c.n), arena: make([]byte, 0, len(b.arena)+len(b.arena)/8),
		ends: make([]byte, 0, len(b.ends)), types: make([]byte, 0, len(b.types)),
	}
	c.shards = append(c.shards, next)
	c.dispatch(b)
	return next
}

func (c *compiler) dispatch(b *builder) {
	select {
	case c.helpers <- struct{}{}:
		c.working.Go(func() {
			b.addKeys()
			<-c.helpers
		})
	default:
		b.addKeys()
	}
}

func (c *compiler) wait() { c.working.Wait() }

// compile lays out what was taken.
func (c *compiler) compile() (*Set, error) {
	if n := len(c.shards); n > 0 {
		c.dispatch(c.shards[n-1])
	}
	c.wait()
	b, err := c.merge()
	if err != nil {
		return nil, err
	}
	s := &Set{params: b.params, n: len(b.types), arena: b.arena, ends: b.ends, types: b.types, nets: b.nets[:]}
	var filtered sync.WaitGroup
	filtered.Go(func() { c.filter(s) })
	filtered.Go(func() { s.ac = buildAutomaton(b.arena, b.texts) })
	c.table(s)
	b.openGates(s)
	filtered.Wait()
	s.gates, _ = openGate(s.gate)
	return s, nil
}

// builder gathers the keys of a shard, and in the end those of all.
type builder struct {
	params
	first  uint32 // id of the first observable
	arena  []byte // values, then keys that are not values
	values int    // bytes of arena that are values
	ends   []byte
	types  []byte
	keys   []key
	gates  []uint64 // hashes that are in the filter alone
	texts  []span   // folded texts of the automaton, in arena
	nets   [netsSize]byte
	value  span // of the observable whose keys are being added
	buf    []byte
}

// span is arena[off:off+length].
type span struct {
	off    uint32
	length uint32
}

// key is one entry to be.
type key struct {
	hash   uint64
	off    uint32
	length uint32
	kind   kind
	id     uint32
}

// addKeys adds the keys of all observables.
func (b *builder) addKeys() {
	b.values = len(b.arena)
	b.keys = make([]key, 0, len(b.types)+len(b.types)/16)
	start := uint32(0)
	for i := range b.types {
		end := u32(b.ends, i)
		t, _ := ioc.FromCode(b.types[i])
		b.value = span{start, end - start}
		b.add(b.first+uint32(i), t)
		start = end
	}
}

// put adds a key of the observable id. Where the key is the value itself, the
// two share their bytes.
func (b *builder) put(k kind, id uint32, text []byte) {
	v := b.arena[b.value.off : b.value.off+b.value.length]
	at := b.value.off
	if string(v) != string(text) {
		at = uint32(len(b.arena))
		b.arena = append(b.arena, text...)
	}
	b.longest[k] = max(b.longest[k], uint32(len(text)))
	b.keys = append(b.keys, key{hashOf(k, text), at, uint32(len(text)), k, id})
}

// gate lets a hash through the filter under which nothing is in the table.
func (b *builder) gate(k kind, text []byte) {
	b.longest[k] = max(b.longest[k], uint32(len(text)))
	b.gates = append(b.gates, hashOf(k, text))
}

// merge makes one builder of the shards, but for their keys and gates, which
// stay where they are.
func (c *compiler) merge() (*builder, error) {
	values, extra := make([]uint64, len(c.shards)), make([]uint64, len(c.shards)) // where they begin in the arena
	at := uint64(0)
	for i, b := range c.shards {
		values[i], at = at, at+uint64(b.values)
	}
	for i, b := range c.shards {
		extra[i], at = at, at+uint64(len(b.arena)-b.values)
	}
	if at > math.MaxUint32 {
		return nil, ErrTooBig
	}
	all := &builder{arena: make([]byte, at), ends: make([]byte, 4*c.n), types: make([]byte, c.n)}
	all.params.counts, all.params.skipped = c.counts, c.skipped
	parallel(len(c.shards), func(i int) {
		c.shards[i].move(all, uint32(values[i]), uint32(extra[i]))
	})
	for _, b := range c.shards {
		all.note(b)
		all.params.keys += uint64(len(b.keys))
		all.params.hashes += uint64(len(b.keys) + len(b.gates))
		all.texts = append(all.texts, b.texts...)
	}
	return all, nil
}

// move moves what b holds to its place in all. Its values begin at values, its
// other keys at extra.
func (b *builder) move(all *builder, values, extra uint32) {
	copy(all.arena[values:], b.arena[:b.values])
	copy(all.arena[extra:], b.arena[b.values:])
	copy(all.types[b.first:], b.types)
	for i := range b.types {
		binary.LittleEndian.PutUint32(all.ends[4*(int(b.first)+i):], u32(b.ends, i)+values)
	}
	moved := func(off uint32) uint32 {
		if int(off) < b.values {
			return off + values
		}
		return off - uint32(b.values) + extra
	}
	for i := range b.keys {
		b.keys[i].off = moved(b.keys[i].off)
	}
	for i := range b.texts {
		b.texts[i].off = moved(b.texts[i].off)
	}
	b.arena, b.ends, b.types = nil, nil, nil
}

// note adds to b what other knows of its keys as a whole.
func (b *builder) note(other *builder) {
	b.flags |= other.flags
	for k, n := range other.longest {
		b.longest[k] = max(b.longest[k], n)
	}
	for i := range lengthWords {
		b.digests[i] |= other.digests[i]
		b.urls[i] |= other.urls[i]
		b.urlPaths[i] |= other.urlPaths[i]
	}
	for i, bits := range other.nets {
		b.nets[i] |= bits
	}
}

// parallel runs f for 0 to n-1 on all processors.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// bitsPerKey of the filter: with three bits set for each, about one absent key
// in 200 passes.
const bitsPerKey = 16

// filterWords and slotsFor say how large the filter and the table are.
func filterWords(hashes uint64) int { return pow2(int(hashes)*bitsPerKey/64 + 2) }

func slotsFor(keys uint64) int { return pow2(int(keys+keys/2) + 1) }

// filter makes the filter: each goroutine a range of it.
func (c *compiler) filter(s *Set) {
	words := filterWords(s.hashes)
	s.shift = shiftOf(words)
	s.filter = make([]byte, 8*words)
	parts := pow2(runtime.GOMAXPROCS(0))
	top := uint(64 - bits.TrailingZeros(uint(parts)))
	parallel(parts, func(part int) {
		for _, b := range c.shards {
			for i := range b.keys {
				if h := b.keys[i].hash; h>>top == uint64(part) {
					setMask(s.filter, s.shift, h)
				}
			}
			for _, h := range b.gates {
				if h>>top == uint64(part) {
					setMask(s.filter, s.shift, h)
				}
			}
		}
	})
}

func setMask(filter []byte, shift uint, h uint64) {
	w := filter[8*(h>>shift):]
	binary.LittleEndian.PutUint64(w, binary.LittleEndian.Uint64(w)|filterMask(h))
}

// shiftOf returns the shift that makes the number of a filter's word of a hash.
func shiftOf(words int) uint { return uint(64 - bits.TrailingZeros(uint(words))) }

// pow2 returns the least power of two that is at least n.
func pow2(n int) int { return 1 << bits.Len(uint(n-1)) }
