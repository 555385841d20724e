package otxtest

import (
	"bytes"
	"encoding/json"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/testdir"
)

// ask sends one request to the handler, with the right key.
func ask(t testing.TB, s *Server, method, target, body string) (int, []byte) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("X-OTX-API-KEY", s.Key)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

func get(t testing.TB, s *Server, path string) (int, []byte) {
	t.Helper()
	return ask(t, s, http.MethodGet, "/api/v1"+path, "")
}

// page is a reader's view, with names written once more: the encoder is held
// against encoding/json.
type page struct {
	Results []struct {
		ID         string `json:"id"`
		Name       string `json:"name"`
		Author     string `json:"author_name"`
		Modified   string `json:"modified"`
		More       bool   `json:"more_indicators"`
		TLP        *string
		Indicators []indicatorJSON `json:"indicators"`
	} `json:"results"`
	Count int     `json:"count"`
	Next  *string `json:"next"`
}

type indicatorJSON struct {
	ID         int64   `json:"id"`
	Indicator  string  `json:"indicator"`
	Type       string  `json:"type"`
	Expiration *string `json:"expiration"`
	IsActive   int     `json:"is_active"`
}

func decode(t testing.TB, body []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%v in %.300s", err, body)
	}
}

// read reads all pages of a list as a simple client does.
func read(t testing.TB, s *Server, path string) (pages []page) {
	t.Helper()
	for next := "/api/v1" + path; ; {
		code, body := ask(t, s, http.MethodGet, next, "")
		if code != http.StatusOK {
			t.Fatalf("%s: %d %s", next, code, body)
		}
		var p page
		decode(t, body, &p)
		pages = append(pages, p)
		if p.Next == nil {
			return pages
		}
		u, err := url.Parse(*p.Next)
		if err != nil {
			t.Fatal(err)
		}
		next = u.RequestURI()
	}
}

func facts(t testing.TB, s *Server, path string) (all []Fact) {
	t.Helper()
	for _, pg := range read(t, s, path) {
		for _, p := range pg.Results {
			list := p.Indicators
			if p.More {
				list = indicatorsOf(t, s, p.ID)
			}
			for _, i := range list {
				f := Fact{Pulse: p.ID, Type: i.Type, Value: i.Indicator}
				if i.Expiration != nil {
					var err error
					if f.Expiration, err = time.Parse("2006-01-02T15:04:05", *i.Expiration); err != nil {
						t.Fatal(err)
					}
				}
				all = append(all, f)
			}
		}
	}
	return all
}

func indicatorsOf(t testing.TB, s *Server, id string) (out []indicatorJSON) {
	t.Helper()
	for n := 1; ; n++ {
		_, body := get(t, s, "/pulses/"+id+"/indicators?limit=7&page="+string(rune('0'+n)))
		var p struct {
			Results []indicatorJSON
			Next    *string
		}
		decode(t, body, &p)
		out = append(out, p.Results...)
		if p.Next == nil {
			return out
		}
	}
}

func sorted(all []Fact) []Fact {
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		return a.Pulse+"\x00"+a.Type+"\x00"+a.Value < b.Pulse+"\x00"+b.Type+"\x00"+b.Value
	})
	return all
}

func collect[T any](seq iter.Seq[T]) []T { return slices.Collect(seq) }

func TestReadAll(t *testing.T) {
	f := func(a Account, path string) {
		t.Helper()
		s := New(a)
		got, want := sorted(facts(t, s, path)), sorted(collect(s.Truth()))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%+v %s:\n%.2000s", a, path, d)
		}
	}
	plain := Account{Pulses: 60, IndicatorsPerPulse: 20, OtherPulses: 13, InactiveEvery: 3}
	f(Account{}, "/pulses/subscribed")
	f(plain, "/pulses/subscribed")
	f(plain, "/pulses/subscribed?limit=7")
	f(plain, "/pulses/subscribed?limit=1&modified_since=2023-01-01T00:00:00")
	f(plain, "/pulses/subscribed?limit=9999")
	f(Account{Pulses: 60, IndicatorsPerPulse: 20, MaxLimit: 8}, "/pulses/subscribed?limit=50")
	f(Account{Pulses: 30, IndicatorsPerPulse: 20, MoreIndicatorsEvery: 4, Embedded: 3, InactiveEvery: 2}, "/pulses/subscribed?limit=7")
	f(Account{Pulses: 30, IndicatorsPerPulse: 5, EmptyPage: 2}, "/pulses/subscribed?limit=7")
	f(Account{Pulses: 30, IndicatorsPerPulse: 5, EmptyPage: 1}, "/pulses/subscribed?limit=7")
	f(Demo(), "/pulses/subscribed?limit=3")
}

