package taxii1

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/httpx"
	"github.com/iochunt/iochunt/internal/xmltok"
)

// TestCharsets: the answer is text in the charset that its mark or its
// declaration names.
func TestCharsets(t *testing.T) {
	wide := func(big bool) func([]byte) []byte {
		return func(b []byte) []byte {
			out := []byte{}
			for _, u := range utf16.Encode([]rune("\ufeff" + string(b))) {
				if big {
					out = append(out, byte(u>>8), byte(u))
				} else {
					out = append(out, byte(u), byte(u>>8))
				}
			}
			return out
		}
	}
	latin := func(b []byte) []byte {
		out := []byte("<?xml version='1.0' encoding='ISO-8859-1'?>")
		for _, r := range string(b) {
			out = append(out, byte(r))
		}
		return out
	}
	f := func(name string, rewrite func([]byte) []byte) {
		t.Helper()
		s := feed("<a>ü &#x20ac;</a>", "<b>\r\n</b>", "<c><d></c>", "<e/>")
		s.Collections[0].Blocks[0].Form = "escaped"
		s.Faults.Rewrite = rewrite
		blocks, res, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
		if err != nil || len(blocks) != 4 || blocks[0].Content != "<a>ü &#x20ac;</a>" || blocks[1].Content != "<b>\r\n</b>" || blocks[3].Content != "<e/>" || res.Bad != 1 {
			t.Errorf("%s: %+v, %v", name, blocks, err)
		}
	}
	f("UTF-8", nil)
	f("UTF-8 with a mark", func(b []byte) []byte { return append([]byte("\ufeff"), b...) })
	f("UTF-16LE", wide(false))
	f("UTF-16BE", wide(true))
	f("ISO-8859-1", latin)

	s := feed("<a/>")
	s.Faults.Prolog = "<?xml version='1.0' encoding='EBCDIC-CP-BE'?>"
	_, _, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
	wantErr(t, err, nil, "EBCDIC-CP-BE")
}

// TestCharsetOfHTTP: the header's charset counts where the text itself does not
// tell, and before what it declares.
func TestCharsetOfHTTP(t *testing.T) {
	latin := func(prolog string) func([]byte) []byte {
		return func(b []byte) []byte {
			out := []byte(prolog)
			for _, r := range string(b) {
				out = append(out, byte(r))
			}
			return out
		}
	}
	wide := func(b []byte) []byte { // without a mark
		out := []byte{}
		for _, u := range utf16.Encode([]rune(string(b))) {
			out = append(out, byte(u), byte(u>>8))
		}
		return out
	}
	declare := func(charset string) func([]byte) []byte {
		return func(b []byte) []byte { return append([]byte("<?xml version='1.0' encoding='"+charset+"'?>"), b...) }
	}
	f := func(header string, rewrite func([]byte) []byte, want string) {
		t.Helper()
		s := feed("<a>ü</a>")
		s.Faults.ContentType, s.Faults.Rewrite = header, rewrite
		blocks, _, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
		if err != nil || len(blocks) != 1 || blocks[0].Content != want {
			t.Errorf("%s: %+v, %v", header, blocks, err)
		}
	}
	const good = "<a>ü</a>"
	f(`application/xml; charset=iso-8859-1`, latin(""), good)
	f(`application/xml; charset="ISO-8859-1"`, latin("<?xml version='1.0' encoding='UTF-8'?>"), good)
	f(`text/xml; charset=windows-1252`, latin(""), good)
	f(`application/xml; charset=utf-8`, latin("<?xml version='1.0' encoding='ISO-8859-1'?>"), good)
	f(`application/xml; charset=utf-8`, nil, good)
	f(`application/xml; charset=utf-16`, wide, good)
	f(`application/xml; charset=utf-8`, wide, good)
	f(`application/xml; charset=utf-16`, nil, good)
	f(`application/xml; charset=`, nil, good)
	f(`application/xml; charset=iso-8859-1`, func(b []byte) []byte { return append([]byte("\ufeff"), b...) }, good)
	f(`application/xml; charset=x-mine`, declare("utf-8"), good)

	s := feed("<a/>")
	s.Faults.ContentType = "application/xml; charset=x-mine"
	_, _, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
	wantErr(t, err, xmltok.ErrCharset, "x-mine")
}

func TestCompressed(t *testing.T) {
	s := feed("<a/>", "<b/>")
	s.Faults.Gzip = true
	blocks, _, err := polled(t, dial(t, s, "1.1", taxii.Login{}), Query{})
	if err != nil || len(blocks) != 2 {
		t.Errorf("%d blocks, %v", len(blocks), err)
	}
	// A bomb: what is bounded is the text, not what comes over the wire.
	s.Change(func(s *taxiitest.TAXII1) {
		s.Faults.Rewrite = func(b []byte) []byte { return append(b, strings.Repeat(" ", 8<<20)...) }
	})
	_, _, err = polled(t, dial(t, s, "1.1", taxii.Login{}), Query{MaxBytes: 1 << 20})
	wantErr(t, err, httpx.ErrTooBig)
}

