package hunt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func opts(workers int) ScanOptions {
	return ScanOptions{Workers: workers, Host: "here", Now: func() time.Time { return noon }}
}

func TestHit(t *testing.T) {
	line := "Nov 20 02:04:11 gate sshd[4711]: Failed password for root from bad.example port 4711 ssh2"
	log := text("/var/log/auth.log", "first\n", "second\r\n"+line+"\r\nlast bad")
	log.mtime = noon
	var out sink
	sum, err := Scan(t.Context(), logs(log), words{"bad.example"}, feed{}, &out, opts(1))
	if err != nil {
		t.Fatal(err)
	}
	o := ioc.Observable{Type: ioc.Domain, Value: "bad.example"}
	start := strings.Index(line, "bad")
	want := []ioc.Hit{{
		ID:         ioc.FileHitID("here", []byte(line), 14, o),
		Observable: o, Indicators: []ioc.Indicator{{Observable: o, Feed: "test"}},
		Matched: "bad.example", Rule: match.Exact.String(),
		Where: ioc.Where{Host: "here", Path: "/var/log/auth.log", Line: 3, Offset: int64(14 + start), Field: out.hits[0].Where.Field},
		Time:  time.Date(2026, 11, 20, 2, 4, 11, 0, time.UTC), TimeSource: ioc.TimeRecord, Occurred: noon,
		Format: out.hits[0].Format, Record: []byte(line), Start: start, End: start + len("bad.example"), Direction: ioc.Inbound, Outcome: ioc.Blocked,
	}}
	if diff := cmp.Diff(want, out.hits); diff != "" {
		t.Error(diff)
	}
	if out.hits[0].Format == "" {
		t.Error("format of a syslog line not known")
	}
	wantSum := Summary{Files: 1, Bytes: int64(14 + len(line) + 10), Lines: 4, Hits: 1, Records: 1, Indicators: 1, Took: sum.Took}
	if diff := cmp.Diff(wantSum, sum); diff != "" {
		t.Error(diff)
	}
}

func TestPlaces(t *testing.T) {
	f := func(log *list, want ...string) {
		t.Helper()
		var out sink
		if _, err := Scan(t.Context(), logs(log), words{"aa", "bb"}, feed{}, &out, opts(1)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.places()); diff != "" {
			t.Error(diff)
		}
	}
	f(text("f", ""))
	f(text("f", "nothing\n"))
	f(text("f", "aa"), "f:1:0 aa")
	f(text("f", "aa aa bb aa\naa\n"), "f:1:0 aa", "f:1:6 bb", "f:2:12 aa") // once a record
	f(text("f", "\n\naa\n\n", "\nbb\n"), "f:3:2 aa", "f:6:7 bb")

	// One line in three chunks: offsets as a reader with overlapping chunks has them.
	long := &list{name: "f", chunks: []Chunk{
		{Data: []byte("aa....bb"), Offset: 0, Tail: 2},
		{Data: []byte("..bb..aa"), Offset: 4, Lead: 2, Tail: 2},
		{Data: []byte("..aa\naa\n"), Offset: 8, Lead: 2},
	}}
	f(long, "f:1:0 aa", "f:1:6 bb", "f:2:13 aa")
}

func TestLongRecords(t *testing.T) {
	f := func(before, after int, clipped bool) {
		t.Helper()
		line := strings.Repeat("é", before/2) + "bad" + strings.Repeat("é", after/2)
		var out sink
		if _, err := Scan(t.Context(), logs(text("f", "x\n"+line+"\n")), words{"bad"}, feed{}, &out, opts(1)); err != nil {
			t.Fatal(err)
		}
		h := out.hits[0]
		at := int(h.Where.Offset) - h.Start - 2
		if h.Clipped != clipped || string(h.Record[h.Start:h.End]) != "bad" || line[at:at+len(h.Record)] != string(h.Record) {
			t.Errorf("%d before, %d after: clipped %v, record of %d bytes at %d", before, after, h.Clipped, len(h.Record), at)
		}
		if strings.ToValidUTF8(string(h.Record), "?") != string(h.Record) {
			t.Error("cut within a letter")
		}
		if clipped && len(h.Record) > 2*around+3 {
			t.Errorf("record of %d bytes", len(h.Record))
		}
		if h.ID != ioc.FileHitID("here", h.Record, int64(at+2), h.Observable) {
			t.Error("the id is not that of record and offset")
		}
	}
	f(100, 100, false)
	f(0, maxRecord-4, false)
	f(0, maxRecord, true)
	f(maxRecord, 0, true)
	f(maxRecord, maxRecord, true)
	f(4, maxRecord, true)
	for i := range 4 {
		f(maxRecord+2*i, maxRecord-i, true)
	}
}

