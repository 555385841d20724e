package indices

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// Free text has no values to compare, but words: what the field's analyzer has
// made of it. A name is one word of "www.evil.example/x" or several, as the
// analyzer will, and evil[.]example is two. So free text is read document by
// document and searched here (scan.go), unless Source.Text says that values as
// they are written will do: then each value's longest word is asked for, as the
// rarest one in all likelihood, and the documents that have it are looked at.

// errNoSource says that a field cannot be read.
var errNoSource = errors.New("the index does not keep all of _source, and nothing else holds the field's values: leave the field out, or keep _source")

// readable reports whether a field can be read from the documents: one that stands
// in _source alone cannot where the index does not keep that.
func (s *sweep) readable(t *target) bool { return !s.ix.sourceLess || byDocValues(t) }

const (
	analyzed  = 500 // values in one request; index.analyze.max_token_count is 10,000
	shortWord = 4   // letters of a word that is in so many documents that the whole phrase is asked for
	phrases   = 500 // in one query
)

// tokens finds candidates by the words of what is listed.
func (s *sweep) tokens(ctx context.Context, t *target) error {
	var values []string
	for id := range uint32(s.set.Len()) {
		if o := s.set.Observable(id); t.types.has(o.Type) && o.Type != ioc.CIDR {
			values = append(values, o.Value)
		}
	}
	if err := s.damage(); err != nil {
		return err
	}
	t.use.add(func(x *PlanUse) { x.Values = int64(len(values)) })
	for from := 0; from < len(values); from += 16 * analyzed {
		if err := s.byWords(ctx, t, values[from:min(len(values), from+16*analyzed)]); err != nil {
			return err
		}
	}
	return nil
}

// byWords judges the documents with the longest words of values.
func (s *sweep) byWords(ctx context.Context, t *target, values []string) error {
	var words, whole []string
	for from := 0; from < len(values); from += analyzed {
		part := values[from:min(len(values), from+analyzed)]
		longest, err := s.longestWords(ctx, t, part)
		if err != nil {
			return err
		}
		for i, w := range longest {
			if utf8.RuneCountInString(w) < shortWord {
				whole = append(whole, part[i])
			} else {
				words = append(words, w)
			}
		}
	}
	for _, c := range cut(nil, t, words, s.maxTerms()) {
		if err := s.candidates(ctx, t.use, es.M{"terms": es.M{s.textName(t): json.RawMessage(c.list)}}); err != nil {
			return err
		}
	}
	return s.byPhrases(ctx, t, whole)
}

func (s *sweep) byPhrases(ctx context.Context, t *target, values []string) error {
	for len(values) > 0 {
		n := min(len(values), phrases)
		var should []es.M
		for _, v := range values[:n] {
			should = append(should, es.M{"match_phrase": es.M{s.textName(t): v}})
		}
		if err := s.candidates(ctx, t.use, es.M{"bool": es.M{"should": should, "minimum_should_match": 1}}); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

// textName returns the name by which the words of a field are asked for.
func (s *sweep) textName(t *target) string { return t.Name }

// errWords says that the analyzer does not keep words apart.
var errWords = errors.New(`its analyzer does not keep the words of different values apart: set text to "stream"`)

// longestWords returns the longest word that the field's analyzer makes of each
// value, "" for none. A word of our own stands between the values.
func (s *sweep) longestWords(ctx context.Context, t *target, values []string) ([]string, error) {
	between := strings.ToLower(rand.Text())
	text := make([]string, 0, 2*len(values))
	for _, v := range values {
		text = append(text, v, between)
	}
	raw, err := json.Marshal(es.M{"field": s.textName(t), "text": text})
	if err != nil {
		return nil, err
	}
	var x struct{ Tokens []struct{ Token string } }
	if err := s.c.Do(ctx, es.Request{Method: http.MethodPost, Path: "/" + es.Escape(s.ix.Name) + "/_analyze", Body: raw}, &x); err != nil {
		return nil, err
	}
	t.use.add(func(u *PlanUse) { u.Requests++ })
	out, at := make([]string, len(values)), 0
	for _, w := range x.Tokens {
		switch {
		case w.Token == between:
			at++
		case at >= len(out):
			return nil, errWords
		case len(w.Token) > len(out[at]):
			out[at] = w.Token
		}
	}
	if at != len(values) {
		return nil, errWords
	}
	return out, nil
}
