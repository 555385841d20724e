package emit

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/term"
)

// fill sets every field of v, however deep, to something that is not zero, so
// that a field that the encoder does not know shows.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(strings.Repeat("s", *n%7+1) + " <&> \"q\" \\ é")
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(uint64(*n%200 + 1))
	case reflect.Int:
		v.SetInt(int64(*n%200 + 1))
	case reflect.Int64:
		v.SetInt(int64(*n) * int64(37*time.Hour))
	case reflect.Float64:
		v.SetFloat(float64(*n) / 7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(eventTime.AddDate(0, 0, *n)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	default:
		panic("fill: no value for a " + v.Type().String())
	}
}

func reference(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// TestIndicatorIsThatOfEncodingJSON holds the quick encoder to the slow one,
// which knows all fields by itself.
func TestIndicatorIsThatOfEncodingJSON(t *testing.T) {
	var ind ioc.Indicator
	n := 0
	fill(reflect.ValueOf(&ind).Elem(), &n)
	same(t, string(appendIndicator(nil, &ind)), reference(t, &ind))
	empty := ioc.Indicator{Reports: []ioc.Mention{{}}}
	same(t, string(appendIndicator(nil, &empty)), reference(t, &empty))
	same(t, string(appendIndicator(nil, &ioc.Indicator{})), `{"type":"","value":"","feed":"","reports":[]}`)
}

// hitShape is the contract's order of keys, for encoding/json.
type hitShape struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	ioc.Observable
	Matched    string          `json:"matched"`
	MatchedB64 []byte          `json:"matched_b64,omitempty"`
	Rule       string          `json:"rule"`
	Host       string          `json:"host,omitempty"`
	Index      string          `json:"index,omitempty"`
	DocID      string          `json:"doc_id,omitempty"`
	Path       *string         `json:"path,omitempty"`
	PathB64    []byte          `json:"path_b64,omitempty"`
	Line       int64           `json:"line,omitempty"`
	Offset     *int64          `json:"offset,omitempty"`
	Field      string          `json:"field,omitempty"`
	Time       time.Time       `json:"time,omitzero"`
	TimeSource string          `json:"time_source,omitempty"`
	Before     bool            `json:"before_first_seen"`
	Occurred   time.Time       `json:"occurred,omitzero"`
	Format     string          `json:"format,omitempty"`
	Direction  string          `json:"direction,omitempty"`
	Outcome    string          `json:"outcome,omitempty"`
	Start      int             `json:"start"`
	End        int             `json:"end"`
	Record     *string         `json:"record,omitempty"`
	RecordB64  []byte          `json:"record_b64,omitempty"`
	Clipped    bool            `json:"record_clipped,omitempty"`
	Arming     *ioc.Arming     `json:"arming,omitempty"`
	Score      *scoreShape     `json:"score,omitempty"`
	Mark       *ioc.Mark       `json:"mark,omitempty"`
	Indicators []ioc.Indicator `json:"indicators"`
}

func shapeOf(h *ioc.Hit) hitShape {
	s := hitShape{Kind: "hit", ID: h.ID, Observable: h.Observable, Matched: h.Matched, Rule: h.Rule, Host: h.Where.Host, Index: h.Where.Index, DocID: h.Where.DocID,
		Field: h.Where.Field, Time: h.Time, TimeSource: h.TimeSource, Before: h.BeforeFirstSeen, Occurred: h.Occurred, Format: h.Format, Start: h.Start, End: h.End, Clipped: h.Clipped, Indicators: h.Indicators,
		Direction: h.Direction, Outcome: h.Outcome, Arming: h.Arming, Score: scoreOf(h), Mark: h.Mark}
	if h.Where.Index == "" {
		s.Path, s.Offset, s.Line = &h.Where.Path, &h.Where.Offset, h.Where.Line
		if !utf8.ValidString(h.Where.Path) {
			s.PathB64 = []byte(h.Where.Path)
		}
	}
	if !utf8.ValidString(h.Matched) {
		s.MatchedB64 = []byte(h.Matched)
	}
	if rec := string(h.Record); utf8.ValidString(rec) {
		s.Record = &rec
	} else {
		s.RecordB64 = h.Record
	}
	return s
}

