package enrich

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Scoring holds every constant of the formulas in docs/scoring.md, under the
// keys of the configuration. Start from DefaultScoring: the zero Scoring weighs
// everything with nothing. It must not change while it is in use.
type Scoring struct {
	Confidence    float64                    `mapstructure:"confidence"`     // of a claim for which neither it nor its feed gives one, 0 to 100
	Floor         float64                    `mapstructure:"floor"`          // what age leaves at the least, 0 to 1
	HalfLife      map[ioc.Type]time.Duration `mapstructure:"half_life"`      // missing or 0: does not age
	Corroboration float64                    `mapstructure:"corroboration"`  // how much twice as many publishers add to the exponent, 0 to 1
	TruePositive  float64                    `mapstructure:"true_positive"`  // what each leaves of the doubt, 0 to 1
	FalsePositive float64                    `mapstructure:"false_positive"` // what each leaves of the score, 0 to 1
	Marks         int                        `mapstructure:"marks"`          // more of a kind than so many change nothing, 0 to 100
	Near          float64                    `mapstructure:"near"`           // what lists that lower leave of the score, 0 to 1
	Event         EventWeights               `mapstructure:"event"`
	Type          map[ioc.Type]float64       `mapstructure:"type"`        // missing: 1
	Repeat        float64                    `mapstructure:"repeat"`      // what twice as many hits add, 0 to 1
	RepeatMost    float64                    `mapstructure:"repeat_most"` // no repetition weighs more, 1 to 2
	MinScore      int                        `mapstructure:"min_score"`   // of an alert, 0 to 100
	MinSeverity   string                     `mapstructure:"min_severity"`

	FeedConfidence  map[string]float64 `mapstructure:"-"` // by the feed's name, 0 to 100; missing: Confidence
	FeedReliability map[string]float64 `mapstructure:"-"` // by the feed's name, 0 to 1, see ParseReliability; missing: 1
}

const day = 24 * time.Hour

// DefaultScoring returns the weights that hold where nothing is configured.
func DefaultScoring() Scoring {
	return Scoring{
		Confidence: 70, Floor: 0.4, Corroboration: 0.25,
		TruePositive: 0.5, FalsePositive: 0.5, Marks: 5, Near: 0.5,
		HalfLife: map[ioc.Type]time.Duration{
			ioc.IP: 60 * day, ioc.IPv6: 60 * day, ioc.IPPort: 60 * day, ioc.CIDR: 120 * day,
			ioc.Domain: 180 * day, ioc.URL: 90 * day, ioc.URLPath: 90 * day, ioc.Email: 365 * day,
			ioc.CertHash: 365 * day, ioc.JA3: 365 * day, ioc.JARM: 365 * day,
		},
		Event: EventWeights{
			Outbound: 1, OutboundBlocked: 0.7, Inbound: 0.7, InboundBlocked: 0.2,
			Internal: 0.8, InternalBlocked: 0.5, Unknown: 0.8, UnknownBlocked: 0.4,
		},
		Type: map[ioc.Type]float64{
			ioc.IP: 0.9, ioc.IPv6: 0.9, ioc.IPPort: 0.9, ioc.CIDR: 0.7, ioc.CVE: 0.7,
			ioc.UserAgent: 0.7, ioc.FileName: 0.7, ioc.Text: 0.7, ioc.EmailSubject: 0.7,
		},
		Repeat: 0.1, RepeatMost: 1.3,
		MinScore: 30, MinSeverity: "low",
	}
}

