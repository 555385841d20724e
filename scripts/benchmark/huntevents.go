package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// shape says which events an index holds. Two indices of one shape hold the same
// documents.
type shape struct {
	events  int
	pools   int // per mille: how many values each field takes its own from
	uniform int // percent of values that are any of the pool; the others are of Zipf's distribution
	shards  int
}

// usualShape is that of the sweeps: about 600,000 distinct values in a million
// events.
func usualShape(events int) shape { return shape{events: events, pools: 1000, uniform: 50, shards: 1} }

func (s shape) name() string {
	return fmt.Sprintf("bench-events%d-%d-p%d-u%d-s%d", eventsMade, s.events, s.pools, s.uniform, s.shards)
}

// eventsMade is raised when other documents are made for the same shape.
const eventsMade = 1

// plantedPairs stand in every index, spread evenly.
const plantedPairs = 2000

// every is the distance between two planted events; they stand in the middle.
func (s shape) every() int { return s.events / plantedPairs }

func eventID(i int) string { return fmt.Sprintf("e%07d", i) }

const day = 24 * time.Hour

var firstEvent = time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)

// at is the time of an event: all of them are spread over one day.
func (s shape) at(i int) time.Time {
	return firstEvent.Add(day / time.Duration(s.events) * time.Duration(i))
}

// stamp writes a time as the events do.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// truth is what stands in events from number first on, without what only their
// messages mention.
func (s shape) truth(first int) map[string]planted {
	t := make(map[string]planted, plantedPairs)
	for j, p := range plants() {
		if i := j*s.every() + s.every()/2; i >= first {
			t[eventID(i)] = p
		}
	}
	return t
}

// mentions adds what stands in messages.
func (s shape) mentions(t map[string]planted) {
	for i := 500; i < s.events; i += 1000 {
		t[eventID(i)] = planted{"name in free text", "message", listedHost(i / 1000 % 100), ioc.Observable{Type: ioc.Domain, Value: listedHost(i / 1000 % 100)}}
	}
}

var huntWords = strings.Fields(`accepted connection session user login failed denied allowed from to port rule policy proxy cache hit miss query
	response upstream status bytes sent received policy zone inside outside service kernel audit process started stopped created file written
	opened closed request GET POST HTTP TLS cert verified handshake completed timeout reset interface device agent sensor alert severity low
	medium high action blocked permitted flow duration packets`)

// maker makes the events of a shape.
type maker struct {
	shape
	rng                               *rand.Rand
	sources, peers, hosts, urls, exes pool
	planted                           []planted
	doc                               strings.Builder
	v                                 event
}

// pool is a stock of values that are numbers.
type pool struct {
	n    int
	zipf *rand.Zipf
}

// event is one event before it is text; "" is a field that it does not have.
type event struct {
	category, message                                                   string
	source, destination, question, url, urlHost, sha256, md5, sha1, exe string
	mailbox                                                             string
	resolved                                                            []string
}

func newMaker(s shape) *maker {
	m := &maker{shape: s, rng: rand.New(rand.NewPCG(42, 1)), planted: plants()}
	of := func(n int) pool {
		n = max(n*s.pools/1000, 100)
		return pool{n, rand.NewZipf(m.rng, 1.1, 20, uint64(n-1))}
	}
	m.sources, m.peers, m.hosts, m.urls, m.exes = of(30_000), of(50_000), of(90_000), of(180_000), of(80_000)
	return m
}

func (m *maker) pick(p pool) int {
	if m.rng.IntN(100) < m.uniform {
		return m.rng.IntN(p.n)
	}
	return int(p.zipf.Uint64())
}

// kindOf is the kind of event, of 100, that has a field.
var kindOf = map[string]int{"dns.question.name": 0, "dns.resolved_ip": 0, "url.full": 40, "url.domain": 40, "source.ip": 75, "destination.ip": 75, "email.from.address": 99}

// make returns the event of number i as JSON. They have to be asked for in their
// order, from 0.
func (m *maker) make(i int) string {
	var p *planted
	kind := m.rng.IntN(100)
	if i%m.every() == m.every()/2 {
		p = &m.planted[i/m.every()]
		k, has := kindOf[p.field]
		if kind = k; !has {
			kind = 90
		}
	}
	m.v = event{}
	m.fill(kind)
	m.nearMiss(i)
	if p != nil {
		m.plant(p)
	} else if i%1000 == 500 {
		m.v.message += " seen " + listedHost(i/1000%100) + " end"
	}
	return m.text(i)
}