func TestHitIsThatOfEncodingJSON(t *testing.T) {
	f := func(h ioc.Hit) {
		t.Helper()
		same(t, string(AppendHit(nil, &h)), reference(t, shapeOf(&h)))
	}
	for _, h := range sample() {
		f(h)
	}
	h := sample()[1]
	h.Where = ioc.Where{Index: "logs-1", DocID: "abc", Field: "dns.question.name"}
	h.Clipped = true
	f(h)
	h = sample()[1]
	h.Where.Path, h.Matched, h.Record = "/x\xff", "\xfe", []byte("a\xfeb")
	h.Time, h.Where.Line, h.BeforeFirstSeen = time.Time{}, 0, true
	h.Occurred = matchTime.In(time.FixedZone("", 3600))
	got := map[string]any{}
	if err := json.Unmarshal(AppendHit(nil, &h), &got); err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]any{"path": "/x\ufffd", "path_b64": "L3j/", "matched_b64": "/g==", "record_b64": "Yf5i", "occurred": "2026-11-21T02:10:00Z", "before_first_seen": true} {
		if got[k] != want {
			t.Errorf("%s is %v, want %v", k, got[k], want)
		}
	}
	for _, k := range []string{"record", "line", "time"} {
		if _, ok := got[k]; ok {
			t.Errorf("%s is there", k)
		}
	}
}

func TestStrings(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if got := string(appendString(nil, in)); got != `"`+want+`"` {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
		if got := string(appendString(nil, []byte(in))); got != `"`+want+`"` {
			t.Errorf("bytes %q are %s, want %s", in, got, want)
		}
	}
	f("", "")
	f("a<b>&'é日\U0001f600", "a<b>&'é日\U0001f600")
	f("\"\\\b\f\n\r\t", `\"\\\b\f\n\r\t`)
	f("\x00\x1b\x7f", `\u0000\u001b\u007f`)
	f("\u009b\u202e\u200b\ufeff\u2028", `\u009b\u202e\u200b\ufeff\u2028`)
	f("\U000e0041", `\udb40\udc41`)
	f("\xffx\xc3", `\ufffdx\ufffd`)
}

func FuzzStrings(f *testing.F) {
	f.Add("\x1b\u202e\xff\U000e0041\"\\")
	f.Fuzz(func(t *testing.T, s string) {
		out := appendString(nil, s)
		for _, r := range string(out) {
			if term.Hidden(r) {
				t.Fatalf("%q holds %U", out, r)
			}
		}
		var got string
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		var want string
		if err := json.Unmarshal([]byte(reference(t, s)), &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("%q became %q, want %q", s, got, want)
		}
	})
}

func TestWriteLine(t *testing.T) {
	f := func(v any, want string) {
		t.Helper()
		var b bytes.Buffer
		if err := WriteLine(&b, "feed", v); err != nil {
			t.Fatal(err)
		}
		same(t, b.String(), want+"\n")
	}
	f(struct{}{}, `{"kind":"feed"}`)
	f(map[string]any{"a": 1}, `{"kind":"feed","a":1}`)
	f(map[string]any{"a\u202e": "\u009b<x>\U000e0041"}, `{"kind":"feed","a\u202e":"\u009b<x>\udb40\udc41"}`)
	if err := WriteLine(&bytes.Buffer{}, "feed", []int{1}); err == nil {
		t.Error("an array is an object")
	}
	if err := WriteLine(&bytes.Buffer{}, "feed", func() {}); err == nil {
		t.Error("a func is an object")
	}
}

