package enrich

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
)

func hitOf(t ioc.Type, score uint8, direction, outcome string) *ioc.Hit {
	return &ioc.Hit{Observable: ioc.Observable{Type: t}, Score: ioc.Score{Value: score}, Direction: direction, Outcome: outcome}
}

func TestSeverity(t *testing.T) {
	s := DefaultScoring()
	f := func(h *ioc.Hit, times int, want uint8, level string) {
		t.Helper()
		if got := s.Severity(h, times); got.Value != want || got.Level() != level {
			t.Errorf("severity %d %s, want %d %s: %+v", got.Value, got.Level(), want, level, got)
		}
	}
	f(hitOf(ioc.Domain, 80, ioc.Outbound, ioc.Allowed), 1, 80, "critical")
	f(hitOf(ioc.Domain, 80, ioc.Outbound, ""), 1, 80, "critical")
	f(hitOf(ioc.Domain, 80, ioc.Outbound, ioc.Blocked), 1, 56, "medium")
	f(hitOf(ioc.Domain, 80, ioc.Inbound, ioc.Allowed), 1, 56, "medium")
	f(hitOf(ioc.Domain, 80, ioc.Inbound, ioc.Blocked), 1, 16, "info")
	f(hitOf(ioc.Domain, 80, ioc.Inbound, ioc.Blocked), 1000, 16, "info")
	f(hitOf(ioc.Domain, 80, ioc.Internal, ""), 1, 64, "high")
	f(hitOf(ioc.Domain, 80, ioc.Internal, ioc.Blocked), 1, 40, "medium")
	f(hitOf(ioc.Domain, 80, "", ""), 1, 64, "high")
	f(hitOf(ioc.Domain, 80, "", ioc.Allowed), 1, 64, "high")
	f(hitOf(ioc.Domain, 80, "", ioc.Blocked), 1, 32, "low")
	f(hitOf(ioc.IP, 80, ioc.Outbound, ioc.Allowed), 0, 72, "high")
	f(hitOf(ioc.IP, 80, ioc.Outbound, ioc.Allowed), 2, 79, "high")
	f(hitOf(ioc.CIDR, 80, ioc.Outbound, ioc.Allowed), 1, 56, "medium")
	f(hitOf(ioc.Domain, 80, ioc.Outbound, ioc.Allowed), 4, 96, "critical")
	f(hitOf(ioc.Domain, 80, ioc.Outbound, ioc.Allowed), 8, 100, "critical")
	f(hitOf(ioc.Domain, 50, ioc.Outbound, ioc.Allowed), 1<<40, 65, "high")
	f(hitOf(ioc.Domain, 0, ioc.Outbound, ioc.Allowed), 9, 0, "info")
}

// TestSeverityOrder: at an equal score, what got out matters more than what came
// in, and that more than what was refused; for every type and score.
func TestSeverityOrder(t *testing.T) {
	s := DefaultScoring()
	for _, row := range ioc.Types() {
		for score := range uint8(101) {
			for _, n := range []int{1, 3, 1000} {
				of := func(direction, outcome string) ioc.Severity {
					return s.Severity(hitOf(row.Type, score, direction, outcome), n)
				}
				out, in, scan := of(ioc.Outbound, ioc.Allowed), of(ioc.Inbound, ioc.Allowed), of(ioc.Inbound, ioc.Blocked)
				if out.Value < in.Value || in.Value < scan.Value || score >= 10 && (out.Value == in.Value || in.Value == scan.Value) {
					t.Fatalf("%s, score %d, %d times: %d, %d, %d", row.Type, score, n, out.Value, in.Value, scan.Value)
				}
			}
		}
	}
}

