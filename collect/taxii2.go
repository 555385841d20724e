package collect

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/collect/filefmt"
	"github.com/iochunt/iochunt/collect/stix"
	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxii2"
	"github.com/iochunt/iochunt/internal/ioc"
)

// taxii2Run is one collection of a TAXII 2.x feed. The objects are spooled as
// their pages come and then read twice: first for names, relationships and
// which version of an object is the newest, then for the indicators. Each
// indicator is a report of its own, as each is published, changed and revoked
// for itself.
//
// A relationship that comes in another run than what it is about is seen to by
// missing. An indicator keeps the names that the stored one has, and gets those
// that are new.
type taxii2Run struct {
	*taxiiRun
	client *taxii2.Client
	spool  *objectSpool
	graph  *stix.Graph
	stored map[string]ioc.Report // of the stage: what is stored of its indicators, names and version
	pages  int

	root       *url.URL              // API root
	collection string                // id
	late       map[string]ioc.Report // of the stage: stored reports of indicators that get names without coming themselves
	asked      map[string]bool       // ids that were asked for (see missing)
}

// badObject is the reason of a STIX object that is kept for people to look at.
const badObject = "an object that cannot be read as STIX"

// taxii2Stage is how many bytes of objects are spooled before they are read. A
// collection that is bigger is read in stages.
const taxii2Stage = 1 << 30

func (r *taxii2Run) run() error {
	r.client = taxii2.New(r.conn, r.set.Version)
	var err error
	if r.root, r.collection, err = r.locate(); err != nil {
		return err
	}
	if r.spool, err = newObjectSpool(); err != nil {
		return err
	}
	defer r.spool.close()
	r.graph = stix.NewGraph(stix.Options{Context: r.set.Context, Each: true})
	res, err := r.client.Objects(r.ctx, r.root, r.collection, r.query(), r.page)
	if r.begun.IsZero() {
		r.begun = res.Date
	}
	if errors.Is(err, errStopped) || r.ctx.Err() != nil || taxii.FromDisk(err) {
		return cmp.Or(context.Cause(r.ctx), err)
	}
	if e := r.read(); e != nil {
		return e
	}
	if err := r.revoked(); err != nil {
		return err
	}
	if err != nil {
		return r.incomplete(res, err)
	}
	r.reached(res)
	r.count(readObjects, 0)
	r.count(readObservables, 0)
	r.batch.Next = r.cur.text()
	return r.flush()
}

// query asks for what was added after the cursor, less the overlap.
func (r *taxii2Run) query() taxii2.Query {
	q := taxii2.Query{Limit: r.set.Limit, MaxBytes: r.set.MaxMiB << 20, Pause: 2 * taxiiFirstWait}
	switch {
	case r.cur.After != "":
		q.AddedAfter = earlierText(r.cur.After, r.set.Overlap)
	case !r.cur.From.IsZero():
		q.AddedAfter = r.cur.From.Format(taxii2Time)
	}
	return q
}

// earlierText is a time that a server wrote, less d, with as many digits: some
// servers compare times as texts.
func earlierText(s string, d time.Duration) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	layout := "2006-01-02T15:04:05"
	if _, fraction, ok := strings.Cut(s, "."); ok {
		digits := strings.IndexFunc(fraction, func(c rune) bool { return c < '0' || c > '9' })
		layout += "." + strings.Repeat("0", min(max(digits, 1), 9))
	}
	return t.Add(-d).UTC().Format(layout + "Z")
}

// page spools the objects of a page.
func (r *taxii2Run) page(p *taxii2.Page) error {
	if r.pages++; r.begun.IsZero() {
		r.begun = p.Date
	}
	r.count(readObjects, len(p.Objects)+len(p.Bad))
	for i := range p.Bad {
		r.refuse(p.Bad[i].Raw, strings.TrimSpace(p.Bad[i].ID+" "+p.Bad[i].Reason))
	}
	for _, raw := range p.Objects {
		if err := r.spool.add(raw); err != nil {
			return err
		}
	}
	if r.spool.size < taxii2Stage {
		return nil
	}
	return r.read()
}

// refuse keeps the beginning of an object that cannot be read.
func (r *taxii2Run) refuse(value []byte, why string) {
	r.count(readBadObjects, 1)
	r.batch.Refused = append(r.batch.Refused, ioc.Refusal{Type: "object", Value: filefmt.Clip(string(value[:min(len(value), 2<<10)]), 2<<10), Reason: badObject, Place: why})
}

