package match

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
)

// TestExtend holds a set that was extended to one that was compiled of all.
func TestExtend(t *testing.T) {
	all := append(generated(4000), list(t, fileValues...)...)
	text := append([]byte(fileText), logText(64<<10)...)
	for _, o := range generated(4000) {
		text = append(append(text, '\n'), o.Value...)
	}
	f := func(old, added []ioc.Observable, mapped bool) {
		t.Helper()
		base := compile(t, old)
		if mapped {
			base = reopened(t, base)
		}
		got, err := Extend(base, slices.Values(added))
		if err != nil {
			t.Fatal(err)
		}
		if err := base.Close(); err != nil {
			t.Fatal(err)
		}
		sameSets(t, got, compile(t, distinct(old, added)), text)
		sameSets(t, reopened(t, got), got, text)
	}
	for _, mapped := range []bool{false, true} {
		f(nil, nil, mapped)
		f(all, nil, mapped)
		f(nil, all, mapped)
		f(all[:2000], all[1000:], mapped)
		f(all[:3900], all[3890:4000], mapped)
		f(all[4000:], all[:4000], mapped)
		f(all, list(t, "ja3 d41d8cd98f00b204e9800998ecf8427e", "imphash d41d8cd98f00b204e9800998ecf8427e", "url EVIL.com/X", "domain EVIL.com", "domain evil.com"), mapped)
		f(all, list(t, "cidr 1.2.0.0/16", "user_agent Evil Bot", "text evil  bot"), mapped)
		f(all, []ioc.Observable{{Type: ioc.YARA, Value: "rule"}, {Type: ioc.Domain}}, mapped)
	}
}

func reopened(t testing.TB, s *Set) *Set {
	t.Helper()
	path := filepath.Join(t.TempDir(), "set")
	if err := s.Save(path, 7); err != nil {
		t.Fatal(err)
	}
	o, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

func distinct(lists ...[]ioc.Observable) (all []ioc.Observable) {
	seen := map[ioc.Observable]bool{}
	for _, o := range slices.Concat(lists...) {
		if !seen[o] {
			seen[o] = true
			all = append(all, o)
		}
	}
	return all
}

// sameSets compares what two sets hold and find.
func sameSets(t *testing.T, got, want *Set, text []byte) {
	t.Helper()
	if got.Len() != want.Len() {
		t.Fatalf("%d observables, want %d", got.Len(), want.Len())
	}
	for id := range uint32(want.Len()) {
		if g, w := got.Observable(id), want.Observable(id); g != w {
			t.Fatalf("%d is %v, want %v", id, g, w)
		}
	}
	if d := cmp.Diff(want.Append(nil, text), got.Append(nil, text)); d != "" {
		t.Error(d)
	}
	if got.Err() != nil || got.Verify() != nil {
		t.Error(got.Err(), got.Verify())
	}
	if got.params != want.params {
		t.Errorf("params differ: %v", cmp.Diff(fmt.Sprint(want.params), fmt.Sprint(got.params)))
	}
	if d := cmp.Diff(dump(want), dump(got)); d != "" {
		t.Error(d)
	}
}

// dump is what a set's table says, whatever its order.
func dump(s *Set) (lines []string) {
	for i := range len(s.entries) / entrySize {
		e := s.entry(i)
		line := fmt.Sprintf("%d %q", e.kind, s.key(e))
		for i := range e.group.n {
			line += fmt.Sprint(" ", s.member(e.group, i))
		}
		key := s.key(e)
		if g := s.lookup(e.kind, hashOf(e.kind, key), key); g != e.group {
			line += " is not found"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// TestParallel: the number of processors makes no difference.
func TestParallel(t *testing.T) {
	all := generated(100_000)
	want := fileBytes(t, compile(t, all))
	for _, procs := range []int{1, 2, 3, 8} {
		atProcs(procs, func() {
			if !slices.Equal(fileBytes(t, compile(t, all)), want) {
				t.Errorf("another file with %d processors", procs)
			}
		})
	}
}

func BenchmarkExtend(b *testing.B) {
	os := generated(1_001_000)
	base := reopened(b, compile(b, os[:1_000_000]))
	path := filepath.Join(b.TempDir(), "set")
	for b.Loop() {
		s, err := Extend(base, slices.Values(os[1_000_000:]))
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Save(path, 8); err != nil {
			b.Fatal(err)
		}
	}
}
