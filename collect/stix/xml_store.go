package stix

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// xVerdict is how a thing (an indicator, an observable, an object) is reached.
// Things refer to each other by id in both directions, so that what is said of
// one is only known when all has been read; the best that is said of it counts.
// An address that one indicator names together with a port and another one by
// itself is a member.
type xVerdict uint8

const (
	xUnseen   xVerdict = iota // nobody refers to it
	xNegated                  // it is what is not meant
	xBenign                   // it is related to what is bad
	xObserved                 // it was seen
	xTogether                 // it counts together with others
	xAlone                    // it stands alone
)

// xReasons are the reasons that verdicts are refused with.
var xReasons = [...]string{xNegated: Negated, xBenign: Benign, xObserved: Observation, xTogether: TogetherOnly, xAlone: ""}

// xLeaf is one value of an object. Reason is why it does not stand alone
// whatever is said of the object: NotEquality, NoType, or TogetherOnly for the
// parts of an object that only holds as a whole.
type xLeaf struct {
	typ                       ioc.Type
	value, original, declared string
	content, reason           string
}

// refusal returns why a leaf reached with v is no member.
func (l *xLeaf) refusal(v xVerdict) string {
	if v == xAlone || v != xNegated && l.reason != "" && l.reason != TogetherOnly {
		return l.reason
	}
	return xReasons[v]
}

// xSaid is what is said with a value: by the indicator, or by the observable
// where there is no indicator.
type xSaid struct {
	ioc.Claim
	id   string
	from bool   // an indicator says it
	at   uint64 // where it is kept; 0 is nowhere
}

// xThing is an indicator, observable or object that has an id, or that is part
// of one, as long as it has to be kept. What it holds is in the arena.
type xThing struct {
	at      uint64 // its record; before it was read, the id by which it is referred to
	print   uint32 // of its contents, to tell the same thing from another one with its id
	until   uint32 // until when it was said to hold (xUntil)
	best    xVerdict
	defined bool
	root    bool  // is listed in the package
	part    bool  // of another thing
	named   bool  // can be referred to
	own     bool  // an indicator, which says itself how long it holds
	parts   bool  // has parts, or leads to others
	left    int32 // what is left of it when it is given up; 0 is not known yet
}

// xUntil is the end of a claim in seconds, 0 for none.
func xUntil(s *xSaid) uint32 {
	if s == nil || s.Expires.IsZero() {
		return 0
	}
	return uint32(max(1, min(s.Expires.Unix(), math.MaxUint32)))
}

// xKid is a part of a thing, or a reference to another one. Through it a thing
// is reached with no better a verdict than most.
type xKid struct {
	i    int32
	most xVerdict
}

// xRecord is what a thing holds.
type xRecord struct {
	said   xSaid
	leaves []xLeaf
	kids   []xKid
}

// xArena keeps records without pointers, so that a million of them cost the
// collector of garbage nothing. An offset is the number of the chunk and the
// place in it, plus one.
type xArena struct {
	chunks [][]byte
	spare  []byte // a chunk that was cut away
}

const xChunk = 1 << 18

func (a *xArena) mark() uint64 {
	if len(a.chunks) == 0 {
		return 0
	}
	return uint64(len(a.chunks)-1)<<32 | uint64(len(a.chunks[len(a.chunks)-1]))
}

// cut takes away what was put in since mark.
func (a *xArena) cut(mark uint64) {
	if len(a.chunks) == 0 {
		return
	}
	n := int(mark >> 32)
	if last := a.chunks[len(a.chunks)-1]; n+1 < len(a.chunks) && cap(last) == xChunk {
		a.spare = last[:0]
	}
	clear(a.chunks[n+1:])
	a.chunks = a.chunks[:n+1]
	a.chunks[n] = a.chunks[n][:uint32(mark)]
}

