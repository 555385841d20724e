package collect_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/collecttest"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/store/memory"
)

// Row 11: one malformed content block among a thousand is kept for people to
// look at and counted, and the others are stored.
func TestTAXII1Row11OneMalformedBlockAmongThousand(t *testing.T) {
	t.Parallel()
	f := func(form, content string) {
		t.Helper()
		label := ", labelled 2024-02-01T06:56:00Z: "
		if form == "" { // what stands behind broken content is lost with it
			label = ": "
		}
		bs := blocks(1000, 1)
		for i := range bs {
			bs[i].Label = day.Add(time.Duration(i) * time.Minute)
		}
		bs[416].Content, bs[416].Form = content, form
		server := fake1(bs)
		server.PageSize = 0
		s := memory.New()
		r := poll(t, newTAXII(t, taxii1Options(serve(t, server)), s), s)
		if r.Outcome() != collect.OK || r.Changes.New != 999 || r.Read["content block"] != 1000 || r.Read["quarantined content block"] != 1 || r.RefusedTotal() != 1 {
			t.Fatalf("%s: %+v", form, r)
		}
		const reason = "a content block that cannot be read as STIX"
		e := r.RefusedExamples[reason]
		if len(e) != 1 || e[0].Type != "content block" || !strings.Contains(e[0].Value, "poison") || len(e[0].Value) > 3<<10 ||
			!strings.HasPrefix(e[0].Place, "part 1, block 417"+label) {
			t.Errorf("%s: %+v", form, r.RefusedExamples)
		}
	}
	f("", "<stix:STIX_Package>poison <b>")
	f("", "<poison></p>")
	f("escaped", "<STIX_Package>poison")
	f("escaped", "poison, and nothing else")
	f("escaped", `<!DOCTYPE a [<!ENTITY b "poison">]><a>&b;</a>`)
	f("cdata", "<poison/>")
	f("", "<a>poison"+strings.Repeat("<a>", 100)+strings.Repeat("</a>", 101))
	f("cdata", `{"type": "poison`)
	f("", "<poison>"+strings.Repeat("x", 5000)+"</oison>")
}

// Row 11: a reply that is cut, at whatever byte, is tried again or is an error;
// it never moves the cursor past what was not read.
func TestTAXII1Row11CutReply(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of polls")
	}
	t.Parallel()
	f := func(framing taxiitest.Framing, skip int) {
		t.Helper()
		bs := blocks(2, 1)
		bs[0].Label, bs[1].Label = today.Add(-50*time.Minute), today.Add(-40*time.Minute)
		server := fake1(bs)
		server.PageSize = 1
		cut := &taxiitest.Cut{Handler: server, Framing: framing, Match: func(r *http.Request) bool { return r.URL.Path == taxiitest.Poll1 }}
		base := serve(t, cut)
		c := newTAXII(t, taxii1Options(base).with("lookback", time.Hour), nil) // too short to be halved
		cut.EveryByte(t, skip, -1, 1, func(n int, whole bool) {
			m := collecttest.NewModel()
			var err error
			for b, e := range c.Collect(t.Context(), "") {
				if e != nil {
					err = e
					continue
				}
				m.Put(b)
			}
			complete := strings.Contains(strings.Join(m.Members(), "\n"), "d0.b0.example") && strings.Contains(strings.Join(m.Members(), "\n"), "d0.b1.example")
			switch {
			case whole && (err != nil || !complete || m.Cursor == ""):
				t.Errorf("whole: %v, %q, %q", err, m.Members(), m.Cursor)
			case m.Cursor != "" && !complete:
				t.Errorf("cut after %d bytes: the cursor is %s, and stored is %q", n, m.Cursor, m.Members())
			case err == nil && !complete:
				t.Errorf("cut after %d bytes: no error, and stored is %q", n, m.Members())
			}
		})
	}
	f(taxiitest.Close, 0)
	f(taxiitest.Length, 1)
}