// examples returns the JSON objects of docs/output.md by their kind.
func examples(t *testing.T) map[string]map[string]any {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "output.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := make(map[string]map[string]any)
	for _, part := range strings.Split(string(doc), "```json\n")[1:] {
		text, _, _ := strings.Cut(part, "```")
		var o map[string]any
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatalf("%v in the example %s", err, text)
		}
		if kind := o["kind"].(string); m[kind] == nil { // a hunt's summary stands behind that of a scan
			m[kind] = o
		}
	}
	return m
}

func documented() ioc.Hit {
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	o := ioc.Observable{Type: ioc.Domain, Value: "evil.example"}
	changed := time.Date(2026, 11, 1, 8, 30, 0, 0, time.UTC)
	rec := "2026-11-21T02:04:11.123Z web1 named: got a.evil.example"
	arming := &ioc.Arming{By: ioc.ByPerson, Why: "seen in our own mail", Lists: []ioc.ListMatch{{Feed: "misp", List: "Top 1000 sites", Entry: "evil.example", Match: ioc.MatchExact, Lowers: true}},
		Marks: ioc.Marks{True: 2, False: 1, LastTrue: changed}}
	return ioc.Hit{
		ID: ioc.FileHitID("web1", []byte(rec), 320, o), Observable: o, Matched: "a.evil.example", Rule: "subdomain",
		Where: ioc.Where{Host: "web1", Path: "/var/log/named.log.2.gz", Line: 12, Offset: 361, Field: "message"},
		Time:  eventTime, TimeSource: ioc.TimeRecord, Occurred: matchTime, Format: "syslog", Record: []byte(rec), Start: 41, End: 55,
		Direction: ioc.Outbound, Outcome: ioc.Allowed, Arming: arming, Alert: true,
		Score: ioc.Score{Value: 57, Claimed: 0.61, Seen: 0.76, False: 1, Near: 0.75,
			Claims: []ioc.ClaimScore{{Feed: "otx", Confidence: 0.8, Said: true, Reliability: 0.9, Age: 36 * time.Hour, HalfLife: 60 * 24 * time.Hour, Decay: 0.9828, Publishers: 1, Points: 0.61}}},
		Severity: ioc.Severity{Value: 45, Event: 0.8, Type: 0.9, Repeat: 1.1, Times: 3},
		Mark:     &ioc.Mark{Verdict: ioc.TruePositive, Why: "the machine was infected", By: "ann", At: matchTime.Add(time.Hour)},
		Indicators: []ioc.Indicator{{
			Observable: o, Feed: "otx", Provider: "analyst1", Tags: []string{"botnet"}, TLP: "green", Confidence: 80,
			FirstSeen: day(2026, 3, 1), LastSeen: changed, ModifiedAt: changed, ValidUntil: day(2027, 3, 1), ArmedSeq: 17, Arming: arming,
			Reports: []ioc.Mention{{
				Report: ioc.Report{ID: "65f0c0ffee", Name: "Dropper of the week", Author: "analyst1", Description: "Seen in mail since March.", Adversary: "Bad Bear", TLP: "green",
					URL: "https://otx.example/pulse/65f0c0ffee", Tags: []string{"botnet"}, References: []string{"https://blog.example/1"}, Families: []string{"Dridex"},
					Techniques: []string{"T1071"}, Countries: []string{"Norway"}, Industries: []string{"Energy"}, Created: day(2026, 3, 1), Modified: changed},
				Claim: ioc.Claim{Declared: "hostname", Original: "evil[.]example", Role: "command_and_control", Title: "C2 of the dropper", Created: day(2026, 3, 1), Expires: day(2027, 3, 1)},
			}},
		}},
	}
}

