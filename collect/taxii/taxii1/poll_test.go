package taxii1

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/httpx"
)

func TestPoll(t *testing.T) {
	s := feed("<a/>", "<b/>", "<c/>", "<d/>", "<e/>")
	s.User, s.Count = "key", true
	c := connect(t, s, "1.1", taxii.Login{Username: "key"}) // an empty password is sent, too
	f := func(pageSize int, q Query, want string, parts int) {
		t.Helper()
		s.Change(func(s *taxiitest.TAXII1) { s.PageSize = pageSize })
		blocks, res, err := polled(t, c, q)
		if err != nil {
			t.Fatal(err)
		}
		if got := contentsOf(blocks); got != want || res.Parts != parts || res.Blocks != len(blocks) || res.Count != len(blocks) {
			t.Errorf("%s in %d parts, %d of %d, want %s in %d", got, res.Parts, res.Blocks, res.Count, want, parts)
		}
	}
	f(0, Query{}, "<a/>|<b/>|<c/>|<d/>|<e/>", 1)
	f(1, Query{}, "<a/>|<b/>|<c/>|<d/>|<e/>", 5)
	f(2, Query{}, "<a/>|<b/>|<c/>|<d/>|<e/>", 3)
	f(0, Query{Begin: day(2)}, "<c/>|<d/>|<e/>", 1)                                   // begin is exclusive,
	f(0, Query{Begin: day(2), End: day(4)}, "<c/>|<d/>", 1)                           // end is inclusive,
	f(0, Query{Begin: day(2).Add(-1), End: day(4).Add(-1)}, "<b/>|<c/>|<d/>", 1)      // and rounding loses nothing
	f(0, Query{Begin: day(5)}, "", 1)                                                 // nothing there is an answer
	f(0, Query{Bindings: []string{"urn:stix.mitre.org:xml:1.2"}}, "", 1)              // as is no block of that kind
	f(0, Query{Begin: day(1).In(time.FixedZone("", 7200))}, "<b/>|<c/>|<d/>|<e/>", 1) // zones do not matter
	f(0, Query{Begin: day(4).Add(time.Nanosecond), End: day(5)}, "<e/>", 1)           // a microsecond early
	f(0, Query{Begin: day(1), Bindings: []string{"urn:stix.mitre.org:xml:1.1.1"}}, "<b/>|<c/>|<d/>|<e/>", 1)
}

func TestPollTellsOfBlocks(t *testing.T) {
	s := feed("<a/>", "<b/>")
	s.PageSize = 1
	s.Collections[0].Blocks[1].Binding = "urn:stix.mitre.org:xml:1.2"
	blocks, res, err := polled(t, connect(t, s, "", taxii.Login{}), Query{Begin: day(0), End: day(9)})
	if err != nil {
		t.Fatal(err)
	}
	want := []seen{
		{Part: 1, Index: 1, Binding: "urn:stix.mitre.org:xml:1.1.1", Label: day(1), Content: "<a/>"},
		{Part: 2, Index: 1, Binding: "urn:stix.mitre.org:xml:1.2", Label: day(2), Content: "<b/>"},
	}
	if d := cmp.Diff(want, blocks); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(Result{Begin: day(0), End: day(9), Count: -1, PartialCount: -1, Parts: 2, Blocks: 2}, res); d != "" {
		t.Error(d)
	}
}

func TestPollCount(t *testing.T) {
	s := feed("<a/>", "<b/>")
	c := connect(t, s, "1.1", taxii.Login{})
	f := func(said bool, faults taxiitest.Faults1, count, partial int, more bool) {
		t.Helper()
		s.Change(func(s *taxiitest.TAXII1) { s.Count, s.Faults = said, faults })
		before := len(s.Asked())
		blocks, res, err := polled(t, c, Query{CountOnly: true})
		if err != nil || len(blocks) != 0 || len(s.Asked()) != before+1 {
			t.Errorf("%d blocks, %d questions, %v", len(blocks), len(s.Asked())-before, err)
		}
		if res.Count != count || res.PartialCount != partial || res.More != more {
			t.Errorf("count %d, partial %d, more %v", res.Count, res.PartialCount, res.More)
		}
	}
	f(true, taxiitest.Faults1{}, 2, -1, false)
	f(false, taxiitest.Faults1{}, -1, -1, false)
	f(true, taxiitest.Faults1{MoreForever: true}, 2, -1, true) // no part of a count is fetched
	f(true, taxiitest.Faults1{PartialCount: true}, -1, 2, false)
	s.Change(func(s *taxiitest.TAXII1) { s.Collections[0].Blocks = nil; s.Faults = taxiitest.Faults1{} })
	f(true, taxiitest.Faults1{}, 0, -1, false)
}

