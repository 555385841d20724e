package es

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Op is what is done to a document.
type Op uint8

// The operations. With a fixed ID, each may be sent twice and has one effect:
// the second Create is refused as a duplicate, the second Delete finds nothing. A
// scripted Update is the exception: it needs IfTerm.
const (
	Index  Op = iota // write, in place of what is there
	Create           // write unless there is one
	Update           // change parts
	Delete
)

var opNames = [...]string{"index", "create", "update", "delete"}

// String returns the name that the API has for it.
func (o Op) String() string { return opNames[o] }

// Item is one operation. Its ID is the caller's, made from what the document
// says: an id that the server makes up would double the document when an answer is lost.
type Item struct {
	Op              Op
	Index, ID       string
	Body            []byte // one JSON object; none for Delete; for Update the whole update body {"doc":…} or {"script":…}
	IfSeqNo, IfTerm int64  // optimistic concurrency where IfTerm > 0
	Tag             any    // the caller's, handed back
}

// size is what the item takes in a request, in bytes and roughly.
func (it *Item) size() int { return len(it.Body) + len(it.ID) + len(it.Index) + 48 }

// Outcome is what became of an item.
type Outcome struct {
	Item
	Status       int    // HTTP, 413 too for one that no request can hold
	Type, Reason string // of the server, for a status above 299
	SeqNo, Term  int64  // with Versions
	Result       string // created, updated, deleted, noop, not_found
}

// BulkOptions says where documents go and who hears of it.
type BulkOptions struct {
	Index        string        // of items that name none
	MaxBytes     int           // of one request, 5 MiB; adaptive below it
	Workers      int           // requests at a time, 2
	Refresh      string        // "true", "wait_for" (of an index that refreshes by itself): when Close returns, searches see all that is in; "": when the server likes
	Versions     bool          // Outcomes have SeqNo and Term
	RequireAlias bool          // an index that is no alias ends the writer: the server must not make one by itself
	Patience     time.Duration // how long a request is tried again without one item getting in, 2 min
	// Done gets each item that is in: 2xx, 409 of a Create (it is there already, or
	// was written by a request whose answer was lost), 404 of a Delete. The three
	// functions are called by one goroutine at a time and must not call Add; all may be nil.
	Done func(Outcome)
	// Conflict gets a 409 of an item with IfTerm > 0: somebody else changed the
	// document, or the answer to the same change was lost. nil: it counts as dead.
	Conflict func(Outcome)
	// Dead gets the items that the server will never take (other 4xx, and one that is
	// too big by itself); the caller keeps them with the reason, and an error ends the
	// writer. nil: the first dead item ends the writer with an error.
	Dead func(Outcome) error
}

// BulkStats counts items; Added is the sum of Indexed, Existed, Conflicts and
// Dead after a Close without error.
type BulkStats struct {
	Added, Indexed, Existed, Conflicts, Dead int
	Retried, Requests                        int   // items sent again; requests in all
	Bytes                                    int64 // sent, of all requests
}

const (
	usualBytes    = 5 << 20
	maxItems      = 20000 // of one request: an answer has a line for each
	usualPatience = 2 * time.Minute
)

// Bulk writes documents by the bulk API. The rules: an item is in when the server
// has said so for this very item, and is sent until then (429, 5xx, answers that
// are lost, cut or nonsense); what it refuses for good goes to Dead with its
// reason; a refusal that is about us or about the index (401, 403, closed, full
// disk) ends the writer with an error, and no item is lost by it.
//
// Memory: Add blocks while all workers are busy and the next batch is full, so
// that at most Workers+1 batches of MaxBytes stand in memory as items, and as
// many as there are Workers once more as encoded requests: 25 MiB by default,
// and one item more where one is bigger than MaxBytes.
//
// Order is not kept: requests overtake each other, and what is sent again comes
// late. One document must not be in a writer twice.
//
// Batches adapt: halved on 413, 429 and slow answers, and grown again with success.
type Bulk struct {
	c    *Client
	o    BulkOptions
	path string
	ctx  context.Context //nolint:containedctx // it is the life of the writer
	fail context.CancelCauseFunc
	work chan *part
	busy sync.WaitGroup
	size sizer

	mu     sync.Mutex // next, first, closed, and the sending end of work
	next   *part
	handed int // batches
	closed bool

	out     sync.Mutex // the callbacks and what follows
	stats   BulkStats
	indices map[string]bool // written to
}

