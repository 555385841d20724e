package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMakeSTIX makes XML, the same again, of the size that was asked for, with
// all types in it, and no value twice.
func TestMakeSTIX(t *testing.T) {
	dir := t.TempDir()
	var texts [2][]byte
	var alone map[string]int
	for i := range texts {
		path := filepath.Join(dir, "package.xml")
		var err error
		if alone, err = makeSTIX(path, 300_000, 1); err != nil {
			t.Fatal(err)
		}
		if texts[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(texts[0], texts[1]) || len(texts[0]) < 300_000 || len(texts[0]) > 310_000 {
		t.Errorf("two packages of %d and %d bytes", len(texts[0]), len(texts[1]))
	}
	want := []string{"cidr", "domain", "email", "ip", "md5", "mutex", "sha1", "sha256", "url"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(alone))); diff != "" {
		t.Error(diff)
	}
	checkValues(t, texts[0])
}

// checkValues reads all text and looks for values that come twice.
func checkValues(t *testing.T, text []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(text))
	seen, in := make(map[string]bool), ""
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			in = tok.Name.Local
		case xml.EndElement:
			in = ""
		case xml.CharData:
			if !strings.Contains(in, "Value") && in != "Name" {
				continue
			}
			for _, v := range strings.Split(string(tok), "##comma##") {
				if seen[v] {
					t.Errorf("%s twice", v)
				}
				seen[v] = true
			}
		}
	}
}

func TestSameRows(t *testing.T) {
	f := func(ours, theirs string, same bool) {
		t.Helper()
		if err := sameRows(ours, theirs); (err == nil) != same {
			t.Errorf("%q and %q: %v", ours, theirs, err)
		}
	}
	f("ip\t1\talone\nurl\t2\talone\n", "url\t2\talone\nip\t1\talone\nip\t1\talone\nip\t3\ttogether\n", true)
	f("ip\t1\talone\n", "ip\t1\talone\nip\t2\talone\n", false)
	f("ip\t1\talone\n", "ip\t2\talone\n", false)
	f("ip\t1\talone\n", "ip\t1\ttogether\n", false)
	f("", "", false)
}

func TestSameCounts(t *testing.T) {
	want := map[string]int{"ip": 2}
	if err := sameCounts(want, `{"ip":2}`); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{`{"ip":1}`, `{"ip":2,"url":1}`, `{}`, ``} {
		if sameCounts(want, bad) == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestCountTypes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	text := `{"kind":"indicator","type":"ip"}` + "\n" + `{"kind":"indicator","type":"ip"}` + "\n" + `{"kind":"summary"}` + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := countTypes(path)
	if err != nil || !json.Valid([]byte(got)) || got != `{"ip":2}` {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestByteSize(t *testing.T) {
	f := func(in string, want byteSize) {
		t.Helper()
		var s byteSize
		if err := s.Set(in); s != want || (err == nil) != (want != 0) {
			t.Errorf("%q: got %d, %v", in, s, err)
		}
	}
	f("8000000", 8e6)
	f("500MB", 5e8)
	f("0", 0)
	f("MB", 0)
	f("-1MB", 0)
	f("5GB", 0)
}
