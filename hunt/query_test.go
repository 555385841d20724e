package hunt

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// counted is a ledger that counts.
type countedLedger struct {
	MemoryLedger
	reads, writes atomic.Int64
}

func (l *countedLedger) ReadPage(ctx context.Context, kind, name string) ([]byte, string, error) {
	l.reads.Add(1)
	return l.MemoryLedger.ReadPage(ctx, kind, name)
}

func (l *countedLedger) WritePage(ctx context.Context, kind, name string, body []byte, was string) (string, error) {
	l.writes.Add(1)
	return l.MemoryLedger.WritePage(ctx, kind, name, body, was)
}

func ask(t *testing.T, src *shelves, n int, v *vault, l Ledger) QuerySummary {
	t.Helper()
	sum, err := Query(t.Context(), src, arsenal(n), v, QueryOptions{Name: "logs", Ledger: l, Lease: time.Hour, Poll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// TestQueryWatermarks: each pair meets once, over runs, and a run alone writes
// thrice, or not at all.
func TestQueryWatermarks(t *testing.T) {
	l, v := &countedLedger{}, newVault()
	src := &shelves{state: []IndexState{shelf("a", 2, 0), shelf("b", 1)}}
	run := func(armed, hits, writes int) {
		t.Helper()
		l.writes.Store(0)
		l.reads.Store(0)
		sum := ask(t, src, armed, v, l)
		if sum.Hits != hits || len(sum.Incomplete) > 0 || v.again != 0 {
			t.Errorf("%d hits, want %d; %d again, %v", sum.Hits, hits, v.again, sum.Incomplete)
		}
		if l.writes.Load() != int64(writes) || l.reads.Load() > 2 {
			t.Errorf("%d writes, want %d; %d reads", l.writes.Load(), writes, l.reads.Load())
		}
		if err := errors.Join(v.lacks(src.state, armed), v.claimed(sum.Coverage)); err != nil {
			t.Error(err)
		}
	}
	run(2, 6*2, 3)
	run(2, 0, 0)
	src.state = []IndexState{shelf("a", 3, 0), shelf("b", 1)}
	run(2, 2, 3) // one event
	run(4, 7*2, 3)
	src.state = []IndexState{shelf("a", 4, 0), shelf("b", 1), shelf("c", 0)}
	run(5, 7+2*5, 3) // old with new, and new with all
}

// TestQueryAnew: an index that was made anew, or has other fields, is hunted
// from the start, and the summary says why.
func TestQueryAnew(t *testing.T) {
	l, v := &MemoryLedger{}, newVault()
	src := &shelves{state: []IndexState{shelf("a", 2)}}
	ask(t, src, 1, v, l)
	f := func(change func(x *IndexState), why string) {
		t.Helper()
		change(&src.state[0])
		sum := ask(t, src, 1, v, l)
		if sum.Hits != 3 || len(sum.Indices) != 1 || !strings.Contains(sum.Indices[0].Again, why) {
			t.Errorf("%d hits, %+v, want %q", sum.Hits, sum.Indices, why)
		}
		if len(sum.Coverage.Indices) != 1 {
			t.Errorf("%+v", sum.Coverage.Indices)
		}
	}
	f(func(x *IndexState) { x.ID = "other" }, "made anew")
	f(func(x *IndexState) { x.Key = "other" }, "fields")
}

// TestQueryFails: what fails is said, and hunted by the next run from where the
// coverage ends; the rest goes on.
func TestQueryFails(t *testing.T) {
	l, v := &MemoryLedger{}, newVault()
	src := &shelves{state: []IndexState{shelf("a", 2), shelf("b", 2)}, fails: map[string]error{"a": errors.New("403")}}
	sum := ask(t, src, 1, v, l)
	if sum.Failed != 1 || fmt.Sprint(sum.Incomplete) != "[{a 403}]" || sum.Hits != 3 {
		t.Errorf("%+v", sum)
	}
	src.fails, src.partial = nil, map[string][]Trouble{"a": {{"url.full", "a shard failed"}}}
	sum = ask(t, src, 1, v, l)
	if sum.Failed != 1 || fmt.Sprint(sum.Incomplete) != "[{a/url.full a shard failed}]" {
		t.Errorf("%+v", sum)
	}
	src.partial = map[string][]Trouble{"a": {{"a", "its documents cannot be read"}}}
	if sum = ask(t, src, 1, v, l); fmt.Sprint(sum.Incomplete) != "[{a its documents cannot be read}]" {
		t.Errorf("%+v", sum)
	}
	src.partial, src.sweeps = nil, nil
	sum = ask(t, src, 1, v, l)
	if len(sum.Incomplete) > 0 || len(src.sweeps) != 1 || v.lacks(src.state, 1) != nil {
		t.Errorf("%+v, %d sweeps", sum, len(src.sweeps))
	}
}

// TestQueryStale: an index that changes under the run is looked at again; one
// that never stands still is given up and said.
func TestQueryStale(t *testing.T) {
	v := newVault()
	src := &shelves{state: []IndexState{shelf("a", 2)}, fails: map[string]error{"a": ErrStale}}
	src.onLook = func(n int) {
		if n == 2 {
			src.fails = nil
		}
	}
	if sum := ask(t, src, 1, v, &MemoryLedger{}); len(sum.Incomplete) > 0 || v.lacks(src.state, 1) != nil {
		t.Errorf("%+v", sum)
	}
	src = &shelves{state: []IndexState{shelf("a", 2)}, fails: map[string]error{"a": fmt.Errorf("%w: a", ErrStale)}}
	if sum := ask(t, src, 1, v, &MemoryLedger{}); len(sum.Incomplete) != 1 || src.looked != tries {
		t.Errorf("%+v after %d looks", sum, src.looked)
	}
	src = &shelves{state: []IndexState{shelf("a", 2)}, fails: map[string]error{"a": ErrStale}}
	src.onLook = func(n int) { // it is gone
		if n == 2 {
			src.state = nil
		}
	}
	if sum := ask(t, src, 1, v, &MemoryLedger{}); len(sum.Incomplete) > 0 {
		t.Errorf("%+v", sum)
	}
}

// TestQueryEnds: what ends a run leaves its units to the next one at once, and
// nothing covered that the sink has not kept.
func TestQueryEnds(t *testing.T) {
	broken := errors.New("the disk is full")
	f := func(name string, prepare func(src *shelves, v *vault, stop context.CancelFunc), want error) {
		t.Helper()
		l, v := &MemoryLedger{}, newVault()
		src := &shelves{state: []IndexState{shelf("a", 2), shelf("b", 1)}}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		prepare(src, v, stop)
		sum, err := Query(ctx, src, arsenal(1), v, QueryOptions{Name: "logs", Ledger: l, Workers: 1})
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if err := v.claimed(sum.Coverage); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		src.before, v.before, v.err = nil, nil, nil
		ask(t, src, 1, v, l) // it would wait for a lease of an hour
		if err := v.lacks(src.state, 1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	f("a sink that fails", func(_ *shelves, v *vault, _ context.CancelFunc) { v.err = broken }, broken)
	f("a flush that fails", func(_ *shelves, v *vault, _ context.CancelFunc) { v.before = func(string) error { return broken } }, broken)
	f("interrupted", func(src *shelves, _ *vault, stop context.CancelFunc) {
		src.before = func(string) error { stop(); return nil }
	}, context.Canceled)
}

// TestQueryBehind: a hunter with old indicators does not take part in a work for
// newer ones, and says so.
func TestQueryBehind(t *testing.T) {
	l, v := &MemoryLedger{}, newVault()
	src := &shelves{state: []IndexState{shelf("a", 2)}}
	var err error
	src.before = func(string) error {
		src.before = nil
		_, err = Query(t.Context(), &shelves{state: src.state}, arsenal(1), v, QueryOptions{Name: "logs", Ledger: l})
		return nil
	}
	if sum := ask(t, src, 2, v, l); len(sum.Incomplete) > 0 {
		t.Errorf("%+v", sum)
	}
	if !errors.Is(err, ErrBehind) {
		t.Errorf("%v", err)
	}
}

func TestQueryNothingToHunt(t *testing.T) {
	if _, err := Query(t.Context(), &shelves{}, arsenal(0), newVault(), QueryOptions{Name: "logs"}); !errors.Is(err, ErrNoIndicators) {
		t.Error(err)
	}
}

// library is a source of fixed documents.
type library []Document

func (library) Look(context.Context) (Look, error) {
	return Look{Indices: []IndexState{shelf("logs-1", 0)}}, nil
}
func (l library) Sweep(_ context.Context, _ Unit, _ Matcher, found func([]Document) error) (SweepReport, error) {
	return SweepReport{Events: int64(len(l))}, found(l)
}

// TestDocumentHits: what a hit says of its document.
func TestDocumentHits(t *testing.T) {
	at := func(field, value string, start, end int) FieldMatch {
		return FieldMatch{Field: field, Value: value, Start: start, End: end}
	}
	f := func(d Document, said feed, check func(h ioc.Hit, sum QuerySummary) string) {
		t.Helper()
		d.Index, d.ID = "logs-1", "7"
		var out sink
		a := Arsenal{Full: words{"192.0.2.7"}, From: said}
		sum, err := Query(t.Context(), library{d}, a, &out, QueryOptions{Name: "logs", Now: func() time.Time { return noon.AddDate(0, 0, 3) }})
		if err != nil {
			t.Fatal(err)
		}
		var h ioc.Hit
		if len(out.hits) > 0 {
			h = out.hits[0]
		}
		if len(out.hits) > 1 {
			t.Errorf("%d hits in one document", len(out.hits))
		}
		if why := check(h, sum); why != "" {
			t.Errorf("%s: %s\n%+v\n%+v", d.Source, why, h, sum)
		}
	}
	ecs := `{ "@timestamp":"2026-11-20T10:00:00Z","ecs":{"version":"8.17.0"}, "host":{"name":"gate"}, "related":{"ip":["192.0.2.7"]},
		"source":{"ip":"10.0.0.5"}, "destination":{"ip":"192.0.2.7"}, "event":{"type":["denied"]} }`
	when := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	twice := []FieldMatch{at("destination.ip", "192.0.2.7", 0, 9), at("related.ip", "192.0.2.7", 0, 9)}
	f(Document{Source: []byte(ecs), Time: when, Matches: twice}, feed{}, func(h ioc.Hit, sum QuerySummary) string {
		switch {
		case h.Where != (ioc.Where{Host: "gate", Index: "logs-1", DocID: "7", Field: "destination.ip"}):
			return "where"
		case h.Format != "ecs" || strings.Contains(string(h.Record), "\n") || !h.Time.Equal(when) || h.TimeSource != ioc.TimeRecord:
			return "format, record or time"
		case string(h.Record[h.Start:h.End]) != h.Matched || !strings.HasSuffix(string(h.Record[:h.Start]), `"destination":{"ip":"`):
			return "the place"
		case h.Direction != ioc.Outbound || h.Outcome != ioc.Blocked:
			return "direction or outcome"
		case h.ID != ioc.DocHitID("logs", "7", when, h.Observable) || h.Rule != "exact":
			return "id or rule"
		case sum.Hits != 1 || sum.Records != 1 || sum.Timeless != 0:
			return "counts"
		}
		return ""
	})
	one := []FieldMatch{at("m", "x 192.0.2.7 y", 2, 11)}
	f(Document{Source: []byte(`{"event":{"ingested":"2026-11-20T11:00:00Z"},"m":"x 192.0.2.7 y"}`), Matches: one}, feed{}, func(h ioc.Hit, sum QuerySummary) string {
		if h.TimeSource != TimeIngest || h.Time.Hour() != 11 || h.Format != "json" || h.Matched != "192.0.2.7" || sum.Timeless != 1 {
			return "a document without a time of its own"
		}
		return ""
	})
	f(Document{Source: []byte(`{"m":"x"}`), Matches: one}, feed{}, func(h ioc.Hit, _ QuerySummary) string {
		if h.TimeSource != ioc.TimeNow || h.Start != 0 || h.End != 0 || h.ID != ioc.DocHitID("logs", "logs-1/7", time.Time{}, h.Observable) {
			return "a document without any time"
		}
		return ""
	})
	long := `{"a":"` + strings.Repeat("ä ", maxRecord) + `","m":"x 192.0.2.7 y","z":"` + strings.Repeat("z", maxRecord) + `"}`
	f(Document{Source: []byte(long), Time: when, Matches: one}, feed{}, func(h ioc.Hit, _ QuerySummary) string {
		if !h.Clipped || len(h.Record) > 3*around || string(h.Record[h.Start:h.End]) != h.Matched {
			return "a long document"
		}
		return ""
	})
	ended := feed{"192.0.2.7": {{Feed: "f", ValidUntil: when}}}
	f(Document{Source: []byte(ecs), Time: when.Add(-time.Second), Matches: one}, ended, func(h ioc.Hit, _ QuerySummary) string {
		if h.ID == "" {
			return "valid at the time of the event"
		}
		return ""
	})
	f(Document{Source: []byte(ecs), Time: when, Matches: one}, ended, func(h ioc.Hit, sum QuerySummary) string {
		if h.ID != "" || sum.Expired != 1 {
			return "the claim had ended"
		}
		return ""
	})
	off := feed{"192.0.2.7": {{Feed: "f", FirstSeen: noon, Arming: &ioc.Arming{Disarmed: true}}}}
	f(Document{Source: []byte(ecs), Time: when, Matches: one}, off, func(h ioc.Hit, sum QuerySummary) string {
		if h.ID != "" || sum.Disarmed != 1 {
			return "disarmed"
		}
		return ""
	})
	early := feed{"192.0.2.7": {{Feed: "f", FirstSeen: when.Add(time.Hour)}}}
	f(Document{Source: []byte(ecs), Time: when, Matches: one}, early, func(h ioc.Hit, _ QuerySummary) string {
		if !h.BeforeFirstSeen {
			return "before it was seen first"
		}
		return ""
	})
}

// TestQueryWaits: who waits for another hunter goes on soon after that has ended,
// and does not ask all the time.
func TestQueryWaits(t *testing.T) {
	for _, work := range []time.Duration{100 * time.Millisecond, 10 * time.Second, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			l, v, began := &countedLedger{}, newVault(), time.Now()
			src := &shelves{state: []IndexState{shelf("a", 2)}, before: func(string) error {
				time.Sleep(work)
				return nil
			}}
			o := QueryOptions{Name: "logs", Ledger: l, Lease: time.Hour, Poll: time.Minute}
			var all sync.WaitGroup
			for i := range 2 {
				all.Go(func() {
					time.Sleep(time.Duration(i) * time.Millisecond)
					if _, err := Query(t.Context(), src, arsenal(1), v, o); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			late := time.Since(began) - work
			if most := work/2 + firstPoll + time.Millisecond; late > most || late > o.Poll {
				t.Errorf("work of %v: the other ended %v later", work, late)
			}
			if l.reads.Load() > 50 {
				t.Errorf("work of %v: %d reads", work, l.reads.Load())
			}
		})
	}
}
