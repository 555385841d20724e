package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// model is a store as simple as can be: it keeps what was said, and derives
// everything from it after each step.
type model struct {
	*marker
	rng     *rand.Rand
	all     []ioc.Observable
	hits    []ioc.Hit
	reports map[string][]ioc.Observable
	known   map[ioc.Observable]bool // ever stored
	off     map[ioc.Observable]bool // as last judged
	decided map[ioc.Observable]ioc.Decision
	acts    map[string]int          // of marking, by hit
	verdict map[int]string          // of an act
	listed  []string                // values that the rules in force disarm
	rules   int                     // the number of those
	passed  int                     // of the rules of the last pass
	last    map[ioc.Observable]bool // armed before the step
}

// differential lets random steps happen to the store and to the model.
func (s *suite) differential() {
	st := can[Marked](s)
	for seed := range uint64(3) {
		m := &model{marker: &marker{suite: s, Marked: st}, rng: rand.New(rand.NewPCG(seed, 7)), reports: map[string][]ioc.Observable{}, known: map[ioc.Observable]bool{},
			off: map[ioc.Observable]bool{}, decided: map[ioc.Observable]ioc.Decision{}, acts: map[string]int{}, verdict: map[int]string{}, rules: int(seed)*1000 + 1}
		m.begin(seed)
		for k := range 120 {
			m.step(k)
			if s.Failed() {
				s.Fatalf("seed %d, step %d", seed, k)
			}
		}
		s.sound()
		if _, err := s.store.PutBatch(s.Context(), "a", ioc.Batch{Gone: []string{"r0", "r1", "r2"}}); err != nil {
			s.Fatal(err)
		}
	}
}

// begin makes observables of the seed's own, each with two hits.
func (m *model) begin(seed uint64) {
	for i := range 12 {
		o := ioc.Observable{Type: []ioc.Type{ioc.IP, ioc.Domain, ioc.YARA}[i%3], Value: fmt.Sprintf("%d.%d", seed, i)}
		m.all = append(m.all, o)
		for k := range 2 {
			m.hits = append(m.hits, hitOf(fmt.Sprintf("%d.%d.%d", seed, i, k), o, i+k, "r"))
		}
	}
	if _, err := m.PutHits(m.Context(), m.hits); err != nil {
		m.Fatal(err)
	}
	m.judge = m.naive
	m.last = map[ioc.Observable]bool{}
}

// naive is the rules in force.
func (m *model) naive(o ioc.Observable, f ioc.Facts) ioc.Arming { return listJudge(m.listed...)(o, f) }

// step makes one random change and compares.
func (m *model) step(k int) {
	top := uint64(0)
	for _, i := range collect(m.suite, m.store.List(m.Context(), store.ListFilter{})) {
		top = max(top, i.ArmedSeq)
	}
	gen := m.generationNow()
	o := m.all[m.rng.IntN(len(m.all))]
	switch m.rng.IntN(6) {
	case 0, 1:
		m.putRandom(k)
	case 2:
		m.decide(o)
	case 3:
		m.markRandom(o)
	case 4: // other rules, not applied yet
		m.rules++
		m.listed = nil
		for range m.rng.IntN(5) {
			m.listed = append(m.listed, m.all[m.rng.IntN(len(m.all))].Value)
		}
	default:
		if _, err := m.Judge(m.Context(), fmt.Sprint("rules ", m.rules), m.naive); err != nil {
			m.Fatal(err)
		}
		if m.rejudge(m.live()...); m.passed != m.rules {
			m.rejudge(m.all...)
		}
		m.passed = m.rules
	}
	if k%10 == 0 {
		m.sound()
	}
	m.compare(o, gen, top)
}

func (m *model) putRandom(k int) {
	id := fmt.Sprint("r", m.rng.IntN(3))
	var os []ioc.Observable
	for _, o := range m.all {
		if m.rng.IntN(3) == 0 {
			os = append(os, o)
		}
	}
	b := whole(id, fmt.Sprint(m.rules, " ", k, " ", m.rng.Int()), os...)
	if m.rng.IntN(4) == 0 {
		b, os = ioc.Batch{Gone: []string{id}}, nil
	}
	if _, err := m.store.PutBatch(m.Context(), "a", b); err != nil {
		m.Fatal(err)
	}
	if m.reports[id] = os; len(b.Gone) > 0 {
		return
	}
	for _, o := range os {
		m.known[o] = true
	}
}