// A generated account has distinct values, also when case is put aside, of all
// types, with expirations on both sides of the present and ids over 2^31.
func TestGenerated(t *testing.T) {
	s := New(Account{Pulses: 200, IndicatorsPerPulse: 100, InactiveEvery: 2})
	seen, types, ids := map[string]bool{}, map[string]int{}, map[int64]bool{}
	past, future, never, bigIDs := 0, 0, 0, 0
	present := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for p := range s.Pulses() {
		for _, i := range p.Indicators {
			key := i.Type + "\x00" + strings.ToLower(i.Value)
			if seen[key] || ids[i.ID] {
				t.Fatalf("%s %s comes twice", i.Type, i.Value)
			}
			seen[key], ids[i.ID] = true, true
			types[i.Type]++
			switch {
			case i.Expiration.IsZero():
				never++
			case i.Expiration.Before(present):
				past++
			default:
				future++
			}
			if i.ID > 1<<31 {
				bigIDs++
			}
		}
	}
	if len(types) != len(shares) {
		t.Errorf("%d types, want %d: %v", len(types), len(shares), types)
	}
	if past < 1000 || future < 1000 || never < 1000 || bigIDs != len(ids) {
		t.Errorf("expired %d, to expire %d, never %d, large ids %d of %d", past, future, never, bigIDs, len(ids))
	}
}

// The same recipe gives the same bytes, whatever was asked before.
func TestDeterministic(t *testing.T) {
	a := Account{Pulses: 40, IndicatorsPerPulse: 30, Seed: 9, MoreIndicatorsEvery: 5}
	one, two := New(a), New(a)
	get(t, one, "/pulses/subscribed?limit=3&page=4")
	_, x := get(t, one, "/pulses/subscribed?limit=50")
	_, y := get(t, two, "/pulses/subscribed?limit=50")
	if !bytes.Equal(x, y) {
		t.Error("two servers of one account differ")
	}
	a.Seed++
	if _, z := get(t, New(a), "/pulses/subscribed?limit=50"); bytes.Equal(x, z) {
		t.Error("another seed gives the same")
	}
}

func TestModifiedSince(t *testing.T) {
	s := New(Account{Pulses: 100, IndicatorsPerPulse: 1})
	pulses := collect(s.Pulses())
	f := func(since string, code, want int) {
		t.Helper()
		got, body := get(t, s, "/pulses/subscribed?limit=1000&modified_since="+since)
		var p page
		decode(t, body, &p)
		if got != code || len(p.Results) != want {
			t.Errorf("%s: %d with %d pulses, want %d with %d", since, got, len(p.Results), code, want)
		}
	}
	i := 10 // not the newest, and without a neighbour of the same time
	at := pulses[i].Modified
	f(at.Format("2006-01-02T15:04:05.000000"), 200, i+1) // inclusive
	f(at.Format("2006-01-02T15:04:05.000000")+"Z", 200, i+1)
	f(at.Format("2006-01-02T15:04:05.000000")+"%2B00:00", 200, i+1)
	f(at.In(time.FixedZone("", 3600)).Format("2006-01-02T15:04:05.000000")+"%2B01:00", 200, i+1)
	f(at.Add(time.Microsecond).Format("2006-01-02T15:04:05.000000"), 200, i)
	f("2023-12-31", 200, 100)
	f(at.Format("2006-01-02T15:04:05")+"+00:00", 400, 0) // the plus is a space
	f("yesterday", 400, 0)
}

