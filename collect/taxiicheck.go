package collect

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/iochunt/iochunt/collect/filefmt"
	"github.com/iochunt/iochunt/collect/taxii/taxii1"
	"github.com/iochunt/iochunt/collect/taxii/taxii2"
	"github.com/iochunt/iochunt/internal/httpx"
)

// Check implements Checker: it logs in and says what is offered. That the
// configured collection cannot be read is an error, which says what is offered
// too; that none is configured is not, as Check is how to find its name.
func (f *taxiiFeed) Check(ctx context.Context) (string, error) {
	check := f.check1
	if f.set.two() {
		check = f.check2
	}
	said, err := check(ctx)
	if err != nil {
		return "", f.explain(err)
	}
	if !f.set.Verify {
		said = headline(said, "; WARNING: verify is false: whoever is on the way can read the login and change what is read")
	}
	return said, nil
}

// offer is one collection as Check lists it.
type offer struct {
	name, about string
	wanted      bool
	cannot      string // why it cannot be read; ""
}

// maxOffers is how many collections a check lists.
const maxOffers = 100

// report makes Check's text of what is offered: a line that says how the feed
// is, and one of each collection.
func (f *taxiiFeed) report(who string, offers []offer, found string) (string, error) {
	list, cannot, here := listOffers(offers)
	head := who + ": " + count(len(offers), "collection")
	switch {
	case f.set.Collection == "" && found == "" && !here:
		head += "; WARNING: collection is not set; set it to one of these names"
	case !here && found == "":
		return "", fmt.Errorf("%s; the configured collection %q is not among them%s", head, f.set.Collection, list)
	case cannot != "":
		return "", fmt.Errorf("%s; the configured collection cannot be read: it is %s%s", head, cannot, list)
	}
	return head + found + list, nil
}

// listOffers makes the lines of the collections, and says whether the wanted
// one is here, and why it cannot be read.
func listOffers(offers []offer) (list, cannot string, here bool) {
	var b strings.Builder
	for i, o := range offers {
		mark := "  "
		if o.wanted {
			here, cannot, mark = true, o.cannot, "* "
		}
		if i >= maxOffers && !o.wanted {
			continue
		}
		b.WriteString("\n" + mark + oneLine(o.name))
		if o.about != "" {
			b.WriteString(" (" + oneLine(o.about) + ")")
		}
		if o.cannot != "" {
			b.WriteString(" [" + o.cannot + "]")
		}
	}
	if len(offers) > maxOffers {
		fmt.Fprintf(&b, "\n  and %d more", len(offers)-maxOffers)
	}
	return b.String(), cannot, here
}

// oneLine keeps a server's text from making lines of its own.
func oneLine(s string) string { return filefmt.Clip(strings.Join(strings.Fields(s), " "), 200) }

func count(n int, word string) string {
	if n != 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}

// headline adds to the first line of a check's text.
func headline(said, more string) string {
	head, list, several := strings.Cut(said, "\n")
	if several {
		list = "\n" + list
	}
	return head + more + list
}

func (f *taxiiFeed) check1(ctx context.Context) (string, error) {
	r := &taxii1Run{taxiiRun: &taxiiRun{taxiiFeed: f, ctx: ctx}}
	r.client, r.hasty = taxii1.New(f.conn, f.set.Version), taxii1.New(f.hasty, f.set.Version)
	if err := r.locate(); err != nil {
		return "", err
	}
	who := "TAXII " + f.set.Version + " at " + httpx.Origin(r.poll)
	if r.listing != nil {
		r.offered, r.asked = r.client.Collections(ctx, r.listing)
		if _, guessed := f.place.collectionsAddress(); r.asked != nil && (!guessed || noLogin(r.asked) || ctx.Err() != nil) {
			return "", r.asked
		}
	}
	var found string
	if f.set.Collection != "" {
		var err error
		if found, err = r.countBlocks(ctx); err != nil {
			return "", r.offers(err, collectionNames(r.offered))
		}
	}
	if r.listing == nil || r.asked != nil {
		if found == "" {
			found = "; WARNING: collection is not set"
		}
		return who + ": the list of collections cannot be read (set collections to the address of the collection service)" + found, nil
	}
	offers := make([]offer, 0, len(r.offered))
	for _, c := range r.offered {
		offers = append(offers, offer1(c, f.set.Collection))
	}
	return f.report(who, offers, found)
}

func offer1(c taxii1.Collection, wanted string) offer {
	o := offer{name: c.Name, wanted: c.Name == wanted}
	var about []string
	if c.Type == dataSet {
		about = append(about, "data set")
	}
	if c.Volume >= 0 {
		about = append(about, count(int(c.Volume), "block"))
	}
	if c.Description != "" {
		about = append(about, c.Description)
	}
	o.about = strings.Join(about, ", ")
	if !c.Available {
		o.cannot = "not available"
	}
	return o
}

// countBlocks asks how many blocks the configured collection has since the
// look-back: a poll, in which the login, the collection and the binding have to
// be right. TAXII 1.0 and subscriptions cannot be counted.
func (r *taxii1Run) countBlocks(ctx context.Context) (string, error) {
	if r.set.Version == "1.0" || r.set.Subscription != "" {
		return "", nil
	}
	q := r.query(window{begin: r.lookback(), openBegin: r.set.Lookback == 0, openEnd: true})
	for _, c := range r.offered {
		if c.Name == r.set.Collection && c.Type == dataSet {
			q = r.query(window{openBegin: true, openEnd: true})
		}
	}
	q.CountOnly = true
	res, err := r.client.Poll(ctx, r.poll, q, func(*taxii1.Block) error { return nil })
	if err != nil {
		return "", err
	}
	n := max(res.Count, res.PartialCount)
	if n < 0 {
		return "; " + r.set.Collection + " can be polled", nil
	}
	since := ""
	if !q.Begin.IsZero() {
		since = " since " + q.Begin.UTC().Format("2006-01-02")
	}
	return "; " + r.set.Collection + " has " + count(n, "content block") + since, nil
}

func (f *taxiiFeed) check2(ctx context.Context) (string, error) {
	c := taxii2.New(f.conn, f.set.Version)
	roots, wanted, err := f.roots(ctx, c)
	if err != nil {
		return "", err
	}
	var offers []offer
	var failed error
	for _, u := range roots {
		all, err := c.Collections(ctx, u)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		picked, here := pickCollection(all, wanted)
		for _, col := range all {
			offers = append(offers, offer2(u, col, here && picked.ID == col.ID, len(roots) > 1))
		}
	}
	if failed != nil && len(offers) == 0 {
		return "", failed
	}
	who := "TAXII " + f.set.Version + " at " + httpx.Origin(f.place.base)
	if f.set.Collection == "" && wanted != "" {
		f = f.with(wanted)
	}
	said, err := f.report(who, offers, "")
	if failed != nil && err == nil {
		said = headline(said, "; WARNING: an API root cannot be read: "+failed.Error())
	}
	return said, err
}

// with is the feed with another collection.
func (f *taxiiFeed) with(collection string) *taxiiFeed {
	g := *f
	g.set.Collection = collection
	return &g
}

func offer2(root *url.URL, c taxii2.Collection, wanted, several bool) offer {
	o := offer{name: c.ID, about: c.Title, wanted: wanted}
	if several {
		o.about = strings.TrimPrefix(o.about+", in "+root.Path, ", ")
	}
	if !c.CanRead {
		o.cannot = "not readable"
	}
	return o
}
