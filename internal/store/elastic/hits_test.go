package elastic

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// hostile are texts that logs and feeds hold, or may be made to hold.
var hostile = []string{"", "\x00", "\xff\xfe", "a\x1b[31m\u202e", "\ufffd", "\ufeff", `"}],{`, "<script>", "\x00base64:AA==", strings.Repeat("é", 20_000),
	strings.Repeat("\xf0", 40_000), "\u2028\r\n", "*", "ünï"}

// randomHit sets every field of what is stored of a hit to something, often to
// something hostile.
func randomHit(r *rand.Rand, id string) ioc.Hit {
	var h ioc.Hit
	fillRandom(r, reflect.ValueOf(&h).Elem(), true)
	h.ID, h.Arming, h.Mark, h.Alert, h.Score, h.Severity = id, nil, nil, false, ioc.Score{}, ioc.Severity{}
	if r.IntN(3) == 0 {
		h.Where.Index, h.Record = "logs", []byte(`{"source":{"ip":["192.0.2.1","no address"]},"host":"a text","user.name":{"deep":[1]},"destination":{"port":-1.5e300}}`)
	}
	return h
}

// fillRandom fills a value, and all below it; hostile: with texts that may be no text.
func fillRandom(r *rand.Rand, v reflect.Value, bad bool) {
	switch v.Kind() {
	case reflect.String:
		text := hostile[r.IntN(len(hostile))]
		if !bad {
			text = strings.ToValidUTF8(text, "?")
		}
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(r.Int64() >> r.IntN(64))
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(uint64(r.IntN(100)))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+r.IntN(3), 4))
		if b, ok := v.Interface().([]byte); ok {
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			return
		}
		for i := range v.Len() {
			fillRandom(r, v.Index(i), bad)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(r.Int64N(4e9), r.Int64N(1e9)).In(time.FixedZone("x", 3600))))
			return
		}
		for i := range v.NumField() {
			fillRandom(r, v.Field(i), bad && v.Type() != reflect.TypeFor[ioc.Indicator]())
		}
	}
}

// readHits returns the hits that a filter selects.
func readHits(t testing.TB, s *Store, f store.HitFilter) (all []ioc.Hit) {
	t.Helper()
	for h, err := range s.Hits(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
	return all
}

func putHitsOf(t testing.TB, s *Store, want int, hits ...ioc.Hit) {
	t.Helper()
	if n, err := s.PutHits(t.Context(), hits); n != want || err != nil {
		t.Fatalf("%d added, %v, want %d", n, err, want)
	}
}

// TestHitsReadBack: a hit reads back as it was, whatever is in it, and the
// cluster refuses none.
func TestHitsReadBack(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		r := rand.New(rand.NewPCG(1, 2))
		want := map[string]ioc.Hit{}
		var hits []ioc.Hit
		for i := range 300 {
			h := randomHit(r, fmt.Sprint(i))
			hits = append(hits, h)
			want[h.ID] = h
		}
		hits[0].Time, hits[1].Time = time.Time{}, time.Date(12345, 1, 2, 3, 4, 5, 678, time.UTC)
		hits[2].Time, hits[3].ID, hits[4].Indicators = time.Date(-5, 1, 2, 3, 4, 5, 678, time.UTC), "../_doc\xff"+strings.Repeat("x", 600), nil
		delete(want, "3")
		for _, h := range hits[:5] {
			want[h.ID] = h
		}
		putHitsOf(t, s, len(hits), hits...)
		got := map[string]ioc.Hit{}
		var last time.Time
		for i, h := range readHits(t, s, store.HitFilter{}) {
			if got[h.ID] = h; i > 0 && i < len(hits)-1 && h.Time.After(last) {
				t.Errorf("%v comes after %v", h.Time, last)
			}
			last = h.Time
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("(-want +got):\n%s", d[:min(len(d), 5000)])
		}
		if dead, err := s.DeadCount(t.Context()); dead > 0 || err != nil {
			t.Errorf("%d dead letters, %v", dead, err)
		}
		for _, i := range []int{1, 3, 5, 9} {
			h := hits[i]
			for _, f := range []store.HitFilter{{IDs: []string{h.ID}, Value: h.Value, Type: h.Type, Path: h.Where.Path, Feed: h.Indicators[0].Feed},
				{IDs: []string{h.ID}, Value: h.Value, Report: h.Indicators[0].Reports[0].ID}} {
				found := readHits(t, s, f)
				if !slices.ContainsFunc(found, func(f ioc.Hit) bool { return f.ID == h.ID }) {
					t.Errorf("the hit %d is not found by its own %d fields", i, len(found))
				}
			}
		}
	})
}

