package filefmt

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// object is an indicator as an object: our own export, OTX's indicator, or
// {type, value} of anyone else.
type object struct {
	Kind        str           `json:"kind"`
	Type        str           `json:"type"`
	Value       str           `json:"value"`
	Indicator   str           `json:"indicator"`
	IOC         str           `json:"ioc"`
	Observable  str           `json:"observable"`
	Title       str           `json:"title"`
	Comment     str           `json:"comment"`
	Description str           `json:"description"`
	Content     str           `json:"content"`
	Role        str           `json:"role"`
	Confidence  percent       `json:"confidence"`
	Created     moment        `json:"created"`
	FirstSeen   moment        `json:"first_seen"`
	Expiration  moment        `json:"expiration"`
	Expires     moment        `json:"expires"`
	ValidUntil  moment        `json:"valid_until"`
	Reports     []ioc.Mention `json:"reports"`
}

func (o *object) text() string {
	for _, v := range []str{o.Value, o.Indicator, o.IOC, o.Observable} {
		if v != "" {
			return string(v)
		}
	}
	return ""
}

// member returns the indicator without the reports that name it.
func (o *object) member() ioc.Member {
	var m ioc.Member
	m.Value = o.text()
	declare(&m, string(o.Type))
	m.Role, m.Content = string(o.Role), string(o.Content)
	m.Title, m.Description = string(o.Title), string(o.Description)
	if m.Title == "" {
		m.Title = string(o.Comment)
	}
	m.Confidence = uint8(o.Confidence)
	m.Created, m.Expires = o.Created.Time, o.Expiration.Time
	if m.Created.IsZero() {
		m.Created = o.FirstSeen.Time
	}
	for _, t := range []moment{o.Expires, o.ValidUntil} {
		if m.Expires.IsZero() {
			m.Expires = t.Time
		}
	}
	return m
}

// objects emits objects, and announces each report that they name once.
type objects struct {
	emit Emit
	seen map[string]bool
}

func newObjects(emit Emit) *objects { return &objects{emit: emit, seen: make(map[string]bool)} }

// isObject reports whether raw is an object that names one value.
func isObject(raw []byte) bool {
	var o struct{ Type, Value, Indicator, IOC, Observable *json.RawMessage }
	return len(raw) > 0 && raw[0] == '{' && json.Unmarshal(raw, &o) == nil &&
		(o.Value != nil || o.Indicator != nil || o.IOC != nil || o.Observable != nil)
}

// raw emits what one object says, for the report with that key.
func (s *objects) raw(raw []byte, report string, line int64) error {
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		return s.emit(malformed(raw, line, err))
	}
	if o.Kind == "summary" {
		return nil
	}
	if o.text() == "" {
		return s.emit(refuse(string(raw), "an object without a value: it needs type and value, or indicator", line))
	}
	if len(o.Reports) > 0 {
		return s.mentions(&o, line)
	}
	m := o.member()
	m.Report = report
	return s.emit(&Item{Member: m, Line: line})
}

// malformed refuses an object that is no JSON or has a shape that no reader
// knows. The reason is the same for all, so that they can be counted; what
// exactly is wrong stands with the place.
func malformed(raw []byte, line int64, err error) *Item {
	i := refuse(string(raw), "not JSON of a shape that we know", line)
	i.Place = strings.TrimPrefix(i.Where()+": "+Clip(err.Error(), 200), ": ")
	return i
}

// mentions emits one member for each report that names the indicator, so that
// what was exported comes back as it was.
func (s *objects) mentions(o *object, line int64) error {
	for i := range o.Reports {
		r := &o.Reports[i]
		if r.ID == "" {
			r.ID = "unnamed"
		}
		if !s.seen[r.ID] {
			s.seen[r.ID] = true
			if err := s.emit(&Item{Member: ioc.Member{Report: r.ID}, About: &r.Report}); err != nil {
				return err
			}
		}
		m := ioc.Member{Claim: r.Claim, Report: r.ID}
		t, _ := TypeNamed(string(o.Type))
		m.Type, m.Value = t, o.text()
		if err := s.emit(&Item{Member: m, Line: line}); err != nil {
			return err
		}
	}
	return nil
}

// readNDJSON reads one object a line. A line that is no JSON is refused and
// the next one is read; "kind":"summary", the last line of our own output, is
// left out.
func readNDJSON(r io.Reader, _ Options, emit Emit) error {
	s := newObjects(emit)
	return eachLine(r, maxJSON, emit, func(line []byte, no int64) error {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			return nil
		}
		if line[0] == '"' {
			var v str
			if v.UnmarshalJSON(line) == nil {
				i := Item{Line: no}
				i.Value = string(v)
				return emit(&i)
			}
		}
		return s.raw(line, "", no)
	})
}

