package taxii1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/httpx"
	"github.com/iochunt/iochunt/internal/xmltok"
)

// Bounds of one answer. The elements around a content are three deep, so that a
// content itself may be as deep as one from a file. A text that stands directly
// in the Content may be a whole package, escaped, so that only the size of the
// answer bounds it; for texts in the package itself see pass.
var (
	contents = xmltok.Limits{}
	envelope = xmltok.Limits{Depth: 64 + 3, Text: -1}
)

// maxText bounds one run of text in a content, as xmltok.Limits does for what is
// read from a file.
const maxText = 8 << 20

const (
	maxAnswer = 100 << 20 // bytes of a poll's answer where the query does not say
	maxList   = 64 << 20  // bytes of any other answer
)

// Client asks one server. It is safe for concurrent use.
type Client struct {
	conn *taxii.Conn
	d    dialect
	err  error // a version that is none
	wait func(context.Context, time.Duration) error
}

// New returns a client that speaks version, "1.1" or "1.0" ("" is "1.1"), over
// c. Another version is an error of every method.
func New(c *taxii.Conn, version string) *Client {
	if version == "" {
		version = "1.1"
	}
	d, ok := dialects[version]
	cl := &Client{conn: c, d: d, wait: taxii.Wait}
	if !ok {
		cl.err = fmt.Errorf("TAXII %s is not a version of this protocol: 1.1 or 1.0", clip(version, 20))
	}
	return cl
}

// answer is a TAXII message that was read from an HTTP answer to its end.
type answer struct {
	sp     *spool
	date   time.Time // of the HTTP header, zero when there is none
	head   head
	note   string // what is odd about it
	blocks int    // how many it has
	first  int64  // where the first of them begins
}

// reading says how the answer to a question is read.
type reading struct {
	limit  int64  // bytes
	dir    string // for a temporary file
	name   string // of the message that is expected
	repeat bool   // the question may be asked again
	keep   bool   // the spool is wanted after read; who wants it closes it
	// read reads a, whose root is name, from w. It may be called again with
	// another answer, and then starts afresh.
	read func(w *walk, a *answer) error
}

// small is the reading of a short answer by f, which stands at the root's start.
func (c *Client) small(name string, f func(*xmltok.Reader) error) reading {
	return reading{limit: maxList, name: name, repeat: true, read: func(w *walk, _ *answer) error {
		if err := f(w.r); err != nil {
			return err
		}
		return w.end()
	}}
}

// ask sends m to u and reads the answer. A Status_Message is a *StatusError,
// but for one that says SUCCESS where that is expected.
func (c *Client) ask(ctx context.Context, u *url.URL, m *writer, rd reading) error {
	if c.err != nil {
		return c.err
	}
	req := taxii.Request{
		Method: http.MethodPost, URL: u, Header: c.header(), Body: m.done(), Repeatable: rd.repeat,
		MaxBody: rd.limit * 2, // before it is made UTF-8, which at most halves it
		Marker:  "X-TAXII-Content-Type",
	}
	err := c.conn.Do(ctx, req, func(resp *http.Response) error {
		return c.read(resp, m, rd)
	})
	return explain(err, u)
}

// header is what the HTTP binding wants with every question.
func (c *Client) header() http.Header {
	h := http.Header{}
	h.Set("Content-Type", "application/xml")
	h.Set("Accept", "application/xml")
	h.Set("X-TAXII-Content-Type", c.d.message)
	h.Set("X-TAXII-Accept", c.d.message)
	h.Set("X-TAXII-Services", c.d.services)
	h.Set("X-TAXII-Protocol", protocol(c.conn.Base().Scheme))
	return h
}

// read spools the answer and reads it as rd says.
func (c *Client) read(resp *http.Response, m *writer, rd reading) error {
	if err := isMessage(resp.Header.Get("X-TAXII-Content-Type")); err != nil {
		return err
	}
	_, kind, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")) // one that cannot be read says nothing
	utf8, err := xmltok.DecodeAs(resp.Body, kind["charset"])
	if err != nil {
		return err
	}
	sp, err := newSpool(utf8, rd.dir, rd.limit)
	if err != nil {
		return err
	}
	a := &answer{sp: sp}
	a.date, _ = http.ParseTime(resp.Header.Get("Date"))
	if err = c.readSpool(a, resp.StatusCode, m, rd); err != nil || !rd.keep {
		sp.close()
	}
	return err
}

// readSpool reads a spooled answer. One that ends inside is a lost one: it may
// be asked for again.
func (c *Client) readSpool(a *answer, status int, m *writer, rd reading) error {
	w, err := newWalk(a.sp)
	if err != nil {
		return lost(err)
	}
	a.head = w.head
	if a.head.inResponse != m.id {
		a.note = fmt.Sprintf("the answer says it is one to message %q, which was not asked", clip(a.head.inResponse, 60))
	}
	switch {
	case w.head.name == rd.name:
		err = rd.read(w, a)
	case w.head.name == "Status_Message":
		err = c.status(w, status)
	default:
		err = fmt.Errorf("the server answered with a %s where a %s was asked for", clip(w.head.name, 60), rd.name)
	}
	return lost(err)
}

// lost marks an answer that ends too early as one to ask for again.
func lost(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return httpx.Temporary(fmt.Errorf("the answer is cut: %w", err))
	}
	return err
}

// status reads a Status_Message as an error.
func (c *Client) status(w *walk, code int) error {
	e, err := readStatus(w.r)
	if err == nil {
		err = w.end()
	}
	if err != nil {
		return err
	}
	e.HTTP, e.Message = code, c.conn.Hide(e.Message)
	for _, vs := range e.Detail {
		for i := range vs {
			vs[i] = c.conn.Hide(vs[i])
		}
	}
	return e
}
