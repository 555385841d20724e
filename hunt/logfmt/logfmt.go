// Package logfmt takes log lines apart: what time, which host, which field.
//
// The scanner searches raw bytes and never parses them; only a line that
// already holds a match comes here, to learn when the event happened (a claim
// that had expired by then is no hit), on which host, and in which field the
// match lies. So a format may take a microsecond, but it meets whatever a log
// can hold: it must not panic and must not keep the line.
//
// A format is one file with a Parse function, registered in its init. The one
// rule that keeps formats apart: a Parse says no to a line that it merely could
// read. "Nov 21 02:04:11 fw CEF:0|..." reads well as syslog, but it is CEF, so
// syslog refuses it. A test holds every sample line against every format: one
// claims it, all others refuse. Therefore the order in which they are asked
// does not matter, but for "generic", which knows times and nothing else and is
// asked last.
//
// Times. Everything is given in UTC. A line without a zone is read in the
// location of Record.Ref; a zone's abbreviation is believed only when it is UTC
// or GMT, as the others are ambiguous (IST, CST). A line without a year gets
// the latest year that does not put it more than a day after Ref: logs hold the
// past, and clocks are off by less than a day. Where day and month cannot be
// told apart (02/03/2026) there is no time, rather than a wrong one.
//
// Direction and outcome. A hit on the address of a scanner that the firewall
// turned away is not what a hit on the address of a control server is, to which
// a machine of ours got through. So a format says which way an event went, seen
// from the network that the logs are of, and what became of it, but only where
// the record says so in words that mean nothing else: a hit taken for a blocked
// scan is a hit that nobody looks at. A record that says both, allowed and
// blocked, says neither. The rules of a format stand in its file, with where
// they are from. Texts that the other side sent (a user's name, a request) do
// not decide: a rule looks at the beginning of a message, which the program
// wrote, or at a field of its own. Whoever controls a part of a line must not be
// able to make a hit look like a blocked scan:
//
//   - a key that is there twice decides nothing, neither the first nor the last;
//   - a status of HTTP refuses only what came in: what a server out there answers
//     is its own choice;
//   - what came in is from an address that is not ours: one of ours may be the
//     proxy that strangers come through, or an infected machine;
//   - a packet that may belong to a connection that ours began (it comes from the
//     port of a service, or has no SYN) is not taken for one that came in.
package logfmt

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Field names a span of the line, in ECS terms where ECS has one.
type Field struct {
	Name       string
	Start, End int // byte offsets in the line
}

// Record is what a format knows of a line. Ref is set by the caller, the rest
// by Detect.
type Record struct {
	// Ref is when the log was last written, in the zone that its machine
	// writes in. Zero: dates without a year are not read, zone-less ones are
	// taken as UTC.
	Ref time.Time

	Time   time.Time // of the event, in UTC; zero when the line has none
	Host   string    // that the event happened on, as the line says it
	ID     string    // of the event or document
	Fields []Field   // may overlap: a message and the address in it

	// Outcome is what became of the event: "allowed" (it took place: a
	// connection, a reply, a log-in), "blocked" (it was refused), or "" where the
	// record does not say, or says both.
	Outcome string

	event event // what Direction and Outcome are told from
}

// Parse reports whether line, which has no line end, is of the format and, if
// so, fills r. On no, what it has put into r is thrown away.
type Parse func(line []byte, r *Record) bool

const fallback = "generic" // asked last

type format struct {
	name  string
	parse Parse
}

var formats []format // by name, the fallback last

// register is called from the init function of the file that holds the format.
func register(name string, p Parse) {
	i, dup := slices.BinarySearchFunc(formats, name, func(f format, n string) int { return compareNames(f.name, n) })
	if dup {
		panic("logfmt: two formats named " + name)
	}
	formats = slices.Insert(formats, i, format{name, p})
}

func compareNames(a, b string) int {
	if (a == fallback) != (b == fallback) {
		if a == fallback {
			return 1
		}
		return -1
	}
	return strings.Compare(a, b)
}

