package emit

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/iochunt/iochunt/internal/ioc"
)

var (
	eventTime = time.Date(2026, 11, 21, 2, 4, 11, 123000000, time.UTC)
	matchTime = time.Date(2026, 11, 21, 2, 10, 0, 0, time.UTC)
)

// sample returns two hits in one line of a file and one in the next line.
func sample() []ioc.Hit {
	const line1 = "Nov 21 02:04:11 web1 named[812]: client 192.0.2.7#53: query: a.evil.example IN A"
	const line2 = "Nov 21 02:04:12 web1 sshd[1]: Invalid user x from 192.0.2.7"
	pulse := ioc.Mention{
		Report: ioc.Report{ID: "65f0", Name: "Dropper of the week", Author: "analyst1", Adversary: "Bad Bear", TLP: "green", URL: "https://feed.example/pulse/65f0",
			Families: []string{"Dridex", "Emotet"}, Tags: []string{"botnet"}, References: []string{"https://blog.example/1"}},
		Claim: ioc.Claim{Role: "command_and_control", Title: "C2 of the dropper"},
	}
	older := ioc.Mention{Report: ioc.Report{ID: "65e0", Name: "Older report", Author: "analyst2"}}
	domain := ioc.Observable{Type: ioc.Domain, Value: "evil.example"}
	addr := ioc.Observable{Type: ioc.IP, Value: "192.0.2.7"}
	hit := func(o ioc.Observable, rule, line, matched string, n, offset int64) ioc.Hit {
		start := strings.Index(line, matched)
		return ioc.Hit{
			ID: ioc.FileHitID("web1", []byte(line), offset, o), Observable: o, Matched: matched, Rule: rule,
			Where: ioc.Where{Path: "/var/log/x.log", Line: n, Offset: offset + int64(start), Host: "web1", Field: "message"},
			Time:  eventTime, TimeSource: ioc.TimeRecord, Occurred: matchTime, Format: "syslog",
			Record: []byte(line), Start: start, End: start + len(matched),
		}
	}
	hits := []ioc.Hit{
		hit(addr, "exact", line1, "192.0.2.7", 12, 300),
		hit(domain, "subdomain", line1, "a.evil.example", 12, 300),
		hit(addr, "exact", line2, "192.0.2.7", 13, 300+int64(len(line1))+1),
	}
	claims := []ioc.Indicator{{Observable: addr, Feed: "scanners", Reports: []ioc.Mention{}}}
	hits[0].Indicators, hits[2].Indicators = claims, claims
	hits[1].Indicators = []ioc.Indicator{{Observable: domain, Feed: "otx", Provider: "analyst1", Reports: []ioc.Mention{pulse, older},
		Tags: []string{"botnet"}, TLP: "green", FirstSeen: eventTime.AddDate(-1, 0, 0), ValidUntil: eventTime.AddDate(1, 0, 0)}}
	return hits
}

