package taxii2_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxii2"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/httpx"
)

var quick = taxii2.Query{Pause: time.Microsecond}

// TestPaging is what servers do between pages: each must give every object
// once, and end.
func TestPaging(t *testing.T) {
	f := func(name, version string, limit, most int, set func(*taxiitest.TAXII2)) {
		t.Helper()
		s := filled(50)
		s.Version = version
		set(s)
		c, root := connect(t, s, version)
		var g got
		q := quick
		q.Limit = limit
		res, err := c.Objects(t.Context(), root, "c", q, g.page)
		if err != nil || !res.Complete || res.Reason != "" {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
		g.whole(t, 50)
		if n := len(s.Asked()); n > most {
			t.Errorf("%s: %d requests, want at most %d", name, n, most)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	type srv = taxiitest.TAXII2
	type faults = taxiitest.Faults2
	f("one page", "2.1", 0, 1, func(*srv) {})
	f("pages", "2.1", 10, 5, func(*srv) {})
	f("smaller pages than asked for", "2.1", 100, 8, func(s *srv) { s.PageSize = 7 })
	f("next repeats and moves on", "2.1", 10, 5, func(s *srv) { s.Next = taxiitest.Cursor2; s.Faults.NeedLimit = true })
	f("empty pages with more", "2.1", 10, 12, func(s *srv) { s.Next = taxiitest.Cursor2; s.Faults = faults{EmptyEvery: 2} })
	f("next without more", "2.1", 10, 7, func(s *srv) { s.Faults = faults{NoMore: true} })
	f("next without more for ever", "2.1", 10, 8, func(s *srv) { s.Faults = faults{NoMore: true, NextAlways: true} })
	f("more without next", "2.1", 10, 8, func(s *srv) { s.Next = taxiitest.NoNext2 })
	f("more without next, inclusive", "2.1", 10, 8, func(s *srv) { s.Next = taxiitest.NoNext2; s.Inclusive = true })
	f("more without next, whole seconds", "2.1", 10, 8, func(s *srv) { s.Next = taxiitest.NoNext2; s.Digits = 0 })
	f("more without next for ever, dates lead on", "2.1", 10, 9, func(s *srv) { s.Next = taxiitest.NoNext2; s.Faults.MoreForever = true })
	f("a moment fills more than a page", "2.1", 3, 40, func(s *srv) {
		s.Next = taxiitest.NoNext2
		for i := 10; i < 30; i++ {
			s.Collections[0].Objects[i].Added = s.Collections[0].Objects[10].Added
		}
	})
	f("no dates", "2.1", 10, 5, func(s *srv) { s.Dates = taxiitest.NoDates2 })
	f("dates of the whole collection", "2.1", 10, 5, func(s *srv) { s.Dates = taxiitest.GlobalDates2 })
	f("too much at once is a 500", "2.1", 40, 20, func(s *srv) { s.Faults.MostObjects = 6 })
	f("the server's own page is too much", "2.1", 0, 30, func(s *srv) { s.Faults.MostObjects = 45 })
	f("added_after is ignored", "2.1", 10, 5, func(s *srv) { s.Faults.IgnoreAddedAfter = true })

	f("all at once", "2.0", 0, 1, func(*srv) {})
	f("ranges", "2.0", 10, 6, func(*srv) {})
	f("ranges with a space", "2.0", 10, 7, func(s *srv) { s.Faults.SpaceRange = true })
	f("ranges are ignored", "2.0", 10, 1, func(s *srv) { s.Faults.IgnoreRange = true })
	f("ranges are ignored by a server that pages", "2.0", 0, 9, func(s *srv) { s.PageSize = 7 })
	f("the limit is the collection's size", "2.0", 50, 2, func(*srv) {})
	f("ranges are ignored and fit", "2.0", 50, 2, func(s *srv) { s.Faults.IgnoreRange = true })
	f("one by one", "2.0", 1, 60, func(s *srv) { s.PageSize = 1 })
	f("too much at once is a 500", "2.0", 40, 30, func(s *srv) { s.Faults.MostObjects = 6 })
}

// TestEndless is servers that have no end: they must be left with an error.
func TestEndless(t *testing.T) {
	f := func(name string, n int, want error, set func(*taxiitest.TAXII2)) {
		t.Helper()
		s := filled(n)
		set(s)
		c, root := connect(t, s, "2.1")
		var g got
		q := quick
		q.Limit = 10
		res, err := c.Objects(t.Context(), root, "c", q, g.page)
		if !errors.Is(err, want) || res.Complete || res.Reason == "" {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
		g.whole(t, n) // what came is kept
		if asked := len(s.Asked()); asked > 1200 {
			t.Errorf("%s: %d requests", name, asked)
		}
	}
	f("more for ever, empty pages", 50, taxii2.ErrLoop, func(s *taxiitest.TAXII2) { s.Next = taxiitest.Cursor2; s.Faults.MoreForever = true })
	f("more for ever, the same next", 5, taxii2.ErrLoop, func(s *taxiitest.TAXII2) { s.Faults.MoreForever = true })
	f("more and nothing to go by", 0, taxii2.ErrLoop, func(s *taxiitest.TAXII2) { s.Next = taxiitest.NoNext2; s.Faults.MoreForever = true })
	f("more, no next, no dates", 5, taxii2.ErrGap, func(s *taxiitest.TAXII2) {
		s.Next, s.Dates, s.Faults.MoreForever = taxiitest.NoNext2, taxiitest.NoDates2, true
	})
	f("the same page for ever", 5, taxii2.ErrLoop, func(s *taxiitest.TAXII2) { s.Faults.IgnoreNext, s.Faults.MoreForever = true, true })
}

// TestGapIsTold: more objects of one moment than a page holds, and no "next".
// What can be reached is read, and the run says what cannot.
func TestGapIsTold(t *testing.T) {
	s := filled(50)
	s.Next, s.PageSize = taxiitest.NoNext2, 5
	for i := 10; i < 30; i++ {
		s.Collections[0].Objects[i].Added = s.Collections[0].Objects[10].Added
	}
	c, root := connect(t, s, "2.1")
	var g got
	res, err := c.Objects(t.Context(), root, "c", quick, g.page)
	if !errors.Is(err, taxii2.ErrGap) || res.Complete || !strings.Contains(res.Reason, "2024-05-01T10:00:10") {
		t.Errorf("%+v, %v", res, err)
	}
	if len(g.ids) != 35 { // 10 before, 5 of the moment, 20 behind
		t.Errorf("%d objects, want 35", len(g.ids))
	}
	if want := "2024-05-01T10:00:09.999999Z"; res.Resume > want {
		t.Errorf("Resume is %s, behind the gap", res.Resume)
	}
	for _, p := range g.pages {
		if p.Resume > "2024-05-01T10:00:09.999999Z" {
			t.Errorf("a page's Resume is %s, behind the gap", p.Resume)
		}
	}
}

// TestDatesThatLeadAstray: every page bears the dates of the whole collection,
// and there is no "next". Going by the date would leap to the end.
func TestDatesThatLeadAstray(t *testing.T) {
	s := filled(50)
	s.Next, s.Dates = taxiitest.NoNext2, taxiitest.GlobalDates2
	c, root := connect(t, s, "2.1")
	q := quick
	q.Limit = 10
	var g got
	res, err := c.Objects(t.Context(), root, "c", q, g.page)
	if !errors.Is(err, taxii2.ErrGap) || res.Complete || res.Resume != "" || g.pages[len(g.pages)-1].Resume != "" {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestPoison is an object that the server cannot send: what lies before it is
// read, and nothing behind it counts as read.
func TestPoison(t *testing.T) {
	for _, version := range []string{"2.1", "2.0"} {
		s := filled(50)
		s.Version, s.Faults.Poison = version, "host33.example"
		c, root := connect(t, s, version)
		var g got
		q := quick
		q.Limit = 16
		res, err := c.Objects(t.Context(), root, "c", q, g.page)
		var status *httpx.StatusError
		if !errors.As(err, &status) || status.Code != 500 || res.Complete {
			t.Errorf("%s: %+v, %v", version, res, err)
		}
		if len(g.ids) != 33 {
			t.Errorf("%s: %d objects, want the 33 before the bad one", version, len(g.ids))
		}
		if want := "2024-05-01T10:00:31.999999Z"; res.Resume != want {
			t.Errorf("%s: Resume %q, want %q", version, res.Resume, want)
		}
	}
}

// TestSmallPagesPass: pages that became small while the server was ill become
// big again.
func TestSmallPagesPass(t *testing.T) {
	for _, version := range []string{"2.1", "2.0"} {
		s := filled(1000)
		s.Version = version
		ill := 0
		s.Faults.Status = func(taxiitest.Request2) int {
			if ill++; ill > 3 && ill < 15 {
				return 503
			}
			return 0
		}
		c, root := connect(t, s, version)
		q := quick
		q.Limit = 100
		var g got
		res, err := c.Objects(t.Context(), root, "c", q, g.page)
		if err != nil || !res.Complete {
			t.Errorf("%s: %+v, %v", version, res, err)
		}
		g.whole(t, 1000)
		if n := len(s.Asked()); n > 70 {
			t.Errorf("%s: %d requests", version, n)
		}
	}
}

// TestShift takes an object away in the middle of TAXII 2.0's pages.
func TestShift(t *testing.T) {
	s := filled(50)
	s.Version = "2.0"
	c, root := connect(t, s, "2.0")
	var g got
	q := quick
	q.Limit = 10
	res, err := c.Objects(t.Context(), root, "c", q, func(p *taxii2.Page) error {
		if len(g.pages) == 1 { // an update: it moves from the middle to the end
			s.Change(func(s *taxiitest.TAXII2) {
				o := s.Collections[0].Objects
				s.Collections[0].Objects = append(slices.Delete(slices.Clone(o), 3, 4), o[3])
			})
		}
		return g.page(p)
	})
	if err != nil || !res.Complete || res.Restarts != 1 {
		t.Errorf("%+v, %v", res, err)
	}
	g.whole(t, 50)
}

func TestBadObjects(t *testing.T) {
	for _, version := range []string{"2.1", "2.0"} {
		s := filled(4)
		s.Version = version
		deep := `{"id": "indicator--00000000-0000-4000-8000-00000000000d", "x": ` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`
		big := `{"id": "indicator--00000000-0000-4000-8000-00000000000b", "x": "` + strings.Repeat("a", 9<<20) + `"}`
		for _, text := range []string{`17`, `"text"`, `null`, `[{"id": "x"}]`, deep, big,
			`{"id": "indicator--00000000-0000-4000-8000-00000000000f", "x": 1e}`, "{\"x\": \"\x00\"}", `{"a": 1, "a": 2}`, `{"n": 1e999999}`} {
			s.Collections[0].Objects = append(s.Collections[0].Objects, taxiitest.Object2{Added: day.Add(time.Hour), JSON: text})
		}
		c, root := connect(t, s, version)
		var g got
		res, err := c.Objects(t.Context(), root, "c", quick, g.page)
		if err != nil || res.Objects != 6 || res.Bad != 8 || len(g.objects) != 6 {
			t.Errorf("%s: %+v, %v", version, res, err)
		}
		var reasons, ids []string
		for _, b := range g.bad {
			reasons, ids = append(reasons, b.Reason), append(ids, b.ID)
			if len(b.Raw) > 2<<10 || len(b.Raw) == 0 {
				t.Errorf("%d bytes of a bad object are kept", len(b.Raw))
			}
		}
		want := []string{taxii2.BadNoObject, taxii2.BadNoObject, taxii2.BadNoObject, taxii2.BadNoObject, taxii2.BadDepth, taxii2.BadSize, taxii2.BadSyntax, taxii2.BadSyntax}
		if !slices.Equal(reasons, want) {
			t.Errorf("reasons: %q", reasons)
		}
		if !strings.HasSuffix(ids[4], "d") || !strings.HasSuffix(ids[5], "b") || !strings.HasSuffix(ids[6], "f") {
			t.Errorf("ids: %q", ids)
		}
	}
}

// TestAnswersThatAreNone must fail, with nothing handed out.
func TestAnswersThatAreNone(t *testing.T) {
	f := func(name string, want error, says string, change func(*taxiitest.TAXII2)) {
		t.Helper()
		s := filled(3)
		s.User, s.Password = user, secret
		change(s)
		c, root := connect(t, s, "2.1", login)
		var g got
		res, err := c.Objects(t.Context(), root, "c", quick, g.page)
		if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), says) || res.Complete || len(g.objects) > 0 {
			t.Errorf("%s: %+v, %v", name, res, err)
		}
		if text := fmt.Sprint(err, res); strings.Contains(text, secret) || strings.Contains(text, user) {
			t.Errorf("%s: the login stands in %s", name, text)
		}
	}
	body := func(text string) func(*taxiitest.TAXII2) {
		return func(s *taxiitest.TAXII2) { s.Faults.Rewrite = func([]byte) []byte { return []byte(text) } }
	}
	f("nothing", nil, "ends in the middle", body(""))
	f("a list", nil, "'['", body("[]"))
	f("a text", nil, "", body(`"objects"`))
	f("an error with status 200", taxii.ErrNotTAXII, "no envelope", body(`{"message": "quota"}`))
	f("objects that are no list", nil, "no list", body(`{"objects": {}}`))
	f("objects that are a text", nil, "no list", body(`{"objects": nil}`))
	f("cut in the list", nil, "ends in the middle", body(`{"objects": [{"id": "a"}`))
	f("more behind the end", nil, "behind its end", body(`{"objects": []} {}`))
	f("a colon is missing", nil, "", body(`{"objects" []}`))
	f("a value is missing", nil, "", body(`{"objects": [{},,{}]}`))
	f("not UTF-8 nor JSON", nil, "", body("\xff\xfe{\x00}\x00"))
	f("HTML", taxii.ErrNotTAXII, "HTML", func(s *taxiitest.TAXII2) { s.Faults.Page = 200 })
	f("HTML 404", taxii.ErrNotTAXII, "404", func(s *taxiitest.TAXII2) { s.Faults.Page = 404 })
	f("no login", taxii.ErrAuth, "401", func(s *taxiitest.TAXII2) { s.Password = "another" })
	f("unreadable", taxii.ErrAuth, "Forbidden to read collection 'c'", func(s *taxiitest.TAXII2) { s.Collections[0].Unreadable = true })
	f("unknown", nil, "Collection 'c' not found", func(s *taxiitest.TAXII2) { s.Collections = nil })
	f("another version", nil, "may speak 2.0", func(s *taxiitest.TAXII2) { s.Version = "2.0" })
}

// TestWrongDate is refused by the server, once.
func TestWrongDate(t *testing.T) {
	s := filled(3)
	c, root := connect(t, s, "2.1")
	var g got
	_, err := c.Objects(t.Context(), root, "c", taxii2.Query{AddedAfter: "yesterday"}, g.page)
	var status *httpx.StatusError
	if !errors.As(err, &status) || status.Code != 400 || !strings.Contains(err.Error(), "'added_after'") || len(s.Asked()) != 1 {
		t.Error(err, len(s.Asked()))
	}
}

// TestTypes are the content types of answers: JSON of any name is read.
func TestTypes(t *testing.T) {
	for _, kind := range []string{"application/json", "application/json; charset=utf-8", "application/stix+json;version=2.1", "text/plain", "-"} {
		s := filled(3)
		s.Faults.ContentType = kind
		c, root := connect(t, s, "2.1")
		var g got
		if res, err := c.Objects(t.Context(), root, "c", quick, g.page); err != nil || res.Objects != 3 {
			t.Errorf("%s: %+v, %v", kind, res, err)
		}
	}
}

// TestBigAnswer goes through the spool, in pages of some MiB, and leaves no file.
func TestBigAnswer(t *testing.T) {
	s := filled(0)
	for i := range 30 {
		o := indicator(i, day)
		o.JSON = strings.Replace(o.JSON, `"pattern"`, `"x": "`+strings.Repeat("x", 1<<20)+`", "pattern"`, 1)
		s.Collections[0].Objects = append(s.Collections[0].Objects, o)
	}
	c, root := connect(t, s, "2.1")
	q := quick
	q.SpoolDir = t.TempDir()
	var g got
	res, err := c.Objects(t.Context(), root, "c", q, g.page)
	if err != nil || res.Pages != 1 || len(g.pages) < 5 {
		t.Errorf("%+v, %d pages, %v", res, len(g.pages), err)
	}
	g.whole(t, 30)
	if left, err := os.ReadDir(q.SpoolDir); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
	for _, p := range g.pages[:len(g.pages)-1] {
		if p.Resume != "" {
			t.Errorf("Resume %q before the answer was handed out", p.Resume)
		}
	}
	q.SpoolDir += "/none"
	if _, err := c.Objects(t.Context(), root, "c", q, g.page); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestTooBig(t *testing.T) {
	s := filled(100)
	c, root := connect(t, s, "2.1")
	q := quick
	q.MaxBytes = 2000 // some six objects
	var g got
	res, err := c.Objects(t.Context(), root, "c", q, g.page)
	if err != nil || !res.Complete {
		t.Errorf("%+v, %v", res, err)
	}
	g.whole(t, 100)
	q.MaxBytes = 100
	if _, err := c.Objects(t.Context(), root, "c", q, g.page); !errors.Is(err, httpx.ErrTooBig) {
		t.Error(err)
	}
}

// TestRefusedByCaller ends with the caller's error as it is.
func TestRefusedByCaller(t *testing.T) {
	c, root := connect(t, filled(30), "2.1")
	stop := errors.New("stop")
	q := quick
	q.Limit = 10
	n := 0
	res, err := c.Objects(t.Context(), root, "c", q, func(*taxii2.Page) error {
		if n++; n == 2 {
			return stop
		}
		return nil
	})
	if err != stop || res.Complete || n != 2 {
		t.Error(res, err, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = c.Objects(ctx, root, "c", q, func(*taxii2.Page) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestQuestion is what goes over the wire.
func TestQuestion(t *testing.T) {
	s := filled(3)
	s.Collections[0].ID = "a b/c?d#e%2F"
	c, root := connect(t, s, "2.1")
	q := taxii2.Query{AddedAfter: "2024-05-01T10:00:00.000001Z", Limit: 2, Match: map[string][]string{"type": {"indicator", "malware"}, "version": {"all"}}}
	var g got
	res, err := c.Objects(t.Context(), root, s.Collections[0].ID, q, g.page)
	if err != nil || res.Objects != 2 || res.Last != "2024-05-01T10:00:02.000000Z" || res.Resume != "2024-05-01T10:00:01.999999Z" {
		t.Fatalf("%+v, %v", res, err)
	}
	asked := s.Asked()[0]
	if want := taxiitest.Root2 + "collections/a%20b%2Fc%3Fd%23e%252F/objects/"; asked.Path != want {
		t.Errorf("path %s, want %s", asked.Path, want)
	}
	for name, want := range map[string]string{"added_after": q.AddedAfter, "limit": "2", "match[type]": "indicator,malware", "match[version]": "all"} {
		if got := asked.Query.Get(name); got != want {
			t.Errorf("%s=%s, want %s", name, got, want)
		}
	}
	if h := asked.Header; h.Get("Accept") != taxiitest.Type21 || asked.Method != http.MethodGet {
		t.Error(asked.Method, h)
	}
	for _, id := range []string{"", ".", ".."} {
		if _, err := c.Objects(t.Context(), root, id, q, g.page); err == nil {
			t.Errorf("the id %q is asked for", id)
		}
	}
}

// TestNextIsAskedOnce: a "next" may move the server, so it is not repeated, and
// everything else goes along with it.
func TestNextIsAskedOnce(t *testing.T) {
	s := filled(50)
	s.Next, s.Faults.NeedLimit = taxiitest.Cursor2, true
	lost := 0
	s.Faults.Lose = func(r taxiitest.Request2) bool {
		if !r.Query.Has("next") {
			return false
		}
		lost++ // on a connection that was used before, where net/http likes to ask again
		return lost == 3 || lost == 6
	}
	c, root := connect(t, s, "2.1")
	q := quick
	q.Limit, q.AddedAfter = 7, "2024-05-01T09:00:00.000000Z"
	var g got
	res, err := c.Objects(t.Context(), root, "c", q, g.page)
	if err != nil || res.Restarts < 2 {
		t.Errorf("%+v, %v", res, err)
	}
	g.whole(t, 50)
	for i, r := range s.Asked() {
		if r.Query.Get("limit") != "7" || r.Query.Get("added_after") == "" {
			t.Errorf("request %d lacks a parameter: %v", i, r.Query)
		}
	}
}

// TestManifest reads the manifest by the same rules.
func TestManifest(t *testing.T) {
	for _, version := range []string{"2.1", "2.0"} {
		s := filled(25)
		s.Version = version
		c, root := connect(t, s, version)
		q := quick
		q.Limit = 10
		var g got
		if res, err := c.Manifest(t.Context(), root, "c", q, g.page); err != nil || !res.Complete {
			t.Errorf("%+v, %v", res, err)
		}
		g.whole(t, 25)
		if !strings.Contains(g.objects[0], `"date_added": "2024-05-01T10:00:00.000000Z"`) {
			t.Error(g.objects[0])
		}
	}
}

// TestCut breaks answers off at every byte, wherever HTTP would not notice it
// too: the run ends complete, or with an error; it never has a gap.
func TestCut(t *testing.T) {
	f := func(version string, framing taxiitest.Framing, skip, times int) {
		t.Helper()
		s := &taxiitest.TAXII2{Version: version, Next: taxiitest.Cursor2, Digits: 6, Faults: taxiitest.Faults2{NeedLimit: true}}
		s.Collections = []taxiitest.Collection2{{ID: "c"}}
		for i := range 4 {
			s.Collections[0].Objects = append(s.Collections[0].Objects, taxiitest.Object2{Added: day.Add(time.Duration(i) * time.Second), JSON: fmt.Sprintf(`{"id": "x--%d"}`, i)})
		}
		cut := &taxiitest.Cut{Handler: s, Framing: framing}
		c, root := connect(t, cut, version, func(o *taxii.Options) { o.Policy.Attempts = 2 })
		q := quick
		q.Limit = 2
		cut.EveryByte(t, skip, times, 1, func(_ int, whole bool) {
			var g got
			res, err := c.Objects(t.Context(), root, "c", q, g.page)
			if res.Complete != (err == nil) || (whole || times == 1) && err != nil {
				t.Errorf("%s: %+v, %v", version, res, err)
			}
			if err == nil {
				g.whole(t, 4)
			}
		})
	}
	f("2.1", taxiitest.Close, 0, 1) // the first page
	f("2.1", taxiitest.Close, 1, 1) // the second
	f("2.1", taxiitest.Close, 1, -1)
	f("2.1", taxiitest.Length, 1, 1)
	f("2.1", taxiitest.Chunked, 1, 1)
	f("2.0", taxiitest.Close, 0, 1)
	f("2.0", taxiitest.Close, 1, 1)
}
