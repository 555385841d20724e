package warninglist

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/misplist"
)

// maker makes lists and observables out of few labels, addresses and digits, so
// that they meet often, out of the bytes that it is given or at random.
type maker struct{ next func(n int) int }

func pick[T any](m *maker, from ...T) T { return from[m.next(len(from))] }

func (m *maker) label() string { return pick(m, "a", "b", "evil", "www", "ab", "com", "uk", "go-1") }

func (m *maker) name() string {
	labels := make([]string, 1+m.next(4))
	for i := range labels {
		labels[i] = m.label()
	}
	return strings.Join(labels, ".")
}

func (m *maker) addr() string {
	if m.next(3) > 0 {
		return fmt.Sprintf("10.%d.%d.%d", m.next(2), pick(m, 0, 1, 128), m.next(4))
	}
	return pick(m, "2001:db8::1", "2001:db8::", "2001:db8:1::7", "::1", "::ffff:10.0.0.1", "2001:db8::1%eth0")
}

func (m *maker) net() string {
	a := m.addr()
	n, err := canon.Addr(a)
	if err != nil || m.next(2) == 0 {
		return a
	}
	return netip.PrefixFrom(n, 1+m.next(n.BitLen())).String()
}

func (m *maker) hex() string {
	return strings.Repeat(pick(m, "a", "B", "0"), pick(m, 32, 40, 64))
}

// value is something of any type, as an entry or a feed may write it.
func (m *maker) value() string {
	switch m.next(11) {
	case 0, 1, 2:
		return m.name()
	case 3:
		return pick(m, "http://", "https://", "") + m.name() + pick(m, "", "/", "/x", "/?q", ":8080/", "/A/b?c=d", "/x://y/")
	case 4:
		return pick(m, "bob", "abuse", "A") + "@" + m.name()
	case 5:
		return m.addr()
	case 6:
		return m.net()
	case 7:
		return m.addr() + ":80"
	case 8:
		return m.hex()
	case 9:
		return pick(m, "3::", "CVE-2020-1234", "K\u212aS", "\u017fkype", "00-11-22-33-44-55", "bücher.com", ".", "..", "*.", "a..b", "*evil.com", " a.com ", "evil.exe", `C:\evil.exe`, "Mozilla/5.0 (evil)")
	}
	return strings.ToUpper(m.name())
}

func (m *maker) attributes() []string {
	all := [][]string{nil, {"domain", "hostname"}, {"domain", "url", "domain|ip"}, {"ip-src", "ip-dst|port"}, {"md5", "filename|sha1", "sha256"},
		{"email-src", "email-dst"}, {"url", "uri"}, {"mac-address", "x509-fingerprint-md5", "user-agent"}, {"filename", "vulnerability"}, {"ssdeep", "domain"}}
	return pick(m, all...)
}

func (m *maker) entry(kind string) string {
	switch kind {
	case "string":
		return pick(m, "", "", ".", "*.") + m.value()
	case "hostname":
		return pick(m, "", ".", "*.") + m.name()
	case "cidr":
		return m.net()
	case "substring":
		return pick(m, "evil", "il.", "a.b", "AB.", "b.com", "0000", "com", ".com", "http", "a.b.com", "vil.www", "://", "\u212as", "x?q=")
	}
	return pick(m, `/^evil\./`, `/^EVIL\./i`, `/(www|ab)\.com$/`, `a\.b`, `/^(abuse|bob)\@.*\..*$/i`, `/[a-f0-9]{40}/g`, `/ks/i`, `/skype|ab\.a/i`, `/(a|b)+\.uk/`, `/10\.(0|1)\./`, `/^.{3}$/`, `/e(vil)?\.(com|uk)/`, `/(?:www\.){2,}/`)
}

// lists makes some lists; what of them cannot be used is taken out, as the
// naive matcher knows of no refusals.
func (m *maker) lists() []ioc.Warninglist {
	ls := make([]ioc.Warninglist, 1+m.next(6))
	for i := range ls {
		l := &ls[i]
		l.Kind, l.Attributes = pick(m, misplist.Types...), m.attributes()
		l.Name = pick(m, "plain", "List of known dynamic DNS domains", "List of known Amazon AWS IP address ranges") + pick(m, "", fmt.Sprint(i))
		l.ID = fmt.Sprint(i)
		for range 1 + m.next(12) {
			e := m.entry(l.Kind)
			_, refused, err := Compile(each(ioc.Warninglist{Name: "n", Kind: l.Kind, Attributes: l.Attributes, Entries: []string{e}}), Options{})
			if err == nil && len(refused) == 0 {
				l.Entries = append(l.Entries, e)
			}
		}
	}
	return ls
}

func (m *maker) observable() (ioc.Observable, bool) {
	t := pick(m, ioc.Type(""), "", "", ioc.Domain, ioc.URL, ioc.Email, ioc.IP, ioc.CIDR, ioc.IPPort, ioc.Text, ioc.FileName, ioc.UserAgent, ioc.SSDeep, "strange")
	o, err := canon.Observable(t, m.value())
	return o, err == nil
}

// agree holds Find to the naive matcher.
func agree(t *testing.T, m *maker) (matches int) {
	t.Helper()
	ls := m.lists()
	actions := make(map[string]Action)
	for _, l := range ls {
		actions[l.ID] = pick(m, Default, Default, Default, Disarm, Lower, Off)
	}
	act := func(l *ioc.Warninglist) Action { return actions[l.ID] }
	got, refused, err := Compile(each(ls...), Options{Action: act})
	if err != nil || len(refused) > 0 {
		t.Fatalf("%+v: %v, refused: %v", ls, err, refused)
	}
	for range 30 {
		o, ok := m.observable()
		if !ok {
			continue
		}
		want := naiveFind(ls, act, o)
		if d := cmp.Diff(want, got.Find(nil, o)); d != "" {
			t.Fatalf("%+v in %+v, actions %v (-naive +Find):\n%s", o, ls, actions, d)
		}
		matches += len(want)
	}
	return matches
}

func TestFindEqualsNaive(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	matches := 0
	for range 4000 {
		matches += agree(t, &maker{next: r.IntN})
	}
	if matches < 8_000 {
		t.Errorf("only %d matches: the test says little", matches)
	}
}

func FuzzFind(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 5))
	for range 8 {
		b := make([]byte, 600)
		for i := range b {
			b[i] = byte(r.IntN(256))
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		agree(t, &maker{next: func(n int) int {
			if len(b) == 0 {
				return 0
			}
			c := int(b[0])
			b = b[1:]
			return c % n
		}})
	})
}
