package taxii1

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// onward goes on with a poll in TAXII 1.0, which has neither parts nor counts: a
// server that sends a limited number of blocks at a time (OpenTAXII's
// max_result_size) just stops there and does not say so. So what is behind the
// newest label is asked for, until nothing new comes.
//
// A begin is exclusive, and blocks of one label may be cut apart. Therefore each
// question begins one microsecond, the smallest step of a label, before the
// newest label, and blocks that came already are told by their digest. Where an
// answer brings nothing new and yet is as full as the fullest, its blocks, all of
// that label, may be more than the server sends at a time: then what is behind
// the label is asked for, and unless a fuller answer follows, it stays open
// whether the label was complete (label.full).
//
// A server that sends the newest first stops at the oldest that fit. If the
// labels of any answer fall, what is before the oldest label is asked for in the
// same way.
type onward struct {
	known  map[[16]byte]int32 // blocks that were handed out, and in which answer
	newest time.Time          // label
	oldest time.Time          // label
	falls  bool               // an answer had a label before that of the block in front of it
	most   int                // blocks of the fullest answer
	grew   bool               // an answer behind the first brought something new: the server has a limit
	full   []label            // that were passed by

	back bool // we go to older labels
	past bool // the last question passed a label by

	answer int32     // its number
	fresh  int       // new blocks in it
	came   int       // blocks in it
	mixed  bool      // they have several labels
	last   time.Time // label in it
}

// label is one of which there were so many blocks that there may be more.
type label struct {
	at    time.Time
	n     int
	mixed bool // they have others, too: the server is not so exact about the window
}

// Bounds of a poll in TAXII 1.0.
const (
	maxAnswers = 10_000
	maxKnown   = 1 << 20 // blocks, of which the digests take some 50 MiB
)

// errNoLabels: TAXII 1.0 goes on by labels.
var errNoLabels = errors.New("the blocks have no time label, and TAXII 1.0 has no other way to tell whether these are all; use TAXII 1.1")

// isNew takes note of a block and reports whether it has not come before.
func (o *onward) isNew(b *Block) (bool, error) {
	o.came++
	if l := b.Label; !l.IsZero() {
		o.falls = o.falls || l.Before(o.last)
		o.mixed = o.mixed || !o.last.IsZero() && !l.Equal(o.last)
		o.last = l
		if l.After(o.newest) {
			o.newest = l
		}
		if o.oldest.IsZero() || l.Before(o.oldest) {
			o.oldest = l
		}
	}
	id, err := b.digest()
	if in, known := o.known[id]; known || err != nil {
		return in == o.answer && err == nil, err // a server may hold a block twice
	}
	if len(o.known) >= maxKnown {
		return false, fmt.Errorf("%w: more than %d blocks, which is as many as can be told apart; poll a shorter time", ErrIncomplete, maxKnown)
	}
	if o.known == nil {
		o.known = make(map[[16]byte]int32)
	}
	o.known[id] = o.answer
	o.fresh++
	return true, nil
}

// digest tells a block by its label, its binding and its bytes as they came.
func (b *Block) digest() ([16]byte, error) {
	h := sha256.New()
	var head [16]byte
	binary.LittleEndian.PutUint64(head[:], uint64(b.Label.Unix()))
	binary.LittleEndian.PutUint32(head[8:], uint32(b.Label.Nanosecond()))
	binary.LittleEndian.PutUint32(head[12:], uint32(len(b.Binding)))
	h.Write(head[:])
	h.Write([]byte(b.Binding))
	_, err := io.Copy(h, b.sp.section(b.from, b.to))
	return [16]byte(h.Sum(nil)), err
}

// begin prepares for the next answer.
func (o *onward) begin() {
	o.answer++
	o.fresh, o.came, o.mixed, o.last = 0, 0, false, time.Time{}
}

// next returns the question behind an answer that has been handed out, false
// when there is none.
func (o *onward) next(q Query) (Query, bool, error) {
	o.grew = o.grew || o.answer > 1 && o.fresh > 0
	o.most = max(o.most, o.came)
	switch {
	case o.came > 0 && o.newest.IsZero():
		return q, false, errNoLabels
	case o.newest.IsZero() || !o.turn():
		return q, false, nil
	case o.answer >= maxAnswers:
		return q, false, fmt.Errorf("%d answers came, and there are more; poll a shorter time", o.answer)
	}
	w, ok := o.window(q)
	return w, ok, nil
}

// turn decides where the next question goes: on, past a full label, back to
// older ones, or nowhere.
func (o *onward) turn() bool {
	full := o.came == o.most && o.came > 0 && !o.past
	switch {
	case o.fresh > 0:
		o.past = false
	case full:
		o.past = true
		o.full = append(o.full, label{o.edge(), o.came, o.mixed})
	case o.falls && !o.back:
		o.back, o.past = true, false
	default:
		return false
	}
	return true
}

// edge is the label from which we go on.
func (o *onward) edge() time.Time {
	if o.back {
		return o.oldest
	}
	return o.newest
}

// step is the smallest difference of two labels (TimestampLabelType).
const step = time.Microsecond

// window is q from the edge on, its own label included unless it is passed by.
// It is false when nothing of the window that the poll is for is left.
func (o *onward) window(q Query) (Query, bool) {
	switch {
	case o.back && o.past:
		q.End = floor(o.oldest.Add(-1))
	case o.back:
		q.End = ceil(o.oldest)
	case o.past:
		q.Begin = latest(q.Begin, ceil(o.newest))
	default:
		q.Begin = latest(q.Begin, ceil(o.newest).Add(-step))
	}
	return q, q.Begin.IsZero() || q.End.IsZero() || floor(q.Begin).Before(ceil(q.End))
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// complete judges the labels that were passed by, once all is over. A server
// that never sent more blocks than one label has may hold more of it, if it is
// known to have a limit; if not, that is the usual case of a few blocks that
// were labelled together, and a note will do. A limit of one block is not taken
// to be one.
func (o *onward) complete() (note string, err error) {
	for _, l := range o.full {
		switch {
		case l.n < 2 || l.n < o.most:
		case o.grew:
			return "", fmt.Errorf("%w: the server sends no more than %d blocks at a time, and so many have the label %s; whether there are more of it cannot be told in TAXII 1.0; use TAXII 1.1", ErrIncomplete, l.n, stamp(l.at))
		case l.mixed:
			note = fmt.Sprintf("the server sends the same %d blocks whatever the time that is asked for; if that is as many as it sends at a time, there may be more, which TAXII 1.0 cannot tell", l.n)
		default:
			note = fmt.Sprintf("all %d blocks have the label %s; if that is as many as the server sends at a time, there may be more, which TAXII 1.0 cannot tell", l.n, stamp(l.at))
		}
	}
	return note, nil
}