// TestDocumentation holds the examples of the contract against what is written.
func TestDocumentation(t *testing.T) {
	docs := examples(t)
	f := func(kind string, line []byte) {
		t.Helper()
		var got map[string]any
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(docs[kind], got); d != "" {
			t.Errorf("docs/output.md, %s (-documented +written):\n%s", kind, d)
		}
	}
	h := documented()
	if got := string(h.Record[h.Start:h.End]); got != h.Matched {
		t.Fatalf("the example's match is %q", got)
	}
	f("hit", AppendHit(nil, &h))
	var b bytes.Buffer
	err := WriteSummary(&b, hunt.Summary{Files: 12, Bytes: 5976123, Lines: 25621, Hits: 2, Records: 2, Expired: 1, Disarmed: 4, Alerts: 1, Below: 3, Indicators: 550000,
		Incomplete: []hunt.Trouble{{Path: "/var/log/old.gz", Reason: "unexpected end of the compressed data"}},
		Skipped:    []hunt.Trouble{{Path: "/var/log/journal.sock", Reason: "a socket"}},
		Notes:      []hunt.Trouble{{Path: "/var/log/b.log", Reason: "grew while it was read"}}, Took: 1840 * time.Millisecond},
		[]ioc.Refusal{{Type: "domain", Value: "com", Reason: "a public suffix"}})
	if err != nil {
		t.Fatal(err)
	}
	f("summary", b.Bytes())
	b.Reset()
	if err := WriteSummary(&b, hunt.Summary{}, nil); err != nil {
		t.Fatal(err)
	}
	same(t, b.String(), `{"kind":"summary","files":0,"bytes":0,"lines":0,"hits":0,"records":0,"expired":0,"disarmed":0,"alerts":0,"below":0,"indicators":0,"incomplete":[],"refused":[],"skipped":[],"notes":[],"took_ms":0}`+"\n")
	b.Reset()
	if err := WriteLine(&b, "refusal", struct {
		Feed string `json:"feed"`
		ioc.Refusal
	}{"otx", ioc.Refusal{Report: "65f0c0ffee", Type: "domain", Value: "not a name", Reason: "not a domain name"}}); err != nil {
		t.Fatal(err)
	}
	f("refusal", b.Bytes())
	b.Reset()
	if err := WriteLine(&b, "sighting", ioc.Sighting{Observable: ioc.Observable{Type: ioc.IP, Value: "192.0.2.7"}, Count: 41,
		FirstSeen: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), LastSeen: eventTime.Truncate(time.Second), Logs: []string{"/var/log/auth.log"}}); err != nil {
		t.Fatal(err)
	}
	f("sighting", b.Bytes())
}

// TestClaimsFromMemory: a sink that has written the claims of a hit before
// writes the same line as one that has not.
func TestClaimsFromMemory(t *testing.T) {
	var out bytes.Buffer
	sink, err := New("json", Options{Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	var hits []ioc.Hit
	for i := range 3 * rememberedClaims {
		o := ioc.Observable{Type: ioc.Domain, Value: strings.Repeat("x", i%40) + ".example"}
		claims := []ioc.Indicator{{Observable: o, Feed: "a"}, {Observable: o, Feed: strings.Repeat("b", i%7*maxRemembered/4)}}
		h := ioc.Hit{ID: "1", Observable: o, Record: []byte("r"), Indicators: claims}
		fewer := h
		fewer.Indicators = claims[:1]
		none := h
		none.Indicators = nil
		hits = append(hits, h, h, fewer, none, h)
	}
	var want []byte
	for i := range hits {
		want = append(AppendHit(want, &hits[i]), '\n')
	}
	if err := sink.Emit(t.Context(), hits); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Error("claims from memory are not those of the hit")
	}
}

// TestPlain puts each byte at each place of a text.
func TestPlain(t *testing.T) {
	text := []byte("a text without any escapes, of 40 bytes.")
	for at := range text {
		for c := range 256 {
			in := bytes.Clone(text)
			in[at] = byte(c)
			want := at
			if asIs[c] {
				want = len(in)
			}
			for from := range at + 1 {
				if got := plain(in, from); got != want {
					t.Fatalf("plain(%q, %d) = %d, want %d", in, from, got, want)
				}
			}
		}
	}
}
