package otxtest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// get answers a GET. The server's mutex is held; what an answer writes later
// it reads from entries, which never change.
func (s *Server) get(q query) answer {
	all := func(*entry) bool { return true }
	switch {
	case q.match("pulses", "subscribed"):
		return s.list(q, view{}, s.st.subscribed)
	case q.match("pulses", "activity"):
		return s.list(q, view{noTLP: true}, func(e *entry) bool { return !e.private })
	case q.match("pulses", "my"):
		return s.list(q, view{}, func(e *entry) bool { return e.author == s.account.User })
	case q.match("pulses", "user", "*"):
		return s.list(q, view{}, func(e *entry) bool { return e.author == q.segs[2] })
	case q.match("pulses", "events"):
		return s.events(q)
	case q.match("search", "pulses"):
		return s.search(q, all)
	case q.match("pulses", "*"):
		return s.one(q, func(e *entry) answer { return s.pulse(e) })
	case q.match("pulses", "*", "indicators"):
		return s.one(q, func(e *entry) answer { return s.indicators(q, e) })
	case q.match("pulses", "*", "*"), q.match("users", "*", "*"):
		return s.act(q)
	case q.match("users", "*"):
		return s.user(q.segs[1])
	case q.match("indicators", "*", "*", "*"):
		return s.details(q.segs[1], q.segs[2], q.segs[3])
	}
	return detail(http.StatusNotFound, detailNoPath)
}

// one finds the pulse that the path names.
func (s *Server) one(q query, then func(*entry) answer) answer {
	if e := s.st.byID[q.segs[1]]; e != nil {
		return then(e)
	}
	return detail(http.StatusNotFound, detailNotFound)
}

// act does what the service does on a mere GET.
func (s *Server) act(q query) answer {
	what, action := q.segs[1], q.segs[2]
	if q.segs[0] == "pulses" && s.st.byID[what] == nil {
		return detail(http.StatusNotFound, detailNotFound)
	}
	switch {
	case action == "subscribe", action == "unsubscribe":
		s.st.follow(what, action == "subscribe")
	case action == "delete" && q.segs[0] == "pulses":
		if err := s.st.remove(what); err != nil {
			return detail(http.StatusNotFound, err.Error())
		}
	default:
		return detail(http.StatusNotFound, detailNoPath)
	}
	return problem(http.StatusOK, `{"status":"ok"}`)
}

// window is the part of a list that a page shows.
func window(n, page, limit int) (from, to int) {
	from = min((page-1)*limit, n)
	if from < 0 { // page * limit left the range of int
		from = n
	}
	return from, min(from+limit, n)
}

// size is the service's idea of how many results make a page.
func (s *Server) size(q query) int {
	const unasked = 10
	limit := or(q.limit, unasked)
	if s.account.MaxLimit > 0 {
		limit = min(limit, s.account.MaxLimit)
	}
	return min(limit, 1<<20)
}

// list answers with the pulses that keep and the query say.
func (s *Server) list(q query, v view, keep func(*entry) bool) answer {
	author, since := q.args.Get("author_name"), q.since
	found := s.st.list(func(e *entry) bool {
		return !e.modified.Before(since) && (author == "" || e.author == author) && keep(e)
	})
	page, limit, empty := q.page, s.size(q), 0
	if hole := s.account.EmptyPage; hole > 0 && q.match("pulses", "subscribed") {
		switch {
		case page == hole:
			empty = 1
		case page > hole:
			page--
		}
	}
	from, to := window(len(found), page, limit)
	more := to < len(found)
	if empty > 0 {
		more, to = from < len(found), from
	}
	g := s.st.gen
	part := found[from:to]
	ans := answer{status: http.StatusOK}
	for _, e := range part {
		ans.pulses = append(ans.pulses, e.id)
	}
	ans.body = func(e *encoder, t *tweaks) {
		s.frame(e, t, q, len(found), more, func() { writePulses(e, t, g, v, part) })
		e.raw(`,"prefetch_pulse_ids":false,"t":0,"t2":0.0050694942474365234,"t3":2.7960586547851562}`)
	}
	return ans
}

