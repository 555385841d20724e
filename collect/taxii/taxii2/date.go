package taxii2

import (
	"strings"
	"time"
)

// stamp is a date of X-TAXII-Date-Added-First or -Last as the server wrote it.
// How many digits it wrote matters: a server that keeps microseconds and shows
// milliseconds has objects behind the date that it shows.
type stamp struct {
	time   time.Time
	digits int // of the fraction of a second, at most 9
}

var stampLayouts = []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05"}

func parseStamp(s string) (stamp, bool) {
	s = strings.TrimSpace(s)
	for _, l := range stampLayouts { // Go reads a fraction behind the seconds of any of them
		if t, err := time.Parse(l, s); err == nil {
			return stamp{t.UTC(), min(digits(s), 9)}, true
		}
	}
	return stamp{}, false
}

func digits(s string) int {
	_, fraction, _ := strings.Cut(s, ".")
	n := 0
	for n < len(fraction) && fraction[n] >= '0' && fraction[n] <= '9' {
		n++
	}
	return n
}

// step is the smallest difference that the server's way of writing shows.
func (s stamp) step() time.Duration {
	d := time.Second
	for range s.digits {
		d /= 10
	}
	return d
}

// String writes the date the server's way, in UTC.
func (s stamp) String() string {
	layout := "2006-01-02T15:04:05"
	if s.digits > 0 {
		layout += "." + strings.Repeat("0", s.digits)
	}
	return s.time.UTC().Format(layout + "Z")
}

// before is the date one step earlier: to ask for what was added after it
// brings everything that was added at s, however the server rounds and whether
// or not it counts the date itself.
func (s stamp) before() stamp { return stamp{s.time.Add(-s.step()), s.digits} }

func (s stamp) after() stamp { return stamp{s.time.Add(s.step()), s.digits} }

// mark follows the dates of the pages and knows from which a reader may go on.
//
// A page's Last is worth that only if the server hands out its objects in the
// order of their dates. There are servers that do not, and some (old
// medallion) write the dates of the whole collection on every page. So the
// dates are believed once two pages have followed upon each other, and never
// again after two have not.
type mark struct {
	walk      stamp // Last of the page before in this walk; zero at its start
	ordered   bool  // a page has begun where the one before it ended
	unordered bool  // a page has not
	safe      stamp // all up to here has come; zero: not known
	latest    stamp // the latest date of all
}

// page notes a page's dates.
func (m *mark) page(first, last string) {
	l, ok := parseStamp(last)
	f, also := parseStamp(first)
	if !also {
		f = l
	}
	if !ok {
		return
	}
	m.order(f, l)
	for _, s := range []stamp{f, l} {
		if s.time.After(m.latest.time) {
			m.latest = s
		}
	}
	m.walk = l
	if m.unordered {
		m.safe = stamp{}
	} else if m.ordered && l.time.After(m.safe.time) {
		m.safe = l
	}
}

func (m *mark) order(f, l stamp) {
	slack := max(f.step(), l.step(), m.walk.step())
	switch {
	case l.time.Before(f.time):
		m.unordered = true
	case m.walk == stamp{}:
	case f.time.Before(m.walk.time.Add(-slack)):
		m.unordered = true
	default:
		m.ordered = true
	}
}

// restart says that the next page is not the one behind the last.
func (m *mark) restart() { m.walk = stamp{} }

// distrust says that the dates led into a gap.
func (m *mark) distrust() { m.unordered, m.safe = true, stamp{} }

// resume is the added_after from which nothing is missed; "" when there is none.
func (m *mark) resume() string { return earlier(m.safe) }

// end is the same once everything has come.
func (m *mark) end() string { return earlier(m.latest) }

func earlier(s stamp) string {
	if s.time.IsZero() {
		return ""
	}
	return s.before().String()
}
