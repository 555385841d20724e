package otxtest

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault says which requests go wrong, how often and how. Every condition that
// is set must hold; of faults that apply to the same request all take effect,
// and where two replace the answer the first does.
type Fault struct {
	Path  string                   // below /api/v1, in the manner of path.Match ("/pulses/*/indicators"); "": any
	Page  int                      // the page asked for; 0: any
	Pulse string                   // id of a pulse that the answer would hold ("" : any): a poisoned pulse fails every page that it is on
	Match func(*http.Request) bool // nil: any
	Skip  int                      // so many matching requests pass first
	Times int                      // then so many go wrong; 0: all
	Do    Effect
}

// Effect is what goes wrong. It comes from one of the functions below.
type Effect func(*tweaks)

// fault counts what a Fault has met.
type fault struct {
	Fault
	seen int
}

// tweaks is the sum of the effects on one answer.
type tweaks struct {
	replace func(w http.ResponseWriter, r *http.Request, closed <-chan struct{})
	delay   time.Duration
	shape   Shape
	long    int
	bad     string // the pulse to write malformed
	first   bool   // the first of the page, whichever it is
	count   int
	next    func(next, self string) string
	after   int64 // bytes after which stop happens, where stop is set
	stop    stop
}

// stop is how an answer ends too soon.
type stop uint8

const (
	stopNot stop = iota
	stopStall
	stopAbort
	stopCut
)

// Fault adds faults to those in force.
func (s *Server) Fault(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &fault{Fault: f})
	}
}

// ClearFaults makes the service well again.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

func (s *Server) tweaks(q query, ans *answer) *tweaks {
	t := &tweaks{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if !f.applies(q, ans) {
			continue
		}
		f.seen++
		if f.seen > f.Skip && (f.Times == 0 || f.seen <= f.Skip+f.Times) {
			f.Do(t)
		}
	}
	return t
}

func (f *fault) applies(q query, ans *answer) bool {
	if f.Path != "" {
		if ok, err := path.Match(f.Path, q.path); err != nil || !ok {
			return false
		}
	}
	return (f.Page == 0 || f.Page == q.page) &&
		(f.Pulse == "" || slices.Contains(ans.pulses, f.Pulse)) &&
		(f.Match == nil || f.Match(q.r))
}

// wait spends the latency; false means that nobody waits any more.
func (t *tweaks) wait(r *http.Request, closed <-chan struct{}) bool {
	if t.delay <= 0 {
		return true
	}
	timer := time.NewTimer(t.delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-closed:
	}
	return false
}

func (t *tweaks) instead(f func(http.ResponseWriter, *http.Request, <-chan struct{})) {
	if t.replace == nil {
		t.replace = f
	}
}

// Reply answers with a status and a body of a content type.
func Reply(status int, contentType, body string) Effect {
	return func(t *tweaks) {
		t.instead(func(w http.ResponseWriter, _ *http.Request, _ <-chan struct{}) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, body) //nolint:errcheck // the client may be gone
		})
	}
}

// Gateway answers 502, 503 or 504 with a page of HTML, as the CDN does.
func Gateway(status int) Effect {
	text := strconv.Itoa(status) + " " + http.StatusText(status)
	return Reply(status, "text/html", "<html>\r\n<head><title>"+text+"</title></head>\r\n<body>\r\n<center><h1>"+text+"</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n")
}

// Refuse answers with a status and {"detail": …}. For 429 the detail decides
// what is meant: DetailThrottled, DetailAnonymous. retryAfter is the header's
// value, "" leaves it out, as the service does.
func Refuse(status int, text, retryAfter string) Effect {
	return func(t *tweaks) {
		t.instead(func(w http.ResponseWriter, _ *http.Request, _ <-chan struct{}) {
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			w.Write(append(appendText([]byte(`{"detail":`), text), '}'))
		})
	}
}

// Forbid answers 403, as for a key that has been revoked.
func Forbid() Effect { return Refuse(http.StatusForbidden, detailWrongKey, "") }

// BadRequest answers 400 with an object of the fields that are wrong.
func BadRequest(field, text string) Effect {
	return Reply(http.StatusBadRequest, "application/json", "{"+string(appendText(nil, field))+":["+string(appendText(nil, text))+"]}")
}

// Hang never answers; it ends when the client gives up or the server closes.
func Hang() Effect {
	return func(t *tweaks) {
		t.instead(func(_ http.ResponseWriter, r *http.Request, closed <-chan struct{}) { hang(r, closed) })
	}
}

func hang(r *http.Request, closed <-chan struct{}) {
	select {
	case <-r.Context().Done():
	case <-closed:
	}
	panic(http.ErrAbortHandler) // net/http's way to drop a connection without a word
}