func TestAlert(t *testing.T) {
	s := DefaultScoring()
	f := func(score, severity uint8, want bool) {
		t.Helper()
		if got := s.Alert(&ioc.Hit{Score: ioc.Score{Value: score}, Severity: ioc.Severity{Value: severity}}); got != want {
			t.Errorf("score %d, severity %d: alert %v", score, severity, got)
		}
	}
	f(30, 20, true)
	f(29, 100, false)
	f(100, 19, false)
	s.MinScore, s.MinSeverity = 0, "critical"
	f(0, 80, true)
	f(100, 79, false)
	s.MinSeverity = "info"
	f(0, 0, true)
}

func TestExplain(t *testing.T) {
	s := DefaultScoring()
	s.FeedReliability = map[string]float64{"otx": 0.85}
	claims := threeClaims()
	claims[2].Provider, claims[1].Provider = "cert-a", "cert-a"
	hash := claimOf("sand", 90, jan)
	hash.Type = ioc.MD5
	f := func(claims []ioc.Indicator, a *ioc.Arming, at time.Time, want ...string) {
		t.Helper()
		score := s.Score(claims, a, at)
		if d := cmp.Diff(want, ExplainScore(&score, a)); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
	}
	f(claims, &ioc.Arming{Marks: ioc.Marks{True: 1, False: 2}, By: ioc.ByPerson, Why: "armed by bob", Lists: []ioc.ListMatch{lowering, disarming}}, mar.Add(120*day+time.Minute),
		"otx: confidence 70 (it says none itself) × reliability 0.85 × age 0.78 (120 days outside of the time in which it was reported, half-life 180 days) = 46; 4 publishers raise it to 61",
		"misp: confidence 80 × reliability 1 × age 0.74 (148 days outside of the time in which it was reported, half-life 180 days) = 59; 3 publishers raise it to 71",
		"list: confidence 60 × reliability 1 (has no date, so no age) = 60; does not count: the same provider says as much through another feed",
		"all claims together: 89",
		"marked as a true positive once: raised to 94",
		"marked as a false positive 2 times: × 0.25",
		`on the list "Shared hosting" (host.example): lowers the score`,
		"lists leave 0.5 of it",
		"armed by bob",
		`on the list "List of RFC 1918 CIDR blocks" (10.0.0.0/8), but armed`)
	f(claims[2:], nil, mar, "list: confidence 60 × reliability 1 (has no date, so no age) = 60")
	f(claims[1:2], nil, jan.Add(-time.Hour),
		"misp: confidence 80 × reliability 1 × age 1 (1 hour outside of the time in which it was reported, half-life 180 days) = 80; 3 publishers raise it to 89")
	f(claims[1:2], nil, jan.Add(-time.Minute),
		"misp: confidence 80 × reliability 1 × age 1 (less than an hour outside of the time in which it was reported, half-life 180 days) = 80; 3 publishers raise it to 89")
	f([]ioc.Indicator{hash}, &ioc.Arming{Disarmed: true, By: ioc.ByList, Why: onList(&disarming), Lists: []ioc.ListMatch{disarming}}, mar,
		"sand: confidence 90 × reliability 1 (does not age) = 90", `not armed: on the list "List of RFC 1918 CIDR blocks" (10.0.0.0/8)`)
	f(nil, nil, mar)
}

func TestExplainSeverity(t *testing.T) {
	s := DefaultScoring()
	f := func(h *ioc.Hit, times int, want string) {
		t.Helper()
		if got := ExplainSeverity(s.Severity(h, times), h); got != want || strings.ContainsAny(got, "\n") {
			t.Errorf("%q, want %q", got, want)
		}
	}
	f(hitOf(ioc.IP, 72, ioc.Inbound, ioc.Allowed), 2, "score 72 × event 0.7 (inbound, allowed) × type 0.9 (ip) × repetition 1.1 (2 times) = 50: medium")
	f(hitOf(ioc.Domain, 72, "", ioc.Blocked), 1, "score 72 × event 0.4 (direction not known, blocked) × type 1 (domain) × repetition 1 (once) = 29: low")
	f(hitOf(ioc.Domain, 72, "", ""), 1, "score 72 × event 0.8 (direction not known) × type 1 (domain) × repetition 1 (once) = 58: medium")
}