// TestTimeOfALongLine: the time stands in the first chunk, the match in the last.
func TestTimeOfALongLine(t *testing.T) {
	head := "2026-11-20T10:00:00Z gate app: "
	l := &list{name: "f", mtime: noon, chunks: []Chunk{
		{Data: []byte("first\n")},
		{Data: []byte(head + strings.Repeat("-", 64)), Offset: 6, Tail: 16},
		{Data: []byte(strings.Repeat("-", 64)), Offset: int64(6 + len(head) + 32), Lead: 16, Tail: 16},
		{Data: []byte(strings.Repeat("-", 32) + "bad\nbad\n"), Offset: int64(6 + len(head) + 64), Lead: 16},
	}}
	var out sink
	if _, err := Scan(t.Context(), logs(l), words{"bad"}, feed{}, &out, opts(1)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range out.hits {
		got = append(got, h.TimeSource+" "+h.Time.Format(time.RFC3339)+" "+fmt.Sprint(h.Clipped, h.Where.Line))
	}
	want := []string{"record 2026-11-20T10:00:00Z true 2", "mtime 2026-11-21T12:00:00Z false 3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestValidity(t *testing.T) {
	day := 24 * time.Hour
	ends := func(d time.Duration) ioc.Indicator { return ioc.Indicator{Feed: "f", ValidUntil: noon.Add(d)} }
	since := func(d time.Duration) ioc.Indicator { return ioc.Indicator{Feed: "f", FirstSeen: noon.Add(d)} }
	f := func(line string, said []ioc.Indicator, claims int, source string, before bool) {
		t.Helper()
		var out sink
		sum, err := Scan(t.Context(), logs(text("f", line+" bad bad\n")), words{"bad"}, feed{"bad": said}, &out, opts(1))
		if err != nil {
			t.Fatal(err)
		}
		if claims == 0 {
			if len(out.hits) != 0 || sum.Hits != 0 || sum.Expired != 1 || sum.Records != 0 {
				t.Errorf("%q: %d hits, %+v", line, len(out.hits), sum)
			}
			return
		}
		h := out.hits[0]
		if len(h.Indicators) != claims || h.TimeSource != source || h.BeforeFirstSeen != before || sum.Expired != 0 {
			t.Errorf("%q: %d claims, %s, %v; want %d, %s, %v", line, len(h.Indicators), h.TimeSource, h.BeforeFirstSeen, claims, source, before)
		}
	}
	two := "2026-11-19T12:00:00Z"
	f(two, []ioc.Indicator{ends(-day)}, 1, ioc.TimeRecord, false) // ended after the event
	f(two, []ioc.Indicator{ends(-3 * day)}, 0, "", false)
	f(two, []ioc.Indicator{ends(-3 * day), ends(-day), ends(day)}, 2, ioc.TimeRecord, false)
	f("no time", []ioc.Indicator{ends(-day)}, 0, "", false)
	f("no time", []ioc.Indicator{ends(day)}, 1, ioc.TimeNow, false)
	f("no time", nil, 0, "", false) // withdrawn
	f("no time", []ioc.Indicator{}, 0, "", false)
	f(two, []ioc.Indicator{since(-day)}, 1, ioc.TimeRecord, true)
	f(two, []ioc.Indicator{since(-day), since(-3 * day)}, 2, ioc.TimeRecord, false)
	f(two, []ioc.Indicator{since(-day), {}}, 2, ioc.TimeRecord, false) // who knows since when
}

// TestOrder: any number of workers says the same, in the same order.
func TestOrder(t *testing.T) {
	many := func() iter.Seq2[Log, error] {
		return func(yield func(Log, error) bool) {
			for i := range 300 {
				var chunks []string
				for range i % 5 {
					chunks = append(chunks, strings.Repeat("x bad\nworse bad\n", i%7), "plain\n")
				}
				l := text(fmt.Sprintf("log%03d", i), chunks...)
				if i%11 == 0 {
					l.err = errors.New("damaged")
				}
				l.before = func(int) { runtime.Gosched() }
				if i%50 == 7 && !yield(nil, &fs.PathError{Op: "open", Path: fmt.Sprint(i), Err: fs.ErrPermission}) {
					return
				}
				if !yield(l, nil) {
					return
				}
			}
		}
	}
	var want sink
	wantSum, err := Scan(t.Context(), many(), words{"bad", "worse"}, feed{}, &want, opts(1))
	if err != nil || wantSum.Hits != len(want.hits) || len(wantSum.Incomplete) != 28+6 {
		t.Fatalf("%v, %+v", err, wantSum)
	}
	for _, n := range []int{2, 7, 64} {
		var out sink
		sum, err := Scan(t.Context(), many(), words{"bad", "worse"}, feed{}, &out, opts(n))
		if err != nil {
			t.Fatal(err)
		}
		sum.Took = wantSum.Took
		if diff := cmp.Diff(wantSum, sum); diff != "" {
			t.Errorf("%d workers: %s", n, diff)
		}
		if diff := cmp.Diff(want.hits, out.hits); diff != "" {
			t.Errorf("%d workers: %s", n, diff)
		}
	}
}

// TestHeldHitsAreBounded: while the first log waits, the others may run ahead
// only so far.
func TestHeldHitsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		first := text("first", "bad\n")
		first.before = func(int) { <-gate }
		line := "bad" + strings.Repeat("-", maxRecord-4) + "\n"
		const chunks = 2 * maxHeld / maxRecord
		var read atomic.Int64
		second := text("second", slices.Repeat([]string{line}, chunks)...)
		second.before = func(int) { read.Add(1) }
		var (
			out  sink
			wg   sync.WaitGroup
			sum  Summary
			err  error
			done bool
		)
		wg.Go(func() {
			sum, err = Scan(t.Context(), logs(first, second), words{"bad"}, feed{}, &out, opts(2))
			done = true
		})
		synctest.Wait()
		if n := read.Load(); done || n < chunks/3 || n > chunks*2/3 {
			t.Errorf("read %d of %d chunks while the first log waits", n, chunks)
		}
		close(gate)
		wg.Wait()
		if err != nil || sum.Hits != chunks+1 || len(out.hits) != chunks+1 || out.hits[0].Where.Path != "first" {
			t.Errorf("%v, %d hits of %d", err, len(out.hits), chunks+1)
		}
		for _, h := range out.hits[1:] {
			if string(h.Record)+"\n" != line {
				t.Fatal("a kept record has changed")
			}
		}
	})
}

