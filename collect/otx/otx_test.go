package otx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/httpx"
	"github.com/iochunt/iochunt/internal/testdir"
)

const canary = "c4n4rykey0123456789abcdefc4n4rykey0123456789abcdef0123456789abcd"

// answer serves one text for everything and keeps the last request.
type answer struct {
	*httptest.Server
	status int
	text   string
	last   *http.Request
	count  int
}

func serve(t *testing.T, text string) (*answer, *Client) {
	t.Helper()
	a := &answer{status: http.StatusOK, text: text}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.last = r
		a.count++
		w.WriteHeader(a.status)
		io.WriteString(w, a.text)
	}))
	t.Cleanup(a.Close)
	return a, newClient(t, a.URL)
}

func newClient(t *testing.T, base string) *Client {
	t.Helper()
	h, err := httpx.New(httpx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.CloseIdleConnections)
	c, err := New(base, canary, h, httpx.Policy{Attempts: 2, First: time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func page(pulses ...string) string {
	return `{"results":[` + strings.Join(pulses, ",") + `],"count":1,"next":null,"previous":null}`
}

const id = "64e38336d783f91d6948a7b1"

// Every oddity of the wire format, by name: what a pulse becomes.
func TestPulseTraps(t *testing.T) {
	f := func(name, fields string, want Pulse) {
		t.Helper()
		if want.ID == "" {
			want.ID = id
		}
		_, c := serve(t, page(`{"id":"`+id+`",`+fields+`}`))
		p, err := c.Subscribed(t.Context(), Query{})
		if err != nil || len(p.Results) != 1 || len(p.Bad) > 0 {
			t.Errorf("%s: %v %+v", name, err, p)
			return
		}
		if d := cmp.Diff(want, p.Results[0]); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	at := time.Date(2023, 8, 22, 9, 43, 18, 0, time.UTC)
	f("date without zone", `"modified":"2023-08-22T09:43:18"`, Pulse{Modified: at})
	f("date with fraction", `"modified":"2023-08-22T09:43:18.855000"`, Pulse{Modified: at.Add(855 * time.Millisecond)})
	f("old date with short fraction", `"created":"2023-08-22T09:43:18.425"`, Pulse{Created: at.Add(425 * time.Millisecond)})
	f("date with Z", `"modified":"2023-08-22T09:43:18Z"`, Pulse{Modified: at})
	f("date with offset", `"modified":"2023-08-22T11:43:18+02:00"`, Pulse{Modified: at})
	f("date with a blank", `"modified":"2023-08-22 09:43:18"`, Pulse{Modified: at})
	f("date null", `"modified":null,"created":""`, Pulse{})
	f("created that is no date", `"created":"yesterday"`, Pulse{})
	f("revision int", `"revision":2`, Pulse{Revision: "2"})
	f("revision float", `"revision":2.0`, Pulse{Revision: "2"})
	f("revision text", `"revision":"2"`, Pulse{Revision: "2"})
	f("revision huge", `"revision":1e999`, Pulse{Revision: "1e999"})
	f("tlp", `"tlp":"White"`, Pulse{TLP: "white"})
	f("TLP", `"TLP":"amber"`, Pulse{TLP: "amber"})
	f("tlp missing", `"name":"x"`, Pulse{Name: "x"})
	f("public int", `"public":1`, Pulse{Public: true})
	f("public bool", `"public":true`, Pulse{Public: true})
	f("public text", `"public":"0"`, Pulse{})
	f("author_name", `"author_name":"A"`, Pulse{Author: "A"})
	f("author object", `"author":{"username":"A","id":"7"}`, Pulse{Author: "A"})
	f("author text", `"author":"A"`, Pulse{Author: "A"})
	f("both authors", `"author":{"username":"B"},"author_name":"A"`, Pulse{Author: "A"})
	f("null texts", `"name":null,"description":null,"adversary":null`, Pulse{})
	f("texts that are objects", `"adversary":{"id":1,"display_name":"APT 1"},"name":{"x":1}`, Pulse{Adversary: "APT 1"})
	f("a text that is a number", `"name":12`, Pulse{Name: "12"})
	f("families text", `"malware_families":["WHIRLPOOL","", "  ",null]`, Pulse{Families: []string{"WHIRLPOOL"}})
	f("families objects", `"malware_families":[{"id":"W","display_name":"Whirlpool","target":null},{"id":"X"}]`, Pulse{Families: []string{"Whirlpool", "X"}})
	f("attack ids objects", `"attack_ids":[{"id":"T1566","name":"Phishing","display_name":"T1566 - Phishing"},"T1059"]`, Pulse{AttackIDs: []string{"T1566", "T1059"}})
	f("lists null", `"tags":null,"references":null,"industries":null,"targeted_countries":null`, Pulse{})
	f("list that is a text", `"tags":"one"`, Pulse{Tags: []string{"one"}})
	f("odd entries", `"tags":[1,true,["x"],"two"]`, Pulse{Tags: []string{"1", "true", "two"}})
	f("references", `"references":["not a URL",""]`, Pulse{References: []string{"not a URL"}})
	f("countries, industries", `"targeted_countries":["Chad"],"industries":["Energy"]`, Pulse{Countries: []string{"Chad"}, Industries: []string{"Energy"}})
	f("unknown keys", `"t":0.5,"x":{"y":[1,{"z":null}]},"prefetch_pulse_ids":false,"n":123456789012345678901234567890e99999`, Pulse{})
	f("control characters", `"name":"\u0000\u001b[31m\ud800"`, Pulse{Name: "\x00\x1b[31m\uFFFD"})
	f("deep unknown value", `"x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000), Pulse{})
	f("key twice", `"name":"a","name":"b"`, Pulse{Name: "b"})
	f("indicators", `"indicators":[]`, Pulse{Whole: true})
	f("indicators null", `"indicators":null`, Pulse{})
	f("indicators missing", `"name":""`, Pulse{})
	f("more_indicators", `"indicators":[],"more_indicators":true`, Pulse{})
	f("more_indicators int", `"more_indicators":1,"indicators":[]`, Pulse{})
	f("id as number", `"id":77`, Pulse{ID: "77"})
}

func TestIndicatorTraps(t *testing.T) {
	f := func(name, object string, want Indicator, wantBad string) {
		t.Helper()
		_, c := serve(t, page(object))
		p, err := c.PulseIndicators(t.Context(), id, 1, 10)
		if err != nil || p.Size != 1 {
			t.Errorf("%s: %v %+v", name, err, p)
			return
		}
		if wantBad != "" {
			if len(p.Bad) != 1 || !strings.Contains(p.Bad[0].Reason, wantBad) {
				t.Errorf("%s: got %+v, want %q", name, p, wantBad)
			}
			return
		}
		if d := cmp.Diff([]Indicator{want}, p.Results); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	v := func(change func(*Indicator)) Indicator {
		i := Indicator{Value: "v", Type: "IPv4", Active: true}
		change(&i)
		return i
	}
	const base = `{"indicator":"v","type":"IPv4"`
	f("id beyond 2^31", base+`,"id":3689509382}`, v(func(i *Indicator) { i.ID = "3689509382" }), "")
	f("id beyond 2^53", base+`,"id":9007199254740993}`, v(func(i *Indicator) { i.ID = "9007199254740993" }), "")
	f("id as text", base+`,"id":"12"}`, v(func(i *Indicator) { i.ID = "12" }), "")
	f("_id", base+`,"_id":"55d6"}`, v(func(i *Indicator) { i.ID = "55d6" }), "")
	f("nulls", base+`,"title":null,"description":null,"content":null,"role":null,"expiration":null,"created":null}`, v(func(*Indicator) {}), "")
	f("texts", base+`,"title":"t","description":"d","content":"rule x {}","role":"scanning_host"}`,
		v(func(i *Indicator) { i.Title, i.Description, i.Content, i.Role = "t", "d", "rule x {}", "scanning_host" }), "")
	f("inactive int", base+`,"is_active":0}`, v(func(i *Indicator) { i.Active = false }), "")
	f("inactive bool", base+`,"is_active":false}`, v(func(i *Indicator) { i.Active = false }), "")
	f("active null", base+`,"is_active":null}`, v(func(*Indicator) {}), "")
	f("expired long ago", base+`,"expiration":"2015-09-05T00:00:00"}`, v(func(i *Indicator) { i.Expires = time.Date(2015, 9, 5, 0, 0, 0, 0, time.UTC) }), "")
	f("expiration that is no date", base+`,"expiration":"soon"}`, Indicator{}, "expiration is no date")
	f("expiration that is an object", base+`,"expiration":{}}`, Indicator{}, "expiration is no date")
	f("created that is no date", base+`,"created":[]}`, v(func(*Indicator) {}), "")
	f("unknown type", `{"indicator":"v","type":"Quux"}`, v(func(i *Indicator) { i.Type = "Quux" }), "")
	f("no type", `{"indicator":"v"}`, v(func(i *Indicator) { i.Type = "" }), "")
	f("endless type", `{"indicator":"v","type":"`+strings.Repeat("x", 65)+`"}`, Indicator{}, "longer than any name")
	f("type is an object", `{"indicator":"v","type":{}}`, Indicator{}, "an object")
	f("number as value", `{"indicator":12,"type":"IPv4"}`, v(func(i *Indicator) { i.Value = "12" }), "")
	f("value is a list", `{"indicator":["v"],"type":"IPv4"}`, Indicator{}, "a list")
	f("value null", `{"indicator":null,"type":"IPv4"}`, Indicator{}, "no value")
	f("value blank", `{"indicator":"  ","type":"IPv4"}`, Indicator{}, "no value")
	f("not an object", `7`, Indicator{}, "number")
	f("null", `null`, Indicator{}, "no value")
	f("a list", `[1,[2]]`, Indicator{}, "array")
}

// One bad pulse or indicator is put aside, the rest of the page is read.
func TestPageGoesOn(t *testing.T) {
	good := `{"id":"` + id + `","indicators":[{"indicator":"a","type":"domain"},{"indicator":{},"type":"domain"},7,{"indicator":"b","type":"domain"}]}`
	for _, bad := range []string{`7`, `null`, `"x"`, `[[1],2]`, `{}`, `{"id":""}`, `{"id":"../../etc"}`, `{"id":{}}`, `{"id":["` + id + `"]}`,
		`{"id":"` + id + `","modified":"yesterday"}`, `{"id":"` + id + `","modified":{}}`, `{"id":"` + id + `","indicators":"none"}`, `{"id":"` + id + `","indicators":{"a":[1]}}`} {
		_, c := serve(t, page(bad, good, bad, good))
		p, err := c.Subscribed(t.Context(), Query{})
		if err != nil || p.Size != 4 || len(p.Bad) != 2 || len(p.Results) != 2 {
			t.Errorf("%s: %v %+v", bad, err, p)
			continue
		}
		if g := p.Results[1]; len(g.Indicators) != 2 || len(g.Bad) != 2 || !g.Whole {
			t.Errorf("%s: %+v", bad, g)
		}
	}
}

// What is no page is an error, never an empty page.
func TestNoPage(t *testing.T) {
	for _, text := range []string{"", "{", "{}", "null", "[]", "7", `"x"`, "<html>busy</html>", `{"detail":"x"}`, `{"results":null}`, `{"results":{}}`,
		`{"results":[`, `{"results":[{"id":"` + id, `{"results":[],"next":`, "{\"results\":[{\"name\":\"\x00\"}]}", `{"results":[}`,
		`{"results":[{"name":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}]}`} {
		a, c := serve(t, text)
		if p, err := c.Subscribed(t.Context(), Query{}); err == nil || a.count != 2 {
			t.Errorf("%.40q: %d tries, %+v", text, a.count, p)
		}
	}
	_, c := serve(t, `{"results":[],"count":-5.5,"next":false,"t":0.1}`)
	if p, err := c.Subscribed(t.Context(), Query{}); err != nil || p.More || p.Count != -1 {
		t.Errorf("%v %+v", err, p)
	}
}

// Of "next" only counts that it is there, and that it leads on.
func TestNext(t *testing.T) {
	f := func(next string, page int, more bool, want error) {
		t.Helper()
		_, c := serve(t, `{"results":[],"next":`+next+`}`)
		p, err := c.Subscribed(t.Context(), Query{Page: page})
		if !errors.Is(err, want) || p.More != (more && want == nil) {
			t.Errorf("next %s on page %d: more %v, %v", next, page, p.More, err)
		}
	}
	f(`null`, 1, false, nil)
	f(`""`, 1, false, nil)
	f(`"https://otx.alienvault.com/api/v1/pulses/subscribed?limit=1&page=2"`, 1, true, nil)
	f(`"https://evil.example/api/v1/pulses/subscribed?page=2"`, 1, true, nil)
	f(`"/api/v1/pulses/subscribed?page=3"`, 2, true, nil)
	f(`"https://x/?modified_since=2023-08-22T01%3A10%3A00+00%3A00&page=2"`, 1, true, nil)
	f(`"https://x/?bad=%zz&page=2"`, 1, true, nil)
	f(`"https://x/?cursor=abc"`, 1, true, nil)
	f(`"https://x/?page=1"`, 1, false, ErrLoop)
	f(`"https://x/?page=3"`, 3, false, ErrLoop)
	f(`"https://x/?page=-1"`, 3, false, ErrLoop)
}

func TestQueries(t *testing.T) {
	a, c := serve(t, `{"results":[],"id":"`+id+`","indicators":[]}`)
	since := time.Date(2023, 8, 22, 11, 43, 18, 855e6, time.FixedZone("", 2*3600))
	f := func(want string, call func() error) {
		t.Helper()
		if err := call(); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if got := a.last.RequestURI; got != "/api/v1"+want {
			t.Errorf("got %s, want /api/v1%s", got, want)
		}
		if a.last.Header.Get("X-OTX-API-KEY") != canary {
			t.Error("no key")
		}
	}
	f("/pulses/subscribed?limit=50&modified_since=2023-08-22T09%3A43%3A18&page=2", func() error {
		_, err := c.Subscribed(t.Context(), Query{Since: since, Page: 2, Limit: 50})
		return err
	})
	f("/pulses/subscribed?author_name=a%26b+c&page=1", func() error {
		_, err := c.Subscribed(t.Context(), Query{Author: "a&b c"})
		return err
	})
	f("/pulses/activity?page=1", func() error { _, err := c.Activity(t.Context(), Query{}); return err })
	f("/pulses/"+id, func() error { _, err := c.Pulse(t.Context(), id); return err })
	f("/pulses/%2E%2E", func() error { _, err := c.Pulse(t.Context(), ".."); return err })
	f("/pulses/a%2Fb%3Fc", func() error { _, err := c.Pulse(t.Context(), "a/b?c"); return err })
	f("/pulses/"+id+"/indicators?include_inactive=0&limit=9&page=3", func() error { _, err := c.PulseIndicators(t.Context(), id, 3, 9); return err })
	f("/pulses/events?limit=9&page=1&since=2023-08-22T09%3A43%3A18", func() error { _, err := c.Events(t.Context(), since, 1, 9); return err })
	f("/users/me", func() error { _, err := c.Me(t.Context()); return err })
	f("/indicators/url/http:%2F%2Fa%2Fx%3Fy=1%23z/general", func() error { _, err := c.General(t.Context(), "URL", "http://a/x?y=1#z"); return err })
	f("/indicators/file/00ff/general", func() error { _, err := c.General(t.Context(), "FileHash-MD5", "00ff"); return err })
	f("/indicators/IPv4/1.2.3.4/general", func() error { _, err := c.General(t.Context(), "ipv4", "1.2.3.4"); return err })
	f("/indicators/domain/%2E%2E/general", func() error { _, err := c.General(t.Context(), "domain", ".."); return err })
}

func TestStatuses(t *testing.T) {
	f := func(status int, text string, auth bool, tries int) {
		t.Helper()
		a, c := serve(t, text)
		a.status = status
		_, err := c.Me(t.Context())
		if err == nil || errors.Is(err, ErrAuth) != auth || a.count != tries {
			t.Errorf("%d %s: %d tries, %v", status, text, a.count, err)
		}
		if strings.Contains(fmt.Sprintf("%+v", err), canary) {
			t.Errorf("the key stands in %v", err)
		}
	}
	f(403, `{"detail":"Invalid API Key `+canary+`"}`, true, 1)
	f(403, `{"detail":"Authentication required"}`, true, 1)
	f(401, ``, true, 1)
	f(429, `{"detail":"Anonymous access to this endpoint is limited. Please authenticate."}`, true, 1)
	f(429, `{"detail":"Over throttling limit (100/hour)"}`, false, 2)
	f(400, `{"modified_since":["bad"]}`, false, 1)
	f(404, `{"detail":"Not found."}`, false, 1)
	f(502, `<html>`, false, 2)
	f(504, `<html>`, false, 2)
}

func TestEventsAndMe(t *testing.T) {
	a, c := serve(t, page(`{"id":1,"action":"Unsubscribe","object_type":"user","object_id":"bob","created":"2023-08-22T09:43:18"}`,
		`{"id":"x","action":"delete","object_type":"pulse","object_id":{"id":"`+id+`"}}`, `{"id":2}`, `"?"`))
	p, err := c.Events(t.Context(), time.Time{}, 1, 10)
	want := []Event{{"1", "unsubscribe", "user", "bob", time.Date(2023, 8, 22, 9, 43, 18, 0, time.UTC)}, {"x", "delete", "pulse", id, time.Time{}}}
	if d := cmp.Diff(want, p.Results); err != nil || d != "" || len(p.Bad) != 2 {
		t.Error(err, p.Bad, d)
	}
	a.text = `{"username":"demo","user_id":3689509382,"pulse_count":"7","subscriber_count":null,"award_count":{}}`
	if u, err := c.Me(t.Context()); err != nil || u != (User{"demo", "3689509382", 7, -1}) {
		t.Error(u, err)
	}
}

func TestGeneral(t *testing.T) {
	a, c := serve(t, `{"indicator":"evil.com","type":"domain","sections":["general","geo"],"base_indicator":{"id":1,"type":"domain"},
		"pulse_info":{"count":2,"references":["r"],"pulses":[{"id":"`+id+`","name":"P","TLP":"green","author":{"username":"A","id":"1"},
		"malware_families":[{"id":"W","display_name":"Whirl","target":null}],"indicator_type_counts":{"IPv4":3}},7]},
		"validation":[{"source":"alexa","message":"Alexa rank: #1","name":"Listed on Alexa"}],
		"false_positive":[{"assessment":"accepted","assessment_date":"2020"},"odd"],"asn":"AS1","country_name":"Chad","city":null,"whois":"http://x"}`)
	g, err := c.General(t.Context(), "hostname", "evil.com")
	want := General{Indicator: "evil.com", Type: "domain", Known: true, Sections: []string{"general", "geo"}, Count: 2, References: []string{"r"},
		Pulses:     []Pulse{{ID: id, Name: "P", TLP: "green", Author: "A", Families: []string{"Whirl"}}},
		Validation: []Validation{{"alexa", "Listed on Alexa", "Alexa rank: #1"}}, FalsePositive: []string{"accepted", "reported"},
		Country: "Chad", ASN: "AS1", Bad: []Bad{{Reason: "where an object should be stands 7"}}}
	if d := cmp.Diff(want, g); err != nil || d != "" || !g.Whitelisted() {
		t.Error(err, d)
	}
	a.text = `{"indicator":"x","base_indicator":{},"pulse_info":{"count":0,"pulses":[]},"validation":[],"false_positive":null}`
	if g, err = c.General(t.Context(), "IPv4", "192.0.2.1"); err != nil || g.Known || g.Count != 0 || g.Whitelisted() {
		t.Errorf("%v %+v", err, g)
	}
	a.text = `{"base_indicator":null,"pulse_info":7,"validation":{},"sections":"general","false_positive":[[]]}`
	if g, err = c.General(t.Context(), "IPv4", "192.0.2.1"); err != nil || g.Known {
		t.Errorf("%v %+v", err, g)
	}
	n := a.count
	for _, typ := range []string{"Mutex", "", "FileHash-PEHASH"} {
		if _, err := c.General(t.Context(), typ, "x"); err == nil || !strings.Contains(err.Error(), "no details for") {
			t.Error(typ, err)
		}
	}
	if _, err := c.General(t.Context(), "IPv4", " "); err == nil || a.count != n {
		t.Error(err)
	}
}

// However a key is printed, it does not show.
func TestKey(t *testing.T) {
	k := Key(canary)
	type config struct{ Key Key }
	j, err := json.Marshal(config{k})
	text, _ := k.MarshalText()
	for _, s := range []string{k.String(), fmt.Sprint(k), fmt.Sprintf("%s %v %+v %#v %q %x %X %d", k, k, k, k, k, k, k, k),
		fmt.Sprintf("%v %+v %#v", config{k}, config{k}, &config{k}), string(j), string(text)} {
		if strings.Contains(s, canary) || strings.Contains(s, fmt.Sprintf("%x", canary)) || !strings.Contains(s, "***") {
			t.Errorf("%s", s)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func TestNewRefuses(t *testing.T) {
	f := func(base, key, want string) {
		t.Helper()
		_, err := New(base, Key(key), http.DefaultClient, httpx.Policy{})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", base, err, want)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("the key stands in %v", err)
		}
	}
	f("https://otx.alienvault.com", canary, "")
	f("https://otx.alienvault.com/", canary, "")
	f("http://127.0.0.1:8080", canary, "")
	f("http://[::1]:8080/mirror", canary, "")
	f("http://otx.alienvault.com", canary, "write https://otx.alienvault.com")
	f("http://otx.alienvault.com", "", "")
	f("otx.alienvault.com", canary, "must look like")
	f("ftp://x", canary, "must look like")
	f("", canary, "must look like")
	f("https://u:"+canary+"@x", "k", "no more than")
	f("https://x/?key="+canary, "k", "no more than")
	f("https://x", canary+"\n", "no key has")
}

// The key goes to the configured host alone, even through a client of others.
func TestKeyStaysAtHome(t *testing.T) {
	reached := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.RequestURI(), http.StatusFound)
	}))
	defer s.Close()
	c, err := New(s.URL, canary, http.DefaultClient, httpx.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Me(t.Context()); !errors.Is(err, httpx.ErrRefused) || !strings.Contains(err.Error(), other.URL) || reached {
		t.Error(reached, err)
	}
	if strings.Contains(err.Error(), canary) {
		t.Errorf("the key stands in %v", err)
	}
}

// A pulse of any size takes the memory of what is kept of it.
func TestIndicatorBudget(t *testing.T) {
	one := `{"indicator":"a","type":"domain"}`
	many := strings.Repeat(one+",", 9) + one
	p, _, err := readPage(strings.NewReader(page(`{"id":"a","indicators":[`+many+`]}`, `{"id":"b","indicators":[`+many+`],"name":"B"}`, `{"id":"c","indicators":[]}`)), pulseReader(15))
	if err != nil || len(p.Results) != 3 {
		t.Fatal(err, p)
	}
	for i, want := range []bool{true, false, true} {
		if p.Results[i].Whole != want {
			t.Errorf("pulse %d: whole is %v", i, !want)
		}
	}
	if p.Results[1].Name != "B" || len(p.Results[1].Indicators) != 5 {
		t.Errorf("%+v", p.Results[1])
	}
}

func TestRealPage(t *testing.T) {
	text, err := os.ReadFile(testdir.Shared(t, "data/otx/pulses_subscribed.page1.json"))
	if err != nil {
		t.Fatal(err)
	}
	_, c := serve(t, string(text))
	p, err := c.Subscribed(t.Context(), Query{})
	if err != nil || len(p.Results) != 1 || len(p.Bad) > 0 || !p.More || p.Count != 2 || p.Date.IsZero() {
		t.Fatalf("%v %+v", err, p)
	}
	u := p.Results[0]
	if len(u.Indicators) != 4 || !u.Whole || u.Author != "SampleUser" || u.Indicators[0].ID != "3689509382" || u.Indicators[2].Expires.IsZero() {
		t.Errorf("%+v", u)
	}
}
