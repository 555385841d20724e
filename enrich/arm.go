package enrich

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Lists finds the warninglists that hold an observable. It appends one match a
// list to dst, in an order that depends on the lists alone.
type Lists interface {
	Find(dst []ioc.ListMatch, o ioc.Observable) []ioc.ListMatch
}

// RuleOptions is what Rules are made of. The zero one judges by decisions and
// by the defaults of Breadth; DefaultRules also has feedback disarm.
//
// An entry of Allow, Deny and Own is a value in any spelling: an address, a
// network, a domain, a URL, a mailbox, a hash, or TYPE:VALUE for what cannot be
// told from its looks ("mutex:Global\x", "ja3:…"). An address or network covers
// itself and what is in it: addresses, with any port, networks, URLs and
// mailboxes on it. A domain covers itself, the names below it, and URLs and
// mailboxes on these. Anything else covers what is equal to it; a hash that does
// not say its type covers those of any type. In Own, a name of one label is that
// of a host and covers the URLs on it.
type RuleOptions struct {
	Lists          Lists    `mapstructure:"-"`     // nil: none
	ListsSum       uint64   `mapstructure:"-"`     // stands for Lists in the fingerprint: changes whenever they may answer otherwise
	Allow          []string `mapstructure:"allow"` // known to be good
	Deny           []string `mapstructure:"deny"`  // known to be bad; wins over Allow
	Own            []string `mapstructure:"own"`   // our own hosts
	FalsePositives int      `mapstructure:"false_positives"`
	BroadestIPv4   int      `mapstructure:"broadest_ipv4"` // as Breadth.IPv4
	BroadestIPv6   int      `mapstructure:"broadest_ipv6"` // as Breadth.IPv6
	ShortestText   int      `mapstructure:"shortest_text"` // as Breadth.Text
}

// DefaultRules returns the options that hold where nothing is configured: three
// false positives more than true ones disarm.
func DefaultRules() RuleOptions {
	return RuleOptions{FalsePositives: 3, BroadestIPv4: BroadestIPv4, BroadestIPv6: BroadestIPv6, ShortestText: ShortestText}
}

// rulesVersion changes whenever the code may come to another verdict or another
// Why on the same facts.
const rulesVersion = 1

// Rules judge observables: armed or not, by which rule and why. They never
// change, and may be used by several goroutines if Lists may.
type Rules struct {
	lists            Lists
	allow, deny, own *values
	falsePositives   int
	breadth          Breadth
	fingerprint      string
}

// NewRules compiles o. The error names each entry and bound that is wrong.
func NewRules(o RuleOptions) (*Rules, error) {
	r := &Rules{lists: o.Lists, falsePositives: o.FalsePositives, breadth: Breadth{IPv4: o.BroadestIPv4, IPv6: o.BroadestIPv6, Text: o.ShortestText}}
	if err := checkBounds(&o); err != nil {
		return nil, err
	}
	var err error
	if r.deny, err = newValues(ioc.ByDeny, false, o.Deny); err != nil {
		return nil, err
	}
	if r.allow, err = newValues(ioc.ByAllow, false, o.Allow); err != nil {
		return nil, err
	}
	if r.own, err = newValues(ioc.ByOwn, true, o.Own); err != nil {
		return nil, err
	}
	r.fingerprint = fingerprint(&o)
	return r, nil
}

func checkBounds(o *RuleOptions) error {
	for _, b := range []struct {
		key        string
		value, max int
	}{
		{"false_positives", o.FalsePositives, 1 << 30},
		{"broadest_ipv4", o.BroadestIPv4, 32},
		{"broadest_ipv6", o.BroadestIPv6, 128},
		{"shortest_text", o.ShortestText, 1 << 10},
	} {
		if b.value < 0 || b.value > b.max {
			return fmt.Errorf("%s is %d: it must be from 0 to %d", b.key, b.value, b.max)
		}
	}
	return nil
}

// Fingerprint names the rules: two that may judge an observable differently
// have different ones, whatever the run and the order of the entries. It does not
// ask Lists, so that rules without them tell whether it is worth compiling them.
func (r *Rules) Fingerprint() string { return r.fingerprint }