// A poll that the server cannot answer is halved until the one bad hour is all
// that is missing; the cursor stays before it.
func TestTAXII1HalvesTheWindow(t *testing.T) {
	t.Parallel()
	f := func(status int, do func(label time.Time) func(http.ResponseWriter, *http.Request, string) bool) {
		t.Helper()
		bs := blocks(100, 1)
		bad := bs[41].Label
		fr := &front{Handler: fake1(bs), do: do(bad)}
		base := serve(t, fr)
		s := memory.New()
		r := poll(t, newTAXII(t, taxii1Options(base), s), s)
		if r.Outcome() != collect.Partial || len(r.Skipped) != 1 || !strings.Contains(r.Skipped[0], "what is labelled after 2024-02-1") || r.Changes.New != 99 {
			t.Fatalf("%d: %+v", status, r)
		}
		if !strings.Contains(string(r.After), `"mark":"2024-02-1`) {
			t.Errorf("%d: the cursor is %s, the gap is at %v", status, r.After, bad)
		}
		// Once the server is well again, the next run brings what was missing.
		fr.set(nil)
		if r = poll(t, newTAXII(t, taxii1Options(base), s), s); r.Outcome() != collect.OK || r.Changes.New != 1 || len(stored(t, s)) != 100 {
			t.Errorf("%d: the next run: %+v", status, r)
		}
	}
	for _, status := range []int{http.StatusGatewayTimeout, http.StatusBadGateway, http.StatusInternalServerError} {
		f(status, func(label time.Time) func(http.ResponseWriter, *http.Request, string) bool {
			return poison(label, status)
		})
	}
	f(0, func(label time.Time) func(http.ResponseWriter, *http.Request, string) bool { // one pulse that could not be turned into STIX
		failure := &taxiitest.TAXII1{Faults: taxiitest.Faults1{Status: &taxiitest.Status1{Type: "FAILURE", Message: "could not convert"}}}
		return func(w http.ResponseWriter, r *http.Request, body string) bool {
			if !inWindow(body, label) {
				return false
			}
			failure.ServeHTTP(w, r)
			return true
		}
	})
	f(1, func(label time.Time) func(http.ResponseWriter, *http.Request, string) bool { // an answer that breaks off
		return func(w http.ResponseWriter, _ *http.Request, body string) bool {
			if !inWindow(body, label) {
				return false
			}
			w.Header().Set("X-TAXII-Content-Type", "urn:taxii.mitre.org:message:xml:1.1")
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "<")
			return true
		}
	})
}

// An answer that is too big is asked for in parts of the time.
func TestTAXII1TooBig(t *testing.T) {
	t.Parallel()
	bs := blocks(8, 2)
	for i := range bs {
		bs[i].Content = strings.Replace(bs[i].Content, "</stix:Title>", strings.Repeat("x", 300<<10)+"</stix:Title>", 1)
	}
	server := fake1(bs)
	server.PageSize = 0
	s := memory.New()
	r := poll(t, newTAXII(t, taxii1Options(serve(t, server)).with("max_mib", int64(1)), s), s)
	if r.Outcome() != collect.OK || r.Changes.New != 16 {
		t.Errorf("%+v", r)
	}
}

// A result that expires before its second part is asked for in windows that
// are short enough for one part.
func TestTAXII1ResultExpires(t *testing.T) {
	t.Parallel()
	server := fake1(blocks(40, 1))
	server.Faults.Parts = map[int]taxiitest.Status1{2: {Type: "NOT_FOUND"}}
	s := memory.New()
	r := poll(t, newTAXII(t, taxii1Options(serve(t, server)), s), s)
	if r.Outcome() != collect.OK || r.Changes.New != 40 || r.Changes.Changed+r.Changes.Withdrawn > 0 || len(stored(t, s)) != 40 {
		t.Errorf("%+v", r)
	}
}

// A server that is down is one error, not thousands of hours that are missing.
func TestTAXII1ServerDown(t *testing.T) {
	t.Parallel()
	fr := &front{Handler: fake1(blocks(3, 1))}
	n := 0
	fr.set(func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		n++
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	s := memory.New()
	r, err := collect.Run(t.Context(), "av", newTAXII(t, taxii1Options(serve(t, fr)), s), s, collect.RunOptions{})
	if err == nil || r.Outcome() != collect.Failed || r.After != "" || n > 60 {
		t.Errorf("%d requests, %v, %+v", n, err, r)
	}
}
