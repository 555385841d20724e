package stix

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// What is below reads JSON that json.Valid has accepted, without copying it: a
// property is the part of the text that is its value. Publishers change the
// types of properties, so each is read as what it can be taken for, and one odd
// property does not cost its object.

// jMembers calls f with each property of the object that raw is. Of two with
// one key the second comes later, and so wins.
func jMembers(raw []byte, f func(key string, val []byte)) {
	i := jSpace(raw, 0)
	if i == len(raw) || raw[i] != '{' {
		return
	}
	for i = jSpace(raw, i+1); i < len(raw) && raw[i] != '}'; {
		end := jSkip(raw, i)
		key := raw[i:end]
		i = jSpace(raw, jSpace(raw, end)+1) // over the colon
		end = jSkip(raw, i)
		if bytes.IndexByte(key, '\\') >= 0 {
			f(jText(key), raw[i:end])
		} else {
			f(string(key[1:len(key)-1]), raw[i:end])
		}
		if i = jSpace(raw, end); i < len(raw) && raw[i] == ',' {
			i = jSpace(raw, i+1)
		}
	}
}

// jElements calls f with each element of the list that raw is.
func jElements(raw []byte, f func(val []byte)) {
	if len(raw) == 0 || raw[0] != '[' {
		return
	}
	for i := jSpace(raw, 1); i < len(raw) && raw[i] != ']'; {
		end := jSkip(raw, i)
		f(raw[i:end])
		if i = jSpace(raw, end); i < len(raw) && raw[i] == ',' {
			i = jSpace(raw, i+1)
		}
	}
}

// jSpace returns the place of the next byte at or behind i that is no space.
func jSpace(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\t' || raw[i] == '\r') {
		i++
	}
	return i
}

// jSkip returns the place behind the value that begins at i.
func jSkip(raw []byte, i int) int {
	depth := 0
	for i < len(raw) {
		switch raw[i] {
		case '"':
			i = jString(raw, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\n', '\t', '\r':
			i++
		default:
			for i < len(raw) && strings.IndexByte(",]} \n\t\r", raw[i]) < 0 {
				i++
			}
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

// jString returns the place behind the string that begins at i.
func jString(raw []byte, i int) int {
	for i++; i < len(raw); i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(raw)
}

// jText returns a string; a number or a truth value is its own spelling,
// anything else is nothing.
func jText(val []byte) string {
	switch {
	case len(val) == 0 || val[0] == '{' || val[0] == '[' || val[0] == 'n':
		return ""
	case val[0] != '"':
		return string(val)
	case bytes.IndexByte(val, '\\') < 0:
		return strings.ToValidUTF8(string(val[1:len(val)-1]), "\uFFFD")
	}
	var s string
	if json.Unmarshal(val, &s) != nil {
		return ""
	}
	return s
}

// jTexts returns a list of texts; a single text is a list of one. What is empty
// is left out.
func jTexts(val []byte) []string {
	var out []string
	add := func(v []byte) {
		if s := jText(v); s != "" {
			out = append(out, s)
		}
	}
	if len(val) > 0 && val[0] == '[' {
		jElements(val, add)
	} else {
		add(val)
	}
	return out
}

// jFlag returns a truth value: true and "true", 1 and "1" are true.
func jFlag(val []byte) bool {
	switch strings.ToLower(jText(val)) {
	case "true", "1":
		return true
	}
	return false
}

// jPercent returns a number from 0 to 100.
func jPercent(val []byte) uint8 {
	f, err := strconv.ParseFloat(jText(val), 64)
	if err != nil || f != f {
		return 0
	}
	return uint8(max(0, min(f, 100)))
}

var jTimes = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"}

// jTime returns a time; one without a zone is UTC, and what is no time is none.
func jTime(val []byte) time.Time {
	s := jText(val)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range jTimes {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// jClip returns s as valid UTF-8 of at most n bytes; a mark shows where it was cut.
func jClip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
