package hunt

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/hunt/match"
)

// parted is a log that comes in parts if it is asked.
type parted struct {
	*list
	parts []*list
}

func (p *parted) Parts(context.Context) (logs []Log) {
	for _, l := range p.parts {
		logs = append(logs, l)
	}
	return logs
}

func inParts(parts ...string) *parted {
	p := &parted{list: text("big", strings.Join(parts, ""))}
	off := int64(0)
	for _, s := range parts {
		l := text("big", s)
		l.chunks[0].Offset = off
		off += int64(len(s))
		p.parts = append(p.parts, l)
	}
	return p
}

// scanParts scans a log before, p and a log behind.
func scanParts(t *testing.T, p *parted, o ScanOptions) ([]string, Summary) {
	t.Helper()
	var out sink
	all := func(yield func(Log, error) bool) {
		_ = yield(text("a", "bad\n"), nil) && yield(p, nil) && yield(text("z", "\nbad\n"), nil)
	}
	sum, err := Scan(t.Context(), all, words{"bad"}, feed{}, &out, o)
	if err != nil {
		t.Fatal(err)
	}
	sum.Took = 0
	return out.places(), sum
}

func TestParts(t *testing.T) {
	big := func() *parted { return inParts("bad\n\n", "x\nbad 1\nbad 2\n", "", "bad\n", "\n\n", "bad\nbad") }
	want, wantSum := scanParts(t, big(), opts(1))
	for _, n := range []int{2, 3, 16} {
		got, sum := scanParts(t, big(), opts(n))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers: %s", n, diff)
		}
		if diff := cmp.Diff(wantSum, sum); diff != "" {
			t.Errorf("%d workers: %s", n, diff)
		}
	}
}

// TestPartsStopWhereReadingDoes: with a limit of records a log is not cut.
func TestPartsStopWhereReadingDoes(t *testing.T) {
	o := opts(4)
	o.MaxRecords = 2
	got, sum := scanParts(t, inParts("bad\n", "bad\n", "bad\n"), o)
	if diff := cmp.Diff([]string{"a:1:0 bad", "big:1:0 bad", "big:2:4 bad", "z:2:1 bad"}, got); diff != "" || len(sum.Skipped) != 1 {
		t.Error(diff, sum)
	}
}

// TestPartThatFails: the others are searched, but behind it no line has a
// number, and what is wrong is said once.
func TestPartThatFails(t *testing.T) {
	p := inParts("bad\n", "\nbad\n", "bad\n", "bad\n")
	p.parts[1].err, p.parts[3].err = errors.New("damaged"), errors.New("damaged")
	got, sum := scanParts(t, p, opts(3))
	if diff := cmp.Diff([]string{"a:1:0 bad", "big:1:0 bad", "big:3:5 bad", "big:0:9 bad", "big:0:13 bad", "z:2:1 bad"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Trouble{{"big", "damaged"}}, sum.Incomplete); diff != "" || sum.Files != 3 {
		t.Error(diff, sum.Files)
	}
}

// TestPartsOfAnInterruptedRun: parts that were never begun make the log
// incomplete, and those that were read ahead get their numbers if they can be known.
func TestPartsOfAnInterruptedRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := inParts("bad\n", "bad\nbad\n", "bad\n", "bad\n")
	second := make(chan struct{})
	p.parts[0].before = func(int) { <-second }
	p.parts[1].before = func(int) {}
	p.parts[2].before = func(int) { cancel(); close(second) }
	var out sink
	sum, err := Scan(ctx, logsOf(p), words{"bad"}, feed{}, &out, opts(2))
	if !errors.Is(err, context.Canceled) || len(out.hits) != sum.Hits {
		t.Errorf("%v, %d hits of %d", err, len(out.hits), sum.Hits)
	}
	if diff := cmp.Diff([]Trouble{{"big", interrupted}}, sum.Incomplete); diff != "" {
		t.Error(diff)
	}
	for _, h := range out.hits {
		if at := h.Where.Line; at != 0 && at != h.Where.Offset/4+1 {
			t.Errorf("line %d at offset %d", at, h.Where.Offset)
		}
	}
}

func logsOf(all ...Log) func(func(Log, error) bool) {
	return func(yield func(Log, error) bool) {
		for _, l := range all {
			if !yield(l, nil) {
				return
			}
		}
	}
}

// failingSet meets damage in the second chunk.
type failingSet struct {
	words
	searched *atomic.Int64
	err      error
}

func (f failingSet) Append(dst []match.Match, data []byte) []match.Match {
	if f.searched.Add(1) > 1 {
		return dst
	}
	return f.words.Append(dst, data)
}

func (f failingSet) Err() error {
	if f.searched.Load() > 1 {
		return f.err
	}
	return nil
}

// TestDamageEndsTheRun: what was searched with a damaged set counts for nothing.
func TestDamageEndsTheRun(t *testing.T) {
	boom := errors.New("set file cut short")
	for _, n := range []int{1, 3} {
		set := failingSet{words{"bad"}, new(atomic.Int64), boom}
		var out sink
		sum, err := Scan(t.Context(), logs(text("a", slices.Repeat([]string{"bad\n"}, 9)...)), set, feed{}, &out, opts(n))
		if !errors.Is(err, boom) || sum.Bytes != 4 || sum.Lines != 1 || len(out.hits) != 1 {
			t.Errorf("%v, %+v, %d hits", err, sum, len(out.hits))
		}
	}
}
