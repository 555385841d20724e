package logfmt

import (
	"bytes"
	"sync"
	"time"
)

func init() { register("json", parseJSON) }

// maxDepth is how deep objects and arrays are named; what lies deeper is
// skipped over.
const maxDepth = 32

// parseJSON reads one JSON object a line: ECS, journalctl -o json, Zeek,
// Suricata, CloudTrail, Docker and whatever else programs write. A field is the
// bytes of a string between its quotes, escapes and all, named by its path
// ("dns.question.name", nested or with dotted keys alike); the elements of an
// array share its name. The key of a nested object, where it is a value that
// lends itself as a key ({"zones": {"evil.example": {...}}}), is named by the
// path above it. A line cut off in the middle is read as far as it goes.
func parseJSON(line []byte, r *Record) bool {
	names := paths.Get().(*pathNames)
	defer paths.Put(names)
	j := jsonLine{c: cursor{line, 0}, r: r, names: names, timeRank: len(timeKeys), hostRank: len(hostKeys), idRank: len(idKeys)}
	j.c.space()
	if j.c.peek() != '{' {
		return false
	}
	end := j.object(key{}, 0)
	j.journal()
	if j.members == 0 || end == broken {
		return false
	}
	j.c.space()
	j.c.lit(',') // a line of an array
	j.c.space()
	return end == cut || j.c.done()
}

// Where the reading of a value ended.
type ending uint8

const (
	complete ending = iota // behind the value
	cut                    // at the line's end, within the value
	broken                 // at something that is not JSON
)

type jsonLine struct {
	c       cursor
	r       *Record
	names   *pathNames
	members int
	// what was found for time, host and id so far, as an index into the keys
	timeRank, hostRank, idRank int
	program, message           [2]int // of journald
}

// journal reads the message that journald has of a program as the program's own
// (systemd.journal-fields(7)).
func (j *jsonLine) journal() {
	if app, msg := j.program, j.message; app[0] < app[1] && msg[0] < msg[1] {
		programMessage(j.c.b[:msg[1]], j.c.b[app[0]:app[1]], msg[0], j.r)
	}
}

// The keys that say when, where and which, the best first.
var (
	timeKeys = []string{"@timestamp", "timestamp", "time", "ts", "eventTime", "__REALTIME_TIMESTAMP", "datetime", "date", "Timestamp", "TimeCreated",
		"time_local", "time_iso8601", "requestReceivedTimestamp", "event.created", "event.ingested"}
	hostKeys = []string{"host.name", "host.hostname", "hostname", "_HOSTNAME", "agent.hostname", "agent.name", "Computer", "beat.hostname"}
	idKeys   = []string{"_id", "event.id", "eventID", "__CURSOR"}
)

func (c *cursor) space() {
	for c.peek() == ' ' || c.peek() == '\t' || c.peek() == '\r' || c.peek() == '\n' {
		c.i++
	}
}

// object reads { key: value, ... }; path is that of the object, without a name
// for the whole line.
func (j *jsonLine) object(path key, depth int) ending {
	j.c.i++
	j.c.space()
	if j.c.lit('}') {
		return complete
	}
	for {
		if e := j.member(path, depth); e != complete {
			return e
		}
		if e, more := j.next('}'); !more {
			return e
		}
	}
}

func (j *jsonLine) member(path key, depth int) ending {
	j.c.space()
	start, end, e := j.str()
	if e != complete {
		return e
	}
	j.c.space()
	if !j.c.lit(':') {
		return j.stopped()
	}
	j.c.space()
	if depth > 0 && j.c.peek() == '{' {
		j.name(path.name, start, end)
	}
	j.members++
	at := j.names.child(path.name, j.c.b[start:end])
	if at.number != 0 {
		j.r.event.once(at)
	}
	return j.value(at, depth+1)
}

// noName is the path of what lies below a name that is too long to be one.
const noName = "\x00"

// pathNames remembers the paths of the lines before, which a log's next line has
// too, so that they are made once.
type pathNames struct {
	known map[string]key
	buf   []byte
}

// maxPathNames bounds what lines with keys of their own make of the memory.
const maxPathNames = 1024

var paths = sync.Pool{New: func() any { return &pathNames{known: make(map[string]key)} }}

// child returns what is known of the path of member in path. What Elasticsearch
// wraps a document in adds nothing to it.
func (p *pathNames) child(path string, member []byte) key {
	switch {
	case path == noName || len(path)+len(member) >= maxName:
		return key{name: noName}
	case path == "" && string(member) == "_source":
		return key{}
	case path == "":
		p.buf = append(p.buf[:0], member...)
	default:
		p.buf = append(append(append(p.buf[:0], path...), '.'), member...)
	}
	at, ok := p.known[string(p.buf)]
	if !ok {
		if len(p.known) >= maxPathNames {
			clear(p.known)
		}
		at = keyOf(p.buf)
		p.known[at.name] = at
	}
	return at
}