func TestPollParts(t *testing.T) {
	c := func(faults taxiitest.Faults1) *Client {
		s := feed("<a/>", "<b/>", "<c/>")
		s.PageSize, s.Faults = 1, faults
		return connect(t, s, "1.1", taxii.Login{})
	}
	good := func(faults taxiitest.Faults1, more bool, notes string) {
		t.Helper()
		blocks, res, err := polled(t, c(faults), Query{})
		if err != nil || contentsOf(blocks) != "<a/>|<b/>|<c/>" || res.More != more {
			t.Errorf("%s, more %v, %v", contentsOf(blocks), res.More, err)
		}
		if !strings.Contains(strings.Join(res.Notes, " "), notes) {
			t.Errorf("notes %q lack %q", res.Notes, notes)
		}
	}
	good(taxiitest.Faults1{}, false, "")
	good(taxiitest.Faults1{EmptyLast: true}, false, "")
	good(taxiitest.Faults1{MoreForever: true}, true, "") // an empty part ends it
	good(taxiitest.Faults1{Unnumbered: true}, false, "")
	good(taxiitest.Faults1{InResponseTo: "0"}, false, `one to message "0"`)

	bad := func(faults taxiitest.Faults1, want string, words ...string) {
		t.Helper()
		blocks, _, err := polled(t, c(faults), Query{})
		wantErr(t, err, ErrIncomplete, words...)
		if got := contentsOf(blocks); got != want {
			t.Errorf("blocks %s, want %s", got, want)
		}
	}
	gone := map[int]taxiitest.Status1{3: {Type: NotFound, Detail: [][2]string{{"ITEM", "17"}}}}
	bad(taxiitest.Faults1{Parts: gone}, "<a/>|<b/>", "2 of its parts came", "2 blocks", "NOT_FOUND", "ITEM")
	bad(taxiitest.Faults1{SamePart: true}, "<a/>", "part 2 was asked for, and the server sent part 1")
	bad(taxiitest.Faults1{PartOff: 1}, "<a/>", "part 2 was asked for, and the server sent part 3")
	bad(taxiitest.Faults1{NoResultID: true}, "<a/>", "no result_id")
	bad(taxiitest.Faults1{Parts: map[int]taxiitest.Status1{2: {Type: InvalidResponsePart, Detail: [][2]string{{DetailMaxPart, "1"}}}}}, "<a/>", "MAX_PART_NUMBER")
	bad(taxiitest.Faults1{SamePart: true, Unnumbered: true}, strings.TrimSuffix(strings.Repeat("<a/>|", maxSame+1), "|"), "the same part again and again")
}

func TestPollCounted(t *testing.T) {
	s := feed("<a/>", "<b/>")
	s.Count = true
	c := connect(t, s, "1.1", taxii.Login{})
	f := func(off int, partial bool, want error) {
		t.Helper()
		s.Change(func(s *taxiitest.TAXII1) { s.Faults = taxiitest.Faults1{CountOff: off, PartialCount: partial} })
		blocks, _, err := polled(t, c, Query{})
		if !errors.Is(err, want) || len(blocks) != 2 {
			t.Errorf("%d blocks, %v, want %v", len(blocks), err, want)
		}
	}
	f(0, false, nil)
	f(-1, false, nil) // a server that counts the part
	f(1, false, ErrIncomplete)
	f(1, true, ErrIncomplete) // a count that is partial is not above the true one
	f(0, true, nil)
}

func TestPollStopsWithEach(t *testing.T) {
	s := feed("<a/>", "<b/>", "<c/>")
	s.PageSize = 2
	c := connect(t, s, "1.1", taxii.Login{})
	stop, n := errors.New("stop"), 0
	res, err := c.Poll(t.Context(), c.at(t, taxiitest.Poll1), Query{Collection: "c"}, func(*Block) error {
		n++
		return stop
	})
	if err != stop || n != 1 || res.Blocks != 1 || len(s.Asked()) != 1 {
		t.Errorf("%v after %d blocks of %d, %d questions", err, n, res.Blocks, len(s.Asked()))
	}
}

func TestDataSet(t *testing.T) {
	s := feed("<a/>", "<b/>")
	s.Collections[0].Set = true
	blocks, _, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{Begin: day(9)})
	if err != nil || len(blocks) != 2 || !blocks[0].Label.IsZero() {
		t.Errorf("%+v, %v", blocks, err)
	}
}

