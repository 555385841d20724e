package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The planted set: a thousand events that matter and a thousand that do not,
// ten kinds of each hundred, in the log formats that they come in. The table of
// docs/scoring.md is what this test measures.

// planted is one event with its indicator.
type planted struct {
	kind    string
	value   string // of the indicator, as the feed writes it
	feed    string // that claims it
	created time.Time
	expires time.Time
	log     string // file that the event is in
	line    string
}

// plantedNow is when everything happens.
var plantedNow = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const perKind = 100

// trueKinds are events that somebody has to look at.
var trueKinds = []func(i int) planted{
	func(i int) planted { // a host of ours talks to a control server
		ip := fmt.Sprintf("45.140.%d.%d", i/200, 1+i%200)
		return planted{kind: "address, allowed out", value: ip, created: daysAgo(i % 30),
			line: syslog(i, fmt.Sprintf("gw kernel: [UFW ALLOW] IN= OUT=eth0 SRC=10.1.2.3 DST=%s LEN=60 PROTO=TCP SPT=40%03d DPT=443", ip, i))}
	},
	func(i int) planted { // somebody with a listed address logged in
		ip := fmt.Sprintf("45.141.%d.%d", i/200, 1+i%200)
		return planted{kind: "log-in from a listed address", value: ip, created: daysAgo(i % 20),
			line: syslog(i, fmt.Sprintf("web1 sshd[22%02d]: Accepted password for deploy from %s port 5%04d ssh2", i, ip, i))}
	},
	func(i int) planted { // a listed address was served a page
		ip := fmt.Sprintf("45.142.%d.%d", i/200, 1+i%200)
		return planted{kind: "request that was answered", value: ip, created: daysAgo(i % 20), log: "access.log",
			line: fmt.Sprintf(`%s - - [21/Nov/2026:09:%02d:11 +0000] "POST /upload.php HTTP/1.1" 200 512 "-" "curl/8"`, ip, i%60)}
	},
	func(i int) planted { // a control name is looked up, at any depth
		name := fmt.Sprintf("c2-%d.badops%d.example", i, i%7)
		return planted{kind: "name looked up", value: name, created: daysAgo(i),
			line: syslog(i, fmt.Sprintf("ns1 named[812]: client @0x7f 10.1.2.9#53124 (x%d.%s): query: x%d.%s IN A + (10.0.0.53)", i, name, i, name))}
	},
	func(i int) planted { // dynamic names are shared by strangers, and loved by attackers
		name := fmt.Sprintf("ops%d.duckdns.org", i)
		return planted{kind: "dynamic name looked up", value: name, created: daysAgo(i % 15),
			line: syslog(i, fmt.Sprintf("ns1 named[812]: client @0x7f 10.1.2.9#53124 (%s): query: %s IN A + (10.0.0.53)", name, name))}
	},
	func(i int) planted { // one file on a host that everybody uses
		url := fmt.Sprintf("http://share.popular.example/get/stage%d.bin", i)
		return planted{kind: "URL on a shared host", value: url, created: daysAgo(i % 15), log: "squid.log",
			line: fmt.Sprintf("17952%05d.603    310 10.1.2.%d TCP_MISS/200 1234 GET %s - HIER_DIRECT/45.9.9.9 application/octet-stream", 10000+i, 1+i, url)}
	},
	func(i int) planted { // a digest does not age
		sum := fmt.Sprintf("%064x", 0xabcdef00+i)
		return planted{kind: "old digest", value: sum, created: daysAgo(1500 + i), log: "edr.ndjson",
			line: fmt.Sprintf(`{"@timestamp":"2026-11-21T08:%02d:00Z","event":{"action":"process_started"},"process":{"hash":{"sha256":%q}},"host":{"name":"pc%d"}}`, i%60, sum, i)}
	},
	func(i int) planted { // expired now, valid when it happened
		ip := fmt.Sprintf("45.143.%d.%d", i/200, 1+i%200)
		return planted{kind: "claim that has ended since", value: ip, created: daysAgo(60), expires: daysAgo(5),
			log: "old-fw.log", line: fmt.Sprintf("2026-11-10T07:%02d:00Z gw kernel: [UFW ALLOW] IN= OUT=eth0 SRC=10.1.2.3 DST=%s LEN=60 PROTO=TCP SPT=4444 DPT=443", i%60, ip)}
	},
	func(i int) planted { // it asked, and was stopped: it is infected all the same
		ip := fmt.Sprintf("45.144.%d.%d", i/200, 1+i%200)
		return planted{kind: "address, blocked on its way out", value: ip, created: daysAgo(i % 10),
			line: syslog(i, fmt.Sprintf("gw kernel: [UFW BLOCK] IN= OUT=eth0 SRC=10.1.2.7 DST=%s LEN=60 PROTO=TCP SPT=40%03d DPT=6667", ip, i))}
	},
	func(i int) planted { // said by two feeds
		name := fmt.Sprintf("panel%d.crew.example", i)
		return planted{kind: "name of two feeds", value: name, feed: "both", created: daysAgo(200 + i), log: "squid.log",
			line: fmt.Sprintf("17952%05d.100     10 10.1.2.%d TCP_TUNNEL/200 9000 CONNECT %s:443 - HIER_DIRECT/45.9.9.9 -", 20000+i, 1+i, name)}
	},
}

