package collect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/collect/collecttest"
	"github.com/iochunt/iochunt/collect/otx/otxtest"
	"github.com/iochunt/iochunt/internal/ioc"
)

// otxOptions decodes as the config does: by the tags, unknown keys are errors.
type otxOptions map[string]any

func (s otxOptions) decode(into any) error {
	v := reflect.ValueOf(into).Elem()
	left := len(s)
	for i := range v.NumField() {
		if x, ok := s[v.Type().Field(i).Tag.Get("mapstructure")]; ok {
			v.Field(i).Set(reflect.ValueOf(x))
			left--
		}
	}
	if left > 0 {
		return errors.New("unknown key")
	}
	return nil
}

func newOTX(t *testing.T, s otxOptions, known collect.Known) collect.Collector {
	t.Helper()
	c, err := collect.New("otx", collect.Options{Feed: "otx", Decode: s.decode, Known: known,
		Now: func() time.Time { return time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fakeOTX(t *testing.T, a otxtest.Account) *otxtest.Server {
	t.Helper()
	s := otxtest.New(a)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestOTXKeepsTheContract(t *testing.T) {
	t.Parallel()
	account := otxtest.Account{Pulses: 40, IndicatorsPerPulse: 6, MoreIndicatorsEvery: 9}
	broken := func(f ...otxtest.Fault) func(t *testing.T) collect.Collector {
		return func(t *testing.T) collect.Collector {
			s := fakeOTX(t, account)
			s.Fault(f...)
			return newOTX(t, otxOptions{"url": s.URL(), "api_key": s.Key, "limit": 10}, nil)
		}
	}
	healthy := fakeOTX(t, account)
	id := healthy.ID(20)
	collecttest.Run(t, collecttest.Subject{
		New: func(t *testing.T) collect.Collector {
			return newOTX(t, otxOptions{"url": healthy.URL(), "api_key": healthy.Key, "limit": 10}, nil)
		},
		Canary: healthy.Key,
		Faults: map[string]func(t *testing.T) collect.Collector{
			"the key is revoked on the way": broken(otxtest.Fault{Skip: 3, Do: otxtest.Forbid()}),
			"400 on the way":                broken(otxtest.Fault{Skip: 3, Do: otxtest.BadRequest("page", "no")}),
			"a pulse nobody can read":       broken(otxtest.Fault{Do: otxtest.Malformed(id)}),
			"a poisoned pulse":              broken(otxtest.Fault{Pulse: id, Path: "/pulses/subscribed", Do: otxtest.Gateway(http.StatusGatewayTimeout)}),
			"pages run in a circle":         broken(otxtest.Fault{Path: "/pulses/subscribed", Do: otxtest.NextRepeats()}),
			"no events":                     broken(otxtest.Fault{Path: "/pulses/events", Do: otxtest.Refuse(http.StatusNotFound, "endpoint not found", "")}),
		},
	})
}

// What a pulse and its indicators become.
func TestOTXMapping(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 2, 22, 9, 43, 18, 855e6, time.UTC)
	old := time.Date(2015, 9, 5, 0, 0, 0, 0, time.UTC)
	in := func(typ, value string) otxtest.Indicator { return otxtest.Indicator{Type: typ, Value: value} }
	s := fakeOTX(t, otxtest.Account{Extra: []otxtest.Pulse{{
		ID: "64e38336d783f91d6948a7b1", Name: "N", Description: "D", Author: "A", Created: at, Modified: at, Revision: 3, TLP: "green", Adversary: "APT",
		Tags: []string{"t"}, References: []string{"r"}, Countries: []string{"Chad"}, Industries: []string{"Energy"}, AttackIDs: []string{"T1059"}, Families: []string{"W"},
		Indicators: []otxtest.Indicator{
			{Type: "IPv4", Value: "192.0.2.1", Title: "ti", Description: "de", Role: "scanning_host", Expiration: old, Created: old},
			{Type: "YARA", Value: "177a", Content: "rule x {}"}, in("hostname", "WWW.Evil[.]com"), in("Url", "hxxp://evil"), in("FileHash-MD5", "ABCD"),
			in("WindowsServiceName", "svc"), {Type: "domain", Value: "gone.example", Inactive: true},
		}}}})
	var reports []ioc.ReportList
	var members []ioc.Member
	for b, err := range newOTX(t, otxOptions{"url": s.URL(), "api_key": s.Key}, nil).Collect(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		reports, members = append(reports, b.Reports...), append(members, b.Members...)
	}
	want := []ioc.ReportList{{Start: true, Last: true, Revision: "2024-02-22T09:43:18.855Z|3", Report: ioc.Report{
		ID: "64e38336d783f91d6948a7b1", Name: "N", Author: "A", Description: "D", Adversary: "APT", TLP: "green",
		URL: "https://otx.alienvault.com/pulse/64e38336d783f91d6948a7b1", Tags: []string{"t"}, References: []string{"r"}, Families: []string{"W"},
		Techniques: []string{"T1059"}, Countries: []string{"Chad"}, Industries: []string{"Energy"}, Created: at, Modified: at}}}
	if d := cmp.Diff(want, reports); d != "" {
		t.Error(d)
	}
	f := func(i int, typ ioc.Type, value, declared string) {
		t.Helper()
		if m := members[i]; m.Type != typ || m.Value != value || m.Declared != declared || m.Report != want[0].ID {
			t.Errorf("%+v", m)
		}
	}
	if len(members) != 6 {
		t.Fatalf("%+v", members)
	}
	f(0, ioc.IP, "192.0.2.1", "IPv4")
	f(1, ioc.YARA, "177a", "YARA")
	f(2, ioc.Domain, "WWW.Evil[.]com", "hostname")
	f(3, ioc.URL, "hxxp://evil", "Url")
	f(4, ioc.MD5, "ABCD", "FileHash-MD5")
	f(5, "windowsservicename", "svc", "WindowsServiceName")
	claim := ioc.Claim{Declared: "IPv4", Role: "scanning_host", Title: "ti", Description: "de", Created: old, Expires: old}
	if d := cmp.Diff(claim, members[0].Claim); d != "" || members[1].Content != "rule x {}" {
		t.Error(d, members[1])
	}
}

func TestOTXSettings(t *testing.T) {
	t.Parallel()
	const key = "c4n4ry-key"
	f := func(s otxOptions, want string, auth bool) {
		t.Helper()
		_, err := collect.New("otx", collect.Options{Feed: "f1", Decode: s.decode})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || errors.Is(err, collect.ErrAuth) != auth {
			t.Errorf("%v: %v, want %q", s, err, want)
		}
		if err != nil && strings.Contains(err.Error(), key) {
			t.Errorf("the key stands in %v", err)
		}
	}
	f(otxOptions{"api_key": key}, "", false)
	f(otxOptions{}, "set OTX_API_KEY", true)
	f(otxOptions{"api_key": key, "limit": 0}, "limit is 0", false)
	f(otxOptions{"api_key": key, "lookback": -time.Hour}, "negative", false)
	f(otxOptions{"api_key": key, "url": "http://otx.example"}, "plain text", false)
	f(otxOptions{"api_key": key + "\n"}, "character", false)
	f(otxOptions{"api_key": key, "lmit": 1}, "unknown key", false)
}

// cursor runs once and returns the last cursor, "" when none came.
func cursor(t *testing.T, c collect.Collector, from ioc.Cursor) (last ioc.Cursor, errs []error) {
	t.Helper()
	for b, err := range c.Collect(t.Context(), from) {
		if err != nil {
			errs = append(errs, err)
		}
		if b.Next != "" {
			last = b.Next
		}
	}
	return last, errs
}

// The first run is bounded by the look-back, later ones by the floor; a
// modification dated in the future does not blind them.
func TestOTXFloor(t *testing.T) {
	t.Parallel()
	at := func(day int) time.Time { return time.Date(2024, 2, day, 12, 0, 0, 5e8, time.UTC) }
	s := fakeOTX(t, otxtest.Account{Extra: []otxtest.Pulse{{Modified: at(1)}, {Modified: at(20)}, {Modified: at(25)},
		{Modified: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)}}})
	c := newOTX(t, otxOptions{"url": s.URL(), "api_key": s.Key, "lookback": 15 * 24 * time.Hour}, nil)
	next, errs := cursor(t, c, "")
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var got struct{ From, Floor time.Time }
	if err := json.Unmarshal([]byte(next), &got); err != nil {
		t.Fatal(err)
	}
	if !got.Floor.Equal(at(25)) || !got.From.Equal(time.Date(2024, 2, 15, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%s", next)
	}
	if again, errs := cursor(t, c, next); len(errs) > 0 || again != next {
		t.Errorf("%v\n%s\n%s", errs, next, again)
	}
	f := func(want string) {
		t.Helper()
		for _, r := range s.Requests() {
			if strings.Contains(r.URI, "/subscribed") && strings.Contains(r.URI, want) {
				return
			}
		}
		t.Errorf("nobody asked for %s", want)
	}
	f("modified_since=2024-02-15T00%3A00%3A00")
	f("modified_since=2024-02-25T11%3A50%3A00")
}

type knownReports []ioc.Report

func (k knownReports) KnownReports(context.Context, string) iter.Seq2[ioc.Report, error] {
	return func(yield func(ioc.Report, error) bool) {
		for _, r := range k {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// A run from the beginning withdraws what the list lacks, but for what is
// older than it reads, and never on the word of an empty list.
func TestOTXFullRunWithdraws(t *testing.T) {
	t.Parallel()
	f := func(pulses int, want []string) {
		t.Helper()
		s := fakeOTX(t, otxtest.Account{Pulses: pulses})
		known := knownReports{{ID: "listed-no-more", Modified: time.Date(2024, 1, 20, 0, 0, 0, 0, time.UTC)},
			{ID: "older", Modified: time.Date(2023, 1, 20, 0, 0, 0, 0, time.UTC)}, {ID: s.ID(0), Modified: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}}
		var gone []string
		for b, err := range newOTX(t, otxOptions{"url": s.URL(), "api_key": s.Key}, known).Collect(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			gone = append(gone, b.Gone...)
		}
		if d := cmp.Diff(want, gone); d != "" {
			t.Error(d)
		}
	}
	f(2, []string{"listed-no-more"})
	f(0, nil)
}

// Refused indicators are told with pulse, type, value and reason.
func TestOTXRefusals(t *testing.T) {
	t.Parallel()
	const id = "64e38336d783f91d6948a7b1"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			fmt.Fprint(w, `{"results":[],"next":null}`)
			return
		}
		fmt.Fprint(w, `{"results":[{"id":"`+id+`","modified":"2024-02-22T09:43:18","indicators":[
			{"indicator":"192.0.2.1","type":"IPv4"},{"indicator":{},"type":"IPv4"},{"id":7,"indicator":"","type":"domain"},{"indicator":"a.example","type":"domain","expiration":"soon"}]}]}`)
	}))
	defer s.Close()
	var refused []ioc.Refusal
	for b, err := range newOTX(t, otxOptions{"url": s.URL, "api_key": "k"}, nil).Collect(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		refused = append(refused, b.Refused...)
	}
	want := []ioc.Refusal{{Report: id, Type: "IPv4", Reason: "where text should be stands an object"},
		{Report: id, Type: "domain", Value: "7", Reason: "it has no value"}, {Report: id, Type: "domain", Value: "a.example", Reason: "its expiration is no date"}}
	if d := cmp.Diff(want, refused); d != "" {
		t.Error(d)
	}
}
