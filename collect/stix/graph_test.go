package stix

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// graphItems reads objects, each in a line, in two passes.
func graphItems(t *testing.T, o Options, lines string) (items, gone []string) {
	t.Helper()
	var objects []json.RawMessage
	for l := range strings.Lines(lines) {
		if l = strings.TrimSpace(l); l != "" {
			objects = append(objects, json.RawMessage(l))
		}
	}
	g := readGraph(t, o, objects, func(i *Item) error {
		items = append(items, showItem(i))
		return nil
	})
	gone = g.Gone()
	slices.Sort(gone)
	return items, gone
}

func checkGraph(t *testing.T, o Options, lines string, want ...string) {
	t.Helper()
	items, _ := graphItems(t, o, lines)
	if d := cmp.Diff(want, items); d != "" {
		t.Errorf("%.300s (-want +got):\n%s", lines, d)
	}
}

// What names an indicator, in any order of the objects.
func TestGraphNames(t *testing.T) {
	const about = `about "indicator--1": id=indicator--1 name=P`
	const member = "mutex a of=indicator--1 by=indicator--1 title=T role=c2"
	const indicator = `{"type":"indicator","id":"indicator--1","name":"T","labels":["c2"],"pattern":"[mutex:name = 'a']"%s}`
	f := func(indicator, others, want, member string) {
		t.Helper()
		lines := strings.Split(indicator+"\n"+strings.TrimSpace(others), "\n")
		for seed := range uint64(6) {
			rand.New(rand.NewPCG(seed, 1)).Shuffle(len(lines), func(i, j int) {
				if seed > 0 {
					lines[i], lines[j] = lines[j], lines[i]
				}
			})
			checkGraph(t, Options{Each: true}, strings.Join(lines, "\n"), want, member)
		}
	}
	plain := fmt.Sprintf(indicator, "")
	const bare = `about "indicator--1": id=indicator--1 name=T`
	f(plain, "", bare, member)
	f(fmt.Sprintf(indicator, `,"created_by_ref":"identity--1","created":"2026-01-01T00:00:00Z","modified":"2026-01-02T00:00:00Z"`),
		`{"type":"identity","id":"identity--1","name":"CERT"}`, bare+" author=CERT created=2026-01-01 modified=2026-01-02", member)
	f(plain, `{"type":"report","id":"report--1","name":"P","description":"D","labels":["x","x"],"object_refs":["indicator--1"],"external_references":[{"source_name":"o","url":"https://otx.example/pulse/1"},{"source_name":"b","url":"https://b.example/"},{"source_name":"c","external_id":"7"}]}`,
		about+" desc=D url=https://otx.example/pulse/1 tags=x refs=https://otx.example/pulse/1,https://b.example/,c 7", member)
	f(plain, `{"type":"grouping","id":"grouping--1","name":"P","object_refs":["indicator--1","malware--1","threat-actor--1"]}
		{"type":"malware","id":"malware--1","name":"M"}
		{"type":"threat-actor","id":"threat-actor--1","name":"A"}`, about+" adversary=A families=M", member)
	rel := func(kind, from, to string) string {
		return fmt.Sprintf(`{"type":"relationship","id":"relationship--%s%s","relationship_type":%q,"source_ref":%q,"target_ref":%q}`, from, to, kind, from, to) + "\n"
	}
	f(plain, rel("indicates", "indicator--1", "malware--1")+rel("attributed-to", "malware--1", "intrusion-set--1")+rel("targets", "indicator--1", "malware--2")+
		`{"type":"malware","id":"malware--1","name":"M"}
		{"type":"malware","id":"malware--2","name":"N"}
		{"type":"intrusion-set","id":"intrusion-set--1","name":"I"}`, bare+" adversary=I families=M", member)
	f(plain, rel("indicates", "indicator--1", "campaign--1")+rel("attributed-to", "campaign--1", "threat-actor--1")+rel("uses", "campaign--1", "tool--1")+
		`{"type":"campaign","id":"campaign--1","name":"C"}
		{"type":"tool","id":"tool--1","name":"O"}
		{"type":"threat-actor","id":"threat-actor--1","name":"A"}`, bare+" adversary=A tags=C", member)
	f(plain, rel("indicates", "indicator--1", "attack-pattern--1")+rel("indicates", "indicator--1", "infrastructure--1")+rel("indicates", "indicator--1", "tool--1")+rel("indicates", "indicator--1", "nowhere--1")+
		`{"type":"attack-pattern","id":"attack-pattern--1","name":"W","external_references":[{"source_name":"mitre-attack","external_id":"T1071.001"}]}
		{"type":"infrastructure","id":"infrastructure--1","name":"F"}
		{"type":"tool","id":"tool--1","name":"O"}`, bare+" tags=F families=O attack=T1071.001", member)
	f(fmt.Sprintf(indicator, `,"external_references":[{"source_name":"mitre-attack","external_id":"T1486"},{"url":"https://a.example/"}]`), "", bare+" refs=https://a.example/ attack=T1486", member)
	f(fmt.Sprintf(indicator, `,"indicator_types":["bad","c2"],"kill_chain_phases":[{"kill_chain_name":"k","phase_name":"delivery"}]`), "", bare+" tags=c2", strings.Replace(member, "role=c2", "role=bad; c2; delivery", 1))

	// A relationship or a report that is revoked, or newer, says no more what it said.
	f(plain, strings.Replace(rel("indicates", "indicator--1", "malware--1"), "{", `{"revoked":true,`, 1)+`{"type":"malware","id":"malware--1","name":"M"}`, bare, member)
	f(plain, rel("indicates", "indicator--1", "malware--1")+`{"type":"malware","id":"malware--1","name":"M","revoked":true}`, bare, member)
	f(plain, `{"type":"report","id":"report--1","name":"Old","modified":"2026-01-01T00:00:00Z","object_refs":["indicator--1","malware--1"]}
		{"type":"report","id":"report--1","name":"New","modified":"2026-01-02T00:00:00Z","object_refs":["malware--1"]}
		{"type":"malware","id":"malware--1","name":"M"}`, bare, member)
	f(plain, `{"type":"report","id":"report--1","name":"Old","modified":"2026-01-01T00:00:00Z","object_refs":["indicator--1"]}
		{"type":"report","id":"report--1","name":"P","modified":"2026-01-02T00:00:00Z","object_refs":["indicator--1","malware--1"]}
		{"type":"malware","id":"malware--1","name":"Old","modified":"2026-01-01T00:00:00Z"}
		{"type":"malware","id":"malware--1","name":"M","modified":"2026-01-01T00:00:00.000001Z"}`, about+" families=M", member)
}

