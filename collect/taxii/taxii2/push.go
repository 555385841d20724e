package taxii2

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/iochunt/iochunt/collect/taxii"
)

// Status is what became of objects that were pushed (TAXII 2.1 §4.3). Counts
// are -1 where the server does not say.
type Status struct {
	ID                               string // of the last request
	State                            string // "complete", "pending", or "" when the server does not tell
	Requests                         int    // the server's limits may split a push
	Total, Success, Failure, Pending int
	Failures                         []Outcome
}

// Outcome is what a server says about one object.
type Outcome struct{ ID, Version, Message string }

type wireStatus struct {
	ID       text              `json:"id"`
	State    text              `json:"status"`
	Total    number            `json:"total_count"`
	Success  number            `json:"success_count"`
	Failure  number            `json:"failure_count"`
	Pending  number            `json:"pending_count"`
	Failures []json.RawMessage `json:"failures"`
}

// Bounds of a push.
const (
	maxPush    = 8 << 20 // bytes of one request where the server does not say
	statusWait = 2 * time.Minute
)

// ErrPending says that the server had not finished with pushed objects when the
// waiting ended.
var ErrPending = errors.New("the server has not finished with the objects")

// ErrRejected says that the server did not take all objects; the Status tells
// which.
var ErrRejected = errors.New("the server did not take all objects")

// Push adds objects to a collection: a bundle, an envelope, a list of objects,
// objects behind each other, or one. They are sent in requests of at most the
// size that the API root allows, and the server's status is asked for until it
// is complete, for two minutes at most (ErrPending). A request is sent once:
// whoever gets an error may push again, since a server tells an object by its
// id and version.
func (c *Client) Push(ctx context.Context, root *url.URL, id string, objects io.Reader) (Status, error) {
	p := &push{c: c, root: root, id: id, max: maxPush}
	if api, err := c.Root(ctx, root); err == nil && api.MaxContent > 0 {
		p.max = min(p.max, api.MaxContent)
	} else if errors.Is(err, taxii.ErrAuth) {
		return Status{}, err
	}
	err := p.read(ctx, newSplitter(objects))
	if err == nil {
		err = p.send(ctx)
	}
	switch {
	case err != nil:
	case p.sum.Requests == 0 && p.sum.Failure == 0:
		err = errors.New("there are no objects to push")
	case p.sum.Failure > 0:
		err = fmt.Errorf("%w: %d of them", ErrRejected, p.sum.Failure)
	}
	if err != nil {
		err = fmt.Errorf("push to %q: %w", id, c.explain(err))
	}
	return p.sum, err
}

// push gathers objects into requests.
type push struct {
	c     *Client
	root  *url.URL
	id    string
	max   int64
	batch bytes.Buffer // objects with commas between
	count int
	sum   Status
}

// read takes the objects out of whatever holds them.
func (p *push) read(ctx context.Context, s *splitter) error {
	for n := 0; ; n++ {
		b, err := s.first()
		switch {
		case errors.Is(err, errEnds) && n > 0:
			return nil
		case err != nil:
			return fmt.Errorf("the objects cannot be read: %w", err)
		case b == '[':
			err = s.list('[', ']', func() error { return p.one(ctx, s) })
		default:
			err = p.one(ctx, s)
		}
		if err != nil {
			return err
		}
	}
}

// one takes an object, or the objects of a bundle or an envelope.
func (p *push) one(ctx context.Context, s *splitter) error {
	raw, bad, err := s.container()
	if err != nil {
		return fmt.Errorf("the objects cannot be read: %w", err)
	}
	if bad != "" {
		return fmt.Errorf("object %d cannot be pushed: %s", p.count+1, bad)
	}
	var o struct {
		Type    text              `json:"type"`
		ID      text              `json:"id"`
		Objects []json.RawMessage `json:"objects"`
	}
	if err := json.Unmarshal(raw, &o); err == nil && (o.Type == "bundle" || o.Type == "" && o.Objects != nil) {
		for _, inner := range o.Objects {
			if err := p.add(ctx, inner, ""); err != nil {
				return err
			}
		}
		return nil
	}
	return p.add(ctx, bytes.Clone(raw), string(o.ID))
}

// maxFile bounds a bundle that is pushed, in bytes.
const maxFile = 256 << 20

// container reads an object that may be a bundle.
func (s *splitter) container() (raw []byte, bad string, err error) {
	if err := s.value(maxFile); err != nil {
		return nil, "", err
	}
	switch {
	case s.cut:
		bad = fmt.Sprintf("it has more than %d MiB", maxFile>>20)
	case s.raw[0] != '{':
		bad = BadNoObject
	case s.max > maxDepth+2:
		bad = BadDepth
	case !json.Valid(s.raw):
		bad = BadSyntax
	}
	return s.raw, bad, nil
}

