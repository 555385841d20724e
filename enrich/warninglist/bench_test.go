package warninglist

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

// The size of the whole of misp-warninglists, by type.
const (
	benchStrings    = 291_000
	benchNetworks   = 143_000
	benchHosts      = 86_000
	benchSubstrings = 8_000
	benchRegexes    = 34
)

var benchTLDs = []string{"com", "net", "org", "de", "fr", "co.uk", "io", "ru", "cn", "info"}

func benchName(r *rand.Rand) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 0, 40)
	for range 1 + r.IntN(2) {
		for range 4 + r.IntN(10) {
			b = append(b, letters[r.IntN(len(letters))])
		}
		b = append(b, '.')
	}
	return string(b) + benchTLDs[r.IntN(len(benchTLDs))]
}

func benchHex(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[r.IntN(16)]
	}
	return string(b)
}

func benchAddr(r *rand.Rand) netip.Addr {
	if r.IntN(4) > 0 {
		return netip.AddrFrom4([4]byte{byte(r.IntN(223) + 1), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))})
	}
	b := [16]byte{0x20, 1, byte(r.IntN(64)), byte(r.IntN(256))}
	for i := 4; i < 16; i++ {
		b[i] = byte(r.IntN(256))
	}
	return netip.AddrFrom16(b)
}

// entriesOf returns n entries of lists.
func entriesOf(n int, one func(int) string) []string {
	e := make([]string, n)
	for i := range e {
		e[i] = one(i)
	}
	return e
}

// benchLists makes lists of the size and shape of misp-warninglists.
func benchLists(r *rand.Rand) []ioc.Warninglist {
	var ls []ioc.Warninglist
	add := func(kind string, attributes []string, total, each int, one func(int) string) {
		for k := 0; total > 0; k++ {
			n := min(each, total)
			total -= n
			ls = append(ls, ioc.Warninglist{ID: fmt.Sprint(kind, k), Name: fmt.Sprint(kind, k), Kind: kind, Attributes: attributes, Entries: entriesOf(n, one)})
		}
	}
	name := func(int) string { return benchName(r) }
	add("string", []string{"hostname", "domain", "url", "domain|ip"}, benchStrings-60_000, 20_000, name)
	add("string", []string{"md5", "sha1", "sha256", "filename|md5"}, 60_000, 20_000, func(int) string { return benchHex(r, []int{32, 40, 64}[r.IntN(3)]) })
	add("cidr", []string{"ip-src", "ip-dst", "domain|ip", "ip-dst|port"}, benchNetworks, 5_000, func(int) string {
		a := benchAddr(r)
		if r.IntN(2) == 0 {
			return a.String()
		}
		bits := a.BitLen()/2 + r.IntN(a.BitLen()/2)
		return netip.PrefixFrom(a, bits).Masked().String()
	})
	add("hostname", []string{"domain", "hostname", "url"}, benchHosts, 10_000, func(int) string { return "." + benchName(r) })
	add("substring", []string{"domain", "hostname", "url", "email-src"}, benchSubstrings, 2_000, name)
	add("regex", []string{"domain", "hostname", "url", "email-src"}, benchRegexes, 10, func(i int) string {
		return fmt.Sprintf(`/^(www|mail%d|cdn)[0-9]*\.%s$/i`, i, benchHex(r, 12))
	})
	return ls
}

// benchObservables makes n observables, of which one in fifty is listed.
func benchObservables(r *rand.Rand, ls []ioc.Warninglist, n int) []ioc.Observable {
	os := make([]ioc.Observable, n)
	for i := range os {
		switch k := r.IntN(100); {
		case k < 30:
			a := benchAddr(r)
			os[i] = ioc.Observable{Type: ioc.IPv6, Value: a.String()}
			if a.Is4() {
				os[i].Type = ioc.IP
			}
		case k < 60:
			os[i] = ioc.Observable{Type: ioc.Domain, Value: benchName(r)}
		case k < 80:
			os[i] = ioc.Observable{Type: ioc.URL, Value: "http://" + benchName(r) + "/" + benchHex(r, 12) + "/index.php?id=" + benchHex(r, 4)}
		case k < 98:
			os[i] = ioc.Observable{Type: ioc.SHA256, Value: benchHex(r, 64)}
		default:
			l := &ls[r.IntN(8)]
			os[i] = ioc.Observable{Type: ioc.Domain, Value: l.Entries[r.IntN(len(l.Entries))]}
		}
	}
	return os
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// BenchmarkCompile compiles lists of the size of the whole of misp-warninglists
// and says what the matcher takes of the heap.
func BenchmarkCompile(b *testing.B) {
	ls := benchLists(rand.New(rand.NewPCG(1, 2)))
	before := heap()
	var m *Matcher
	for b.Loop() {
		m = mustCompile(b, ls...)
	}
	b.ReportMetric(float64(heap()-before)/(1<<20), "MB-heap")
	b.ReportMetric(float64(len(m.table.entries)), "entries")
	runtime.KeepAlive(ls)
}

// BenchmarkFind asks these lists for a million observables, one an iteration.
func BenchmarkFind(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	ls := benchLists(r)
	os := benchObservables(r, ls, 1_000_000)
	m := mustCompile(b, ls...)
	var dst []ioc.ListMatch
	found := 0
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		dst = m.Find(dst[:0], os[i%len(os)])
		found += len(dst)
		i++
	}
	b.ReportMetric(float64(found)/float64(i), "matches/op")
}