// Check names every constant that is out of its range, by its key. It returns
// nil where there is none.
func (s *Scoring) Check() error {
	c := &checker{}
	c.within("scoring.confidence", s.Confidence, 0, 100)
	c.within("scoring.floor", s.Floor, 0, 1)
	c.within("scoring.corroboration", s.Corroboration, 0, 1)
	c.within("scoring.true_positive", s.TruePositive, 0, 1)
	c.within("scoring.false_positive", s.FalsePositive, 0, 1)
	c.within("scoring.marks", float64(s.Marks), 0, 100)
	c.within("scoring.near", s.Near, 0, 1)
	for _, t := range sortedKeys(s.HalfLife) {
		c.known("scoring.half_life", t)
		c.within("scoring.half_life."+string(t)+" in hours", s.HalfLife[t].Hours(), 0, math.Inf(1))
	}
	s.Event.check(c)
	for _, t := range sortedKeys(s.Type) {
		c.known("scoring.type", t)
		c.within("scoring.type."+string(t), s.Type[t], 0, 1)
	}
	c.within("scoring.repeat", s.Repeat, 0, 1)
	c.within("scoring.repeat_most", s.RepeatMost, 1, 2)
	c.within("scoring.min_score", float64(s.MinScore), 0, 100)
	if levelOf(s.MinSeverity) < 0 {
		c.add("scoring.min_severity is %q: it must be one of %s", s.MinSeverity, strings.Join(ioc.Levels, ", "))
	}
	for _, f := range sortedKeys(s.FeedConfidence) {
		c.within("feed "+f+": confidence", s.FeedConfidence[f], 0, 100)
	}
	for _, f := range sortedKeys(s.FeedReliability) {
		c.within("feed "+f+": reliability", s.FeedReliability[f], 0, 1)
	}
	return errors.Join(c.errs...)
}

// checker collects what is wrong.
type checker struct{ errs []error }

