package filefmt

import (
	"strings"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// cutType parts "type:value", where type is one of our own names in any case.
// The value is the whole rest of the line. What could be a host and its port is
// none: behind the name stand digits alone, as in "url:8080". Only text takes
// these too, since it is the one name that says "whatever follows".
func cutType(s string) (t ioc.Type, value string, ok bool) {
	name, value, found := strings.Cut(s, ":")
	if !found {
		return "", "", false
	}
	t, known := ioc.ParseType(name)
	value = trim(value)
	if !known || value == "" || t != ioc.Text && strings.Trim(value, "0123456789") == "" {
		return "", "", false
	}
	return t, value, true
}

// isNamed reports whether a line of a list says the type of its value.
func isNamed(line string) bool {
	_, _, ok := cutType(unquoted(line))
	return ok
}

// unquoted takes off a bullet, and the quotes of a line that stands in some.
func unquoted(line string) string {
	line = unbulleted(line)
	if line != "" && strings.IndexByte("\"'`<", line[0]) >= 0 {
		return bare(line)
	}
	return line
}

// isFree reports whether a value of t can be any text, so that no sign in it
// can be told from what people put around values.
func isFree(t ioc.Type) bool {
	switch t {
	case ioc.Bitcoin, ioc.SSDeep, "":
		return false
	}
	f := t.Form()
	return f == ioc.Phrase || f == ioc.Exact || f == ioc.NotHuntable
}

// named reads a line that says the type of its value; done is false if the line
// has to be read as if it did not. Of free text only " # ", with blanks on both
// sides, begins a comment.
func (l *list) named(line string, no int64) (done bool, err error) {
	t, value, ok := cutType(unquoted(line))
	if !ok {
		return false, nil
	}
	if isFree(t) {
		value, comment, _ := strings.Cut(value, " # ")
		return true, l.typed(t, trim(value), trim(comment), no)
	}
	value, comment := cutComment(value)
	value = bare(value)
	if first, last, ok := addrRange(value); ok && (t == ioc.IP || t == ioc.IPv6 || t == ioc.CIDR) {
		return true, l.span(first, last, value, comment, no)
	}
	_, err = canon.Observable(t, value)
	if err != nil && (value == "" || strings.ContainsAny(value, " \t,;|")) {
		return false, nil // "Domains: a.example, b.example" and the like
	}
	return true, l.typed(t, value, comment, no)
}
