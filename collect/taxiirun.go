package collect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/collect/filefmt"
	"github.com/iochunt/iochunt/collect/stix"
	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/ioc"
)

// What Batch.Read counts. A run that read none of them says 0.
const (
	readBlocks      = "content block"
	readQuarantined = "quarantined content block"
	readOlder       = "older content block"
	readObjects     = "object"
	readBadObjects  = "quarantined object"
	readOldObjects  = "older object"
	readObservables = "observable"
)

// taxiiMembers is how many values a batch holds before it is handed over.
const taxiiMembers = 10_000

// taxiiRun is what the runs of both protocol versions share: the cursor and
// the batch that is being filled.
type taxiiRun struct {
	*taxiiFeed
	ctx   context.Context
	yield func(ioc.Batch, error) bool

	cur    taxiiCursor
	first  bool      // the feed has never been read
	begun  time.Time // the server's clock at the first answer
	lost   bool      // something could not be read: the cursor stays before it
	batch  ioc.Batch // not yet handed over
	listed map[string]int
}

func (f *taxiiFeed) newRun(ctx context.Context, from ioc.Cursor, yield func(ioc.Batch, error) bool) (*taxiiRun, error) {
	r := &taxiiRun{taxiiFeed: f, ctx: ctx, yield: yield, listed: make(map[string]int)}
	cur, other, err := f.parse(from)
	if err != nil {
		return nil, err
	}
	r.cur, r.first = cur, cur.Mark.IsZero() && cur.After == ""
	if r.first {
		r.cur.From = f.lookback()
	}
	if other {
		r.note("the feed now reads another collection, from the look-back on; what the old one brought stays until: iochunt feeds forget " + f.feed)
	}
	if !f.set.Verify {
		r.note("verify is false: whoever is on the way to " + f.place.base.Host + " can read the login and change what is read; set ca_file or fingerprint instead")
	}
	return r, nil
}

// clock is the server's clock at the first answer; ours, as long as the server
// has not told. Labels are compared with the clock of who writes them.
func (r *taxiiRun) clock() time.Time {
	if r.begun.IsZero() {
		return r.now().UTC()
	}
	return r.begun.UTC()
}

// present is the earlier one of the server's clock and ours. A cursor that went
// by the wrong clock of a server would make the runs blind that come after the
// clock was mended; one that is too early costs reading something again.
func (r *taxiiRun) present() time.Time {
	if now := r.now().UTC(); now.Before(r.clock()) {
		return now
	}
	return r.clock()
}

// note tells people something, with the next batch.
func (r *taxiiRun) note(text string) {
	if text = filefmt.Clip(text, 500); !slices.Contains(r.batch.Notes, text) {
		r.batch.Notes = append(r.batch.Notes, text)
	}
}

func (r *taxiiRun) count(what string, n int) {
	if r.batch.Read == nil {
		r.batch.Read = make(map[string]int)
	}
	r.batch.Read[what] += n
}

// list returns the place of a report in the batch.
func (r *taxiiRun) list(rep ioc.ReportList) *ioc.ReportList {
	i, ok := r.listed[rep.ID]
	if !ok {
		i = len(r.batch.Reports)
		r.listed[rep.ID] = i
		r.batch.Reports = append(r.batch.Reports, rep)
	}
	return &r.batch.Reports[i]
}

// holds reports whether the batch has so many values.
func (r *taxiiRun) holds(n int) bool { return len(r.batch.Members)+len(r.batch.Refused) >= n }

func (r *taxiiRun) full() bool { return r.holds(taxiiMembers) }

// add puts what a reader found into the batch, for a report that is listed.
// at is when the report said it, for values that do not say it themselves.
func (r *taxiiRun) add(i *stix.Item, report string, at time.Time) {
	r.count(readObservables, 1)
	if i.Refused != "" {
		r.batch.Refused = append(r.batch.Refused, ioc.Refusal{
			Report: report, Type: firstOf(i.Declared, string(i.Type)), Value: filefmt.Clip(i.Value, 200), Reason: i.Refused, Place: filefmt.Clip(strings.TrimSpace(i.ID+" "+i.Detail), 300),
		})
		return
	}
	m := i.Member
	m.Report = report
	m.Expires = r.expiry(&m, at)
	r.batch.Members = append(r.batch.Members, m)
}

