package enrich

import (
	"math"
	"slices"

	"github.com/iochunt/iochunt/internal/ioc"
)

// EventWeights says how much a hit matters by what happened, each from 0 to 1.
// What no log said to be blocked took place.
type EventWeights struct {
	Outbound        float64 `mapstructure:"outbound"`         // something of ours asked for it and was let out
	OutboundBlocked float64 `mapstructure:"outbound_blocked"` // it asked: it is still infected
	Inbound         float64 `mapstructure:"inbound"`          // it came in and got an answer
	InboundBlocked  float64 `mapstructure:"inbound_blocked"`  // the noise of the Internet
	Internal        float64 `mapstructure:"internal"`
	InternalBlocked float64 `mapstructure:"internal_blocked"`
	Unknown         float64 `mapstructure:"unknown"` // the log does not tell the direction
	UnknownBlocked  float64 `mapstructure:"unknown_blocked"`
}

func (w *EventWeights) check(c *checker) {
	c.within("scoring.event.outbound", w.Outbound, 0, 1)
	c.within("scoring.event.outbound_blocked", w.OutboundBlocked, 0, 1)
	c.within("scoring.event.inbound", w.Inbound, 0, 1)
	c.within("scoring.event.inbound_blocked", w.InboundBlocked, 0, 1)
	c.within("scoring.event.internal", w.Internal, 0, 1)
	c.within("scoring.event.internal_blocked", w.InternalBlocked, 0, 1)
	c.within("scoring.event.unknown", w.Unknown, 0, 1)
	c.within("scoring.event.unknown_blocked", w.UnknownBlocked, 0, 1)
}

// of returns the weight of an event.
func (w *EventWeights) of(direction, outcome string) float64 {
	took, blocked := w.Unknown, w.UnknownBlocked
	switch direction {
	case ioc.Outbound:
		took, blocked = w.Outbound, w.OutboundBlocked
	case ioc.Inbound:
		took, blocked = w.Inbound, w.InboundBlocked
	case ioc.Internal:
		took, blocked = w.Internal, w.InternalBlocked
	}
	if outcome == ioc.Blocked {
		return blocked
	}
	return took
}

// Severity computes how much a hit matters: its score, which must be set,
// weighed by what happened, by what kind of value it is, and by how many hits
// there are of it. docs/scoring.md has the formula.
func (s *Scoring) Severity(h *ioc.Hit, times int) ioc.Severity {
	out := ioc.Severity{Event: s.Event.of(h.Direction, h.Outcome), Type: 1, Repeat: 1, Times: max(times, 1)}
	if w, ok := s.Type[h.Type]; ok {
		out.Type = w
	}
	if h.Direction != ioc.Inbound || h.Outcome != ioc.Blocked { // a scan is repeated by its nature
		out.Repeat = min(s.RepeatMost, 1+s.Repeat*math.Log2(float64(out.Times)))
	}
	out.Value = percent(float64(h.Score.Value) / 100 * out.Event * out.Type * out.Repeat)
	return out
}

// Alert reports whether a hit, with its score and its severity set, is at or
// above both thresholds.
func (s *Scoring) Alert(h *ioc.Hit) bool {
	return int(h.Score.Value) >= s.MinScore && levelOf(h.Severity.Level()) >= levelOf(s.MinSeverity)
}

// levelOf returns the place of a level among ioc.Levels, or -1.
func levelOf(name string) int { return slices.Index(ioc.Levels, name) }
