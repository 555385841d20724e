package elastic

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// instant is a point in time that comes out of JSON as it went in, in UTC: RFC
// 3339 in the years that it has, else "@" and the seconds since 1970. A log line
// may claim any year.
type instant time.Time

// IsZero is for omitzero.
func (t instant) IsZero() bool { return time.Time(t).IsZero() }

// MarshalJSON implements json.Marshaler.
func (t instant) MarshalJSON() ([]byte, error) {
	at := time.Time(t).UTC()
	if y := at.Year(); y < 0 || y > 9999 {
		return json.Marshal(fmt.Sprintf("@%d.%09d", at.Unix(), at.Nanosecond()))
	}
	return at.MarshalJSON()
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *instant) UnmarshalJSON(b []byte) error {
	text, found := strings.CutPrefix(strings.Trim(string(b), `"`), "@")
	if !found {
		return (*time.Time)(t).UnmarshalJSON(b)
	}
	sec, nano, _ := strings.Cut(text, ".")
	s, err := strconv.ParseInt(sec, 10, 64)
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(nano, 10, 64)
	*t = instant(time.Unix(s, n).UTC())
	return err
}

// dateOf is a time as a "date" field takes it: milliseconds, in the years that it
// can be written in.
func dateOf(t time.Time) string {
	switch y := t.UTC().Year(); {
	case y < 1:
		return "0001-01-01T00:00:00.000Z"
	case y > 9999:
		return "9999-12-31T23:59:59.999Z"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// between is a clause that holds for the times from from to to, and a millisecond
// more: "date" fields know no less.
func between(field string, from, to time.Time) []map[string]any {
	r := map[string]any{}
	if !from.IsZero() {
		r["gte"] = dateOf(from)
	}
	if !to.IsZero() {
		r["lte"] = dateOf(to)
	}
	if len(r) == 0 {
		return nil
	}
	return []map[string]any{{"range": map[string]any{field: r}}}
}

// within is what between means, exactly. What has no time lies within nothing
// that has a bound.
func within(t, from, to time.Time) bool {
	return (from.IsZero() || !t.Before(from)) && (to.IsZero() || t.Before(to)) && (!t.IsZero() || from.IsZero() && to.IsZero())
}
