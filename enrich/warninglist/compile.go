package warninglist

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/misplist"
)

// Options say how lists are compiled.
type Options struct {
	Action func(l *ioc.Warninglist) Action // nil: Default for all
}

// Matcher knows which lists hold an observable. It does not change, so any
// number of goroutines may ask it at once. The zero Matcher has no lists.
type Matcher struct {
	lists   []list
	table   *table
	v4, v6  networks
	parts   *automaton
	regexes []regex
	always  []uint32 // the regexes that have no required text
	keyed   types    // those for which there are names or texts
	scanned types    // those for which there are substrings or regexes
}

// list is what a match has to know of its list.
type list struct {
	feed, name string
	types      types
	action     Action
	shared     bool
	plain      bool // a text may be the name of a URL's host: type string
}

// Compile makes a matcher of lists, in their order. It keeps nothing of them:
// an iterator may hand them over one by one.
//
// The refusals are the entries that cannot be used, and lists for types of
// which we have none; Report is the list's ID, or its name if it has none. An
// error is one of the iterator, or the lists are too much for one matcher:
// 65,535 lists, 4 GiB of entries.
func Compile(lists iter.Seq2[ioc.Warninglist, error], o Options) (*Matcher, []ioc.Refusal, error) {
	c := &compiler{m: &Matcher{table: newTable(), parts: newAutomaton()}}
	var refused []ioc.Refusal
	for l, err := range lists {
		if err != nil {
			return nil, nil, err
		}
		action := Default
		if o.Action != nil {
			action = o.Action(&l)
		}
		if action == Off {
			continue
		}
		if err := c.list(&l, action); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", cmp.Or(l.ID, l.Name), err)
		}
		refused = append(refused, c.refused.all()...)
	}
	return c.matcher(), refused, nil
}

// compiler adds the entries of one list after the other.
type compiler struct {
	m       *Matcher
	types   types // of the list at hand
	number  uint16
	refused refusals
	program int // instructions of all regexes
}

// list adds a list.
func (c *compiler) list(l *ioc.Warninglist, action Action) error {
	c.refused = refusals{report: cmp.Or(l.ID, l.Name)}
	add := c.adder(l.Kind)
	if add == nil {
		return fmt.Errorf("type %.40q: it is one of %s", l.Kind, strings.Join(misplist.Types, ", "))
	}
	c.types = typesOf(l.Attributes)
	if c.types == 0 {
		c.refused.add(ioc.Refusal{Type: l.Kind, Value: l.Name, Reason: "a list for types that are not hunted: " + strings.Join(l.Attributes[:min(len(l.Attributes), 10)], ", ")})
		return nil
	}
	if len(c.m.lists) == 1<<16-1 {
		return errors.New("more than 65,535 lists")
	}
	c.number = uint16(len(c.m.lists))
	c.m.lists = append(c.m.lists, list{feed: l.Feed, name: l.Name, types: c.types, action: action, shared: shared[l.Name], plain: l.Kind == "string"})
	for i, e := range l.Entries {
		if len(c.m.table.text)+8*misplist.MaxEntry > maxTableText {
			return errors.New("the lists have more than 4 GiB of entries")
		}
		if err := c.entry(add, e); err != nil {
			c.refused.add(ioc.Refusal{Type: l.Kind, Value: e[:min(len(e), misplist.MaxEntry)], Reason: err.Error(), Place: fmt.Sprintf("list[%d]", i)})
		}
	}
	return nil
}

// adder returns the function that adds an entry of a list of that type.
func (c *compiler) adder(kind string) func(string) error {
	switch kind {
	case "string":
		return c.text
	case "hostname":
		return c.host
	case "cidr":
		return c.network
	case "substring":
		return c.substring
	case "regex":
		return c.regex
	}
	return nil
}

var (
	errLong    = errors.New("longer than 4 KiB")
	errBlank   = errors.New("empty")
	errAddress = errors.New("not an address or network")
	errSpace   = errors.New("the whole address space")
	errHost    = errors.New("not a host name")
	errShort   = errors.New("a substring of under 3 bytes")
	errParts   = errors.New("no room: the substrings of all lists have more than 4 Mi different beginnings")
	errNumber  = errors.New("no room: the regular expressions of all lists have more than 100,000 instructions, or are more than 4,096")
)

func (c *compiler) entry(add func(string) error, e string) error {
	switch {
	case len(e) > misplist.MaxEntry:
		return errLong
	case strings.TrimSpace(e) == "":
		return errBlank
	}
	return add(e)
}

// text adds an entry of a list of type string.
func (c *compiler) text(e string) error {
	if name, ok := dotted(e); ok {
		c.key(isName, e, name)
		return nil
	}
	err := errAddress
	if c.types&addresses != 0 {
		err = c.network(e)
	}
	if errors.Is(err, errSpace) {
		return err
	}
	// In a list for addresses alone, what has no colon is no address with a port.
	if c.types&^addresses == 0 && !strings.Contains(e, ":") {
		return err
	}
	for _, key := range c.forms(strings.TrimSpace(e)) {
		c.key(isText, e, key)
	}
	return nil
}