// run sends hits through a sink, one call of Emit a batch, and returns what it
// wrote.
func run(t testing.TB, name string, o Options, batches ...[]ioc.Hit) string {
	t.Helper()
	var out bytes.Buffer
	o.Out = &out
	s, err := New(name, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := s.Emit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func same(t *testing.T, got, want string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestNames(t *testing.T) {
	if want := []string{"count", "csv", "files", "files-without", "json", "text"}; !slices.Equal(Names(), want) {
		t.Errorf("sinks %v, want %v", Names(), want)
	}
	_, err := New("xml", Options{Out: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "count, csv, files, files-without, json, text") {
		t.Errorf("error %v does not say what there is", err)
	}
	unknown := errors.New("unknown key")
	for _, k := range Kinds() {
		if _, err := k.New(Options{Out: io.Discard, Decode: func(any) error { return unknown }}); !errors.Is(err, unknown) {
			t.Errorf("%s takes settings that it does not have: %v", k.Name, err)
		}
		if _, err := k.New(Options{}); err == nil {
			t.Errorf("%s writes to nothing", k.Name)
		}
	}
}

func TestPiped(t *testing.T) {
	hits := sample()
	l1, l2 := string(hits[0].Record), string(hits[2].Record)
	f := func(o Options, want string) {
		t.Helper()
		same(t, run(t, "text", o, hits), want)
		same(t, run(t, "text", o, hits[:1], hits[1:]), want) // a record may come in two calls
	}
	f(Options{}, l1+"\n"+l2+"\n")
	f(Options{WithName: true, LineNumber: true}, "/var/log/x.log:12:"+l1+"\n/var/log/x.log:13:"+l2+"\n")
	f(Options{LineNumber: true, ByteOffset: true}, "12:300:"+l1+"\n13:381:"+l2+"\n")
	f(Options{WithName: true, Null: true}, "/var/log/x.log\x00"+l1+"\n/var/log/x.log\x00"+l2+"\n")
	f(Options{OnlyMatching: true, LineNumber: true}, "12:192.0.2.7\n12:a.evil.example\n13:192.0.2.7\n")
	f(Options{OnlyMatching: true, ByteOffset: true}, "340:192.0.2.7\n361:a.evil.example\n431:192.0.2.7\n")
}

func TestPipedIsByteExact(t *testing.T) {
	rec := "\x1b[31m\xff\u202e\tx\r"
	hits := []ioc.Hit{{Record: []byte(rec), Matched: "x", Start: 10, End: 11, Where: ioc.Where{Path: "a\x1b", Offset: 10, Line: 1}}}
	same(t, run(t, "text", Options{WithName: true}, hits), "a\x1b:"+rec+"\n")
	same(t, run(t, "text", Options{WithName: true, Safe: true}, hits), `a\x1b:\x1b[31m\xff\u202e x\r`+"\n")
}

func TestTerminal(t *testing.T) {
	got := run(t, "text", Options{Terminal: true, WithName: true, LineNumber: true}, sample())
	same(t, got, `/var/log/x.log:12:Nov 21 02:04:11 web1 named[812]: client 192.0.2.7#53: query: a.evil.example IN A
    ip 192.0.2.7 · the value itself · in message · 2026-11-21T02:04:11Z
      scanners
    domain evil.example · found as "a.evil.example" · a name below it · in message · 2026-11-21T02:04:11Z
      otx · "Dropper of the week" · by analyst1 · adversary Bad Bear · family Dridex, Emotet · role command_and_control · TLP:GREEN · valid until 2027-11-21 · https://feed.example/pulse/65f0
      +1 more report in otx
/var/log/x.log:13:Nov 21 02:04:12 web1 sshd[1]: Invalid user x from 192.0.2.7
    ip 192.0.2.7 · the value itself · in message · 2026-11-21T02:04:11Z
      scanners
`)
}

func TestExplain(t *testing.T) {
	hits := sample()[1:2]
	hits[0].TimeSource, hits[0].BeforeFirstSeen, hits[0].Rule = ioc.TimeMTime, true, "subdomain+refanged+new"
	got := run(t, "text", Options{Explain: true}, hits)
	same(t, got, string(hits[0].Record)+`
    domain evil.example · found as "a.evil.example" · a name below it, written defanged, new · in message · 2026-11-21T02:04:11Z (the file's, the record has none) · before it was first seen
      otx · "Dropper of the week" · by analyst1 · adversary Bad Bear · family Dridex, Emotet · role command_and_control · TLP:GREEN · valid until 2027-11-21 · https://feed.example/pulse/65f0
          title: C2 of the dropper
          tags: botnet
          references: https://blog.example/1
      otx · "Older report" · by analyst2 · TLP:GREEN · valid until 2027-11-21
`)
}

func TestColour(t *testing.T) {
	hits := sample()[:2]
	hits[0].Record = []byte("a 192.0.2.7 b")
	hits[0].Start, hits[0].End = 2, 11
	same(t, run(t, "text", Options{Colour: true, WithName: true}, hits[:1]),
		"\x1b[35m/var/log/x.log\x1b[0m\x1b[36m:\x1b[0ma \x1b[1;31m192.0.2.7\x1b[0m b\n")
}

func TestClip(t *testing.T) {
	long := strings.Repeat("é", 5000) + "HIT1" + strings.Repeat("x", 60) + "HIT2" + strings.Repeat("€", 5000)
	at := strings.Index(long, "HIT1")
	at2 := strings.Index(long, "HIT2")
	hits := []ioc.Hit{
		{Record: []byte(long), Matched: "HIT1", Start: at, End: at + 4, Where: ioc.Where{Offset: int64(at)}},
		{Record: []byte(long), Matched: "HIT2", Start: at2, End: at2 + 4, Where: ioc.Where{Offset: int64(at2)}},
	}
	got, _, _ := strings.Cut(run(t, "text", Options{Terminal: true}, hits), "\n")
	want := "…[9840 bytes]…" + strings.Repeat("é", 80) + "HIT1" + strings.Repeat("x", 60) + "HIT2" + strings.Repeat("€", 54) + "…[14838 bytes]…"
	same(t, got, want)
	piped := run(t, "text", Options{}, hits)
	same(t, piped, long+"\n")
}

// TestLongLine is about a line that is too long for a hit to carry: each hit
// has its own part of it.
func TestLongLine(t *testing.T) {
	part := func(text string, offset int64, start int) ioc.Hit {
		return ioc.Hit{Clipped: true, Record: []byte(text), Matched: "HIT", Start: start, End: start + 3, Where: ioc.Where{Path: "a", Line: 1, Offset: offset + int64(start)}}
	}
	hits := []ioc.Hit{part("one HIT", 1000, 4), part("one HIT", 1000, 4), part("one HIT two HIT", 1000, 12), part("HIT three", 5000, 0)}
	same(t, run(t, "text", Options{}, hits), "…one HIT…\n…one HIT two HIT…\n…HIT three…\n")
	same(t, run(t, "count", Options{}, hits), "1\n")
}

func TestMarksOutsideTheRecord(t *testing.T) {
	for _, m := range []span{{-5, 2}, {3, 99}, {99, 100}, {4, 2}} {
		hits := []ioc.Hit{{Record: []byte("abcdef"), Start: m.start, End: m.end}}
		same(t, run(t, "text", Options{}, hits), "abcdef\n")
	}
}

func TestCount(t *testing.T) {
	var out bytes.Buffer
	s, err := New("count", Options{Out: &out, WithName: true})
	if err != nil {
		t.Fatal(err)
	}
	hits := sample()
	for _, b := range [][]ioc.Hit{hits[:1], hits[1:]} {
		if err := s.Emit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	v := s.(Visitor)
	v.Visit("/var/log/x.log")
	v.Visit("/var/log/clean.log")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, out.String(), "/var/log/x.log:2\n/var/log/clean.log:0\n")
	same(t, run(t, "count", Options{}, hits), "2\n")
}

func TestFilesWithout(t *testing.T) {
	var out bytes.Buffer
	s, err := New("files-without", Options{Out: &out, Terminal: true})
	if err != nil {
		t.Fatal(err)
	}
	v := s.(Visitor)
	v.Visit("/var/log/x.log")
	if err := s.Emit(t.Context(), sample()); err != nil {
		t.Fatal(err)
	}
	for _, log := range []string{"/var/log/x.log", "b\x1b.log", "a.log"} {
		v.Visit(log)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	same(t, out.String(), "b\\x1b.log\na.log\n")
}

func TestFiles(t *testing.T) {
	hits := sample()
	other := sample()[:1]
	other[0].Where.Path = "b\x1b.log"
	same(t, run(t, "files", Options{}, hits, other, hits), "/var/log/x.log\nb\x1b.log\n")
	same(t, run(t, "files", Options{Terminal: true}, other), "b\\x1b.log\n")
	same(t, run(t, "files", Options{Null: true}, hits), "/var/log/x.log\x00")
}

func TestCSV(t *testing.T) {
	hits := sample()
	hits[2].Record = []byte(`=cmd|' /C calc'!A0, "quoted"`)
	hits[2].Indicators = []ioc.Indicator{{Feed: "＝full width", Reports: []ioc.Mention{{Report: ioc.Report{Name: "@SUM(1)", Author: "-2"}}, {Report: ioc.Report{Name: "@SUM(1)", Author: "b"}}}}}
	read := func(o Options) [][]string {
		t.Helper()
		rows, err := csv.NewReader(strings.NewReader(run(t, "csv", o, hits))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	col := func(row []string, name string) string { return row[slices.Index(csvHeader, name)] }
	rows := read(Options{})
	if len(rows) != 4 || !slices.Equal(rows[0], csvHeader) {
		t.Fatalf("rows %q", rows)
	}
	f := func(row []string, name, want string) {
		t.Helper()
		if got := col(row, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	f(rows[2], "time", "2026-11-21T02:04:11.123Z")
	f(rows[2], "value", "evil.example")
	f(rows[2], "reports", "Dropper of the week; Older report")
	f(rows[2], "malware_families", "Dridex; Emotet")
	f(rows[2], "line", "12")
	f(rows[3], "record", `'=cmd|' /C calc'!A0, "quoted"`)
	f(rows[3], "feeds", "'＝full width")
	f(rows[3], "reports", "'@SUM(1)")
	f(rows[3], "authors", "'-2; b")
	raw := read(Options{Raw: true})
	f(raw[3], "record", `=cmd|' /C calc'!A0, "quoted"`)
	for _, start := range []string{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"} {
		if s := (&table{}); s.cell(start+"1") != "'"+start+"1" {
			t.Errorf("a cell that starts with %q is a formula", start)
		}
	}
	same(t, run(t, "csv", Options{}), strings.Join(csvHeader, ",")+"\n")
}

// TestGone is about output that cannot be written.
func TestGone(t *testing.T) {
	for _, name := range Names() {
		s, err := New(name, Options{Out: broken{syscall.EPIPE}})
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := s.(Visitor); ok {
			v.Visit("a.log")
		}
		if err = s.Emit(t.Context(), sample()); err == nil {
			err = s.Close()
		}
		if !IsBrokenPipe(err) {
			t.Errorf("%s: %v is not known for a broken pipe", name, err)
		}
		if err := s.Close(); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("%s: the error is forgotten: %v", name, err)
		}
	}
	s, err := New("json", Options{Out: broken{syscall.ENOSPC}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Emit(t.Context(), sample()); IsBrokenPipe(err) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk is %v", err)
	}
}

type broken struct{ err error }

func (b broken) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "out", Err: b.err}
}

func TestDocument(t *testing.T) {
	h := sample()[0]
	h.Where = ioc.Where{Index: "logs-1", DocID: "abc", Field: "source.ip"}
	h.Start, h.End = 0, 0
	same(t, run(t, "text", Options{WithName: true, LineNumber: true, ByteOffset: true}, []ioc.Hit{h}), "logs-1/abc:"+string(h.Record)+"\n")
	same(t, run(t, "files", Options{}, []ioc.Hit{h}), "logs-1\n")
}

// FuzzTerminal puts hostile bytes wherever a hit can hold them: nothing that a
// terminal obeys may come out, but for our own colours.
func FuzzTerminal(f *testing.F) {
	f.Add([]byte("\x1b]8;;http://evil\x1b\\x\u202e\x9b31m\r\xff"), 3, 9)
	f.Add([]byte("\u009b\x00\n"), 0, 2)
	f.Fuzz(func(t *testing.T, b []byte, start, end int) {
		s := string(b)
		m := ioc.Mention{Report: ioc.Report{ID: s, Name: s, Author: s, Description: s, Adversary: s, TLP: s, URL: s, Tags: []string{s}, References: []string{s}, Families: []string{s},
			Techniques: []string{s}, Countries: []string{s}, Industries: []string{s}}, Claim: ioc.Claim{Role: s, Title: s, Description: s}}
		h := ioc.Hit{ID: s, Observable: ioc.Observable{Type: ioc.Type(s), Value: s}, Matched: s, Rule: s, Where: ioc.Where{Host: s, Path: s, Field: s, Line: 1},
			Format: s, TimeSource: s, Record: b, Start: start, End: end, Indicators: []ioc.Indicator{{Feed: s, Provider: s, TLP: s, Tags: []string{s}, Reports: []ioc.Mention{m, m}}}}
		doc := h
		doc.Where.Index, doc.Where.DocID = s, s
		for _, name := range Names() {
			for _, o := range []Options{{Terminal: true}, {Terminal: true, Explain: true, OnlyMatching: true}, {Safe: true}} {
				o.WithName, o.LineNumber = true, true
				checkSafe(t, name, run(t, name, o, []ioc.Hit{h, doc}))
				o.Colour = true
				out := run(t, name, o, []ioc.Hit{h, doc})
				for _, sgr := range []string{"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[35m", "\x1b[32m", "\x1b[36m"} {
					out = strings.ReplaceAll(out, sgr, "")
				}
				checkSafe(t, name, out)
			}
		}
	})
}

func checkSafe(t *testing.T, name, out string) {
	t.Helper()
	for _, r := range strings.ReplaceAll(out, "\n", "") {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r <= 0x9f || r >= 0x202a && r <= 0x202e {
			t.Fatalf("%s writes %U: %q", name, r, out)
		}
	}
}

func BenchmarkEmit(b *testing.B) {
	hits := sample()
	for _, name := range []string{"text", "json", "csv"} {
		b.Run(name, func(b *testing.B) {
			s, err := New(name, Options{Out: io.Discard, WithName: true})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(fmt.Sprint(run(b, name, Options{WithName: true}, hits)))))
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Emit(b.Context(), hits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
