package store

import (
	"cmp"
	"slices"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Union makes the indicator that a feed's live memberships of an observable
// add up to. There is at least one mention; Union sorts them.
//
// Where a claim or its report has no date, the other's serves: a list that
// says nothing of dates has none in the union either.
func Union(o ioc.Observable, feed string, mentions []ioc.Mention, armed uint64) ioc.Indicator {
	slices.SortFunc(mentions, newestFirst)
	i := ioc.Indicator{
		Observable: o, Feed: feed, Reports: mentions, ArmedSeq: armed,
		Provider:   mentions[0].Author,
		ValidUntil: mentions[0].Expires,
	}
	for k := range mentions {
		add(&i, &mentions[k])
	}
	return i
}

func add(i *ioc.Indicator, m *ioc.Mention) {
	for _, t := range m.Tags {
		if !slices.Contains(i.Tags, t) {
			i.Tags = append(i.Tags, t)
		}
	}
	i.TLP = ioc.StricterTLP(i.TLP, m.TLP)
	i.Confidence = max(i.Confidence, m.Confidence)
	i.ValidUntil = Later(i.ValidUntil, m.Expires)
	added := firstSet(m.Claim.Created, m.Report.Created)
	if !added.IsZero() && (i.FirstSeen.IsZero() || added.Before(i.FirstSeen)) {
		i.FirstSeen = added
	}
	if added.After(i.LastSeen) {
		i.LastSeen = added
	}
	if t := firstSet(m.Modified, m.Report.Created, m.Claim.Created); t.After(i.ModifiedAt) {
		i.ModifiedAt = t
	}
}

// newestFirst orders mentions by the report's change, then its creation; the
// id makes the order total.
func newestFirst(a, b ioc.Mention) int {
	return cmp.Or(
		firstSet(b.Modified, b.Report.Created).Compare(firstSet(a.Modified, a.Report.Created)),
		b.Report.Created.Compare(a.Report.Created),
		cmp.Compare(a.ID, b.ID),
	)
}

func firstSet(ts ...time.Time) time.Time {
	for _, t := range ts {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// Later returns the later of two times at which a claim expires; zero means
// never, and so is the latest of all.
func Later(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && a.After(b) {
		return a
	}
	return b
}

// Merge returns what a report says of an observable that it lists twice (OTX
// lists a name as domain and as hostname): the texts of the first, the
// earlier creation, the later expiry.
func Merge(first, second ioc.Claim) ioc.Claim {
	first.Expires = Later(first.Expires, second.Expires)
	if c := second.Created; !c.IsZero() && (first.Created.IsZero() || c.Before(first.Created)) {
		first.Created = c
	}
	first.Confidence = max(first.Confidence, second.Confidence)
	return first
}
