package local

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// manyHits makes hits from first on, of a few observables, as a scan has them:
// those of one observable share their indicators.
func manyHits(first, n, observables int) []ioc.Hit {
	claims := make([][]ioc.Indicator, observables)
	hits := make([]ioc.Hit, n)
	for i := range hits {
		k := first + i
		at := k * 7 % observables
		o := ioc.Observable{Type: ioc.Domain, Value: fmt.Sprintf("host-%d.evil.example", at)}
		if claims[at] == nil {
			claims[at] = []ioc.Indicator{{Observable: o, Feed: "otx", Provider: "otx", Reports: []ioc.Mention{{
				Report: ioc.Report{ID: "r", Name: "a report", Modified: time.Unix(1e9, 0)},
			}}}}
		}
		id := sha256.Sum256(fmt.Append(nil, k))
		hits[i] = ioc.Hit{
			ID: hex.EncodeToString(id[:16]), Observable: o, Indicators: claims[at], Matched: o.Value, Rule: "exact",
			Where: ioc.Where{Host: "gate", Path: "/var/log/nginx/access.log", Line: int64(k), Offset: int64(k) * 200, Field: "url.domain"},
			Time:  time.Unix(1.7e9+int64(k)/100, 0).UTC(), TimeSource: ioc.TimeRecord, Occurred: time.Unix(1.8e9, 0).UTC(), Format: "access",
			Record: fmt.Appendf(nil, `192.0.2.%d - - [05/Jan/2026:00:00:00 +0000] "GET /hub/studio/%d.woff2 HTTP/1.1" 200 90484 "https://%s/solid/forge.php" "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"`, k%256, k, o.Value),
			Start:  97, End: 97 + len(o.Value),
		}
	}
	return hits
}

// hitRows returns all that a store has of hits, as text.
func hitRows(t *testing.T, s *Store) (all []string) {
	t.Helper()
	for _, q := range []string{"SELECT rowid, " + hitColumns + ", claims, chk FROM hit ORDER BY rowid", "SELECT * FROM hit_claims ORDER BY id"} {
		rows, err := s.readers.QueryContext(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		names, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		row, dest := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			dest[i] = &row[i]
		}
		for rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%q", row))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestHitsAtOnce: many hits at once make the rows that they make one by one,
// whether they are new, stored already or twice among them.
func TestHitsAtOnce(t *testing.T) {
	hits := manyHits(0, 300, 20)
	again := slices.Clone(hits[:100])
	for i := range again {
		if i%3 == 0 {
			again[i].Indicators = slices.Clone(again[i].Indicators)
			again[i].Indicators[0].Feed = fmt.Sprint("feed", i%2)
		}
	}
	hits = slices.Concat(hits, again, hits[50:70], manyHits(300, 10, 20))
	hits[7].Indicators = nil
	one, many := open(t, t.TempDir()), open(t, t.TempDir())
	added, each := 0, 0
	for i, size := 0, 1; i < len(hits); i, size = i+size, size*2 {
		part := hits[i:min(i+size, len(hits))]
		n, err := many.PutHits(t.Context(), part)
		if err != nil {
			t.Fatal(err)
		}
		added += n
		for k := range part {
			h := part[k]
			h.Indicators = slices.Clone(h.Indicators) // nothing to be known by
			if n, err = one.PutHits(t.Context(), []ioc.Hit{h}); err != nil {
				t.Fatal(err)
			}
			each += n
		}
	}
	if added != 310 || each != added {
		t.Errorf("%d added at once, %d one by one, of 310", added, each)
	}
	stored := func(s *Store) (all []ioc.Hit) {
		for h, err := range s.Hits(t.Context(), store.HitFilter{}) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, h)
		}
		return all
	}
	if d := cmp.Diff(stored(one), stored(many)); d != "" {
		t.Errorf("(-one by one +at once):\n%s", d)
	}
	fresh, sole := open(t, t.TempDir()), open(t, t.TempDir())
	if _, err := fresh.PutHits(t.Context(), hits[:300]); err != nil {
		t.Fatal(err)
	}
	for i := range hits[:300] {
		if _, err := sole.PutHits(t.Context(), hits[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(hitRows(t, sole), hitRows(t, fresh)); d != "" {
		t.Errorf("the rows (-one by one +at once):\n%s", d)
	}
	if err := many.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestClaimsGone: indicators that were stored once may be gone, and their number
// another's, because of another process or of this one.
func TestClaimsGone(t *testing.T) {
	f := func(sameStore bool) {
		t.Helper()
		dir := t.TempDir()
		s := open(t, dir)
		other := s
		if !sameStore {
			other = open(t, dir)
		}
		put := func(s *Store, h ioc.Hit) {
			t.Helper()
			if n, err := s.PutHits(t.Context(), []ioc.Hit{h}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		hits := manyHits(0, 3, 1)
		strange := manyHits(3, 1, 1)[0]
		strange.Indicators[0].Feed = "strange"
		put(s, hits[0])
		put(s, hits[1])
		if n, err := other.DeleteHits(t.Context(), time.Unix(1.9e9, 0)); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		put(other, strange)
		put(s, hits[2])
		for h, err := range s.Hits(t.Context(), store.HitFilter{}) {
			want := "otx"
			if h.ID == strange.ID {
				want = "strange"
			}
			if err != nil || h.Indicators[0].Feed != want {
				t.Errorf("%v, the feed of hit %s is %q, want %q", err, h.ID, h.Indicators[0].Feed, want)
			}
		}
		if err := s.Check(t.Context()); err != nil {
			t.Error(err)
		}
	}
	f(true)
	f(false)
}

// BenchmarkPutHits is what keeping a hit costs: ns/op is of one hit.
func BenchmarkPutHits(b *testing.B) {
	const batch, batches = 1024, 64
	hits := manyHits(0, batch*batches, 1000)
	f := func(name string, again bool) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var s *Store
			at := batches
			for n := 0; n < b.N; n += batch {
				if at == batches {
					at = 0
					if s == nil || !again {
						b.StopTimer()
						if s != nil {
							_ = s.Close()
						}
						var err error
						if s, err = Open(b.TempDir(), Options{}); err != nil {
							b.Fatal(err)
						}
						b.StartTimer()
					}
				}
				if _, err := s.PutHits(b.Context(), hits[at*batch:(at+1)*batch]); err != nil {
					b.Fatal(err)
				}
				at++
			}
			_ = s.Close()
		})
	}
	f("new", false)
	f("again", true)
}
