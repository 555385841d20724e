package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/local"
	"github.com/iochunt/iochunt/internal/testdir"
)

// TestRealArming asks real warninglists about real indicators: every verdict is
// compared with what a naive reading of the lists says, and the hits on real
// logs before and after stand in a golden file, each suppressed one with its
// list. The numbers by list are those of docs/scoring.md.
func TestRealArming(t *testing.T) {
	if testing.Short() {
		t.Skip("550,000 indicators are judged twice")
	}
	trails, lists, logs := testdir.Shared(t, "data/indicators/maltrail"), testdir.Shared(t, "data/warninglists"), testdir.Shared(t, "data/logs")
	data := t.TempDir()
	conf := filepath.Join(data, "config.yaml")
	text := fmt.Sprintf("arming: {builtin: false, machine: false}\nfeeds:\n  - {name: maltrail, kind: file, path: %q}\n  - {name: lists, kind: warninglist, path: %q}\n", trails, lists)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func(want int, args ...string) string {
		t.Helper()
		out, code := iochunt(t, data, append(args, "--config", conf)...)
		if code != want {
			t.Fatalf("%s: exit %d", strings.Join(args, " "), code)
		}
		return out
	}
	t.Log(ask(exitOK, "collect"))
	naive := readNaive(t, lists)
	byList := map[string]int{}
	total, caught := 0, 0
	st, err := local.Open(data, local.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for o, err := range st.Observables(t.Context(), ioc.Filter{Disarmed: true}) {
		if err != nil {
			t.Fatal(err)
		}
		total++
		ar, err := st.Arming(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		disarms := false
		for _, l := range ar.Lists {
			got = append(got, l.List)
			if l.Lowers {
				byList[l.List+" (lowers)"]++
			} else {
				byList[l.List]++
				disarms = true
			}
		}
		slices.Sort(got)
		if want := naive.holders(o); !slices.Equal(want, got) {
			t.Fatalf("%s %s is on %q, and not on %q", o.Type, o.Value, want, got)
		}
		if disarms {
			caught++
		}
		if ar.Disarmed != (disarms || ar.By == ioc.ByBreadth) {
			t.Fatalf("%s %s: %+v", o.Type, o.Value, ar)
		}
	}
	t.Logf("%d indicators, %d on lists that disarm", total, caught)
	table := listTable(byList)
	t.Logf("\n%s", table)
	checkMeasured(t, table)
	checkSuppressed(t, logs, ask(exitOK, "scan", "--json", "--no-keep", "--disarmed", logs), ask(exitOK, "scan", "--json", "--no-keep", logs))
}

// listTable is the table of docs/scoring.md: how many a list holds.
func listTable(byList map[string]int) string {
	var b strings.Builder
	b.WriteString("| list | not armed | score lowered |\n|---|---|---|\n")
	names := map[string]bool{}
	for n := range byList {
		names[strings.TrimSuffix(n, " (lowers)")] = true
	}
	for _, n := range slices.Sorted(maps.Keys(names)) {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", n, byList[n], byList[n+" (lowers)"])
	}
	return b.String()
}

// checkSuppressed compares the hits of all indicators with those of the armed
// ones: what is missing has its reason, and nothing else is.
func checkSuppressed(t *testing.T, logs, before, after string) {
	t.Helper()
	left := map[string]bool{}
	for line := range strings.Lines(places(t, after, logs)) {
		left[line] = true
	}
	var b strings.Builder
	n, suppressed, alerts, levels := 0, 0, 0, map[string]int{}
	for line := range strings.Lines(before) {
		var h struct {
			Kind   string
			Arming struct {
				Disarmed bool
				By, Why  string
				Lists    []ioc.ListMatch
			}
			Score struct {
				Level string
				Alert bool
			}
		}
		if err := json.Unmarshal([]byte(line), &h); err != nil {
			t.Fatal(err)
		}
		if h.Kind != "hit" {
			continue
		}
		n++
		place := places(t, line, logs)
		levels[h.Score.Level]++
		if h.Score.Alert {
			alerts++
		}
		if h.Arming.Disarmed == left[place] {
			t.Errorf("not armed: %t, and still there: %t: %s", h.Arming.Disarmed, left[place], place)
		}
		if h.Arming.Disarmed {
			suppressed++
			fmt.Fprintf(&b, "%s\t%s", strings.TrimSuffix(place, "\n"), h.Arming.By)
			for _, l := range h.Arming.Lists {
				fmt.Fprintf(&b, "\t%s: %s", l.List, l.Match)
			}
			b.WriteString("\n")
		}
	}
	if n != suppressed+len(left) {
		t.Errorf("%d hits before, %d suppressed, %d after", n, suppressed, len(left))
	}
	head := fmt.Sprintf("hits before %d, suppressed %d, after %d; by severity %v; worth an alert %d\n", n, suppressed, len(left), levels, alerts)
	t.Log(head)
	compareGolden(t, filepath.Join("testdata", "real_arming.golden"), head+b.String())
}

// naiveLists reads lists in the plainest way there is.
type naiveLists struct {
	values map[string][]string // list names by what is held exactly, in lower case
	below  map[string][]string // by a name that holds all below it
	nets   map[netip.Prefix][]string
	types  map[string][]ioc.Type
	bits   map[int]bool
}

func readNaive(t *testing.T, dir string) *naiveLists {
	t.Helper()
	n := &naiveLists{values: map[string][]string{}, below: map[string][]string{}, nets: map[netip.Prefix][]string{}, types: map[string][]ioc.Type{}, bits: map[int]bool{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var l struct {
			Name, Type string
			List       []string
			Attributes []string `json:"matching_attributes"`
		}
		if err := json.Unmarshal(raw, &l); err != nil {
			t.Fatal(f, err)
		}
		n.types[l.Name] = naiveTypes(l.Attributes)
		for _, e := range l.List {
			n.add(l.Name, l.Type, strings.ToLower(strings.TrimSpace(e)))
		}
	}
	return n
}

func (n *naiveLists) add(list, kind, e string) {
	if p, err := netip.ParsePrefix(e); err == nil {
		n.nets[p.Masked()] = append(n.nets[p.Masked()], list)
		n.bits[p.Bits()] = true
		return
	}
	if a, err := netip.ParseAddr(e); err == nil {
		p := netip.PrefixFrom(a, a.BitLen())
		n.nets[p] = append(n.nets[p], list)
		n.bits[p.Bits()] = true
		return
	}
	name := strings.TrimPrefix(e, ".")
	if kind == "hostname" || name != e {
		n.below[name] = append(n.below[name], list)
	}
	n.values[name] = append(n.values[name], list)
}

// naiveTypes are the types of this data that a list is for.
func naiveTypes(attributes []string) []ioc.Type {
	byAttribute := map[string][]ioc.Type{
		"ip-src": {ioc.IP, ioc.IPv6, ioc.CIDR, ioc.IPPort}, "ip-dst": {ioc.IP, ioc.IPv6, ioc.CIDR, ioc.IPPort},
		"ip-src|port": {ioc.IPPort, ioc.IP, ioc.IPv6, ioc.CIDR}, "ip-dst|port": {ioc.IPPort, ioc.IP, ioc.IPv6, ioc.CIDR},
		"domain|ip": {ioc.Domain, ioc.IP, ioc.IPv6}, "domain": {ioc.Domain}, "hostname": {ioc.Domain}, "url": {ioc.URL}, "uri": {ioc.URL, ioc.URLPath},
	}
	var all []ioc.Type
	for _, a := range attributes {
		all = append(all, byAttribute[a]...)
	}
	return all
}

// holders names the lists that hold an observable, in order.
func (n *naiveLists) holders(o ioc.Observable) []string {
	set := map[string]bool{}
	add := func(lists []string) {
		for _, l := range lists {
			if slices.Contains(n.types[l], o.Type) {
				set[l] = true
			}
		}
	}
	switch o.Type {
	case ioc.IP, ioc.IPv6, ioc.IPPort, ioc.CIDR:
		for bits := range n.bits {
			if p, ok := naivePrefix(o, bits); ok {
				add(n.nets[p])
			}
		}
	case ioc.Domain, ioc.URL:
		host := o.Value
		if o.Type == ioc.URL {
			host = naiveHost(o.Value)
		} else {
			add(n.values[host])
		}
		for name := host; name != ""; {
			add(n.below[name])
			_, name, _ = strings.Cut(name, ".")
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// naivePrefix is the network of so many bits that holds o.
func naivePrefix(o ioc.Observable, bits int) (netip.Prefix, bool) {
	value := o.Value
	if o.Type == ioc.CIDR {
		p, err := netip.ParsePrefix(value)
		if err != nil || p.Bits() < bits {
			return p, false
		}
		value = p.Addr().String()
	}
	if ap, err := netip.ParseAddrPort(value); err == nil {
		value = ap.Addr().String()
	}
	a, err := netip.ParseAddr(value)
	if err != nil || bits > a.BitLen() {
		return netip.Prefix{}, false
	}
	p, err := a.Prefix(bits)
	return p, err == nil
}

func naiveHost(url string) string {
	_, rest, ok := strings.Cut(url, "://")
	if !ok {
		rest = url
	}
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, ":")
	return host
}