// plainHit is one of many hits, a second after the one before.
func plainHit(i int) ioc.Hit {
	o := ioc.Observable{Type: ioc.Domain, Value: fmt.Sprintf("host-%d.evil.example", i%100)}
	return ioc.Hit{ID: fmt.Sprintf("%032x", i), Observable: o, Matched: o.Value, Rule: "exact", Time: time.Unix(1.7e9+int64(i), 0).UTC(), TimeSource: ioc.TimeRecord,
		Occurred: time.Unix(1.8e9, 0).UTC(), Where: ioc.Where{Index: "logs", DocID: fmt.Sprint(i), Field: "dns.question.name"},
		Record:     fmt.Appendf(nil, `{"dns":{"question":{"name":%q}},"source":{"ip":"192.0.2.%d"}}`, o.Value, i%256),
		Indicators: []ioc.Indicator{{Observable: o, Feed: "otx", Reports: []ioc.Mention{{Report: ioc.Report{ID: fmt.Sprint("r", i%3), Name: "a report"}}}}}}
}

// TestHitsPaged: more hits than any answer holds come all, each once, in order.
func TestHitsPaged(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		const many = 20_000
		hits := make([]ioc.Hit, many)
		for i := range hits {
			hits[i] = plainHit(i)
			hits[i].Time = time.Unix(1.7e9+int64(i/7), int64(i%7)*1000) // some of one millisecond
		}
		rand.New(rand.NewPCG(3, 4)).Shuffle(many, func(i, k int) { hits[i], hits[k] = hits[k], hits[i] })
		putHitsOf(t, s, many, hits...)
		for i, h := range readHits(t, s, store.HitFilter{}) {
			if want := plainHit(many - 1 - i).ID; h.ID != want {
				t.Fatalf("hit %d is %s, want %s", i, h.ID, want)
			}
		}
		for name, f := range map[string]struct {
			store.HitFilter
			want int
		}{
			"all": {store.HitFilter{}, many}, "limit": {store.HitFilter{Limit: 6000}, 6000}, "value": {store.HitFilter{Value: "host-7.evil.example"}, 200},
			"type and value": {store.HitFilter{Type: ioc.Domain, Value: "host-7.evil.example"}, 200}, "another type": {store.HitFilter{Type: ioc.IP, Value: "host-7.evil.example"}, 0},
			"from": {store.HitFilter{From: time.Unix(1.7e9+1000, 3000)}, many - 7003}, "to": {store.HitFilter{To: time.Unix(1.7e9+1000, 3000)}, 7003},
			"report": {store.HitFilter{Report: "r1"}, 6667}, "feed": {store.HitFilter{Feed: "otx"}, many}, "no feed": {store.HitFilter{Feed: "ot"}, 0},
			"ids": {store.HitFilter{IDs: []string{"000000000000000000000000000000", "zz"}}, 256}, "unmarked": {store.HitFilter{Mark: store.Unmarked}, many},
			"marked": {store.HitFilter{Mark: ioc.TruePositive}, 0},
		} {
			if got := len(readHits(t, s, f.HitFilter)); got != f.want {
				t.Errorf("%s: %d, want %d", name, got, f.want)
			}
		}
		if c, err := s.HitCount(t.Context(), plainHit(7).Observable); c != 200 || err != nil {
			t.Errorf("counted %d, %v", c, err)
		}
		if c, err := s.DeleteHits(t.Context(), time.Unix(1.7e9+1000, 0)); c != 7000 || err != nil {
			t.Errorf("deleted %d, %v", c, err)
		}
		if left := len(readHits(t, s, store.HitFilter{})); left != many-7000 {
			t.Errorf("%d left", left)
		}
	})
}

