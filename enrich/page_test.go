package enrich

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/testdir"
)

var update = flag.Bool("update", false, "write the tables of results in docs/scoring.md anew")

// The page must not say what the program does not do: its constants are compared
// with the defaults, and its worked examples are computed anew.

func page(t *testing.T) (path, text string) {
	t.Helper()
	path = filepath.Join(testdir.Root(t), "docs", "scoring.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, string(b)
}

// settings flattens a struct into the keys of the configuration, as the page
// writes their values.
func settings(prefix string, v reflect.Value, into map[string]string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if key := v.Type().Field(i).Tag.Get("mapstructure"); key != "-" {
				settings(prefix+"."+key, v.Field(i), into)
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			settings(prefix+"."+k.String(), v.MapIndex(k), into)
		}
	case reflect.Slice: // lists are empty by default
	default:
		into[prefix] = fmt.Sprint(v)
		if d, ok := v.Interface().(time.Duration); ok {
			into[prefix] = fmt.Sprintf("%dd", d/day)
		}
	}
}

func TestPageConstants(t *testing.T) {
	_, text := page(t)
	want, got := map[string]string{}, map[string]string{}
	settings("scoring", reflect.ValueOf(DefaultScoring()), want)
	settings("arming", reflect.ValueOf(DefaultRules()), want)
	for _, m := range regexp.MustCompile("(?m)^\\| `((?:scoring|arming)\\.[^`]+)` \\| ([^ |]+) \\|").FindAllStringSubmatch(text, -1) {
		got[m[1]] = m[2]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("docs/scoring.md (-program +page)\n%s", d)
	}
}

func TestPageLevels(t *testing.T) {
	_, text := page(t)
	rows := regexp.MustCompile(`(?m)^\| (\d+)–(\d+) \| (\w+) \|$`).FindAllStringSubmatch(text, -1)
	next := 0
	for _, r := range rows {
		low, high := number(t, r[1]), number(t, r[2])
		if low != next {
			t.Errorf("%s begins at %d, not at %d", r[3], low, next)
		}
		for v := low; v <= high; v++ {
			if got := (ioc.Severity{Value: uint8(v)}).Level(); got != r[3] {
				t.Errorf("%d is %s, the page says %s", v, got, r[3])
			}
		}
		next = high + 1
	}
	if next != 101 {
		t.Errorf("the table of levels ends at %d", next-1)
	}
}

