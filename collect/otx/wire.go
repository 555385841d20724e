package otx

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// wrongType is a value whose JSON type cannot be put up with.
type wrongType struct{ want, got string }

func (e *wrongType) Error() string { return "where " + e.want + " should be stands " + e.got }

func kind(b []byte) string {
	switch b[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 'n':
		return "null"
	}
	return clip(string(b), 40)
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// text is a string that matters: null is empty, a number or boolean is its
// text, anything else is an error.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '"':
		if plain := b[1 : len(b)-1]; bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
			*t = text(plain)
			return nil
		}
		return json.Unmarshal(b, (*string)(t))
	case '{', '[':
		return &wrongType{"text", kind(b)}
	case 'n':
		*t = ""
	default:
		*t = text(b)
	}
	return nil
}

// loose is a string that adds context: an object stands for the name in it,
// and a list for nothing.
type loose string

// UnmarshalJSON implements json.Unmarshaler.
func (l *loose) UnmarshalJSON(b []byte) error {
	if b[0] != '{' {
		return (*scalar)(l).UnmarshalJSON(b)
	}
	var n named
	err := n.UnmarshalJSON(b)
	*l = loose(n.name)
	return err
}

// scalar is a string that adds context: what is no text is empty.
type scalar string

// UnmarshalJSON implements json.Unmarshaler.
func (s *scalar) UnmarshalJSON(b []byte) error {
	*s = ""
	if b[0] == '{' || b[0] == '[' {
		return nil
	}
	return (*text)(s).UnmarshalJSON(b)
}

// date is a time as the service writes it.
type date struct {
	time.Time
	unread bool // there was something, but no date
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *date) UnmarshalJSON(b []byte) error {
	*d = date{}
	var s strict
	if err := s.UnmarshalJSON(b); err != nil || s == (strict{}) {
		return err
	}
	t, ok := parseTime(s.text)
	d.Time, d.unread = t, !ok
	return nil
}

// Layouts of times: without a zone they mean UTC. Go reads a fraction of a
// second behind any of them.
var layouts = []string{"2006-01-02T15:04:05", time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02T15:04", "2006-01-02"}

func parseTime(s string) (time.Time, bool) {
	s = strings.Replace(strings.TrimSpace(s), " ", "T", 1)
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// flag is a boolean that may come as a number or a text. What is neither
// leaves it as it was, so that the default is set beforehand.
type flag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *flag) UnmarshalJSON(b []byte) error {
	s := strings.ToLower(strings.Trim(string(b), `"`))
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		*f = n != 0
	} else if v, err := strconv.ParseBool(s); err == nil {
		*f = flag(v)
	}
	return nil
}

// number is a count; what is no number is -1.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	*n = -1
	s := strings.Trim(string(b), `"`)
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		*n = number(i)
	} else if f, err := strconv.ParseFloat(s, 64); err == nil && f >= 0 && f < 1<<53 {
		*n = number(f)
	}
	return nil
}

// named is an entry of a list that may be a text or an object.
type named struct{ id, name string }

// UnmarshalJSON implements json.Unmarshaler.
func (e *named) UnmarshalJSON(b []byte) error {
	*e = named{}
	if b[0] != '{' {
		var l scalar
		err := l.UnmarshalJSON(b)
		e.id, e.name = string(l), string(l)
		return err
	}
	var o struct {
		ID       scalar `json:"id"`
		Name     scalar `json:"name"`
		Display  scalar `json:"display_name"`
		Username scalar `json:"username"`
	}
	if err := json.Unmarshal(b, &o); err != nil {
		return err
	}
	e.id, e.name = string(o.ID), firstOf(string(o.Display), string(o.Username), string(o.Name), string(o.ID))
	return nil
}

func firstOf(ss ...string) string {
	for _, s := range ss {
		if s = strings.TrimSpace(s); s != "" {
			return s
		}
	}
	return ""
}

// list is a list of such entries; one text stands for a list of one.
type list []named

// UnmarshalJSON implements json.Unmarshaler.
func (l *list) UnmarshalJSON(b []byte) error {
	*l = nil
	if b[0] == '[' {
		return json.Unmarshal(b, (*[]named)(l))
	}
	var one named
	err := one.UnmarshalJSON(b)
	*l = list{one}
	return err
}

// names returns the entries' names, blank ones dropped.
func (l list) names() []string {
	return l.pick(func(e named) string { return e.name })
}

// ids returns the entries' ids where they have one.
func (l list) ids() []string {
	return l.pick(func(e named) string { return firstOf(e.id, e.name) })
}

func (l list) pick(f func(named) string) []string {
	var out []string
	for _, e := range l {
		if s := strings.TrimSpace(f(e)); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// revision writes 2 and 2.0 alike.
func revision(s string) string {
	if f, err := strconv.ParseFloat(s, 64); err == nil && f == float64(int64(f)) && f < 1<<53 && f > -1<<53 {
		return strconv.FormatInt(int64(f), 10)
	}
	return clip(s, 40)
}

// strict is a text that matters: one of the wrong type says what it is.
type strict struct{ text, wrong string }

// UnmarshalJSON implements json.Unmarshaler.
func (s *strict) UnmarshalJSON(b []byte) error {
	*s = strict{}
	var t text
	err := t.UnmarshalJSON(b)
	var w *wrongType
	if errors.As(err, &w) {
		s.wrong, err = w.Error(), nil
	}
	s.text = string(t)
	return err
}

// wireIndicator is an indicator as a pulse holds it.
type wireIndicator struct {
	ID          loose  `json:"id"`
	OldID       loose  `json:"_id"` // 2015
	Indicator   strict `json:"indicator"`
	Type        strict `json:"type"`
	Created     date   `json:"created"`
	Title       loose  `json:"title"`
	Description loose  `json:"description"`
	Content     loose  `json:"content"`
	Role        loose  `json:"role"`
	Expiration  date   `json:"expiration"`
	Active      flag   `json:"is_active"`
}

func (w *wireIndicator) indicator() (Indicator, error) {
	in := Indicator{
		ID: firstOf(string(w.ID), string(w.OldID)), Value: w.Indicator.text, Type: strings.TrimSpace(w.Type.text),
		Title: string(w.Title), Description: string(w.Description), Content: string(w.Content), Role: string(w.Role),
		Created: w.Created.Time, Expires: w.Expiration.Time, Active: bool(w.Active),
	}
	switch {
	case w.Indicator.wrong != "":
		return in, errors.New(w.Indicator.wrong)
	case w.Type.wrong != "":
		return in, errors.New(w.Type.wrong)
	case strings.TrimSpace(in.Value) == "":
		return in, errors.New("it has no value")
	case len(in.Type) > 64:
		return in, errors.New("its type is longer than any name")
	case w.Expiration.unread:
		return in, errors.New("its expiration is no date")
	}
	return in, nil
}
