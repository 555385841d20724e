package enrich

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

// claimOf makes a claim of a domain, whose half-life is 180 days.
func claimOf(feed string, confidence uint8, dates ...time.Time) ioc.Indicator {
	i := ioc.Indicator{Observable: ioc.Observable{Type: ioc.Domain, Value: "evil.example"}, Feed: feed, Confidence: confidence}
	for k, d := range dates {
		*[]*time.Time{&i.FirstSeen, &i.LastSeen, &i.ModifiedAt}[k] = d
	}
	return i
}

func reports(authors ...string) (rs []ioc.Mention) {
	for _, a := range authors {
		rs = append(rs, ioc.Mention{Report: ioc.Report{Author: a}})
	}
	return rs
}

func TestClaimAge(t *testing.T) {
	s := DefaultScoring()
	at := func(days int) time.Time { return jan.Add(time.Duration(days) * day) }
	var none time.Time
	f := func(c ioc.Indicator, lastTrue, when time.Time, days int, decay float64, undated bool) {
		t.Helper()
		got := s.claim(&c, lastTrue, when)
		if got.Age != time.Duration(days)*day || !near(got.Decay, decay) || got.Undated != undated || got.HalfLife != 180*day {
			t.Errorf("age %v, decay %v, undated %v; want %d days, %v, %v", got.Age, got.Decay, got.Undated, days, decay, undated)
		}
	}
	f(claimOf("a", 80, at(0), at(10)), none, at(0), 0, 1, false)
	f(claimOf("a", 80, at(0), at(10)), none, at(10), 0, 1, false)
	f(claimOf("a", 80, at(0), at(10)), none, at(190), 180, 0.7, false)
	f(claimOf("a", 80, at(0), at(5), at(10)), none, at(370), 360, 0.55, false) // the report was changed later
	f(claimOf("a", 80, at(180), at(190)), none, at(0), 180, 0.7, false)        // before it was first seen
	f(claimOf("a", 80, at(0), at(10)), at(190), at(190), 0, 1, false)          // a hit proved right
	f(claimOf("a", 80, at(0), at(10)), at(5), at(190), 180, 0.7, false)
	f(claimOf("a", 80, none, at(10)), none, at(190), 180, 0.7, false)
	f(claimOf("a", 80, none, at(10), at(200)), none, at(50), 0, 1, false)
	f(claimOf("a", 80, none, none, at(10)), none, at(190), 180, 0.7, false)
	f(claimOf("a", 80, at(10), at(0)), none, at(190), 180, 0.7, false) // dates the wrong way round
	pulse := claimOf("a", 80, at(0), at(10), at(300))                  // changed lately, for other indicators' sake
	pulse.Reports = []ioc.Mention{{Report: ioc.Report{Modified: at(300)}, Claim: ioc.Claim{Created: at(10)}}}
	f(pulse, none, at(190), 180, 0.7, false)
	pulse.Reports[0].Claim.Created = time.Time{} // a list: it still has the value
	f(pulse, none, at(300), 0, 1, false)
	f(claimOf("a", 80), none, at(0), 0, 1, true)
	f(claimOf("a", 80), at(100), at(0), 0, 1, true)
	hash := claimOf("a", 80, at(0))
	hash.Type = ioc.SHA256
	if c := s.claim(&hash, none, at(9999)); c.Decay != 1 || c.HalfLife != 0 {
		t.Errorf("a hash does not age: %+v", c)
	}
}

