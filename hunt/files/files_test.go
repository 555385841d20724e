package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/iochunt/iochunt/hunt"
)

func TestMain(m *testing.M) {
	if os.Getenv(asNobody) != "" {
		listForParent()
		return
	}
	goleak.VerifyTestMain(m)
}

const asNobody = "FILES_TEST_AS_NOBODY" // set in the child: the directory that it walks

// listForParent is what the child does: it prints what it could read.
func listForParent() {
	for log, err := range Walk(Options{}, nil, os.Getenv(asNobody)) {
		if err != nil {
			fmt.Println("error", filepath.Base(pathIn(err)))
			continue
		}
		for _, err := range log.Chunks(context.Background()) {
			if err != nil {
				fmt.Println("error", filepath.Base(pathIn(err)))
			} else {
				fmt.Println(filepath.Base(log.Name()))
			}
		}
	}
}

func pathIn(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Path
	}
	return ""
}

// content returns what a log says, put together again, and the error at its
// end. It fails the test if the offsets do not fit.
func content(t *testing.T, log hunt.Log) (string, error) {
	t.Helper()
	var all bytes.Buffer
	off := int64(-1)
	for c, err := range log.Chunks(t.Context()) {
		if err != nil {
			return all.String(), err
		}
		if off < 0 {
			off = c.Offset
		}
		decided := c.Data[c.Lead : len(c.Data)-c.Tail]
		if c.Offset+int64(c.Lead) != off {
			t.Fatalf("chunk at %d+%d; want %d", c.Offset, c.Lead, off)
		}
		if c.Lead == 0 && c.Tail == 0 && all.Len() > 0 && all.Bytes()[all.Len()-1] != '\n' {
			t.Fatalf("chunk at %d begins within a record", c.Offset)
		}
		all.Write(decided)
		off += int64(len(decided))
	}
	return all.String(), nil
}

func stdin(s string, opts Options) hunt.Log { return Stdin(opts, strings.NewReader(s), "-") }

// drip returns bytes in small, uneven reads.
type drip struct {
	s string
	n int
}

func (d *drip) Read(p []byte) (int, error) {
	if d.s == "" {
		return 0, io.EOF
	}
	d.n = d.n%7 + 1
	n := copy(p, d.s[:min(d.n, len(d.s))])
	d.s = d.s[n:]
	return n, nil
}

func TestContentComesWhole(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		for _, opts := range []Options{{}, {buffer: 16, overlap: 8}, {buffer: 5, overlap: 2}} {
			got, err := content(t, stdin(s, opts))
			if err != nil || got != want {
				t.Errorf("buffer %d: %q, %v; want %q", opts.buffer, got, err, want)
			}
			got, err = content(t, Stdin(opts, &drip{s: s}, "-"))
			if err != nil || got != want {
				t.Errorf("buffer %d, drip: %q, %v; want %q", opts.buffer, got, err, want)
			}
			path := write(t, t.TempDir(), "a.log", s)
			got, err = content(t, one(t, opts, path))
			if err != nil || got != want {
				t.Errorf("buffer %d, file: %q, %v; want %q", opts.buffer, got, err, want)
			}
		}
	}
	same := func(s string) { t.Helper(); f(s, s) }
	same("")
	same("\n")
	same("a")
	same("no end")
	same("one\ntwo\r\nthree")
	same("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n")
	same("nul\x00nul\n\xff\xfe\xc3\x28 invalid\n")
	same("short\n" + strings.Repeat("long ", 40) + "\nshort\n")
	same(strings.Repeat("x", 16) + "\n" + strings.Repeat("y", 15) + "\n")
	f("\xEF\xBB\xBFmarked\n", "marked\n")
	f("\xFF\xFEh\x00i\x00\n\x00\xac\x20", "hi\n€")
	f("\xFE\xFF\x00h\x00i\x00\n\x20\xac", "hi\n€")
	f("\xFF\xFEh\x00i", "h\uFFFD")        // half a letter
	f("\xFF\xFE\x00\xD8a\x00", "\uFFFDa") // half a surrogate pair
}

func TestByteOrderMarkKeepsOffsets(t *testing.T) {
	for c, err := range stdin("\xEF\xBB\xBFx\n", Options{}).Chunks(t.Context()) {
		if err != nil || c.Offset != 3 {
			t.Errorf("offset %d, %v; want 3", c.Offset, err)
		}
	}
}

var token = regexp.MustCompile(`[0-9]+(\.[0-9]+)+`)

// whole returns where needle stands as a whole token, by the rule that a match
// counts in the chunk where it begins neither in Lead nor in Tail.
func whole(t *testing.T, log hunt.Log, needle string) (at []int64) {
	t.Helper()
	for c, err := range log.Chunks(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range token.FindAllIndex(c.Data, -1) {
			if m[0] >= c.Lead && m[0] < len(c.Data)-c.Tail && string(c.Data[m[0]:m[1]]) == needle {
				at = append(at, c.Offset+int64(m[0]))
			}
		}
	}
	return at
}

