package corpus

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sums reads what sha256sum prints.
func sums(t *testing.T, text string) map[string]string {
	t.Helper()
	want := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("no sum in %q", line)
		}
		want[name] = sum
	}
	return want
}

// sumsIn sums up the files of a folder that are named in want.
func sumsIn(t *testing.T, dir string, want map[string]string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for name := range want {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		got[name] = hex.EncodeToString(sum[:])
	}
	return got
}

// TestSameBytes holds the sums of small logs and lists: every figure that was
// measured is about these bytes.
func TestSameBytes(t *testing.T) {
	f := func(make func(dir string) error, text string) {
		t.Helper()
		dir := t.TempDir()
		if err := make(dir); err != nil {
			t.Fatal(err)
		}
		want := sums(t, text)
		if diff := cmp.Diff(want, sumsIn(t, dir, want)); diff != "" {
			t.Error(diff)
		}
	}
	f(func(dir string) error { return WriteLists(dir, 1, 1000, 20000) }, `
		7e72a8649a022f743731a15ecde03f6afd2eb0c51406aebb7d94bbddc3eb8382  ioc-1000.tsv
		a94f06c70b557bd3e77b367e352a38c3c9e6e0150b51f589e8faa7191b6c6c44  ioc-1000.txt
		f637cadc51f57b6848b65c1c619812c8dc9af013901504c9af82d3edff1ebab3  ioc-20000.tsv
		b00f1b8f1554b91d230d62d98a5c298ca272e824a6ee105b453912bbd00d85eb  ioc-20000.txt`)
	f(func(dir string) error {
		return WriteLogs(dir, Options{Seed: 1, Bytes: 2 << 20, Hits: 30000, Traps: 30000})
	}, `
		ad6b260a9e3344640bcffa0d6ee900fb8a2c1d477ab18c4790b4147004ef039e  access.log
		6a8413b5e2a44d3b7370ed5472aac0e60acf4c1515b35e0139ff111530ac8dda  auth.log
		e83e6ff9997e2b81ed49a6b7e3489fa80412249cd6ca5be126bebf425a493f7b  conn.log
		0c9d117a150e4a605981f4470e9fd720ab58946ab340c7d3f7b734f388db322e  dns.log
		197eaf6ec0d6c10a73f19db80e12ef31db04308359ddd3a65e03844089a6257e  ecs.json
		0a9014c211edd6895c7a5dad1f13eb7b74533af84e6744c89656bfbb0cc516f0  squid.log
		7db52df5ee45af204dc1043bd01399fa77453e12625845ec0aaa8fe3ed2ea088  truth.tsv`)
	f(func(dir string) error { return WriteLogs(dir, Options{Seed: 7, Bytes: 300000, Hits: 100, Traps: 100}) }, `
		04dd5ab6ffdccc771bf0a140f34dc7a582df6a9a0179e50cc021d662aa44c9af  access.log
		e52aa4aacf0c204a1b4ebf98fad92c35c8ff6392a3bed8058ded6a1899c680b3  auth.log
		35bd586a17b89627bb5c112011d46741644492b32be22de0ba62347d28554cfa  conn.log
		d8a168256d4f18f2808bad5faf1d94cda489c90831f8f91ea2e5cf018c96f98f  dns.log
		b6bd4acf0603383a1c3ca08c8f0a388979539bc7e5b96086a9fb2af3725ba39f  ecs.json
		171c8e058388194a4b99b4b5e2716a0d7cfa1ec73142bf79df8a620834a9719b  squid.log
		1191d6f2381e26897b4e129febba25112a9ad54a8090783f5dc6bcc2d3fcdf07  truth.tsv`)
}

// TestTruth finds every planted text in its line.
func TestTruth(t *testing.T) {
	dir := t.TempDir()
	if err := WriteLogs(dir, Options{Seed: 3, Bytes: 2 << 20, Hits: 30000, Traps: 30000}); err != nil {
		t.Fatal(err)
	}
	truth, err := ReadTruth(filepath.Join(dir, TruthName))
	if err != nil {
		t.Fatal(err)
	}
	left := len(truth)
	for _, name := range Names() {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(data)) {
			n++
			if p, ok := truth[Place{name, n}]; ok {
				left--
				if !strings.Contains(line, p.Text) {
					t.Errorf("%s:%d: no %q in %q", name, n, p.Text, line)
				}
			}
		}
	}
	if left != 0 || len(truth) < 300 {
		t.Errorf("%d of %d planted lines are beyond the logs", left, len(truth))
	}
}

func TestScore(t *testing.T) {
	hit := func(line int, val string) Planted {
		return Planted{"a.log", line, "hit-plain", "domain", val, val}
	}
	truth := Truth{}
	for _, p := range []Planted{hit(1, "evil.example"), hit(2, "bad.example"), hit(3, "worse.example"), {"a.log", 9, "trap-left", "domain", "x.example", "notx.example"}, {"a.log", 10, "trap-left", "domain", "x.above.example", "notx.above.example"}} {
		truth[Place{p.File, p.Line}] = p
	}
	at := func(line int, val string) Reported { return Reported{Place{"a.log", line}, val} }
	f := func(want Score, reports ...Reported) {
		t.Helper()
		got := truth.Score(reports)
		got.Classes = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	f(Score{Missed: 3})
	f(Score{Found: 2, Missed: 1}, at(1, "EVIL.example"), at(1, "EVIL.example"), at(2, ""))
	f(Score{Found: 1, Missed: 2, Wrong: 1}, at(1, "other.example"))
	f(Score{Found: 1, Missed: 2}, at(1, "other.example"), at(1, "evil.example"))
	f(Score{Missed: 3, Parents: 1}, at(10, "above.example"))
	f(Score{Missed: 3, Traps: 1}, at(10, "x.above.example"))
	f(Score{Missed: 3, Traps: 1, Stray: 2}, at(9, "x.example"), at(7, ""), Reported{Place{"b.log", 1}, ""})

	got := truth.Score([]Reported{at(1, ""), at(9, "")}).Classes
	want := []Count{{"hit-plain", "domain", 1, 3}, {"trap-left", "domain", 1, 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadTruthErrors(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), TruthName)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadTruth(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
	f("a.log\t1\n", ":1: 2 columns")
	f("a.log\t1\thit-plain\turl\tx\tx\na.log\tone\thit-plain\turl\tx\tx\n", `:2: line number "one"`)
}

// TestMixed adds typed lines of free text, each once, behind the list.
func TestMixed(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "list"), filepath.Join(dir, "mixed")
	if err := os.WriteFile(from, []byte("evil.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteMixed(to, from, 1, 100); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	seen := map[string]bool{}
	for _, l := range lines[1:] {
		if typ, _, ok := strings.Cut(l, ":"); !ok || strings.Contains(typ, " ") || seen[l] {
			t.Errorf("line %q has no type, or is there twice", l)
		}
		seen[l] = true
	}
	if lines[0] != "evil.example" || len(seen) != 100 {
		t.Errorf("first line %q, %d of free text; want the list and 100", lines[0], len(seen))
	}
}
