package filefmt

import (
	"encoding/json"
	"io"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// NotForDetection is the reason for refusing an attribute whose publisher has
// not marked it to_ids: it is context, such as the name of a legitimate host.
const NotForDetection = "not meant for detection (to_ids false)"

// readMISP reads MISP events: one, a list, or what a MISP server answers
// ({"response":[{"Event":…}]}). Attributes stand in the event and in its
// objects. Deleted ones are not there, for MISP itself does not show them.
// Types of two parts ("filename|sha256") give two values.
func readMISP(r io.Reader, o Options, emit Emit) error {
	m := &misp{document: newDocument(r), emit: emit, all: o.Context}
	return m.end(m.node())
}

type misp struct {
	*document
	emit   Emit
	all    bool // take what is not marked for detection, too
	events int
}

// node reads an event, or what events are wrapped in.
func (m *misp) node() error {
	b, err := m.open()
	switch {
	case err != nil || b == 0:
		return err
	case b == '[':
		return m.array(m.node)
	}
	m.events++
	e := event{misp: m, key: "event " + strconv.Itoa(m.events)}
	if err := m.object(e.field); err != nil {
		return err
	}
	return e.announce()
}

// event is one event while it is read: its attributes are emitted at once, what
// it says of itself is complete at its end.
type event struct {
	*misp
	key    string
	some   bool
	report ioc.Report
	stamp  moment
	date   moment
}

type mispTag struct {
	Name str `json:"name"`
}

func (e *event) field(key string) error {
	switch key {
	case "Event", "response":
		return e.node()
	case "Attribute":
		e.some = true
		return e.each(e.attribute)
	case "Object":
		e.some = true
		return e.each(e.group)
	case "Tag":
		return e.each(e.tag)
	case "Orgc":
		var org mispTag
		err := e.value(&org)
		e.report.Author = string(org.Name)
		return err
	}
	return e.scalar(key)
}

func (e *event) scalar(key string) error {
	var s str
	switch key {
	case "info", "uuid":
		e.some = true
		err := e.value(&s)
		if key == "info" {
			e.report.Name = string(s)
		} else {
			e.report.ID = string(s)
		}
		return err
	case "timestamp":
		return e.value(&e.stamp)
	case "date":
		return e.value(&e.date)
	}
	return e.skip()
}

func (e *event) announce() error {
	if !e.some {
		return nil
	}
	if e.report.ID == "" {
		e.report.ID = e.key
	}
	e.report.Created, e.report.Modified = e.date.Time, e.stamp.Time
	return e.emit(&Item{Member: ioc.Member{Report: e.key}, About: &e.report})
}

// galaxy is a tag that stands for a cluster of a MISP galaxy.
var galaxy = regexp.MustCompile(`^misp-galaxy:([a-z0-9-]+)="(.*)"$`)

var attackID = regexp.MustCompile(`\bT\d{4}(?:\.\d{3})?\b`)

// tag files a tag of the event under what it means.
func (e *event) tag(raw json.RawMessage) error {
	var t mispTag
	if json.Unmarshal(raw, &t) != nil || t.Name == "" {
		return nil //nolint:nilerr // a tag that is none costs the event nothing
	}
	r := &e.report
	if tlp, ok := strings.CutPrefix(strings.ToLower(string(t.Name)), "tlp:"); ok {
		r.TLP = ioc.StricterTLP(r.TLP, tlp)
		return nil
	}
	g := galaxy.FindStringSubmatch(string(t.Name))
	switch {
	case g == nil:
		r.Tags = append(r.Tags, string(t.Name))
	case strings.Contains(g[1], "attack-pattern"):
		r.Techniques = append(r.Techniques, firstNonEmpty(attackID.FindString(g[2]), g[2]))
	case g[1] == "threat-actor" || strings.Contains(g[1], "intrusion-set"):
		r.Adversary = join(r.Adversary, g[2])
	case g[1] == "malpedia" || strings.Contains(g[1], "malware") || g[1] == "ransomware" || g[1] == "rat" || g[1] == "tool" || g[1] == "botnet" || g[1] == "banker" || g[1] == "stealer":
		r.Families = append(r.Families, g[2])
	default:
		r.Tags = append(r.Tags, string(t.Name))
	}
	return nil
}

func firstNonEmpty(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// group reads the attributes of a MISP object.
func (e *event) group(raw json.RawMessage) error {
	var g struct {
		Name      str               `json:"name"`
		Deleted   flag              `json:"deleted"`
		Attribute []json.RawMessage `json:"Attribute"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		return e.emit(malformed(raw, 0, err))
	}
	if g.Deleted {
		return nil
	}
	for _, a := range g.Attribute {
		if err := e.attribute(a); err != nil {
			return err
		}
	}
	return nil
}

type mispAttribute struct {
	UUID      str    `json:"uuid"`
	Type      str    `json:"type"`
	Category  str    `json:"category"`
	Value     str    `json:"value"`
	Comment   str    `json:"comment"`
	ToIDs     flag   `json:"to_ids"`
	Deleted   flag   `json:"deleted"`
	Timestamp moment `json:"timestamp"`
}

func (e *event) attribute(raw json.RawMessage) error {
	var a mispAttribute
	if err := json.Unmarshal(raw, &a); err != nil {
		return e.emit(malformed(raw, 0, err))
	}
	if a.Deleted {
		return nil
	}
	if !a.ToIDs && (a.Type == "link" || a.Type == "url" && a.Category == "External analysis") {
		e.report.References = append(e.report.References, string(a.Value))
		return nil
	}
	if !bool(a.ToIDs) && !e.all {
		i := refuse(string(a.Value), NotForDetection, 0)
		i.Type, i.Report, i.Place = ioc.Type(a.Type), e.key, "attribute "+Clip(string(a.UUID), 40)
		return e.emit(i)
	}
	for _, p := range a.parts() {
		i := Item{Place: "attribute " + Clip(string(a.UUID), 40)}
		i.Report, i.Value, i.Title, i.Created = e.key, p.value, string(a.Comment), a.Timestamp.Time
		declare(&i.Member, p.typ)
		if p.typ != string(a.Type) {
			i.Declared = string(a.Type)
		}
		if err := e.emit(&i); err != nil {
			return err
		}
	}
	return nil
}

type typedValue struct{ typ, value string }

// parts takes a type of two parts apart. Of an address and its port one value
// is made; the port of a host name and the data of a registry value are left,
// since the first part is what a log has.
func (a *mispAttribute) parts() []typedValue {
	t, v := string(a.Type), string(a.Value)
	if t == "malware-sample" {
		t = "filename|md5"
	}
	t1, t2, two := strings.Cut(t, "|")
	v1, v2, both := strings.Cut(v, "|")
	if i := strings.LastIndexByte(v, '|'); t1 == "filename" && both { // a name may hold the sign, a hash does not
		v1, v2 = v[:i], v[i+1:]
	}
	switch {
	case !two || !both:
		return []typedValue{{t, v}}
	case t2 == "port" && strings.HasPrefix(t1, "ip-"):
		return []typedValue{{t, hostPort(v1, v2)}}
	case t2 == "port" || t2 == "value":
		return []typedValue{{t1, v1}}
	}
	return []typedValue{{t1, v1}, {t2, v2}}
}

func hostPort(addr, port string) string {
	if a, err := netip.ParseAddr(addr); err == nil && a.Is6() {
		addr = "[" + addr + "]"
	}
	return addr + ":" + port
}
