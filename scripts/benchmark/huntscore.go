package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// pair is one observable in one event.
type pair struct {
	event string
	ioc.Observable
}

// outcome is what one run found. The rule may raise an alert for an event
// without being able to say for which indicator.
type outcome struct {
	events map[string]bool
	pairs  map[pair]bool
	note   string
}

func newOutcome() *outcome { return &outcome{events: map[string]bool{}, pairs: map[pair]bool{}} }

// add notes a pair, and its event.
func (o *outcome) add(event string, value ioc.Observable) {
	o.events[event] = true
	o.pairs[pair{event, value}] = true
}

// huntScore compares an outcome with what was planted.
type huntScore struct {
	want, pairs, events     int
	falsePairs, falseEvents int
	missed                  map[string]int // pairs by kind
	lost                    map[string]int // events by kind
	examples                []string       // of what is missed or false
}

// judge scores o against the planted ones of which want says that they count.
func (o *outcome) judge(truth map[string]planted, want func(ioc.Observable) bool) huntScore {
	s := huntScore{missed: map[string]int{}, lost: map[string]int{}}
	counted := map[string]bool{}
	for event, p := range truth {
		if !want(p.listed) {
			continue
		}
		s.want++
		counted[event] = true
		if o.events[event] {
			s.events++
		} else {
			s.lost[p.kind]++
		}
		if o.pairs[pair{event, p.listed}] {
			s.pairs++
		} else {
			s.missed[p.kind]++
			s.example("missed %s: %s in %s of %s", p.kind, p.value, p.field, event)
		}
	}
	for p := range o.pairs {
		if !counted[p.event] || truth[p.event].listed != p.Observable {
			s.falsePairs++
			s.example("false: %s %s in %s", p.Type, p.Value, p.event)
		}
	}
	for event := range o.events {
		if !counted[event] {
			s.falseEvents++
		}
	}
	return s
}

func (s *huntScore) example(format string, args ...any) {
	if len(s.examples) < 5 {
		s.examples = append(s.examples, fmt.Sprintf(format, args...))
	}
}

// complete is nil where all that was planted was found, and nothing else.
func (s huntScore) complete() error {
	if s.pairs == s.want && s.events == s.want && s.falsePairs+s.falseEvents == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d planted pairs found, %d false: %s", s.pairs, s.want, s.falsePairs, strings.Join(s.examples, "; "))
}

func byKind(m map[string]int) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s %d", k, m[k]))
	}
	return cmp.Or(strings.Join(out, ", "), "none")
}

// span is the times of the rounds of one side.
type span []time.Duration

// median is the middle one, the mean of the two middle ones of an even number.
func (s span) median() time.Duration {
	if len(s) == 0 {
		return 0
	}
	t := slices.Sorted(slices.Values(s))
	return (t[(len(t)-1)/2] + t[len(t)/2]) / 2
}

func (s span) String() string {
	if len(s) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f [%.2f-%.2f]", s.median().Seconds(), slices.Min(s).Seconds(), slices.Max(s).Seconds())
}
