package enrich

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/iochunt/iochunt/internal/ioc"
)

var (
	jan = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	feb = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	mar = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
)

var lives = Lifetimes{
	ByType: map[ioc.Type]time.Duration{ioc.IP: 90 * day, ioc.URL: 30 * day},
	ByFeed: map[string]map[ioc.Type]time.Duration{"otx": {ioc.IP: 10 * day, ioc.URL: 0}},
}

func TestApply(t *testing.T) {
	f := func(in ioc.Indicator, want time.Time) {
		t.Helper()
		got := in
		lives.Apply(&got)
		if !got.ValidUntil.Equal(want) {
			t.Errorf("%+v: ends %v, want %v", in, got.ValidUntil, want)
		}
		again := got
		lives.Apply(&again)
		if d := cmp.Diff(got, again); d != "" {
			t.Errorf("not idempotent: %s", d)
		}
	}
	ind := func(feed string, typ ioc.Type, first, last, modified, until time.Time) ioc.Indicator {
		return ioc.Indicator{Observable: ioc.Observable{Type: typ, Value: "x"}, Feed: feed, FirstSeen: first, LastSeen: last, ModifiedAt: modified, ValidUntil: until}
	}
	var none time.Time
	f(ind("a", ioc.IP, jan, feb, mar, none), mar.Add(90*day))
	f(ind("a", ioc.IP, jan, mar, feb, none), mar.Add(90*day))
	f(ind("a", ioc.IP, jan, none, none, none), jan.Add(90*day))
	f(ind("a", ioc.IP, jan, feb, mar, feb), feb) // the feed's own end
	f(ind("a", ioc.IP, none, none, none, none), none)
	f(ind("a", ioc.MD5, jan, feb, mar, none), none)
	f(ind("otx", ioc.IP, jan, none, none, none), jan.Add(10*day))
	f(ind("otx", ioc.URL, jan, none, none, none), none)
	f(ind("a", ioc.IP, time.Date(9999, 12, 1, 0, 0, 0, 0, time.UTC), none, none, none), none)
}

func TestGrown(t *testing.T) {
	type m = map[ioc.Type]time.Duration
	f := func(before, now Lifetimes, want ...ioc.Type) {
		t.Helper()
		if d := cmp.Diff(want, Grown(before, now), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("Grown(%+v, %+v) (-want +got)\n%s", before, now, d)
		}
	}
	byType := func(t m) Lifetimes { return Lifetimes{ByType: t} }
	byFeed := func(t, otx m) Lifetimes {
		return Lifetimes{ByType: t, ByFeed: map[string]map[ioc.Type]time.Duration{"otx": otx}}
	}
	f(Lifetimes{}, Lifetimes{})
	f(lives, lives)
	f(byType(m{ioc.IP: 1, ioc.URL: 5}), byType(m{ioc.IP: 2, ioc.URL: 4}), ioc.IP)
	f(byType(m{ioc.IP: 1, ioc.URL: 1, ioc.MD5: 1}), byType(m{ioc.MD5: 1, ioc.URL: 0}), ioc.IP, ioc.URL) // now for ever
	f(byType(nil), byType(m{ioc.IP: 1}))                                                                // was for ever
	f(byType(m{ioc.IP: 0}), byType(m{ioc.IP: 1}))
	f(byFeed(m{ioc.IP: 5}, m{ioc.IP: 1}), byFeed(m{ioc.IP: 5}, m{ioc.IP: 2}), ioc.IP)
	f(byFeed(m{ioc.IP: 5}, m{ioc.IP: 1}), byType(m{ioc.IP: 5}), ioc.IP)               // the override went
	f(byFeed(m{ioc.IP: 1}, m{ioc.IP: 9}), byFeed(m{ioc.IP: 5}, m{ioc.IP: 9}), ioc.IP) // other feeds
	f(byType(m{ioc.IP: 5}), byFeed(m{ioc.IP: 5}, m{ioc.IP: 1}))
	f(byType(nil), byFeed(nil, m{ioc.IP: 1}))
}

func TestEncodeLifetimes(t *testing.T) {
	f := func(l Lifetimes, want string) {
		t.Helper()
		text := EncodeLifetimes(l)
		if text != want {
			t.Errorf("Encode = %s, want %s", text, want)
		}
		back, err := DecodeLifetimes(text)
		if d := cmp.Diff(l, back, cmpopts.EquateEmpty()); d != "" || err != nil {
			t.Errorf("Decode(%s): %v (-want +got)\n%s", text, err, d)
		}
	}
	f(Lifetimes{}, "{}")
	f(Lifetimes{ByType: map[ioc.Type]time.Duration{ioc.URL: 2, ioc.IP: 1}, ByFeed: map[string]map[ioc.Type]time.Duration{"a\nb": {ioc.IP: 0}}},
		`{"by_type":{"ip":1,"url":2},"by_feed":{"a\nb":{"ip":0}}}`)
	if l, err := DecodeLifetimes(""); err != nil || l.ByType != nil || l.ByFeed != nil {
		t.Errorf("an empty text: %+v, %v", l, err)
	}
	if _, err := DecodeLifetimes("no"); err == nil {
		t.Error("rubbish is no lifetimes")
	}
}

func TestLifetimesCheck(t *testing.T) {
	f := func(l Lifetimes, want string) {
		t.Helper()
		switch err := l.Check(); {
		case err == nil && want != "", err != nil && err.Error() != want:
			t.Errorf("Check(%+v) = %v, want %q", l, err, want)
		}
	}
	f(lives, "")
	f(Lifetimes{}, "")
	f(Lifetimes{ByType: map[ioc.Type]time.Duration{"ipx": 1}}, `lifetime: there is no type "ipx"`)
	f(Lifetimes{ByFeed: map[string]map[ioc.Type]time.Duration{"otx": {ioc.IP: -time.Hour}}},
		"lifetime of feed otx: ip is -1h0m0s: it must not be negative; 0 is for ever")
}

func FuzzDecodeLifetimes(f *testing.F) {
	f.Add("")
	f.Add("{}")
	f.Add(EncodeLifetimes(lives))
	f.Add(`{"by_type":{"ip":1e99}}`)
	f.Fuzz(func(t *testing.T, text string) {
		l, err := DecodeLifetimes(text)
		if err != nil {
			return
		}
		again, err := DecodeLifetimes(EncodeLifetimes(l))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(l, again, cmpopts.EquateEmpty()); d != "" {
			t.Fatal(d)
		}
		if g := Grown(l, again); g != nil {
			t.Fatalf("grown without a change: %v", g)
		}
	})
}