func TestGraphMarkings(t *testing.T) {
	f := func(marks, objects, want string) {
		t.Helper()
		items, _ := graphItems(t, Options{Each: true}, `{"type":"indicator","id":"indicator--1","object_marking_refs":[`+marks+`],"pattern":"[mutex:name = 'a']"}`+"\n"+objects)
		if got := items[0]; got != strings.TrimSpace(`about "indicator--1": id=indicator--1 `+want) {
			t.Errorf("%s, %s: %s; want %s", marks, objects, got, want)
		}
	}
	f("", "", "")
	f(`"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"`, "", "tlp=white")
	f(`"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"`, "", "tlp=green")
	f(`"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"`, "", "tlp=amber")
	f(`"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"`, "", "tlp=red")
	f(`"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"`, "", "tlp=clear")
	f(`"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"`, "", "tlp=green")
	f(`"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"`, "", "tlp=amber")
	f(`"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"`, "", "tlp=amber+strict")
	f(`"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"`, "", "tlp=red")
	f(`"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003","marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da","marking-definition--x"`, "", "tlp=amber+strict")
	f(`"m"`, `{"type":"marking-definition","id":"m","definition_type":"tlp","definition":{"tlp":"amber"}}`, "tlp=amber")
	f(`"m"`, `{"type":"marking-definition","id":"m","name":"x","extensions":{"extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d":{"extension_type":"property-extension","tlp_2_0":"amber+strict"}}}`, "tlp=amber+strict")
	f(`"m"`, `{"type":"marking-definition","id":"m","name":"TLP:GREEN"}`, "tlp=green")
	f(`"m"`, `{"type":"marking-definition","id":"m","definition_type":"statement","definition":{"statement":"TLP:RED"}}`, "tlp=red")
	f(`"m"`, `{"type":"marking-definition","id":"m","definition_type":"statement","definition":{"statement":"Copyright 2026"}}`, "")
	f("", `{"type":"report","id":"report--1","name":"P","object_refs":["indicator--1"],"object_marking_refs":["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"]}`, "name=P tlp=red")
}

