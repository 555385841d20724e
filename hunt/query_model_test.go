package hunt

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The model: hunters over one ledger, of which a scheduler lets one at a time
// take one step (read or write a page, sweep, flush), lets it die in front of a
// step, or lets time pass, so that a lease runs out while a hunter is alive and
// slow. TestQueryModel goes through the orders there are (all of them in a soak
// test, some picked at random else), and holds each to:
//
//   - coverage that is written never claims a pair that no sink has kept;
//   - a hunter that ends well had all pairs of its goal met;
//   - whatever died, one more hunter ends well and everything is met.

var errDied = errors.New("died")

const (
	modelLease = 30 * time.Second
	modelPoll  = modelLease // two looks tell that a hunter is dead
	modelTicks = 1          // times that time passes although somebody could take a step
)

// modelHunter is what a hunter sees of the source, and what it hunts for.
type modelHunter struct {
	state []IndexState
	armed int
}

type scenario struct {
	name    string
	before  []modelHunter // run before, one after the other
	hunters []modelHunter
	deaths  int
	some    bool // there are too many orders to try them all
}

// world is one execution.
type world struct {
	t       *testing.T
	sc      scenario
	ledger  MemoryLedger
	all     *vault // what any of them has kept
	mu      sync.Mutex
	waiting []*step
	dead    []bool
	over    []error
	ended   []bool
	history []string // what each hunter has seen, as a hash
	problem error
}

type step struct {
	hunter int
	op     string
	go_    chan bool // false: die
}

// gate stands in front of a step.
func (w *world) gate(hunter int, op string) error {
	w.mu.Lock()
	if w.dead[hunter] {
		w.mu.Unlock()
		return errDied
	}
	s := &step{hunter, op, make(chan bool)}
	w.waiting = append(w.waiting, s)
	w.mu.Unlock()
	if !<-s.go_ {
		return errDied
	}
	return nil
}

func (w *world) saw(hunter int, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := sha256.Sum256([]byte(w.history[hunter] + what))
	w.history[hunter] = string(h[:])
}

// desk is the ledger as one hunter uses it.
type desk struct {
	w *world
	n int
}

func (d desk) ReadPage(ctx context.Context, kind, name string) ([]byte, string, error) {
	if err := d.w.gate(d.n, "read "+kind); err != nil {
		return nil, "", err
	}
	body, mark, err := d.w.ledger.ReadPage(ctx, kind, name)
	d.w.saw(d.n, fmt.Sprint("read ", kind, mark, string(body)))
	return body, mark, err
}

func (d desk) WritePage(ctx context.Context, kind, name string, body []byte, was string) (string, error) {
	if err := d.w.gate(d.n, "write "+kind+" "+string(body)); err != nil {
		return "", err
	}
	mark, err := d.w.ledger.WritePage(ctx, kind, name, body, was)
	d.w.saw(d.n, fmt.Sprint("write ", kind, mark))
	if mark != "" && kind == PageCoverage {
		var c Coverage
		d.w.check(json.Unmarshal(body, &c))
		d.w.check(d.w.all.claimed(&c))
	}
	return mark, err
}

func (w *world) check(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.problem == nil {
		w.problem = err
	}
}

// modelSink flushes into what all have kept.
type modelSink struct {
	*vault
	w *world
	n int
}

func (s modelSink) Flush(ctx context.Context) error {
	if err := s.w.gate(s.n, "flush"); err != nil {
		return err
	}
	s.w.all.mu.Lock()
	s.w.all.pending = append(s.w.all.pending, s.pending...)
	s.w.all.mu.Unlock()
	s.w.saw(s.n, "flush")
	return errors.Join(s.w.all.Flush(ctx), s.vault.Flush(ctx))
}

func (w *world) hunt(n int, m modelHunter) error {
	src := &shelves{state: m.state, before: func(op string) error {
		err := w.gate(n, op)
		w.saw(n, op)
		return err
	}}
	sum, err := Query(w.t.Context(), src, arsenal(m.armed), modelSink{newVault(), w, n}, QueryOptions{
		Name: "logs", Ledger: desk{w, n}, Hunter: fmt.Sprint("h", n), Lease: modelLease, Poll: modelPoll, Workers: 1,
		Now: time.Now,
	})
	if err == nil && len(sum.Incomplete) > 0 {
		err = fmt.Errorf("incomplete: %v", sum.Incomplete)
	}
	if err == nil {
		w.check(w.all.lacks(m.state, m.armed))
	}
	return err
}