func TestClaimPoints(t *testing.T) {
	s := DefaultScoring()
	s.FeedConfidence = map[string]float64{"b": 50}
	s.FeedReliability = map[string]float64{"b": 0.5, "none": 0}
	f := func(c ioc.Indicator, want ioc.ClaimScore) {
		t.Helper()
		want.Feed, want.Decay, want.HalfLife, want.Undated = c.Feed, 1, 180*day, true
		if d := cmp.Diff(want, s.claim(&c, jan, jan), cmp.Comparer(near)); d != "" {
			t.Errorf("%s (-want +got)\n%s", c.Feed, d)
		}
	}
	f(claimOf("a", 80), ioc.ClaimScore{Confidence: 0.8, Said: true, Reliability: 1, Publishers: 1, Points: 0.8})
	f(claimOf("a", 0), ioc.ClaimScore{Confidence: 0.7, Reliability: 1, Publishers: 1, Points: 0.7})
	f(claimOf("a", 255), ioc.ClaimScore{Confidence: 1, Said: true, Reliability: 1, Publishers: 1, Points: 1})
	f(claimOf("b", 0), ioc.ClaimScore{Confidence: 0.5, Reliability: 0.5, Publishers: 1, Points: 0.25})
	f(claimOf("b", 80), ioc.ClaimScore{Confidence: 0.8, Said: true, Reliability: 0.5, Publishers: 1, Points: 0.4})
	f(claimOf("none", 80), ioc.ClaimScore{Confidence: 0.8, Said: true, Publishers: 1})
	c := claimOf("b", 0)
	c.Reports = reports("x", "y", "", "x", "", "z") // x, y, z, nobody
	f(c, ioc.ClaimScore{Confidence: 0.5, Reliability: 0.5, Publishers: 4, Points: 1 - math.Pow(0.75, 1.5)})
}

func TestPublishers(t *testing.T) {
	f := func(want int, authors ...string) {
		t.Helper()
		if got := publishers(reports(authors...)); got != want {
			t.Errorf("publishers(%d reports) = %d, want %d", len(authors), got, want)
		}
	}
	f(1)
	f(1, "")
	f(1, "", "")
	f(2, "", "a", "a")
	f(3, "a", "b", "c", "b")
	var many []string
	for i := range 5000 {
		many = append(many, fmt.Sprint(i%40))
	}
	f(16, many[:16]...)
	f(17, many[:17]...)
	f(40, many...)
}

func TestScore(t *testing.T) {
	s := DefaultScoring()
	f := func(a *ioc.Arming, want uint8, claims ...ioc.Indicator) {
		t.Helper()
		if got := s.Score(claims, a, jan); got.Value != want {
			t.Errorf("score %d, want %d: %+v", got.Value, want, got)
		}
	}
	marks := func(tp, fp int) *ioc.Arming { return &ioc.Arming{Marks: ioc.Marks{True: tp, False: fp}} }
	by := func(provider string, c ioc.Indicator) ioc.Indicator { c.Provider = provider; return c }
	f(nil, 0)
	f(nil, 80, claimOf("a", 80))
	f(nil, 90, claimOf("a", 80), claimOf("b", 50))
	f(nil, 80, by("x", claimOf("a", 80)), by("x", claimOf("b", 50)))
	f(nil, 80, by("x", claimOf("a", 50)), by("x", claimOf("b", 80)), by("x", claimOf("c", 80)))
	f(nil, 90, by("", claimOf("a", 80)), by("", claimOf("b", 50)))
	f(marks(1, 0), 75, claimOf("a", 50))
	f(marks(5, 0), 98, claimOf("a", 50))
	f(marks(50, 0), 98, claimOf("a", 50)) // 98.4375
	f(marks(0, 1), 40, claimOf("a", 80))
	f(marks(0, 50), 3, claimOf("a", 80)) // 80/32
	f(marks(1, 1), 45, claimOf("a", 80))
	f(&ioc.Arming{Lists: []ioc.ListMatch{lowering, lowering}}, 40, claimOf("a", 80))
	f(&ioc.Arming{Lists: []ioc.ListMatch{disarming}}, 80, claimOf("a", 80))
	f(marks(-1, -1), 80, claimOf("a", 80))
}

func TestSame(t *testing.T) {
	s := DefaultScoring()
	claims := []ioc.Indicator{claimOf("a", 60), claimOf("b", 80), claimOf("c", 80), claimOf("d", 10)}
	for i := range 3 {
		claims[i].Provider = "x"
	}
	for i, c := range s.Score(claims, nil, jan).Claims {
		if c.Same != (i == 0 || i == 2) || c.Feed != claims[i].Feed {
			t.Errorf("claim %d: %+v", i, c)
		}
	}
}