// Names returns the names of the formats in the order in which they are asked.
func Names() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.name
	}
	return names
}

// Detect returns the name of the format that line is of, or "", and fills r,
// whose Fields are reused.
func Detect(line []byte, r *Record) string {
	line = bytes.TrimRight(line, "\r\n")
	r.reset()
	for _, f := range formats {
		if r.touched() {
			r.reset()
		}
		if f.parse(line, r) {
			r.settle()
			return f.name
		}
	}
	r.reset()
	return ""
}

// touched reports whether a format may have put something into r. Most refuse a
// line at its first byte.
func (r *Record) touched() bool {
	return len(r.Fields) > 0 || r.event.touched || !r.Time.IsZero() || r.Host != "" || r.ID != ""
}

func (r *Record) reset() {
	r.Time, r.Host, r.ID, r.Fields = time.Time{}, "", "", r.Fields[:0]
	r.Outcome, r.event = "", event{}
}

// FieldAt returns the name of the smallest field that holds all of
// line[start:end], or "".
func (r *Record) FieldAt(start, end int) string {
	name, size := "", -1
	for _, f := range r.Fields {
		if f.Start <= start && end <= f.End && (size < 0 || f.End-f.Start < size) {
			name, size = f.Name, f.End-f.Start
		}
	}
	return name
}

// maxFields bounds what a hostile line can make of the fields. A value beyond
// it is still a hit, in a field without a name.
const maxFields = 4096

// add names line[start:end]; an empty span is not a field.
func (r *Record) add(name string, start, end int) {
	if start < end && len(r.Fields) < maxFields {
		r.Fields = append(r.Fields, Field{name, start, end})
	}
}

// addAddr names an address: side.ip for an IP address, with or without
// brackets, side.address for anything else.
func (r *Record) addAddr(side string, line []byte, start, end int) {
	if start+1 < end && line[start] == '[' && line[end-1] == ']' {
		start, end = start+1, end-1
	}
	if isNil(line[start:end]) {
		return
	}
	a, ok := addrOf(line[start:end])
	if !ok {
		r.add(nameOf(side, ".address"), start, end)
		return
	}
	r.add(nameOf(side, ".ip"), start, end)
	r.event.meets(side, a)
}

// nameOf joins the two parts of a field's name. The usual ones are constants,
// so that millions of records make no garbage of them.
func nameOf(side, part string) string {
	switch {
	case side == "source" && part == ".ip":
		return "source.ip"
	case side == "destination" && part == ".ip":
		return "destination.ip"
	case side == "source":
		return "source.address"
	case side == "destination":
		return "destination.address"
	}
	return side + part
}

// isNil reports whether b is how formats write "nothing".
func isNil(b []byte) bool { return len(b) == 0 || len(b) == 1 && b[0] == '-' }

// isIP reports whether b is an address of either family, without port.
func isIP(b []byte) bool {
	_, ok := addrOf(b)
	return ok
}

func addrOf(b []byte) (netip.Addr, bool) {
	if len(b) < 2 || len(b) > 64 || bytes.IndexByte(b, '.') < 0 && bytes.IndexByte(b, ':') < 0 {
		return netip.Addr{}, false
	}
	if a, ok := quadOf(b); ok {
		return a, true
	}
	a, err := netip.ParseAddr(string(b))
	return a, err == nil
}

// quadOf reads an IPv4 address as netip.ParseAddr does, but makes no garbage.
func quadOf(b []byte) (netip.Addr, bool) {
	c := cursor{b, 0}
	var quad [4]byte
	for i := range quad {
		zero := c.peek() == '0'
		from := c.i
		n, ok := c.num(1, 3)
		if !ok || n > 255 || zero && c.i > from+1 || i < 3 && !c.lit('.') {
			return netip.Addr{}, false
		}
		quad[i] = byte(n)
	}
	return netip.AddrFrom4(quad), c.done()
}
