package otxtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sdk runs calls of the official Python SDK against a server. The fake has to
// satisfy it: it is the one client known to work with the service itself.
type sdk struct {
	t      *testing.T
	s      *Server
	python string
	orders map[string]any
}

// said is one line of the driver.
type said struct {
	Call   string
	Result json.RawMessage
	Error  string
	Text   string
}

func newSDK(t *testing.T, s *Server) *sdk {
	t.Helper()
	python := os.Getenv("IOCHUNT_SDK_PYTHON")
	if python == "" {
		t.Skip("IOCHUNT_SDK_PYTHON does not name a Python that has the OTX SDK; scripts/otx-sdk makes one and prints its path")
	}
	start := s.account.Start
	return &sdk{t, s, python, map[string]any{"url": s.URL(), "key": s.Key, "ca": nil, "since": start.Format("2006-01-02T15:04:05"),
		"pulse": s.ID(1), "user": "AlienVault", "ip": "192.0.2.1", "link": "http://a.example/x?y=1"}}
}

// run makes one process do the calls, and returns what came of each.
func (k *sdk) run(calls ...string) map[string]said {
	k.t.Helper()
	in, err := json.Marshal(k.orders)
	if err != nil {
		k.t.Fatal(err)
	}
	cmd := exec.CommandContext(k.t.Context(), k.python, append([]string{"-W", "ignore", filepath.Join("testdata", "sdk_driver.py")}, calls...)...)
	cmd.Stdin = bytes.NewReader(in)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		k.t.Fatalf("%v\n%s", err, errs.Bytes())
	}
	all := map[string]said{}
	sc := bufio.NewScanner(bytes.NewReader(out))
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var line said
		decode(k.t, sc.Bytes(), &line)
		all[line.Call] = line
	}
	if len(all) != len(calls) {
		k.t.Fatalf("%d answers to %d calls", len(all), len(calls))
	}
	return all
}

// result returns what a call that went well returned.
func result[T any](t *testing.T, all map[string]said, call string) (v T) {
	t.Helper()
	if all[call].Error != "" {
		t.Fatalf("%s: %s %s", call, all[call].Error, all[call].Text)
	}
	decode(t, all[call].Result, &v)
	return v
}

func same[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s:\n%.1500s", what, d)
	}
}

// sdkAccount has every size of page, cut lists, inactive entries, pulses of
// others and the types that the SDK does not know.
var sdkAccount = Account{Pulses: 320, IndicatorsPerPulse: 100, OtherPulses: 30, MoreIndicatorsEvery: 7, InactiveEvery: 2, Seed: 3}

// The SDK reads all pulses and indicators, and they are those of Truth.
func TestSDKReadsEverything(t *testing.T) {
	s := started(t, sdkAccount)
	all := newSDK(t, s).run("getall", "getall_limit", "getall_iter")
	var want [][]string
	for f := range s.Truth() {
		exp := ""
		if !f.Expiration.IsZero() {
			exp = f.Expiration.Format("2006-01-02T15:04:05")
		}
		want = append(want, []string{f.Pulse, f.Type, f.Value, exp})
	}
	got := result[[][]string](t, all, "getall")
	if len(got) != 32_000 {
		t.Errorf("%d indicators, want 32000", len(got))
	}
	slices.SortFunc(want, slices.Compare)
	slices.SortFunc(got, slices.Compare)
	same(t, "getall and Truth", want, got)
	ids := feedIDs(s)
	same(t, "getall(limit=7)", ids, result[[]string](t, all, "getall_limit"))
	same(t, "getall_iter(limit=1000)", ids, result[[]string](t, all, "getall_iter"))
}

func feedIDs(s *Server) (ids []string) {
	for p := range s.Pulses() {
		ids = append(ids, p.ID)
	}
	return ids
}