func (j *jsonLine) name(path string, start, end int) {
	if path != noName && path != "" {
		j.r.add(path, start, end)
	}
}

func (j *jsonLine) array(path key, depth int) ending {
	j.c.i++
	j.c.space()
	if j.c.lit(']') {
		return complete
	}
	for {
		j.c.space()
		if e := j.value(path, depth+1); e != complete {
			return e
		}
		if e, more := j.next(']'); !more {
			return e
		}
	}
}

// next reads the comma before the next element, or the closing byte.
func (j *jsonLine) next(closing byte) (e ending, more bool) {
	j.c.space()
	if j.c.lit(',') {
		return complete, true
	}
	if j.c.lit(closing) {
		return complete, false
	}
	return j.stopped(), false
}

// stopped tells a line that ends too early from one that is not JSON.
func (j *jsonLine) stopped() ending {
	if j.c.done() {
		return cut
	}
	return broken
}

func (j *jsonLine) value(path key, depth int) ending {
	switch ch := j.c.peek(); {
	case ch == '{' || ch == '[':
		if depth > maxDepth {
			return j.skip()
		}
		if ch == '{' {
			return j.object(path, depth)
		}
		return j.array(path, depth)
	case ch == '"':
		start, end, e := j.str()
		j.name(path.name, start, end)
		if e == complete {
			j.know(path, start, end, true)
		}
		return e
	}
	return j.scalar(path)
}

// str reads a string; of one that is cut off, the span is what there is.
func (j *jsonLine) str() (start, end int, e ending) {
	if j.c.peek() != '"' {
		return 0, 0, j.stopped()
	}
	start = j.c.i + 1
	if start, end, ok := j.c.quoted(); ok {
		return start, end, complete
	}
	j.c.i = len(j.c.b)
	return start, len(j.c.b), cut
}

// scalar reads a number or a word.
func (j *jsonLine) scalar(path key) ending {
	start := j.c.i
	for ch := j.c.peek(); isDigit(ch) || isAlpha(ch) || ch == '-' || ch == '+' || ch == '.'; ch = j.c.peek() {
		j.c.i++
	}
	if start == j.c.i {
		return j.stopped()
	}
	j.know(path, start, j.c.i, false)
	return complete
}

// skip passes over an object or array that lies too deep, without recursion.
func (j *jsonLine) skip() ending {
	for open := 0; !j.c.done(); {
		switch j.c.peek() {
		case '{', '[':
			open++
		case '}', ']':
			open--
		case '"':
			if _, _, e := j.str(); e != complete {
				return e
			}
			continue
		}
		j.c.i++
		if open == 0 {
			return complete
		}
	}
	return cut
}

// know takes what a value says of the event, and time, host and id when path is
// a better key for it than what was found before.
func (j *jsonLine) know(at key, start, end int, isString bool) {
	v, path := j.c.b[start:end], at.name
	if at.means != isNothing {
		j.r.event.learn(at.means, v)
	}
	if rank := rankOf(timeKeys, path, j.timeRank); rank < j.timeRank && len(v) <= 64 {
		if t, ok := jsonTime(v, j.r.Ref); ok {
			j.timeRank, j.r.Time = rank, t
		}
	}
	if !isString || isNil(v) {
		return
	}
	switch at.means {
	case isProgram:
		j.program = [2]int{start, end}
	case isMessage:
		j.message = [2]int{start, end}
	}
	if rank := rankOf(hostKeys, path, j.hostRank); rank < j.hostRank {
		j.hostRank, j.r.Host = rank, string(v)
	}
	if rank := rankOf(idKeys, path, j.idRank); rank < j.idRank {
		j.idRank, j.r.ID = rank, string(v)
	}
}

// jsonTime reads a time that is the whole value; PHP escapes its slashes.
func jsonTime(v []byte, ref time.Time) (time.Time, bool) {
	if bytes.IndexByte(v, '\\') >= 0 {
		v = bytes.ReplaceAll(v, []byte(`\/`), []byte("/"))
	}
	return whole(v, ref)
}

// rankOf returns the place of path in keys[:below], or below.
func rankOf(keys []string, path string, below int) int {
	for i, k := range keys[:below] {
		if k == path {
			return i
		}
	}
	return below
}
