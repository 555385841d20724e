package indices

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
)

// createIndex makes an index with a mapping, JSON.
func createIndex(t testing.TB, n estest.Node, name, body string) {
	t.Helper()
	if err := n.Client(t).Do(t.Context(), es.Request{Method: "PUT", Path: "/" + name, Body: []byte(body)}, nil); err != nil {
		t.Fatal(err)
	}
}

// load indexes documents under the ids d0, d1, …
func load(t testing.TB, n estest.Node, index string, docs []map[string]any) {
	t.Helper()
	for from := 0; from < len(docs); from += 5000 {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		for i, d := range docs[from:min(len(docs), from+5000)] {
			enc.Encode(es.M{"index": es.M{"_id": fmt.Sprintf("d%d", from+i)}})
			enc.Encode(d)
		}
		var x struct {
			Errors bool
			Items  []json.RawMessage
		}
		err := n.Client(t).Do(t.Context(), es.Request{Method: "POST", Path: "/" + index + "/_bulk", Query: url.Values{"refresh": {"true"}}, Body: b.Bytes(), NDJSON: true}, &x)
		if err != nil {
			t.Fatal(err)
		}
		if x.Errors {
			for _, it := range x.Items {
				if bytes.Contains(it, []byte(`"error"`)) {
					t.Fatalf("a document was refused: %.600s", it)
				}
			}
		}
	}
}

// compile makes a set.
func compile(t testing.TB, os []ioc.Observable) *match.Set {
	t.Helper()
	s, err := match.Compile(slices.Values(os))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// describeOne returns an index as the engine sees it.
func describeOne(t testing.TB, e *Engine, src Source) Index {
	t.Helper()
	found, troubles, err := e.Indices(t.Context(), src)
	if err != nil || len(troubles) > 0 || len(found) != 1 {
		t.Fatalf("Indices = %d indices, %v, %v", len(found), troubles, err)
	}
	return found[0]
}

// sweepAll runs a sweep and returns "id type value field" of each match.
func sweepAll(t testing.TB, e *Engine, src Source, ix Index, w Window, set Set, only []string) ([]string, Report) {
	t.Helper()
	out, twice := []string{}, map[string]bool{}
	r, err := e.Sweep(t.Context(), src, ix, w, set, only, func(fs []Found) error {
		for _, f := range fs {
			if twice[f.ID] {
				t.Errorf("document %s was handed out twice", f.ID)
			}
			twice[f.ID] = true
			for _, m := range f.Matches {
				if m.Start < 0 || m.End > len(m.Value) || m.Start >= m.End {
					t.Errorf("match %+v lies outside of its value", m)
				}
				out = append(out, line(f.ID, set.Observable(m.ID), m.Field))
			}
		}
		return nil
	})
	if err != nil || len(r.Incomplete) > 0 {
		t.Fatalf("Sweep: %v, incomplete %v", err, r.Incomplete)
	}
	slices.Sort(out)
	return out, r
}

func line(id string, o ioc.Observable, field string) string {
	return fmt.Sprintf("%s %s %q %s", id, o.Type, o.Value, field)
}

// listing is what the random tests hunt for.
type listing struct {
	rnd  *rand.Rand
	all  []ioc.Observable
	pool map[ioc.Type][]string
}

func newListing(rnd *rand.Rand, n int, schemeless bool) *listing {
	l := &listing{rnd: rnd, pool: map[ioc.Type][]string{}}
	for range n {
		l.add(ioc.Domain, l.name())
		l.add(ioc.URL, "http://"+l.name()+l.path())
		l.add(ioc.URL, "https://"+l.name()+":8443"+l.path()+"?q=1")
		l.add(ioc.URLPath, l.path()+"/z")
		l.add(ioc.SHA256, l.hex(64))
		l.add(ioc.MD5, l.hex(32))
		l.add(ioc.CertHash, l.hex(40))
		l.add(ioc.Email, l.word()+"@"+l.name())
		l.add(ioc.IP, l.ip4())
		l.add(ioc.IPv6, fmt.Sprintf("2001:db8::%x", rnd.IntN(1<<16)+1))
		l.add(ioc.IPPort, l.ip4()+":"+fmt.Sprint(1+rnd.IntN(3)))
		if schemeless {
			l.add(ioc.URL, l.name()+l.path())
			l.add(ioc.URL, l.name()+":80"+l.path())
		}
	}
	l.add(ioc.CIDR, "198.51.100.0/28")
	l.add(ioc.CIDR, "2001:db8:7::/48")
	l.add(ioc.Email, "o'"+l.word()+"@"+l.name())
	return l
}

func (l *listing) add(t ioc.Type, v string) {
	if o := (ioc.Observable{Type: t, Value: v}); !slices.Contains(l.all, o) {
		l.all, l.pool[t] = append(l.all, o), append(l.pool[t], v)
	}
}

func (l *listing) pick(of string) byte { return of[l.rnd.IntN(len(of))] }

func (l *listing) word() string {
	b := make([]byte, 2+l.rnd.IntN(5))
	for i := range b {
		b[i] = l.pick("abcdefgh")
	}
	return string(b)
}

func (l *listing) name() string {
	return l.word() + "." + [...]string{"example", "test", "co.test"}[l.rnd.IntN(3)]
}
func (l *listing) path() string {
	return "/" + l.word() + [...]string{"", "/x.php", "/A", "/b?c=d&e=f", "/~u/"}[l.rnd.IntN(5)]
}
func (l *listing) ip4() string { return fmt.Sprintf("192.0.2.%d", l.rnd.IntN(256)) }
func (l *listing) hex(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = l.pick("0123456789abcdef")
	}
	return string(b)
}

