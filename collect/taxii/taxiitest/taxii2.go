package taxiitest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Paths of TAXII2.
const (
	Discovery2 = "/taxii2/"
	Root2      = "/root/" // the API root of the collections
	Auth2      = "/management/auth"
)

// Media types of TAXII2.
const (
	Type21     = "application/taxii+json;version=2.1"
	Type20     = "application/vnd.oasis.taxii+json; version=2.0"
	TypeStix20 = "application/vnd.oasis.stix+json; version=2.0"
)

// TAXII2 is a server of TAXII 2.1 or 2.0 in memory: an http.Handler whose
// answers look like medallion's. The zero value of Next pages by an offset in
// "next".
//
// Set the fields before it is used, or between questions under Change.
type TAXII2 struct {
	Version        string // "2.0"; else 2.1
	Collections    []Collection2
	User, Password string     // for Basic and for Auth2; no user: everybody may ask
	TokenUses      int        // questions that a token is good for, 0: any number
	PageSize       int        // most objects a page, 0: as many as asked for
	Next           Paging2    // how a page leads to the next (2.1)
	Inclusive      bool       // added_after counts the date itself
	Digits         int        // of the dates in headers, 0 to 9
	Dates          DateStyle2 // what stands in the headers of dates
	Base           string     // scheme and host that discovery names, "": those of the question; "-": none, addresses are relative
	MaxContent     int64      // max_content_length, 0: not said
	Pending        int        // a push is pending for so many questions after it
	Now            func() time.Time
	Faults         Faults2

	mu       sync.Mutex
	asked    []Request2
	cursors  map[string]*cursor2
	statuses map[string]*status2
	tokens   tokens
}

// Collection2 is a collection of TAXII2.
type Collection2 struct {
	ID, Title, Alias   string
	Unreadable, Writes bool
	Objects            []Object2 // in the order in which they are handed out
}

// Object2 is an object of TAXII2.
type Object2 struct {
	Added time.Time
	JSON  string // sent as it is, also when it is no JSON
}

// Paging2 is how a page of TAXII 2.1 leads to the next.
type Paging2 uint8

const (
	Offset2 Paging2 = iota // "next" holds the offset: it may be asked for twice
	Cursor2                // "next" is the same on each page and moves the server on, as medallion's
	NoNext2                // there is none: more=true alone
)

// DateStyle2 is what stands in X-TAXII-Date-Added-First and -Last.
type DateStyle2 uint8

const (
	PageDates2    DateStyle2 = iota // the dates of the page's objects, as the standard says
	NoDates2                        // nothing
	GlobalDates2                    // the dates of the whole answer on every page, as old medallion
	SwappedDates2                   // First and Last the wrong way round
	SomeDates2                      // on every second page
)

// Faults2 is what goes wrong.
type Faults2 struct {
	Lose             func(Request2) bool // the answer is made (a cursor moves), and the connection ends before it
	Status           func(Request2) int  // an error status, 0: none
	HTTP             int                 // first answers fail with a bare 503, this many
	Page             int                 // every answer is an HTML page with that HTTP status
	Poison           string              // a page that would hold this text is a 500
	MostObjects      int                 // more objects asked for at once: 500
	ContentType      string              // instead of the right one; "-": none
	NeedLimit        bool                // "next" without the first limit: 500, as medallion
	IgnoreNext       bool                // every page is the first
	MoreForever      bool                // every page says more
	NextAlways       bool                // every page has a next, the last one its own
	NoMore           bool                // pages have a next and no more
	EmptyEvery       int                 // every n-th page is empty, and the walk goes on behind it (Cursor2)
	IgnoreRange      bool                // TAXII 2.0: everything, whatever is asked for
	SpaceRange       bool                // TAXII 2.0: only "items 0-9" is understood
	IgnoreAddedAfter bool
	Rewrite          func([]byte) []byte // of bodies
}

// Request2 is a question that was asked.
type Request2 struct {
	Method, Path string
	Query        url.Values
	Header       http.Header
	Body         []byte
}