func newWorld(t *testing.T, sc scenario) *world {
	n := len(sc.hunters) + 1
	w := &world{t: t, sc: sc, all: newVault(), dead: make([]bool, n), over: make([]error, n), ended: make([]bool, n), history: make([]string, n)}
	return w
}

// free lets hunter n run without a scheduler.
func (w *world) free(n int, m modelHunter) error {
	done := make(chan error, 1)
	go func() { done <- w.hunt(n, m) }()
	for {
		synctest.Wait()
		select {
		case err := <-done:
			return err
		default:
		}
		w.mu.Lock()
		waiting := w.waiting
		w.waiting = nil
		w.mu.Unlock()
		for _, s := range waiting {
			s.go_ <- true
		}
		if len(waiting) == 0 {
			time.Sleep(modelPoll)
		}
	}
}

// choice is one thing that can happen next.
type choice struct {
	kind byte // 'g'o, 'd'ie, 't'ick
	at   int  // of the waiting steps, or the hunter that dies
}

func (w *world) choices(deaths, ticks int) (cs []choice, forced bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.SortStableFunc(w.waiting, func(a, b *step) int {
		return strings.Compare(fmt.Sprint(a.hunter, a.op), fmt.Sprint(b.hunter, b.op))
	})
	asleep, last := false, -1
	for n := range w.sc.hunters {
		mine := slices.ContainsFunc(w.waiting, func(s *step) bool { return s.hunter == n })
		asleep = asleep || !w.ended[n] && !mine
	}
	for i, s := range w.waiting {
		cs = append(cs, choice{'g', i})
		if deaths > 0 && s.hunter != last {
			cs = append(cs, choice{'d', s.hunter})
		}
		last = s.hunter
	}
	switch {
	case len(cs) == 0 && asleep:
		return []choice{{'t', 0}}, true
	case len(cs) > 0 && ticks > 0:
		cs = append(cs, choice{'t', 1})
	}
	return cs, false
}

func (w *world) do(c choice) {
	w.mu.Lock()
	var let []*step
	ok := true
	switch c.kind {
	case 'g':
		let = []*step{w.waiting[c.at]}
		w.waiting = slices.Delete(w.waiting, c.at, c.at+1)
	case 'd':
		ok = false
		w.dead[c.at] = true
		for _, s := range w.waiting {
			if s.hunter == c.at {
				let = append(let, s)
			}
		}
		w.waiting = slices.DeleteFunc(w.waiting, func(s *step) bool { return s.hunter == c.at })
	}
	w.mu.Unlock()
	for _, s := range let {
		s.go_ <- ok
	}
	if c.kind == 't' {
		time.Sleep(modelPoll + time.Second)
	}
	synctest.Wait()
}

// state is all that what happens next depends on.
func (w *world) state(deaths, ticks int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, k := range []string{PageCoverage, PageWork} {
		p := w.ledger.pages[k+"\x00logs"]
		fmt.Fprint(&b, p.mark, string(p.body), ";")
	}
	for _, s := range w.waiting {
		fmt.Fprint(&b, s.hunter, s.op, ";")
	}
	fmt.Fprint(&b, w.dead, w.ended, w.over, w.history, deaths, ticks, time.Now().UnixNano(), w.all.size())
	h := sha256.Sum256([]byte(b.String()))
	return string(h[:])
}