func TestGraphVersions(t *testing.T) {
	v := func(value, more string) string {
		return `{"type":"indicator","id":"indicator--1","pattern":"[mutex:name = '` + value + `']"` + more + "}\n"
	}
	const t1, t2 = `,"modified":"2026-01-01T00:00:00Z"`, `,"modified":"2026-01-01T00:00:00.0000001Z"`
	f := func(lines, want string, wantGone ...string) {
		t.Helper()
		items, gone := graphItems(t, Options{}, lines)
		if got := strings.Join(items, "\n"); got != want || !slices.Equal(gone, wantGone) {
			t.Errorf("%s: %s, gone %s; want %s, %s", lines, got, gone, want, wantGone)
		}
	}
	const a, b = "mutex a by=indicator--1", "mutex b by=indicator--1"
	const clash = a + "\n! indicator--1 \"[mutex:name = 'b']\": " + Clash // it must not vanish unsaid
	f(v("a", t1)+v("b", t2), b)
	f(v("b", t2)+v("a", t1), b)
	f(v("a", t1)+v("b", t1), clash)
	f(v("a", "")+v("b", ""), clash)
	f(v("a", t1)+v("b", `,"modified":"2026-01-01T02:00:00+02:00"`), clash)
	f(v("a", t1)+v("a", t1), a)
	f(v("a", t1)+v("a", t1+`,"x_times_seen":7`), a)
	f(v("b", t2)+v("a", t1)+v("b", t2), b)
	f(v("a", t1)+v("b", `,"modified":"2026-01-01T02:00:00+01:00"`), b)
	f(v("a", t1)+v("b", t2+`,"revoked":true`), "", "indicator--1")
	f(v("a", t2)+v("b", t1+`,"revoked":true`), a)
	f(v("a", t1+`,"revoked":true`)+v("b", t2), b)
	f(v("a", `,"revoked":"true"`), "", "indicator--1")
	f(`{"type":"indicator","pattern":"[mutex:name = 'a']","revoked":true}`, "")
	f(`{"type":"malware","id":"malware--1","revoked":true}`, "")
	f(`{"type":"vulnerability","id":"vulnerability--1","revoked":true,"name":"CVE-2021-44228"}`, "", "vulnerability--1")
}

func TestGraphEach(t *testing.T) {
	checkGraph(t, Options{Each: true}, `{"type":"vulnerability","id":"vulnerability--1","name":"Log4Shell","description":"d","external_references":[{"source_name":"cve","external_id":"CVE-2021-44228"}]}
		{"type":"vulnerability","id":"vulnerability--2","name":"cve-2020-0001"}
		{"type":"vulnerability","id":"vulnerability--3","name":"a bug"}
		{"type":"indicator","id":"indicator--2","name":"q","pattern":"[mutex:name = 'a' AND url:value = 'b']"}
		{"type":"indicator","pattern":"[mutex:name = 'a']"}
		{"type":"sighting","id":"sighting--1","value":"x"}
		7
		{"type":"observed-data","id":"observed-data--1","objects":{"0":{"type":"ipv4-addr","value":"192.0.2.0/24"},"1":{"type":"process","name":"p"},"2":7}}
		{"type":"x-own","id":"x-own--1","value":"v"}
		{"type":"x-own","id":"x-own--2","name":"not a value"}`,
		`about "vulnerability--1": id=vulnerability--1 name=Log4Shell desc=d refs=cve CVE-2021-44228`,
		"cve CVE-2021-44228 of=vulnerability--1 by=vulnerability--1 title=Log4Shell desc=d",
		`about "vulnerability--2": id=vulnerability--2 name=cve-2020-0001`,
		"cve cve-2020-0001 of=vulnerability--2 by=vulnerability--2",
		`about "vulnerability--3": id=vulnerability--3 name=a bug`,
		`! vulnerability--3 "a bug": `+NoType,
		`about "indicator--2": id=indicator--2 name=q`,
		`! indicator--2 mutex "a": `+TogetherOnly,
		`! indicator--2 url "b": `+TogetherOnly,
		`! "{\"type\":\"indicator\",\"pattern\":\"[mutex:name = 'a']\"}": `+Malformed,
		`! "7": `+Malformed,
		`! observed-data--1 cidr "192.0.2.0/24": `+Observation,
		`! observed-data--1 "p": `+Observation,
		`! x-own--1 "v": `+Observation,
	)
}