// endless is an answer that never ends: a head, and then the same for ever. It
// says how much of it was taken.
type endless struct {
	head, unit string
	taken      int
}

func (e *endless) RoundTrip(r *http.Request) (*http.Response, error) {
	h := http.Header{}
	h.Set("X-Taxii-Content-Type", "urn:taxii.mitre.org:message:xml:1.1")
	h.Set("Content-Type", "application/xml")
	return &http.Response{StatusCode: 200, Header: h, Request: r, Body: io.NopCloser(io.MultiReader(strings.NewReader(e.head), e))}, nil
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.unit[(e.taken+n)%len(e.unit):])
	}
	e.taken += n
	return n, nil
}

// TestEndless: whatever a server sends without end, it costs a bounded amount
// of memory and of disk, and of time.
func TestEndless(t *testing.T) {
	const root = `<t:Poll_Response xmlns:t="` + space11 + `" more="false">`
	const block = `<t:Content_Block><t:Content_Binding binding_id="x"/><t:Content>`
	f := func(head, unit string, kind error) {
		t.Helper()
		e := &endless{head: head, unit: unit}
		c := client(t, "http://localhost", &http.Client{Transport: e}, "1.1", taxii.Login{})
		start := time.Now()
		peak := watchHeap(t)
		blocks, _, err := polled(t, c, Query{SpoolDir: t.TempDir(), MaxBytes: 32 << 20})
		wantErr(t, err, kind)
		if grown := peak(); grown > 64<<20 {
			t.Errorf("%.40q: the heap grew by %d MiB", unit, grown>>20)
		}
		if e.taken > 80<<20 || len(blocks) != 0 || time.Since(start) > time.Minute {
			t.Errorf("%.40q: %d MiB were taken in %v, %d blocks", unit, e.taken>>20, time.Since(start), len(blocks))
		}
	}
	f("", " ", httpx.ErrTooBig)
	f("", "x", httpx.ErrTooBig)
	f(root, " ", httpx.ErrTooBig)
	f(root, "<t:Content_Block/>", httpx.ErrTooBig)
	f(root+block, "<a>", httpx.ErrTooBig)
	f(root+block, "text", httpx.ErrTooBig)
	f(root+block+"<a b='", "x", httpx.ErrTooBig)
	f("<t:Poll_Response xmlns:t='", "x", httpx.ErrTooBig)
}

// TestHeavy: whole answers at the bound that are made to cost: all are told,
// in bounded memory and linear time.
func TestHeavy(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const open = `<t:Poll_Response xmlns:t="` + space11 + `">`
	f := func(text string, kind error, words ...string) {
		t.Helper()
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-TAXII-Content-Type", "urn:taxii.mitre.org:message:xml:1.1")
			w.Header().Set("Content-Type", "application/xml")
			io.WriteString(w, text)
		})
		c := dial(t, h, "1.1", taxii.Login{})
		runtime.GC()
		start, n := time.Now(), 0
		peak := watchHeap(t)
		_, err := c.Poll(t.Context(), c.at(t, "/p"), Query{Collection: "c", SpoolDir: t.TempDir()}, func(b *Block) error { n++; return nil })
		if kind != nil {
			wantErr(t, err, kind, words...)
		} else if (err == nil) != (len(words) == 0) {
			t.Errorf("%.80q: %v", text, err)
		}
		if grown := peak(); grown > 128<<20 || time.Since(start) > time.Minute {
			t.Errorf("%.80q: %d MiB and %v for %d MiB, %d blocks", text[min(len(open), len(text)):], grown>>20, time.Since(start), len(text)>>20, n)
		}
	}
	whole := func(unit string, n int) string { return open + strings.Repeat(unit, n) + "</t:Poll_Response>" }
	const b, e = "<t:Content_Block><t:Content>", "</t:Content></t:Content_Block>"
	f(whole("<t:Content_Block/>", 3<<20), nil)                                     // empty blocks
	f(whole(b+"<a>"+e, 200_000), nil)                                              // each not well-formed
	f(whole(b+"</</</</</</</"+e, 200_000), nil)                                   // and made to be looked at twice
	f(whole(b+strings.Repeat("</", 1<<20)+strings.Repeat("<a>", 1<<20)+e, 8), nil) // in big pieces
	f(whole(b+strings.Repeat("<a>", 70)+strings.Repeat("</", 10_000)+e, 900), nil) // over a limit
	f(whole(b+strings.Repeat("<a>", 70)+e, 2000), nil)
	f(whole(b+strings.Repeat("<a>", 70)+e, 20_000), nil)
	f(whole(b+"<?x "+e, 1_000_000), io.ErrUnexpectedEOF, "too many blocks") // each takes all the rest
	f(whole(b+"<Content_Block><a></b>"+e, 200_000), nil)
	f(whole(b+strings.Repeat("&lt;", 1<<20)+e, 8), nil)                                                      // escaped
	f(whole(b+strings.Repeat("ab", 3<<20)+e, 8), nil)                                                        // hexadecimal digits?
	f(whole(b+"<a>"+strings.Repeat("x", 64<<20)+"</a>"+e, 1), nil)                                           // a token of 64 MB
	f(whole("<t:Message>x</t:Message>", 1<<20), nil)                                                         // repeated
	f(open+strings.Repeat("<a>", 1_000_000), xmltok.ErrLimit)                                                // a million deep, outside of blocks
	f("<!DOCTYPE a [<!ENTITY b 'c'>]>"+whole("", 1), xmltok.ErrDoctype)                                      // a bomb, or a file to fetch
	f(strings.Replace(open, ">", strings.Repeat(" ", 20_000)+">", 1)+"</t:Poll_Response>", nil, "more than") // a first tag that would be read again and again
}