// TestHitsAgain: a hit that is found again keeps what was said of the event; of
// its claims those of a feed that speaks are replaced.
func TestHitsAgain(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		h := plainHit(1)
		putHitsOf(t, s, 1, h)
		putHitsOf(t, s, 0, h, h)
		again := h
		again.Rule, again.Occurred = "other", h.Occurred.Add(time.Hour)
		again.Indicators = []ioc.Indicator{{Observable: h.Observable, Feed: "b"}}
		putHitsOf(t, s, 0, again)
		third := again
		third.Indicators = []ioc.Indicator{{Observable: h.Observable, Feed: "b", Provider: "now"}}
		putHitsOf(t, s, 1, plainHit(2), third, plainHit(2))
		want := h
		want.Indicators = append(third.Indicators, h.Indicators...)
		if d := cmp.Diff([]ioc.Hit{plainHit(2), want}, readHits(t, s, store.HitFilter{})); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		if found := readHits(t, s, store.HitFilter{Feed: "b"}); len(found) != 1 {
			t.Errorf("%d hits of the second feed", len(found))
		}
	})
}

// TestBigHits: claims beyond the limits of an index, and a record that no answer
// should have to hold, lose no hit.
func TestBigHits(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		many, long, huge := plainHit(1), plainHit(2), plainHit(3)
		for i := range 12_000 {
			many.Indicators = append(many.Indicators, ioc.Indicator{Observable: many.Observable, Feed: fmt.Sprint("feed ", i), Reports: []ioc.Mention{{Report: ioc.Report{ID: fmt.Sprint(i)}}}})
		}
		long.Record = []byte(strings.Repeat("x", 10<<20)) // a small node of 9.4 takes no more: five times that is over a tenth of its memory
		huge.Record = []byte(strings.Repeat("y", maxRecord+1000) + huge.Matched)
		huge.Start, huge.End = maxRecord+1000, len(huge.Record)
		putHitsOf(t, s, 3, many, long, huge)
		got := readHits(t, s, store.HitFilter{})
		if len(got) != 3 {
			t.Fatalf("%d hits", len(got))
		}
		if d := cmp.Diff(many, got[2]); d != "" {
			t.Errorf("12,000 claims (-want +got):\n%s", d[:min(len(d), 2000)])
		}
		if string(got[1].Record) != string(long.Record) {
			t.Errorf("a record of %d bytes has %d", len(long.Record), len(got[1].Record))
		}
		h := got[0]
		if !h.Clipped || string(h.Record[h.Start:h.End]) != huge.Matched {
			t.Errorf("clipped %v, of %d bytes, %d to %d", h.Clipped, len(h.Record), h.Start, h.End)
		}
		if found := readHits(t, s, store.HitFilter{Feed: "feed 11999", Report: "11999"}); len(found) != 1 {
			t.Errorf("%d hits of the last feed", len(found))
		}
	})
}

// TestDead: what the cluster refuses is kept, and can be sent again.
func TestDead(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		bad := es.Outcome{Item: es.Item{Op: es.Create, ID: "x", Body: []byte(`{"event":"no object"}`)}, Status: 400, Type: "mapper_parsing_exception", Reason: "why\xff"}
		good := es.Outcome{Item: es.Item{Op: es.Create, ID: "y", Body: []byte(`{"@timestamp":"2026-01-01T00:00:00Z"}`)}, Status: 400}
		for _, o := range []es.Outcome{bad, bad, good} {
			if err := s.PutDead(t.Context(), deadHit, o); err != nil {
				t.Fatal(err)
			}
		}
		var ids []string
		for d, err := range s.Dead(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if ids = append(ids, d.DocID); d.DocID == "x" && (d.Status != 400 || d.Type != bad.Type || string(d.Body) != string(bad.Body) || d.Index != s.hits() || d.Kind != deadHit) {
				t.Errorf("%+v", d)
			}
		}
		if slices.Sort(ids); !slices.Equal(ids, []string{"x", "y"}) {
			t.Errorf("dead: %v", ids)
		}
		if r, err := s.Retry(t.Context()); r != (Retried{Stored: 1, Dead: 1}) || err != nil {
			t.Errorf("%+v, %v", r, err)
		}
		if left, err := s.DeadCount(t.Context()); left != 1 || err != nil {
			t.Errorf("%d left, %v", left, err)
		}
	})
}

