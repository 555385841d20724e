package otxtest

import (
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Shape is a set of odd ways to write pulses and indicators. All have been
// seen on the service or in what older versions of it left behind.
type Shape uint32

// The shapes.
const (
	NullFields      Shape = 1 << iota // null for every text and list that may be absent
	ObjectsForTexts                   // {"id": …, "display_name": …} where a string is expected, alone or in a list
	StringIDs                         // indicator ids as strings
	UnderscoreIDs                     // "_id", a string, in place of "id" (2015)
	FloatRevision                     // 2.0
	BoolFlags                         // true and false for public and is_active
	ZoneDates                         // every time ends in Z
	LongDates                         // every time has a fraction, also that of an indicator
	ShortDates                        // no time has one
	ControlTexts                      // escape sequences, NUL, line ends and direction marks in names, titles and tags
	MissingFields                     // keys that may be absent are
)

// hostile is put into texts by ControlTexts.
const hostile = "\x1b]0;owned\a\x1b[31m\x00\r\n\u202e\u2028"

// encoder writes JSON by appending, straight from pulses: a client's time is to
// be measured, not the fake's.
type encoder struct {
	w     io.Writer
	buf   []byte
	err   error
	shape Shape
	long  int    // bytes of description, 0: as it is
	bad   string // id of the pulse to write malformed
}

func (e *encoder) has(s Shape) bool { return e.shape&s != 0 }

// spill hands full buffers on, so that a page of any size needs little memory.
func (e *encoder) spill() {
	if len(e.buf) >= 64<<10 {
		e.flush()
	}
}

func (e *encoder) flush() {
	if e.err == nil && len(e.buf) > 0 {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
}

func (e *encoder) raw(s string) { e.buf = append(e.buf, s...) }

// key begins a field, with the comma that it needs.
func (e *encoder) key(name string) {
	if n := len(e.buf); n == 0 || e.buf[n-1] != '{' {
		e.buf = append(e.buf, ',')
	}
	e.buf = append(e.buf, '"')
	e.buf = append(e.buf, name...)
	e.buf = append(e.buf, '"', ':')
}

func (e *encoder) text(name, s string) { e.key(name); e.buf = appendText(e.buf, s) }

func (e *encoder) num(name string, n int64) {
	e.key(name)
	e.buf = strconv.AppendInt(e.buf, n, 10)
}

func (e *encoder) bool(name string, b bool) {
	e.key(name)
	e.buf = strconv.AppendBool(e.buf, b)
}

// flag writes a truth value as the lists do, 1 or 0, or as the details do.
func (e *encoder) flag(name string, b, asBool bool) {
	switch {
	case asBool || e.has(BoolFlags):
		e.bool(name, b)
	case b:
		e.num(name, 1)
	default:
		e.num(name, 0)
	}
}

// optional writes a text that may be null, absent or an object.
func (e *encoder) optional(name, s string, null bool) {
	switch {
	case e.has(MissingFields):
	case e.has(NullFields), s == "" && null:
		e.key(name)
		e.raw("null")
	case e.has(ObjectsForTexts):
		e.key(name)
		e.object(s)
	default:
		e.text(name, s)
	}
}

func (e *encoder) object(s string) {
	e.raw("{")
	e.text("id", s)
	e.text("display_name", s)
	e.raw(`,"target":null}`)
}

// list writes a list of texts; objects says that the endpoint gives objects.
func (e *encoder) list(name string, items []string, objects bool) {
	if e.has(MissingFields) {
		return
	}
	e.key(name)
	if e.has(NullFields) {
		e.raw("null")
		return
	}
	e.raw("[")
	for i, s := range items {
		if i > 0 {
			e.raw(",")
		}
		if objects || e.has(ObjectsForTexts) {
			e.object(s)
		} else {
			e.buf = appendText(e.buf, s)
		}
	}
	e.raw("]")
}

// time writes a time as the service does: UTC without saying so. A pulse's has
// microseconds unless they are 0, an indicator's has none.
func (e *encoder) time(name string, t time.Time) {
	e.key(name)
	t = t.UTC()
	layout := "2006-01-02T15:04:05"
	if (t.Nanosecond() != 0 || e.has(LongDates)) && !e.has(ShortDates) {
		layout = "2006-01-02T15:04:05.000000"
	}
	e.raw(`"`)
	e.buf = t.AppendFormat(e.buf, layout)
	if e.has(ZoneDates) {
		e.raw("Z")
	}
	e.raw(`"`)
}

func (e *encoder) control(s string) string {
	if e.has(ControlTexts) {
		return hostile + s + hostile
	}
	return s
}

// view is how an endpoint shows pulses.
type view struct {
	detail bool // /pulses/{id}: flags as booleans, families as objects
	noTLP  bool // /pulses/activity leaves tlp out of some
}

// pulse writes p with the indicators that each yields: the embedded ones.
func (e *encoder) pulse(p *Pulse, v view, each func(yield func(Indicator) bool)) {
	if p.ID == e.bad {
		e.malformed(p)
		return
	}
	odd := strings.HasSuffix(p.ID, "1") || strings.HasSuffix(p.ID, "7")
	e.raw("{")
	e.text("id", p.ID)
	e.text("name", e.control(p.Name))
	e.optional("description", e.description(p), odd)
	e.optional("author_name", p.Author, false)
	e.time("modified", p.Modified)
	e.time("created", p.Created)
	e.revision(p.Revision)
	if !v.noTLP {
		e.optional("tlp", p.TLP, false)
	}
	e.flag("public", !p.Private, v.detail)
	e.optional("adversary", e.control(p.Adversary), odd)
	e.raw(`,"indicators":[`)
	e.indicators(each)
	e.raw("]")
	e.lists(p, v)
	e.bool("more_indicators", p.Embedded > 0)
	e.raw("}")
	e.spill()
}

func (e *encoder) lists(p *Pulse, v view) {
	tags := p.Tags
	if e.has(ControlTexts) {
		tags = append([]string{hostile}, tags...)
	}
	e.list("tags", tags, false)
	e.list("targeted_countries", p.Countries, false)
	e.list("malware_families", p.Families, v.detail)
	e.list("attack_ids", p.AttackIDs, false)
	e.list("references", p.References, false)
	e.list("industries", p.Industries, false)
	e.list("extract_source", nil, false)
}

func (e *encoder) description(p *Pulse) string {
	if e.long > 0 {
		return strings.Repeat("long text. ", e.long/11+1)[:e.long]
	}
	return p.Description
}

func (e *encoder) revision(n int) {
	e.num("revision", int64(n))
	if e.has(FloatRevision) {
		e.raw(".0")
	}
}

func (e *encoder) indicators(each func(yield func(Indicator) bool)) {
	first := true
	for ind := range each {
		if !first {
			e.raw(",")
		}
		first = false
		e.indicator(&ind)
		if e.spill(); e.err != nil {
			return
		}
	}
}

func (e *encoder) indicator(i *Indicator) {
	e.raw("{")
	e.indicatorID(i.ID)
	e.text("indicator", i.Value)
	e.text("type", i.Type)
	e.time("created", i.Created)
	null := i.ID%2 == 1
	e.optional("content", i.Content, null)
	e.optional("title", e.control(i.Title), null)
	e.optional("description", i.Description, null)
	if i.Expiration.IsZero() {
		e.key("expiration")
		e.raw("null")
	} else {
		e.time("expiration", i.Expiration)
	}
	e.flag("is_active", !i.Inactive, false)
	e.optional("role", i.Role, i.ID%3 > 0)
	e.raw("}")
}

func (e *encoder) indicatorID(id int64) {
	switch {
	case e.has(UnderscoreIDs):
		e.text("_id", strconv.FormatInt(id, 10))
	case e.has(StringIDs):
		e.text("id", strconv.FormatInt(id, 10))
	default:
		e.num("id", id)
	}
}

// malformed writes JSON that is sound but no pulse.
func (e *encoder) malformed(p *Pulse) {
	e.raw("{")
	e.text("id", p.ID)
	e.raw(`,"name":["not","a","name"],"author_name":17,"created":false,"modified":"yesterday","revision":{},"indicators":"none","tags":3}`)
}

// appendText appends s as a JSON string in plain ASCII, which is how the
// service writes: "Côte" as "C\u00f4te", invalid UTF-8 as U+FFFD.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		r, n := utf8.DecodeRuneInString(s[i:])
		dst = appendRune(dst, r)
		i += n
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendRune(dst []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case r == '\n':
		return append(dst, '\\', 'n')
	case r > 0xffff: // a surrogate pair, RFC 8259 §7
		r -= 0x10000
		return appendUnit(appendUnit(dst, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	return appendUnit(dst, r)
}

func appendUnit(dst []byte, u rune) []byte {
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
}