func TestFaultsOfTheRun(t *testing.T) {
	boom := errors.New("boom")
	lines := slices.Repeat([]string{"bad\n"}, 50)
	for _, n := range []int{1, 4} {
		sum, err := Scan(t.Context(), logs(text("a", lines...), text("b", lines...)), words{}, feed{}, &sink{}, opts(n))
		if !errors.Is(err, ErrNoIndicators) || sum.Files != 0 {
			t.Errorf("no indicators: %v", err)
		}
		_, err = Scan(t.Context(), logs(text("a", lines...), text("b", lines...)), words{"bad"}, feed{}, &sink{err: boom}, opts(n))
		if !errors.Is(err, boom) {
			t.Errorf("sink: %v", err)
		}
		_, err = Scan(t.Context(), logs(text("a", lines...), text("b", lines...)), words{"bad"}, failing{err: boom}, &sink{}, opts(n))
		if !errors.Is(err, boom) || !strings.Contains(err.Error(), "bad") {
			t.Errorf("lookup: %v", err)
		}
	}
}

type failing struct {
	feed
	err error
}

func (f failing) Lookup(context.Context, ioc.Observable) ([]ioc.Indicator, error) { return nil, f.err }

// TestCancel: what was found by then is handed over, and the rest named.
func TestCancel(t *testing.T) {
	for _, n := range []int{1, 3} {
		ctx, cancel := context.WithCancel(t.Context())
		lines := slices.Repeat([]string{"bad\n"}, 100)
		a, b := text("a", lines...), text("b", lines...)
		a.before = func(i int) {
			if i == 50 {
				cancel()
			}
		}
		var out sink
		sum, err := Scan(ctx, logs(a, b), words{"bad"}, feed{}, &out, opts(n))
		if !errors.Is(err, context.Canceled) || sum.Hits != len(out.hits) || len(out.hits) < 50 {
			t.Errorf("%d workers: %v, %d hits, %d handed over", n, err, sum.Hits, len(out.hits))
		}
		if len(sum.Incomplete) == 0 || sum.Incomplete[0].Path != "a" || sum.Lines > int64(len(out.hits)) || sum.Lines < int64(len(out.hits)-n) {
			t.Errorf("%d workers: %+v", n, sum)
		}
	}
}

// picky is a sink that does nothing once ctx is over.
type picky struct{ sink }

