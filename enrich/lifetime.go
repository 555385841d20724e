package enrich

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Lifetimes says how long a claim is good for that its feed puts no end to. A
// feed's own lifetime of a type comes before that of the type; 0 is for ever,
// and so is a type that neither names.
type Lifetimes struct {
	ByType map[ioc.Type]time.Duration            `json:"by_type,omitempty"`
	ByFeed map[string]map[ioc.Type]time.Duration `json:"by_feed,omitempty"` // by the feed's name
}

// Check names every lifetime that is negative or of no known type.
func (l *Lifetimes) Check() error {
	for _, f := range append([]string{""}, sortedKeys(l.ByFeed)...) {
		m, where := l.ByType, "lifetime"
		if f != "" {
			m, where = l.ByFeed[f], "lifetime of feed "+f
		}
		for _, t := range sortedKeys(m) {
			if !t.Known() {
				return fmt.Errorf("%s: there is no type %q", where, t)
			}
			if m[t] < 0 {
				return fmt.Errorf("%s: %s is %s: it must not be negative; 0 is for ever", where, t, m[t])
			}
		}
	}
	return nil
}

// Ages reports whether claims of a type end that the feed puts no end to.
func (l *Lifetimes) Ages(feed string, t ioc.Type) bool { return l.of(feed, t) > 0 }

// of returns the lifetime of a feed's claims of a type; 0: for ever.
func (l *Lifetimes) of(feed string, t ioc.Type) time.Duration {
	if d, ok := l.ByFeed[feed][t]; ok {
		return d
	}
	return l.ByType[t]
}

// Apply sets ValidUntil where the claim has none and there is a lifetime: so long
// after the claim was made last. A claim without dates does not end,
// as nothing says when it began. Apply must only see what the store keeps, never
// its own answer of other lifetimes.
func (l *Lifetimes) Apply(i *ioc.Indicator) {
	if !i.ValidUntil.IsZero() {
		return
	}
	d := l.of(i.Feed, i.Type)
	last := latest(i.FirstSeen, lastClaimed(i))
	if d <= 0 || last.IsZero() {
		return
	}
	if end := last.Add(d); end.UTC().Year() <= 9999 { // no later year can be written in RFC 3339
		i.ValidUntil = end
	}
}

// Grown returns the types some of whose claims live longer now than before, in
// order: events that were met when such a claim had ended must be met again.
func Grown(before, now Lifetimes) []ioc.Type {
	types, feeds := map[ioc.Type]bool{}, map[string]bool{"": true} // "" stands for the feeds that neither names
	for _, l := range []Lifetimes{before, now} {
		for t := range l.ByType {
			types[t] = true
		}
		for f, m := range l.ByFeed {
			feeds[f] = true
			for t := range m {
				types[t] = true
			}
		}
	}
	var grown []ioc.Type
	for t := range types {
		for f := range feeds {
			if longer(before.of(f, t), now.of(f, t)) {
				grown = append(grown, t)
				break
			}
		}
	}
	slices.Sort(grown)
	return grown
}

// longer reports whether b is longer than a, where 0 is for ever.
func longer(a, b time.Duration) bool {
	return a > 0 && (b <= 0 || b > a)
}

// EncodeLifetimes writes l as one line of text; equal ones give the same.
func EncodeLifetimes(l Lifetimes) string {
	text, err := json.Marshal(l) // keys come sorted
	if err != nil {
		panic(err) // maps of strings and numbers
	}
	return string(text)
}

// DecodeLifetimes reads what EncodeLifetimes wrote; "" is no lifetimes at all.
func DecodeLifetimes(text string) (Lifetimes, error) {
	var l Lifetimes
	if text == "" {
		return l, nil
	}
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return Lifetimes{}, fmt.Errorf("lifetimes %.60q: %w", text, err)
	}
	return l, nil
}
