package taxii1

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// ErrIncomplete marks the error of a poll of which some parts came and were
// handed out, and others did not. Who keeps a cursor must not move it.
var ErrIncomplete = errors.New("the poll is incomplete")

// Query says what a poll asks for.
type Query struct {
	Collection string
	Begin, End time.Time // (Begin, End] of the time labels; zero: no bound. A DATA_SET has no labels
	Bindings   []string  // kinds of content, such as urn:stix.mitre.org:xml:1.1.1; none: all
	// SubscriptionID asks for what a subscription asks for; with one there can
	// be neither Bindings nor CountOnly, which are the subscription's (1.1).
	SubscriptionID string
	CountOnly      bool   // the number of blocks instead of them; 1.0 has no such question
	MaxBytes       int64  // most bytes of one answer as UTF-8, 100 MiB; more is httpx.ErrTooBig
	SpoolDir       string // for answers that are too big for memory; "": os.TempDir
}

// check finds what cannot be asked.
func (q Query) check(d dialect) error {
	begin, end := floor(q.Begin), ceil(q.End)
	switch {
	case q.Collection == "":
		return errors.New("a poll needs the name of a collection")
	case d.old() && q.CountOnly:
		return errors.New("TAXII 1.0 cannot count: the question came with 1.1")
	case !d.old() && q.SubscriptionID != "" && (q.CountOnly || len(q.Bindings) > 0):
		return errors.New("a poll by subscription has the bindings and the response type of the subscription: leave them out")
	case !q.Begin.IsZero() && !q.End.IsZero() && !begin.Before(end):
		return fmt.Errorf("the begin %s is not before the end %s", stamp(begin), stamp(end))
	}
	return nil
}

// request writes the Poll_Request.
func (q Query) request(d dialect) *writer {
	attrs := []string{d.nameAttr, q.Collection}
	if d.old() && q.SubscriptionID != "" {
		attrs = append(attrs, "subscription_id", q.SubscriptionID)
	}
	w := newMessage(d, "Poll_Request", attrs...)
	if !q.Begin.IsZero() {
		w.text("Exclusive_Begin_Timestamp", stamp(floor(q.Begin)))
	}
	if !q.End.IsZero() {
		w.text("Inclusive_End_Timestamp", stamp(ceil(q.End)))
	}
	switch {
	case d.old():
		q.bindings(w)
	case q.SubscriptionID != "":
		w.text("Subscription_ID", q.SubscriptionID)
	default:
		w.open("Poll_Parameters", "allow_asynch", "false")
		w.text("Response_Type", map[bool]string{true: "COUNT_ONLY", false: "FULL"}[q.CountOnly])
		q.bindings(w)
		w.close("Poll_Parameters")
	}
	return w
}

func (q Query) bindings(w *writer) {
	for _, b := range q.Bindings {
		w.binding(b, "")
	}
}

// fulfillment asks for a part of a result (Services §4.3.10).
func (q Query) fulfillment(d dialect, resultID string, part int) *writer {
	return newMessage(d, "Poll_Fulfillment", "collection_name", q.Collection,
		"result_id", resultID, "result_part_number", strconv.Itoa(part))
}

// Result is what a poll came to.
type Result struct {
	Begin, End   time.Time // the window as the server says it used it for the first answer, zero when it does not
	Date         time.Time // the server's clock with the first answer, zero when it does not say
	Count        int       // blocks there are in all parts together, -1 when not said
	PartialCount int       // a number that Count is not below, for servers that say no more; -1 when not said
	Parts        int       // answers that were read
	Blocks       int       // blocks that were handed out
	Bad          int       // those of them with an error in Bad
	Scrubbed     int       // characters in them that XML forbids
	Messages     []string  // the server's words, without repeats
	Notes        []string  // what was odd about the answers, without repeats
	More         bool      // the last answer said that there is more, which was not asked for: the question was for the count, or the answer was empty
}

// maxNotes bounds the messages and notes that are kept, each.
const maxNotes = 100

// note adds text to list unless it is there.
func note(list *[]string, text string) {
	if text != "" && len(*list) < maxNotes && !slices.Contains(*list, text) {
		*list = append(*list, text)
	}
}

// Poll asks the poll service at u for q and hands each block to each, in the
// order in which they come, together with what the result says. It goes on to
// the last part. An error of each ends the poll and is returned as it is.
//
// Before a block is handed out the whole answer that holds it was read. So a
// poll that fails with its first answer has handed out nothing. One that fails
// later has handed out whole parts, says so with ErrIncomplete and can only be
// repeated from its begin: parts of a result are gone after a while.
//
// An asynchronous result (PENDING) and a busy server (RETRY) are waited for, as
// long as they ask, but no longer than half an hour in all.
//
// TAXII 1.0 has no parts. There the poll asks on from the newest label until
// nothing new comes, so that it takes one question more than it has answers; a
// Part is then the number of an answer, and Index that of the block in it.
func (c *Client) Poll(ctx context.Context, u *url.URL, q Query, each func(*Block) error) (Result, error) {
	p := &poll{c: c, u: u, q: q, each: each, res: Result{Count: -1, PartialCount: -1}}
	if c.err != nil {
		return p.res, c.err
	}
	if err := q.check(c.d); err != nil {
		return p.res, err
	}
	m := q.request(c.d)
	for m != nil {
		a, err := p.patient(ctx, m)
		if err != nil {
			return p.res, p.incomplete(err)
		}
		m, err = p.part(a)
		a.sp.close()
		if err != nil {
			return p.res, err
		}
	}
	return p.res, p.whole()
}

