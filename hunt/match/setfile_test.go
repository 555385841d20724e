package match

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var fileValues = []string{"ip 1.2.3.4", "ipv6 ::1", "cidr 10.0.0.0/8", "ip_port 1.2.3.4:80", "domain evil.com", "url http://evil.com/x", "url_path /x/y", "email bob@evil.com",
	"md5 d41d8cd98f00b204e9800998ecf8427e", "ja3 d41d8cd98f00b204e9800998ecf8427e", "cve CVE-2024-1234", "mac_address 00:1b:44:11:3a:b7", "text Evil Bot", "mutex Evil"}

const fileText = "1.2.3.4:80 ::1 10.1.1.1 a.evil.com http://evil.com/x GET /x/y bob@evil.com D41D8CD98F00B204E9800998ECF8427E cve-2024-1234 00-1b-44-11-3a-b7 evil bot Evil"

func saved(t testing.TB) (*Set, string) {
	t.Helper()
	s := compile(t, list(t, fileValues...))
	path := filepath.Join(t.TempDir(), "iochunt.set")
	if err := s.Save(path, 42); err != nil {
		t.Fatal(err)
	}
	return s, path
}

func TestSaveOpen(t *testing.T) {
	s, path := saved(t)
	o, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if o.Generation() != 42 || o.Len() != s.Len() || o.Verify() != nil {
		t.Errorf("generation %d, %d of %d, %v", o.Generation(), o.Len(), s.Len(), o.Verify())
	}
	if d := cmp.Diff(s.Counts(), o.Counts()); d != "" {
		t.Error(d)
	}
	for id := range uint32(s.Len()) {
		if s.Observable(id) != o.Observable(id) {
			t.Errorf("%d: %v, saved as %v", id, o.Observable(id), s.Observable(id))
		}
	}
	want := s.Append(nil, []byte(fileText))
	if d := cmp.Diff(want, o.Append(nil, []byte(fileText))); d != "" || len(want) < len(fileValues) {
		t.Errorf("%d matches; %s", len(want), d)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if names, _ := os.ReadDir(filepath.Dir(path)); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
}

// TestDeterministic: the same observables make the same file.
func TestDeterministic(t *testing.T) {
	_, a := saved(t)
	_, b := saved(t)
	x, err := os.ReadFile(a)
	y, err2 := os.ReadFile(b)
	if err != nil || err2 != nil || !bytes.Equal(x, y) {
		t.Error("two files differ", err, err2)
	}
}

func TestOpenErrors(t *testing.T) {
	_, path := saved(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := func(data []byte, want error) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
			return
		}
		if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "iochunt doctor --repair") {
			t.Errorf("%v: names neither the file nor the mend", err)
		}
	}
	for n := range len(whole) {
		if n < 300 || n%97 == 0 {
			f(whole[:n], ErrDamaged)
		}
	}
	f(append(slices.Clone(whole), 0), ErrDamaged)
	other := slices.Clone(whole)
	other[8]++
	f(other, ErrVersion)
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := compile(t, nil).Save(filepath.Join(t.TempDir(), "none", "x"), 1); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// open is Open for bytes.
func open(data []byte) (*Set, error) {
	if len(data) < headerSize {
		return nil, ErrDamaged
	}
	return newFile("set", data)
}

// TestAstray puts numbers that lead astray at every place of a file, and makes
// its sums right again: the answer may be any, but there is one.
func TestAstray(t *testing.T) {
	s, _ := saved(t)
	text := []byte(fileText + " C:\\Windows\\Temp\\x.exe")
	whole := fileBytes(t, s)
	stride := 4
	if testing.Short() || race {
		stride = 64
	}
	stopped, places := 0, 0
	for at := headerSize; at+4 <= len(whole); at += stride {
		was := u32(whole[at:], 0)
		for _, n := range []uint32{1<<32 - 1, 1 << 31, 1<<24 + 1, was + 1, was - 1, uint32(at)} {
			data := slices.Clone(whole)
			binary.LittleEndian.PutUint32(data[at:], n)
			resum(data)
			places++
			o, err := open(data)
			if err == nil {
				o.Append(nil, text)
				for id := range uint32(o.Len()) {
					o.Observable(id)
				}
				err = o.Err()
			}
			if err != nil {
				stopped++
			}
			if err != nil && !errors.Is(err, ErrDamaged) {
				t.Fatalf("%d at %d: %v", n, at, err)
			}
		}
	}
	t.Logf("%d of %d were noticed", stopped, places)
}
