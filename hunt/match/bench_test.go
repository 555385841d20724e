package match

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

// generated makes n distinct observables, of the types and about in the shares
// that feeds have.
func generated(n int) []ioc.Observable {
	r := rand.New(rand.NewPCG(3, 4))
	os := make([]ioc.Observable, 0, n)
	for i := range n {
		host := fmt.Sprintf("%s%d.%s", word(r), i, [...]string{"com", "net", "example", "top", "github.io"}[r.IntN(5)])
		var o ioc.Observable
		switch k := r.IntN(100); {
		case k < 50:
			o = ioc.Observable{Type: ioc.Domain, Value: host}
		case k < 65:
			o = ioc.Observable{Type: ioc.URL, Value: "http://" + host + "/" + word(r) + "/" + word(r) + ".php?id=1"}
		case k < 80:
			o = ioc.Observable{Type: ioc.SHA256, Value: fmt.Sprintf("%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), i)}
		case k < 90:
			o = ioc.Observable{Type: ioc.MD5, Value: fmt.Sprintf("%016x%016x", r.Uint64(), i)}
		case k < 97:
			o = ioc.Observable{Type: ioc.IP, Value: fmt.Sprintf("%d.%d.%d.%d", 128+r.IntN(64), i>>16&255, i>>8&255, i&255)}
		case k < 98:
			o = ioc.Observable{Type: ioc.CIDR, Value: fmt.Sprintf("%d.%d.%d.0/24", 192+r.IntN(16), i>>8&255, i&255)}
		case k < 99:
			o = ioc.Observable{Type: ioc.Email, Value: word(r) + "@" + host}
		default:
			o = ioc.Observable{Type: ioc.CVE, Value: fmt.Sprintf("CVE-2024-%d", 10000+i)}
		}
		os = append(os, o)
	}
	return os
}

var syllables = strings.Fields("ba ce di fo gu ha je ki lo mu na pe qui ro su ta ve wi xo za")

func word(r *rand.Rand) string {
	return syllables[r.IntN(20)] + syllables[r.IntN(20)] + syllables[r.IntN(20)]
}

// logText makes about size bytes of log lines in five formats.
func logText(size int) []byte {
	r := rand.New(rand.NewPCG(5, 6))
	var b bytes.Buffer
	addr := func() string {
		return fmt.Sprintf("%d.%d.%d.%d", 1+r.IntN(120), r.IntN(256), r.IntN(256), r.IntN(256))
	}
	host := func() string {
		return word(r) + "." + word(r) + [...]string{".com", ".net", ".org", ".github.io"}[r.IntN(4)]
	}
	for b.Len() < size {
		switch r.IntN(5) {
		case 0:
			fmt.Fprintf(&b, "%s - - [21/Nov/2026:02:21:56 +0000] \"GET /%s/%s.html?v=%d HTTP/1.1\" 200 %d \"https://%s/%s\" \"Mozilla/5.0 (X11; Linux x86_64) Chrome/%d.0.0.0\"\n", addr(), word(r), word(r), r.IntN(99), r.IntN(99999), host(), word(r), r.IntN(130))
		case 1:
			fmt.Fprintf(&b, "Nov 21 02:21:56 web01 sshd[%d]: Failed password for invalid user %s from %s port %d ssh2\n", r.IntN(65536), word(r), addr(), r.IntN(65536))
		case 2:
			fmt.Fprintf(&b, "Nov 21 02:21:56 gw dnsmasq[812]: query[A] %s from %s\n", host(), addr())
		case 3:
			fmt.Fprintf(&b, "{\"@timestamp\":\"2026-11-21T02:21:56.000Z\",\"process\":{\"executable\":\"C:\\\\Program Files\\\\%s.exe\",\"hash\":{\"md5\":\"%016x%016x\"}},\"source\":{\"ip\":\"%s\"},\"url\":{\"original\":\"https://%s/%s\"}}\n", word(r), r.Uint64(), r.Uint64(), addr(), host(), word(r))
		case 4:
			fmt.Fprintf(&b, "1763691716.%03d %6d %s TCP_MISS/200 %d GET http://%s/%s/%s.js - HIER_DIRECT/%s text/html\n", r.IntN(1000), r.IntN(9999), addr(), r.IntN(99999), host(), word(r), word(r), addr())
		}
	}
	return b.Bytes()
}

func BenchmarkAppend(b *testing.B) {
	data := logText(4 << 20)
	for _, n := range []int{1000, 100000, 1000000} {
		s := compile(b, generated(n))
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) { benchmark(b, s, data) })
		if n == 1000 {
			s = compile(b, append(generated(n), list(b, "user_agent sqlmap/1.7", `file_path C:\Windows\Temp\x.exe`, "text Failed passphrase", "url_path /wp-login.php", "mac_address 00:1b:44:11:3a:b7")...))
			b.Run("n=1000,text", func(b *testing.B) { benchmark(b, s, data) })
		}
	}
}

