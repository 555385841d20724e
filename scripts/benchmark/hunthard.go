package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/hunt/indices"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// hardKind is one way in which an indicator stands in a document, and what looks
// alike and is none. hit and miss get a number that is the kind's own, and return
// fields of a document: full names and values.
type hardKind struct {
	name      string
	needs     string // mapping type that not every server has; "" none
	listed    func(k int) ioc.Observable
	hit, miss func(k int) es.M
	number    int  // its own; values are made of it
	timeless  bool // the document has no time
	dotted    bool // the document is written with full names, not with objects
}

const (
	hardEach = 40 // documents of each kind that hit, and as many that must not
	hardPool = 20 // different indicators of each kind
)

// hardSet is the index of hard values.
type hardSet struct {
	kinds []hardKind
	types map[string]bool // mapping types that the server has
	docs  int
}

// newHardSet leaves out what a server without certain mapping types cannot hold.
func newHardSet(docs int, has map[string]bool) *hardSet {
	h := &hardSet{types: has, docs: docs}
	for i, k := range hardKinds() {
		k.number = i
		if k.needs == "" || has[k.needs] {
			h.kinds = append(h.kinds, k)
		}
	}
	return h
}

// value is what the values of a kind are made of: no two kinds share any.
func (k *hardKind) value(j int) int { return k.number*100 + j%hardPool }

// hardList is all that is listed, whatever a server can hold, each once, and n
// that are in no document.
func hardList(n int) []ioc.Observable {
	list := indicatorList(n)
	for i, k := range hardKinds() {
		k.number = i
		for j := range hardPool {
			list = append(list, k.listed(k.value(j)))
		}
	}
	return list
}

// hardDoc is what one document is about.
type hardDoc struct {
	kind, j   int
	hit, fill bool
}

// plan says what each document holds, in the order of the index.
func (h *hardSet) plan() []hardDoc {
	plan := make([]hardDoc, 0, h.docs)
	for i := range h.kinds {
		for j := range hardEach {
			plan = append(plan, hardDoc{kind: i, j: j, hit: true}, hardDoc{kind: i, j: j})
		}
	}
	for len(plan) < h.docs {
		plan = append(plan, hardDoc{fill: true})
	}
	rng := rand.New(rand.NewPCG(11, 3))
	rng.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	return plan
}

// truth is what is planted, by the id of the document.
func (h *hardSet) truth() map[string]planted {
	t := map[string]planted{}
	for i, d := range h.plan() {
		if !d.fill && d.hit {
			k := h.kinds[d.kind]
			n := k.value(d.j)
			raw, _ := json.Marshal(k.hit(n))
			t[eventID(i)] = planted{k.name, "the document", string(raw), k.listed(n)}
		}
	}
	return t
}

func (h *hardSet) documents(yield func(document) bool) {
	rng := rand.New(rand.NewPCG(12, 5))
	for i, d := range h.plan() {
		if !yield(document{eventID(i), h.text(i, d, rng)}) {
			return
		}
	}
}

func (h *hardSet) text(i int, d hardDoc, rng *rand.Rand) string {
	at := stamp(firstEvent.Add(day / time.Duration(h.docs) * time.Duration(i)))
	doc := es.M{"@timestamp": at, "event.ingested": at, "event.category": "hard"}
	dotted := false
	if d.fill {
		maps.Copy(doc, hardFiller(rng))
	} else {
		k := h.kinds[d.kind]
		n := k.value(d.j)
		if k.timeless {
			doc = es.M{"event.category": "hard"}
		}
		dotted = k.dotted
		if d.hit {
			maps.Copy(doc, k.hit(n))
		} else {
			maps.Copy(doc, k.miss(n))
		}
	}
	if !dotted {
		doc = nest(doc)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		panic(err) // maps of text and numbers
	}
	return string(raw)
}

// hardFiller is an event with nothing in it.
func hardFiller(rng *rand.Rand) es.M {
	host := goodHost(rng.IntN(9000), 4000)
	m := es.M{"message": "query " + host + " " + huntWords[rng.IntN(len(huntWords))] + " from " + goodSource(rng.IntN(30000)), "host.name": fmt.Sprintf("h%d", rng.IntN(700))}
	switch rng.IntN(4) {
	case 0:
		maps.Copy(m, es.M{"dns.question.name": host, "hosts": []string{host, "www." + host}})
	case 1:
		maps.Copy(m, es.M{"url.full": "https://" + host + "/index.html?x=1", "url.domain": host, "url.path": "/index.html"})
	case 2:
		maps.Copy(m, es.M{"source.ip": goodSource(rng.IntN(30000)), "source.port": 1024 + rng.IntN(60000), "client.address": goodPeer(rng.IntN(30000)), "destination.ip": goodPeer(rng.IntN(30000))})
	default:
		n := rng.IntN(5000)
		maps.Copy(m, es.M{"file.hash.sha256": hexOf("fs", n, 64), "file.hash.md5": hexOf("fm", n, 32), "file.name": "setup" + fmt.Sprint(n) + ".exe", "labels.host": host})
	}
	return m
}

// nest makes objects of full names.
func nest(flat es.M) es.M {
	root := es.M{}
	for name, value := range flat {
		at, steps := root, strings.Split(name, ".")
		for _, step := range steps[:len(steps)-1] {
			below, ok := at[step].(es.M)
			if !ok {
				below = es.M{}
				at[step] = below
			}
			at = below
		}
		at[steps[len(steps)-1]] = value
	}
	return root
}