// randomCase makes claims and facts of every shape.
func randomCase(r *rand.Rand) ([]ioc.Indicator, *ioc.Arming, time.Time) {
	var claims []ioc.Indicator
	date := func() time.Time {
		if r.IntN(4) == 0 {
			return time.Time{}
		}
		return jan.Add(time.Duration(r.IntN(1000)) * day)
	}
	typ := []ioc.Type{ioc.Domain, ioc.IP, ioc.SHA256, ioc.CIDR}[r.IntN(4)]
	for i := range r.IntN(5) {
		c := claimOf(fmt.Sprint("f", i), uint8(r.IntN(120)), date(), date(), date())
		c.Type, c.Provider = typ, []string{"", "x", "y"}[r.IntN(3)]
		for range r.IntN(20) {
			c.Reports = append(c.Reports, reports(fmt.Sprint(r.IntN(20)))...)
		}
		claims = append(claims, c)
	}
	a := &ioc.Arming{Marks: ioc.Marks{True: r.IntN(8), False: r.IntN(8), LastTrue: date()}}
	if r.IntN(2) == 0 {
		a.Lists = []ioc.ListMatch{lowering, disarming}
	}
	return claims, a, jan.Add(time.Duration(r.IntN(2000)-500) * day)
}

// TestScoreProperties: what must hold of every score, whatever the claims.
func TestScoreProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := DefaultScoring()
	s.FeedReliability = map[string]float64{"f0": 0.5, "f1": 0.25}
	exact := func(x ioc.Score) float64 { return x.Seen * x.False * x.Near }
	atLeast := func(what string, more, less ioc.Score) {
		t.Helper()
		if exact(more) < exact(less)-1e-12 || more.Value < less.Value && exact(more) < exact(less) {
			t.Fatalf("%s: %+v is less than %+v", what, more, less)
		}
	}
	for range 5000 {
		claims, a, at := randomCase(r)
		base := s.Score(claims, a, at)
		if base.Value > 100 || base.Claimed < 0 || base.Claimed > 1 || base.Seen < base.Claimed-1e-12 || base.Seen > 1 {
			t.Fatalf("out of bounds: %+v", base)
		}
		if d := cmp.Diff(base, s.Score(claims, a, at)); d != "" {
			t.Fatalf("computed twice: %s", d)
		}
		for i := range claims {
			less := append(append([]ioc.Indicator(nil), claims[:i]...), claims[i+1:]...)
			atLeast("an additional claim", base, s.Score(less, a, at))
			older := append([]ioc.Indicator(nil), claims...)
			older[i].Reports = nil
			atLeast("more publishers", base, s.Score(older, a, at))
		}
		more := *a
		more.Marks.True++
		atLeast("a true positive", s.Score(claims, &more, at), base)
		more.Marks.LastTrue = latest(a.Marks.LastTrue, jan.Add(time.Duration(r.IntN(2000))*day))
		atLeast("a newer true positive", s.Score(claims, &more, at), base)
		more = *a
		more.Marks.False++
		atLeast("a false positive", base, s.Score(claims, &more, at))
		end := jan.Add(3000 * day) // after every date
		atLeast("older", s.Score(claims, a, end), s.Score(claims, a, end.Add(time.Duration(r.IntN(3000))*day)))
		begin := jan.Add(-day)
		atLeast("earlier than first seen", s.Score(claims, a, begin), s.Score(claims, a, begin.Add(-time.Duration(r.IntN(3000))*day)))
	}
}

