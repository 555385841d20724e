//go:build unix

package match

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

// probe is a set of some blocks, its file, and text in which much of it stands.
func probe(t testing.TB) (s *Set, path string, text []byte) {
	t.Helper()
	all := append(generated(4000), list(t, fileValues...)...)
	s = compile(t, all)
	text = []byte(fileText)
	for i, o := range all {
		if i%2 == 0 {
			text = append(append(text, '\n'), o.Value...)
		}
	}
	path = filepath.Join(t.TempDir(), "iochunt.set")
	if err := s.Save(path, 42); err != nil {
		t.Fatal(err)
	}
	return s, path, text
}

// TestFlips flips bits and bytes, one at a time, at random places of a file:
// each is an error, or what is asked is answered as before.
func TestFlips(t *testing.T) {
	s, path, text := probe(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := s.Append(nil, text)
	r := rand.New(rand.NewPCG(1, 2))
	flips := 10_000
	if testing.Short() || race {
		flips = 500
	}
	seen := map[string]int{}
	for range flips {
		at, mask := r.IntN(len(whole)), byte(1)<<r.IntN(8)
		if r.IntN(2) == 0 {
			mask = byte(1 + r.IntN(255))
		}
		whole[at] ^= mask
		seen[flipped(t, s, whole, text, want, at)]++
		whole[at] ^= mask
	}
	t.Logf("%d flips in %d bytes: %v", flips, len(whole), seen)
	if seen["in Open"] == 0 || seen["in Append"] == 0 {
		t.Error("some of them should have been noticed in either place")
	}
}

// flipped asks a set whose file was changed at one place, and says where that
// was noticed.
func flipped(t *testing.T, s *Set, file, text []byte, want []Match, at int) string {
	t.Helper()
	o, err := open(file)
	if err != nil {
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
			t.Fatalf("byte %d: %v", at, err)
		}
		return "in Open"
	}
	prefix := []Match{{ID: 1, Start: 2, End: 3}}
	got := o.Append(prefix, text)
	if err := o.Err(); err != nil {
		if !errors.Is(err, ErrDamaged) || !slices.Equal(got, prefix) || !slices.Equal(o.Append(prefix, text), prefix) {
			t.Fatalf("byte %d: %v, and %d matches", at, err, len(got))
		}
		return "in Append"
	}
	if !slices.Equal(got[1:], want) {
		t.Fatalf("byte %d: another answer and no error", at)
	}
	for id := range uint32(s.Len()) {
		if got := o.Observable(id); o.Err() == nil && got != s.Observable(id) {
			t.Fatalf("byte %d: %d is %v and no error", at, id, got)
		}
	}
	if o.Err() != nil {
		return "in Observable"
	}
	if o.Verify() == nil || o.Err() == nil {
		t.Fatalf("byte %d: never noticed", at)
	}
	return "in Verify"
}

// TestCutShort cuts a file short while it is mapped: an error, no crash.
func TestCutShort(t *testing.T) {
	for _, part := range []int64{0, 1, 2, 3} { // quarters that are left
		s, path, text := probe(t)
		o, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, info.Size()*part/4); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if got := o.Append(nil, text); len(got) > 0 && o.Err() == nil && !slices.Equal(got, s.Append(nil, text)) {
					t.Error("another answer and no error")
				}
			})
		}
		all.Wait()
		for id := range uint32(s.Len()) {
			if got := o.Observable(id); o.Err() == nil && got != s.Observable(id) {
				t.Errorf("%d is %v", id, got)
			}
		}
		err = o.Verify()
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "iochunt doctor --repair") {
			t.Error(err)
		}
		if err := o.Save(path+"2", 1); !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
		if _, err := Extend(o, slices.Values([]ioc.Observable{{Type: ioc.Domain, Value: "x.example"}})); !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestCutShortChild is the same in a process of its own, as a scan would meet
// it: nothing but the error is said.
func TestCutShortChild(t *testing.T) {
	const asked = "IOCHUNT_TEST_CUT_SHORT"
	if path := os.Getenv(asked); path != "" {
		o, err := Open(path)
		if err == nil {
			err = os.Truncate(path, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		ms := o.Append(nil, []byte("evil.com 1.2.3.4"))
		fmt.Println("matches:", len(ms), "error:", o.Err())
		return
	}
	_, path, _ := probe(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestCutShortChild$")
	cmd.Env = append(os.Environ(), asked+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "matches: 0 error: "+path+": the set file is damaged") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestFlippedUnder changes what has not been read yet in a file that is mapped.
func TestFlippedUnder(t *testing.T) {
	_, path, text := probe(t)
	o, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	at := int64(u64(o.file.data[headerSize+rowSize*before:], 1)) // of the arena
	for _, i := range []int64{at, at + sumBlock, at + 2*sumBlock} {
		if _, err := f.ReadAt(b, i); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte{b[0] ^ 4}, i); err != nil {
			t.Fatal(err)
		}
	}
	if ms := o.Append(nil, text); len(ms) > 0 || !errors.Is(o.Err(), ErrDamaged) {
		t.Errorf("%d matches, %v", len(ms), o.Err())
	}
}

// TestClosed uses a set behind its end.
func TestClosed(t *testing.T) {
	s, path, text := probe(t)
	o, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	want := s.Append(nil, text)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 3 {
				if got := o.Append(nil, text); o.Err() == nil && !slices.Equal(got, want) {
					t.Error("another answer and no error")
				}
			}
		})
	}
	for range 2 {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	if got := o.Append(nil, text); len(got) > 0 || !errors.Is(o.Err(), os.ErrClosed) || o.Observable(0) != (ioc.Observable{}) || o.Verify() == nil {
		t.Errorf("%d matches, %v", len(got), o.Err())
	}
	if err := s.Close(); err != nil || s.Append(nil, text) != nil || s.Err() != nil {
		t.Error("a set without a file", err)
	}
}

// TestOtherPanics: what is not the file's fault goes on.
func TestOtherPanics(t *testing.T) {
	_, path, _ := probe(t)
	o, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	f := func(what func()) {
		t.Helper()
		defer func() {
			if recover() == nil || o.Err() != nil {
				t.Error("it was taken for damage", o.Err())
			}
		}()
		o.guard(nil, nil, func([]Match, []byte) []Match {
			what()
			return nil
		})
	}
	var none []int
	f(func() { panic("mistake") })
	f(func() { none[len(none)]++ })
	f(func() { *(*int)(nil)++ })
	if err := o.Verify(); err != nil {
		t.Error(err)
	}
}