// noiseKinds are what the field complains of.
var noiseKinds = []func(i int) planted{
	func(i int) planted {
		ip := resolvers[i%len(resolvers)]
		return planted{kind: "public resolvers", value: ip, created: daysAgo(1),
			line: syslog(i, fmt.Sprintf("gw kernel: [UFW ALLOW] IN= OUT=eth0 SRC=10.1.2.3 DST=%s LEN=60 PROTO=UDP SPT=4%04d DPT=53", ip, i))}
	},
	func(i int) planted {
		ip := fmt.Sprintf("151.101.%d.%d", i/10, 1+i)
		return planted{kind: "addresses of a CDN", value: ip, created: daysAgo(2), log: "squid.log",
			line: fmt.Sprintf("17952%05d.100     10 10.1.2.3 TCP_TUNNEL/200 9000 CONNECT %s:443 - HIER_DIRECT/%s -", 30000+i, ip, ip)}
	},
	func(i int) planted {
		name := sharedParents[i%len(sharedParents)]
		return planted{kind: "parents of shared hosting", value: name, created: daysAgo(3),
			line: syslog(i, fmt.Sprintf("ns1 named[812]: client @0x7f 10.1.2.9#53124 (site%d.%s): query: site%d.%s IN A + (10.0.0.53)", i, name, i, name))}
	},
	func(i int) planted {
		ip := fmt.Sprintf("10.66.%d.%d", i/50, 1+i%50)
		return planted{kind: "private and documentation ranges", value: ip, created: daysAgo(4),
			line: syslog(i, fmt.Sprintf("gw kernel: [UFW ALLOW] IN=eth1 OUT=eth2 SRC=10.1.2.3 DST=%s LEN=60 PROTO=TCP SPT=4444 DPT=445", ip))}
	},
	func(i int) planted {
		name := fmt.Sprintf("popular%d.example", i)
		return planted{kind: "popular sites", value: name, created: daysAgo(5), log: "squid.log",
			line: fmt.Sprintf("17952%05d.100     10 10.1.2.3 TCP_TUNNEL/200 9000 CONNECT www.%s:443 - HIER_DIRECT/45.9.9.9 -", 40000+i, name)}
	},
	func(i int) planted {
		ip := fmt.Sprintf("195.22.26.%d", 1+i)
		return planted{kind: "sinkholes", value: ip, created: daysAgo(300),
			line: syslog(i, fmt.Sprintf("gw kernel: [UFW ALLOW] IN= OUT=eth0 SRC=10.1.2.3 DST=%s LEN=60 PROTO=TCP SPT=4444 DPT=80", ip))}
	},
	func(i int) planted {
		ip := fmt.Sprintf("80.82.%d.%d", 60+i/50, 1+i%50)
		return planted{kind: "blocked scans", value: ip, created: daysAgo(0),
			line: syslog(i, fmt.Sprintf("gw kernel: [UFW BLOCK] IN=eth0 OUT= MAC=00 SRC=%s DST=10.0.0.1 LEN=40 PROTO=TCP SPT=4242 DPT=23", ip))}
	},
	func(i int) planted {
		ip := fmt.Sprintf("91.200.%d.%d", i/50, 1+i%50)
		return planted{kind: "expired claims", value: ip, created: daysAgo(400), expires: daysAgo(100),
			line: syslog(i, fmt.Sprintf("gw kernel: [UFW ALLOW] IN= OUT=eth0 SRC=10.1.2.3 DST=%s LEN=60 PROTO=TCP SPT=4444 DPT=443", ip))}
	},
	func(i int) planted {
		ip := fmt.Sprintf("92.100.%d.%d", i/50, 1+i%50)
		return planted{kind: "addresses re-let years ago", value: ip, created: daysAgo(1800 + i),
			line: syslog(i, fmt.Sprintf("web1 sshd[22%02d]: Accepted publickey for alice from %s port 5%04d ssh2", i, ip, i))}
	},
	func(i int) planted {
		name := fmt.Sprintf("partner%d.example", i%10)
		return planted{kind: "marked false before", value: name, created: daysAgo(6), log: "squid.log",
			line: fmt.Sprintf("17952%05d.100     10 10.1.2.3 TCP_TUNNEL/200 9000 CONNECT api%d.%s:443 - HIER_DIRECT/45.9.9.9 -", 50000+i, i, name)}
	},
}

