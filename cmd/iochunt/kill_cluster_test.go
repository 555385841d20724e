package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect/otx/otxtest"
	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
)

// The kill -9 loop over a cluster: collections, hunters, and the node itself
// where the test has one of its own, die at random moments, while new events come
// in. In the end ioc_hits holds exactly the planted hits.

// TestKillCluster kills what runs on this machine.
func TestKillCluster(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		newKillBench(t, n).run(killRounds(6, 2), nil)
	})
}

// TestKillNode kills the node, too: one of its own, which scripts/elasticsearch
// starts, where IOCHUNT_NODE_KILLS says how often.
func TestKillNode(t *testing.T) {
	kills, err := strconv.Atoi(os.Getenv("IOCHUNT_NODE_KILLS"))
	if err != nil {
		t.Skip("IOCHUNT_NODE_KILLS is not set: a node of its own would be started, and killed so many times")
	}
	node := &ownNode{T: t, run: t.TempDir(), port: strconv.Itoa(19400 + rand.IntN(100))}
	node.start()
	t.Cleanup(func() { node.script("stop") })
	newKillBench(t, estest.Node{URL: "http://127.0.0.1:" + node.port, Flavor: es.Elasticsearch}).run(kills, node.kill)
}

func killRounds(usual, short int) int {
	if n, err := strconv.Atoi(os.Getenv("IOCHUNT_KILLS")); err == nil {
		return n
	}
	if testing.Short() {
		return short
	}
	return usual
}

// ownNode is a node that belongs to the test.
type ownNode struct {
	*testing.T
	run, port string
	pid       int
}

func (n *ownNode) script(verb string) string {
	n.Helper()
	cmd := exec.Command(filepath.Join("..", "..", "scripts", "elasticsearch"), verb)
	cmd.Env = append(os.Environ(), "RUN="+n.run, "PORT="+n.port, "FLAVOR=es8")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		n.Fatalf("scripts/elasticsearch %s: %v\n%s", verb, err, &errs)
	}
	return string(out)
}

func (n *ownNode) start() {
	n.Helper()
	for _, word := range strings.Fields(n.script("start")) {
		if text, ok := strings.CutPrefix(word, "PID="); ok {
			n.pid, _ = strconv.Atoi(text)
		}
	}
	if n.pid == 0 {
		n.Fatal("scripts/elasticsearch start told no pid")
	}
}

// kill ends the node as a power cut would end it, and starts it again.
func (n *ownNode) kill() {
	n.Helper()
	p, err := os.FindProcess(n.pid)
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		n.Fatal(err)
	}
	n.start()
}

// killBench is a cluster with a source, an account to collect, and what has been
// planted so far.
type killBench struct {
	*testing.T
	c       *es.Client
	prefix  string
	env     []string
	bad     []ioc.Observable
	planted map[string]bool // "id type value"
	docs    int
}

func newKillBench(t *testing.T, n estest.Node) *killBench {
	b := &killBench{T: t, c: n.Client(t), prefix: clusterPlace(t, n), planted: map[string]bool{}}
	server := otxtest.New(otxtest.Account{Pulses: 60, IndicatorsPerPulse: 20, Seed: 3})
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	for f := range server.Truth() {
		typ, _ := ioc.FromOTX(f.Type)
		m := ioc.Member{Observable: ioc.Observable{Type: typ, Value: f.Value}}
		if enrich.Canonical(&m) == "" && plantField[m.Type] != "" && f.Expiration.IsZero() {
			b.bad = append(b.bad, m.Observable)
		}
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "c.yaml")
	text := fmt.Sprintf("elasticsearch: {addresses: [%q], flavor: %s, prefix: %q}\nlogs: [{name: web, kind: elasticsearch, indices: [\"%slog-*\"]}]\n"+
		"arming: {builtin: false}\nfeeds: [{name: otx, kind: otx, lookback: 0s, limit: 7, url: %q}]\n", n.URL, n.Flavor, b.prefix, b.prefix, server.URL())
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.env = append(os.Environ(), "IOCHUNT_CONFIG="+conf, "IOCHUNT_DATA_DIR="+filepath.Join(dir, "data"), "OTX_API_KEY="+server.Key)
	b.program("setup")
	b.makeLogs()
	return b
}

// plantField is where a value of a type stands in an event.
var plantField = map[ioc.Type]string{
	ioc.IP: "source.ip", ioc.Domain: "dns.question.name", ioc.URL: "url.full", ioc.SHA256: "file.hash.sha256", ioc.MD5: "file.hash.md5", ioc.SHA1: "file.hash.sha1",
}

