package taxii2

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
)

func TestStamp(t *testing.T) {
	f := func(in, text, before string) {
		t.Helper()
		s, ok := parseStamp(in)
		if ok != (text != "") || ok && (s.String() != text || s.before().String() != before) {
			t.Errorf("%q: %s, before it %s, %v", in, s, s.before(), ok)
		}
	}
	f("2024-05-01T15:05:00.000005Z", "2024-05-01T15:05:00.000005Z", "2024-05-01T15:05:00.000004Z")
	f("2024-05-01T15:05:00.000000Z", "2024-05-01T15:05:00.000000Z", "2024-05-01T15:04:59.999999Z")
	f("2024-05-01T15:05:00.120Z", "2024-05-01T15:05:00.120Z", "2024-05-01T15:05:00.119Z")
	f("2024-05-01T15:05:00Z", "2024-05-01T15:05:00Z", "2024-05-01T15:04:59Z")
	f(" 2024-05-01T17:05:00+02:00 ", "2024-05-01T15:05:00Z", "2024-05-01T15:04:59Z")
	f("2024-05-01 15:05:00.5Z", "2024-05-01T15:05:00.5Z", "2024-05-01T15:05:00.4Z")
	f("2024-05-01T15:05:00", "2024-05-01T15:05:00Z", "2024-05-01T15:04:59Z")
	f("2024-05-01T15:05:00.1234567891234Z", "2024-05-01T15:05:00.123456789Z", "2024-05-01T15:05:00.123456788Z")
	f("", "", "")
	f("yesterday", "", "")
}

// TestMark is when the dates of pages are believed.
func TestMark(t *testing.T) {
	f := func(want string, dates ...string) {
		t.Helper()
		var m mark
		for _, d := range dates {
			first, last, _ := strings.Cut(d, "-")
			if d == "restart" {
				m.restart()
				continue
			}
			day := func(s string) string {
				if s == "" {
					return ""
				}
				return "2024-05-01T00:00:" + s + "Z"
			}
			m.page(day(first), day(last))
		}
		if got := m.resume(); strings.TrimPrefix(strings.TrimSuffix(got, "Z"), "2024-05-01T00:00:") != want {
			t.Errorf("%q: %s, want %s", dates, got, want)
		}
	}
	f("", "10-20")                   // one page proves nothing
	f("29", "10-20", "20-30")        // two that follow upon each other do
	f("29", "10-20", "21-30")        //
	f("", "10-50", "10-50")          // the dates of the whole collection
	f("", "20-10", "30-20")          // the wrong way round
	f("", "30-40", "10-20", "40-50") // newest first, once is enough
	f("29", "10-20", "-", "25-30")   // missing once
	f("29", "10-20", "-30")          // First is missing
	f("29", "10-20", "20-30", "-")   //
	f("39", "10-20", "20-30", "restart", "29-40")
	f("29", "10-20", "20-30", "restart", "29-29")
	f("", "10-20", "restart", "10-20") // the same page again
	f("29.4", "10.5-20.5", "20.45-29.5")
}

// TestRange reads TAXII 2.0's Content-Range.
func TestRange(t *testing.T) {
	f := func(header string, n, next int, more bool) {
		t.Helper()
		s := spanOf(&http.Response{Header: http.Header{"Content-Range": {header}}})
		if got := s.next(n); s.said && got != next || s.more(next) != more || s.said != (next >= 0) {
			t.Errorf("%q: %+v, next %d, more %v", header, s, got, s.more(next))
		}
	}
	f("items 0-9/50", 10, 10, true)
	f("items 40-49/50", 10, 50, false)
	f("items 0-9/*", 10, 10, true)
	f("items 0-9/50", 4, 4, true)   // fewer came than it says
	f("items 0-9/50", 20, 10, true) // more did
	f("items 0-9/50", 0, 10, true)
	f("items 0-0/0", 0, 1, false)
	f("items */50", 0, -1, false)
	f("bytes 0-9/50", 10, -1, false)
	f("items 99999999999999999999-9/1", 10, -1, false)
	f("", 10, -1, false)
}

