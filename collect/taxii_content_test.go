package collect_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/store/memory"
)

// content stores one content block, twice, and returns what is stored and the
// result of the first run.
func content(t *testing.T, b taxiitest.Block1) ([]string, collect.Result) {
	t.Helper()
	b.Label = day
	base := serve(t, fake1([]taxiitest.Block1{b}))
	s := memory.New()
	r := poll(t, newTAXII(t, taxii1Options(base), s), s)
	got := stored(t, s)
	again := poll(t, newTAXII(t, taxii1Options(base), s), s)
	if d := cmp.Diff(got, stored(t, s)); d != "" || again.Changes.New+again.Changes.Changed+again.Changes.Withdrawn > 0 {
		t.Errorf("the second run changes what is stored: %+v\n%s", again.Changes, d)
	}
	return got, r
}

// What may stand in a content block.
func TestTAXII1Content(t *testing.T) {
	t.Parallel()
	f := func(b taxiitest.Block1, want ...string) {
		t.Helper()
		got, r := content(t, b)
		if d := cmp.Diff(want, got); d != "" || r.Outcome() != collect.OK {
			t.Errorf("%.200s\n%s%+v", b.Content, d, r)
		}
	}
	p := stix1("p", day, "a.example")
	const id = "{http://feed.example}p domain a.example"
	f(taxiitest.Block1{Content: p}, id)
	f(taxiitest.Block1{Content: p, Form: "escaped"}, id)
	f(taxiitest.Block1{Content: p, Form: "cdata"}, id)
	f(taxiitest.Block1{Content: p, Form: "base64"}, id)
	f(taxiitest.Block1{Content: `<?xml version="1.0"?>` + "\n" + p, Form: "cdata"}, id)
	f(taxiitest.Block1{Content: "<all>" + p + stix1("q", day, "b.example") + "</all>"}, id, "{http://feed.example}q domain b.example")
	f(taxiitest.Block1{Content: p + stix1("q", day, "b.example")}, id, "{http://feed.example}q domain b.example")
	f(taxiitest.Block1{Content: "<all>" + p + stix1("p", day, "b.example") + "</all>"}, id, "{http://feed.example}p domain b.example")
	bundle := fmt.Sprintf(`{"type":"bundle","id":%q,"objects":[%s]}`, stixID("bundle", 1), indicator2(1, day, domain2(1), ""))
	for _, label := range []string{"", "urn:stix.mitre.org:xml:1.2"} { // servers mislabel
		got, r := content(t, taxiitest.Block1{Content: bundle, Form: "cdata", Binding: label})
		if len(got) != 1 || !strings.HasSuffix(got[0], " domain d1.example") || r.Outcome() != collect.OK {
			t.Errorf("%q, %+v", got, r)
		}
	}
}

// A package without a name has its content's digest for one.
func TestTAXII1PackageWithoutAName(t *testing.T) {
	t.Parallel()
	got, _ := content(t, taxiitest.Block1{Content: strings.Replace(stix1("p", day, "a.example"), `id="ex:p"`, "", 1)})
	if len(got) != 1 || !strings.HasPrefix(got[0], "sha256:") || len(strings.Fields(got[0])[0]) != len("sha256:")+32 {
		t.Errorf("%q", got)
	}
}

// A block that is too long to be kept in memory is read twice, and its report
// takes several batches.
func TestTAXII1LongBlock(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 25_000 {
		names = append(names, fmt.Sprintf("d%d.example", i))
	}
	got, r := content(t, taxiitest.Block1{Content: stix1("p", day, names...)})
	if len(got) != 25_000 || r.Changes.New != 25_000 || r.Reports != 1 {
		t.Errorf("%d, %+v", len(got), r)
	}
	base := serve(t, fake1([]taxiitest.Block1{{Label: day, Content: stix1("p", day, names...)}}))
	for b, err := range newTAXII(t, taxii1Options(base), nil).Collect(t.Context(), "") {
		if err != nil || len(b.Members) > 10_000 {
			t.Errorf("a batch of %d members, %v", len(b.Members), err)
		}
	}
}

// What a person should be told.
func TestTAXIINotes(t *testing.T) {
	t.Parallel()
	f := func(r collect.Result, want string) {
		t.Helper()
		if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, want) }) || r.Outcome() != collect.OK {
			t.Errorf("notes %q, want %q; %+v", r.Notes, want, r)
		}
	}
	_, r := content(t, taxiitest.Block1{Content: strings.Replace(stix1("p", day, "a.example"), "Title of", "Title\x01\x02of", 1)})
	f(r, "2 control characters that XML does not allow were replaced, in 1 content blocks")

	bs := blocks(2, 1)
	bs = append(bs, taxiitest.Block1{Label: bs[1].Label, Content: stix1("p1", bs[1].Label, "other.example")})
	s := memory.New()
	base := serve(t, fake1(bs))
	f(poll(t, newTAXII(t, taxii1Options(base), s), s), "1 content blocks have the name and time of a report that came with another content")
	f(poll(t, newTAXII(t, taxii1Options(base).with("collection", "user_demo"), s), s), "now reads another collection")

	tls := httptest.NewTLSServer(fake1(blocks(1, 1)))
	t.Cleanup(tls.Close)
	s = memory.New()
	insecure := taxii1Options(tls.URL).with("verify", false)
	for range 2 {
		f(poll(t, newTAXII(t, insecure, s), s), "verify is false")
	}
	said, err := newTAXII(t, insecure, nil).(collect.Checker).Check(t.Context())
	if err != nil || !strings.Contains(said, "WARNING: verify is false") {
		t.Errorf("%q, %v", said, err)
	}
}
