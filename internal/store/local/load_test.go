package local

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// generated makes the reports from..to of a feed whose reports have 100
// members each, all different, with claims as they are in OTX: most say
// nothing, some have a role or a title, one in fifty expires.
func generated(from, to int, revision string) ioc.Batch {
	var b ioc.Batch
	for r := from; r < to; r++ {
		id := fmt.Sprintf("%024x", r)
		made := time.Date(2024, 1, 1, 0, 0, r, 0, time.UTC)
		b.Reports = append(b.Reports, ioc.ReportList{Start: true, Last: true, Revision: revision + id, Report: ioc.Report{
			ID: id, Name: fmt.Sprintf("Campaign %d against the energy sector", r), Author: "author" + strconv.Itoa(r%50), TLP: "green",
			Description: strings.Repeat("What was seen, where and by whom. ", 10), Tags: []string{"phishing", "apt" + strconv.Itoa(r%40), "loader"},
			References: []string{"https://example.com/reports/" + id}, Techniques: []string{"T1566", "T1059.001"}, Created: made, Modified: made}})
		for k := range 100 {
			b.Members = append(b.Members, generatedMember(id, r*100+k, made))
		}
	}
	b.Next = ioc.Cursor(fmt.Sprintf("%s/%d", revision, to))
	return b
}

func generatedMember(report string, n int, made time.Time) ioc.Member {
	h := sha256.Sum256([]byte(strconv.Itoa(n)))
	x := hex.EncodeToString(h[:])
	m := ioc.Member{Report: report, Claim: ioc.Claim{Created: made}}
	switch n % 10 {
	case 0, 1:
		m.Observable = ioc.Observable{Type: ioc.IP, Value: fmt.Sprintf("%d.%d.%d.%d", n>>16&255|1, n>>8&255, n&255, h[0])}
		m.Role = []string{"", "scanning_host", "command_and_control"}[n%3]
	case 2, 3:
		m.Observable = ioc.Observable{Type: ioc.Domain, Value: x[:7+n%9] + "." + x[20:24] + ".com"}
		m.Declared = "hostname"
	case 4:
		m.Observable = ioc.Observable{Type: ioc.Domain, Value: x[:12] + ".net"}
	case 5:
		m.Observable = ioc.Observable{Type: ioc.URL, Value: "http://" + x[:8] + ".example.org/" + x[10:30]}
	case 6, 7:
		m.Observable = ioc.Observable{Type: ioc.SHA256, Value: x}
		m.Title = []string{"", "", "Trojan:Win32/Agent", "Backdoor.Linux.Mirai"}[n/10%4]
	case 8:
		m.Observable = ioc.Observable{Type: ioc.MD5, Value: x[:32]}
	default:
		m.Observable = ioc.Observable{Type: ioc.SHA1, Value: x[:40]}
	}
	if n%50 == 0 {
		m.Expires = made.AddDate(0, 1, n%28)
	}
	return m
}

// loader measures a store with n memberships.
type loader struct {
	*testing.T
	s *Store
	n int
}

func (l *loader) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// step says what f takes.
func (l *loader) step(what string, f func()) {
	l.Helper()
	start := time.Now()
	f()
	size, err := l.s.Size()
	l.must(err)
	l.Logf("%-34s %7.2f s, %6.1f MB on disk, peak %s", what, time.Since(start).Seconds(), float64(size)/1e6, peak())
}

func (l *loader) load(what, revision string, want ioc.Changes) {
	l.Helper()
	var got ioc.Changes
	l.step(what, func() {
		for r := 0; r < l.n/100; r += 50 {
			c, err := l.s.PutBatch(l.Context(), "otx", generated(r, min(r+50, l.n/100), revision))
			l.must(err)
			got.Add(c)
		}
	})
	l.expect(got, want)
}

func (l *loader) expect(got, want ioc.Changes) {
	l.Helper()
	if got != want {
		l.Errorf("got %+v, want %+v", got, want)
	}
}

func (l *loader) scan(what string, f ioc.Filter, want int) {
	l.Helper()
	got := 0
	l.step(what, func() {
		for _, err := range l.s.Observables(l.Context(), f) {
			l.must(err)
			got++
		}
	})
	if got != want {
		l.Errorf("%s: got %d, want %d", what, got, want)
	}
}

