package taxiitest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cursor2 is a walk over a collection that the server remembers.
type cursor2 struct {
	objects []Object2
	at      int
	query   string
	pages   int
}

// date writes a date as the headers have it.
func (s *TAXII2) date(t time.Time) string {
	layout := "2006-01-02T15:04:05"
	if s.Digits > 0 {
		layout += "." + strings.Repeat("0", s.Digits)
	}
	return t.UTC().Format(layout) + "Z"
}

func idOf2(o Object2) (id, version string) {
	var v struct{ ID, Type, Modified, Created string }
	_ = json.Unmarshal([]byte(o.JSON), &v) // what is no JSON has no id
	if v.Modified == "" {
		v.Modified = v.Created
	}
	return v.ID, v.Modified
}

// selected are the objects that a question is about, by added_after and match.
func (s *TAXII2) selected(c *Collection2, q Request2) (out []Object2, bad string) {
	after, err := time.Parse(time.RFC3339, q.Query.Get("added_after"))
	if q.Query.Get("added_after") == "" || s.Faults.IgnoreAddedAfter {
		after, err = time.Time{}, nil
	}
	if err != nil {
		return nil, "added_after"
	}
	for _, o := range c.Objects {
		if (o.Added.After(after) || s.Inclusive && o.Added.Equal(after)) && matches2(o, q) {
			out = append(out, o)
		}
	}
	if q.Query.Get("match[version]") != "all" {
		out = newest2(out)
	}
	return out, ""
}

func matches2(o Object2, q Request2) bool {
	var v struct{ ID, Type string }
	_ = json.Unmarshal([]byte(o.JSON), &v)
	in := func(name, value string) bool {
		want := q.Query.Get("match[" + name + "]")
		return want == "" || slices.Contains(strings.Split(want, ","), value)
	}
	return in("id", v.ID) && in("type", v.Type)
}

// newest2 keeps the last version of each id, as servers do unless asked for others.
func newest2(objects []Object2) []Object2 {
	last := map[string]int{}
	for i, o := range objects {
		if id, _ := idOf2(o); id != "" {
			last[id] = i
		}
	}
	var out []Object2
	for i, o := range objects {
		if id, _ := idOf2(o); id == "" || last[id] == i {
			out = append(out, o)
		}
	}
	return out
}

// paged answers with a page of TAXII 2.1.
func (s *TAXII2) paged(c *Collection2, q Request2, manifest bool) reply2 {
	all, bad := s.selected(c, q)
	limit := len(all)
	if v := q.Query.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return problem2(http.StatusBadRequest, "The limit parameter cannot be negative or zero.")
		}
		limit = n
	}
	if bad != "" {
		return problem2(http.StatusBadRequest, "The server did not understand the request or filter parameters: '"+bad+"' cannot contain letters")
	}
	size := limit
	if s.PageSize > 0 {
		size = min(size, s.PageSize)
	}
	at, cur, wrong := s.position(q, all)
	if wrong.status != 0 {
		return wrong
	}
	if cur != nil {
		all = cur.objects
	}
	p := page2{from: at, to: min(at+size, len(all))}
	if s.Faults.EmptyEvery > 0 && cur != nil && cur.pages%s.Faults.EmptyEvery == s.Faults.EmptyEvery-1 {
		p.to = at
	}
	p.all, p.objects, p.more = all, all[at:p.to], p.to < len(all)
	if s.Faults.MostObjects > 0 && limit > s.Faults.MostObjects || s.Faults.Poison != "" && bytes.Contains(s.text(p.objects, manifest), []byte(s.Faults.Poison)) {
		return reply2{status: http.StatusInternalServerError, kind: "html"}
	}
	p.next = s.next(q, cur, p)
	return s.envelope(p, manifest)
}

// page2 is a page under way.
type page2 struct {
	all, objects []Object2
	from, to     int
	more         bool
	next         string
}

// position finds where in the objects a question goes on.
func (s *TAXII2) position(q Request2, all []Object2) (at int, cur *cursor2, wrong reply2) {
	next := q.Query.Get("next")
	if next == "" || s.Faults.IgnoreNext {
		return 0, &cursor2{objects: all, query: s.filters(q)}, reply2{}
	}
	if s.Faults.NeedLimit && q.Query.Get("limit") == "" {
		return 0, nil, reply2{status: http.StatusInternalServerError, kind: "html"}
	}
	cur = s.cursors[next]
	if s.Next == Offset2 {
		n, err := strconv.Atoi(strings.TrimPrefix(next, "from-"))
		if err == nil && n >= 0 && n <= len(all) {
			return n, &cursor2{objects: all, at: n, pages: n}, reply2{}
		}
	}
	if cur == nil || s.Next == Cursor2 && cur.query != s.filters(q) {
		return 0, nil, problem2(http.StatusBadRequest, "The server did not understand the request or filter parameters: 'next' not valid.")
	}
	return cur.at, cur, reply2{}
}