func TestScoreOfExtremeDates(t *testing.T) {
	s := DefaultScoring()
	c := claimOf("a", 100, time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, at := range []time.Time{{}, jan, time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if got := s.Score([]ioc.Indicator{c}, nil, at); got.Value < 40 || got.Value > 100 {
			t.Errorf("at %v: %+v", at, got)
		}
	}
}

func TestScoringCheck(t *testing.T) {
	f := func(change func(s *Scoring), want ...string) {
		t.Helper()
		s := DefaultScoring()
		change(&s)
		err := s.Check()
		if err == nil {
			t.Fatalf("no error, want %q", want)
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q does not say %q", err, w)
			}
		}
	}
	s := DefaultScoring()
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	f(func(s *Scoring) { s.Confidence = 101 }, "scoring.confidence is 101: it must be from 0 to 100")
	f(func(s *Scoring) { s.Floor = math.NaN() }, "floor is NaN")
	f(func(s *Scoring) { s.Corroboration, s.Repeat = -1, 2 }, "corroboration is -1", "repeat is 2")
	f(func(s *Scoring) { s.TruePositive, s.FalsePositive, s.Near = 2, -1, 1.5 }, "true_positive is 2", "false_positive is -1", "near is 1.5")
	f(func(s *Scoring) { s.Marks, s.RepeatMost = 101, 0.9 }, "marks is 101", "repeat_most is 0.9")
	f(func(s *Scoring) { s.HalfLife[ioc.IP] = -time.Hour }, "half_life.ip in hours is -1")
	f(func(s *Scoring) { s.HalfLife["ipx"] = 1 }, "half_life.ipx: there is no such type")
	f(func(s *Scoring) { s.Type[ioc.IP], s.Type["ipx"] = 1.1, 1 }, "type.ip is 1.1", "type.ipx: there is no such type")
	f(func(s *Scoring) { s.Event.InboundBlocked = 3 }, "event.inbound_blocked is 3")
	f(func(s *Scoring) { s.MinScore, s.MinSeverity = 101, "lo" }, "min_score is 101", `min_severity is "lo": it must be one of info, low, medium, high, critical`)
	f(func(s *Scoring) { s.FeedReliability = map[string]float64{"otx": 2} }, "feed otx: reliability is 2")
	f(func(s *Scoring) { s.FeedConfidence = map[string]float64{"otx": -2} }, "feed otx: confidence is -2")
}

func TestParseReliability(t *testing.T) {
	f := func(in string, want float64) {
		t.Helper()
		if got, err := ParseReliability(in); err != nil || !near(got, want) {
			t.Errorf("ParseReliability(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	f("A", 1)
	f(" b ", 0.85)
	f("C", 0.7)
	f("D", 0.5)
	f("E", 0.25)
	f("F", 0.5)
	f("0", 0)
	f("62.5", 0.625)
	f("100", 1)
	for _, in := range []string{"", "G", "AB", "-1", "101", "NaN", "Inf", "80%"} {
		if v, err := ParseReliability(in); err == nil {
			t.Errorf("ParseReliability(%q) = %v, want an error", in, v)
		}
	}
}

// threeClaims are those of a well-known domain: three feeds, ten reports.
func threeClaims() []ioc.Indicator {
	claims := []ioc.Indicator{claimOf("otx", 0, jan, feb, mar), claimOf("misp", 80, jan, feb), claimOf("list", 60)}
	claims[0].Reports = reports("alienvault", "analyst1", "analyst2", "alienvault", "someone", "analyst1")
	claims[1].Reports = reports("cert-a", "cert-b", "")
	claims[2].Reports = reports("")
	return claims
}

func TestScoreAllocatesOnce(t *testing.T) {
	s, claims, a := DefaultScoring(), threeClaims(), &ioc.Arming{Marks: ioc.Marks{True: 2, False: 1}, Lists: []ioc.ListMatch{lowering}}
	if n := testing.AllocsPerRun(100, func() { s.Score(claims, a, mar.Add(99*day)) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkScore(b *testing.B) {
	s, claims, a := DefaultScoring(), threeClaims(), &ioc.Arming{Marks: ioc.Marks{True: 2, False: 1}, Lists: []ioc.ListMatch{lowering}}
	s.FeedReliability = map[string]float64{"otx": 0.85, "misp": 0.7}
	at := mar.Add(99 * day)
	b.ReportAllocs()
	for b.Loop() {
		s.Score(claims, a, at)
	}
}

func BenchmarkSeverity(b *testing.B) {
	s := DefaultScoring()
	h := ioc.Hit{Observable: ioc.Observable{Type: ioc.IP}, Direction: ioc.Inbound, Outcome: ioc.Allowed, Score: ioc.Score{Value: 80}}
	b.ReportAllocs()
	for b.Loop() {
		h.Severity = s.Severity(&h, 17)
		h.Alert = s.Alert(&h)
	}
}