// Every other call of a reader gives what it should.
func TestSDKCalls(t *testing.T) {
	a := sdkAccount
	a.Pulses, a.IndicatorsPerPulse = 60, 25
	a.Extra = []Pulse{{Name: "with a link", Modified: time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC), Indicators: []Indicator{{Type: "IPv4", Value: "192.0.2.1"}, {Type: "URL", Value: "http://a.example/x?y=1"}}}}
	s := started(t, a)
	k := newSDK(t, s)
	pulses := slices.Collect(s.Pulses())
	mid := pulses[40]
	k.orders["since"], k.orders["pulse"] = mid.Modified.Format("2006-01-02T15:04:05.000000"), mid.ID
	all := k.run("getall_max_page", "getall_author", "getsince", "getsince_aware", "get_all_indicators", "get_all_indicators_ip", "get_pulse_details",
		"get_pulse_indicators", "get_pulse_indicators_inactive", "get_user_pulses", "search_pulses", "get_user", "get_user_detailed", "validate")
	ids := feedIDs(s)
	same(t, "max_page", ids[:14], result[[]string](t, all, "getall_max_page"))
	since := 0
	for since < len(pulses) && !pulses[since].Modified.Before(mid.Modified) {
		since++
	}
	same(t, "getsince", ids[:since], result[[]string](t, all, "getsince"))
	same(t, "getsince with a zone", ids[:since], result[[]string](t, all, "getsince_aware"))
	var byAuthor []string
	for _, p := range pulses {
		if p.Author == "AlienVault" {
			byAuthor = append(byAuthor, p.ID)
		}
	}
	same(t, "author_name", byAuthor, result[[]string](t, all, "getall_author"))
	same(t, "get_user_pulses", byAuthor, result[[]string](t, all, "get_user_pulses"))
	sdkIndicators(t, all, pulses)
	sdkPulse(t, all, mid)
	same(t, "validate", "bad.example", result[map[string]string](t, all, "validate")["indicator"])
	same(t, "get_user", "demo", result[struct{ Username string }](t, all, "get_user").Username)
	same(t, "get_user(detailed)", "AlienVault", result[struct{ Username string }](t, all, "get_user_detailed").Username)
	search := result[struct {
		Results []page
		Count   int
		Exact   string `json:"exact_match"`
	}](t, all, "search_pulses")
	if len(search.Results) != 40 || search.Count != 90 {
		t.Errorf("search_pulses: %d of %d, want 40 of 90", len(search.Results), search.Count)
	}
}

// sdkIndicators compares what the SDK takes from embedded lists: it leaves out
// the types that it does not know, and what is cut.
func sdkIndicators(t *testing.T, all map[string]said, pulses []Pulse) {
	t.Helper()
	unknown := []string{"YARA", "JA3", "JARM", "SSLCertFingerprint", "BitcoinAddress", "osquery", "NIDS", UnknownType}
	var want, ips [][]string
	for _, p := range pulses {
		n := 0
		for _, i := range p.Indicators {
			if i.Inactive || p.Embedded > 0 && n == p.Embedded {
				continue
			}
			n++
			if !slices.Contains(unknown, i.Type) {
				want = append(want, []string{i.Type, i.Value})
			}
			if i.Type == "IPv4" {
				ips = append(ips, []string{i.Type, i.Value})
			}
		}
	}
	same(t, "get_all_indicators", want, result[[][]string](t, all, "get_all_indicators"))
	same(t, "get_all_indicators(IPv4)", ips, result[[][]string](t, all, "get_all_indicators_ip"))
}

func sdkPulse(t *testing.T, all map[string]said, p Pulse) {
	t.Helper()
	got := result[struct {
		ID, Name string
		Public   bool
		Families []struct{ Display_name string } `json:"malware_families"`
	}](t, all, "get_pulse_details")
	if got.ID != p.ID || got.Name != p.Name || !got.Public || len(got.Families) != len(p.Families) {
		t.Errorf("get_pulse_details: %+v, want %+v", got, p)
	}
	var active, every [][]string
	for _, i := range p.Indicators {
		every = append(every, []string{i.Type, i.Value})
		if !i.Inactive {
			active = append(active, []string{i.Type, i.Value})
		}
	}
	same(t, "get_pulse_indicators", active, result[[][]string](t, all, "get_pulse_indicators"))
	same(t, "get_pulse_indicators(inactive)", every, result[[][]string](t, all, "get_pulse_indicators_inactive"))
}