func TestChanges(t *testing.T) {
	s := New(Account{Pulses: 20, IndicatorsPerPulse: 4, OtherPulses: 5})
	check := func(what string, pulses int, first string) {
		t.Helper()
		feed := read(t, s, "/pulses/subscribed?limit=6")
		n := 0
		for _, p := range feed {
			n += len(p.Results)
		}
		if n != pulses || feed[0].Results[0].ID != first {
			t.Errorf("%s: %d pulses, the first %s; want %d, %s", what, n, feed[0].Results[0].ID, pulses, first)
		}
		if d := cmp.Diff(sorted(collect(s.Truth())), sorted(facts(t, s, "/pulses/subscribed"))); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	first := collect(s.Pulses())[0].ID
	check("as made", 20, first)
	must(s.Touch(3))
	check("touched", 20, s.ID(3))
	must(s.Modify(s.ID(4), func(p *Pulse) { p.Indicators = p.Indicators[1:] }))
	check("one indicator less", 20, s.ID(4))
	must(s.Delete(s.ID(4)))
	check("deleted", 19, s.ID(3))
	s.Unsubscribe(s.ID(3))
	check("unsubscribed", 18, first)
	s.Subscribe(s.ID(3))
	check("subscribed again", 19, s.ID(3))
	id := s.Add(Pulse{Name: "new", Indicators: []Indicator{{Type: "IPv4", Value: "192.0.2.1"}}})
	check("added", 20, id)
	s.Subscribe(s.ID(21))
	check("subscribed to one of others", 21, id)
	s.Unsubscribe("AlienVault")
	s.Subscribe("AlienVault")
	check("author left and taken back", 21, id)
	if s.Delete("nonesuch") == nil || s.Modify("nonesuch", nil) == nil {
		t.Error("a pulse that does not exist can be changed")
	}
	_, body := get(t, s, "/pulses/events?limit=50")
	var ev struct {
		Results []struct{ Action, Object_type, Object_id, Created string }
	}
	decode(t, body, &ev)
	var got []string
	for _, e := range slices.Backward(ev.Results) {
		got = append(got, e.Action+" "+e.Object_type)
	}
	want := []string{"delete pulse", "unsubscribe pulse", "subscribe pulse", "subscribe pulse", "unsubscribe user", "subscribe user"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A pulse that changes while a client reads shifts the pages behind it.
func TestShift(t *testing.T) {
	s := New(Account{Pulses: 20, IndicatorsPerPulse: 1})
	n := 0
	s.OnRequest(func(*http.Request) {
		if n++; n == 2 {
			if err := s.Touch(0); err != nil {
				t.Error(err)
			}
		}
	})
	seen := map[string]int{}
	for _, p := range read(t, s, "/pulses/subscribed?limit=5") {
		for _, r := range p.Results {
			seen[r.ID]++
		}
	}
	twice := 0
	for _, n := range seen {
		twice += n - 1
	}
	if twice != 1 || seen[s.ID(0)] != 0 {
		t.Errorf("%d pulses came twice, the touched one %d times; want 1 and 0", twice, seen[s.ID(0)])
	}
}

func TestKeys(t *testing.T) {
	f := func(a Account, key, path string, code int, text string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1"+path, nil)
		r.Header.Set("X-OTX-API-KEY", key)
		w := httptest.NewRecorder()
		New(a).ServeHTTP(w, r)
		if w.Code != code || !strings.Contains(w.Body.String(), text) {
			t.Errorf("%q %s: %d %s, want %d %s", key, path, w.Code, w.Body, code, text)
		}
	}
	f(Account{}, DefaultKey, "/users/me", 200, `"username":"demo"`)
	f(Account{}, "wrong", "/users/me", 403, `{"detail":"Invalid API Key"}`)
	f(Account{}, "", "/pulses/subscribed", 403, `{"detail":"Authentication required"}`)
	f(Account{Throttled: true}, "", "/pulses/subscribed", 429, DetailAnonymous)
	f(Account{}, "", "/pulses/activity", 200, "results")
	f(Account{}, "", "/indicators/IPv4/192.0.2.1/general", 200, `"pulse_info":{"count":0`)
	f(Account{}, "", "/indicators/domain/a.example/passive_dns", 403, "Authentication")
	f(Account{}, "wrong", "/indicators/IPv4/192.0.2.1/general", 403, "Invalid")
}

func TestEndpoints(t *testing.T) {
	a := Demo()
	a.OtherPulses, a.IndicatorsPerPulse = 9, 2
	s := New(a)
	f := func(method, path, body string, code int, texts ...string) {
		t.Helper()
		got, b := ask(t, s, method, "/api/v1"+path, body)
		if got != code || !json.Valid(b) {
			t.Errorf("%s %s: %d %.200s, want %d", method, path, got, b, code)
		}
		for _, text := range texts {
			if !bytes.Contains(b, []byte(text)) {
				t.Errorf("%s %s: no %s in %.1500s", method, path, text, b)
			}
		}
	}
	id := a.Extra[1].ID
	f("GET", "/pulses/subscribed/", "", 200, `"prefetch_pulse_ids":false`, `"t3":2.79`, `"public":1`)
	f("GET", "/pulses/activity?limit=50", "", 200, `"count":19`)
	f("GET", "/pulses/"+id, "", 200, `"public":true`, `"malware_families":[{"id":"ZxGate","display_name":"ZxGate","target":null}]`, `C\u00f4te`)
	f("GET", "/pulses/"+id+"/indicators?limit=2", "", 200, `"count":3`, `page=2`)
	f("GET", "/pulses/"+strings.Repeat("a", 24), "", 404, "Not found.")
	f("GET", "/pulses/user/AlienVault?limit=2", "", 200, `"count":3`)
	f("GET", "/pulses/my", "", 200, `"count":0`)
	f("GET", "/search/pulses?q=ZX&limit=25", "", 200, `"exact_match":""`, `"count":2`)
	f("GET", "/users/me/", "", 200, `"username":"demo"`)
	f("GET", "/users/otx-watch?detailed=1", "", 200, `"pulse_count":3`)
	f("GET", "/users/nobody", "", 404)
	f("GET", "/indicators/IPv4/203.0.113.9/general", "", 200, `"count":2`, `"author":{"username":"otx-watch"`, `"TLP":"amber"`, `"base_indicator":{"id":`)
	f("GET", "/indicators/IPv4/203.0.113/general", "", 400, "indicator")
	f("GET", "/indicators/url/http:%2F%2Ffiles.badhost.example%2Fstage%2Floader.bin/general", "", 200, `"count":1`)
	f("GET", "/indicators/url/http://files.badhost.example/stage/loader.bin/general", "", 404)
	f("GET", "/indicators/file/"+demoSHA256+"/analysis", "", 200)
	f("GET", "/indicators/FileHash-MD5/"+demoMD5+"/general", "", 404)
	f("GET", "/indicators/domain/evil.example/general", "", 200, `"source":"whitelist"`, `"base_indicator":{`)
	f("GET", "/indicators/IPv4/192.0.2.1/pulses", "", 404)
	f("POST", "/pulses/indicators/validate", `{"indicator":"Evil.Example","type":"domain","description":"x"}`, 200, `"indicator":"evil.example"`, `"status":"success"`)
	f("POST", "/pulses/indicators/validate", `{"indicator":"1.2.3","type":"IPv4"}`, 400, `"indicator"`)
	f("POST", "/pulses/indicators/validate", `{`, 400)
	f("GET", "/pulses/subscribed?limit=x", "", 400, `"limit"`)
	f("GET", "/pulses/subscribed?page=999999999999", "", 200, `"results":[]`, `"next":null`)
	f("GET", "/nonesuch", "", 404, "endpoint not found")
	f("GET", "/pulses/"+id+"/unsubscribe", "", 200)
	f("GET", "/users/otx-watch/unsubscribe/", "", 200)
	f("GET", "/pulses/subscribed", "", 200, `"count":6`)
	if got := s.Requests(); len(got) < 20 || got[0].Key != s.Key || got[0].URI != "/api/v1/pulses/subscribed/" {
		t.Errorf("log of %d requests, first %+v", len(got), got[0])
	}
}

// The shape of a page is that of the service: the same keys with values of the
// same kind as in a recorded page.
func TestSameShapeAsRecorded(t *testing.T) {
	body, err := os.ReadFile(testdir.Shared(t, "data", "otx", "pulses_subscribed.page1.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := New(Account{Pulses: 30, IndicatorsPerPulse: 20})
	_, mine := get(t, s, "/pulses/subscribed?limit=10")
	theirs, ours := map[string]map[string]bool{}, map[string]map[string]bool{}
	kinds(t, body, theirs)
	kinds(t, mine, ours)
	for key, want := range theirs {
		for kind := range want {
			if !ours[key][kind] {
				t.Errorf("%s: a %s is recorded, we write %v", key, kind, ours[key])
			}
		}
	}
	for key := range ours {
		if theirs[key] == nil && !strings.HasSuffix(key, "[]") { // a list may have been empty
			t.Errorf("%s is written, but not recorded", key)
		}
	}
	s.Replay("/pulses/subscribed", body)
	if _, got := get(t, s, "/pulses/subscribed?limit=1"); !bytes.Equal(got, body) {
		t.Error("a replayed page is not what was given")
	}
	if _, got := get(t, s, "/pulses/subscribed?limit=1&page=2"); !bytes.Contains(got, []byte(`"results":[]`)) {
		t.Errorf("behind the replayed pages: %s", got)
	}
}

// kinds notes the kinds of value below every path of keys.
func kinds(t *testing.T, body []byte, into map[string]map[string]bool) {
	var v any
	decode(t, body, &v)
	var walk func(path string, v any)
	walk = func(path string, v any) {
		kind := "null"
		if v != nil {
			kind = reflect.TypeOf(v).Kind().String()
		}
		if into[path] == nil {
			into[path] = map[string]bool{}
		}
		into[path][kind] = true
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(path+"."+k, x)
			}
		case []any:
			for _, x := range v {
				walk(path+"[]", x)
			}
		}
	}
	walk("", v)
}
