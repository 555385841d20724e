package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"iter"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/enrich/warninglist"
	"github.com/iochunt/iochunt/hunt/emit"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// Arming: the rules of the configuration and the lists of the store, brought
// together; judge.go has the pass that goes by them.

// armory is what the rules are made of.
type armory struct {
	options enrich.RuleOptions
	states  []store.ListState // of the lists that were collected
	places  map[string]string // file and line of the values that come from files
}

// armory reads the settings, and what lists there are; the lists themselves
// only rules need.
func (a *app) armory(ctx context.Context, s database) (*armory, error) {
	c := &a.cfg.Arming
	ar := &armory{places: map[string]string{}, options: enrich.RuleOptions{
		FalsePositives: c.FalsePositives, BroadestIPv4: c.BroadestIPv4, BroadestIPv6: c.BroadestIPv6, ShortestText: c.ShortestText,
		Own: slices.Clone(c.Own),
	}}
	if c.Machine && !a.cfg.Elasticsearch.Enabled() { // a store that many machines share would be judged anew by each
		ar.options.Own = append(ar.options.Own, machine()...)
	}
	var err error
	if ar.options.Allow, err = ar.withFiles(c.Allow, c.AllowFiles); err != nil {
		return nil, a.badArming(fmt.Errorf("allow_files: %w", err))
	}
	if ar.options.Deny, err = ar.withFiles(c.Deny, c.DenyFiles); err != nil {
		return nil, a.badArming(fmt.Errorf("deny_files: %w", err))
	}
	if ar.states, err = s.ListStates(ctx); err != nil {
		return nil, err
	}
	ar.options.ListsSum = a.listsSum(ar.states)
	return ar, nil
}

// badArming is an error of the configuration.
func (a *app) badArming(err error) error {
	return &exitError{code: exitUsage, err: fmt.Errorf("config %s: arming: %w", a.cfg.File, err)}
}

// withFiles appends the lines of files to values; "#" begins a comment.
func (ar *armory) withFiles(values, files []string) ([]string, error) {
	all := slices.Clone(values)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		n := 0
		for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
			n++
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" {
				all = append(all, line)
				ar.places[line] = fmt.Sprintf("%s:%d", f, n)
			}
		}
	}
	return all, nil
}

// place names the file and line of the value that an error is about.
func (ar *armory) place(err error) error {
	for value, where := range ar.places {
		if strings.Contains(err.Error(), strconv.Quote(value)) {
			return fmt.Errorf("%s: %w", where, err)
		}
	}
	return err
}

// machine returns this machine's names and addresses. What cannot be asked is
// left out: own hosts are a help against noise, not a promise.
func machine() []string {
	var own []string
	if h, err := os.Hostname(); err == nil && strings.Contains(strings.Trim(h, "."), ".") {
		own = append(own, h)
	}
	addrs, _ := net.InterfaceAddrs()
	for _, addr := range addrs {
		if n, ok := addr.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			own = append(own, n.IP.String())
		}
	}
	return own
}

// listsSum changes with every list, and with what the configuration says of it.
func (a *app) listsSum(states []store.ListState) uint64 {
	h := fnv.New64a()
	fmt.Fprintln(h, a.cfg.Arming.Builtin, warninglist.Version)
	for _, r := range a.cfg.Arming.Lists {
		fmt.Fprintf(h, "%q %q\n", r.List, r.Action)
	}
	for _, st := range states {
		fmt.Fprintf(h, "%q %q ", st.Feed, st.ID)
		_ = binary.Write(h, binary.LittleEndian, st.Sum)
	}
	return h.Sum64()
}

// rules compiles the lists into rules. unusable are the entries that could not
// be used.
func (a *app) rules(ctx context.Context, s database, ar *armory) (rules *enrich.Rules, unusable []ioc.Refusal, err error) {
	o := ar.options
	m, unusable, err := warninglist.Compile(a.lists(ctx, s), warninglist.Options{Action: a.listAction})
	if err != nil {
		return nil, nil, fmt.Errorf("warninglists: %w", err)
	}
	o.Lists, a.listsAsked = m, m.Lists()
	rules, err = a.newRules(ar, o)
	return rules, unusable, err
}