func (c *checker) add(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

func (c *checker) within(key string, v, low, high float64) {
	if !(low <= v && v <= high) { // also what is not a number
		c.add("%s is %v: it must be from %v to %v", key, v, low, high)
	}
}

func (c *checker) known(key string, t ioc.Type) {
	if !t.Known() {
		c.add("%s.%s: there is no such type", key, t)
	}
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// admiralty holds the letters for the reliability of a source (NATO AJP-2.1,
// the Admiralty code), as numbers. F says that it cannot be judged.
var admiralty = map[string]float64{"A": 1, "B": 0.85, "C": 0.7, "D": 0.5, "E": 0.25, "F": 0.5}

// ParseReliability reads the reliability of a feed: a letter of the Admiralty
// code, A to F, or a number from 0 to 100. It returns a factor.
func ParseReliability(text string) (float64, error) {
	text = strings.TrimSpace(text)
	if r, ok := admiralty[strings.ToUpper(text)]; ok {
		return r, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(0 <= n && n <= 100) {
		return 0, fmt.Errorf("reliability %q: it must be a letter from A (reliable) to F (cannot be judged), or a number from 0 to 100", text)
	}
	return n / 100, nil
}

// Score computes what a hit at the given moment on the observable of these
// claims is worth; docs/scoring.md has the formula. claims are those valid at
// that moment; a is what is known of the observable, nil nothing. The parts are
// kept for people to check, see ExplainScore.
func (s *Scoring) Score(claims []ioc.Indicator, a *ioc.Arming, at time.Time) ioc.Score {
	if a == nil {
		a = &ioc.Arming{}
	}
	out := ioc.Score{False: 1, Near: 1}
	if len(claims) > 0 {
		out.Claims = make([]ioc.ClaimScore, len(claims))
	}
	for i := range claims {
		out.Claims[i] = s.claim(&claims[i], a.Marks.LastTrue, at)
	}
	out.Claimed = together(claims, out.Claims)
	out.Seen = 1 - (1-out.Claimed)*s.marked(s.TruePositive, a.Marks.True)
	out.False = s.marked(s.FalsePositive, a.Marks.False)
	if slices.ContainsFunc(a.Lists, func(m ioc.ListMatch) bool { return m.Lowers }) {
		out.Near = s.Near
	}
	out.Value = percent(out.Seen * out.False * out.Near)
	return out
}

// marked returns what so many marks leave, each a part.
func (s *Scoring) marked(part float64, n int) float64 {
	left := 1.0
	for range min(n, s.Marks) {
		left *= part
	}
	return left
}

// together returns the probability that at least one of independent claims is
// right. Claims of one provider through different feeds are one claim made
// twice: of these the best counts.
func together(claims []ioc.Indicator, scores []ioc.ClaimScore) float64 {
	doubt := 1.0
	for i := range scores {
		if scores[i].Same = outdone(claims, scores, i); !scores[i].Same {
			doubt *= 1 - scores[i].Points
		}
	}
	return 1 - doubt
}

// outdone reports whether another claim of the same provider is worth more, or
// as much and comes first.
func outdone(claims []ioc.Indicator, scores []ioc.ClaimScore, i int) bool {
	if claims[i].Provider == "" {
		return false
	}
	for k := range claims {
		if k == i || claims[k].Provider != claims[i].Provider {
			continue
		}
		if scores[k].Points > scores[i].Points || scores[k].Points == scores[i].Points && k < i {
			return true
		}
	}
	return false
}

// claim weighs the claim of one feed.
func (s *Scoring) claim(c *ioc.Indicator, lastTrue, at time.Time) ioc.ClaimScore {
	out := ioc.ClaimScore{Feed: c.Feed, Said: c.Confidence > 0, Decay: 1, HalfLife: s.HalfLife[c.Type], Publishers: publishers(c.Reports)}
	out.Confidence = s.confidence(c)
	out.Reliability = s.reliability(c.Feed)
	out.Age, out.Undated = age(c, lastTrue, at)
	if out.HalfLife > 0 && out.Age > 0 {
		out.Decay = s.Floor + (1-s.Floor)*math.Exp2(-float64(out.Age)/float64(out.HalfLife))
	}
	out.Points = out.Confidence * out.Reliability * out.Decay
	if out.Publishers > 1 {
		out.Points = 1 - math.Pow(1-out.Points, 1+s.Corroboration*math.Log2(float64(out.Publishers)))
	}
	return out
}

func (s *Scoring) confidence(c *ioc.Indicator) float64 {
	if c.Confidence > 0 {
		return float64(min(c.Confidence, 100)) / 100
	}
	if v, ok := s.FeedConfidence[c.Feed]; ok {
		return v / 100
	}
	return s.Confidence / 100
}

func (s *Scoring) reliability(feed string) float64 {
	if v, ok := s.FeedReliability[feed]; ok {
		return v
	}
	return 1
}

// age returns how far at lies outside of the time in which the claim is known to
// have been made. Before and after weigh alike: an address had another owner
// then, as it will have again.
func age(c *ioc.Indicator, lastTrue, at time.Time) (d time.Duration, undated bool) {
	last := lastClaimed(c)
	first := c.FirstSeen
	if first.IsZero() {
		first = earliest(last, earliest(c.LastSeen, c.ModifiedAt))
	}
	if first.IsZero() {
		return 0, true
	}
	last = latest(first, latest(last, lastTrue))
	switch {
	case at.Before(first):
		return first.Sub(at), false
	case at.After(last):
		return at.Sub(last), false
	}
	return 0, false
}

// lastClaimed returns when the claim was made last, zero where nothing tells. The
// date that a report gives to the observable itself counts, as a report that is
// changed for another one's sake says nothing new of this one; the change of the
// report serves where it gives none, as that of a list does.
func lastClaimed(c *ioc.Indicator) time.Time {
	var last time.Time
	for i := range c.Reports {
		m := &c.Reports[i]
		at := m.Claim.Created
		if at.IsZero() {
			at = latest(m.Report.Modified, m.Report.Created)
		}
		last = latest(last, at)
	}
	if last.IsZero() {
		last = latest(c.LastSeen, c.ModifiedAt)
	}
	return last
}

// earliest returns the earlier of two dates; one that is zero is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// few is how many publishers are told apart without a map.
const few = 16

// publishers counts the different authors of reports. Reports without one count
// together as one more, and so does a claim without reports: somebody made it.
func publishers(reports []ioc.Mention) int {
	var known [few]string
	n := 0
	for i := range reports {
		if slices.Contains(known[:n], reports[i].Author) {
			continue
		}
		if n == few {
			return manyPublishers(reports)
		}
		known[n] = reports[i].Author
		n++
	}
	return max(n, 1)
}

// manyPublishers keeps the count linear for a claim of thousands of reports.
func manyPublishers(reports []ioc.Mention) int {
	known := make(map[string]struct{}, 2*few)
	for i := range reports {
		known[reports[i].Author] = struct{}{}
	}
	return len(known)
}

// percent returns a probability as 0 to 100.
func percent(p float64) uint8 {
	if !(p > 0) { // also what is not a number
		return 0
	}
	return uint8(math.Round(100 * min(p, 1)))
}
