package match

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden set file of the current version anew")

// goldenValues are what the files in testdata/setfile were compiled from, each by
// the program of its version, and saved as of generation 42.
var goldenValues = []string{
	"ip 192.0.2.1", "ipv6 2001:db8::1", "cidr 198.51.100.0/24", "ip_port 192.0.2.2:8080", "domain evil.example", "url http://evil.example/x",
	"url_path /gate.php?id=1", "email bob@evil.example", "md5 d41d8cd98f00b204e9800998ecf8427e", "ja3 d41d8cd98f00b204e9800998ecf8427e",
	"cve CVE-2024-1234", "mac_address 00:1b:44:11:3a:b7", "user_agent Evil Bot", "mutex Evil",
}

const goldenText = `192.0.2.1 2001:DB8:0::1 198.51.100.7 192.0.2.2:8080 a.evil[.]example hxxp://evil.example/x GET /gate.php?id=1 bob@evil.example
D41D8CD98F00B204E9800998ECF8427E cve-2024-1234 00-1b-44-11-3a-b7 Evil Bot Evil`

func goldenPath(v int) string {
	return filepath.Join("testdata", "setfile", fmt.Sprintf("v%d.set.gz", v))
}

// TestGoldenOld: the file of an older version is told apart from a damaged one.
func TestGoldenOld(t *testing.T) {
	for v := 1; v < version; v++ {
		path := unpacked(t, v)
		_, err := Open(path)
		if said := fmt.Sprintf("the set file is of another version: %d, this program reads %d", v, version); !errors.Is(err, ErrVersion) ||
			!strings.Contains(err.Error(), said) || !strings.Contains(err.Error(), path) {
			t.Error(err)
		}
	}
}

// TestGolden: the file of this version opens and finds what it has to, and
// the same values make the same file still. Where the format is meant to change,
// the version has to grow with it once it was released: a program that reads a
// file of its own version must not find another format in it.
func TestGolden(t *testing.T) {
	s := compile(t, list(t, goldenValues...))
	now := fileBytes(t, s)
	if *update {
		writeGolden(t, now)
	}
	path := unpacked(t, version)
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(was, now) {
		t.Errorf("the golden file has %d bytes, and what is made of the same values %d others; see -update", len(was), len(now))
	}
	o, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	want := s.Append(nil, []byte(goldenText))
	if d := cmp.Diff(want, o.Append(nil, []byte(goldenText))); d != "" {
		t.Error(d)
	}
	found := map[uint32]bool{}
	for _, m := range want {
		found[m.ID] = true
	}
	if len(found) != len(goldenValues) || o.Generation() != 42 || o.Verify() != nil {
		t.Errorf("%d of %d found; generation %d, %v", len(found), len(goldenValues), o.Generation(), o.Verify())
	}
}

// unpacked is a golden file as it was saved.
func unpacked(t *testing.T, v int) string {
	t.Helper()
	f, err := os.Open(goldenPath(v))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "iochunt.set")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func writeGolden(t *testing.T, data []byte) {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, err = z.Write(data)
	if err := errors.Join(err, z.Close(), os.WriteFile(goldenPath(version), b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}