// expiry applies max_age: a value expires that long after it was said, where
// it does not expire sooner by itself.
func (r *taxiiRun) expiry(m *ioc.Member, at time.Time) time.Time {
	if !m.Created.IsZero() {
		at = m.Created
	}
	if r.set.MaxAge == 0 || at.IsZero() {
		return m.Expires
	}
	if end := at.Add(r.set.MaxAge); m.Expires.IsZero() || end.Before(m.Expires) {
		return end
	}
	return m.Expires
}

// flush hands over the batch, if there is anything in it.
func (r *taxiiRun) flush() error {
	b := r.batch
	if len(b.Reports)+len(b.Members)+len(b.Gone)+len(b.Refused)+len(b.Read)+len(b.Notes) == 0 && b.Next == "" {
		return nil
	}
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	r.batch = ioc.Batch{}
	clear(r.listed)
	if !r.yield(b, nil) {
		return errStopped
	}
	return nil
}

// skip reports what could not be read; the run goes on and is partial.
func (r *taxiiRun) skip(err error) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	r.lost = true
	if err := r.flush(); err != nil {
		return err
	}
	if !r.yield(ioc.Batch{}, fmt.Errorf("%w: %w", ErrSkipped, err)) {
		return errStopped
	}
	return nil
}

// gone withdraws reports, those that are stored; without a store all of them.
func (r *taxiiRun) gone(is func(id string) bool, ids []string) error {
	if r.known != nil {
		ids = nil
		for rep, err := range r.known.KnownReports(r.ctx, r.feed) {
			if err != nil {
				return fmt.Errorf("asking for the stored reports: %w", err)
			}
			if is(rep.ID) {
				ids = append(ids, rep.ID)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := r.flush(); err != nil { // no batch both lists a report and takes it away
		return err
	}
	slices.Sort(ids)
	r.batch.Gone = slices.Compact(ids)
	return nil
}

// How many collections are followed, and how many changes are told one by one.
const (
	maxNames     = 5000
	maxNameNotes = 20
)

// names compares the collections that the account has now, about by name, with
// those that it had, and tells what is new and what has gone.
func (r *taxiiRun) names(about map[string]string) {
	if len(about) > maxNames {
		r.note(fmt.Sprintf("the account has more than %d collections; new ones are not noticed", maxNames))
		r.cur.Names = nil
		return
	}
	now := make([]string, 0, len(about))
	for _, n := range slices.Sorted(maps.Keys(about)) {
		now = append(now, filefmt.Clip(n, 200))
	}
	if r.cur.Names != nil {
		r.tellNames("the account has a new collection: ", now, r.cur.Names, about)
		r.tellNames("the account no longer has the collection ", r.cur.Names, now, nil)
	}
	r.cur.Names = now
}

// tellNames notes the names that are in list and not in others; both are sorted.
func (r *taxiiRun) tellNames(text string, list, others []string, about map[string]string) {
	told := 0
	for _, n := range list {
		if _, both := slices.BinarySearch(others, n); both {
			continue
		}
		if told++; told > maxNameNotes {
			continue
		}
		switch {
		case about[n] != "":
			r.note(text + n + " (" + about[n] + ")")
		case about == nil && n == r.set.Collection:
			r.note(text + n + ", which this feed reads")
		default:
			r.note(text + n)
		}
	}
	if told > maxNameNotes {
		r.note(fmt.Sprintf("%s… and %d more", text, told-maxNameNotes))
	}
}

// revision tells two states of a report apart.
func (r *taxiiRun) revision(digest string) string { return digest + " " + r.how }

func taxiiDigest(sum []byte) string { return hex.EncodeToString(sum[:16]) }

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return taxiiDigest(sum[:])
}

// offers adds to an error which collections there are.
func (r *taxiiRun) offers(err error, names []string) error {
	if len(names) == 0 {
		return err
	}
	slices.Sort(names)
	text := strings.Join(names[:min(len(names), 50)], ", ")
	if len(names) > 50 {
		text += fmt.Sprintf(" and %d more", len(names)-50)
	}
	return fmt.Errorf("%w; the collections there are: %s", err, filefmt.Clip(text, 4000))
}

// noLogin reports whether a better login would mend it.
func noLogin(err error) bool { return errors.Is(err, taxii.ErrAuth) }

// quarantine is the beginning of content that nobody could read, as text.
func quarantine(r io.Reader) string {
	b, err := io.ReadAll(io.LimitReader(r, 2<<10))
	if err != nil && len(b) == 0 {
		return "(" + err.Error() + ")"
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}
