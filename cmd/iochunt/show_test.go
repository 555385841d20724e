package main

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/internal/ioc"
)

func TestShown(t *testing.T) {
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	f(thousands(0), "0")
	f(thousands(999), "999")
	f(thousands(1000), "1,000")
	f(thousands(1234567), "1,234,567")
	f(thousands(-1234), "-1,234")
	f(plural(1, "hit"), "1 hit")
	f(plural(0, "hit"), "0 hits")
	f(plural(2, "match", "matches"), "2 matches")
	f(size(999), "999 B")
	f(size(1000), "1.0 kB")
	f(size(2_500_000_000), "2.5 GB")
	f(shortDuration(1234*time.Microsecond), "1ms")
	f(shortDuration(61*time.Second+300*time.Millisecond), "1m1s")
	now := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	f(ago(now, time.Time{}), "never")
	f(ago(now, now.Add(-30*time.Second)), "just now")
	f(ago(now, now.Add(-5*time.Minute)), "5 min ago")
	f(ago(now, now.Add(-5*time.Hour)), "5 h ago")
	f(ago(now, now.AddDate(0, 0, -5)), "5 days ago")
	f(ago(now, now.Add(time.Hour)), "in the future (2026-11-21T03:00:00Z)")
	f(shorten("héllo", 3), "hél…")
	f(shorten("hé", 3), "hé")
}

func TestExitCodes(t *testing.T) {
	f := func(a, b, want int) {
		t.Helper()
		if got := worse(a, b); got != want {
			t.Errorf("worse(%d, %d) = %d, want %d", a, b, got, want)
		}
	}
	f(exitOK, exitPartial, exitPartial)
	f(exitPartial, exitOK, exitPartial)
	f(exitFailed, exitPartial, exitFailed)
	f(exitFailed, exitAuth, exitAuth)
	wrapped := fmt.Errorf("feed x: %w", collect.ErrAuth)
	if c := collectCode(collect.Result{}, wrapped); c != exitAuth {
		t.Errorf("a wrapped ErrAuth gives %d", c)
	}
	if c := codeOf(nil, errors.New("unknown flag: --x")); c != exitUsage {
		t.Errorf("cobra's complaint gives %d", c)
	}
	if err := quietly(exitOK); err != nil {
		t.Error("0 is no error")
	}
}

func TestSplitStdin(t *testing.T) {
	f := func(in []string, want ...[]string) {
		t.Helper()
		if got := splitStdin(in); !slices.EqualFunc(got, want, slices.Equal[[]string]) {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	f([]string{"-"}, []string{"-"})
	f([]string{"a", "b"}, []string{"a", "b"})
	f([]string{"a", "-", "b", "c"}, []string{"a"}, []string{"-"}, []string{"b", "c"})
	f([]string{"-", "-"}, []string{"-"}, []string{"-"})
}

func TestTyped(t *testing.T) {
	f := func(in string, want ...ioc.Observable) {
		t.Helper()
		got, err := typed(in)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", in, got, err, want)
		}
	}
	f("192.0.2.1", ioc.Observable{Type: ioc.IP, Value: "192.0.2.1"})
	f("Evil[.]Example", ioc.Observable{Type: ioc.Domain, Value: "evil.example"})
	f("Failed password", ioc.Observable{Type: ioc.Text, Value: "Failed password"})
	f("text:192.0.2.1", ioc.Observable{Type: ioc.Text, Value: "192.0.2.1"})
	f("mutex:Global\\x", ioc.Observable{Type: ioc.Mutex, Value: "Global\\x"})
	f("http://evil.example/x", ioc.Observable{Type: ioc.URL, Value: "http://evil.example/x"})
	f("error: disk full", ioc.Observable{Type: ioc.Text, Value: "error: disk full"})
	f("/a/b.php", ioc.Observable{Type: ioc.URLPath, Value: "/a/b.php"}, ioc.Observable{Type: ioc.FilePath, Value: "/a/b.php"})
	for _, bad := range []string{"ip:x", "ip:evil.example", "yara:rule x {}", "domain:"} {
		if o, err := typed(bad); err == nil {
			t.Errorf("%q was taken for %v", bad, o)
		}
	}
}
