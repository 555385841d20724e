package otxtest

import (
	"compress/gzip"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// query is a request taken apart.
type query struct {
	r           *http.Request
	segs        []string // of the path below /api/v1, unescaped one by one
	path        string   // the same, joined and escaped: what faults match
	args        url.Values
	page, limit int // limit 0: not given
	since       time.Time
	bad         string // name of the parameter that cannot be read
}

func parse(r *http.Request) query {
	q := query{r: r, args: r.URL.Query(), page: 1}
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/api/v1/")
	if !ok {
		return q
	}
	q.path = "/" + strings.TrimSuffix(rest, "/")
	for _, s := range strings.Split(q.path[1:], "/") {
		u, err := url.PathUnescape(s)
		if err != nil {
			return query{r: r, path: q.path}
		}
		q.segs = append(q.segs, u)
	}
	q.number("page", &q.page)
	q.number("limit", &q.limit)
	q.date("modified_since")
	q.date("since")
	return q
}

func (q *query) number(name string, to *int) {
	if v := q.args.Get(name); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			q.bad = name
			return
		}
		*to = n
	}
}

// date reads the forms that the service is known to take: ISO 8601 without a
// zone, which means UTC, or with Z or an offset; also a bare date.
func (q *query) date(name string) {
	v := q.args.Get(name)
	if v == "" {
		return
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateOnly} { // a fraction is read even where the layout has none
		if t, err := time.Parse(layout, v); err == nil {
			q.since = t
			return
		}
	}
	q.bad = name
}

// match tells whether the path has this form; "*" stands for any one segment.
func (q *query) match(form ...string) bool {
	if len(form) != len(q.segs) {
		return false
	}
	for i, f := range form {
		if f != "*" && f != q.segs[i] {
			return false
		}
	}
	return true
}

// answer is what the service would say if nothing went wrong.
type answer struct {
	status int
	body   func(e *encoder, t *tweaks)
	pulses []string // ids of the pulses in it
}

func problem(status int, body string) answer {
	return answer{status: status, body: func(e *encoder, _ *tweaks) { e.raw(body) }}
}

func detail(status int, text string) answer {
	return problem(status, `{"detail":`+string(appendText(nil, text))+`}`)
}

// What the service says when it refuses.
const (
	DetailAnonymous = "Anonymous access to this endpoint is limited. Please authenticate."
	DetailThrottled = "Over throttling limit (100/hour)"
	detailNoKey     = "Authentication required"
	detailWrongKey  = "Invalid API Key"
	detailNotFound  = "Not found."
	detailNoPath    = "endpoint not found"
)

func (s *Server) answer(q query) answer {
	switch key := q.r.Header.Get("X-OTX-API-KEY"); {
	case key == s.Key, key == "" && q.open():
	case key != "":
		return detail(http.StatusForbidden, detailWrongKey)
	case s.account.Throttled:
		return detail(http.StatusTooManyRequests, DetailAnonymous)
	default:
		return detail(http.StatusForbidden, detailNoKey)
	}
	if q.bad != "" {
		return problem(http.StatusBadRequest, `{"`+q.bad+`":["Enter a valid value."]}`)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if pages, ok := s.replays[q.path]; ok {
		return replay(pages, q.page)
	}
	if q.r.Method == http.MethodPost {
		return s.post(q)
	}
	return s.get(q)
}

// open reports whether the endpoint answers without a key.
func (q *query) open() bool {
	switch {
	case q.match("pulses", "activity"):
		return true
	case q.match("pulses", "*"):
		return isID(q.segs[1])
	case q.match("indicators", "*", "*", "*"):
		return slices.Contains([]string{"general", "geo", "url_list", "malware", "reputation"}, q.segs[3])
	}
	return false
}

func isID(s string) bool {
	return len(s) == 24 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func replay(pages [][]byte, page int) answer {
	body := []byte(`{"results":[],"count":0,"previous":null,"next":null}`)
	if page <= len(pages) {
		body = pages[page-1]
	}
	return problem(http.StatusOK, string(body))
}

// write sends ans, in pieces as it is made.
func (s *Server) write(w http.ResponseWriter, r *http.Request, ans answer, t *tweaks) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	out := t.limit(w, r, s.closed)
	if s.account.Gzip && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(out, gzip.BestSpeed) // the level is a legal one
		defer z.Close()
		out = z
	}
	w.WriteHeader(ans.status)
	e := &encoder{w: out, buf: make([]byte, 0, 80<<10), shape: t.shape, long: t.long, bad: t.bad}
	ans.body(e, t)
	e.flush()
}