func TestStatus(t *testing.T) {
	s := feed("<a/>")
	f := func(st taxiitest.Status1, auth bool, words ...string) {
		t.Helper()
		s.Change(func(s *taxiitest.TAXII1) { s.Faults.Status = &st })
		_, res, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
		var got *StatusError
		if !errors.As(err, &got) || got.Type != st.Type || got.HTTP != max(st.HTTP, 200) || res.Blocks != 0 {
			t.Errorf("%v, %+v", err, got)
			return
		}
		if errors.Is(err, taxii.ErrAuth) != auth || errors.Is(err, ErrIncomplete) {
			t.Errorf("%v: ErrAuth %v, want %v", err, !auth, auth)
		}
		for _, d := range st.Detail {
			if got.first(d[0]) != d[1] {
				t.Errorf("detail %s: %q", d[0], got.Detail)
			}
		}
		wantErr(t, err, nil, words...)
	}
	for _, kind := range []string{AsynchronousPollError, BadMessage, DestinationCollectionError, Failure, InvalidResponsePart, NetworkError,
		NotFound, PollingUnsupported, UnsupportedMessage, UnsupportedContent, UnsupportedProtocol, UnsupportedQuery, Success, "urn:example:own"} {
		f(taxiitest.Status1{Type: kind, Message: "the\nwords", Detail: [][2]string{{"urn:x", "a & b"}, {DetailItem, "c"}}}, false,
			"the server answered "+kind, "(ITEM c, urn:x a & b)", ": the words")
	}
	f(taxiitest.Status1{Type: Unauthorized}, true, "OTX: the key as user name")
	f(taxiitest.Status1{Type: Denied}, true)
	f(taxiitest.Status1{Type: Failure, HTTP: http.StatusInternalServerError}, false) // also where HTTP says that it failed
	f(taxiitest.Status1{Type: Unauthorized, HTTP: http.StatusUnauthorized}, true)
	f(taxiitest.Status1{Type: NotFound, HTTP: http.StatusNotFound, Detail: [][2]string{{DetailItem, "c"}}}, false)
}

func TestNoAnswers(t *testing.T) {
	f := func(path string, faults taxiitest.Faults1, kind error, words ...string) {
		t.Helper()
		s := feed("<a/>")
		s.Faults = faults
		c := connect(t, s, "1.1", taxii.Login{})
		_, err := c.Poll(t.Context(), c.at(t, path), Query{Collection: "c"}, func(*Block) error { return nil })
		wantErr(t, err, kind, words...)
	}
	f("/taxi/poll", taxiitest.Faults1{}, taxii.ErrNotTAXII, "/taxi/poll", "did you mean /taxii/poll?")
	f("/taxii/Pol", taxiitest.Faults1{}, nil, "did you mean /taxii/poll?")
	f("/feed/x/y", taxiitest.Faults1{}, nil, "nothing at the path /feed/x/y", "discovery")
	f(taxiitest.Poll1, taxiitest.Faults1{Page: 200}, taxii.ErrNotTAXII) // a login page
	f(taxiitest.Poll1, taxiitest.Faults1{Page: 405}, nil, "405")
	f(taxiitest.Poll1, taxiitest.Faults1{Page: 502}, nil, "502")
	f(taxiitest.Poll1, taxiitest.Faults1{Rewrite: func([]byte) []byte { return nil }}, nil, "empty")
	f(taxiitest.Poll1, taxiitest.Faults1{Rewrite: func([]byte) []byte { return []byte("<html/>") }}, nil, "no TAXII message", "html")
	f(taxiitest.Poll1, taxiitest.Faults1{Behind: "<x/>"}, nil, "XML")
	f(taxiitest.Poll1, taxiitest.Faults1{Prolog: "<!DOCTYPE x>"}, nil, "DOCTYPE")
	f(taxiitest.Discovery1, taxiitest.Faults1{}, nil, "FAILURE", "not supported by this service")
}

func TestUnexpectedMessage(t *testing.T) {
	s := feed()
	s.Faults.Rewrite = func(b []byte) []byte {
		return []byte(strings.ReplaceAll(string(b), "Poll_Response", "Discovery_Response"))
	}
	_, _, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
	wantErr(t, err, nil, "answered with a Discovery_Response where a Poll_Response was asked for")
}

func TestRetriesLostAnswers(t *testing.T) {
	s := feed("<a/>")
	s.Faults.HTTP = 1
	blocks, _, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
	if err != nil || len(blocks) != 1 || len(s.Asked()) != 2 {
		t.Errorf("%d blocks with %d questions, %v", len(blocks), len(s.Asked()), err)
	}
}