func TestNeedleAtEveryOffset(t *testing.T) {
	const needle = "10.2.3.4"
	opts := Options{buffer: 64, overlap: 32} // a token of up to 16 bytes is decided
	for _, frame := range [][2]string{
		{"", ""}, {" ", " "}, {"\n", "\n"}, {" ", "\n"}, {"=", "\r\n"},
		{"1", ""}, {"", "5"}, {"9.", ""}, {"", ".7"}, // no whole token
	} {
		word := frame[0] + needle + frame[1]
		isWhole := token.FindString(word) == needle
		for n := range 200 {
			for _, fill := range []string{"-", "x ", "abc\n"} {
				text := strings.Repeat(fill, n/len(fill)+1)[:n] + word + strings.Repeat("-", 70)
				var want []int64
				if isWhole {
					want = []int64{int64(n + len(frame[0]))}
				}
				if diff := cmp.Diff(want, whole(t, stdin(text, opts), needle)); diff != "" {
					t.Fatalf("%q after %d of %q: %s", word, n, fill, diff)
				}
			}
		}
	}
}

// longLine is a line of size bytes with needles at the given offsets.
func longLine(size int, needle string, at iter.Seq[int]) io.Reader {
	filler := bytes.Repeat([]byte{'-'}, 1<<16)
	var parts []io.Reader
	pos := 0
	pad := func(n int) {
		for n > 0 {
			k := min(n, len(filler))
			parts = append(parts, bytes.NewReader(filler[:k]))
			n -= k
		}
	}
	for a := range at {
		pad(a - pos)
		parts = append(parts, strings.NewReader(needle))
		pos = a + len(needle)
	}
	pad(size - pos)
	return io.MultiReader(parts...)
}

func TestLineOf200MB(t *testing.T) {
	const needle, size = "198.51.100.7", 200 << 20
	step := bufferSize - overlapSize
	at := func(yield func(int) bool) {
		for i := range size/step - 1 {
			edge := (i + 1) * step
			// Around the end of a chunk, the border of what it decides, and the
			// front of the next; another shift at each.
			for _, e := range []int{edge - overlapSize, edge - overlapSize/2, edge, edge + overlapSize/2, edge + overlapSize} {
				if pos := e + i%40 - 20; i%2 == 0 && e > 0 && !yield(pos) {
					return
				}
			}
		}
	}
	var want, got []int64
	for a := range at {
		want = append(want, int64(a))
	}
	for c, err := range Stdin(Options{}, longLine(size, needle, at), "-").Chunks(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Data) > bufferSize {
			t.Fatalf("chunk of %d bytes", len(c.Data))
		}
		for i := 0; ; {
			k := bytes.Index(c.Data[i:], []byte(needle))
			if k < 0 {
				break
			}
			if i += k; i >= c.Lead && i < len(c.Data)-c.Tail {
				got = append(got, c.Offset+int64(i))
			}
			i++
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDamageMakesNoToken(t *testing.T) {
	boom := errors.New("boom")
	f := func(before, want string) {
		t.Helper()
		r := io.MultiReader(strings.NewReader(before), errReader{boom})
		got, err := content(t, Stdin(Options{}, r, "-"))
		if got != want || !errors.Is(err, boom) {
			t.Errorf("%q: %q, %v; want %q", before, got, err, want)
		}
	}
	f("from 192.0.2.1", "from ") // may have been 192.0.2.17
	f("whole 192.0.2.1\n", "whole 192.0.2.1\n")
	f(`{"ip":"192.0.2.1","to":"198.51.100`, `{"ip":"192.0.2.1","to":"`)
	f("http://a.example/b,c", "")
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

func TestStreamIsSearchedAsItComes(t *testing.T) {
	r, w := io.Pipe()
	next, stop := iter.Pull2(Stdin(Options{}, r, "-").Chunks(t.Context()))
	defer stop()
	for i := range 3 {
		go fmt.Fprintf(w, "line %d\nbegun", i)
		c, err, ok := next()
		if want := fmt.Sprintf("line %d\n", i); !ok || err != nil || !strings.HasSuffix(string(c.Data), want) {
			t.Fatalf("%q, %v, %v; want %q", c.Data, err, ok, want)
		}
	}
	go w.Close()
	if c, err, ok := next(); !ok || err != nil || string(c.Data) != "begun" {
		t.Errorf("%q, %v, %v", c.Data, err, ok)
	}
	if _, _, ok := next(); ok {
		t.Error("no end")
	}
}

func TestCancelEndsAWaitingStream(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = io.WriteString(w, "a line\n")
		cancel()
	}()
	var got error
	for _, err := range Stdin(Options{}, r, "-").Chunks(ctx) {
		got = err
	}
	if !errors.Is(got, context.Canceled) {
		t.Errorf("%v; want %v", got, context.Canceled)
	}
}

func TestStdinKnowsTheTimeOfAFile(t *testing.T) {
	path := write(t, t.TempDir(), "a.log", "x\n")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := Stdin(Options{}, f, "-").(hunt.Dated).ModTime(); !ok {
		t.Error("redirected file: time not known")
	}
	if _, ok := stdin("x", Options{}).(hunt.Dated).ModTime(); ok {
		t.Error("stream: time known")
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// one returns the log that path is.
func one(t *testing.T, opts Options, path string) hunt.Log {
	t.Helper()
	var log hunt.Log
	for l, err := range Walk(opts, nil, path) {
		if err != nil || log != nil {
			t.Fatalf("more than one log, or %v", err)
		}
		log = l
	}
	if log == nil {
		t.Fatalf("%s: no log", path)
	}
	return log
}

func BenchmarkChunks(b *testing.B) {
	line := []byte("Nov 21 02:04:11 host sshd[4711]: Failed password for root from 192.0.2.17 port 4711 ssh2\n")
	path := filepath.Join(b.TempDir(), "a.log")
	data := bytes.Repeat(line, (64<<20)/len(line))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for log := range Walk(Options{}, nil, path) {
			for _, err := range log.Chunks(b.Context()) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}
