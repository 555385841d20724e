package enrich

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// fakeLists answers the same for everything.
type fakeLists []ioc.ListMatch

func (l fakeLists) Find(dst []ioc.ListMatch, _ ioc.Observable) []ioc.ListMatch {
	return append(dst, l...)
}

var (
	lowering  = ioc.ListMatch{List: "Shared hosting", Entry: "host.example", Match: ioc.MatchBelow, Lowers: true}
	disarming = ioc.ListMatch{List: "List of RFC 1918 CIDR blocks", Entry: "10.0.0.0/8", Match: ioc.MatchWithin}
)

func rules(t testing.TB, o RuleOptions) *Rules {
	t.Helper()
	r, err := NewRules(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func decision(source, verdict string) ioc.Decision {
	return ioc.Decision{Source: source, Verdict: verdict, Why: "our scanner", By: "alice", At: time.Date(2026, 11, 20, 23, 0, 0, 0, time.UTC)}
}

// TestJudgePrecedence takes the rules that speak away, the strongest first, and
// expects the next one to decide each time.
func TestJudgePrecedence(t *testing.T) {
	o := ioc.Observable{Type: ioc.CIDR, Value: "10.0.0.0/8"}
	opt := RuleOptions{
		Lists: fakeLists{lowering, disarming},
		Deny:  []string{"10.0.0.0/8"}, Allow: []string{"10.0.0.0/8"}, Own: []string{"10.0.0.0/8"},
		FalsePositives: 3, BroadestIPv4: 9,
	}
	facts := ioc.Facts{
		Decisions: []ioc.Decision{decision("otx", ioc.Disarm), decision(ioc.SourcePerson, ioc.Arm)},
		Marks:     ioc.Marks{True: 1, False: 4},
	}
	f := func(by string, disarmed bool, why string) {
		t.Helper()
		want := ioc.Arming{By: by, Disarmed: disarmed, Why: why, Marks: facts.Marks}
		if opt.Lists != nil {
			want.Lists = opt.Lists.(fakeLists)
		}
		if d := cmp.Diff(want, rules(t, opt).Judge(o, facts)); d != "" {
			t.Errorf("Judge (-want +got)\n%s", d)
		}
	}
	f(ioc.ByPerson, false, `armed by alice on 2026-11-20: "our scanner"`)
	facts.Decisions[1].Verdict = ioc.Disarm
	f(ioc.ByPerson, true, `disarmed by alice on 2026-11-20: "our scanner"`)
	facts.Decisions[1].Verdict = "" // taken back
	f(ioc.ByDeny, false, "on the deny list (10.0.0.0/8)")
	opt.Deny = nil
	f(ioc.ByAllow, true, "on the allow list (10.0.0.0/8)")
	opt.Allow = nil
	f(ioc.ByOwn, true, "one of our own hosts (10.0.0.0/8)")
	opt.Own = nil
	f(ioc.ByFeedback, true, "marked as a false positive 4 times, as a true one once")
	facts.Marks.False = 3 // two more than true ones
	f(ioc.ByService, true, `disarmed by otx on 2026-11-20: "our scanner"`)
	facts.Decisions = append(facts.Decisions, decision("sandbox", ioc.Arm))
	f(ioc.ByService, false, `armed by sandbox on 2026-11-20: "our scanner"`)
	facts.Decisions = nil
	f(ioc.ByBreadth, true, "IPv4 network of 8 bits: wider than the widest that is hunted, /9")
	opt.BroadestIPv4 = 8
	f(ioc.ByList, true, `on the list "List of RFC 1918 CIDR blocks" (10.0.0.0/8)`)
	opt.Lists = fakeLists{lowering}
	f("", false, "")
	opt.Lists = nil
	f("", false, "")
}

func TestJudgeFeedbackNever(t *testing.T) {
	a := rules(t, RuleOptions{}).Judge(ioc.Observable{Type: ioc.Domain, Value: "evil.example"}, ioc.Facts{Marks: ioc.Marks{False: 1000}})
	if a.Disarmed || a.Marks.False != 1000 {
		t.Errorf("FalsePositives 0 means never; got %+v", a)
	}
	a = rules(t, DefaultRules()).Judge(ioc.Observable{Type: ioc.Domain, Value: "evil.example"}, ioc.Facts{Marks: ioc.Marks{False: 3}})
	if a.By != ioc.ByFeedback || a.Why != "marked as a false positive 3 times" {
		t.Errorf("the default; got %+v", a)
	}
}

// TestJudgeHostileTexts: what comes from outside must not act on a terminal.
func TestJudgeHostileTexts(t *testing.T) {
	m := ioc.ListMatch{List: "a\x1b[2Jb", Entry: "c\x1bd"}
	a := rules(t, RuleOptions{Lists: fakeLists{m}}).Judge(ioc.Observable{Type: ioc.Domain, Value: "evil.example"}, ioc.Facts{})
	d := decision(ioc.SourcePerson, ioc.Disarm)
	d.By, d.Why = "x\x1by", "z\x1b"
	b := rules(t, RuleOptions{}).Judge(ioc.Observable{Type: ioc.Domain, Value: "evil.example"}, ioc.Facts{Decisions: []ioc.Decision{d}})
	if why := a.Why + b.Why; strings.Contains(why, "\x1b") || !strings.Contains(why, "c d") {
		t.Errorf("%q", why)
	}
}

func TestEntriesCover(t *testing.T) {
	f := func(entry string, typ ioc.Type, value string, want bool) {
		t.Helper()
		o, err := canon.Observable(typ, value)
		if err != nil {
			t.Fatal(err)
		}
		a := rules(t, RuleOptions{Allow: []string{"unrelated.example", "203.0.113.99", entry}}).Judge(o, ioc.Facts{})
		if got := a.By == ioc.ByAllow; got != want {
			t.Errorf("%q covers %s %s: %v, want %v", entry, o.Type, o.Value, got, want)
		}
		if wantWhy := "on the allow list (" + entry + ")"; want && a.Why != wantWhy {
			t.Errorf("Why = %q, want %q", a.Why, wantWhy)
		}
	}
	f("192.0.2.1", ioc.IP, "192.0.2.1", true)
	f("192[.]0.2.1", ioc.IP, "192.0.2.1", true)
	f("192.0.2.1", ioc.IPPort, "192.0.2.1:80", true)
	f("192.0.2.1", ioc.CIDR, "192.0.2.1/32", true)
	f("192.0.2.1", ioc.CIDR, "192.0.2.0/24", false)
	f("192.0.2.1", ioc.IP, "192.0.2.10", false)
	f("192.0.2.1", ioc.URL, "http://192.0.2.1:8080/x", true)
	f("192.0.2.1", ioc.URL, "http://192.0.2.2/?u=http://192.0.2.1/", false)
	f("192.0.2.1", ioc.URL, "http://[::ffff:192.0.2.1]/", true)
	f("192.0.2.1:80", ioc.IPPort, "192.0.2.1:80", true)
	f("192.0.2.1:80", ioc.IPPort, "192.0.2.1:81", false)
	f("192.0.2.1:80", ioc.IP, "192.0.2.1", false)
	f("192.0.2.0/24", ioc.IP, "192.0.2.77", true)
	f("192.0.2.77/24", ioc.IPPort, "192.0.2.1:443", true)
	f("192.0.2.0/24", ioc.CIDR, "192.0.2.128/25", true)
	f("192.0.2.0/24", ioc.CIDR, "192.0.2.0/24", true)
	f("192.0.2.0/24", ioc.CIDR, "192.0.0.0/16", false)
	f("192.0.2.0/24", ioc.IPv6, "2001:db8::1", false)
	f("2001:db8::/32", ioc.IPv6, "2001:db8::1", true)
	f("2001:db8::/32", ioc.IPPort, "[2001:db8::1]:80", true)
	f("2001:db8::/32", ioc.URL, "http://[2001:db8::1]/", true)
	f("2001:DB8:0::1", ioc.IPv6, "2001:db8::1", true)
	f("example.com", ioc.Domain, "example.com", true)
	f("Example[.]com.", ioc.Domain, "a.b.example.com", true)
	f("*.example.com", ioc.Domain, "a.example.com", true)
	f("example.com", ioc.Domain, "notexample.com", false)
	f("a.example.com", ioc.Domain, "example.com", false)
	f("example.com", ioc.URL, "https://www.example.com:8443/x?y=z", true)
	f("example.com", ioc.URL, "example.com/x", true)
	f("example.com", ioc.URL, "http://evil.example/?http://example.com/", false)
	f("example.com", ioc.URL, "evil.example/http://example.com/", false)
	f("example.com", ioc.Email, "Bob@mail.example.com", true)
	f("192.0.2.1", ioc.Email, "bob@[192.0.2.1]", true)
	f("bob@example.com", ioc.Email, "bob@example.com", true)
	f("bob@example.com", ioc.Domain, "example.com", false)
	f("http://example.com/x", ioc.URL, "hxxp://EXAMPLE.com:80/x", true)
	f("http://example.com/x", ioc.URL, "http://example.com/xy", false)
	f("D41D8CD98F00B204E9800998ECF8427E", ioc.MD5, "d41d8cd98f00b204e9800998ecf8427e", true)
	f("D41D8CD98F00B204E9800998ECF8427E", ioc.JA3, "d41d8cd98f00b204e9800998ecf8427e", true)
	f("md5:d41d8cd98f00b204e9800998ecf8427e", ioc.JA3, "d41d8cd98f00b204e9800998ecf8427e", false)
	f("file_name: svchost.exe", ioc.FileName, "SvcHost.EXE", true)
	f(`MUTEX:Global\x`, ioc.Mutex, `Global\x`, true)
	f(`mutex:Global\x`, ioc.Mutex, `global\x`, false)
	f("/wp-login.php", ioc.URLPath, "/wp-login.php", true)
	f("CVE-2024-1234", ioc.CVE, "cve-2024-1234", true)
}

func TestOwnHostsOfOneLabel(t *testing.T) {
	r := rules(t, RuleOptions{Own: []string{"Web1", "com", "web2.corp.example", "fe80::1"}})
	f := func(typ ioc.Type, value string, want bool) {
		t.Helper()
		a := r.Judge(ioc.Observable{Type: typ, Value: value}, ioc.Facts{})
		if got := a.By == ioc.ByOwn && a.Disarmed; got != want {
			t.Errorf("%s: own %v, want %v", value, got, want)
		}
	}
	f(ioc.URL, "http://web1/x", true)
	f(ioc.URL, "http://web1.evil.example/x", false)
	f(ioc.URL, "http://evil.web1/x", false)
	f(ioc.Domain, "evil.com", false)
	f(ioc.Domain, "web2.corp.example", true)
	f(ioc.Domain, "web3.corp.example", false)
	f(ioc.IPv6, "fe80::1", true)
}

func TestClosestEntryIsNamed(t *testing.T) {
	r := rules(t, RuleOptions{Allow: []string{"10.0.0.0/8", "10.1.0.0/16", "example.com", "a.example.com"}})
	f := func(typ ioc.Type, value, want string) {
		t.Helper()
		if a := r.Judge(ioc.Observable{Type: typ, Value: value}, ioc.Facts{}); a.Why != "on the allow list ("+want+")" {
			t.Errorf("%s: %q, want %q", value, a.Why, want)
		}
	}
	f(ioc.IP, "10.1.2.3", "10.1.0.0/16")
	f(ioc.IP, "10.2.2.3", "10.0.0.0/8")
	f(ioc.CIDR, "10.1.0.0/15", "10.0.0.0/8")
	f(ioc.Domain, "b.a.example.com", "a.example.com")
}

func TestNewRulesRefuses(t *testing.T) {
	f := func(o RuleOptions, want ...string) {
		t.Helper()
		_, err := NewRules(o)
		if err == nil {
			t.Fatalf("%+v: no error, want one of %q", o, want)
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q does not say %q", err, w)
			}
		}
	}
	f(RuleOptions{Allow: []string{"ok.example", "two words"}}, "allow list", `"two words"`, "white space")
	f(RuleOptions{Deny: []string{""}}, "deny list", `""`, "empty")
	f(RuleOptions{Deny: []string{"co.uk"}}, "deny list", "co.uk", "public suffix")
	f(RuleOptions{Allow: []string{"web1"}}, "web1", "bare label")
	f(RuleOptions{Own: []string{"0.0.0.0/0"}}, "own hosts", "the whole address space")
	f(RuleOptions{Own: []string{"10.0.0.0/33"}}, "10.0.0.0/33", "no such network")
	f(RuleOptions{Own: []string{"md5:xyz"}}, "md5:xyz", "hexadecimal")
	f(RuleOptions{BroadestIPv4: 33}, "broadest_ipv4 is 33")
	f(RuleOptions{BroadestIPv6: -1}, "broadest_ipv6 is -1")
	f(RuleOptions{ShortestText: -1}, "shortest_text")
	f(RuleOptions{FalsePositives: -1}, "false_positives")
}

func TestFingerprint(t *testing.T) {
	base := RuleOptions{Allow: []string{"a.example", "b.example"}, Deny: []string{"c.example"}, Own: []string{"d.example"}}
	same := func(o RuleOptions) {
		t.Helper()
		if rules(t, o).Fingerprint() != rules(t, base).Fingerprint() {
			t.Errorf("%+v has another fingerprint than %+v", o, base)
		}
	}
	same(base)
	same(RuleOptions{Lists: fakeLists{}, Allow: base.Allow, Deny: base.Deny, Own: base.Own})
	same(RuleOptions{Allow: []string{"b.example", "a.example", "b.example"}, Deny: base.Deny, Own: base.Own, BroadestIPv4: 9, BroadestIPv6: 25, ShortestText: 4})
	seen := map[string]bool{rules(t, base).Fingerprint(): true}
	other := func(change func(o *RuleOptions)) {
		t.Helper()
		o := base
		change(&o)
		p := rules(t, o).Fingerprint()
		if seen[p] {
			t.Errorf("%+v has the fingerprint of others", o)
		}
		seen[p] = true
	}
	other(func(o *RuleOptions) { o.ListsSum = 1 })
	other(func(o *RuleOptions) { o.Allow = nil })
	other(func(o *RuleOptions) { o.Allow, o.Deny = o.Deny, o.Allow })
	other(func(o *RuleOptions) { o.Deny, o.Own = append(o.Deny, o.Own...), nil })
	other(func(o *RuleOptions) { o.Own = []string{"e.example"} })
	other(func(o *RuleOptions) { o.FalsePositives = 1 })
	other(func(o *RuleOptions) { o.BroadestIPv4 = 8 })
	other(func(o *RuleOptions) { o.BroadestIPv6 = 8 })
	other(func(o *RuleOptions) { o.ShortestText = 8 })
}

// common are observables that nothing speaks against.
var common = []ioc.Observable{
	{Type: ioc.IP, Value: "198.51.100.7"}, {Type: ioc.IPv6, Value: "2001:db8::7"}, {Type: ioc.CIDR, Value: "198.51.100.0/24"},
	{Type: ioc.IPPort, Value: "198.51.100.7:80"}, {Type: ioc.Domain, Value: "www.evil.co.uk"}, {Type: ioc.URL, Value: "http://www.evil.co.uk:8080/x?y"},
	{Type: ioc.URL, Value: "http://198.51.100.7/x"}, {Type: ioc.Email, Value: "bob@evil.co.uk"}, {Type: ioc.URLPath, Value: "/gate.php"},
	{Type: ioc.MD5, Value: "0123456789abcdef0123456789abcdef"}, {Type: ioc.Mutex, Value: "Global\\evil"}, {Type: ioc.FileName, Value: "evil.exe"},
	{Type: ioc.URL, Value: "http://0x7f.1/"},
}

func fullRules(t testing.TB) *Rules {
	o := DefaultRules()
	o.Lists = fakeLists(nil)
	o.Allow = []string{"10.0.0.0/8", "2001:db8:1::/48", "good.example", "d41d8cd98f00b204e9800998ecf8427e", "file_name:svchost.exe"}
	o.Deny, o.Own = []string{"10.6.6.6", "bad.example"}, []string{"192.168.1.1", "web1", "fe80::1"}
	return rules(t, o)
}

func TestJudgeCommonPathDoesNotAllocate(t *testing.T) {
	r := fullRules(t)
	for _, o := range common {
		if a := r.Judge(o, ioc.Facts{}); !a.IsZero() {
			t.Errorf("%v: %+v", o, a)
		}
		limit := 0.0
		if o.Type == ioc.Domain {
			limit = 3 // the error of netip.ParseAddr, which package publicsuffix asks first, and drops; twice, once of a name that is made for it
		}
		if n := testing.AllocsPerRun(100, func() { r.Judge(o, ioc.Facts{}) }); n > limit {
			t.Errorf("%v: %v allocations", o, n)
		}
	}
}

// FuzzJudge: no entry and no value may make the rules panic, and an entry that
// is taken covers the value that it means.
func FuzzJudge(f *testing.F) {
	f.Add("example.com", "url", "http://[::1")
	f.Add("10.0.0.0/8", "ip_port", ":")
	f.Add("mutex:x", "email", "@")
	f.Add("http://a.example/", "cidr", "/")
	f.Add("::ffff:192.0.2.1/120", "domain", ".")
	f.Fuzz(func(t *testing.T, entry, typ, value string) {
		r, err := NewRules(RuleOptions{Allow: []string{entry}, Own: []string{entry}})
		if err != nil {
			return
		}
		o := ioc.Observable{Type: ioc.Type(typ), Value: value} // need not be canonical
		if d := cmp.Diff(r.Judge(o, ioc.Facts{}), r.Judge(o, ioc.Facts{})); d != "" {
			t.Fatal(d)
		}
		if o, ok := canon.Sniff(entry); ok && !strings.Contains(entry, ":") {
			if a := r.Judge(o, ioc.Facts{}); a.By != ioc.ByAllow {
				t.Fatalf("entry %q does not cover %+v: %+v", entry, o, a)
			}
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	r := fullRules(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Judge(common[i%len(common)], ioc.Facts{})
	}
}