// TestSplitter compares with encoding/json, at every size of the reads.
func TestSplitter(t *testing.T) {
	texts := []string{`{}`, `[]`, `{"a": "}", "b": "\"", "c": "\\", "d": [1, {"e": null}]}`, `"\u0022"`, `-1.5e3`, `true`, `null`, ` { } `}
	for _, text := range texts {
		for _, r := range []io.Reader{strings.NewReader("[" + text + "]"), iotest.OneByteReader(strings.NewReader("[" + text + "]"))} {
			s := newSplitter(r)
			if err := s.list('[', ']', func() error { return s.value(1000) }); err != nil || string(s.raw) != strings.TrimSpace(text) {
				t.Errorf("%s: %q, %v", text, s.raw, err)
			}
		}
	}
	s := newSplitter(strings.NewReader(`["` + strings.Repeat("x", 200_000) + `", 2]`))
	n := 0
	err := s.list('[', ']', func() error {
		n++
		err := s.value(10)
		if n == 1 && (len(s.raw) != 10 || !s.cut) {
			t.Errorf("%d bytes are kept", len(s.raw))
		}
		return err
	})
	if err != nil || n != 2 {
		t.Error(n, err)
	}
}

// TestSeen forgets the oldest only, and holds no more than two generations.
func TestSeen(t *testing.T) {
	const most = 100
	s := seen{most: most}
	for i := range 3*most + 10 {
		if !s.add(digest{uint64(i), 1}) {
			t.Fatal(i)
		}
	}
	if len(s.young)+len(s.old) > 2*most {
		t.Error(len(s.young), len(s.old))
	}
	if s.add(digest{3 * most, 1}) || s.add(digest{2*most + 10, 1}) || !s.add(digest{0, 1}) {
		t.Error("the wrong ones are forgotten")
	}
}

// readAll reads an answer as deliver does.
func readAll(r io.Reader) (e envelope, objects [][]byte, bad int, err error) {
	e, err = readEnvelope(r, func(s *splitter) error {
		raw, b, err := s.object()
		if b != nil {
			bad++
		} else if err == nil {
			objects = append(objects, bytes.Clone(raw))
		}
		return err
	})
	return e, objects, bad, err
}