// NewBulk starts a writer. It ends with Close, which must be called; when ctx
// ends, Add and Close return its error.
func (c *Client) NewBulk(ctx context.Context, o BulkOptions) *Bulk {
	if o.MaxBytes <= 0 {
		o.MaxBytes = usualBytes
	}
	if o.Workers <= 0 {
		o.Workers = 2
	}
	if o.Patience <= 0 {
		o.Patience = usualPatience
	}
	b := &Bulk{c: c, o: o, path: "/_bulk", work: make(chan *part), size: newSizer(o.MaxBytes), next: &part{}, indices: map[string]bool{}}
	if o.Index != "" {
		b.path = "/" + Escape(o.Index) + b.path
	}
	b.ctx, b.fail = context.WithCancelCause(ctx)
	for range o.Workers {
		b.busy.Go(b.run)
	}
	return b
}

var errClosed = errors.New("elasticsearch: bulk: it is closed")

// Add takes an item. It blocks while the queue is full, and returns the error
// that ended the writer, if one did. It may be called by several goroutines. Body
// is not copied: it must not change before the item's outcome.
func (b *Bulk) Add(it Item) error {
	if it.ID == "" || int(it.Op) >= len(opNames) || it.Index == "" && b.o.Index == "" {
		return fmt.Errorf("elasticsearch: bulk: an item needs an operation, an index and an id; this one has %d, %q and %q", it.Op, it.Index, it.ID)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errClosed
	}
	n := it.size()
	if len(b.next.items) > 0 && (b.next.bytes+n > b.size.now() || len(b.next.items) >= maxItems) {
		b.hand()
	}
	if err := context.Cause(b.ctx); err != nil {
		return err
	}
	b.next.items = append(b.next.items, it)
	b.next.bytes += n
	b.stats.Added++
	return nil
}

// hand gives the batch to a worker and begins another. When the writer has
// ended, the batch is forgotten: its items are not in, and Close says so.
func (b *Bulk) hand() {
	select {
	case b.work <- b.next:
	case <-b.ctx.Done():
	}
	b.handed++
	b.next = &part{items: make([]Item, 0, len(b.next.items))}
}

// Close sends what is left and waits for it. Without an error every item was
// Done, Conflict or Dead. With one it is not known which items are in; sending
// them all again is harmless. A second Close does nothing.
func (b *Bulk) Close() (BulkStats, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return b.stats, errClosed
	}
	b.closed = true
	single := b.handed == 0
	if single {
		b.next.refresh = b.o.Refresh
	}
	if len(b.next.items) > 0 {
		b.hand()
	}
	close(b.work)
	b.busy.Wait()
	err := context.Cause(b.ctx)
	if err == nil && !single && b.o.Refresh != "" {
		err = b.refresh()
	}
	b.fail(errClosed)
	return b.stats, err
}

// refresh makes all that was written visible. The parameter of the last request
// would do so only for the shards that this one wrote to.
func (b *Bulk) refresh() error {
	names := make([]string, 0, len(b.indices))
	for n := range b.indices {
		names = append(names, n)
	}
	slices.Sort(names)
	for some := range slices.Chunk(names, 50) { // a path has a limit of 4 KiB
		if err := b.c.Refresh(b.ctx, strings.Join(some, ",")); err != nil {
			return err
		}
	}
	return nil
}

// run is one worker. It goes when the writer has ended, so that a Close that is
// forgotten after an error leaves nothing behind.
func (b *Bulk) run() {
	for {
		select {
		case <-b.ctx.Done():
			return
		case p, ok := <-b.work:
			if !ok {
				return
			}
			if err := b.deliver(p); err != nil {
				b.fail(err)
			}
		}
	}
}

// query is the query of a request. The filter leaves of the answer what is read
// of it; "error" and "status" are those of a refusal of the whole.
func (b *Bulk) query(p *part) url.Values {
	keys := "errors,error,status,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by"
	if b.o.Versions {
		keys += ",items.*._seq_no,items.*._primary_term"
	}
	if slices.ContainsFunc(p.items, func(it Item) bool { return it.Op == Update }) {
		keys += ",items.*.result"
	}
	q := url.Values{"filter_path": {keys}}
	if p.refresh != "" {
		q.Set("refresh", p.refresh)
	}
	if b.o.RequireAlias {
		q.Set("require_alias", "true")
	}
	return q
}

// Refresh makes what was written to index before visible to searches.
func (c *Client) Refresh(ctx context.Context, index string) error {
	var x struct {
		Shards shards `json:"_shards"`
	}
	path := "/" + Escape(index) + "/_refresh"
	if err := c.Do(ctx, Request{Method: http.MethodPost, Path: path}, &x); err != nil {
		return err
	}
	if x.Shards.Failed > 0 {
		return fmt.Errorf("elasticsearch: POST %s: %w: %d of %d shards failed: %s", path, ErrPartial, x.Shards.Failed, x.Shards.Total, firstFailure(x.Shards.Failures))
	}
	return nil
}
