package collect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxii1"
	"github.com/iochunt/iochunt/internal/httpx"
)

// taxii1Run is one collection of a TAXII 1.x feed. Its order:
//
//  1. the collections that the account has: they tell a data set, which has no
//     times, from a data feed, and what is new;
//  2. a data feed: the poll of what is labelled after the cursor's mark, less
//     the overlap. A poll that the server cannot answer is halved in time until
//     an hour is left; that hour is reported and the rest is read. A data set:
//     all of it, and what is no longer in it is gone;
//  3. the mark moves up to the first gap.
type taxii1Run struct {
	*taxiiRun
	client, hasty *taxii1.Client
	poll          *url.URL
	listing       *url.URL // of the collections; nil not known
	offered       []taxii1.Collection
	asked         error // why offered is not known

	part       int       // of the answer that is being read
	newest     time.Time // latest label of the window
	bad        int       // blocks quarantined
	scrubbed   int       // control characters replaced, in so many blocks
	scrubbedIn int
	clashes    int                   // contents of reports that have another one of the same time
	untimed    int                   // contents of reports that only the label tells from another one
	met        map[string]metVersion // reports of this run
	several    map[string]version    // of them, those with several versions: the newest
	gaps       int                   // windows in a row that could not be read
	gapped     error                 // why the last of them could not
	read       int                   // windows that could
}

type metVersion struct {
	version
	digest string
}

func (r *taxii1Run) run() error {
	r.client, r.hasty = taxii1.New(r.conn, r.set.Version), taxii1.New(r.taxiiFeed.hasty, r.set.Version)
	r.met, r.several = make(map[string]metVersion), make(map[string]version)
	if r.set.Collection == "" {
		return r.noCollection()
	}
	if err := r.locate(); err != nil {
		return err
	}
	if err := r.ask(); err != nil {
		return err
	}
	err := r.feedOrSet()
	if s, ok := errors.AsType[*taxii1.StatusError](err); ok && s.Type == taxii1.NotFound {
		return r.offers(err, collectionNames(r.offered))
	}
	return err
}

// dataSet is the type of a collection without times (Services 1.1 §3.1).
const dataSet = "DATA_SET"

func (r *taxii1Run) feedOrSet() error {
	for _, c := range r.offered {
		if c.Name == r.set.Collection && c.Type == dataSet {
			return r.snapshot()
		}
	}
	return r.feed()
}

// locate finds the services, by the discovery where one is configured and the
// addresses are not.
func (r *taxii1Run) locate() error {
	r.poll = r.place.poll
	r.listing, _ = r.place.collectionsAddress()
	if r.poll != nil {
		return nil
	}
	services, err := r.client.Discover(r.ctx, r.place.discovery)
	if err != nil {
		return fmt.Errorf("discovery: %w", err)
	}
	if r.poll, err = taxii1Service(r.client, services, "POLL"); err != nil {
		return err
	}
	if r.listing == nil {
		if r.listing, err = taxii1Service(r.client, services, "COLLECTION_MANAGEMENT", "FEED_MANAGEMENT"); err != nil {
			r.asked, r.listing = err, nil
		}
	}
	return nil
}

// taxii1Service is the address of the one service of a type; the configuration has
// to say which where there are several.
func taxii1Service(c *taxii1.Client, all []taxii1.Service, types ...string) (*url.URL, error) {
	found, refused := c.Choose(all, types...)
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf("the discovery names %d services of the type %s; set url to the one that is meant", len(found), types[0])
	case refused != nil:
		return nil, fmt.Errorf("the discovery names a %s service that cannot be used: %w", types[0], refused)
	}
	return nil, fmt.Errorf("the discovery names no %s service that is available; set url to its address", types[0])
}

// ask asks which collections there are, once. Not to know costs a note.
func (r *taxii1Run) ask() error {
	if r.listing == nil {
		if r.asked != nil {
			r.note("the list of collections cannot be read: " + r.asked.Error())
		}
		return nil
	}
	r.offered, r.asked = r.hasty.Collections(r.ctx, r.listing)
	switch {
	case r.ctx.Err() != nil:
		return context.Cause(r.ctx)
	case r.asked != nil:
		r.note("the list of collections cannot be read, so that new ones are not noticed: " + r.asked.Error())
	}
	return nil
}

func collectionNames(cs []taxii1.Collection) []string {
	names := make([]string, 0, len(cs))
	for _, c := range cs {
		names = append(names, c.Name)
	}
	return names
}

func (r *taxii1Run) query(w window) taxii1.Query {
	return taxii1.Query{Collection: r.set.Collection, SubscriptionID: r.set.Subscription, Bindings: r.set.Bindings,
		Begin: w.sentBegin(), End: w.sentEnd(), MaxBytes: r.set.MaxMiB << 20}
}