// poll is one poll under way.
type poll struct {
	c      *Client
	u      *url.URL
	q      Query
	each   func(*Block) error
	res    Result
	asked  int // the part that was asked for
	result string
	last   [sha256.Size]byte // of the blocks of the last part
	same   int               // parts before it with the same
	waited time.Duration
	waits  int
	onward onward // TAXII 1.0
}

// incomplete marks an error behind the first part.
func (p *poll) incomplete(err error) error {
	if err == nil || p.res.Parts == 0 {
		return err
	}
	return fmt.Errorf("%w: %d of its parts came, with %d blocks, then: %w", ErrIncomplete, p.res.Parts, p.res.Blocks, err)
}

// ask asks m and checks the answer from its begin to its end.
func (p *poll) ask(ctx context.Context, m *writer) (*answer, error) {
	var got *answer
	limit := p.q.MaxBytes
	if limit <= 0 {
		limit = maxAnswer
	}
	err := p.c.ask(ctx, p.u, m, reading{limit: limit, dir: p.q.SpoolDir, name: "Poll_Response", repeat: true, keep: true, read: func(w *walk, a *answer) error {
		err := w.poll()
		a.head, a.blocks, a.first, got = w.head, w.blocks, w.first, a
		return err
	}})
	if err != nil {
		return nil, err
	}
	return got, nil
}

// part hands out the blocks of an answer and returns the question for the next
// part, nil when there is none.
func (p *poll) part(a *answer) (*writer, error) {
	if err := p.ordered(a.head); err != nil {
		return nil, p.incomplete(err)
	}
	if err := p.different(a); err != nil {
		return nil, p.incomplete(err)
	}
	p.take(a)
	if err := p.handOut(a); err != nil {
		return nil, err
	}
	if p.c.d.old() {
		return p.further()
	}
	p.res.More = a.head.more
	if !a.head.more || a.blocks == 0 || p.q.CountOnly {
		return nil, nil
	}
	if a.head.resultID != "" {
		p.result = a.head.resultID
	}
	if p.result == "" {
		return nil, p.incomplete(errors.New("the server says that there is more, but gives no result_id to ask for it"))
	}
	p.asked++
	return p.q.fulfillment(p.c.d, p.result, p.asked), nil
}

// further is the question behind an answer in TAXII 1.0, nil when there is none.
func (p *poll) further() (*writer, error) {
	q, more, err := p.onward.next(p.q)
	if err != nil || !more {
		return nil, p.incomplete(err)
	}
	return q.request(p.c.d), nil
}

// ordered checks that the answer is the part that was asked for. Part 1 is
// meant when nothing is said of it, and with later parts servers forget to say.
func (p *poll) ordered(h head) error {
	if p.asked == 0 {
		p.asked = 1
	}
	if h.part != 0 && h.part != p.asked {
		return fmt.Errorf("part %d was asked for, and the server sent part %d", p.asked, h.part)
	}
	return nil
}

// maxSame is how often a part may be the same as the one before: a server with
// one block a part may hold a block twice.
const maxSame = 10

// different guards against a server that sends the same part for ever.
func (p *poll) different(a *answer) error {
	h := sha256.New()
	if _, err := io.Copy(h, a.sp.section(a.first, a.sp.size)); err != nil {
		return err
	}
	sum := [sha256.Size]byte(h.Sum(nil))
	if p.same++; a.blocks == 0 || sum != p.last {
		p.same, p.last = 0, sum
	}
	if p.same > maxSame {
		return fmt.Errorf("the server sends the same part again and again, the last as part %d", p.asked)
	}
	return nil
}

// take keeps what the answer says of the result. The first word counts.
func (p *poll) take(a *answer) {
	p.res.Parts++
	if p.res.Parts == 1 {
		p.res.Begin, p.res.End, p.res.Date = a.head.begin, a.head.end, a.date
	}
	switch n := a.head.count; {
	case n < 0 || p.res.Count >= 0 || p.res.PartialCount >= 0:
	case a.head.partial:
		p.res.PartialCount = n
	default:
		p.res.Count = n
	}
	note(&p.res.Messages, p.c.conn.Hide(a.head.message))
	note(&p.res.Notes, a.note)
}

// handOut hands out the blocks of an answer that is known to be whole.
func (p *poll) handOut(a *answer) error {
	p.onward.begin()
	if p.q.CountOnly || a.blocks == 0 {
		return nil
	}
	w, err := newWalk(a.sp)
	if err != nil {
		return err
	}
	w.notes = func(s string) { note(&p.res.Notes, s) }
	w.each = func(b *Block) error {
		if p.c.d.old() {
			if isNew, err := p.onward.isNew(b); !isNew || err != nil {
				return err
			}
		}
		b.Part = p.res.Parts
		p.res.Blocks++
		p.res.Scrubbed += b.Scrubbed
		if b.Bad != nil {
			p.res.Bad++
		}
		return p.each(b)
	}
	return w.poll()
}

// whole judges whether all came.
func (p *poll) whole() error {
	text, err := p.onward.complete()
	note(&p.res.Notes, text)
	if err != nil {
		return err
	}
	return p.counted()
}

// counted compares what came with what the server said there is.
func (p *poll) counted() error {
	said := max(p.res.Count, p.res.PartialCount)
	if p.q.CountOnly || p.res.Blocks >= said {
		return nil
	}
	return fmt.Errorf("%w: the server counts %d blocks and sent %d", ErrIncomplete, said, p.res.Blocks)
}