// add puts an object into the request that is being made, and sends that when
// it is full.
func (p *push) add(ctx context.Context, raw []byte, id string) error {
	const around = 256 // bytes of the envelope or bundle
	p.count++
	if int64(len(raw)+around) > p.max {
		p.fail(Outcome{ID: firstText(id, idOf(raw)), Message: fmt.Sprintf("it has %d bytes, and the server takes requests of %d", len(raw), p.max)})
		return nil
	}
	if int64(p.batch.Len()+len(raw)+around) > p.max {
		if err := p.send(ctx); err != nil {
			return err
		}
	}
	if p.batch.Len() > 0 {
		p.batch.WriteByte(',')
	}
	p.batch.Write(raw)
	return nil
}

func (p *push) fail(o Outcome) {
	p.sum.Failure++
	p.sum.Total++
	p.sum.Failures = append(p.sum.Failures, o)
}

// send sends what is gathered and waits for what becomes of it.
func (p *push) send(ctx context.Context) error {
	if p.batch.Len() == 0 {
		return nil
	}
	u, err := below(p.root, "collections", p.id, "objects")
	if err != nil {
		return err
	}
	r := taxii.Request{Method: http.MethodPost, URL: u, MaxBody: maxResource, Body: p.body(),
		Header: http.Header{"Accept": {p.c.accept(false)}, "Content-Type": {p.c.accept(true)}}}
	p.batch.Reset()
	p.sum.Requests++
	var st wireStatus
	if err := p.c.conn.Do(ctx, r, func(resp *http.Response) error { return readStatus(resp, &st) }); err != nil {
		return err
	}
	return p.settle(ctx, st)
}

// readStatus reads the answer to a push. Sloppy servers answer with nothing.
func readStatus(resp *http.Response, st *wireStatus) error {
	*st = wireStatus{Total: -1, Success: -1, Failure: -1, Pending: -1}
	text, err := io.ReadAll(resp.Body)
	if err != nil || len(bytes.TrimSpace(text)) == 0 {
		return err
	}
	_, err = decodeObject(text, st)
	return err
}

// body wraps the gathered objects: an envelope in 2.1, a bundle in 2.0.
func (p *push) body() []byte {
	head := `{"objects":[`
	if p.c.old {
		head = `{"type":"bundle","id":"bundle--` + uuid() + `","spec_version":"2.0","objects":[`
	}
	return append(append([]byte(head), p.batch.Bytes()...), "]}"...)
}

// uuid makes a random UUID (RFC 9562 §5.4).
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// settle asks for the status until the server has finished.
func (p *push) settle(ctx context.Context, st wireStatus) error {
	deadline := time.Now().Add(statusWait)
	for pause := time.Second / 4; st.State == "pending" && st.ID != ""; pause = min(2*pause, 10*time.Second) {
		if time.Now().Add(pause).After(deadline) {
			p.take(st)
			return fmt.Errorf("%w: status %s", ErrPending, st.ID)
		}
		if err := taxii.Wait(ctx, pause); err != nil {
			return err
		}
		u, err := below(p.root, "status", string(st.ID))
		if err != nil {
			return err
		}
		next := wireStatus{Total: -1, Success: -1, Failure: -1, Pending: -1}
		if _, err := p.c.get(ctx, u, &next); err != nil {
			return fmt.Errorf("status %s: %w", st.ID, err)
		}
		st = next
	}
	p.take(st)
	return nil
}

// take adds the outcome of one request to the sum.
func (p *push) take(st wireStatus) {
	p.sum.ID, p.sum.State = string(st.ID), string(st.State)
	p.sum.Total = sumOf(p.sum.Total, int(st.Total))
	p.sum.Success = sumOf(p.sum.Success, int(st.Success))
	p.sum.Pending = sumOf(p.sum.Pending, int(st.Pending))
	p.sum.Failure += max(int(st.Failure), len(st.Failures)) // a failure that nobody tells of is none
	for _, raw := range st.Failures {
		p.sum.Failures = append(p.sum.Failures, outcome(raw))
	}
}

// sumOf adds counts, where -1 is one that is not known.
func sumOf(a, b int) int {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}

// outcome reads an entry of the failures: an object, or an id alone.
func outcome(raw json.RawMessage) Outcome {
	var w struct{ ID, Version, Message text }
	if _, err := decodeObject(raw, &w); err == nil {
		return Outcome{string(w.ID), string(w.Version), string(w.Message)}
	}
	var t text
	_ = t.UnmarshalJSON(raw) // what is no text says nothing
	return Outcome{ID: string(t)}
}

// PushStatus asks what became of a push that was still pending.
func (c *Client) PushStatus(ctx context.Context, root *url.URL, id string) (Status, error) {
	u, err := below(root, "status", id)
	if err != nil {
		return Status{}, err
	}
	st := wireStatus{Total: -1, Success: -1, Failure: -1, Pending: -1}
	if _, err := c.get(ctx, u, &st); err != nil {
		return Status{}, err
	}
	p := push{}
	p.take(st)
	return p.sum, nil
}