func (p *picky) Emit(ctx context.Context, hits []ioc.Hit) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.sink.Emit(ctx, hits)
}

func TestCancelWithinEmit(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := text("a", "bad 1\n", "bad 2\n", "bad 3\n")
	a.before = func(i int) {
		if i == 1 {
			cancel()
		}
	}
	var out picky
	set := cancelling{words{"bad"}, cancel}
	sum, err := Scan(ctx, logs(a), set, feed{}, &out, opts(1))
	if !errors.Is(err, context.Canceled) || sum.Hits != 1 || len(out.hits) != 1 || string(out.hits[0].Record) != "bad 1" {
		t.Errorf("%v, %d hits, %+v", err, sum.Hits, out.places())
	}
}

// cancelling ends the run while a chunk is searched.
type cancelling struct {
	words
	cancel func()
}

func (c cancelling) Append(dst []match.Match, data []byte) []match.Match {
	c.cancel()
	return c.words.Append(dst, data)
}

func TestTroubles(t *testing.T) {
	damaged := text("damaged", "bad\n")
	damaged.err = &fs.PathError{Op: "read", Path: "damaged", Err: errors.New("input/output error")}
	odd := text("odd", "fine\n")
	odd.notes = []string{"odd"}
	all := func(yield func(Log, error) bool) {
		_ = yield(damaged, nil) &&
			yield(nil, &fs.PathError{Op: "open", Path: "secret", Err: fs.ErrPermission}) &&
			yield(nil, errors.New("bad glob")) &&
			yield(odd, nil)
	}
	var out sink
	sum, err := Scan(t.Context(), all, words{"bad"}, feed{}, &out, opts(2))
	want := Summary{
		Files: 2, Bytes: 9, Lines: 2, Hits: 1, Records: 1, Indicators: 1, Took: sum.Took,
		Incomplete: []Trouble{{"damaged", "read: input/output error"}, {"secret", "open: permission denied"}, {"", "bad glob"}},
		Notes:      []Trouble{{"odd", "odd"}},
	}
	if diff := cmp.Diff(want, sum); diff != "" || err != nil || len(out.hits) != 1 {
		t.Error(err, diff)
	}
}

func TestMaxRecords(t *testing.T) {
	o := opts(2)
	o.MaxRecords = 2
	var searched atomic.Int64
	o.OnProgress = func(n int) { searched.Add(int64(n)) }
	var out sink
	sum, err := Scan(t.Context(), logs(text("a", "bad\nbad\nbad\n", "bad\n"), text("b", "bad\n")), words{"bad"}, feed{}, &out, o)
	if diff := cmp.Diff([]string{"a:1:0 bad", "a:2:4 bad", "b:1:0 bad"}, out.places()); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if len(sum.Skipped) != 1 || sum.Skipped[0].Path != "a" || sum.Bytes != searched.Load() {
		t.Errorf("%+v, %d bytes of progress", sum, searched.Load())
	}
}

// TestMaxRecordsTakesRecordsWhole: as in grep, it is lines that count, and the
// last one is shown with all its hits.
func TestMaxRecordsTakesRecordsWhole(t *testing.T) {
	o := opts(1)
	o.MaxRecords = 1
	var out sink
	sum, err := Scan(t.Context(), logs(text("a", "bad ill\nbad\n")), words{"bad", "ill"}, feed{}, &out, o)
	if diff := cmp.Diff([]string{"a:1:0 bad", "a:1:4 ill"}, out.places()); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if sum.Hits != 2 || sum.Records != 1 {
		t.Errorf("%+v", sum)
	}
}

func TestClaimsAreRemembered(t *testing.T) {
	var set words
	for i := range 2*remembered + 10 {
		set = append(set, fmt.Sprintf("w%d", i))
	}
	asked := &counting{}
	c := &claims{set: sound{set}, from: asked}
	for i := range uint32(len(set)) {
		for _, id := range []uint32{0, i} { // 0 is met all the time
			f, err := c.of(t.Context(), id)
			if err != nil || f.Value != set[id] {
				t.Fatal(f, err)
			}
		}
	}
	if asked.n != len(set) {
		t.Errorf("%d lookups for %d observables", asked.n, len(set))
	}
	if len(c.young)+len(c.old) > 2*remembered {
		t.Errorf("%d remembered", len(c.young)+len(c.old))
	}
}

type counting struct {
	feed
	n int
}

func (c *counting) Lookup(ctx context.Context, o ioc.Observable) ([]ioc.Indicator, error) {
	c.n++
	return c.feed.Lookup(ctx, o)
}