// read reads what is spooled, and empties the spool.
func (r *taxii2Run) read() error {
	again, names := make(map[string]bool), newNaming() // indicators that may be stored
	err := r.spool.each(func(raw []byte) error {
		if !r.first {
			if id := indicatorID(raw); id != "" {
				again[id] = true
			}
		}
		names.note(raw)
		return errors.Join(r.graph.Note(raw), r.ctx.Err())
	})
	if err == nil {
		err = r.remember(again, names.sources)
	}
	if err == nil {
		err = r.missing(names, again)
	}
	if err == nil {
		err = r.spool.each(r.object)
	}
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if err != nil {
		return err
	}
	return r.spool.reset()
}

// indicatorID is the id of an object that is an indicator.
func indicatorID(raw []byte) string {
	var o struct{ Type, ID string }
	if json.Unmarshal(raw, &o) != nil || o.Type != "indicator" {
		return ""
	}
	return o.ID
}

// remember looks up what is stored of indicators: the versions and names of those
// that come again, and the whole reports of sources, which the stage speaks of and
// does not have.
func (r *taxii2Run) remember(again, sources map[string]bool) error {
	r.stored, r.late = make(map[string]ioc.Report), make(map[string]ioc.Report)
	maps.DeleteFunc(sources, func(id string, _ bool) bool { return again[id] || r.asked[id] })
	if r.first || r.known == nil || len(again)+len(sources) == 0 {
		return nil
	}
	for rep, err := range r.known.KnownReports(r.ctx, r.feed) {
		if err != nil {
			return fmt.Errorf("asking for the stored reports: %w", err)
		}
		if sources[rep.ID] {
			r.late[rep.ID] = rep
		}
		if sources[rep.ID] || again[rep.ID] {
			r.stored[rep.ID] = ioc.Report{Adversary: rep.Adversary, Families: rep.Families, Techniques: rep.Techniques, Modified: rep.Modified}
		}
	}
	return nil
}

// object hands over what one object says.
func (r *taxii2Run) object(raw []byte) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	var items []stix.Item
	keep := func(i *stix.Item) error {
		own := *i
		if i.About != nil { // the item is the reader's again afterwards
			about := *i.About
			own.About = &about
		}
		items = append(items, own)
		return nil
	}
	if err := r.graph.Read(raw, keep); err != nil {
		return err
	}
	if r.full() {
		if err := r.flush(); err != nil {
			return err
		}
	}
	items = r.current(items)
	digest := ""
	at := make(map[string]time.Time)
	for i := range items {
		key := items[i].Report
		if about := items[i].About; about != nil || items[i].Refused == "" && at[key].IsZero() {
			if digest == "" {
				digest = digestOf(raw)
			}
			rep, err := r.announce(key, about, digest)
			if err != nil {
				return err
			}
			at[key] = rep
		}
		switch {
		case items[i].Refused == stix.Malformed:
			r.refuse(raw, strings.TrimSpace(items[i].ID+" "+items[i].Detail))
		case items[i].About == nil:
			r.add(&items[i], key, at[key])
		}
	}
	return nil
}

// current leaves out what is of an older version than the stored one: servers
// that keep all versions may add an old one late.
func (r *taxii2Run) current(items []stix.Item) []stix.Item {
	var old []string
	for i := range items {
		if a := items[i].About; a != nil && !a.Modified.IsZero() && a.Modified.Before(r.stored[items[i].Report].Modified) {
			old = append(old, items[i].Report)
			r.count(readOldObjects, 1)
		}
	}
	return slices.DeleteFunc(items, func(i stix.Item) bool { return slices.Contains(old, i.Report) })
}

// announce lists the report of an object, all of which is in this batch. It
// returns when the object was last changed.
func (r *taxii2Run) announce(key string, about *ioc.Report, digest string) (time.Time, error) {
	rep := ioc.Report{}
	if about != nil {
		rep = *about
	}
	rep.ID = key
	rep = r.named(rep)
	revision := r.revisionOf(digest, &rep)
	if i, listed := r.listed[key]; listed {
		if r.batch.Reports[i].Revision == revision {
			return rep.Modified, nil
		}
		if err := r.flush(); err != nil { // no batch announces a report twice
			return rep.Modified, err
		}
	}
	r.list(ioc.ReportList{Report: rep, Revision: revision, Start: true, Last: true})
	return cmp.Or(rep.Modified, rep.Created), nil
}

// revoked withdraws the indicators that their publisher took back.
func (r *taxii2Run) revoked() error {
	ids := r.graph.Gone()
	if len(ids) == 0 {
		return nil
	}
	is := make(map[string]bool, len(ids))
	for _, id := range ids {
		is[id] = true
	}
	return r.gone(func(id string) bool { return is[id] }, ids)
}