func TestJWT(t *testing.T) {
	s := feed("<a/>", "<b/>", "<c/>")
	s.PageSize, s.TokenUses, s.User, s.Password = 1, 2, "me", "secret-password"
	c := connect(t, s, "1.1", taxii.Login{Username: "me", Password: "secret-password", JWT: taxiitest.Auth1})
	blocks, _, err := polled(t, c, Query{})
	if err != nil || len(blocks) != 3 {
		t.Fatalf("%d blocks, %v", len(blocks), err)
	}
	logins := 0
	for _, r := range s.Asked() {
		if r.Path == taxiitest.Auth1 {
			logins++
		}
	}
	if logins != 2 { // the token was refused with HTTP 200 at the third question
		t.Errorf("%d logins, want 2", logins)
	}
}

func TestWrongLogin(t *testing.T) {
	s := feed("<a/>")
	s.User = "key"
	_, _, err := polled(t, connect(t, s, "1.1", taxii.Login{Username: "another"}), Query{})
	wantErr(t, err, taxii.ErrAuth, "UNAUTHORIZED")
}

func TestServerEchoesLogin(t *testing.T) {
	const key = "0123456789abcdef"
	s := feed("<a/>")
	s.Faults.Status = &taxiitest.Status1{Type: Failure, Message: "no " + key, Detail: [][2]string{{DetailItem, "x" + key}}}
	_, _, err := polled(t, connect(t, s, "1.1", taxii.Login{Username: key}), Query{})
	if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, key) {
		t.Error(text)
	}
	var st *StatusError
	if errors.As(err, &st); st == nil || strings.Contains(fmt.Sprint(st.Message, st.Detail), key) {
		t.Errorf("%+v", st)
	}
}

func TestTooBig(t *testing.T) {
	s := feed("<a>"+strings.Repeat("x", 1<<20)+"</a>", "<b/>")
	s.PageSize = 1
	c := connect(t, s, "1.1", taxii.Login{})
	_, _, err := polled(t, c, Query{MaxBytes: 1 << 20})
	wantErr(t, err, httpx.ErrTooBig, "1048576", "shorter time")
	_, _, err = polled(t, c, Query{MaxBytes: 1000})
	wantErr(t, err, httpx.ErrTooBig)
	dir := t.TempDir()
	if blocks, _, err := polled(t, c, Query{MaxBytes: 2 << 20, SpoolDir: dir}); err != nil || len(blocks) != 2 {
		t.Errorf("%d blocks, %v", len(blocks), err)
	}
	_, _, err = polled(t, c, Query{SpoolDir: dir + "/none"})
	wantErr(t, err, nil, "no temporary file")
}

func TestQueryCheck(t *testing.T) {
	f := func(version string, q Query, word string) {
		t.Helper()
		s := feed("<a/>")
		c := connect(t, s, version, taxii.Login{})
		_, err := c.Poll(t.Context(), c.at(t, taxiitest.Poll1), q, nil)
		wantErr(t, err, nil, word)
		if len(s.Asked()) != 0 {
			t.Error("the server was asked")
		}
	}
	f("1.1", Query{}, "name of a collection")
	f("1.1", Query{Collection: "c", Begin: day(2), End: day(1)}, "2024-05-02T12:00:00+00:00 is not before")
	f("1.1", Query{Collection: "c", SubscriptionID: "x", CountOnly: true}, "subscription")
	f("1.1", Query{Collection: "c", SubscriptionID: "x", Bindings: []string{"y"}}, "subscription")
	f("1.0", Query{Collection: "c", CountOnly: true}, "1.0 cannot count")
	f("2.1", Query{Collection: "c"}, "1.1 or 1.0")
}

// TestBigList: a list that is too big for memory is read from a file, and the
// file is closed.
func TestBigList(t *testing.T) {
	s := &taxiitest.TAXII1{Collections: make([]taxiitest.Collection1, 1000)}
	for i := range s.Collections {
		s.Collections[i].Name = fmt.Sprintf("c%d", i)
	}
	t.Setenv("TMPDIR", t.TempDir())
	c := connect(t, s, "1.1", taxii.Login{})
	before := openFiles(t)
	got, err := c.Collections(t.Context(), c.at(t, taxiitest.Collections1))
	if err != nil || len(got) != 1000 || got[999].Name != "c999" || !got[999].Available {
		t.Errorf("%d collections, %v", len(got), err)
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d files were open before, %d are after", before, after)
	}
}

// openFiles counts the temporary files that this process has open.
func openFiles(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not tell the open files: ", err)
	}
	n := 0
	for _, fd := range fds {
		if name, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.Contains(name, "iochunt-taxii-") {
			n++
		}
	}
	return n
}
