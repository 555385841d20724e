package taxii2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/collect/taxii"
)

// Query says which objects are asked for, and how.
type Query struct {
	// AddedAfter leaves out what the server has had since then or longer (TAXII 2.1
	// §3.4.1); "" asks for everything. Give what a server wrote or Result.Resume,
	// as it is.
	AddedAfter string
	Limit      int                 // objects of a page; 0: the server's default
	Match      map[string][]string // "type", "id", "version", "spec_version": any of the values (§3.4.1)
	MaxBytes   int64               // most bytes of one answer; 0: 256 MiB
	SpoolDir   string              // for answers of more than 8 MiB while they are read; "": the system's
	Pause      time.Duration       // before a page that was lost is asked for again, growing; 0: 1 s
}

// Page is a part of the objects, at most some MiB.
type Page struct {
	Objects     []json.RawMessage // each is one JSON object; none that was handed out before
	Bad         []BadObject
	First, Last string    // X-TAXII-Date-Added-First and -Last of the answer that it comes from, as the server wrote them; "" when it did not
	Date        time.Time // the server's clock; zero when it does not tell
	// Resume is the AddedAfter with which a later query misses nothing once this
	// page and those before it are kept; "" when the AddedAfter of this query is
	// the only one.
	Resume string
}

// Result is what Objects did.
type Result struct {
	Pages      int // answers that came whole
	Objects    int // objects handed out
	Bad        int
	Duplicates int    // objects dropped because they had come already
	Restarts   int    // times that the walk began again after a lost answer
	First      string // of the first page, as the server wrote it
	Last       string // the latest date of any page; "" when no page had one
	Date       time.Time
	Complete   bool
	Reason     string // why it is not complete
	Resume     string // as in Page; a step earlier than Last when the result is complete
}

const (
	maxBytes  = 256 << 20
	pageBytes = 4 << 20 // of the objects that are handed out at once
)

// Objects hands out the objects of a collection that the query asks for, page
// by page, each object (id, version and content) once. What page holds is the
// caller's to keep. It ends with the first error of page, which it returns as it
// is.
//
// Errors: those of taxii.Conn.Do, ErrLoop, ErrGap, and httpx.ErrTooBig when the
// server answers with more than MaxBytes however little is asked for. The pages
// handed out before an error are good, and Result.Resume tells from where to go
// on.
func (c *Client) Objects(ctx context.Context, root *url.URL, id string, q Query, page func(*Page) error) (Result, error) {
	return c.walk(ctx, root, id, "objects", q, page)
}

// Manifest is like Objects, with the manifest of the collection: for each object
// {"id", "date_added", "version", "media_type"}, in 2.0 with "versions" (§5.3).
func (c *Client) Manifest(ctx context.Context, root *url.URL, id string, q Query, page func(*Page) error) (Result, error) {
	return c.walk(ctx, root, id, "manifest", q, page)
}

func (c *Client) walk(ctx context.Context, root *url.URL, id, what string, q Query, page func(*Page) error) (Result, error) {
	u, err := below(root, "collections", id, what)
	if err != nil {
		return Result{Reason: err.Error()}, err
	}
	w := &walk{c: c, u: u, id: id, q: q, give: page, limit: max(q.Limit, 0), after: q.AddedAfter, accept: c.accept(what == "objects"), bar: 8}
	w.body.dir = q.SpoolDir
	defer w.body.reset()
	if c.old {
		err = w.run20(ctx)
	} else {
		err = w.run21(ctx)
	}
	return w.finish(err)
}

// walk is one run over the pages of a collection.
type walk struct {
	c      *Client
	u      *url.URL
	id     string
	q      Query
	give   func(*Page) error
	accept string
	body   spool
	res    Result

	limit int // of the next page; 0: not said
	after string
	next  string

	start   int  // TAXII 2.0: the first item to ask for
	reached int  // the first item that has not come
	total   int  // items that there are, as far as known
	shifts  int  // times that they moved
	space   bool // the server wants "items 0-9", not "items=0-9"
	ranged  bool // items are asked for, even without a limit

	seen    seen // objects
	pages   seen // what pages held
	nexts   seen // texts of "next"
	mark    mark
	largest int // objects of the largest page
	walked  int // pages since the walk began anew

	idle     int // how long nothing new has come
	patience int // how much of that is borne beyond the usual, since a walk that began anew meets what is known
	failures int // since something new came
	single   int // of them, those of pages of one object
	good     int // pages with something new since less had to be asked for
	bar      int // how many of them make it worth to ask for more again
	grown    bool
	overlap  bool // the next page must begin with, or hold, what is known
	lost     bool // it did not, so the dates lead nowhere

	gap       string // what was stepped over, for the error at the end
	gapResume string // from where a query would meet it again
}