// host adds an entry of a list of type hostname.
func (c *compiler) host(e string) error {
	if c.types&addresses != 0 && c.network(e) == nil {
		return nil
	}
	name, ok := hostName(e)
	if !ok {
		return errHost
	}
	c.key(isName, e, name)
	return nil
}

// network adds an entry that is an address or a network.
func (c *compiler) network(e string) error {
	p, ok := network(e)
	switch {
	case !ok:
		return errAddress
	case p.Bits() == 0:
		return errSpace
	}
	n := c.m.table.add(c.number, isNetwork, e, "")
	if p.Addr().Is4() {
		c.m.v4.add(p, n)
	} else {
		c.m.v6.add(p, n)
	}
	return nil
}

// substring adds an entry of a list of type substring.
func (c *compiler) substring(e string) error {
	if len(strings.TrimSpace(e)) < 3 {
		return errShort
	}
	n := c.m.table.add(c.number, isPart, e, "")
	if !c.m.parts.add(fold(e), part{ref: n}) {
		return errParts
	}
	c.m.scanned |= c.types
	return nil
}

// regex adds an entry of a list of type regex.
func (c *compiler) regex(e string) error {
	re, required, size, err := compileRegex(e)
	if err != nil {
		return err
	}
	if len(c.m.regexes) == maxNumber || c.program+size > maxAll {
		return errNumber
	}
	c.program += size
	n := uint32(len(c.m.regexes))
	c.m.regexes = append(c.m.regexes, regex{re: re, list: c.number, entry: c.m.table.add(c.number, isRegex, e, "")})
	c.m.scanned |= c.types
	for _, s := range required {
		if !c.m.parts.add(s, part{ref: n, regex: true}) {
			required = nil // no room for its text, so it is tried on every value
			break
		}
	}
	if required == nil {
		c.m.always = append(c.m.always, n)
	}
	return nil
}

// key adds an entry that is found by its key.
func (c *compiler) key(kind entryKind, e, key string) {
	c.m.table.addKeyed(c.number, kind, e, key)
	c.m.keyed |= c.types
}

// matcher finishes the work.
func (c *compiler) matcher() *Matcher {
	m := c.m
	m.table.entries, m.table.text = slices.Clip(m.table.entries), slices.Clip(m.table.text)
	m.v4.build()
	m.v6.build()
	m.parts.build()
	return m
}

// forms returns the keys of an entry of a list of type string: its text, and
// its canonical form under each type that the list is for; for a list for all
// types, under the type that it looks like.
func (c *compiler) forms(e string) []string {
	keys := []string{fold(e)}
	if c.types == allTypes {
		return c.form("", e, keys)
	}
	if c.types&respelt == 0 && isPlain(e) {
		return keys
	}
	for _, r := range ioc.Types() {
		if c.types&bit(r.Type)&^addresses != 0 {
			keys = c.form(r.Type, e, keys)
		}
	}
	return keys
}

// form appends the canonical form of e as a t.
func (c *compiler) form(t ioc.Type, e string, keys []string) []string {
	o, err := canon.Observable(t, e)
	if err != nil || c.types&bit(o.Type) == 0 {
		return keys
	}
	if key := fold(o.Value); !slices.Contains(keys, key) && len(key) <= 4*misplist.MaxEntry {
		return append(keys, key)
	}
	return keys
}

// isPlain reports whether e is its own canonical form under every type that it
// can be of, but for those of respelt and for case: of letters, digits, dots,
// hyphens and underscores, beginning and ending with a letter or digit.
func isPlain(e string) bool {
	for i := range len(e) {
		c := lower[e[i]]
		alnum := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !alnum && (i == 0 || i == len(e)-1 || c != '.' && c != '-' && c != '_') {
			return false
		}
	}
	return true
}

// dotted returns the host name behind a leading dot.
func dotted(e string) (string, bool) {
	e = strings.TrimSpace(e)
	if !strings.HasPrefix(e, ".") && !strings.HasPrefix(e, "*.") {
		return "", false
	}
	return hostName(e)
}

// hostName returns the canonical form of a host name, which may be of a single
// label.
func hostName(e string) (string, bool) {
	e = strings.TrimSpace(e)
	e = strings.TrimPrefix(strings.TrimPrefix(e, "*."), ".")
	if name, err := canon.Domain(e); err == nil {
		return name, true
	}
	if e == "" || strings.Contains(e, ".") {
		return "", false
	}
	name, err := canon.Domain("a." + e)
	return strings.TrimPrefix(name, "a."), err == nil
}

// network returns the network that an entry is; an address is one of its own.
func network(e string) (netip.Prefix, bool) {
	if a, err := canon.Addr(e); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := canon.Prefix(e)
	return p, err == nil
}