// TestPoorHit: of a hit of which the index refuses what is derived, the hit itself
// is stored.
func TestPoorHit(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		s := newStore(t, n, n.Client(t))
		limit := es.Request{Method: "PUT", Path: "/" + s.hits() + "/_settings", Body: []byte(`{"index.mapping.nested_objects.limit":1}`)}
		if err := s.c.Do(t.Context(), limit, nil); err != nil {
			t.Fatal(err)
		}
		h := plainHit(1)
		h.Indicators = append(h.Indicators, ioc.Indicator{Observable: h.Observable, Feed: "b"})
		putHitsOf(t, s, 1, h)
		if d := cmp.Diff([]ioc.Hit{h}, readHits(t, s, store.HitFilter{Feed: "b", Value: h.Value, Type: h.Type, From: h.Time, IDs: []string{h.ID[:30]}})); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		h.Indicators[1].Provider = "again"
		putHitsOf(t, s, 0, h)
		if d := cmp.Diff([]ioc.Hit{h}, readHits(t, s, store.HitFilter{})); d != "" {
			t.Errorf("merged (-want +got):\n%s", d)
		}
		if dead, err := s.DeadCount(t.Context()); dead > 0 || err != nil {
			t.Errorf("%d dead letters, %v", dead, err)
		}
	})
}

// TestHitDocument holds what others read of a hit.
func TestHitDocument(t *testing.T) {
	s := &Store{now: time.Now}
	h := plainHit(5)
	h.Direction, h.Outcome, h.Indicators[0].Confidence, h.Indicators[0].TLP = ioc.Outbound, ioc.Blocked, 80, "amber"
	h.Score.Value, h.Severity.Value, h.Alert = 70, 85, true
	raw, err := s.hitDocument(&h, "2026-01-01T00:00:00Z", "")
	if err != nil {
		t.Fatal(err)
	}
	var d es.M
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{
		"@timestamp": "2023-11-14T22:13:25.000Z", "event.kind": "alert", "event.action": "ioc-match", "event.outcome": "failure", "event.risk_score": 70.0, "event.severity": 85.0,
		"rule.name": "exact", "matched.field": "dns.question.name", "matched.id": "5", "matched.index": "logs", "ioc.type": "domain", "ioc.level": "critical",
		"ioc.feeds": []any{"otx"}, "ioc.reports": []any{"r2"}, "ioc.report_names": []any{"a report"}, "source.ip": []any{"192.0.2.5"}, "network.direction": "outbound",
	} {
		if d := cmp.Diff(want, lookUp(d, path)); d != "" {
			t.Errorf("%s (-want +got):\n%s", path, d)
		}
	}
	e := lookUp(d, "threat.enrichments").([]any)[0].(es.M)
	for path, want := range map[string]any{
		"indicator.type": "domain-name", "indicator.url.domain": "host-5.evil.example", "indicator.confidence": "High", "indicator.marking.tlp": "AMBER", "feed.name": "otx",
		"matched.atomic": h.Matched, "matched.id": docID("otx", h.Observable), "matched.type": "indicator_match_rule", "matched.index": "ioc_index",
	} {
		if d := cmp.Diff(want, lookUp(e, path)); d != "" {
			t.Errorf("threat.enrichments.%s (-want +got):\n%s", path, d)
		}
	}
}

// TestInstant: years that RFC 3339 does not have come back.
func TestInstant(t *testing.T) {
	for _, want := range []time.Time{{}, time.Unix(1, 2), time.Date(-1, 2, 3, 4, 5, 6, 7, time.UTC), time.Date(1e5, 2, 3, 4, 5, 6, 7, time.UTC)} {
		raw, err := json.Marshal(instant(want))
		if err != nil {
			t.Fatal(err)
		}
		var got instant
		if err := json.Unmarshal(raw, &got); err != nil || !time.Time(got).Equal(want) {
			t.Errorf("%v: %s, %v, %v", want, raw, time.Time(got), err)
		}
	}
}