// What a server sends as an object may be a bundle, or of a type that nobody
// knows; neither is passed over in silence.
func TestGraphOddObjects(t *testing.T) {
	f := func(lines string, want ...string) {
		t.Helper()
		checkGraph(t, Options{}, lines, want...)
	}
	const a = `{"type":"indicator","id":"indicator--1","pattern":"[mutex:name = 'a']"}`
	f(`{"type":"bundle","id":"bundle--1","objects":[`+a+`,{"type":"bundle","objects":[{"type":"indicator","id":"indicator--2","pattern":"[mutex:name = 'b']"}]},7]}`,
		"mutex a by=indicator--1", "mutex b by=indicator--2", `! "7": `+Malformed)
	f(`{"type":"bundle","id":"bundle--1","objects":null}`)
	f(`{"type":"bundle","id":"bundle--1","objects":{"0":`+a+`}}`, `! bundle--1 "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":{\"0\":{\"type\":\"indicator\",\"id\":\"indicator--1\",\"pattern\":\"[mutex:name = 'a']\"}}}": `+Malformed)
	f(`{"type":"Indicator","id":"indicator--1","pattern":"[mutex:name = 'a']"}`, "mutex a by=indicator--1")
	f(`{"type":"x-rule","id":"x-rule--1","pattern":"[mutex:name = 'a']"}`, `! x-rule--1 "[mutex:name = 'a']": `+NoType)
	f(`{"type":"x-rule","id":"x-rule--1","pattern":null}`)
}

func TestGraphContext(t *testing.T) {
	const objects = `{"type":"file","id":"file--1","name":"a.exe","hashes":{"MD5":"ab","SHA3-256":"cd"}}
		{"type":"file","id":"file--2","name":"b.exe"}
		{"type":"email-message","id":"email-message--1","subject":"s","message_id":"<1@a>"}
		{"type":"software","id":"software--1","name":"w"}
		{"type":"url","id":"url--1","value":"http://a.example/"}
		{"type":"url","id":"url--1","value":"http://b.example/"}
		{"type":"cryptocurrency-wallet","id":"cryptocurrency-wallet--1","value":"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"}`
	checkGraph(t, Options{Context: true}, objects,
		"! file--1 file_name \"a.exe\": "+TogetherOnly, "md5 ab by=file--1", "file_name b.exe by=file--2",
		"email_subject s by=email-message--1", "text <1@a> by=email-message--1", `! software--1 "w": `+NoType,
		"url http://a.example/ by=url--1", `! url--1 "http://b.example/": `+Clash, "bitcoin_address 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa by=cryptocurrency-wallet--1")
	checkGraph(t, Options{Context: true, Each: true}, `{"type":"url","id":"url--1","value":"http://a.example/"}
		{"type":"report","id":"report--1","name":"P","object_refs":["url--1"]}`,
		`about "url--1": id=url--1 name=P`, "url http://a.example/ of=url--1 by=url--1")
}

// Of what is said of one indicator there is an end, and it is said that there is.
func TestGraphManyNames(t *testing.T) {
	var lines, refs strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&lines, `{"type":"malware","id":"malware--%d","name":"m%d"}`+"\n", i, i)
		fmt.Fprintf(&refs, `"malware--%d",`, i)
	}
	fmt.Fprintf(&lines, `{"type":"report","id":"report--1","name":"P","object_refs":[%s"indicator--1"]}`+"\n"+`{"type":"indicator","id":"indicator--1","pattern":"[mutex:name = 'a']"}`, refs.String())
	items, _ := graphItems(t, Options{Each: true}, lines.String())
	if n := strings.Count(items[0], ",m"); n != gMaxSaid-2 || !strings.Contains(items[0], "tags="+gMore) {
		t.Errorf("%d names: %.100s", n, items[0])
	}
}