// watchHeap returns a function that says by how much the heap is bigger than
// it was.
func watchHeap(t *testing.T) func() int64 {
	t.Helper()
	percent := debug.SetGCPercent(10) // garbage is not what is meant
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	stop, peak := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				peak <- most
				return
			case <-tick.C:
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				most = max(most, int64(now.HeapInuse)-int64(before.HeapInuse))
			}
		}
	}()
	return func() int64 {
		close(stop)
		debug.SetGCPercent(percent)
		return <-peak
	}
}

// TestSpoolIsRemoved: no answer stays on the disk, however the poll ends.
func TestSpoolIsRemoved(t *testing.T) {
	big := "<a>" + strings.Repeat("x", 2*inMemory) + "</a>"
	f := func(q Query, faults taxiitest.Faults1, content string) {
		t.Helper()
		s := feed(content, big)
		s.PageSize, s.Faults = 1, faults
		q.SpoolDir = t.TempDir()
		blocks, _, _ := polled(t, connect(t, s, "1.1", taxii.Login{}), q)
		left, err := os.ReadDir(q.SpoolDir)
		if err != nil || len(left) != 0 {
			t.Errorf("%d blocks, left %v, %v", len(blocks), left, err)
		}
	}
	f(Query{}, taxiitest.Faults1{}, big)
	f(Query{MaxBytes: 3 * inMemory / 2}, taxiitest.Faults1{}, big)
	f(Query{}, taxiitest.Faults1{Rewrite: func(b []byte) []byte { return b[:len(b)-9] }}, big)
	f(Query{}, taxiitest.Faults1{SamePart: true}, big)
	f(Query{}, taxiitest.Faults1{NoResultID: true}, big)
	f(Query{}, taxiitest.Faults1{Behind: "<x/>"}, big)
}

func TestSpool(t *testing.T) {
	for _, size := range []int{0, 1, inMemory - 1, inMemory, inMemory + 1, 3 * inMemory} {
		text := strings.Repeat("0123456789", size/10+1)[:size]
		dir := t.TempDir()
		s, err := newSpool(strings.NewReader(text), dir, int64(size))
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.bytes(0, s.size)
		if err != nil || string(got) != text || (s.file != nil) != (size > inMemory) {
			t.Errorf("%d: %d bytes, %v", size, len(got), err)
		}
		if size > 0 {
			if _, err := newSpool(strings.NewReader(text), dir, int64(size-1)); err == nil {
				t.Errorf("%d bytes are not over %d", size, size-1)
			}
		}
		s.close()
		s.close()
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 0 {
			t.Error("left: ", left)
		}
	}
}

// TestStatusHostile: a status does not bring control characters to a terminal.
func TestStatusHostile(t *testing.T) {
	e := &StatusError{Type: "X\x1b[31m", Message: "a\x07" + strings.Repeat("b", 1000), Detail: map[string][]string{"n\u202e": {strings.Repeat("v", 1000) + "\x00"}}}
	text := e.Error()
	if strings.ContainsAny(text, "\x1b\x07\x00\u202e") || len(text) > 1000 {
		t.Errorf("%q", text)
	}
	if e := (&StatusError{Type: Failure, Detail: map[string][]string{"": {"words"}}}); e.Error() != "the server answered FAILURE (words)" {
		t.Error(e)
	}
	many := &StatusError{Type: Failure, Detail: map[string][]string{}}
	for i := range 1000 {
		many.Detail[strconv.Itoa(i)] = []string{strings.Repeat("x", 200)}
	}
	if len(many.Error()) > 2000 {
		t.Errorf("an error of %d bytes", len(many.Error()))
	}
}