var (
	hardNames = []ioc.Type{ioc.Domain}
	hardAddrs = []ioc.Type{ioc.IP, ioc.IPv6, ioc.CIDR}
	hardTexts = []ioc.Type{ioc.Domain, ioc.IP, ioc.IPv6, ioc.CIDR, ioc.URL, ioc.Email, ioc.MD5, ioc.SHA1, ioc.SHA256}
)

// hardField is a field with its mapping; needs is as in hardKind.
type hardField struct {
	indices.Field
	mapping es.M
	needs   string
}

// hardFields are all fields that are looked at, in their order.
func hardFields() []hardField {
	kw, addr, text := es.M{"type": "keyword"}, es.M{"type": "ip"}, es.M{"type": "text"}
	f := func(name string, mapping es.M, types ...ioc.Type) hardField {
		kind, _ := mapping["type"].(string)
		if kind == "keyword" || kind == "ip" || kind == "text" || kind == "alias" || kind == "nested" {
			kind = ""
		}
		return hardField{indices.Field{Name: name, Types: types}, mapping, kind}
	}
	port := f("source.ip", addr, ioc.IP, ioc.IPv6, ioc.CIDR, ioc.IPPort)
	port.Port = "source.port"
	path := f("url.path", kw, ioc.URLPath)
	path.Prefix = "path="
	message := f("message", text, hardTexts...)
	message.Text = true
	return []hardField{
		port, path, message,
		f("destination.ip", addr, hardAddrs...), f("client.address", kw, hardAddrs...), f("odd.ip", es.M{"type": "ip", "ignore_malformed": true}, hardAddrs...),
		f("dns.question.name", kw, hardNames...), f("hosts", kw, hardNames...), f("dns.answers.data", kw, hardNames...),
		f("url.full", kw, ioc.URL, ioc.IP, ioc.IPv6), f("url.short", es.M{"type": "keyword", "ignore_above": 48}, ioc.URL),
		f("file.hash.sha256", kw, ioc.SHA256), f("file.hash.md5", kw, ioc.MD5), f("related.hash", kw, ioc.SHA1, ioc.SHA256, ioc.MD5),
		f("file.name", kw, ioc.FileName), f("user_agent.original", kw, ioc.UserAgent), f("registry.path", kw, ioc.RegistryKey),
		f("source.mac", kw, ioc.MAC), f("email.from.address", kw, ioc.Email), f("vulnerability.id", kw, ioc.CVE),
		f("both.host", es.M{"type": "text", "fields": es.M{"raw": kw}}, hardNames...), f("text.host", text, hardNames...),
		f("alias.host", es.M{"type": "alias", "path": "real.host"}, hardNames...),
		f("labels.host", es.M{"type": "flattened"}, hardNames...), f("wild.url", es.M{"type": "wildcard"}, ioc.URL), f("phrase.host", es.M{"type": "match_only_text"}, hardNames...),
		f("folded.host", es.M{"type": "keyword", "normalizer": "lowercase"}, hardNames...), f("unindexed.host", es.M{"type": "keyword", "index": false}, hardNames...),
		f("bare.host", es.M{"type": "keyword", "index": false, "doc_values": false}, hardNames...), f("nodoc.host", es.M{"type": "keyword", "doc_values": false}, hardNames...),
		f("closed.host", nil, hardNames...), f("made.host", nil, hardNames...), f("inner.host", es.M{"type": "nested"}, hardNames...),
	}
}

// fields are those of the map that a server can have.
func (h *hardSet) fields() (out []indices.Field) {
	for _, f := range hardFields() {
		if f.needs == "" || h.types[f.needs] {
			out = append(out, f.Field)
		}
	}
	return out
}

// mapping is that of the index.
func (h *hardSet) mapping() es.M {
	props := es.M{}
	for _, f := range hardFields() {
		if f.mapping != nil && (f.needs == "" || h.types[f.needs]) {
			putProperty(props, f.Name, f.mapping)
		}
	}
	for name, kind := range map[string]string{"@timestamp": "date", "event.ingested": "date", "event.category": "keyword", "host.name": "keyword",
		"source.port": "integer", "url.domain": "keyword", "real.host": "keyword", "base.host": "keyword"} {
		putProperty(props, name, es.M{"type": kind})
	}
	props["closed"] = es.M{"type": "object", "enabled": false}
	mapping := es.M{"dynamic": false, "properties": props}
	if h.types["runtime"] {
		mapping["runtime"] = es.M{"made.host": es.M{"type": "keyword", "script": es.M{"source": "if (doc['base.host'].size() > 0) { emit(doc['base.host'].value + '.example') }"}}}
	}
	return mapping
}

// putProperty adds a field to the properties of a mapping. A flattened field and
// a nested one stand a level higher: what is below them are keys, or objects.
func putProperty(props es.M, name string, mapping es.M) {
	steps := strings.Split(name, ".")
	switch mapping["type"] {
	case "flattened", "flat_object":
		steps = steps[:len(steps)-1]
	case "nested":
		mapping = es.M{"type": "keyword"}
		defer func() { props[steps[0]].(es.M)["type"] = "nested" }()
	}
	at := props
	for _, step := range steps[:len(steps)-1] {
		below, ok := at[step].(es.M)
		if !ok {
			below = es.M{"properties": es.M{}}
			at[step] = below
		}
		at, _ = below["properties"].(es.M)
	}
	at[steps[len(steps)-1]] = mapping
}

// optional are the mapping types that some servers lack.
var optional = slices.Sorted(maps.Keys(map[string]bool{"flattened": true, "wildcard": true, "match_only_text": true, "runtime": true}))
