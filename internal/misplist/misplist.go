// Package misplist reads one warninglist in MISP's form: a JSON object with the
// values that are known to be harmless, the way they are to be compared, and
// the attribute types that the list is for. Its source is schema.json of
// github.com/MISP/misp-warninglists:
//
//	{
//	  "name": "List of RFC 1918 CIDR blocks",
//	  "description": "…",
//	  "version": 5,
//	  "type": "cidr",
//	  "matching_attributes": ["ip-src", "ip-dst"],
//	  "list": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
//	}
//
// A warninglist takes away hits, so half a list read as a whole one is harmless
// and a wrong one is not: a document is read to its end or not at all, a key
// that stands twice is an error, and an entry that is no usable text comes out
// as a refusal. Whether an entry is a network or a regular expression is not
// asked here; who compiles the list finds out.
//
// Lists come from others. What one may take is bounded before it is kept: the
// bytes of the document and of each literal in it, its depth, its entries.
package misplist

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/ioc"
)

// What a list may have. The longest public one has about a million entries.
const (
	MaxBytes   = 256 << 20 // of the document
	MaxEntries = 4_000_000 // refused ones included
	MaxEntry   = 4 << 10   // bytes of one entry; a longer one is refused

	maxRefused    = 10_000   // more of them, and the document is no list
	maxName       = 1 << 10  // bytes
	maxText       = 64 << 10 // bytes of the description
	maxAttributes = 1_000
	maxAttribute  = 100 // bytes
)

// Types are the ways in which entries are compared.
var Types = []string{"string", "substring", "hostname", "cidr", "regex"}

// ErrNoList is wrapped by the error for a sound JSON document that is something
// else than a list: it is no object, or one without the key "list".
var ErrNoList = errors.New(`it is not a warninglist: it has no key "list"`)

// Parse reads one list to its end. The list has the given id; Feed is left to
// the caller. Entries come without white space around them, in the order of the
// document. What is empty, too long, no string, or has control characters in
// it is returned as refused, with the number of the entry as its place, counted
// from 1. Name, type and list have to be there; description, version and
// matching_attributes may be missing, and other keys are passed over.
func Parse(r io.Reader, id string) (ioc.Warninglist, []ioc.Refusal, error) {
	p := &parser{seen: make(map[string]bool)}
	p.list.ID = id
	p.guard = guard{r: r}
	p.dec = json.NewDecoder(&p.guard)
	p.dec.UseNumber()
	err := p.document()
	if err == nil {
		err = p.complete()
	}
	if err != nil {
		return ioc.Warninglist{}, nil, p.placed(err)
	}
	for i := range p.refused {
		p.refused[i].Type = p.list.Kind // which may stand behind the entries
	}
	return p.list, p.refused, nil
}

type parser struct {
	guard   guard
	dec     *json.Decoder
	list    ioc.Warninglist
	entries int // with the refused ones
	refused []ioc.Refusal
	seen    map[string]bool // keys of ours
}

// placed says where in the document reading ended.
func (p *parser) placed(err error) error {
	switch {
	case errors.Is(err, ErrNoList):
		return err
	case p.guard.err != nil && !errors.Is(p.guard.err, io.EOF):
		err = p.guard.err // what the decoder made of it says less
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("it ends in the middle")
	}
	return fmt.Errorf("byte %d: %w", p.dec.InputOffset()+1, err)
}

// document reads all of it. Of a document that is no list the rest is read too,
// so that a damaged one is not taken for a sound one of another kind.
func (p *parser) document() error {
	t, err := p.dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		err = errors.Join(p.skip(t), p.end())
		if err == nil {
			err = ErrNoList
		}
		return err
	}
	for p.dec.More() {
		if err := p.member(); err != nil {
			return err
		}
	}
	if _, err := p.dec.Token(); err != nil {
		return err
	}
	return p.end()
}

// end makes sure that nothing follows.
func (p *parser) end() error {
	switch _, err := p.dec.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	return errors.New("something follows the document")
}

// complete makes sure that nothing is missing.
func (p *parser) complete() error {
	if !p.seen["list"] {
		return ErrNoList
	}
	if p.list.Name == "" {
		return errors.New("the list has no name")
	}
	if p.list.Kind == "" {
		return fmt.Errorf(`the list has no type; it is one of %s`, strings.Join(Types, ", "))
	}
	return nil
}

// member reads one key of the document with its value.
func (p *parser) member() error {
	t, err := p.dec.Token()
	if err != nil {
		return err
	}
	key, _ := t.(string) // the decoder sees to it
	read := map[string]func() error{
		"name": p.name, "description": p.description, "version": p.version, "type": p.kind,
		"matching_attributes": p.attributes, "list": p.values,
	}[key]
	if read == nil {
		t, err := p.dec.Token()
		if err != nil {
			return err
		}
		return p.skip(t)
	}
	if p.seen[key] {
		return fmt.Errorf("the key %q stands twice", key)
	}
	p.seen[key] = true
	return read()
}

