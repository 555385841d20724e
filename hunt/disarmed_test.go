package hunt

import (
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

// TestDisarmed: what is not armed raises no hit unless it is asked for, and is
// counted. A claim without a verdict, of a list given to the run, is armed, and
// brings the others with it.
func TestDisarmed(t *testing.T) {
	harmless := &ioc.Arming{Disarmed: true, By: ioc.ByList, Why: "a list"}
	listed := &ioc.Arming{Lists: []ioc.ListMatch{{List: "a list", Lowers: true}}}
	claim := func(a *ioc.Arming) ioc.Indicator { return ioc.Indicator{Feed: "f", Arming: a} }
	ended := claim(nil)
	ended.ValidUntil = noon.AddDate(-1, 0, 0)
	f := func(said []ioc.Indicator, asked bool, hits, disarmed, claims int, want *ioc.Arming) {
		t.Helper()
		var out sink
		o := opts(1)
		o.Disarmed = asked
		sum, err := Scan(t.Context(), logs(text("f", "2026-11-20T10:00:00Z bad bad\nno bad\n")), words{"bad"}, feed{"bad": said}, &out, o)
		if err != nil {
			t.Fatal(err)
		}
		if sum.Hits != hits || len(out.hits) != hits || sum.Records != hits || sum.Disarmed != disarmed || sum.Expired != 0 {
			t.Errorf("%d hits, %+v; want %d hits, %d disarmed", len(out.hits), sum, hits, disarmed)
		}
		for _, h := range out.hits {
			if h.Arming != want || len(h.Indicators) != claims {
				t.Errorf("%+v with %d claims, want %+v with %d", h.Arming, len(h.Indicators), want, claims)
			}
		}
	}
	f([]ioc.Indicator{claim(nil)}, false, 2, 0, 1, nil)
	f([]ioc.Indicator{claim(listed)}, false, 2, 0, 1, listed)
	f([]ioc.Indicator{claim(harmless), claim(harmless)}, false, 0, 2, 0, nil)
	f([]ioc.Indicator{claim(harmless), claim(harmless)}, true, 2, 0, 2, harmless)
	f([]ioc.Indicator{claim(nil), claim(harmless)}, false, 2, 0, 2, harmless)
	f([]ioc.Indicator{claim(harmless), ended}, false, 0, 2, 0, nil) // what speaks for it has ended
}

// TestEvent: direction and outcome are in the words of package ioc, and only of
// a record that was seen whole.
func TestEvent(t *testing.T) {
	f := func(line, direction, outcome string) {
		t.Helper()
		var out sink
		if _, err := Scan(t.Context(), logs(text("f", line+"\n")), words{"192.0.2.7", "10.0.0.5"}, feed{}, &out, opts(1)); err != nil {
			t.Fatal(err)
		}
		if h := out.hits[0]; h.Direction != direction || h.Outcome != outcome {
			t.Errorf("%s: %q %q, want %q %q", line, h.Direction, h.Outcome, direction, outcome)
		}
	}
	pair := `{"@timestamp":"2026-11-20T10:00:00Z","source":{"ip":"%1"},"destination":{"ip":"%2"},"event":{"type":["%3"]}}`
	event := func(src, dst, kind string) string {
		return strings.NewReplacer("%1", src, "%2", dst, "%3", kind).Replace(pair)
	}
	f(event("10.0.0.5", "192.0.2.7", "allowed"), ioc.Outbound, ioc.Allowed)
	f(event("192.0.2.7", "10.0.0.5", "denied"), ioc.Inbound, ioc.Blocked)
	f(event("10.0.0.5", "10.0.0.6", "start"), ioc.Internal, "")
	f("192.0.2.7 and no more", "", "")
	f(event("192.0.2.7", "10.0.0.5", "denied")+strings.Repeat(" ", maxRecord), ioc.Inbound, ioc.Blocked)

	line := event("192.0.2.7", "10.0.0.5", "denied") + "\n"
	l := &list{name: "f", chunks: []Chunk{{Data: []byte(line[:100]), Tail: 10}, {Data: []byte(line[90:]), Offset: 90, Lead: 10}}}
	var out sink
	if _, err := Scan(t.Context(), logs(l), words{"192.0.2.7"}, feed{}, &out, opts(1)); err != nil {
		t.Fatal(err)
	}
	if h := out.hits[0]; h.TimeSource != ioc.TimeRecord || h.Direction != "" || h.Outcome != "" {
		t.Errorf("of a part of a record: %+v", h)
	}
}