func (b *killBench) makeLogs() {
	b.Helper()
	props := map[string]any{"@timestamp": es.M{"type": "date"}}
	for typ, field := range plantField {
		kind := "keyword"
		if typ == ioc.IP {
			kind = "ip"
		}
		props[field] = es.M{"type": kind}
	}
	for i := range 2 {
		body, _ := json.Marshal(es.M{"settings": es.M{"number_of_shards": 1 + i, "number_of_replicas": 0}, "mappings": es.M{"properties": props}})
		if err := b.c.Do(b.Context(), es.Request{Method: "PUT", Path: "/" + b.prefix + "log-" + strconv.Itoa(i), Body: body}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// plant indexes some events, of which every third has a value that is listed.
func (b *killBench) plant(events int) {
	b.Helper()
	var body bytes.Buffer
	for range events {
		b.docs++
		id := "e" + strconv.Itoa(b.docs)
		fmt.Fprintf(&body, "{\"index\":{\"_index\":\"%slog-%d\",\"_id\":%q}}\n", b.prefix, b.docs%2, id)
		field, value := "dns.question.name", "host"+strconv.Itoa(b.docs)+".good.example.org"
		if b.docs%3 == 0 {
			o := b.bad[rand.IntN(len(b.bad))]
			field, value = plantField[o.Type], o.Value
			b.planted[strings.Join([]string{id, string(o.Type), o.Value}, " ")] = true
		}
		when := time.Date(2026, 1, 1+b.docs%300, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
		fmt.Fprintf(&body, "{\"@timestamp\":%q,%q:%q}\n", when, field, value)
	}
	var answer struct{ Errors bool }
	err := b.c.Do(b.Context(), es.Request{Method: "POST", Path: "/_bulk", Body: body.Bytes(), NDJSON: true}, &answer)
	if err != nil || answer.Errors {
		b.Fatalf("plant events: %v, errors: %v", err, answer.Errors)
	}
}

// program runs the program to its end.
func (b *killBench) program(args ...string) []byte {
	b.Helper()
	cmd := command(b.env, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("iochunt %s: %v\n%s", strings.Join(args, " "), err, &errs)
	}
	return out
}

// run kills for so many rounds, then lets everything come to its end.
func (b *killBench) run(rounds int, node func()) {
	killed := 0
	for round := range rounds {
		b.plant(150)
		killed += b.round(node != nil && round%2 == 0, node)
	}
	b.Logf("%d processes were killed before they were done", killed)
	b.program("collect", "--quiet")
	b.program("hunt", "--quiet")
	b.compare()
	out, err := command(b.env, "hunt", "--full", "--quiet").CombinedOutput() // what the coverage says is hunted is
	if err != nil || !bytes.Contains(out, []byte("; 0 new to the store")) {
		b.Errorf("everything hunted again: %v\n%s", err, out)
	}
}

// round runs a collection and two hunters at once, and kills them.
func (b *killBench) round(withNode bool, node func()) (killed int) {
	b.Helper()
	var running []*exec.Cmd
	for _, args := range [][]string{{"collect", "--quiet"}, {"hunt", "--quiet"}, {"hunt", "--quiet"}} {
		cmd := command(b.env, args...)
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		after := time.Duration(rand.Int64N(int64(1500 * time.Millisecond)))
		time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		running = append(running, cmd)
	}
	if withNode {
		node()
	}
	for _, cmd := range running {
		_ = cmd.Wait()
		if !cmd.ProcessState.Exited() {
			killed++
		}
	}
	return killed
}

// compare holds the hits in the store to what was planted.
func (b *killBench) compare() {
	b.Helper()
	got := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(b.program("hits", "--json")))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var h struct {
			Kind, Type, Value string
			DocID             string `json:"doc_id"`
		}
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			b.Fatal(err)
		}
		if h.Kind != "hit" {
			continue
		}
		key := strings.Join([]string{h.DocID, h.Type, h.Value}, " ")
		if got[key] {
			b.Errorf("twice: %s", key)
		}
		got[key] = true
		if !b.planted[key] {
			b.Errorf("not planted: %s", key)
		}
	}
	for key := range b.planted {
		if !got[key] {
			b.Errorf("missing: %s", key)
		}
	}
	b.Logf("%d events, %d hits planted, %d found", b.docs, len(b.planted), len(got))
}
