package ioc

import (
	"testing"
	"time"
)

func TestFileHitID(t *testing.T) {
	o := Observable{Domain, "evil.example"}
	base := FileHitID("h", []byte("a line"), 10, o)
	if len(base) != 32 || base != FileHitID("h", []byte("a line"), 10, o) {
		t.Fatalf("not stable: %q", base)
	}
	for name, other := range map[string]string{
		"host":   FileHitID("g", []byte("a line"), 10, o),
		"record": FileHitID("h", []byte("b line"), 10, o),
		"offset": FileHitID("h", []byte("a line"), 11, o),
		"type":   FileHitID("h", []byte("a line"), 10, Observable{URL, "evil.example"}),
		"value":  FileHitID("h", []byte("a line"), 10, Observable{Domain, "evil.example.org"}),
		"cut":    FileHitID("ha", []byte(" line"), 10, o), // the parts are length-prefixed
	} {
		if other == base {
			t.Errorf("%s does not enter the id", name)
		}
	}
}

func TestStricterTLP(t *testing.T) {
	f := func(a, b, want string) {
		t.Helper()
		if got := StricterTLP(a, b); got != want {
			t.Errorf("StricterTLP(%q, %q) = %q, want %q", a, b, got, want)
		}
	}
	f("", "", "")
	f("", "white", "white")
	f("green", "white", "green")
	f("GREEN", "amber", "amber")
	f("amber+strict", "amber", "amber+strict")
	f("red", "amber", "red")
	f("red", "purple", "purple")
}

func TestValidAt(t *testing.T) {
	end := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f := func(until, at time.Time, want bool) {
		t.Helper()
		i := Indicator{ValidUntil: until, FirstSeen: end}
		if got := i.ValidAt(at); got != want {
			t.Errorf("until %v at %v: %v", until, at, got)
		}
	}
	f(time.Time{}, end, true)
	f(end, end.Add(-time.Second), true)
	f(end, end, false)
	f(end, end.AddDate(-9, 0, 0), true) // older than FirstSeen is no reason
}