// Objects that Note was never shown are read, too: nothing is known of them.
func TestGraphReadAlone(t *testing.T) {
	var got []string
	err := NewGraph(Options{Each: true}).Read(json.RawMessage(mutexA), func(i *Item) error {
		got = append(got, showItem(i))
		return nil
	})
	if d := cmp.Diff([]string{`about "indicator--a": id=indicator--a`, "mutex a of=indicator--a by=indicator--a"}, got); err != nil || d != "" {
		t.Error(err, d)
	}
}

// sampleIndicator is an indicator as OTX and others write them, 700 bytes long.
func sampleIndicator(b []byte, i int) []byte {
	return fmt.Appendf(b[:0], `{"type":"indicator","spec_version":"2.1","id":"indicator--%08x-0208-5e43-8a2d-%012x","created_by_ref":"identity--e081fdca-f2f7-55bc-870c-41c3334fca4a",`+
		`"created":"2024-05-01T10:20:30.123Z","modified":"2024-05-01T10:20:30.123Z","name":"OTX pulse_name=Some campaign and what it did","description":"Seen in phishing mails of spring",`+
		`"indicator_types":["malicious-activity"],"pattern":"[file:hashes.'SHA-256' = '%064x']","pattern_type":"stix","pattern_version":"2.1","valid_from":"2024-05-01T10:20:30.123Z",`+
		`"labels":["phishing"],"object_marking_refs":["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"],"external_references":[{"source_name":"AlienVault","url":"https://otx.example/pulse/65f0a1b2c3d4e5f600000001"}]}`,
		i*2654435761, i, uint64(i)*11400714819323198485)
}

// bundleReader makes a bundle of n indicators as it is read.
type bundleReader struct {
	n, i int
	buf  []byte
	rest []byte
}

func (r *bundleReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		switch {
		case r.i == 0:
			r.rest = []byte(`{"type":"bundle","id":"bundle--1","objects":[`)
		case r.i > r.n+1:
			return 0, io.EOF
		case r.i > r.n:
			r.rest = []byte("{\"type\":\"malware\",\"id\":\"malware--1\",\"name\":\"M\"}]}")
		default:
			r.buf = append(sampleIndicator(r.buf, r.i), ",\n"...)
			r.rest = r.buf
		}
		r.i++
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// TestMemory holds what a collection of indicators takes to some hundred bytes
// for each: in two passes, and in a document of which all is kept to its end.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("few indicators, or the race detector beside them, say nothing about memory")
	}
	const n = 200_000
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	g := NewGraph(Options{Each: true})
	var raw []byte
	for i := range n {
		raw = sampleIndicator(raw, i)
		if err := g.Note(raw); err != nil {
			t.Fatal(err)
		}
		raw = fmt.Appendf(raw[:0], `{"type":"relationship","id":"relationship--%d","relationship_type":"indicates","source_ref":"indicator--%08x-0208-5e43-8a2d-%012x","target_ref":"malware--1"}`, i, i*2654435761, i)
		if err := g.Note(raw); err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / int64(n)
	t.Logf("a graph takes %d bytes for each indicator with a relationship", each)
	if each > 400 {
		t.Error("that is too much")
	}
	runtime.KeepAlive(g)
	g = nil

	before = heap()
	peak, members := int64(0), 0
	err := ReadJSON(&bundleReader{n: n}, Options{Each: true}, func(i *Item) error {
		if i.About == nil {
			if members++; members == 1 {
				peak = heap() - before
			}
		}
		return nil
	})
	if err != nil || members != n {
		t.Fatal(err, members)
	}
	t.Logf("a document takes %d bytes for each indicator", peak/int64(n))
	if peak/int64(n) > 500 {
		t.Error("that is too much")
	}
}

func BenchmarkReadJSON(b *testing.B) {
	doc, err := io.ReadAll(&bundleReader{n: 20_000})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := ReadJSON(strings.NewReader(string(doc)), Options{Each: true}, func(i *Item) error {
			n++
			return nil
		})
		if err != nil || n != 40_000 {
			b.Fatal(err, n)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	doc, err := io.ReadAll(&bundleReader{n: 20_000})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		s := &jSplitter{r: strings.NewReader(string(doc)), object: func([]byte, string) error { return nil }, bundle: func([]byte) error { return nil }}
		if err := s.document(); err != nil {
			b.Fatal(err)
		}
	}
}
