package indices

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

// odds returns the expressions as Go reads them: whole values.
func odds(t *testing.T, s *sweep, capitals bool, types ...ioc.Type) *regexp.Regexp {
	t.Helper()
	list := s.odd(types, capitals)
	for _, r := range list {
		if len(r) > 1000 {
			t.Errorf("an expression has %d bytes; index.max_regex_length is 1,000", len(r))
		}
	}
	return regexp.MustCompile(`(?s)\A(?:` + strings.Join(list, "|") + `)\z`)
}

// TestOddIsComplete: a value that holds an indicator is one of the values that
// are sent for it, or it is odd.
func TestOddIsComplete(t *testing.T) {
	for _, schemeless := range []bool{false, true} {
		seed := rand.Uint64()
		rnd := rand.New(rand.NewPCG(seed, 2))
		plain, hits := 0, 0
		for range 12 {
			l := newListing(rnd, 25, schemeless)
			set := compile(t, l.all)
			s := &sweep{values: l.pool}
			m := newMatcher(set)
			for i, types := range [][]ioc.Type{{ioc.URL}, {ioc.Email}, {ioc.SHA256, ioc.MD5, ioc.CertHash}, {ioc.SHA256, ioc.MD5}} {
				capitals := i == 3
				odd, wanted := odds(t, s, capitals, types...), setOf(types)
				tg := &target{IndexField: &IndexField{SearchKind: "keyword"}, list: types}
				sent := map[string]bool{}
				values, _ := s.terms(tg)
				if capitals {
					values = append(values, s.capitals(tg)...)
				}
				for _, v := range values {
					sent[v] = true
				}
				if !s.allProper(tg) {
					t.Fatalf("seed %d: the listing is not proper for %v", seed, types)
				}
				for range 4000 {
					v := l.near(types, values)
					if odd.MatchString(v) {
						continue
					}
					plain++
					for _, x := range m.one("", v) {
						if wanted.has(m.typeOf(x.ID)) {
							hits++
							if !sent[v] {
								t.Errorf("seed %d: %q holds %v, but is neither odd nor sent", seed, v, set.Observable(x.ID))
							}
							break
						}
					}
				}
			}
		}
		if plain < 5000 || hits < 500 {
			t.Errorf("seed %d: %d plain values with %d hits: the test tests nothing", seed, plain, hits)
		}
	}
}

// near returns a bent value, one that is sent with a few bytes changed, or two
// joined.
func (l *listing) near(types []ioc.Type, sent []string) string {
	v := sent[l.rnd.IntN(len(sent))]
	switch l.rnd.IntN(5) {
	case 0:
		return l.value(types...)
	case 1:
		return v
	case 2:
		w := sent[l.rnd.IntN(len(sent))]
		return v[:l.rnd.IntN(len(v)+1)] + w[l.rnd.IntN(len(w)):]
	case 3:
		return v + string(l.pick("/?.&=-@+:,;x%")) + sent[l.rnd.IntN(len(sent))]
	}
	b := []byte(v)
	for range 1 + l.rnd.IntN(3) {
		b[l.rnd.IntN(len(b))] = l.pick("abAB09._~/?=&+$:-@%[](),;#'\"\\ \n!*{}|^`<>\x00\xc3")
	}
	return string(b)
}

func TestOddTable(t *testing.T) {
	s := &sweep{values: map[ioc.Type][]string{}}
	for _, c := range []struct {
		t     ioc.Type
		plain []string
		odd   []string
	}{
		{ioc.SHA256, []string{"", "abc09", "ABC09", "0123"}, []string{"aB", "Ab", "x", "ab ", "sha256:ab", "ab\n", "é"}},
		{ioc.Email, []string{"a@b.c", "a.b+c@d-e.f", "none", ""}, []string{"A@b.c", "a@b.c.", "a@b..c", "a@.b", "a@", "<a@b.c>", "a@b@c", "a@b+c.d", "a b", "o'x@y.z"}},
		{ioc.URL, []string{"http://a.b/", "https://a-b.c/d/e.php?f=g&h=/i", "http://h/x"}, []string{
			"", "a.b/c", "ftp://a.b/c", "HTTP://a.b/c", "http://A.b/c", "http://a.b", "http://a.b:80/c", "http://u@a.b/c", "http://a..b/c", "http://a.b./c",
			"http://.a/c", "http:///c", "http://a.b/c.", "http://a.b/c?", "http://a.b/%41", "http://a.b/c#d", "http://a.b/?u=http://c.d/e", "http:/a.b/c", " http://a.b/c", "http://a.b/(c)", "http://a.b/ü"}[1:]},
	} {
		odd := odds(t, s, true, c.t)
		for _, v := range c.plain {
			if odd.MatchString(v) {
				t.Errorf("%s %q is odd", c.t, v)
			}
		}
		for _, v := range c.odd {
			if !odd.MatchString(v) {
				t.Errorf("%s %q is not odd", c.t, v)
			}
		}
	}
	s.values[ioc.URL] = []string{"a.b/c"}
	if !odds(t, s, true, ioc.URL).MatchString("http://a.b/c.d") {
		t.Error("a dot behind the host is not odd where URLs without a scheme are listed")
	}
}

func TestProper(t *testing.T) {
	for _, c := range []struct {
		t    ioc.Type
		v    string
		want bool
	}{
		{ioc.URL, "http://a.b/c", true}, {ioc.URL, "a.b/c", true}, {ioc.URL, "http://[2001:db8::1]/", true}, {ioc.URL, "http://host/", true},
		{ioc.URL, "a.b", false}, {ioc.URL, "http://" + strings.Repeat("a", 300) + ".b/", false}, {ioc.URL, "http://a.b/" + strings.Repeat("c", 4096), false}, {ioc.URL, "x y.z", true},
		{ioc.Email, "a@b.c", true}, {ioc.Email, "a@b", false}, {ioc.Email, "o'x@y.z", true}, {ioc.MD5, "ab", false}, {ioc.MD5, strings.Repeat("0f", 16), true},
	} {
		if got := proper(c.t, c.v); got != c.want {
			t.Errorf("proper(%s, %.40q) = %v", c.t, c.v, got)
		}
	}
}
