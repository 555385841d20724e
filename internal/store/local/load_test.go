package local

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
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

// TestLoad loads reports of 100 members each and says what that takes.
// IOCHUNT_LOAD is the number of members, 20,000 when it is not set.
func TestLoad(t *testing.T) {
	n := 20_000
	if v := os.Getenv("IOCHUNT_LOAD"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, t.TempDir())
	step := func(what string, f func()) {
		t.Helper()
		start := time.Now()
		f()
		size, err := s.Size()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%-34s %7.2f s, %6.1f MB on disk, peak %s", what, time.Since(start).Seconds(), float64(size)/1e6, peak())
	}
	load := func(revision string) (c ioc.Changes) {
		t.Helper()
		for r := 0; r < n/100; r += 50 {
			d, err := s.PutBatch(t.Context(), "otx", generated(r, min(r+50, n/100), revision))
			if err != nil {
				t.Fatal(err)
			}
			c.Add(d)
		}
		return c
	}
	expect := func(got, want ioc.Changes) {
		t.Helper()
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	step("generate", func() {
		for r := 0; r < n/100; r += 50 {
			generated(r, min(r+50, n/100), "a")
		}
	})
	step("load", func() { expect(load("a"), ioc.Changes{New: n, Observables: n}) })
	step("same revisions", func() { expect(load("a"), ioc.Changes{Unchanged: n}) })
	scan := func(what string, f ioc.Filter, want int) {
		t.Helper()
		step(what, func() {
			got := 0
			for _, err := range s.Observables(t.Context(), f) {
				if err != nil {
					t.Fatal(err)
				}
				got++
			}
			if got != want {
				t.Errorf("%s: got %d, want %d", what, got, want)
			}
		})
	}
	scan("all observables", ioc.Filter{}, n)
	scan("those of the feed", ioc.Filter{Feeds: []string{"otx"}}, n)
	scan("those armed since the last batch", ioc.Filter{ArmedSince: uint64((n/100+49)/50 - 1)}, min(n, 5000))
	step("10,000 look-ups", func() {
		for k := range 10_000 {
			o := generatedMember("", k*7919%(2*n), time.Time{}).Observable
			if _, err := s.Lookup(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	})
	step("new revisions, same members", func() { expect(load("b"), ioc.Changes{Unchanged: n}) })
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