// skip passes over the rest of a value that begins with t. How deep it may go
// is the guard's concern.
func (p *parser) skip(t json.Token) error {
	depth := 0
	for {
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		var err error
		if t, err = p.dec.Token(); err != nil {
			return err
		}
	}
}

// text reads a string of at most limit bytes.
func (p *parser) text(key string, limit int) (string, error) {
	t, err := p.dec.Token()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	switch {
	case !ok:
		return "", fmt.Errorf("%s: it is not a string", key)
	case len(s) > limit:
		return "", fmt.Errorf("%s: it is longer than %d bytes", key, limit)
	}
	return s, nil
}

func (p *parser) name() error {
	s, err := p.text("name", maxName)
	s = strings.Join(strings.Fields(s), " ")
	if err == nil && strings.ContainsFunc(s, unicode.IsControl) {
		err = errors.New("name: it has control characters")
	}
	p.list.Name = s
	return err
}

func (p *parser) description() (err error) {
	p.list.Description, err = p.text("description", maxText)
	return err
}

// version is a number by the schema, and a text in lists that people make.
func (p *parser) version() error {
	t, err := p.dec.Token()
	if err != nil {
		return err
	}
	switch v := t.(type) {
	case json.Number:
		p.list.Version = v.String()
	case string:
		p.list.Version = strings.TrimSpace(v)
	default:
		return errors.New("version: it is neither a number nor a string")
	}
	if len(p.list.Version) > maxAttribute {
		return fmt.Errorf("version: it is longer than %d bytes", maxAttribute)
	}
	return nil
}

func (p *parser) kind() error {
	s, err := p.text("type", maxText)
	if err == nil && !slices.Contains(Types, s) {
		err = fmt.Errorf("type: there is no type %q; it is one of %s", clip(s, 40), strings.Join(Types, ", "))
	}
	p.list.Kind = s
	return err
}

// begin reads the opening bracket of an array.
func (p *parser) begin(key string) error {
	t, err := p.dec.Token()
	if err == nil && t != json.Delim('[') {
		err = fmt.Errorf("%s: it is not an array", key)
	}
	return err
}

func (p *parser) attributes() error {
	if err := p.begin("matching_attributes"); err != nil {
		return err
	}
	for p.dec.More() {
		s, err := p.text("matching_attributes", maxAttribute)
		if err != nil {
			return err
		}
		if len(p.list.Attributes) == maxAttributes {
			return fmt.Errorf("matching_attributes: there are more than %d", maxAttributes)
		}
		if s = strings.TrimSpace(s); s == "" {
			return errors.New("matching_attributes: one is empty")
		}
		p.list.Attributes = append(p.list.Attributes, s)
	}
	_, err := p.dec.Token()
	return err
}

func (p *parser) values() error {
	if err := p.begin("list"); err != nil {
		return err
	}
	for p.dec.More() {
		if p.entries == MaxEntries {
			return fmt.Errorf("list: it has more than %d entries", MaxEntries)
		}
		p.entries++
		if err := p.value(); err != nil {
			return err
		}
	}
	_, err := p.dec.Token()
	return err
}

// value reads one entry.
func (p *parser) value() error {
	t, err := p.dec.Token()
	if err != nil {
		return err
	}
	s, ok := t.(string)
	if !ok {
		if err := p.skip(t); err != nil {
			return err
		}
		return p.refuse(shown(t), "it is not a string")
	}
	s = strings.TrimSpace(s)
	if why := wrong(s); why != "" {
		return p.refuse(s, why)
	}
	p.list.Entries = append(p.list.Entries, s)
	return nil
}

// wrong says why a text cannot be an entry, "" if it can.
func wrong(s string) string {
	switch {
	case s == "":
		return "it is empty"
	case len(s) > MaxEntry:
		return fmt.Sprintf("it is longer than %d bytes", MaxEntry)
	case strings.ContainsFunc(s, unicode.IsControl):
		return "it has control characters"
	case strings.ContainsRune(s, utf8.RuneError):
		return "it is not valid UTF-8"
	}
	return ""
}

func (p *parser) refuse(value, why string) error {
	if len(p.refused) == maxRefused {
		return fmt.Errorf("list: more than %d entries cannot be used, the last since %s", maxRefused, why)
	}
	p.refused = append(p.refused, ioc.Refusal{
		Report: p.list.ID, Value: clip(value, 200), Reason: "entry of a warninglist: " + why, Place: fmt.Sprintf("entry %d", p.entries),
	})
	return nil
}

// shown is how a value that is no string began.
func shown(t json.Token) string {
	switch v := t.(type) {
	case json.Delim:
		return v.String() + "…"
	case nil:
		return "null"
	}
	return fmt.Sprint(t)
}

// clip returns s as at most n bytes; a mark shows where it was cut.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