// Redirect answers 302 to the same path and query at another base address.
func Redirect(base string) Effect {
	return func(t *tweaks) {
		t.instead(func(w http.ResponseWriter, r *http.Request, _ <-chan struct{}) {
			w.Header().Set("Location", strings.TrimRight(base, "/")+r.URL.RequestURI())
			w.WriteHeader(http.StatusFound)
		})
	}
}

// GzipBomb answers with JSON that is well formed and unpacks to n bytes; it
// goes over the wire as about a thousandth of that.
func GzipBomb(n int64) Effect {
	return func(t *tweaks) {
		t.instead(func(w http.ResponseWriter, _ *http.Request, _ <-chan struct{}) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			const head, tail = `{"results":[],"count":0,"next":null,"pad":"`, `"}`
			pad := []byte(strings.Repeat("A", 64<<10))
			_, err := io.WriteString(z, head)
			for left := n - int64(len(head)+len(tail)); left > 0 && err == nil; left -= int64(len(pad)) {
				_, err = z.Write(pad[:min(left, int64(len(pad)))])
			}
			if err == nil {
				io.WriteString(z, tail) //nolint:errcheck // the client may have seen enough
			}
		})
	}
}

// Latency delays an answer.
func Latency(d time.Duration) Effect { return func(t *tweaks) { t.delay += d } }

// Stall sends n bytes of the body and then no more, with the connection open.
func Stall(n int64) Effect { return func(t *tweaks) { t.after, t.stop = n, stopStall } }

// Abort sends n bytes of the body and drops the connection: the client can
// tell that something is missing.
func Abort(n int64) Effect { return func(t *tweaks) { t.after, t.stop = n, stopAbort } }

// Cut sends n bytes of the body and ends the answer as if that were all: only
// the JSON tells that something is missing.
func Cut(n int64) Effect { return func(t *tweaks) { t.after, t.stop = n, stopCut } }

// Shaped writes pulses and indicators in odd ways.
func Shaped(shape Shape) Effect { return func(t *tweaks) { t.shape |= shape } }

// LongDescription gives every pulse a description of n bytes.
func LongDescription(n int) Effect { return func(t *tweaks) { t.long = n } }

// Malformed writes one pulse as an object of which hardly a field is right; ""
// takes the first of the page. The rest of the page is sound.
func Malformed(id string) Effect { return func(t *tweaks) { t.bad, t.first = id, id == "" } }

// Count makes "count" wrong by n.
func Count(n int) Effect { return func(t *tweaks) { t.count = n } }

// NextHost lets "next", where there is one, name another host: base is its
// scheme and host. Who follows it sends the key there.
func NextHost(base string) Effect {
	return nextBy(func(u *url.URL) string { return strings.TrimRight(base, "/") + u.RequestURI() })
}

// NextPlus lets "next" repeat modified_since with an offset whose plus is not
// escaped, which reads as a space.
func NextPlus() Effect {
	return nextBy(func(u *url.URL) string {
		args := u.Query()
		since := args.Get("modified_since")
		if since == "" {
			return u.String()
		}
		args.Del("modified_since")
		since = strings.TrimSuffix(strings.TrimSuffix(since, "Z"), "+00:00") + "+00:00"
		u.RawQuery = args.Encode() + "&modified_since=" + strings.ReplaceAll(since, ":", "%3A")
		return u.String()
	})
}

func nextBy(change func(*url.URL) string) Effect {
	return func(t *tweaks) {
		t.next = func(next, _ string) string {
			u, err := url.Parse(next)
			if err != nil || next == "" {
				return next
			}
			return change(u)
		}
	}
}

// NextRepeats lets "next" name the page that it stands on, for ever.
func NextRepeats() Effect {
	return func(t *tweaks) { t.next = func(_, self string) string { return self } }
}

// NextMissing leaves "next" null though there is more.
func NextMissing() Effect {
	return func(t *tweaks) { t.next = func(string, string) string { return "" } }
}

// limit returns w, or a writer that ends the body too soon.
func (t *tweaks) limit(w http.ResponseWriter, r *http.Request, closed <-chan struct{}) io.Writer {
	if t.stop == stopNot {
		return w
	}
	return &stopper{w: w, r: r, closed: closed, left: t.after, how: t.stop}
}

type stopper struct {
	w      http.ResponseWriter
	r      *http.Request
	closed <-chan struct{}
	left   int64
	how    stop
}

func (s *stopper) Write(p []byte) (int, error) {
	n := min(int64(len(p)), s.left)
	s.left -= n
	if _, err := s.w.Write(p[:n]); err != nil || n == int64(len(p)) {
		return int(n), err
	}
	if s.how == stopCut {
		return int(n), io.ErrShortWrite
	}
	if err := http.NewResponseController(s.w).Flush(); err != nil {
		return int(n), err
	}
	if s.how == stopStall {
		hang(s.r, s.closed)
	}
	panic(http.ErrAbortHandler)
}