// rulesInForce are the rules of the configuration and of the lists as they are.
func (a *app) rulesInForce(ctx context.Context, s database) (*enrich.Rules, []ioc.Refusal, error) {
	ar, err := a.armory(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	return a.rules(ctx, s, ar)
}

func (a *app) newRules(ar *armory, o enrich.RuleOptions) (*enrich.Rules, error) {
	r, err := enrich.NewRules(o)
	if err != nil {
		err = a.badArming(ar.place(err))
	}
	return r, err
}

// lists yields the lists that are asked: ours, then those of the store.
func (a *app) lists(ctx context.Context, s database) iter.Seq2[ioc.Warninglist, error] {
	return func(yield func(ioc.Warninglist, error) bool) {
		if a.cfg.Arming.Builtin {
			for _, l := range warninglist.Builtin() {
				if !yield(l, nil) {
					return
				}
			}
		}
		for l, err := range s.Warninglists(ctx) {
			if !yield(l, err) {
				return
			}
		}
	}
}

var listActions = map[string]warninglist.Action{
	"": warninglist.Default, "disarm": warninglist.Disarm, "lower": warninglist.Lower, "off": warninglist.Off,
}

func (a *app) listAction(l *ioc.Warninglist) warninglist.Action {
	return listActions[a.saidOf(l)]
}

// saidOf is what the configuration says of a list, by its name or its id.
func (a *app) saidOf(l *ioc.Warninglist) string {
	return cmp.Or(a.cfg.Arming.ActionOf(l.Name), a.cfg.Arming.ActionOf(l.ID))
}

// decision is what the person at the keyboard decides.
func (a *app) decision(o ioc.Observable, verdict, why string) ioc.Decision {
	return ioc.Decision{Observable: o, Source: ioc.SourcePerson, Verdict: verdict, Why: why, By: a.user(), At: a.now().UTC()}
}

// user names who runs the program, as far as the environment says it.
func (a *app) user() string {
	return cmp.Or(a.env("SUDO_USER"), a.env("USER"), a.env("LOGNAME"))
}

// lifetimesNote is where the store keeps which lifetimes were in force.
const lifetimesNote = "lifetimes"

// inForceNote is where it keeps those that hunters go by, from before anything is
// armed anew for their sake.
const inForceNote = "lifetimes in force"

// livesInForce are the lifetimes that claims are judged by. Hosts that share a
// store go by those of the last who judged it: what lives longer is armed anew
// then, and by other lifetimes a hunter would drop for good what is not.
func (a *app) livesInForce(ctx context.Context, s database) (enrich.Lifetimes, error) {
	if !a.cfg.Elasticsearch.Enabled() {
		return a.lifetimes(), nil
	}
	said, err := s.Note(ctx, inForceNote)
	if err == nil && said == "" {
		said, err = s.Note(ctx, lifetimesNote)
	}
	if err != nil {
		return enrich.Lifetimes{}, err
	}
	if said != enrich.EncodeLifetimes(a.lifetimes()) && anyLifetime(a.lifetimes()) && !a.saidLives {
		a.saidLives = true
		a.note("iochunt: the lifetimes of the config file are not those in force: they are from the next iochunt collect on")
	}
	return enrich.DecodeLifetimes(said)
}

func (a *app) putInForce(ctx context.Context, s database, lives string) error {
	if !a.cfg.Elasticsearch.Enabled() {
		return nil
	}
	return s.PutNote(ctx, inForceNote, lives)
}

// lengthen arms anew what lives longer than it did when the store was last
// judged: what counted as expired for an old event may hit it now.
func (a *app) lengthen(ctx context.Context, s database) error {
	now := a.lifetimes()
	was, err := s.Note(ctx, lifetimesNote)
	if err != nil {
		return err
	}
	if was == enrich.EncodeLifetimes(now) { // but a change to others may have been broken off
		return a.putInForce(ctx, s, was)
	}
	before, err := enrich.DecodeLifetimes(was)
	if err == nil { // who hunts for what is armed anew has to go by these
		err = a.putInForce(ctx, s, enrich.EncodeLifetimes(now))
	}
	if err != nil {
		return err
	}
	if grown := enrich.Grown(before, now); len(grown) > 0 {
		if err := s.Rearm(ctx, grown); err != nil {
			return err
		}
	}
	return s.PutNote(ctx, lifetimesNote, enrich.EncodeLifetimes(now))
}

// lifetimes are those of the configuration.
func (a *app) lifetimes() enrich.Lifetimes {
	l := enrich.Lifetimes{ByType: lifetimesOf(a.cfg.Arming.Lifetimes), ByFeed: map[string]map[ioc.Type]time.Duration{}}
	for _, f := range a.cfg.Feeds {
		if len(f.Lifetimes) > 0 {
			l.ByFeed[f.Name] = lifetimesOf(f.Lifetimes)
		}
	}
	return l
}

func lifetimesOf(m map[string]time.Duration) map[ioc.Type]time.Duration {
	if len(m) == 0 {
		return nil
	}
	byType := make(map[ioc.Type]time.Duration, len(m))
	for name, d := range m {
		byType[ioc.Type(name)] = d
	}
	return byType
}

// ages tells the store which claims end by the lifetimes of the configuration.
func (a *app) ages() store.Ages {
	l := a.lifetimes()
	if !anyLifetime(l) {
		return nil
	}
	return l.Ages
}

// anyLifetime reports whether some claims end that their feeds do not end.
func anyLifetime(l enrich.Lifetimes) bool { return len(l.ByType)+len(l.ByFeed) > 0 }

// asKeys makes an error about flags one about settings.
var asKeys = strings.NewReplacer("--min-score", "min_score:", "--min-severity", "min_severity:")

// checkScoring refuses settings that only this floor can judge: names of types
// and of sinks, and the weights of scoring.
func (a *app) checkScoring() error {
	lives := a.lifetimes()
	if err := lives.Check(); err != nil {
		return fmt.Errorf("config %s: arming: %w; the types are: %s", a.cfg.File, err, typeNames())
	}
	kinds := map[string]bool{}
	for _, s := range a.cfg.Sinks {
		if !slices.Contains(emit.Names(), s.Kind) {
			return fmt.Errorf("config %s: sinks: no sink %q; there are: %s", a.cfg.File, s.Kind, strings.Join(emit.Names(), ", "))
		}
		if _, err := newThreshold(minFlags{s.MinScore, s.MinSeverity}); err != nil {
			return fmt.Errorf("config %s: sinks: %s: %s", a.cfg.File, s.Kind, asKeys.Replace(err.Error()))
		}
		if kinds[s.Kind] {
			return fmt.Errorf("config %s: sinks: a second one of the kind %s", a.cfg.File, s.Kind)
		}
		kinds[s.Kind] = true
	}
	var err error
	a.scoring, err = a.newScoring()
	return err
}

// newScoring makes the weights: the defaults, changed by the configuration.
func (a *app) newScoring() (*enrich.Scoring, error) {
	s := enrich.DefaultScoring()
	if err := a.cfg.DecodeScoring(&s); err != nil {
		return nil, err
	}
	s.FeedConfidence, s.FeedReliability = map[string]float64{}, map[string]float64{}
	for _, f := range a.cfg.Feeds {
		if f.Confidence > 0 {
			s.FeedConfidence[f.Name] = float64(f.Confidence)
		}
		if f.Reliability == "" {
			continue
		}
		r, err := enrich.ParseReliability(f.Reliability)
		if err != nil {
			return nil, fmt.Errorf("config %s: feed %s: reliability: %w", a.cfg.File, f.Name, err)
		}
		s.FeedReliability[f.Name] = r
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("config %s: %w", a.cfg.File, err)
	}
	return &s, nil
}