// put keeps b, length first.
func (a *xArena) put(b []byte) uint64 {
	need := len(b) + binary.MaxVarintLen64
	last := len(a.chunks) - 1
	if last < 0 || cap(a.chunks[last])-len(a.chunks[last]) < need {
		a.chunks = append(a.chunks, a.chunk(need))
		last++
	}
	at := uint64(last)<<32 | uint64(len(a.chunks[last]))
	a.chunks[last] = binary.AppendUvarint(a.chunks[last], uint64(len(b)))
	a.chunks[last] = append(a.chunks[last], b...)
	return at + 1
}

func (a *xArena) chunk(need int) []byte {
	if c := a.spare; c != nil && need <= xChunk {
		a.spare = nil
		return c
	}
	return make([]byte, 0, max(xChunk, need))
}

func (a *xArena) get(at uint64) []byte {
	at--
	b := a.chunks[at>>32][uint32(at):]
	n, k := binary.Uvarint(b)
	return b[k : k+int(n)]
}

// The writing and reading of records. They are never outside bytes: what is
// read was written here.
type xWriter struct {
	b    []byte
	kids int // where the parts begin in the record that was written last
}

func (w *xWriter) num(n uint64)      { w.b = binary.AppendUvarint(w.b, n) }
func (w *xWriter) str(s string)      { w.num(uint64(len(s))); w.b = append(w.b, s...) }
func (w *xWriter) when(t time.Time)  { w.num(xMoment(t)) }
func (w *xWriter) strs(s ...*string) { each(s, func(p *string) { w.str(*p) }) }

func each[T any](s []T, f func(T)) {
	for _, x := range s {
		f(x)
	}
}

// xReader reads a record that was made one string: all texts are parts of it.
type xReader struct{ s string }

func (r *xReader) num() (n uint64) {
	for i, shift := 0, 0; ; i, shift = i+1, shift+7 {
		c := r.s[i]
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			r.s = r.s[i+1:]
			return n
		}
	}
}

func (r *xReader) str() string {
	n := r.num()
	s := r.s[:n]
	r.s = r.s[n:]
	return s
}

func (r *xReader) strs(s ...*string) { each(s, func(p *string) { *p = r.str() }) }

// xMoment makes a number of a time, 0 of none. A microsecond is as fine as the
// times of STIX 1 get.
func xMoment(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixMicro())<<1 | 1
}

func (r *xReader) when() time.Time {
	n := r.num()
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(n) >> 1).UTC()
}

func (w *xWriter) claim(s *xSaid) {
	from := uint64(0)
	if s.from {
		from = 1
	}
	w.num(from)
	w.strs(&s.id, &s.Role, &s.Title, &s.Description)
	w.num(uint64(s.Confidence))
	w.when(s.Created)
	w.when(s.Expires)
}

func (r *xReader) claim(s *xSaid) {
	s.from = r.num() == 1
	r.strs(&s.id, &s.Role, &s.Title, &s.Description)
	s.Confidence = uint8(r.num())
	s.Created, s.Expires = r.when(), r.when()
}

func (w *xWriter) record(x *xRecord) {
	w.claim(&x.said)
	w.num(uint64(len(x.leaves)))
	for i := range x.leaves {
		l := &x.leaves[i]
		w.strs((*string)(&l.typ), &l.value, &l.original, &l.declared, &l.content, &l.reason)
	}
	w.kids = len(w.b)
	w.num(uint64(len(x.kids)))
	for _, k := range x.kids {
		w.num(uint64(k.i)<<3 | uint64(k.most))
	}
}

func (r *xReader) record(x *xRecord) {
	r.claim(&x.said)
	x.leaves, x.kids = x.leaves[:0], x.kids[:0]
	for range r.num() {
		var l xLeaf
		r.strs((*string)(&l.typ), &l.value, &l.original, &l.declared, &l.content, &l.reason)
		x.leaves = append(x.leaves, l)
	}
	for range r.num() {
		n := r.num()
		x.kids = append(x.kids, xKid{int32(n >> 3), xVerdict(n & 7)})
	}
}
