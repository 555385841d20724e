package enrich

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// ExplainScore tells a score for people, one line a part: each claim, what they
// add up to, what marks and lists did to that; and, where something is said of
// arming, whether the observable is armed and why. a may be nil.
func ExplainScore(s *ioc.Score, a *ioc.Arming) []string {
	if a == nil {
		a = &ioc.Arming{}
	}
	var lines []string
	for i := range s.Claims {
		lines = append(lines, explainClaim(&s.Claims[i]))
	}
	if len(s.Claims) > 1 {
		lines = append(lines, "all claims together: "+points(s.Claimed))
	}
	lines = append(lines, explainMarks(s, a.Marks)...)
	for i := range a.Lists {
		if m := &a.Lists[i]; m.Lowers {
			lines = append(lines, onList(m)+": lowers the score")
		}
	}
	if s.Near < 1 {
		lines = append(lines, "lists leave "+factor(s.Near)+" of it")
	}
	return append(lines, explainArming(a)...)
}

// explainClaim tells one claim: "otx: confidence 80 × reliability 0.85 × age 0.71
// (120 days outside of the time in which it was reported, half-life 180 days) =
// 48; 3 publishers raise it to 60".
func explainClaim(c *ioc.ClaimScore) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: confidence %s%s × reliability %s", cleaned(c.Feed, ""), points(c.Confidence), unless(c.Said, " (it says none itself)"), factor(c.Reliability))
	switch {
	case c.HalfLife == 0:
		b.WriteString(" (does not age)")
	case c.Undated:
		b.WriteString(" (has no date, so no age)")
	case c.Age == 0:
		b.WriteString(" (no age: within the time in which it was reported)")
	default:
		fmt.Fprintf(&b, " × age %s (%s outside of the time in which it was reported, half-life %s)", factor(c.Decay), days(c.Age), days(c.HalfLife))
	}
	b.WriteString(" = " + points(c.Confidence*c.Reliability*c.Decay))
	if c.Publishers > 1 {
		fmt.Fprintf(&b, "; %d publishers raise it to %s", c.Publishers, points(c.Points))
	}
	if c.Same {
		b.WriteString("; does not count: the same provider says as much through another feed")
	}
	return b.String()
}

func unless(said bool, text string) string {
	if said {
		return ""
	}
	return text
}

func explainMarks(s *ioc.Score, m ioc.Marks) (lines []string) {
	if m.True > 0 {
		lines = append(lines, "marked as a true positive "+times(m.True)+": raised to "+points(s.Seen))
	}
	if m.False > 0 {
		lines = append(lines, "marked as a false positive "+times(m.False)+": × "+factor(s.False))
	}
	return lines
}

// explainArming tells the verdict, and the lists that a stronger rule overruled.
func explainArming(a *ioc.Arming) (lines []string) {
	switch {
	case a.Disarmed:
		lines = append(lines, "not armed: "+a.Why)
	case a.By == ioc.ByDeny:
		lines = append(lines, "armed: "+a.Why)
	case a.By != "":
		lines = append(lines, a.Why) // "armed by alice on …"
	}
	for i := range a.Lists {
		if m := &a.Lists[i]; !m.Lowers && (!a.Disarmed || onList(m) != a.Why) {
			lines = append(lines, onList(m)+unless(a.Disarmed, ", but armed"))
		}
	}
	return lines
}

// ExplainSeverity tells a severity for people, on one line: "score 72 × event 0.7
// (inbound, allowed) × type 0.9 (ip) × repetition 1.1 (2 times) = 50: medium".
func ExplainSeverity(s ioc.Severity, h *ioc.Hit) string {
	event := "direction not known"
	if h.Direction != "" {
		event = h.Direction
	}
	if h.Outcome != "" {
		event += ", " + h.Outcome
	}
	return fmt.Sprintf("score %d × event %s (%s) × type %s (%s) × repetition %s (%s) = %d: %s",
		h.Score.Value, factor(s.Event), event, factor(s.Type), h.Type, factor(s.Repeat), times(s.Times), s.Value, s.Level())
}

// points tells a probability as the score does, 0 to 100.
func points(p float64) string { return strconv.Itoa(int(percent(p))) }

// factor tells a factor with at most two places.
func factor(f float64) string {
	return strconv.FormatFloat(math.Round(f*100)/100, 'f', -1, 64)
}

// days tells a duration in days, and what is less in hours.
func days(d time.Duration) string {
	if d > 0 && d < time.Hour {
		return "less than an hour"
	}
	n, unit := int(d.Round(time.Hour)/day), "day"
	if d < day {
		n, unit = int(d.Round(time.Hour)/time.Hour), "hour"
	}
	if n == 1 {
		return "1 " + unit
	}
	return strconv.Itoa(n) + " " + unit + "s"
}