var (
	resolvers     = []string{"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "149.112.112.112", "208.67.222.222", "208.67.220.220"}
	sharedParents = []string{"github.io", "duckdns.org", "blogspot.com", "herokuapp.com", "web.app", "netlify.app", "azurewebsites.net", "workers.dev"}
)

// plantedLists are the warninglists that a site would have.
var plantedLists = map[string]string{
	"cdn":     `{"name":"List of known Fastly IP addresses","type":"cidr","version":1,"description":"","matching_attributes":["ip-src","ip-dst"],"list":["151.101.0.0/16"]}`,
	"sinks":   `{"name":"List of known sinkholes","type":"cidr","version":2,"description":"","matching_attributes":["ip-src","ip-dst"],"list":["195.22.26.0/24"]}`,
	"dyndns":  `{"name":"List of known dynamic DNS domains","type":"hostname","version":2,"description":"","matching_attributes":["domain","hostname"],"list":[".duckdns.org"]}`,
	"popular": "",
}

func daysAgo(n int) time.Time { return plantedNow.AddDate(0, 0, -n) }

func syslog(i int, rest string) string {
	return fmt.Sprintf("2026-11-21T%02d:%02d:00Z %s", 1+i%10, i%60, rest)
}

// plantAll makes all events of the kinds.
func plantAll(kinds []func(int) planted) (all []planted) {
	for _, kind := range kinds {
		for i := range perKind {
			p := kind(i)
			p.log = cmp.Or(p.log, "syslog")
			p.feed = cmp.Or(p.feed, "intel")
			all = append(all, p)
		}
	}
	return all
}

// TestNoise runs the program over the planted set: no true hit is lost, and
// next to no noise is worth an alert.
func TestNoise(t *testing.T) {
	dir := t.TempDir()
	good, noise := plantAll(trueKinds), plantAll(noiseKinds)
	writePlanted(t, dir, append(slices.Clone(good), noise...))
	iochunt := func(args ...string) []byte {
		t.Helper()
		var out, err bytes.Buffer
		code := run(t.Context(), process{
			args: append(args, "--config", filepath.Join(dir, "config.yaml")), in: strings.NewReader(""), out: &out, err: &err,
			env: func(string) string { return "" }, now: func() time.Time { return plantedNow },
		})
		if code != 0 {
			t.Fatalf("iochunt %s: exit %d: %s", strings.Join(args, " "), code, err.String())
		}
		return out.Bytes()
	}
	iochunt("collect", "-q")
	markFalse(iochunt, filepath.Join(dir, "logs"))
	seen := seenOf(t, iochunt("scan", "--json", "--disarmed", filepath.Join(dir, "logs")))

	table, lost, loud := tally(seen, good, noise)
	for _, p := range lost {
		t.Errorf("lost: %s: %s in %q: %+v", p.kind, p.value, p.line, seen[p.line])
	}
	if loud*20 > len(noise) {
		t.Errorf("%d of %d events of noise are worth an alert", loud, len(noise))
	}
	checkMeasured(t, table)
}

// markFalse marks three hits of each partner's site false, one after the other,
// as a person would over some weeks.
func markFalse(iochunt func(...string) []byte, logs string) {
	iochunt("scan", "-q", logs)
	for i := range 10 {
		var ids []string
		for line := range bytes.Lines(iochunt("hits", "--json", "--value", fmt.Sprintf("partner%d.example", i))) {
			var h struct{ Kind, ID string }
			if json.Unmarshal(line, &h) == nil && h.Kind == "hit" {
				ids = append(ids, h.ID)
			}
		}
		for _, id := range ids[:3] {
			iochunt("hits", "mark", "FP", id, "--why", "a partner of ours")
		}
	}
}

func writePlanted(t *testing.T, dir string, all []planted) {
	t.Helper()
	files := map[string]*strings.Builder{}
	add := func(name, text string) {
		if files[name] == nil {
			files[name] = &strings.Builder{}
		}
		files[name].WriteString(text)
	}
	for _, feed := range []string{"intel", "second"} {
		add(feed+".csv", "value,created,expires\n")
	}
	claimed := map[string]bool{}
	for _, p := range all {
		add("logs/"+p.log, p.line+"\n")
		row := fmt.Sprintf("%s,%s,%s\n", p.value, stampOf(p.created), stampOf(p.expires))
		if !claimed[p.value] {
			add("intel.csv", row)
			if p.feed == "both" {
				add("second.csv", row)
			}
		}
		claimed[p.value] = true
	}
	for name, text := range plantedLists {
		if text == "" {
			text = popularList()
		}
		add("lists/"+name+".json", text)
	}
	add("config.yaml", fmt.Sprintf(`
store: {path: %[1]q}
feeds:
  - {name: intel, kind: file, path: %[2]q}
  - {name: second, kind: file, path: %[3]q}
  - {name: lists, kind: warninglist, path: %[4]q}
`, filepath.Join(dir, "store"), filepath.Join(dir, "intel.csv"), filepath.Join(dir, "second.csv"), filepath.Join(dir, "lists")))
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func stampOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// popularList is a list of the sites that everybody visits.
func popularList() string {
	names := []string{`"share.popular.example"`}
	for i := range perKind {
		names = append(names, fmt.Sprintf("%q", fmt.Sprintf("popular%d.example", i)))
	}
	return `{"name":"Top 1000 websites","type":"hostname","version":1,"description":"","matching_attributes":["domain","hostname","url"],"list":[` + strings.Join(names, ",") + `]}`
}

// outcome is what became of an event.
type outcome struct {
	hit, alert, disarmed bool
	score, severity      int
}

// seenOf reads the hits of a scan by their lines; of several on a line that on
// the worst counts.
func seenOf(t *testing.T, out []byte) map[string]outcome {
	t.Helper()
	seen := map[string]outcome{}
	sc := bufio.NewScanner(bytes.NewReader(out))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var h struct {
			Kind, Record string
			Arming       struct{ Disarmed bool }
			Score        struct {
				Value, Severity int
				Alert           bool
			}
		}
		if err := json.Unmarshal(sc.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		if h.Kind != "hit" {
			continue
		}
		o := outcome{hit: !h.Arming.Disarmed, disarmed: h.Arming.Disarmed, score: h.Score.Value, severity: h.Score.Severity}
		o.alert = o.hit && h.Score.Alert
		if was, ok := seen[h.Record]; !ok || o.alert && !was.alert || o.hit && !was.hit {
			seen[h.Record] = o
		}
	}
	return seen
}

// tally counts the outcomes by kind, and returns the table as docs/scoring.md
// has it, the true events that raised no alert, and how much noise did.
func tally(seen map[string]outcome, good, noise []planted) (table string, lost []planted, loud int) {
	var b strings.Builder
	b.WriteString("| kind | events | not armed | no claim valid then | hits | alerts |\n|---|---|---|---|---|---|\n")
	row := func(kind string, ps []planted) {
		n := map[string]int{}
		for _, p := range ps {
			o, there := seen[p.line]
			switch {
			case !there:
				n["expired"]++
			case o.disarmed:
				n["disarmed"]++
			default:
				n["hits"]++
			}
			if o.alert {
				n["alerts"]++
			}
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", kind, len(ps), n["disarmed"], n["expired"], n["hits"], n["alerts"])
	}
	for _, set := range [][]planted{good, noise} {
		for part := range slices.Chunk(set, perKind) {
			row(part[0].kind, part)
		}
		row(map[bool]string{true: "**all that matter**", false: "**all noise**"}[&set[0] == &good[0]], set)
	}
	for _, p := range good {
		if !seen[p.line].alert {
			lost = append(lost, p)
		}
	}
	for _, p := range noise {
		if seen[p.line].alert {
			loud++
		}
	}
	return b.String(), lost, loud
}

// checkMeasured holds the table of the page to what was measured.
func checkMeasured(t *testing.T, table string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "scoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), table) {
		t.Errorf("docs/scoring.md has another table than what was measured:\n%s", table)
	}
}
