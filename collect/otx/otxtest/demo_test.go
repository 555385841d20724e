package otxtest

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// logs is the folder of the sample logs.
var logs = filepath.Join("..", "..", "..", "testdata", "logs")

// TestExpected holds the list of expected hits to the logs and the demo's
// account by means of its own: one regular expression for each indicator, over
// lines in which every disguise has been undone. It is slow and simple, and
// shares nothing with the matcher.
func TestExpected(t *testing.T) {
	want := expected(t)
	var got []string
	for _, ind := range hunted() {
		re := regexp.MustCompile(ind.pattern)
		for name, text := range sampleLogs(t) {
			for n, line := range strings.Split(text, "\n") {
				if hits(re, ind, undo(line)) {
					got = append(got, strings.Join([]string{name, strconv.Itoa(n + 1), ind.typ, ind.value}, "\t"))
				}
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("EXPECTED.tsv (-) and the logs (+) differ:\n%s", d)
	}
}

func expected(t *testing.T) (rows []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(logs, "EXPECTED.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		f := strings.Split(line, "\t")
		if len(f) != 5 || f[4] == "" {
			t.Fatalf("not five columns: %q", line)
		}
		rows = append(rows, strings.Join(f[:4], "\t"))
	}
	return rows
}

func sampleLogs(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(logs)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == "EXPECTED.tsv" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(logs, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Name(), ".gz") {
			b = gunzip(t, b)
		}
		text := strings.TrimSuffix(string(b), "\n")
		if n := strings.Count(text, "\n") + 1; n < 20 || n > 60 {
			t.Errorf("%s has %d lines", e.Name(), n)
		}
		out[e.Name()] = text
	}
	return out
}

func gunzip(t *testing.T, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return b
}

// undo takes off what hides a token.
func undo(line string) string {
	if strings.HasPrefix(line, "{") {
		line = strings.NewReplacer(`\\`, `\`, `\/`, `/`, `\n`, "\n", `\u002e`, ".").Replace(line)
	}
	line = regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(line, " ")
	return strings.NewReplacer("#011", "\t", "[.]", ".", "[at]", "@", "hxxp", "http", "%2E", ".", "bücher-schatz", "xn--bcher-schatz-dlb").Replace(line)
}

type wanted struct{ typ, value, pattern string }

const (
	wordBefore = `(?i)(?:^|[^A-Za-z0-9_])`
	wordAfter  = `(?:$|[^A-Za-z0-9_])`
	dotBefore  = `(?i)(?:^|[^A-Za-z0-9_.])`
	dotAfter   = `(?:$|[^A-Za-z0-9_.]|\.(?:$|[^A-Za-z0-9_]))`
)

// hunted says how each huntable, unexpired indicator of the demo looks in a
// line.
func hunted() (out []wanted) {
	s := New(Demo())
	seen := map[string]bool{}
	for f := range s.Truth() {
		if seen[f.Type+f.Value] || !f.Expiration.IsZero() && f.Expiration.Before(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
			continue
		}
		seen[f.Type+f.Value] = true
		if w := look(f.Type, f.Value); w.pattern != "" {
			out = append(out, w)
		}
	}
	return out
}

func look(typ, val string) wanted {
	q := regexp.QuoteMeta(val)
	switch typ {
	case "IPv4":
		if strings.Contains(val, ":") {
			return wanted{"ip_port", val, dotBefore + q + `(?:$|[^0-9A-Za-z_.])`}
		}
		return wanted{"ip", val, `(?i)(?:IP |^|[^A-Za-z0-9_.])` + q + dotAfter + `|IP ` + q + `\.\d+ >`}
	case "IPv6":
		return wanted{"ipv6", val, `[0-9A-Fa-f:.]+`}
	case "CIDR":
		return wanted{"cidr", val, `[0-9.]+`}
	case "domain", "hostname":
		val = strings.Replace(val, "bücher-schatz", "xn--bcher-schatz-dlb", 1)
		return wanted{"domain", val, `(?i)(?:^|[^A-Za-z0-9_-])` + regexp.QuoteMeta(val) + `(?:$|[^A-Za-z0-9_.-]|\.(?:$|[^A-Za-z0-9_]))`}
	case "URL":
		q = strings.Replace(q, `example/`, `example(?::80)?/`, 1)
		return wanted{"url", val, wordBefore + q + `(?:$|[\s"'])`}
	case "URI":
		return wanted{"url_path", val, `(?:(?:GET|POST) |https?://[a-z.]+)` + q + `(?:[?\s"]|$)`}
	case "email":
		return wanted{"email", strings.ToLower(val), `(?i)(?:^|[^A-Za-z0-9_.+-])` + q + `(?:$|[^A-Za-z0-9_.-])`}
	case "FileHash-MD5", "FileHash-SHA1", "FileHash-SHA256":
		return wanted{strings.ToLower(strings.TrimPrefix(typ, "FileHash-")), strings.ToLower(val), wordBefore + q + wordAfter}
	case "JA3":
		return wanted{"ja3", val, wordBefore + q + wordAfter}
	case "CVE":
		return wanted{"cve", val, wordBefore + q + wordAfter}
	case "FilePath":
		return wanted{"file_path", val, `(?i)` + q + wordAfter}
	case "Mutex":
		return wanted{"mutex", val, q + wordAfter}
	}
	return wanted{}
}

// hits applies the pattern; addresses in other spellings and networks are
// decided by parsing.
func hits(re *regexp.Regexp, w wanted, line string) bool {
	if w.typ != "ipv6" && w.typ != "cidr" {
		return re.MatchString(line)
	}
	for _, token := range re.FindAllString(line, -1) {
		a, err := netip.ParseAddr(strings.TrimRight(token, ":."))
		if err != nil {
			continue
		}
		if w.typ == "ipv6" && a == netip.MustParseAddr(w.value) || w.typ == "cidr" && netip.MustParsePrefix(w.value).Contains(a) {
			return true
		}
	}
	return false
}

// The demo's pulses are complete and within a collector's usual look-back.
func TestDemo(t *testing.T) {
	s := New(Demo())
	n := 0
	for p := range s.Pulses() {
		n++
		if age := time.Since(p.Modified); age < 0 || age > 60*24*time.Hour {
			t.Errorf("%s: modified %v ago", p.Name, age)
		}
		if p.ID == "" || p.Author == "" || p.TLP == "" || len(p.Indicators) == 0 {
			t.Errorf("incomplete: %+v", p)
		}
	}
	if n != 10 {
		t.Errorf("%d pulses", n)
	}
}