func (m *maker) fill(kind int) {
	words := []string{huntWords[m.rng.IntN(len(huntWords))]}
	for range 8 + m.rng.IntN(10) {
		words = append(words, huntWords[m.rng.IntN(len(huntWords))])
	}
	v := &m.v
	v.message = strings.Join(words, " ")
	switch {
	case kind < 35:
		v.category, v.source, v.question = "dns", goodSource(m.pick(m.sources)), goodHost(m.pick(m.hosts), m.domains())
		for range 1 + m.rng.IntN(4) {
			v.resolved = append(v.resolved, goodPeer(m.peers.n+m.pick(m.peers)))
		}
		v.message += " query " + v.question + " answered"
	case kind < 70:
		v.category, v.source, v.destination = "web", goodSource(m.pick(m.sources)), goodPeer(m.pick(m.peers))
		v.url, v.urlHost = m.goodURL(m.pick(m.urls))
		v.message += " GET " + v.url
	case kind < 85:
		v.category, v.source, v.destination = "network", goodSource(m.pick(m.sources)), goodPeer(m.pick(m.peers))
		v.message += " to " + v.destination
	case kind < 97:
		v.category = "process"
		m.file()
		v.exe = hexOf("ps", m.pick(m.sources)%(m.sources.n*2/5), 64)
	default:
		v.category, v.mailbox = "email", "u"+hexOf("e", m.pick(m.peers)%(m.peers.n*2/5), 8)+"@example.org"
		m.file()
	}
}

func (m *maker) domains() int { return m.hosts.n * 4 / 9 }

func (m *maker) goodURL(k int) (url, host string) {
	host = goodHost(k%(m.hosts.n*2/3), m.domains())
	return "https://" + host + "/" + hexOf("p", k, 10+k%24) + "/index.php?id=" + strconv.Itoa(k), host
}

func (m *maker) file() {
	k := m.pick(m.exes)
	m.v.sha256, m.v.md5, m.v.sha1 = hexOf("fs", k, 64), hexOf("fm", k, 32), hexOf("f1", k, 40)
}

// nearMiss puts what must not match into one event in a thousand.
func (m *maker) nearMiss(i int) {
	switch k := i / 1000; {
	case i%1000 != 777:
	case k%2 == 0 && m.v.question != "":
		m.v.question = "not" + listedDomain(k%50+100)
	case k%2 == 1 && m.v.destination != "":
		m.v.destination = besideNet(k)
	}
}

func (m *maker) plant(p *planted) {
	v := &m.v
	switch p.field {
	case "dns.resolved_ip":
		v.resolved = []string{goodPeer(m.peers.n + 1), p.value}
	case "dns.question.name":
		v.question = p.value
	case "url.domain":
		v.urlHost = p.value
	case "url.full":
		v.url = p.value
	case "source.ip":
		v.source = p.value
	case "destination.ip":
		v.destination = p.value
	case "file.hash.sha256":
		v.sha256 = p.value
	case "file.hash.md5":
		v.md5 = p.value
	case "file.hash.sha1":
		v.sha1 = p.value
	case "process.hash.sha256":
		v.exe = p.value
	case "email.from.address":
		v.mailbox = p.value
	}
}

// text is the document. All that is in it is plain ASCII without quotes.
func (m *maker) text(i int) string {
	v, at := &m.v, stamp(m.at(i))
	m.doc.Reset()
	fmt.Fprintf(&m.doc, `{"@timestamp":%q,"event":{"ingested":%q,"category":%q,"dataset":"bench.%s"},"host":{"name":"h%04d"},"message":%q`, at, at, v.category, v.category, i%700, v.message)
	m.put(v.source, `,"source":{"ip":%q}`)
	m.put(v.destination, `,"destination":{"ip":%q,"port":443}`)
	if v.question != "" {
		fmt.Fprintf(&m.doc, `,"dns":{"question":{"name":%q},"resolved_ip":["%s"]}`, v.question, strings.Join(v.resolved, `","`))
	}
	if v.url != "" {
		fmt.Fprintf(&m.doc, `,"url":{"full":%q,"domain":%q}`, v.url, v.urlHost)
	}
	if v.sha256 != "" {
		fmt.Fprintf(&m.doc, `,"file":{"hash":{"sha256":%q,"md5":%q,"sha1":%q}}`, v.sha256, v.md5, v.sha1)
	}
	m.put(v.exe, `,"process":{"hash":{"sha256":%q}}`)
	m.put(v.mailbox, `,"email":{"from":{"address":%q}}`)
	m.doc.WriteByte('}')
	return m.doc.String()
}

func (m *maker) put(value, form string) {
	if value != "" {
		fmt.Fprintf(&m.doc, form, value)
	}
}
