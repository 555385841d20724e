package emit

import (
	"math"
	"strconv"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// isScored reports whether somebody said what the hit is worth.
func isScored(h *ioc.Hit) bool { return h.Score.Claims != nil }

// worth writes what is known of a hit beside the event: whether its observable
// is armed, what it is worth, and what a person said of it.
func (o *object) worth(h *ioc.Hit) {
	if h.Arming != nil && !h.Arming.IsZero() {
		o.key("arming")
		o.b = appendArming(o.b, h.Arming)
	}
	if isScored(h) {
		o.key("score")
		o.b = appendScore(o.b, h)
	}
	if h.Mark != nil {
		o.key("mark")
		o.b = appendMark(o.b, h.Mark)
	}
}

// appendArming writes what encoding/json would make of an ioc.Arming; a test
// holds the two together.
func appendArming(dst []byte, a *ioc.Arming) []byte {
	o := object{append(dst, '{')}
	o.yes("disarmed", a.Disarmed)
	o.text("by", a.By)
	o.text("why", a.Why)
	if len(a.Lists) > 0 {
		o.key("lists")
		sep := byte('[')
		for i := range a.Lists {
			o.b = appendListMatch(append(o.b, sep), &a.Lists[i])
			sep = ','
		}
		o.b = append(o.b, ']')
	}
	if (a.Marks != ioc.Marks{}) {
		o.key("marks")
		o.b = appendMarks(o.b, &a.Marks)
	}
	return append(o.b, '}')
}

func appendMarks(dst []byte, m *ioc.Marks) []byte {
	o := object{append(dst, '{')}
	o.count("true_positives", uint64(max(m.True, 0)))
	o.count("false_positives", uint64(max(m.False, 0)))
	o.time("last_true", m.LastTrue)
	return append(o.b, '}')
}

func appendListMatch(dst []byte, l *ioc.ListMatch) []byte {
	o := object{append(dst, '{')}
	o.text("feed", l.Feed)
	o.must("list", l.List)
	o.must("entry", l.Entry)
	o.must("match", l.Match)
	o.yes("lowers", l.Lowers)
	return append(o.b, '}')
}

// appendScore writes the score of a hit and its severity, with all of which
// they are made.
func appendScore(dst []byte, h *ioc.Hit) []byte {
	s, v := &h.Score, &h.Severity
	o := object{append(dst, '{')}
	o.number("value", int64(s.Value))
	o.number("severity", int64(v.Value))
	o.must("level", v.Level())
	o.flag("alert", h.Alert)
	o.key("claims")
	o.b = append(o.b, '[')
	for i := range s.Claims {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendClaimScore(o.b, &s.Claims[i])
	}
	o.b = append(o.b, ']')
	o.part("claimed", s.Claimed)
	o.part("seen", s.Seen)
	o.part("false", s.False)
	o.part("near", s.Near)
	o.part("event", v.Event)
	o.part("type", v.Type)
	o.part("repeat", v.Repeat)
	o.number("times", int64(v.Times))
	return append(o.b, '}')
}

func appendClaimScore(dst []byte, c *ioc.ClaimScore) []byte {
	o := object{append(dst, '{')}
	o.must("feed", c.Feed)
	o.part("confidence", c.Confidence)
	o.yes("confidence_said", c.Said)
	o.part("reliability", c.Reliability)
	if c.Undated {
		o.flag("undated", true)
	} else {
		o.part("age_days", days(c.Age))
	}
	if c.HalfLife != 0 {
		o.part("half_life_days", days(c.HalfLife))
	}
	o.part("decay", c.Decay)
	o.number("publishers", int64(c.Publishers))
	o.part("points", c.Points)
	o.yes("same_provider", c.Same)
	return append(o.b, '}')
}

func appendMark(dst []byte, m *ioc.Mark) []byte {
	o := object{append(dst, '{')}
	o.must("verdict", m.Verdict)
	o.text("why", m.Why)
	o.text("by", m.By)
	o.time("at", m.At)
	return append(o.b, '}')
}

func days(d time.Duration) float64 { return d.Hours() / 24 }

// yes writes true, or nothing.
func (o *object) yes(k string, v bool) {
	if v {
		o.flag(k, true)
	}
}

// part writes a number with at most four digits behind the point: enough for a
// person, and no 0.30000000000000004. What JSON has no word for is 0.
func (o *object) part(k string, v float64) {
	const digits = 10_000
	if !(math.Abs(v) < 1e12) {
		v = 0
	}
	n := int64(math.Round(v * digits))
	o.key(k)
	if n < 0 {
		o.b, n = append(o.b, '-'), -n
	}
	o.b = strconv.AppendInt(o.b, n/digits, 10)
	if n %= digits; n == 0 {
		return
	}
	o.b = append(o.b, '.')
	for unit := int64(digits / 10); n > 0; unit /= 10 {
		o.b = append(o.b, byte('0'+n/unit))
		n %= unit
	}
}
