package warninglist

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash/fnv"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
)

func TestBuiltin(t *testing.T) {
	ls := Builtin()
	seen := make(map[string]bool)
	for _, l := range ls {
		if !strings.HasPrefix(l.Name, "iochunt: ") || l.Feed != "" || l.ID == "" || l.Description == "" || l.Version == "" || len(l.Attributes) == 0 || seen[l.Name] {
			t.Errorf("%s: %s has no name of its own, no description, no version or no attributes", l.ID, l.Name)
		}
		seen[l.Name] = true
		once := slices.Compact(slices.Sorted(slices.Values(l.Entries)))
		if len(once) != len(l.Entries) {
			t.Errorf("%s: an entry stands twice", l.Name)
		}
	}
	m := mustCompile(t, ls...)
	f := func(o, want string) {
		t.Helper()
		var got []string
		for _, x := range m.Find(nil, observable(t, o)) {
			s := strings.TrimPrefix(x.List, "iochunt: ") + " " + x.Match
			if x.Lowers {
				s += " lowers"
			}
			got = append(got, s)
		}
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("%s: %s, want %s", o, s, want)
		}
	}
	f("ip 10.1.2.3", "private addresses within")
	f("ip 172.31.255.255", "private addresses within")
	f("ip 172.32.0.0", "")
	f("ip 192.168.1.1", "private addresses within")
	f("ip 100.64.0.1", "private addresses within")
	f("ip 100.128.0.1", "")
	f("ipv6 fd00::1", "private addresses within")
	f("cidr 10.0.0.0/8", "private addresses exact")
	f("ip 127.0.0.1", "loopback addresses within")
	f("ipv6 ::1", "loopback addresses exact")
	f("ip 0.0.0.0", "loopback addresses exact; reserved addresses within")
	f("ip 169.254.169.254", "link-local addresses within")
	f("ipv6 fe80::1", "link-local addresses within")
	f("ip 224.0.0.251", "multicast and broadcast addresses within")
	f("ip 255.255.255.255", "multicast and broadcast addresses exact; reserved addresses within")
	f("ipv6 ff02::fb", "multicast and broadcast addresses within")
	f("ip 250.1.2.3", "reserved addresses within")
	f("ip 192.0.2.1", "documentation addresses within")
	f("ip 198.51.100.7", "documentation addresses within")
	f("ip 203.0.113.7", "documentation addresses within")
	f("ipv6 2001:db8::1", "documentation addresses within")
	f("ipv6 3fff:fff::1", "documentation addresses within")
	f("ip 198.19.255.255", "benchmarking addresses within")
	f("ip_port 10.1.2.3:80", "private addresses within")
	f("domain www.example.com", "")
	f("domain printer.local", "names that are never public below")
	f("ip 8.8.8.8", "addresses of public resolvers exact")
	f("ipv6 2606:4700:4700::1111", "addresses of public resolvers exact")
	f("ip_port 9.9.9.9:53", "addresses of public resolvers within")
	f("ip 4.2.2.2", "addresses of public resolvers exact")
	f("domain dns.google", "names of public resolvers exact")
	f("domain otx.alienvault.com", "hosts of threat feeds exact")
	f("url https://otx.alienvault.com/pulse/x", "hosts of threat feeds below lowers")
	f("domain 0.de.pool.ntp.org", "connectivity checks and time servers below")
	f("url http://detectportal.firefox.com/success.txt", "connectivity checks and time servers below lowers")
	f("domain evil.com", "")
	f("ip 11.1.2.3", "")
	f("sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "digests of empty and trivial files exact")
}

// TestBuiltinDigests: the digests are those of the contents that the list names.
func TestBuiltinDigests(t *testing.T) {
	var want []string
	for _, c := range []string{"", "\n", "\r\n", " ", "\x00", "{}", "[]", "null", "\ufeff"} {
		b := []byte(c)
		want = append(want, fmt.Sprintf("%x", md5.Sum(b)), fmt.Sprintf("%x", sha1.Sum(b)), fmt.Sprintf("%x", sha256.Sum256(b)), fmt.Sprintf("%x", sha512.Sum512(b)))
	}
	if d := cmp.Diff(want, builtinList(t, "empty-files").Entries); d != "" {
		t.Error(d)
	}
}

func builtinList(t *testing.T, id string) ioc.Warninglist {
	t.Helper()
	for _, l := range Builtin() {
		if l.ID == id {
			return l
		}
	}
	t.Fatalf("no list %s", id)
	return ioc.Warninglist{}
}

// TestBuiltinNamesRFCs: a range is there because a standard says so.
func TestBuiltinNamesRFCs(t *testing.T) {
	for _, id := range []string{"private", "loopback", "link-local", "multicast", "reserved", "documentation", "local-names", "benchmarking"} {
		if l := builtinList(t, id); !regexp.MustCompile(`RFC \d+`).MatchString(l.Description) {
			t.Errorf("%s names no RFC", id)
		}
	}
}

// builtinSum is that of the lists of Version. If this test fails, the lists
// have changed: raise Version, so that verdicts derived from the old ones are
// derived anew, and write the sum that it tells here.
const builtinSum = 0xa5bb4baf

func TestVersionOfBuiltin(t *testing.T) {
	h := fnv.New32a()
	files, _ := fs.Glob(builtin, "builtin/*.json")
	for _, f := range files {
		b, err := builtin.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		h.Write([]byte(f))
		h.Write(b)
	}
	if got := h.Sum32(); got != builtinSum {
		t.Errorf("the lists that are built in have the sum %#x, and version %d is of %#x", got, Version, builtinSum)
	}
}