func TestPageReliability(t *testing.T) {
	_, text := page(t)
	for letter, r := range admiralty {
		if want := fmt.Sprintf("%s %.0f", letter, 100*r); !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

var (
	exampleRE = regexp.MustCompile(`(?m)^### Example \d+:.*$`)
	resultRE  = regexp.MustCompile(`(?m)^\| step \| computed \| value \|\n(?:\|.*\n)+`)
	rowRE     = regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \|$`)
)

func TestPageExamples(t *testing.T) {
	path, text := page(t)
	head, rest, ok := strings.Cut(text, "## Worked examples")
	examples, tail, ok2 := strings.Cut(rest, "\n## ")
	at := exampleRE.FindAllStringIndex(examples, -1)
	if !ok || !ok2 || len(at) < 3 {
		t.Fatalf("%d worked examples", len(at))
	}
	fresh := examples[:at[0][0]]
	for i, a := range at {
		end := len(examples)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		fresh += renewed(t, examples[a[0]:end])
	}
	if fresh == examples {
		return
	}
	if !*update {
		t.Errorf("docs/scoring.md is not what the program computes; go test ./enrich -run Page -update writes it (-program +page)\n%s", cmp.Diff(fresh, examples))
		return
	}
	if err := os.WriteFile(path, []byte(head+"## Worked examples"+fresh+"\n## "+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

// renewed returns the text of an example with its results computed from what it
// says is given.
func renewed(t *testing.T, text string) string {
	t.Helper()
	e := parseExample(t, text)
	if n := len(resultRE.FindAllString(text, -1)); n != 1 {
		t.Fatalf("%d tables of results in\n%s", n, text)
	}
	return resultRE.ReplaceAllLiteralString(text, e.results(t))
}

// example is what one of the page is given.
type example struct {
	scoring Scoring
	hit     ioc.Hit
	times   int
	arming  ioc.Arming
}

func parseExample(t *testing.T, text string) *example {
	t.Helper()
	e := &example{scoring: DefaultScoring()}
	e.scoring.FeedReliability = map[string]float64{}
	for _, row := range rowRE.FindAllStringSubmatch(text, -1) {
		key, fields := row[1], strings.Split(row[2], ", ")
		feed, isClaim := strings.CutPrefix(key, "claim ")
		switch {
		case key == "event" && len(fields) == 5:
			e.hit.Type, e.hit.Time, e.times = ioc.Type(fields[0]), date(t, fields[1]), number(t, first(fields[4]))
			e.hit.Direction, e.hit.Outcome = known(fields[2]), known(fields[3])
		case key == "marks" && len(fields) == 2:
			e.arming.Marks = ioc.Marks{True: number(t, first(fields[0])), False: number(t, first(fields[1]))}
			if _, on, ok := strings.Cut(fields[0], " on "); ok {
				e.arming.Marks.LastTrue = date(t, on)
			}
		case key == "lists that lower":
			for range number(t, row[2]) {
				e.arming.Lists = append(e.arming.Lists, lowering)
			}
		case isClaim && len(fields) == 5:
			e.claim(t, strings.Trim(feed, "`"), fields)
		default:
			t.Fatalf("what is %q?", row[0])
		}
	}
	return e
}

// claim reads "confidence 80, reliability 85, from 2026-01-10 to 2026-07-24, 3
// publishers, provider certx".
func (e *example) claim(t *testing.T, feed string, fields []string) {
	t.Helper()
	c := ioc.Indicator{Observable: e.hit.Observable, Feed: feed}
	if s, ok := strings.CutPrefix(fields[0], "confidence "); ok {
		c.Confidence = uint8(number(t, s))
	}
	r, err := ParseReliability(strings.TrimPrefix(fields[1], "reliability "))
	if err != nil {
		t.Fatal(err)
	}
	e.scoring.FeedReliability[feed] = r
	if from, to, ok := strings.Cut(strings.TrimPrefix(fields[2], "from "), " to "); ok {
		c.FirstSeen, c.LastSeen = date(t, from), date(t, to)
	}
	for i := range number(t, first(fields[3])) {
		c.Reports = append(c.Reports, reports(fmt.Sprint("author", i))...)
	}
	c.Provider, _ = strings.CutPrefix(fields[4], "provider ")
	if fields[4] == "no provider" {
		c.Provider = ""
	}
	e.hit.Indicators = append(e.hit.Indicators, c)
}