func (m *model) decide(o ioc.Observable) {
	d := decision(o, ioc.SourcePerson, []string{ioc.Arm, ioc.Disarm, ""}[m.rng.IntN(3)], fmt.Sprint(m.rng.Int()))
	if err := m.Decide(m.Context(), []ioc.Decision{d}, m.naive); err != nil {
		m.Fatal(err)
	}
	if m.decided[o] = d; d.Verdict == "" {
		delete(m.decided, o)
	}
	m.rejudge(o)
}

func (m *model) markRandom(o ioc.Observable) {
	h := m.hits[m.rng.IntN(len(m.hits))]
	f := []store.HitFilter{{Value: o.Value}, {IDs: []string{h.ID}}}[m.rng.IntN(2)]
	k := mark([]string{ioc.TruePositive, ioc.FalsePositive, ioc.FalsePositive, ""}[m.rng.IntN(4)], 1)
	_, touched, err := m.MarkHits(m.Context(), f, k, m.naive)
	if err != nil {
		m.Fatal(err)
	}
	act := len(m.verdict)
	m.verdict[act] = k.Verdict
	for _, h := range m.hits {
		if slices.Contains(f.IDs, h.ID) || f.Value == h.Value {
			if m.acts[h.ID] = act; k.Verdict == "" {
				delete(m.acts, h.ID)
			}
		}
	}
	m.rejudge(touched...)
}

// facts counts the acts that still have a hit.
func (m *model) facts(o ioc.Observable) (f ioc.Facts) {
	seen := map[int]bool{}
	for _, h := range m.hits {
		act, ok := m.acts[h.ID]
		if !ok || h.Observable != o {
			continue
		}
		if m.verdict[act] == ioc.FalsePositive && !seen[act] {
			f.Marks.False++
		} else if m.verdict[act] == ioc.TruePositive {
			if !seen[act] {
				f.Marks.True++
			}
			if h.Time.After(f.Marks.LastTrue) {
				f.Marks.LastTrue = h.Time
			}
		}
		seen[act] = true
	}
	if d, ok := m.decided[o]; ok {
		f.Decisions = []ioc.Decision{d}
	}
	return f
}

func (m *model) rejudge(os ...ioc.Observable) {
	for _, o := range os {
		if m.known[o] {
			m.off[o] = m.naive(o, m.facts(o)).Disarmed
		}
	}
}

func (m *model) live() (os []ioc.Observable) {
	for _, o := range m.all {
		for _, members := range m.reports {
			if slices.Contains(members, o) {
				os = append(os, o)
				break
			}
		}
	}
	return os
}

// compare holds the store to the model, and its numbers to their rules.
func (m *model) compare(touched ioc.Observable, gen, top uint64) {
	armed, changed := map[ioc.Observable]bool{}, false
	var want []ioc.Observable
	for _, o := range m.live() {
		if m.off[o] {
			continue
		}
		want = append(want, o)
		armed[o] = true
		if m.last[o] {
			continue
		}
		changed = changed || o.Type.Huntable()
		if seq := m.only(o).ArmedSeq; seq <= top {
			m.Errorf("%v is armed anew by %d, not after %d: it would not meet old events", o, seq, top)
		}
	}
	for o := range m.last {
		changed = changed || !armed[o] && o.Type.Huntable()
	}
	m.has(want...)
	m.hasOf(ioc.Filter{Disarmed: true}, m.live()...)
	if grew := m.generationNow() > gen; grew != changed {
		m.Errorf("the generation grew: %v, want %v", grew, changed)
	}
	f, err := m.Facts(m.Context(), touched)
	if d := cmp.Diff(m.facts(touched), f); d != "" || err != nil {
		m.Errorf("%v: %v (-want +got):\n%s", touched, err, d)
	}
	m.last = armed
}