// snapshot reads a data set: it has no times, so it is read whole.
func (r *taxii1Run) snapshot() error {
	res, err := r.client.Poll(r.ctx, r.poll, r.query(window{}), r.block)
	r.heard(res)
	if errors.Is(err, taxii1.ErrIncomplete) {
		return r.skip(fmt.Errorf("the data set: %w", err))
	}
	if err != nil {
		return err
	}
	if len(r.met) > 0 && r.bad == 0 { // nothing at all is more often a fault than a wish to drop everything
		if err := r.gone(func(id string) bool { _, met := r.met[id]; return !met }, nil); err != nil {
			return err
		}
	}
	r.mark(r.clock())
	return r.finish()
}

// window is a stretch of labels: begin < label <= end. A side that is open
// is not sent; begin and end are then where halving takes it to be.
type window struct {
	begin, end         time.Time
	openBegin, openEnd bool
	halved             bool
}

func (w window) sentBegin() time.Time {
	if w.openBegin {
		return time.Time{}
	}
	return w.begin
}

func (w window) sentEnd() time.Time {
	if w.openEnd {
		return time.Time{}
	}
	return w.end
}

// smallest is the shortest window that a poll is halved to.
const smallest = time.Hour

// oldest is where halving takes an open begin to be; TAXII is not older.
var oldest = time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC)

func (w window) halves() (first, second window, ok bool) {
	span := w.end.Sub(w.begin)
	if span < 2*smallest {
		return w, w, false
	}
	first, second = w, w
	first.end, first.openEnd, first.halved = w.begin.Add(span/2).Truncate(time.Second), false, true
	second.begin, second.openBegin, second.halved = first.end, false, true
	return first, second, true
}

func (w window) String() string {
	s := "all before "
	if !w.openBegin {
		s = "what is labelled after " + w.begin.UTC().Format(time.RFC3339) + ", up to "
	}
	if w.openEnd {
		return s + "now"
	}
	return s + w.end.UTC().Format(time.RFC3339)
}

// feed reads a data feed.
func (r *taxii1Run) feed() error {
	begin := r.cur.From
	if !r.cur.Mark.IsZero() {
		begin = r.cur.Mark.Add(-r.set.Overlap)
	}
	w := window{begin: begin, end: r.clock(), openEnd: true}
	if begin.IsZero() {
		w.begin, w.openBegin = oldest, true
	}
	for left := []window{w}; len(left) > 0; {
		w, left = left[len(left)-1], left[:len(left)-1]
		err := r.window(w, len(left) == 0)
		if first, second, ok := w.halves(); ok && taxii1LessMayHelp(err) && r.ctx.Err() == nil {
			left = append(left, second, first)
			continue
		}
		if err == nil {
			continue
		}
		if err := r.gap(w, err); err != nil {
			return err
		}
		if r.gaps >= maxGaps {
			if err := r.giveUp(left); err != nil {
				return err
			}
			break
		}
	}
	if err := r.finish(); err != nil {
		return err
	}
	if r.read == 0 && len(r.met) == 0 && r.gapped != nil {
		return fmt.Errorf("nothing of the collection could be read: %w", r.gapped)
	}
	return nil
}

// window polls one window.
func (r *taxii1Run) window(w window, last bool) error {
	client := r.client
	if _, _, ok := w.halves(); w.halved && ok {
		client = r.hasty // trying again is what the halves are for
	}
	r.newest, r.part = time.Time{}, 0
	res, err := client.Poll(r.ctx, r.poll, r.query(w), r.block)
	r.heard(res)
	if err != nil {
		return err
	}
	r.gaps = 0
	r.read++
	if r.lost {
		return nil
	}
	if r.mark(r.reached(w, res)); !last {
		r.batch.Next = r.cur.text()
		return r.flush()
	}
	return nil
}

// heard takes what an answer says beside its blocks.
func (r *taxii1Run) heard(res taxii1.Result) {
	if r.begun.IsZero() {
		r.begun = res.Date
	}
	for _, m := range res.Messages {
		r.note("the server says: " + m)
	}
	for _, n := range res.Notes {
		r.note(n)
	}
}

// reached is how far a window that was read whole has come: to its end, where
// it has one; else to the newest label; without labels to the end that the
// answer states, or to when the run began. An answer with nothing in it leaves
// the mark where it is: labels are often the publisher's own times, so that what
// is put in next may well be labelled before this moment.
func (r *taxii1Run) reached(w window, res taxii1.Result) time.Time {
	switch {
	case !w.openEnd:
		return w.end
	case !r.newest.IsZero():
		return r.newest
	case res.Blocks == 0:
		return r.cur.Mark
	case !res.End.IsZero():
		return res.End
	}
	return r.clock()
}