// explore runs one execution along path, then takes the first choice each time.
// It returns the paths that it did not take, from states not met before.
func explore(t *testing.T, sc scenario, path []int, visited map[string]bool) (branches [][]int, trace string, problem error) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, sc)
		for _, m := range sc.before {
			if err := w.free(len(sc.hunters), m); err != nil {
				t.Fatal(err)
			}
		}
		for n, m := range sc.hunters {
			go func() {
				err := w.hunt(n, m)
				w.mu.Lock()
				defer w.mu.Unlock()
				w.over[n], w.ended[n] = err, true
			}()
		}
		synctest.Wait()
		deaths, ticks := sc.deaths, modelTicks
		var took []int
		var log strings.Builder
		pruned := false
		for depth := 0; ; depth++ {
			cs, forced := w.choices(deaths, ticks)
			if len(cs) == 0 {
				break
			}
			pick := 0
			if depth < len(path) {
				pick = path[depth]
			} else {
				s := w.state(deaths, ticks)
				if visited[s] {
					pruned = true
					break
				}
				visited[s] = true
				for i := 1; i < len(cs); i++ {
					branches = append(branches, append(slices.Clone(took), i))
				}
			}
			took = append(took, pick)
			c := cs[pick]
			fmt.Fprintf(&log, "%c%d ", c.kind, c.at)
			if c.kind == 'g' {
				s := w.waiting[c.at]
				fmt.Fprintf(&log, "[%d %.90s]\n", s.hunter, s.op)
			}
			if c.kind == 'd' {
				deaths--
			} else if c.kind == 't' && !forced {
				ticks--
			}
			w.do(c)
		}
		for n := range sc.hunters { // what is pruned ends here
			w.do(choice{'d', n})
		}
		for w.alive() {
			w.do(choice{'t', 0})
		}
		if !pruned {
			w.final(path)
		}
		trace, problem = log.String(), w.problem
	})
	return branches, trace, problem
}

func (w *world) alive() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.ended[:len(w.sc.hunters)], false)
}

// final holds an execution to its end: those who lived ended well, and one more
// hunter finds all that is left.
func (w *world) final(path []int) {
	for n := range w.sc.hunters {
		if err := w.over[n]; err != nil && !errors.Is(err, errDied) && !errors.Is(err, ErrBehind) {
			w.check(fmt.Errorf("hunter %d: %w (%v)", n, err, path))
		}
	}
	most := w.sc.hunters[0]
	for _, m := range w.sc.hunters[1:] {
		if m.armed > most.armed || len(m.state) > 0 && m.state[0].Lanes[0].UpTo > most.state[0].Lanes[0].UpTo {
			most = m
		}
	}
	for n := range w.dead {
		w.dead[n] = false
	}
	if err := w.free(len(w.sc.hunters), most); err != nil {
		w.check(fmt.Errorf("the hunter after all: %w", err))
	}
	w.check(w.all.lacks(most.state, most.armed))
}

func TestQueryModel(t *testing.T) {
	two := []IndexState{shelf("a", 0), shelf("b", 0)}
	more := []IndexState{shelf("a", 1), shelf("b", 0)}
	one := []IndexState{shelf("a", 1)}
	three := []IndexState{shelf("a", 2)}
	scenarios := []scenario{
		{"new", nil, []modelHunter{{two, 1}, {two, 1}}, 1, false},
		{"new and old", []modelHunter{{one, 1}}, []modelHunter{{three, 2}, {three, 2}}, 1, false},
		{"not the same sight", []modelHunter{{two, 1}}, []modelHunter{{more, 1}, {two, 2}}, 1, false},
		{"both may die", nil, []modelHunter{{one, 1}, {one, 1}}, 2, false},
		{"three", nil, []modelHunter{{one, 1}, {one, 1}, {one, 1}}, 0, true},
	}
	limit, all := 2_000, os.Getenv("IOCHUNT_KILLS") != "" // all takes a minute
	if testing.Short() {
		limit = 300
	}
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			visited := make(map[string]bool)
			stack := [][]int{nil}
			runs := 0
			for ; len(stack) > 0 && (runs < limit || all && !sc.some); runs++ {
				at := len(stack) - 1
				if !all || sc.some {
					at = rand.IntN(len(stack))
				}
				path := stack[at]
				stack = slices.Delete(stack, at, at+1)
				branches, trace, err := explore(t, sc, path, visited)
				if err != nil {
					t.Fatalf("%v\n%s", err, trace)
				}
				stack = append(stack, branches...)
			}
			t.Logf("%d executions, %d states, %d left", runs, len(visited), len(stack))
		})
	}
}