func TestSDKDetails(t *testing.T) {
	a := Account{Extra: []Pulse{{Indicators: []Indicator{{Type: "IPv4", Value: "192.0.2.1"}, {Type: "URL", Value: "http://a.example/x?y=1"}}}}}
	s := started(t, a)
	all := newSDK(t, s).run("details_ip", "details_domain", "details_file", "details_cve", "details_url")
	count := func(call, section string) {
		t.Helper()
		type general struct {
			Info struct{ Count int } `json:"pulse_info"`
		}
		g := general{}
		want := 1
		switch section {
		case "":
			g = result[general](t, all, call)
		default:
			g = result[map[string]general](t, all, call)[section]
		}
		if call != "details_ip" && call != "details_url" {
			want = 0
		}
		if g.Info.Count != want {
			t.Errorf("%s: %d pulses, want %d", call, g.Info.Count, want)
		}
	}
	count("details_ip", "general")
	count("details_domain", "general")
	count("details_file", "")
	count("details_cve", "")
	count("details_url", "")
	sections := result[map[string]any](t, all, "details_ip")
	if len(sections) != 6 {
		t.Errorf("%d sections, want 6: %v", len(sections), sections)
	}
}

// Deletions and subscriptions show in the events, read here one a page.
func TestSDKEvents(t *testing.T) {
	s := started(t, Account{Pulses: 10})
	k := newSDK(t, s)
	gone := s.ID(2)
	if err := s.Delete(gone); err != nil {
		t.Fatal(err)
	}
	s.Unsubscribe(s.ID(3))
	before := len(feedIDs(s))
	all := k.run("unsubscribe_from_user", "getall_limit", "subscribe_to_user", "getevents_since")
	if n := len(result[[]string](t, all, "getall_limit")); n >= before {
		t.Errorf("%d pulses after an author was left, %d before", n, before)
	}
	same(t, "getevents_since", [][]string{{"subscribe", "user", "AlienVault"}, {"unsubscribe", "user", "AlienVault"}, {"unsubscribe", "pulse", s.ID(3)}, {"delete", "pulse", gone}},
		result[[][]string](t, all, "getevents_since"))
}

// The SDK maps refusals to its own exceptions.
func TestSDKErrors(t *testing.T) {
	s := started(t, Account{Pulses: 10})
	k := newSDK(t, s)
	all := k.run("wrong_key", "no_such_pulse", "bad_date", "validate_bad", "details_url_raw")
	f := func(call, class, text string) {
		t.Helper()
		if got := all[call]; got.Error != class || !strings.Contains(got.Text, text) {
			t.Errorf("%s: %s %s, want %s %s", call, got.Error, got.Text, class, text)
		}
	}
	f("wrong_key", "InvalidAPIKey", "Invalid API Key")
	f("no_such_pulse", "NotFound", "Not Found")
	f("bad_date", "BadRequest", "modified_since")
	f("validate_bad", "BadRequest", "indicator")
	f("details_url_raw", "NotFound", "Not Found")
	s.Fault(Fault{Path: "/pulses/subscribed", Do: Gateway(504)})
	all = k.run("getall")
	f("getall", "Exception", "504") // over http the SDK does not try again
}

// Over https it does, on the statuses that it lists.
func TestSDKRetries(t *testing.T) {
	s := New(Account{Pulses: 30, IndicatorsPerPulse: 2})
	k := newSDK(t, s)
	if err := s.StartTLS(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, s.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	k.orders["url"], k.orders["ca"] = s.URL(), ca
	s.Fault(Fault{Path: "/pulses/subscribed", Page: 2, Times: 2, Do: Gateway(504)}, Fault{Path: "/pulses/subscribed", Page: 3, Times: 1, Do: Refuse(429, DetailThrottled, "1")})
	all := k.run("getall_limit")
	same(t, "getall over faults", feedIDs(s), result[[]string](t, all, "getall_limit"))
	if n := len(s.Requests()); n != 5+3 {
		t.Errorf("%d requests, want 8", n)
	}
}