// mark moves the cursor's mark forward, but never beyond the server's clock or
// ours: a label from the future would make the next runs blind.
func (r *taxii1Run) mark(t time.Time) {
	if c := r.present(); t.After(c) {
		t = c
	}
	if t = t.UTC(); t.After(r.cur.Mark) {
		r.cur.Mark = t
	}
}

// gap reports a window that cannot be read. An error that would meet every
// other window, too, ends the run.
func (r *taxii1Run) gap(w window, err error) error {
	switch {
	case r.ctx.Err() != nil:
		return context.Cause(r.ctx)
	case !taxii1LessMayHelp(err):
		return err
	}
	r.gaps++
	r.gapped = err
	return r.skip(fmt.Errorf("%v: %w", w, err))
}

// maxGaps is how many windows in a row may be unreadable before the server
// counts as down.
const maxGaps = 3

// giveUp reports what is not asked for any more.
func (r *taxii1Run) giveUp(left []window) error {
	if len(left) == 0 {
		return nil
	}
	rest := window{begin: left[len(left)-1].begin, end: left[0].end, openEnd: left[0].openEnd}
	return r.skip(fmt.Errorf("%v: not asked for, as %d windows before it could not be read", rest, r.gaps))
}

// finish hands over the rest, and moves the cursor if nothing was missed.
func (r *taxii1Run) finish() error {
	if r.scrubbed > 0 {
		r.note(fmt.Sprintf("%d control characters that XML does not allow were replaced, in %d content blocks", r.scrubbed, r.scrubbedIn))
	}
	if r.clashes > 0 {
		r.note(fmt.Sprintf("%d content blocks have the name and time of a report that came with another content; each is kept as a report of its own", r.clashes))
	}
	if r.untimed > 0 {
		r.note(fmt.Sprintf("%d content blocks have the name of a report that came with another content, and no time of their own; of each name the block with the newest label counts", r.untimed))
	}
	if r.lost {
		return r.flush()
	}
	r.keepVersions()
	if r.offered != nil || r.asked == nil && r.listing != nil {
		about := make(map[string]string, len(r.offered))
		for _, c := range r.offered {
			about[c.Name] = c.Description
		}
		r.names(about)
	}
	r.count(readBlocks, 0)
	r.count(readObservables, 0)
	r.batch.Next = r.cur.text()
	return r.flush()
}

// maxVersions bounds what the cursor says of reports with several versions. A
// report beyond it is stored in each of its versions one after the other, by
// every run that meets them; the last one stays.
const maxVersions = 2000

// keepVersions remembers the newest versions of reports of which the next run
// is going to meet older ones again, in the overlap.
func (r *taxii1Run) keepVersions() {
	again := r.cur.Mark.Add(-r.set.Overlap)
	keep := make(map[string]version)
	for _, from := range []map[string]version{r.cur.Newest, r.several} {
		for id, v := range from {
			if v.Label.IsZero() || v.Label.After(again) {
				keep[id] = v
			}
		}
	}
	if ids := slices.Sorted(maps.Keys(keep)); len(ids) > maxVersions {
		for _, id := range ids[maxVersions:] {
			delete(keep, id)
		}
	}
	r.cur.Newest = keep
}

// taxii1LessMayHelp reports whether a shorter window may be answered where this
// error came: the server gives up on what is too much for it, or on one block
// in it (FAILURE), an answer takes too long, is too big, breaks off, or cannot
// be read. It does not help against a refused login, a wrong question, or a
// server that is not there.
func taxii1LessMayHelp(err error) bool {
	switch {
	case err == nil, errors.Is(err, errStopped), noLogin(err), taxii.FromDisk(err),
		errors.Is(err, taxii.ErrNotTAXII), errors.Is(err, taxii.ErrHost), errors.Is(err, httpx.ErrRefused):
		return false
	case errors.Is(err, taxii1.ErrIncomplete):
		return true
	}
	if s, ok := errors.AsType[*taxii1.StatusError](err); ok {
		return slices.Contains([]string{taxii1.Failure, taxii1.NetworkError, taxii1.Retry, taxii1.Pending}, s.Type)
	}
	if s, ok := errors.AsType[*httpx.StatusError](err); ok {
		return s.Code >= http.StatusInternalServerError
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return false
	}
	_, dns := errors.AsType[*net.DNSError](err)
	return !dns && !httpx.Untrusted(err) && !httpx.NoTLS(err)
}