// results renders the table of an example, each step with its numbers.
func (e *example) results(t *testing.T) string {
	t.Helper()
	s, h, m := &e.scoring, &e.hit, e.arming.Marks
	h.Score = s.Score(h.Indicators, &e.arming, h.Time)
	h.Severity = s.Severity(h, e.times)
	var b strings.Builder
	row := func(step, how, value string) { fmt.Fprintf(&b, "| %s | %s | %s |\n", step, how, value) }
	row("step", "computed", "value")
	b.WriteString("|---|---|---|\n")
	var doubts []string
	for i := range h.Score.Claims {
		c := &h.Score.Claims[i]
		e.claimRows(row, c)
		if !c.Same {
			doubts = append(doubts, fmt.Sprintf("(1 − %.3f)", c.Points))
		}
	}
	row("claimed", "1 − "+strings.Join(doubts, " × "), fmt.Sprintf("%.3f", h.Score.Claimed))
	row("seen", fmt.Sprintf("1 − (1 − %.3f) × %v^%d", h.Score.Claimed, s.TruePositive, min(m.True, s.Marks)), fmt.Sprintf("%.3f", h.Score.Seen))
	row("false", fmt.Sprintf("%v^%d", s.FalsePositive, min(m.False, s.Marks)), fmt.Sprintf("%.3f", h.Score.False))
	row("near", fmt.Sprintf("lists that lower: %d", len(e.arming.Lists)), fmt.Sprintf("%.3f", h.Score.Near))
	row("**score**", fmt.Sprintf("100 × %.3f × %.3f × %.3f", h.Score.Seen, h.Score.False, h.Score.Near), fmt.Sprintf("**%d**", h.Score.Value))
	row("event", fmt.Sprintf("%s, %s", orUnknown(h.Direction), orUnknown(h.Outcome)), fmt.Sprint(h.Severity.Event))
	row("type", string(h.Type), fmt.Sprint(h.Severity.Type))
	repeat := fmt.Sprintf("min(%v, 1 + %v × log2 %d)", s.RepeatMost, s.Repeat, e.times)
	if h.Direction == ioc.Inbound && h.Outcome == ioc.Blocked {
		repeat = "came in and was blocked"
	}
	row("repeat", repeat, fmt.Sprintf("%.3f", h.Severity.Repeat))
	row("**severity**", fmt.Sprintf("%d × %v × %v × %.3f", h.Score.Value, h.Severity.Event, h.Severity.Type, h.Severity.Repeat), fmt.Sprintf("**%d, %s**", h.Severity.Value, h.Severity.Level()))
	row("alert", fmt.Sprintf("score at least %d, severity at least %s", s.MinScore, s.MinSeverity), map[bool]string{true: "yes", false: "no"}[s.Alert(h)])
	return b.String()
}

func (e *example) claimRows(row func(step, how, value string), c *ioc.ClaimScore) {
	s := &e.scoring
	step := func(name string) string { return "`" + c.Feed + "`: " + name }
	alone := c.Confidence * c.Reliability * c.Decay
	switch {
	case c.HalfLife == 0:
		row(step("decay"), "the type does not age", fmt.Sprintf("%.3f", c.Decay))
	case c.Undated:
		row(step("decay"), "no dates, no age", fmt.Sprintf("%.3f", c.Decay))
	default:
		row(step("decay"), fmt.Sprintf("%v + %v × 2^(−%d / %d)", s.Floor, 1-s.Floor, c.Age/day, c.HalfLife/day), fmt.Sprintf("%.3f", c.Decay))
	}
	row(step("alone"), fmt.Sprintf("%.2f × %.2f × %.3f", c.Confidence, c.Reliability, c.Decay), fmt.Sprintf("%.3f", alone))
	row(step("points"), fmt.Sprintf("1 − (1 − %.3f)^(1 + %v × log2 %d)", alone, s.Corroboration, c.Publishers), fmt.Sprintf("%.3f", c.Points)+map[bool]string{true: "; does not count: same provider"}[c.Same])
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func date(t *testing.T, s string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// first returns the first word.
func first(s string) string {
	s, _, _ = strings.Cut(s, " ")
	return s
}

func known(s string) string {
	if s == "unknown" {
		return ""
	}
	return s
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// TestPageOrder: the table of rules has all of them, in their order.
func TestPageOrder(t *testing.T) {
	_, text := page(t)
	_, text, _ = strings.Cut(text, "## Arming")
	order := []string{ioc.ByPerson, ioc.ByDeny, ioc.ByAllow, ioc.ByOwn, ioc.ByFeedback, ioc.ByService, ioc.ByBreadth, ioc.ByList}
	var at []int
	for _, by := range order {
		at = append(at, strings.Index(text, "\n| "+by+" |"))
	}
	if slices.Contains(at, -1) || !slices.IsSorted(at) {
		t.Errorf("the rules %q stand at %v", order, at)
	}
}