// Change calls f while no question is being answered.
func (s *TAXII2) Change(f func(*TAXII2)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// Asked returns the questions so far, logins for a token included.
func (s *TAXII2) Asked() []Request2 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// Expire forgets all cursors and tokens.
func (s *TAXII2) Expire() {
	s.Change(func(s *TAXII2) { s.cursors, s.tokens = nil, nil })
}

// reply2 is an answer before it is written.
type reply2 struct {
	status int
	kind   string
	header map[string]string
	body   []byte
}

// ServeHTTP implements http.Handler.
func (s *TAXII2) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	q := Request2{r.Method, r.URL.EscapedPath(), r.URL.Query(), r.Header.Clone(), body}
	s.asked = append(s.asked, q)
	switch {
	case s.Faults.HTTP > 0:
		s.Faults.HTTP--
		html2(w, http.StatusServiceUnavailable)
		return
	case s.Faults.Page != 0:
		html2(w, s.Faults.Page)
		return
	case q.Path == Auth2:
		if !s.tokens.give(s.account(), w, body) {
			html2(w, http.StatusUnauthorized)
		}
		return
	case !s.tokens.know(s.account(), r):
		w.Header().Set("WWW-Authenticate", `Basic realm="Authentication Required"`)
		html2(w, http.StatusUnauthorized)
		return
	case !strings.HasSuffix(q.Path, "/"):
		http.Redirect(w, r, q.Path+"/?"+r.URL.RawQuery, http.StatusPermanentRedirect)
		return
	}
	s.write(w, q, s.answer(q, r.Host))
}

// write sends an answer, or loses it.
func (s *TAXII2) write(w http.ResponseWriter, q Request2, a reply2) {
	if s.Faults.Lose != nil && s.Faults.Lose(q) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			conn.Close()
		}
		return
	}
	if a.kind == "html" {
		html2(w, a.status)
		return
	}
	if a.kind == "" {
		a.kind = s.kind()
	}
	switch s.Faults.ContentType {
	case "":
	case "-":
		a.kind = ""
	default:
		a.kind = s.Faults.ContentType
	}
	w.Header()["Content-Type"] = nil // the standard library would guess one
	if a.kind != "" {
		w.Header().Set("Content-Type", a.kind)
	}
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	if s.Faults.Rewrite != nil {
		a.body = s.Faults.Rewrite(a.body)
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}

func (s *TAXII2) old() bool { return s.Version == "2.0" }

func (s *TAXII2) kind() string {
	if s.old() {
		return Type20
	}
	return Type21
}

// problem2 is an error message of TAXII (2.1 §3.6.1).
func problem2(status int, text string) reply2 {
	b, err := json.Marshal(map[string]string{"title": "ProcessingError", "description": text, "http_status": fmt.Sprint(status)})
	if err != nil {
		panic(err) // three texts are JSON
	}
	return reply2{status: status, body: b}
}

// answer finds the answer to a question.
func (s *TAXII2) answer(q Request2, host string) reply2 {
	if s.Faults.Status != nil {
		if code := s.Faults.Status(q); code != 0 {
			return problem2(code, "this fault was asked for")
		}
	}
	accept := q.Header.Get("Accept")
	if accept != s.kind() && (!s.old() || accept != TypeStix20) {
		return problem2(http.StatusNotAcceptable, "Media type in the Accept header is invalid or not found.")
	}
	switch rest, below := strings.CutPrefix(q.Path, Root2); {
	case q.Path == Discovery2 || s.old() && q.Path == "/taxii/":
		return s.discovery(host)
	case q.Path == Root2:
		return s.root()
	case below && rest == "collections/":
		return s.list()
	case below && strings.HasPrefix(rest, "status/"):
		return s.status(strings.Trim(strings.TrimPrefix(rest, "status/"), "/"))
	case below && strings.HasPrefix(rest, "collections/"):
		return s.collection(q, strings.Split(strings.TrimPrefix(rest, "collections/"), "/"))
	}
	return problem2(http.StatusNotFound, "API root '"+strings.Trim(q.Path, "/")+"' information not found.")
}

func json2(v any) reply2 {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // of maps and texts
	}
	return reply2{status: http.StatusOK, body: b}
}

func (s *TAXII2) discovery(host string) reply2 {
	base := s.Base
	switch base {
	case "":
		base = "http://" + host
	case "-":
		base = ""
	}
	return json2(map[string]any{"title": "TAXII test server", "description": "loopback", "contact": "none",
		"default": base + Root2, "api_roots": []string{base + Root2, base + "/empty/"}})
}

func (s *TAXII2) root() reply2 {
	m := map[string]any{"title": "root", "description": "fixtures", "versions": []string{s.kind()}}
	if s.MaxContent > 0 {
		m["max_content_length"] = s.MaxContent
	}
	return json2(m)
}