// value returns a value that is, holds, or nearly is a listed one of one of types.
func (l *listing) value(types ...ioc.Type) string {
	t := types[l.rnd.IntN(len(types))]
	v := ""
	if p := l.pool[t]; len(p) > 0 {
		v = p[l.rnd.IntN(len(p))]
	}
	if l.rnd.IntN(3) == 0 { // another one, that is not listed
		v = map[bool]string{true: "http://" + l.name() + l.path(), false: l.name()}[t == ioc.URL]
	}
	for range l.rnd.IntN(3) {
		v = l.bend(v)
	}
	return v
}

// bend writes a value in another way, of which some are still it.
func (l *listing) bend(v string) string {
	switch l.rnd.IntN(26) {
	case 0:
		return strings.ToUpper(v)
	case 1:
		return "x" + v
	case 2:
		return v + "x"
	case 3:
		return "www." + v
	case 4:
		return v + "."
	case 5:
		return strings.ReplaceAll(v, ".", "[.]")
	case 6:
		return strings.Replace(v, "http", "hxxp", 1)
	case 7:
		return url.QueryEscape(v)
	case 8:
		return "see " + v + ", please"
	case 9:
		return "\"" + v + "\""
	case 10:
		return "a\n" + v + "\nb"
	case 11:
		return "ñ" + v
	case 12:
		return v + "가"
	case 13:
		return "http://" + l.name() + "/?u=" + v
	case 14:
		return v + "#frag"
	case 15:
		return v + "/"
	case 16:
		return strings.Replace(v, "://", "://user:pw@", 1)
	case 17:
		return strings.ToUpper(v[:len(v)/2]) + v[len(v)/2:]
	case 18:
		return v + "?"
	case 19:
		return strings.Replace(v, "http://", "", 1)
	case 20:
		return "https://" + v
	case 21:
		return v + ";" + l.value(ioc.SHA256, ioc.Email, ioc.URL)
	case 22:
		return strings.Replace(v, ":8443", "", 1)
	case 23:
		return strings.ReplaceAll(v, "&", "&amp;")
	case 24:
		return v + strings.Repeat("/long", 12)
	}
	return v
}

// address returns a value that an ip field takes.
func (l *listing) address() string {
	switch l.rnd.IntN(6) {
	case 0:
		return fmt.Sprintf("198.51.100.%d", l.rnd.IntN(32))
	case 1:
		return fmt.Sprintf("2001:db8:%x::%x", 6+l.rnd.IntN(3), l.rnd.IntN(1<<16))
	case 2:
		v := l.pool[ioc.IPv6]
		a := netip.MustParseAddr(v[l.rnd.IntN(len(v))])
		return strings.ToUpper(a.StringExpanded())
	case 3:
		return "::ffff:" + l.ip4()
	case 4:
		v := l.pool[ioc.IPPort]
		return netip.MustParseAddrPort(v[l.rnd.IntN(len(v))]).Addr().String()
	}
	return l.ip4()
}