// reached moves the cursor behind a complete run. Objects without a date were
// all added before the run began. An answer without anything in it moves
// nothing: what is on its way may come with a date from before it.
func (r *taxii2Run) reached(res taxii2.Result) {
	if res.Last != "" {
		r.after(res.Last)
	} else if res.Objects > 0 {
		r.after(r.clock().Format(taxii2Time))
	}
}

// taxii2Time is a time as TAXII 2 has it.
const taxii2Time = "2006-01-02T15:04:05.000Z"

// after moves the cursor, never back, and never beyond the server's clock or
// ours: a date from the future would make the next runs blind.
func (r *taxii2Run) after(text string) {
	was, err1 := time.Parse(time.RFC3339, r.cur.After)
	now, err2 := time.Parse(time.RFC3339, text)
	if c := r.present(); err2 == nil && now.After(c) {
		now = c
		text = now.Format(taxii2Time)
	}
	if err1 != nil || err2 != nil || now.After(was) {
		r.cur.After = text
	}
}

// incomplete says what is missing. The cursor moves to where everything has
// come, if the server told its dates in order.
func (r *taxii2Run) incomplete(res taxii2.Result, err error) error {
	if r.pages == 0 || noLogin(err) {
		if e := r.flush(); e != nil {
			return e
		}
		return err
	}
	if res.Resume != "" {
		r.after(res.Resume)
		r.batch.Next = r.cur.text()
	}
	return r.skip(fmt.Errorf("after %d objects: %w", res.Objects, err))
}

// locate finds the API root and the id of the collection, and notices which
// collections there are.
func (r *taxii2Run) locate() (root *url.URL, id string, err error) {
	roots, wanted, err := r.roots(r.ctx, r.client)
	switch {
	case err != nil:
		return nil, "", err
	case wanted == "":
		return nil, "", r.noCollection()
	}
	about, names := make(map[string]string), []string{}
	for _, u := range roots {
		all, err := r.client.Collections(r.ctx, u)
		if err != nil {
			if noLogin(err) || r.ctx.Err() != nil || len(roots) > 1 {
				return nil, "", err
			}
			r.note("the list of collections cannot be read, so that new ones are not noticed: " + err.Error())
			return u, wanted, nil
		}
		for _, c := range all {
			about[c.ID] = c.Title
			names = append(names, collectionText(c))
		}
		if c, ok := pickCollection(all, wanted); ok {
			r.names(about)
			if !c.CanRead {
				return nil, "", fmt.Errorf("%w: the account may not read the collection %s", ErrAuth, collectionText(c))
			}
			return u, c.ID, nil
		}
	}
	return nil, "", r.offers(fmt.Errorf("there is no collection %q", wanted), names)
}

// roots finds the API roots that may have the collection, and its id or name.
func (f *taxiiFeed) roots(ctx context.Context, c *taxii2.Client) (roots []*url.URL, wanted string, err error) {
	at, err := c.Locate(ctx, f.place.poll)
	if err != nil {
		return nil, "", err
	}
	wanted = cmp.Or(f.set.Collection, at.Collection)
	if at.Collection != "" && f.set.Collection != "" && at.Collection != f.set.Collection {
		return nil, "", fmt.Errorf("url is the address of the collection %q, but collection is %q; take one of them out", at.Collection, f.set.Collection)
	}
	roots, refused := at.Roots()
	switch {
	case len(roots) > 0:
		return roots, wanted, nil
	case len(refused) > 0:
		var why error
		for _, a := range refused {
			why = errors.Join(why, a.Err)
		}
		return nil, "", fmt.Errorf("the discovery names no API root that can be used: %w", why)
	}
	return nil, "", errors.New("the discovery names no API root; set url to the address of one")
}

// pickCollection finds a collection by its id, else by its alias, else by its
// title if only one has it.
func pickCollection(all []taxii2.Collection, wanted string) (taxii2.Collection, bool) {
	for _, is := range []func(c *taxii2.Collection) bool{
		func(c *taxii2.Collection) bool { return c.ID == wanted },
		func(c *taxii2.Collection) bool { return c.Alias == wanted },
		func(c *taxii2.Collection) bool { return c.Title == wanted },
	} {
		var found []taxii2.Collection
		for i := range all {
			if is(&all[i]) {
				found = append(found, all[i])
			}
		}
		if len(found) == 1 {
			return found[0], true
		}
	}
	return taxii2.Collection{}, false
}

// collectionText names a collection for people.
func collectionText(c taxii2.Collection) string {
	if c.Title == "" || c.Title == c.ID {
		return c.ID
	}
	return c.ID + " (" + c.Title + ")"
}