func fingerprint(o *RuleOptions) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s %d %d %d %d %d\n", rulesVersion, publicsuffix.List.String(), o.ListsSum,
		o.FalsePositives, orDefault(o.BroadestIPv4, BroadestIPv4), orDefault(o.BroadestIPv6, BroadestIPv6), orDefault(o.ShortestText, ShortestText))
	for _, list := range [][]string{o.Allow, o.Deny, o.Own} {
		fmt.Fprintf(h, "%q\n", sorted(list))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// Judge is an ioc.Judge. The rules are asked in the order of the By constants
// and the first that has something to say decides. Lists is filled in all the
// same, so that what was armed against a warninglist shows it. For what nothing
// speaks against, which is nearly all, it does not allocate, but for what package
// publicsuffix does on a domain.
func (r *Rules) Judge(o ioc.Observable, f ioc.Facts) ioc.Arming {
	a := ioc.Arming{Marks: f.Marks}
	if r.lists != nil {
		a.Lists = r.lists.Find(nil, o)
	}
	_ = r.byPerson(&a, f.Decisions) || r.byValues(&a, o) || r.byFeedback(&a) || r.byService(&a, f.Decisions) ||
		r.byBreadth(&a, o) || r.byLists(&a)
	return a
}

// decide writes a verdict down.
func decide(a *ioc.Arming, by string, disarmed bool, why string) bool {
	a.By, a.Disarmed, a.Why = by, disarmed, why
	return true
}

func (r *Rules) byPerson(a *ioc.Arming, ds []ioc.Decision) bool {
	for i := range ds {
		if d := &ds[i]; d.Source == ioc.SourcePerson && d.Verdict != "" {
			return decide(a, ioc.ByPerson, d.Verdict == ioc.Disarm, decided(d, d.By))
		}
	}
	return false
}

// decided tells a decision: `disarmed by alice on 2026-11-20: "our scanner"`.
func decided(d *ioc.Decision, by string) string {
	var b strings.Builder
	b.WriteString("armed")
	if d.Verdict == ioc.Disarm {
		b.Reset()
		b.WriteString("disarmed")
	}
	if by != "" {
		b.WriteString(" by " + cleaned(by, ""))
	}
	if !d.At.IsZero() {
		b.WriteString(" on " + d.At.UTC().Format("2006-01-02"))
	}
	if d.Why != "" {
		b.WriteString(": " + strconv.Quote(d.Why))
	}
	return b.String()
}

// byValues asks the lists of the configuration.
func (r *Rules) byValues(a *ioc.Arming, o ioc.Observable) bool {
	if e, ok := r.deny.find(o); ok {
		return decide(a, ioc.ByDeny, false, "on the deny list ("+e+")")
	}
	if e, ok := r.allow.find(o); ok {
		return decide(a, ioc.ByAllow, true, "on the allow list ("+e+")")
	}
	if e, ok := r.own.find(o); ok {
		return decide(a, ioc.ByOwn, true, "one of our own hosts ("+e+")")
	}
	return false
}

func (r *Rules) byFeedback(a *ioc.Arming) bool {
	m := a.Marks
	if r.falsePositives == 0 || m.False-m.True < r.falsePositives {
		return false
	}
	why := "marked as a false positive " + times(m.False)
	if m.True > 0 {
		why += ", as a true one " + times(m.True)
	}
	return decide(a, ioc.ByFeedback, true, why)
}

// byService asks the decisions of services. Where they disagree the observable
// is armed: a hit too many is seen by somebody, a hit too few by nobody.
func (r *Rules) byService(a *ioc.Arming, ds []ioc.Decision) bool {
	var best *ioc.Decision
	for i := range ds {
		d := &ds[i]
		if d.Source == ioc.SourcePerson || d.Verdict == "" {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(d.Verdict, best.Verdict), cmp.Compare(d.Source, best.Source)) < 0 {
			best = d
		}
	}
	if best == nil {
		return false
	}
	return decide(a, ioc.ByService, best.Verdict == ioc.Disarm, decided(best, best.Source))
}

func (r *Rules) byBreadth(a *ioc.Arming, o ioc.Observable) bool {
	why := Broad(o, r.breadth)
	return why != "" && decide(a, ioc.ByBreadth, true, why)
}

// byLists takes the first list that does more than lower the score.
func (r *Rules) byLists(a *ioc.Arming) bool {
	i := slices.IndexFunc(a.Lists, func(m ioc.ListMatch) bool { return !m.Lowers })
	return i >= 0 && decide(a, ioc.ByList, true, onList(&a.Lists[i]))
}

// onList tells a match: `on the list "List of RFC 1918 CIDR blocks" (10.0.0.0/8)`.
func onList(m *ioc.ListMatch) string {
	return "on the list " + strconv.Quote(m.List) + " (" + cleaned(m.Entry, "") + ")"
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}
