package taxii1

import (
	"strings"
	"time"
)

// stamp writes t as a TimestampLabelType: UTC, with its zone, and six digits of
// the second or none.
func stamp(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05+00:00")
	}
	return t.Format("2006-01-02T15:04:05.000000+00:00")
}

// floor rounds t down to a microsecond: a begin that is too early gives a
// block twice, one that is too late loses it.
func floor(t time.Time) time.Time { return t.Truncate(time.Microsecond) }

// ceil rounds t up to a microsecond.
func ceil(t time.Time) time.Time {
	if f := floor(t); !f.Equal(t) {
		return f.Add(time.Microsecond)
	}
	return t
}

// parseStamp reads a time label. Servers leave the zone out although the
// schema wants one; it then is UTC.
func parseStamp(s string) (time.Time, bool) {
	s = strings.Replace(strings.TrimSpace(s), " ", "T", 1)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05Z0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
