package emit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/term"
)

// ruleWords says in words what made a match: first the kind of equality, then
// each disguise that was undone, as the matcher's rule joins them with "+". A
// word that is not here is shown as it is.
var ruleWords = map[string]string{
	"exact":     "the value itself",
	"subdomain": "a name below it",
	"cidr":      "an address in it",
	"port":      "the address with its port",
	"url":       "the same URL",
	"path":      "the whole path",
	"text":      "the text",
	"refanged":  "written defanged",
	"escaped":   "written with escapes",
	"percent":   "written with percent escapes",
	"case":      "in another case",
	"coloured":  "with colour codes in it",
	"utf16":     "in UTF-16",
	"idn":       "in Unicode",
	"v4-mapped": "as an IPv6 address",
	"respelled": "with other separators",
}

func inWords(rule string) string {
	words := strings.Split(rule, "+")
	for i, w := range words {
		if said, ok := ruleWords[w]; ok {
			words[i] = said
		}
	}
	return strings.Join(words, ", ")
}

// explain writes what matched and why, and below it what each feed says.
// These lines are always escaped: a feed must not be able to forge a line. On a
// terminal those of a hit below the thresholds are faint.
func (s *text) explain(h *ioc.Hit) {
	s.faint = s.o.Terminal && isScored(h) && !h.Alert
	defer func() { s.faint = false }()
	s.out.b = append(s.out.b, "    "...)
	s.ours(term.Bold, string(h.Type)+" "+h.Value)
	s.ours("", whyLine(h))
	s.out.b = append(s.out.b, '\n')
	for i := range h.Indicators {
		s.claim(&h.Indicators[i])
	}
	if s.o.Explain && s.o.ExplainHit != nil {
		for _, l := range s.o.ExplainHit(h) {
			s.line(6, "", l)
		}
	}
}

func whyLine(h *ioc.Hit) string {
	parts := []string{""}
	if h.Matched != "" && h.Matched != h.Value {
		parts = append(parts, "found as "+quote(h.Matched))
	}
	parts = append(parts, inWords(h.Rule))
	if h.Where.Field != "" {
		parts = append(parts, "in "+shown(h.Where.Field))
	}
	if when := whenLine(h); when != "" {
		parts = append(parts, when)
	}
	if h.BeforeFirstSeen {
		parts = append(parts, "before it was first seen")
	}
	return strings.Join(append(parts, worthParts(h)...), " · ")
}

// worthParts says what the hit is worth, what the event was, and that the
// observable is not armed, though the hit was asked for.
func worthParts(h *ioc.Hit) (parts []string) {
	if isScored(h) {
		parts = append(parts, "score "+strconv.Itoa(int(h.Score.Value)), h.Severity.Level())
	}
	if event := strings.TrimSpace(h.Direction + " " + h.Outcome); event != "" {
		parts = append(parts, shown(event))
	}
	if notArmed(h) {
		parts = append(parts, "NOT ARMED: "+shown(whyNot(h.Arming)))
	}
	if h.Mark != nil {
		parts = append(parts, marked(h.Mark))
	}
	return parts
}

// notArmed reports whether the hit was only asked for: its observable is not
// armed, and nobody named it for the scan itself.
func notArmed(h *ioc.Hit) bool {
	armed := func(i ioc.Indicator) bool { return i.Armed() }
	return h.Arming != nil && h.Arming.Disarmed && !slices.ContainsFunc(h.Indicators, armed)
}

// marked says what a person said of a hit: "marked FP by ann: our own scanner".
func marked(m *ioc.Mark) string {
	said := "marked " + m.Verdict
	if m.By != "" {
		said += " by " + shown(m.By)
	}
	if m.Why != "" {
		said += ": " + shown(m.Why)
	}
	return said
}

func whenLine(h *ioc.Hit) string {
	if h.Time.IsZero() {
		return ""
	}
	t := h.Time.UTC().Format(time.RFC3339)
	switch h.TimeSource {
	case ioc.TimeMTime:
		return t + " (the file's, the record has none)"
	case ioc.TimeNow:
		return t + " (now, the record has none)"
	}
	return t
}

// claim writes what one feed says: its newest report, or all with Explain.
func (s *text) claim(ind *ioc.Indicator) {
	if len(ind.Reports) == 0 {
		s.line(6, "", claimLine(ind, nil))
		return
	}
	n := 1
	if s.o.Explain {
		n = len(ind.Reports)
	}
	for i := range ind.Reports[:n] {
		s.line(6, "", claimLine(ind, &ind.Reports[i]))
		if s.o.Explain {
			s.details(&ind.Reports[i])
		}
	}
	if more := len(ind.Reports) - n; more > 0 {
		noun := map[bool]string{true: "report", false: "reports"}[more == 1]
		s.line(6, term.Faint, fmt.Sprintf("+%d more %s in %s", more, noun, shown(ind.Feed)))
	}
}

// claimLine is one report in one line: feed, name, author and what decides how
// much it matters.
func claimLine(ind *ioc.Indicator, m *ioc.Mention) string {
	parts := []string{shown(ind.Feed)}
	add := func(label, value string) {
		if value != "" {
			parts = append(parts, label+shown(value))
		}
	}
	tlp := ind.TLP
	if m != nil {
		if name := m.Name; name != "" {
			parts = append(parts, quote(name))
		}
		add("by ", m.Author)
		add("adversary ", m.Adversary)
		add("family ", strings.Join(m.Families, ", "))
		add("role ", m.Role)
		if m.TLP != "" {
			tlp = m.TLP
		}
	}
	add("TLP:", strings.TrimPrefix(strings.ToUpper(tlp), "TLP:"))
	if !ind.ValidUntil.IsZero() {
		add("valid until ", ind.ValidUntil.UTC().Format(time.DateOnly))
	}
	if m != nil {
		add("", m.URL)
	}
	return strings.Join(parts, " · ")
}

// details writes the rest of a report.
func (s *text) details(m *ioc.Mention) {
	add := func(label, value string) {
		if value != "" {
			s.line(10, term.Faint, label+": "+value)
		}
	}
	add("title", m.Title)
	add("description", m.Report.Description)
	add("of the value", m.Claim.Description)
	add("tags", strings.Join(m.Tags, ", "))
	add("ATT&CK", strings.Join(m.Techniques, ", "))
	add("countries", strings.Join(m.Countries, ", "))
	add("industries", strings.Join(m.Industries, ", "))
	add("references", strings.Join(m.References, " "))
	if !m.Report.Modified.IsZero() {
		add("modified", m.Report.Modified.UTC().Format(time.DateOnly))
	}
}

func (s *text) line(indent int, sgr, str string) {
	for range indent {
		s.out.b = append(s.out.b, ' ')
	}
	s.ours(sgr, str)
	s.out.b = append(s.out.b, '\n')
}

// ours writes a part of a line of ours, escaped wherever it goes.
func (s *text) ours(sgr, str string) {
	if s.faint {
		sgr = term.Faint
	}
	colour := s.o.Colour && sgr != ""
	if colour {
		s.out.b = append(s.out.b, sgr...)
	}
	s.out.b = term.Escape(s.out.b, []byte(str))
	if colour {
		s.out.b = append(s.out.b, term.Reset...)
	}
}

// maxText is how much of a feed's text fits a line that a person reads.
const maxText = 200

// shown cuts a text that is too long, and says by how much.
func shown(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…[" + strconv.Itoa(len(s)-n) + " bytes]"
}

func quote(s string) string { return `"` + shown(s) + `"` }