func benchmark(b *testing.B, s *Set, data []byte) {
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	var ms []Match
	for b.Loop() {
		ms = s.Append(ms[:0], data)
	}
	b.ReportMetric(float64(len(ms)), "hits")
}

// hostile are texts made to be slow.
func hostile(size int) map[string][]byte {
	m := map[string][]byte{"token": bytes.Repeat([]byte("x"), 10<<20)}
	for _, s := range []string{".", "a", "1", ":", "::", "a.", "1.", "1.1.1.1.", "[.]", "a[.]", "%25", "%41", "\\", "\\u002e", "@", "a@", "a@a.evil.com.", "://", "http://", "http://evil.com/", "http://evil.com/,", "evil.com/,",
		"a:", "ff:", "1::", "-", "1-", "GET /", "/", "&amp;", "\x1b[1", "\x1b[1m", "hxxp", "#011", "e\x00", "\x00", "\xd1\x8f", "evil.com ", "evil.com.", "1.2.3.4 ", "a.github.io ", "http%3A%2F%2Fevil.com%2F", "CVE-", "cve-2024-", "Evil Bot", "aaaab",
		"d41d8cd98f00b204e9800998ecf8427e ", "00:11:22:33:44:55 ", "00-", "::ffff:1.2.3.4 ", "uri=/", "\"uri\":\"/x", "(1)a(0)", "(1)a", "a。", "é/tmp/"} {
		m[s] = bytes.Repeat([]byte(s), size/len(s)+1)
	}
	return m
}

func BenchmarkHostile(b *testing.B) {
	s := compile(b, append(generated(10000), list(b, "domain evil.com", "ip 1.2.3.4", "ipv6 2001:db8::1", "cidr 1.0.0.0/9", "ip_port 1.2.3.4:80", "url http://evil.com/"+strings.Repeat("x", 500), "url evil.com/x", "url_path /"+strings.Repeat("x", 500), "email bob@evil.com",
		"mac_address 00:1b:44:11:3a:b7", "user_agent Evil Bot/1.0", "text aaaaaaaaaab", "file_path /tmp/x", "file_name tmp", "certificate_fingerprint "+strings.Repeat("ab", 20), "url_path /x")...))
	m := hostile(1 << 20)
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}) {
		b.Run(fmt.Sprintf("%q", name), func(b *testing.B) { benchmark(b, s, m[name]) })
	}
}

func BenchmarkCompile(b *testing.B) {
	os := generated(1000000)
	b.ReportAllocs()
	for b.Loop() {
		compile(b, os)
	}
}

func BenchmarkOpen(b *testing.B) {
	s := compile(b, generated(1000000))
	path := filepath.Join(b.TempDir(), "x.set")
	if err := s.Save(path, 1); err != nil {
		b.Fatal(err)
	}
	size := 0
	for _, p := range s.sections() {
		size += len(*p)
	}
	b.SetBytes(int64(size))
	for b.Loop() {
		s, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

// TestAllocations: a search for things that are not there allocates nothing.
func TestAllocations(t *testing.T) {
	if race {
		t.Skip("under the race detector sync.Pool drops what it is given, at random")
	}
	s := compile(t, append(generated(1000), list(t, "text Failed passphrase", "url_path /x", "domain evil.com")...))
	data := append(logText(64<<10), `"\/\/evil.com\/x%2Fy" hxxp://evil[.]com`...)
	ms := s.Append(nil, data)
	if n := testing.AllocsPerRun(20, func() { ms = s.Append(ms[:0], data) }); n >= 1 {
		t.Errorf("%v allocations a call", n)
	}
	if len(ms) != 2 {
		t.Errorf("%d matches", len(ms))
	}
}

// TestConcurrent searches with one set in several goroutines.
func TestConcurrent(t *testing.T) {
	s := compile(t, append(generated(1000), list(t, "domain evil.com")...))
	data := append(logText(16<<10), "\nevil[.]com"...)
	want := s.Append(nil, data)
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for range 20 {
				if got := s.Append(nil, data); !slices.Equal(got, want) {
					t.Fatalf("%v, want %v", got, want)
				}
			}
		})
	}
}
