package es

import (
	"bytes"
	"encoding/json"
	"slices"
)

// maxPage is index.max_result_window: how many documents an answer can hold.
const maxPage = 10000

// rest collects the members of an object that are few, for encoding/json.
type rest []byte

func (o *rest) add(name, value []byte) {
	b := *o
	if len(b) == 0 {
		b = append(b, '{')
	} else {
		b = append(b, ',')
	}
	// the name is plain: it needs no escapes
	b = append(append(append(b, '"'), name...), `":`...)
	b = append(b, value...)
	*o = b
}

// into decodes what was collected.
func (o *rest) into(v any) bool {
	if len(*o) == 0 {
		return true
	}
	return json.Unmarshal(append(*o, '}'), v) == nil
}

// read implements quick.
func (x *Result) read(body []byte) bool {
	r := reader{b: body}
	if x.take(&r) && r.end() {
		return true
	}
	*x = Result{}
	return false
}

// take reads an answer to a search: its documents here, the rest by
// encoding/json.
func (x *Result) take(r *reader) bool {
	var outer, inner rest
	var hits []Hit
	documents := func(name []byte, plain bool) bool {
		if string(name) == "hits" {
			return r.array(func() bool {
				from := r.i
				hits = append(hits, Hit{})
				ok := hits[len(hits)-1].take(r)
				if len(hits) == 1 { // the others are about as long
					hits = slices.Grow(hits, min((len(r.b)-r.i)/(r.i-from+1), maxPage))
				}
				return ok
			})
		}
		return plain && member(r, &inner, name)
	}
	if !r.object(func(name []byte, plain bool) bool {
		if string(name) == "hits" && r.next() == '{' {
			return r.object(documents)
		}
		return plain && member(r, &outer, name)
	}) {
		return false
	}
	if !outer.into(x) || !inner.into(&x.Hits) {
		return false
	}
	x.Hits.Hits = hits
	return true
}

// member passes the value of a member on to encoding/json.
func member(r *reader, to *rest, name []byte) bool {
	raw, ok := r.raw()
	if ok {
		to.add(name, raw)
	}
	return ok
}

// take reads a document.
func (h *Hit) take(r *reader) bool {
	return r.object(func(name []byte, plain bool) (ok bool) {
		switch string(name) {
		case "_index":
			h.Index, ok = r.name()
		case "_id":
			h.ID, ok = r.text()
		case "_seq_no":
			h.SeqNo, ok = r.integer()
		case "_primary_term":
			h.PrimaryTerm, ok = r.integer()
		case "_source":
			h.Source, ok = r.raw()
		case "fields":
			h.Fields = make(map[string]json.RawMessage)
			ok = r.object(func(name []byte, plain bool) (ok bool) {
				h.Fields[r.often(name)], ok = r.raw()
				return ok && plain
			})
		case "_ignored":
			ok = r.array(func() bool {
				s, ok := r.name()
				h.Ignored = append(h.Ignored, s)
				return ok
			})
		case "sort":
			ok = r.array(func() bool {
				v, ok := r.raw()
				h.Sort = append(h.Sort, v)
				return ok
			})
		default:
			_, ok = r.raw()
		}
		return ok && plain
	})
}

// results is the answer to several searches.
type results struct{ Responses []*Result }

// read implements quick.
func (x *results) read(body []byte) bool {
	r := reader{b: body}
	ok := r.object(func(name []byte, plain bool) bool {
		if string(name) != "responses" {
			_, ok := r.raw()
			return ok && plain
		}
		return r.array(func() bool {
			x.Responses = append(x.Responses, &Result{})
			return x.Responses[len(x.Responses)-1].take(&r)
		})
	})
	if ok && r.end() {
		return true
	}
	*x = results{}
	return false
}

// listing is the answer to _terms_enum.
type listing struct {
	Shards   shards `json:"_shards"`
	Terms    []string
	Complete bool
}

// read implements quick. The values share the memory of one text.
func (x *listing) read(body []byte) bool {
	r := reader{b: body}
	all := string(body)
	var others rest
	ok := r.object(func(name []byte, plain bool) bool {
		if string(name) != "terms" {
			return plain && member(&r, &others, name)
		}
		x.Terms = make([]string, 0, min(bytes.Count(body, []byte{','})+1, MaxEnum))
		return r.array(func() bool {
			raw, plain, ok := r.quoted()
			switch {
			case !ok:
				return false
			case plain:
				x.Terms = append(x.Terms, all[r.i-len(raw)+1:r.i-1])
				return true
			}
			var s string
			ok = json.Unmarshal(raw, &s) == nil
			x.Terms = append(x.Terms, s)
			return ok
		})
	})
	if ok && r.end() && others.into(x) {
		return true
	}
	*x = listing{}
	return false
}