// FuzzEnvelope holds the reader of pages to encoding/json: what that takes for
// an envelope is one with the same objects.
func FuzzEnvelope(f *testing.F) {
	for _, s := range []string{`{}`, `{"more": true, "next": "x", "objects": [{"id": "a--1"}, 7, "x", null]}`,
		`{"type": "bundle", "id": "bundle--1", "spec_version": "2.0", "objects": [{"x": "\"}]"}]}`, `{"objects": null}`, "\xef\xbb\xbf{}", `{"more": 1, "objects": [[[[]]]]}`,
		`{"objects": [{"a": 1, "a": 2}, {"n": 1e99999}, {"x": "` + "\x00" + `"}]}`, `{"objects": []} x`, `{"objects": [` + strings.Repeat("[", 100), `{"a":{"objects":[{}]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, objects, bad, err := readAll(bytes.NewReader(b))
		_, slow, slowBad, slowErr := readAll(iotest.HalfReader(bytes.NewReader(b)))
		if (err == nil) != (slowErr == nil) || len(slow) != len(objects) || slowBad != bad {
			t.Fatalf("by the size of the reads: %v, %v", err, slowErr)
		}
		if err == nil && e.objects != len(objects)+bad {
			t.Fatalf("%d objects, %d and %d bad", e.objects, len(objects), bad)
		}
		for _, o := range objects {
			if !json.Valid(o) || o[0] != '{' {
				t.Fatalf("handed out: %q", o)
			}
		}
		compare(t, bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), objects, bad, err)
	})
}

// compare looks at the same text with encoding/json.
func compare(t *testing.T, b []byte, objects [][]byte, bad int, err error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') || !json.Valid(b) {
		return
	}
	var all []json.RawMessage
	known := false
	for dec.More() {
		key, _ := dec.Token()
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return
		}
		known = known || key == "objects" || key == "more" || key == "next" || key == "spec_version"
		if key == "objects" {
			var list []json.RawMessage
			if json.Unmarshal(raw, &list) != nil {
				return
			}
			all = append(all, list...)
		}
	}
	if !known && len(b) > 0 {
		return
	}
	if err == nil && len(all) != len(objects)+bad {
		t.Fatalf("%d objects and %d bad, encoding/json finds %d", len(objects), bad, len(all))
	}
	if err != nil && !strings.Contains(err.Error(), "next") {
		t.Fatalf("encoding/json reads it: %v", err)
	}
}

// FuzzResource reads the small answers: no panic, and no empty ids.
func FuzzResource(f *testing.F) {
	for _, s := range []string{`{}`, `{"title": "x", "default": "/root/", "api_roots": ["/root/", 7]}`, `{"api_roots": "one"}`, `{"collections": [{"id": "x", "can_read": 1}]}`,
		`{"id": 1, "status": "pending", "total_count": "7", "failures": [{"id": "x"}, "y"]}`, `{"versions": null, "max_content_length": 1e9}`, `[]`, `nul`} {
		f.Add([]byte(s))
	}
	c := New(nil, "2.1")
	u := &url.URL{Scheme: "https", Host: "taxii.example", Path: "/"}
	f.Fuzz(func(t *testing.T, b []byte) {
		var root wireRoot
		if _, err := decodeObject(b, &root); err == nil && root.root().MaxContent < 0 {
			t.Fatal("a negative limit")
		}
		var w struct {
			Collections []json.RawMessage `json:"collections"`
		}
		if _, err := decodeObject(b, &w); err == nil {
			if list, err := readCollections(w.Collections); err == nil {
				for _, col := range list {
					if _, err := below(u, "collections", col.ID, "objects"); err != nil && strings.Trim(col.ID, ".") != "" {
						t.Fatalf("%q: %v", col.ID, err)
					}
				}
			}
		}
		var st wireStatus
		if readStatus(&http.Response{Body: io.NopCloser(bytes.NewReader(b))}, &st) == nil {
			var p push
			p.take(st)
			if p.sum.Failure < 0 {
				t.Fatal(p.sum)
			}
		}
		var d wireDiscovery
		if _, err := decodeObject(b, &d); err == nil && len(d.Roots) == 0 && d.Default == "" {
			_ = c.discovery(u, d)
		}
	})
}

func FuzzStamp(f *testing.F) {
	for _, s := range []string{"2024-05-01T15:05:00.000005Z", "2024-05-01T15:05:00+02:00", "0001-01-01T00:00:00Z", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, ok := parseStamp(s)
		if !ok {
			return
		}
		again, ok := parseStamp(at.String())
		if year := at.time.Year(); year > 0 && year < 9999 && (!ok || again.String() != at.String() || !at.before().time.Before(at.time)) {
			t.Fatalf("%q: %s, %s", s, at, again)
		}
	})
}

func BenchmarkEnvelope(b *testing.B) {
	var page bytes.Buffer
	page.WriteString(`{"more": false, "objects": [`)
	for i := range 5000 {
		if i > 0 {
			page.WriteByte(',')
		}
		fmt.Fprintf(&page, `{"type": "indicator", "spec_version": "2.1", "id": "indicator--%08d-0000-4000-8000-000000000000", "created": "2024-05-01T10:20:30.123Z", "modified": "2024-05-01T10:20:30.123Z", "pattern": "[domain-name:value = 'host%d.example']", "pattern_type": "stix", "valid_from": "2024-05-01T10:20:30.123Z"}`, i, i)
	}
	page.WriteString("]}")
	b.SetBytes(int64(page.Len()))
	b.ReportAllocs()
	for b.Loop() {
		var s seen
		e, err := readEnvelope(bytes.NewReader(page.Bytes()), func(sp *splitter) error { return sp.value(0) }) // as it comes
		if err != nil || e.objects != 5000 {
			b.Fatal(e, err)
		}
		if _, err := readEnvelope(bytes.NewReader(page.Bytes()), func(sp *splitter) error { // as it is handed out
			raw, _, err := sp.object()
			s.add(digestOf(raw))
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}