// answer is a page as it came.
type answer struct {
	envelope
	status      int
	first, last string
	date        time.Time
	span        span
	fresh, dups int
	firstKnown  bool // its first object had come already
}

// request makes the question for the next page.
func (w *walk) request() taxii.Request {
	v := w.u.Query()
	for name, values := range w.q.Match {
		v.Set("match["+name+"]", strings.Join(values, ","))
	}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("added_after", w.after)
	set("next", w.next)
	h := http.Header{"Accept": {w.accept}}
	if w.c.old && (w.limit > 0 || w.ranged) {
		h.Set("Range", rangeOf(w.start, w.size(), w.space))
	} else if w.limit > 0 {
		set("limit", strconv.Itoa(w.limit))
	}
	u := *w.u
	u.RawQuery = v.Encode()
	r := taxii.Request{URL: &u, Header: h, MaxBody: w.q.MaxBytes}
	if r.MaxBody <= 0 {
		r.MaxBody = maxBytes
	}
	if w.next != "" || w.failures > 0 || w.grown {
		r.Attempts = 1 // a "next" may be used once; and who fails is asked for less, not for the same
	}
	return r
}

// fetch asks for the next page and takes it into the spool; nothing of it is
// handed out before it is known to be whole.
func (w *walk) fetch(ctx context.Context) (answer, error) {
	var a answer
	err := w.c.conn.Do(ctx, w.request(), func(resp *http.Response) (err error) {
		a, err = w.take(resp)
		return err
	})
	return a, err
}

func (w *walk) take(resp *http.Response) (answer, error) {
	h := resp.Header
	a := answer{status: resp.StatusCode, first: dateText(h, "First"), last: dateText(h, "Last"), span: spanOf(resp)}
	a.date, _ = http.ParseTime(h.Get("Date")) // zero when there is none
	w.body.reset()
	from := &source{r: resp.Body}
	var err error
	a.envelope, err = readEnvelope(tee(from, &w.body), func(s *splitter) error { return s.value(0) })
	return a, from.judge(err)
}

// dateText reads one of the X-TAXII-Date-Added headers. A text that is longer
// than any date is none.
func dateText(h http.Header, which string) string {
	s := strings.TrimSpace(h.Get("X-TAXII-Date-Added-" + which))
	if len(s) > 64 {
		return ""
	}
	return s
}

// deliver hands out what is new of the page in the spool.
func (w *walk) deliver(a *answer) error {
	r, err := w.body.reader()
	if err != nil {
		return err
	}
	w.note(a)
	out := outlet{w: w, a: a, page: w.page(a)}
	if _, err := readEnvelope(r, out.object); err != nil {
		return err
	}
	w.mark.page(a.first, a.last)
	w.verify(a)
	out.page.Resume = w.resume()
	return out.flush(true)
}

func (w *walk) page(a *answer) *Page {
	return &Page{First: a.first, Last: a.last, Date: a.date, Resume: w.resume()}
}

// resume is the AddedAfter that misses nothing of what has not come yet.
func (w *walk) resume() string {
	if w.gap != "" {
		return w.gapResume
	}
	return w.mark.resume()
}

// verify looks whether a page that was asked for by date ties in with those
// before. It was asked for a step early, so something on it must be known.
func (w *walk) verify(a *answer) {
	if w.c.old || !w.overlap || a.objects == 0 {
		return
	}
	w.overlap = false
	if a.dups == 0 {
		w.lost = true
		w.mark.distrust()
	}
}

// note takes what a page says of itself into the result.
func (w *walk) note(a *answer) {
	w.res.Pages++
	w.walked++
	w.largest = max(w.largest, a.objects)
	if w.res.First == "" {
		w.res.First = a.first
	}
	if w.res.Date.IsZero() {
		w.res.Date = a.date
	}
	l, ok := parseStamp(a.last)
	if had, also := parseStamp(w.res.Last); ok && (!also || l.time.After(had.time)) {
		w.res.Last = a.last
	}
}

// finish makes the result.
func (w *walk) finish(err error) (Result, error) {
	if err == nil && w.gap != "" {
		err = fmt.Errorf("%w: %s", ErrGap, w.gap)
	}
	var theirs *callerError
	if errors.As(err, &theirs) {
		err = theirs.error
	}
	if err == nil {
		w.res.Complete = true
		w.res.Resume = w.mark.end()
		return w.res, nil
	}
	w.res.Resume = w.resume()
	if theirs == nil {
		err = fmt.Errorf("collection %s: %w", strconv.Quote(w.id), w.c.explain(err))
	}
	w.res.Reason = err.Error()
	return w.res, err
}