// TestLoad loads reports of 100 members each and says what that and the rest
// takes. IOCHUNT_LOAD is the number of members.
func TestLoad(t *testing.T) {
	l := &loader{t, open(t, t.TempDir()), number(t, "IOCHUNT_LOAD", 20_000)}
	n := l.n
	l.step("generate, contained in each load", func() {
		for r := 0; r < n/100; r += 50 {
			generated(r, min(r+50, n/100), "a")
		}
	})
	l.load("load", "a", ioc.Changes{New: n, Observables: n})
	l.load("same revisions", "a", ioc.Changes{Unchanged: n})
	l.scan("all observables", ioc.Filter{}, n)
	l.scan("those of the feed", ioc.Filter{Feeds: []string{"otx"}}, n)
	l.scan("those armed since the last batch", ioc.Filter{ArmedSince: uint64((n/100+49)/50 - 1)}, min(n, 5000))
	l.step("10,000 look-ups", func() {
		for k := range 10_000 {
			_, err := l.s.Lookup(t.Context(), generatedMember("", k*7919%(2*n), time.Time{}).Observable)
			l.must(err)
		}
	})
	l.judge("judge all", "a", store.Judged{Observables: n, Disarmed: n / 100, NowDisarmed: n / 100})
	l.judge("judge nothing new", "a", store.Judged{})
	l.scan("all armed observables", ioc.Filter{}, n-n/100)
	l.judge("judge by other rules", "b", store.Judged{Observables: n, Disarmed: n / 100, NowArmed: n / 100, NowDisarmed: n / 100})
	l.decideSome()
	l.judge("judge by other rules, with facts", "a", store.Judged{Observables: n, Disarmed: n / 100, NowArmed: n / 100, NowDisarmed: n / 100})
	l.judge("judge by the rules before", "b", store.Judged{Observables: n, Disarmed: n / 100, NowArmed: n / 100, NowDisarmed: n / 100})
	l.step("set state", func() {
		st, err := l.s.SetState(t.Context())
		if l.must(err); st.Huntable != n-n/100 {
			t.Errorf("%+v", st)
		}
	})
	l.step("arming state", func() {
		rules, pending, err := l.s.ArmingState(t.Context())
		if l.must(err); rules != "b" || pending {
			t.Errorf("%q, %v", rules, pending)
		}
	})
	l.step("count", func() {
		c, err := l.s.Count(t.Context(), time.Now())
		if l.must(err); c.Disarmed != n/100 || c.ByRule["list"] != n/100 {
			t.Errorf("%+v", c)
		}
	})
	l.load("new revisions, same members", "b", ioc.Changes{Unchanged: n})
	l.maintain()
}

// decideSome decides about one in a thousand, and marks as many hits.
func (l *loader) decideSome() {
	l.Helper()
	var ds []ioc.Decision
	var hits []ioc.Hit
	for k := 0; k < l.n; k += 1000 {
		o := generatedMember("", k, time.Time{}).Observable
		ds = append(ds, ioc.Decision{Observable: o, Source: "otx", Verdict: ioc.Arm})
		hits = append(hits, ioc.Hit{ID: strconv.Itoa(k), Observable: o, Time: time.Unix(int64(k), 0)})
	}
	_, err := l.s.PutHits(l.Context(), hits)
	l.must(err)
	was := map[ioc.Observable]ioc.Arming{}
	for _, d := range ds {
		was[d.Observable], err = l.s.Arming(l.Context(), d.Observable)
		l.must(err)
	}
	keep := func(o ioc.Observable, _ ioc.Facts) ioc.Arming { return was[o] }
	l.step("decide some", func() { l.must(l.s.Decide(l.Context(), ds, keep)) })
	l.step("mark some", func() {
		_, _, err := l.s.MarkHits(l.Context(), store.HitFilter{}, ioc.Mark{Verdict: ioc.TruePositive}, keep)
		l.must(err)
	})
}

// judge judges by rules that disarm one in a hundred, others under each name.
func (l *loader) judge(what, rules string, want store.Judged) {
	l.Helper()
	var got store.Judged
	l.step(what, func() {
		k := 0
		var err error
		got, err = l.s.Judge(l.Context(), rules, func(o ioc.Observable, _ ioc.Facts) ioc.Arming {
			if k++; k%100 != int(rules[0])%100 {
				return ioc.Arming{}
			}
			return ioc.Arming{Disarmed: true, By: ioc.ByList, Lists: []ioc.ListMatch{{List: "list", Entry: o.Value, Match: ioc.MatchExact}}}
		})
		l.must(err)
	})
	if got != want {
		l.Errorf("got %+v, want %+v", got, want)
	}
}

// maintain measures what is done now and then.
func (l *loader) maintain() {
	_, err := l.s.PutBatch(l.Context(), "other", generated(0, 1, "a"))
	l.must(err)
	l.step("feeds", func() {
		feeds, err := l.s.Feeds(l.Context())
		l.must(err)
		if len(feeds) != 2 || feeds[1].Observables != l.n {
			l.Errorf("%+v", feeds)
		}
	})
	l.step("check", func() { l.must(l.s.Check(l.Context())) })
	l.step("backup", func() { l.must(l.s.Backup(l.Context(), filepath.Join(l.TempDir(), "copy"))) })
	l.step("forget", func() {
		c, err := l.s.Forget(l.Context(), "otx")
		l.must(err)
		l.expect(c, ioc.Changes{Withdrawn: l.n})
	})
	l.must(l.s.Check(l.Context()))
}

// number reads a number from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// peak returns the process's largest resident size so far, where the system
// tells it.
func peak() string {
	b, _ := os.ReadFile("/proc/self/status")
	_, rest, ok := strings.Cut(string(b), "VmHWM:")
	if !ok {
		return "unknown"
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}