// readJSON reads a JSON document: a list of indicators, an OTX pulse or a page
// of them; in any other document the texts are searched.
func readJSON(r io.Reader, _ Options, emit Emit) error {
	d := newDocument(r)
	j := &jsonReader{document: d, objects: newObjects(emit), emit: emit}
	err := j.top()
	if err == nil {
		err = j.texts.end(emit)
	}
	return d.end(err)
}

type jsonReader struct {
	*document
	objects *objects
	emit    Emit
	texts   texts
	n       int // elements read, for their places
}

func (j *jsonReader) top() error {
	b, err := j.open()
	switch {
	case err != nil || b == 0:
		return err
	case b == '[':
		return j.array(j.element)
	}
	meta := make(map[string]json.RawMessage)
	pulse := false
	err = j.object(func(key string) error {
		if key == "indicators" || key == "results" {
			pulse = true
			return j.each(j.one)
		}
		var raw json.RawMessage
		if err := j.value(&raw); err != nil {
			return err
		}
		meta[key] = raw
		return nil
	})
	if err != nil {
		return err
	}
	return j.rest(meta, pulse)
}

// rest is what is left of an object: what it says of a pulse, or texts.
func (j *jsonReader) rest(meta map[string]json.RawMessage, pulse bool) error {
	b, err := json.Marshal(meta) // sorts the keys
	if err != nil {
		return err
	}
	if !pulse {
		if isObject(b) {
			return j.objects.raw(b, "", 0)
		}
		return j.walk(b)
	}
	rep, err := pulseReport(b)
	if err != nil || rep.ID == "" && rep.Name == "" {
		return nil //nolint:nilerr // a page of pulses says nothing of itself
	}
	rep.ID = ""
	return j.emit(&Item{About: &rep})
}

func (j *jsonReader) element() error {
	var raw json.RawMessage
	if err := j.value(&raw); err != nil {
		return err
	}
	return j.one(raw)
}

// one reads an element of a list: an indicator, a pulse, or something else.
func (j *jsonReader) one(raw json.RawMessage) error {
	j.n++
	var p struct {
		Indicators []json.RawMessage `json:"indicators"`
	}
	if raw[0] == '{' && json.Unmarshal(raw, &p) == nil && p.Indicators != nil {
		return j.pulse(raw, p.Indicators)
	}
	if isObject(raw) {
		j.texts.found = true
		return j.objects.raw(raw, "", 0)
	}
	return j.walk(raw)
}

// pulse reads an OTX pulse.
func (j *jsonReader) pulse(raw json.RawMessage, indicators []json.RawMessage) error {
	j.texts.found = true
	rep, err := pulseReport(raw)
	if err != nil {
		return j.emit(malformed(raw, 0, err))
	}
	if rep.ID == "" {
		rep.ID = "pulse " + strconv.Itoa(j.n)
	}
	if err := j.emit(&Item{Member: ioc.Member{Report: rep.ID}, About: &rep}); err != nil {
		return err
	}
	for _, i := range indicators {
		if err := j.objects.raw(i, rep.ID, 0); err != nil {
			return err
		}
	}
	return nil
}

// walk searches all texts of a value, keys included.
func (j *jsonReader) walk(raw json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if s, ok := t.(string); ok {
			if err := j.texts.line(s, 0, j.emit); err != nil {
				return err
			}
		}
	}
}

// pulseReport reads what an OTX pulse says of itself.
func pulseReport(raw []byte) (ioc.Report, error) {
	var p struct {
		ID          str    `json:"id"`
		Name        str    `json:"name"`
		Author      str    `json:"author_name"`
		Description str    `json:"description"`
		Adversary   str    `json:"adversary"`
		TLP         str    `json:"tlp"`
		Tags        strs   `json:"tags"`
		References  strs   `json:"references"`
		Families    strs   `json:"malware_families"`
		Techniques  strs   `json:"attack_ids"`
		Countries   strs   `json:"targeted_countries"`
		Industries  strs   `json:"industries"`
		Created     moment `json:"created"`
		Modified    moment `json:"modified"`
	}
	err := json.Unmarshal(raw, &p)
	return ioc.Report{
		ID: string(p.ID), Name: string(p.Name), Author: string(p.Author), Description: string(p.Description), Adversary: string(p.Adversary),
		TLP: strings.ToLower(string(p.TLP)), Tags: p.Tags, References: p.References, Families: p.Families, Techniques: p.Techniques,
		Countries: p.Countries, Industries: p.Industries, Created: p.Created.Time, Modified: p.Modified.Time,
	}, err
}