func writePulses(e *encoder, t *tweaks, g generator, v view, part []*entry) {
	for i, en := range part {
		if i > 0 {
			e.raw(",")
		}
		if t.first && i == 0 {
			e.bad = en.id
		}
		p := g.headOf(en)
		pv := view{detail: v.detail, noTLP: v.noTLP && en.modified.Unix()%3 == 0}
		e.pulse(p, pv, g.each(en, 0, or(p.Embedded, -1), false))
		if e.err != nil {
			return
		}
	}
}

// frame writes what is around the results of every paged answer, but for the
// last brace.
func (s *Server) frame(e *encoder, t *tweaks, q query, count int, more bool, results func()) {
	e.raw(`{"results":[`)
	results()
	e.raw("]")
	e.num("count", int64(count+t.count))
	prev, next := "", ""
	if q.page > 1 {
		prev = s.link(q, q.page-1)
	}
	if more {
		next = s.link(q, q.page+1)
	}
	if t.next != nil {
		next = t.next(next, s.link(q, q.page))
	}
	e.nullable("previous", prev)
	e.nullable("next", next)
}

func (e *encoder) nullable(name, s string) {
	if s == "" {
		e.key(name)
		e.raw("null")
		return
	}
	e.text(name, s)
}

// link is the address of another page of the same list: the parameters are
// copied, as on the service.
func (s *Server) link(q query, page int) string {
	args := url.Values{}
	for k, v := range q.args {
		args[k] = v
	}
	args.Set("page", strconv.Itoa(page))
	base := s.account.PublicURL
	if base == "" {
		base = "http://" + q.r.Host
		if q.r.TLS != nil {
			base = "https://" + q.r.Host
		}
	}
	return base + q.r.URL.EscapedPath() + "?" + args.Encode()
}

func (s *Server) pulse(en *entry) answer {
	g := s.st.gen
	return answer{status: http.StatusOK, pulses: []string{en.id}, body: func(e *encoder, _ *tweaks) {
		p := g.headOf(en)
		e.pulse(p, view{detail: true}, g.each(en, 0, or(p.Embedded, -1), false))
	}}
}

func (s *Server) indicators(q query, en *entry) answer {
	g := s.st.gen
	all, n := g.counts(en)
	inactive := q.args.Get("include_inactive") == "1"
	if inactive {
		n = all
	}
	from, to := window(n, q.page, s.size(q))
	return answer{status: http.StatusOK, pulses: []string{en.id}, body: func(e *encoder, t *tweaks) {
		s.frame(e, t, q, n, to < n, func() { e.indicators(g.each(en, from, to, inactive)) })
		e.raw("}")
	}}
}

// events lists subscriptions, their ends and deletions, newest first as every
// list is.
func (s *Server) events(q query) answer {
	var found []event
	for i := len(s.st.events) - 1; i >= 0; i-- {
		if ev := s.st.events[i]; !ev.created.Before(q.since) {
			found = append(found, ev)
		}
	}
	from, to := window(len(found), q.page, s.size(q))
	return answer{status: http.StatusOK, body: func(e *encoder, t *tweaks) {
		s.frame(e, t, q, len(found), to < len(found), func() {
			for i, ev := range found[from:to] {
				if i > 0 {
					e.raw(",")
				}
				e.event(ev)
			}
		})
		e.raw("}")
	}}
}

func (e *encoder) event(ev event) {
	e.raw("{")
	e.num("id", int64(ev.id))
	e.text("action", ev.action)
	e.text("object_type", ev.kind)
	e.text("object_id", ev.what)
	e.time("created", ev.created)
	e.raw("}")
}

// search looks for q in names, descriptions, authors and tags. The service
// gives ten pages and no more.
func (s *Server) search(q query, keep func(*entry) bool) answer {
	const pages = 10
	want := strings.ToLower(q.args.Get("q"))
	g := s.st.gen
	found := s.st.list(func(e *entry) bool {
		p := g.headOf(e)
		text := strings.Join([]string{p.Name, p.Description, p.Author, strings.Join(p.Tags, " ")}, "\n")
		return keep(e) && !e.private && strings.Contains(strings.ToLower(text), want)
	})
	limit := s.size(q)
	from, to := window(len(found), q.page, limit)
	if q.page > pages {
		from, to = 0, 0
	}
	more := to < len(found) && q.page < pages
	return answer{status: http.StatusOK, body: func(e *encoder, t *tweaks) {
		s.frame(e, t, q, len(found), more, func() { writePulses(e, t, g, view{}, found[from:to]) })
		e.raw(`,"exact_match":""}`)
	}}
}