// filters are the parameters that must stay the same over the pages.
func (s *TAXII2) filters(q Request2) string {
	v := maps.Clone(q.Query)
	v.Del("next")
	return v.Encode()
}

// next moves the server on and names the next page.
func (s *TAXII2) next(q Request2, cur *cursor2, p page2) string {
	cur.at = p.to
	cur.pages++
	if !p.more && !s.Faults.NextAlways && !s.Faults.MoreForever {
		delete(s.cursors, q.Query.Get("next"))
		return ""
	}
	switch s.Next {
	case Offset2:
		return fmt.Sprintf("from-%d", p.to)
	case Cursor2:
		name := q.Query.Get("next")
		if name == "" {
			name = rand.Text()
		}
		if s.cursors == nil {
			s.cursors = map[string]*cursor2{}
		}
		s.cursors[name] = cur
		return name
	}
	return ""
}

// envelope writes a page.
func (s *TAXII2) envelope(p page2, manifest bool) reply2 {
	var b bytes.Buffer
	b.WriteByte('{')
	more := (p.more || s.Faults.MoreForever) && !s.Faults.NoMore
	if more || !s.Faults.NoMore && len(p.objects) > 0 {
		fmt.Fprintf(&b, `"more": %v, `, more)
	}
	if p.next != "" {
		fmt.Fprintf(&b, `"next": %q, `, p.next)
	}
	if len(p.objects) > 0 || b.Len() > 1 {
		fmt.Fprintf(&b, `"objects": [%s]`, s.text(p.objects, manifest))
	}
	b.WriteByte('}')
	return reply2{status: http.StatusOK, body: b.Bytes(), header: s.dates(p)}
}

// dates are the headers of a page.
func (s *TAXII2) dates(p page2) map[string]string {
	objects := p.objects
	if s.Dates == GlobalDates2 {
		objects = p.all
	}
	if len(objects) == 0 || s.Dates == NoDates2 || s.Dates == SomeDates2 && p.from%2 == 1 {
		return nil
	}
	byDate := func(a, b Object2) int { return a.Added.Compare(b.Added) }
	first, last := s.date(slices.MinFunc(objects, byDate).Added), s.date(slices.MaxFunc(objects, byDate).Added)
	if s.Dates == SwappedDates2 {
		first, last = last, first
	}
	return map[string]string{"X-TAXII-Date-Added-First": first, "X-TAXII-Date-Added-Last": last}
}

var range2 = regexp.MustCompile(`^items[= ](\d+)-(\d+)$`)

// ranged answers with items of TAXII 2.0.
func (s *TAXII2) ranged(c *Collection2, q Request2, manifest bool) reply2 {
	all, bad := s.selected(c, q)
	if bad != "" {
		return problem2(http.StatusBadRequest, "'"+bad+"' not valid.")
	}
	asked := q.Header.Get("Range")
	m := range2.FindStringSubmatch(asked)
	if asked != "" && (m == nil || s.Faults.SpaceRange && strings.Contains(asked, "=")) {
		return problem2(http.StatusBadRequest, "Bad Range header supplied")
	}
	p := page2{all: all, to: len(all)}
	if m != nil && !s.Faults.IgnoreRange {
		p.from, _ = strconv.Atoi(m[1])
		p.to, _ = strconv.Atoi(m[2])
		p.to = min(p.to+1, len(all))
	}
	if s.PageSize > 0 {
		p.to = min(p.to, p.from+s.PageSize)
	}
	if p.from >= len(all) && p.from > 0 {
		a := problem2(http.StatusRequestedRangeNotSatisfiable, "out of range")
		a.header = map[string]string{"Content-Range": fmt.Sprintf("items */%d", len(all))}
		return a
	}
	p.objects = all[p.from:p.to]
	text := s.text(p.objects, manifest)
	if s.Faults.MostObjects > 0 && len(p.objects) > s.Faults.MostObjects || s.Faults.Poison != "" && bytes.Contains(text, []byte(s.Faults.Poison)) {
		return reply2{status: http.StatusInternalServerError, kind: "html"}
	}
	return s.bundle(p, text, manifest, m != nil && !s.Faults.IgnoreRange || len(p.objects) < len(all))
}

func (s *TAXII2) bundle(p page2, text []byte, manifest, partial bool) reply2 {
	a := reply2{status: http.StatusOK, kind: TypeStix20, header: s.dates(p)}
	a.body = fmt.Appendf(nil, `{"type": "bundle", "id": "bundle--%08d-0000-4000-8000-000000000000", "spec_version": "2.0", "objects": [%s]}`, p.from, text)
	if manifest {
		a.kind, a.body = Type20, fmt.Appendf(nil, `{"objects": [%s]}`, text)
	}
	if partial {
		if a.header == nil {
			a.header = map[string]string{}
		}
		a.status = http.StatusPartialContent
		a.header["Content-Range"] = fmt.Sprintf("items %d-%d/%d", p.from, max(p.to-1, p.from), len(p.all))
	}
	return a
}
