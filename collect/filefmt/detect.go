package filefmt

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"

	"github.com/iochunt/iochunt/internal/canon"
)

// Detect tells the format of a file from its beginning; the name only helps
// where the content leaves it open.
func Detect(name string, head []byte) Format {
	n := detect(name, head)
	f, err := Named(n)
	if err != nil {
		panic(err)
	}
	return f
}

func detect(name string, head []byte) string {
	body := bytes.TrimSpace(head)
	if len(body) == 0 {
		return "list"
	}
	if body[0] == '{' || body[0] == '[' {
		if f := detectJSON(body); f != "" {
			return f
		}
	}
	if isSTIX1(body) {
		return "stix1"
	}
	if f := detectTable(head); f != "" {
		return f
	}
	switch strings.ToLower(path.Ext(unpackedName(name))) {
	case ".html", ".htm", ".md", ".eml":
		return "text"
	}
	return listOrText(head)
}

// unpackedName takes off the ending that a compression adds.
func unpackedName(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".gz", ".zst", ".bz2":
		return strings.TrimSuffix(name, path.Ext(name))
	}
	return name
}

// detectJSON returns "" for what only looks like JSON: a line such as
// "[1.2.3.4]" begins with a bracket, too.
func detectJSON(body []byte) string {
	line, rest, _ := bytes.Cut(body, []byte("\n"))
	line, rest = bytes.TrimSpace(line), bytes.TrimSpace(rest)
	if line[0] == '{' && json.Valid(line) {
		if len(rest) > 0 || isObject(line) {
			return "ndjson"
		}
	}
	k := topKeys(body)
	switch {
	case k["Event"] || k["Attribute"] || k["response"] && !stixID.Match(body): // not what wraps STIX so
		return "misp"
	case k["bundle"] || k["response"] || k["objects"] && (k["spec_version"] || stixID.Match(body)) || k["type"] && k["id"] && stixID.Match(body):
		return "stix"
	case len(k) > 0 || json.Valid(body):
		return "json"
	}
	return ""
}

// topKeys returns the keys of the outermost objects of a document, or of the
// elements of the array that it is, as far as head reaches; and "bundle" where
// the type is that.
func topKeys(head []byte) map[string]bool {
	keys := make(map[string]bool)
	d := json.NewDecoder(bytes.NewReader(head))
	var depth, base int
	isKey := false // the next string at the base depth is a key
	last := ""
	for {
		t, err := d.Token()
		if err != nil {
			return keys
		}
		switch v := t.(type) {
		case json.Delim:
			switch v {
			case '{', '[':
				depth++
				if v == '{' && (base == 0 || depth == base) {
					base, isKey = depth, true
				}
				continue
			}
			depth--
			isKey = depth == base
			continue
		case string:
			if depth == base && isKey {
				keys[v], last, isKey = true, v, false
				continue
			}
			if depth == base && last == "type" && v == "bundle" {
				keys["bundle"] = true
			}
			if base == 0 {
				keys["string"] = true // an array of texts
			}
		}
		isKey = depth == base
	}
}

// detectTable returns "csv" if a header that we know stands at the beginning.
func detectTable(head []byte) string {
	for range 100 {
		line, rest, more := bytes.Cut(head, []byte("\n"))
		columns, _ := parseHeader(string(line), Options{})
		if columns != nil && looksLikeHeader(columns) {
			return "csv"
		}
		body, _ := cutComment(trim(string(line)))
		if body != "" || !more {
			return ""
		}
		head = rest
	}
	return ""
}

// looksLikeHeader tells a header from a row: no column is named like a value.
func looksLikeHeader(columns []column) bool {
	for _, c := range columns {
		if _, isValue := canon.Sniff(c.name); isValue && c.name != "" {
			return false
		}
	}
	return true
}

func beginsWithValue(body string) bool {
	if _, ok := canon.Sniff(body); ok {
		return true
	}
	if _, _, ok := addrRange(body); ok {
		return true
	}
	first, rest := cutWord(body)
	_, ok := canon.Sniff(first)
	return ok && rest != ""
}