func (s *TAXII2) list() reply2 {
	var out []map[string]any
	for _, c := range s.Collections {
		m := map[string]any{"id": c.ID, "title": c.Title, "can_read": !c.Unreadable, "can_write": c.Writes,
			"media_types": []string{"application/stix+json;version=2.1"}}
		if c.Alias != "" {
			m["alias"] = c.Alias
		}
		out = append(out, m)
	}
	if out == nil {
		return json2(map[string]any{})
	}
	return json2(map[string]any{"collections": out})
}

// collection answers below collections/, parts being the rest of the path.
func (s *TAXII2) collection(q Request2, parts []string) reply2 {
	id, err := url.PathUnescape(parts[0])
	i := slices.IndexFunc(s.Collections, func(c Collection2) bool { return c.ID == id || c.Alias != "" && c.Alias == id })
	if err != nil || i < 0 || len(parts) < 3 {
		return problem2(http.StatusNotFound, "Collection '"+id+"' not found.")
	}
	c := &s.Collections[i]
	switch {
	case q.Method == http.MethodPost && !c.Writes:
		return problem2(http.StatusForbidden, "Forbidden to write collection '"+id+"'.")
	case q.Method == http.MethodPost:
		return s.push(c, q)
	case c.Unreadable:
		return problem2(http.StatusForbidden, "Forbidden to read collection '"+id+"'.")
	case s.old():
		return s.ranged(c, q, parts[1] == "manifest")
	}
	return s.paged(c, q, parts[1] == "manifest")
}

// status2 is the state of a push.
type status2 struct {
	left  int // questions until it is complete
	total int
	bad   []string
}

// push takes objects: those without an id are failures.
func (s *TAXII2) push(c *Collection2, q Request2) reply2 {
	if want := map[bool]string{true: TypeStix20, false: Type21}[s.old()]; q.Header.Get("Content-Type") != want {
		return problem2(http.StatusUnsupportedMediaType, "Media type in the Content-Type header is invalid or not found.")
	}
	if s.MaxContent > 0 && int64(len(q.Body)) > s.MaxContent {
		return problem2(http.StatusRequestEntityTooLarge, "The request is too big.")
	}
	var e struct{ Objects []json.RawMessage }
	if err := json.Unmarshal(q.Body, &e); err != nil || len(e.Objects) == 0 {
		return problem2(http.StatusUnprocessableEntity, "No objects.")
	}
	st := &status2{left: s.Pending, total: len(e.Objects)}
	for _, raw := range e.Objects {
		var o struct{ ID string }
		if json.Unmarshal(raw, &o) != nil || o.ID == "" {
			st.bad = append(st.bad, "no id: "+string(raw))
			continue
		}
		c.Objects = append(c.Objects, Object2{s.now(), string(raw)})
	}
	if s.statuses == nil {
		s.statuses = map[string]*status2{}
	}
	id := rand.Text()
	s.statuses[id] = st
	a := s.status(id)
	a.status = http.StatusAccepted
	return a
}

func (s *TAXII2) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now().UTC()
}

func (s *TAXII2) status(id string) reply2 {
	st := s.statuses[id]
	if st == nil {
		return problem2(http.StatusNotFound, "Status '"+id+"' not found.")
	}
	m := map[string]any{"id": id, "status": "complete", "total_count": st.total, "success_count": st.total - len(st.bad),
		"failure_count": len(st.bad), "pending_count": 0}
	var failures []map[string]string
	for _, b := range st.bad {
		failures = append(failures, map[string]string{"id": "", "message": b})
	}
	m["failures"] = failures
	if st.left > 0 {
		st.left--
		m = map[string]any{"id": id, "status": "pending", "total_count": st.total, "success_count": 0, "failure_count": 0, "pending_count": st.total}
	}
	return json2(m)
}

// text writes objects, or their manifest, as a list.
func (s *TAXII2) text(objects []Object2, manifest bool) []byte {
	var b bytes.Buffer
	for i, o := range objects {
		if i > 0 {
			b.WriteString(", ")
		}
		if !manifest {
			b.WriteString(o.JSON)
			continue
		}
		id, version := idOf2(o)
		fmt.Fprintf(&b, `{"date_added": %q, "id": %q, "media_type": "application/stix+json;version=2.1", "version": %q}`,
			s.date(o.Added), id, version)
	}
	return b.Bytes()
}

// html2 is what servers and gateways say to people.
func html2(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html>\n<html lang=en>\n<title>%d %[2]s</title>\n<h1>%[2]s</h1>\n", status, http.StatusText(status))
}

func (s *TAXII2) account() account { return account{s.User, s.Password, s.TokenUses} }
