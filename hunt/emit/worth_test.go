package emit

import (
	"encoding/csv"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// scoreShape is the contract's form of a score, for encoding/json.
type scoreShape struct {
	Value    uint8        `json:"value"`
	Severity uint8        `json:"severity"`
	Level    string       `json:"level"`
	Alert    bool         `json:"alert"`
	Claims   []claimShape `json:"claims"`
	Claimed  float64      `json:"claimed"`
	Seen     float64      `json:"seen"`
	False    float64      `json:"false"`
	Near     float64      `json:"near"`
	Event    float64      `json:"event"`
	Type     float64      `json:"type"`
	Repeat   float64      `json:"repeat"`
	Times    int          `json:"times"`
}

type claimShape struct {
	Feed        string   `json:"feed"`
	Confidence  float64  `json:"confidence"`
	Said        bool     `json:"confidence_said,omitempty"`
	Reliability float64  `json:"reliability"`
	Undated     bool     `json:"undated,omitempty"`
	Age         *float64 `json:"age_days,omitempty"`
	HalfLife    float64  `json:"half_life_days,omitempty"`
	Decay       float64  `json:"decay"`
	Publishers  int      `json:"publishers"`
	Points      float64  `json:"points"`
	Same        bool     `json:"same_provider,omitempty"`
}

func round4(v float64) float64 { return math.Round(v*1e4) / 1e4 }

func scoreOf(h *ioc.Hit) *scoreShape {
	if h.Score.Claims == nil {
		return nil
	}
	s, v := h.Score, h.Severity
	out := scoreShape{s.Value, v.Value, v.Level(), h.Alert, []claimShape{}, round4(s.Claimed), round4(s.Seen), round4(s.False), round4(s.Near), round4(v.Event), round4(v.Type), round4(v.Repeat), v.Times}
	for _, c := range s.Claims {
		age := round4(float64(c.Age) / float64(24*time.Hour))
		shape := claimShape{c.Feed, round4(c.Confidence), c.Said, round4(c.Reliability), c.Undated, &age, round4(float64(c.HalfLife) / float64(24*time.Hour)), round4(c.Decay), c.Publishers, round4(c.Points), c.Same}
		if c.Undated {
			shape.Age = nil
		}
		out.Claims = append(out.Claims, shape)
	}
	return &out
}

// TestWorthIsThatOfEncodingJSON holds what is written of a hit's worth to an
// encoding that knows all fields by itself.
func TestWorthIsThatOfEncodingJSON(t *testing.T) {
	f := func(change func(*ioc.Hit)) {
		t.Helper()
		h := sample()[1]
		change(&h)
		same(t, string(AppendHit(nil, &h)), reference(t, shapeOf(&h)))
	}
	f(func(h *ioc.Hit) { // every field of each
		n := 0
		for _, v := range []any{&h.Arming, &h.Score, &h.Severity, &h.Mark, &h.Direction, &h.Outcome, &h.Alert} {
			fill(reflect.ValueOf(v).Elem(), &n)
		}
	})
	f(func(h *ioc.Hit) { h.Score.Claims = []ioc.ClaimScore{} })
	f(func(h *ioc.Hit) { h.Score.Claims = []ioc.ClaimScore{{}, {Undated: true, Age: time.Hour}} })
	f(func(h *ioc.Hit) { h.Score.Value, h.Severity.Value, h.Alert = 50, 50, true }) // not scored: no key
	f(func(h *ioc.Hit) { h.Direction = ioc.Internal })
	f(func(h *ioc.Hit) { h.Arming = &ioc.Arming{Marks: ioc.Marks{False: 1}} })
	f(func(h *ioc.Hit) { h.Arming = &ioc.Arming{Disarmed: true, Lists: []ioc.ListMatch{{}}} })
	f(func(h *ioc.Hit) { h.Mark = &ioc.Mark{Verdict: ioc.FalsePositive, At: eventTime} })
	h := sample()[1]
	h.Arming = &ioc.Arming{}
	same(t, string(AppendHit(nil, &h)), reference(t, shapeOf(&sample()[1])))
}

func TestPart(t *testing.T) {
	f := func(v float64, want string) {
		t.Helper()
		o := object{[]byte("{")}
		o.part("k", v)
		same(t, string(o.b), `{"k":`+want)
	}
	f(0, "0")
	f(1, "1")
	f(0.1+0.2, "0.3")
	f(0.05, "0.05")
	f(0.0001, "0.0001")
	f(0.00004, "0")
	f(0.99995, "1")
	f(-0.5, "-0.5")
	f(1234.5678, "1234.5678")
	f(math.NaN(), "0")
	f(math.Inf(1), "0")
}

// disarm makes a hit one of an observable that no claim arms.
func disarm(h *ioc.Hit, a ioc.Arming) {
	a.Disarmed = true
	h.Arming = &a
	for i := range h.Indicators {
		h.Indicators[i].Arming = &a
	}
}

func TestCSVWorth(t *testing.T) {
	hits := sample()
	disarm(&hits[0], ioc.Arming{By: ioc.ByList, Why: "DNS resolvers: 192.0.2.7"})
	hits[0].Direction, hits[0].Outcome = ioc.Inbound, ioc.Blocked
	hits[1].Score, hits[1].Severity, hits[1].Alert = ioc.Score{Value: 57, Claims: []ioc.ClaimScore{{}}}, ioc.Severity{Value: 45}, true
	hits[1].Mark = &ioc.Mark{Verdict: ioc.FalsePositive, Why: "=our own test"}
	hits[2].Score.Claims, hits[2].Mark = []ioc.ClaimScore{}, &ioc.Mark{Verdict: ioc.TruePositive}
	disarm(&hits[2], ioc.Arming{By: ioc.ByBreadth})
	rows, err := csv.NewReader(strings.NewReader(run(t, "csv", Options{}, hits))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	from := slices.Index(rows[0], "score")
	f := func(row int, want ...string) {
		t.Helper()
		if got := rows[row][from:]; !slices.Equal(got, want) {
			t.Errorf("row %d: %q, want %q", row, got, want)
		}
	}
	f(0, "score", "severity", "level", "alert", "direction", "outcome", "state", "mark")
	f(1, "", "", "", "", "inbound", "blocked", "not armed: DNS resolvers: 192.0.2.7", "")
	f(2, "57", "45", "medium", "yes", "", "", "armed", "FP: =our own test")
	f(3, "0", "0", "info", "no", "", "", "not armed: too broad", "TP")
}

func TestExplainWorth(t *testing.T) {
	h := sample()[0]
	rec := string(h.Record)
	h.Direction, h.Outcome = ioc.Outbound, ioc.Allowed
	lines := func(*ioc.Hit) []string { return []string{"claimed 0.61", "\x1b[31mhostile\nline"} }
	head := "    ip 192.0.2.7 · the value itself · in message · 2026-11-21T02:04:11Z"
	f := func(o Options, want string) {
		t.Helper()
		same(t, run(t, "text", o, []ioc.Hit{h}), rec+"\n"+want)
	}
	f(Options{ExplainHit: lines}, "")
	f(Options{Explain: true}, head+" · outbound allowed\n      scanners\n")
	h.Score, h.Severity, h.Alert = ioc.Score{Value: 57, Claims: []ioc.ClaimScore{{}}}, ioc.Severity{Value: 45}, true
	f(Options{ExplainHit: lines}, "")
	f(Options{Explain: true}, head+" · score 57 · medium · outbound allowed\n      scanners\n")
	f(Options{Explain: true, ExplainHit: lines}, head+" · score 57 · medium · outbound allowed\n      scanners\n      claimed 0.61\n      \\x1b[31mhostile\\nline\n")
	f(Options{Terminal: true, ExplainHit: lines}, head+" · score 57 · medium · outbound allowed\n      scanners\n")
	h.Direction, h.Outcome = "", ioc.Blocked
	disarm(&h, ioc.Arming{Why: "DNS\x1b resolvers"})
	f(Options{Explain: true}, head+" · score 57 · medium · blocked · NOT ARMED: DNS\\x1b resolvers\n      scanners\n")
	h.Indicators[0].Arming = nil // named for this scan
	h.Mark = &ioc.Mark{Verdict: ioc.FalsePositive, By: "ann", Why: "a\x1b drill"}
	f(Options{Explain: true}, head+" · score 57 · medium · blocked · marked FP by ann: a\\x1b drill\n      scanners\n")
}

// TestBelowIsFaint: only on a terminal, and not its record.
func TestBelowIsFaint(t *testing.T) {
	h := sample()[0]
	h.Record, h.Start, h.End = []byte("a 192.0.2.7"), 2, 11
	record := "a \x1b[1;31m192.0.2.7\x1b[0m\n"
	why := " · the value itself · in message · 2026-11-21T02:04:11Z"
	bold := record + "    \x1b[1mip 192.0.2.7\x1b[0m" + why
	f := func(o Options, want string) {
		t.Helper()
		o.Colour = true
		same(t, run(t, "text", o, []ioc.Hit{h}), want)
	}
	f(Options{Terminal: true}, bold+"\n      scanners\n")
	h.Score.Claims = []ioc.ClaimScore{{}}
	f(Options{Explain: true}, bold+" · score 0 · info\n      scanners\n")
	f(Options{Terminal: true}, record+"    \x1b[2mip 192.0.2.7\x1b[0m\x1b[2m"+why+" · score 0 · info\x1b[0m\n      \x1b[2mscanners\x1b[0m\n")
	h.Alert = true
	f(Options{Terminal: true}, bold+" · score 0 · info\n      scanners\n")
}

func BenchmarkScored(b *testing.B) {
	h := documented()
	for name, change := range map[string]func(){"scored": func() {}, "not scored": func() { h.Score.Claims, h.Arming, h.Mark = nil, nil, nil }} {
		b.Run(name, func(b *testing.B) {
			change()
			buf := AppendHit(nil, &h)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				buf = AppendHit(buf[:0], &h)
			}
		})
	}
}
