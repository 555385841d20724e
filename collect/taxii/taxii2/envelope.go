package taxii2

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/iochunt/iochunt/collect/taxii"
)

// Bounds of what is read.
const (
	maxObject = 8 << 20 // bytes of one object
	maxDepth  = 64      // levels of one object
	maxKey    = 256     // bytes of a member's name that is looked at
	maxNext   = 64 << 10
	sample    = 2 << 10 // bytes of a bad object that are kept
)

// BadObject is an object that could not be read.
type BadObject struct {
	ID     string // as far as known
	Reason string // one of the Bad texts below
	Raw    []byte // its first 2 KiB
}

// Why an object could not be read.
const (
	BadNoObject = "it is not a JSON object"
	BadSyntax   = "it is not JSON"
	BadSize     = "it has more than 8 MiB"
	BadDepth    = "it nests deeper than 64 levels"
)

// envelope is what stands around the objects of an answer: TAXII 2.1's envelope
// (§3.7), 2.0's STIX bundle, or a manifest.
type envelope struct {
	more, moreSaid bool
	next           string
	objects        int
}

// readEnvelope reads an answer and calls each at every object, which reads it
// from s; it must read one value. It fails when the answer is not whole.
func readEnvelope(r io.Reader, each func(s *splitter) error) (envelope, error) {
	s := newSplitter(r)
	if bom, _ := s.r.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = s.r.Discard(3) // they are at hand
	}
	var e envelope
	var keys []string
	err := s.list('{', '}', func() error {
		key, err := s.key()
		if err != nil {
			return err
		}
		if len(keys) < 16 {
			keys = append(keys, key)
		}
		return e.member(s, key, each)
	})
	if err == nil {
		err = s.end()
	}
	if err == nil {
		err = e.plausible(keys)
	}
	return e, err
}

// key reads the name of a member and the colon behind it.
func (s *splitter) key() (string, error) {
	if b, err := s.first(); err != nil || b != '"' {
		return "", firstOf(err, fmt.Errorf("where a name should be stands %q", b))
	}
	if err := s.value(maxKey); err != nil {
		return "", err
	}
	var key string
	if !s.cut {
		if err := json.Unmarshal(s.raw, &key); err != nil {
			return "", err
		}
	}
	return key, s.mark(':')
}

func (e *envelope) member(s *splitter, key string, each func(*splitter) error) error {
	switch key {
	case "objects":
		return e.list(s, each)
	case "more":
		if err := s.value(64); err != nil {
			return err
		}
		var f flag
		e.moreSaid = string(s.raw) != "null"
		err := f.UnmarshalJSON(s.raw)
		e.more = bool(f)
		return err
	case "next":
		if err := s.value(maxNext); err != nil {
			return err
		}
		if s.cut {
			return fmt.Errorf("its \"next\" has more than %d bytes", maxNext)
		}
		var t text
		err := t.UnmarshalJSON(s.raw)
		e.next = string(t)
		return err
	}
	return s.value(0)
}

func (e *envelope) list(s *splitter, each func(*splitter) error) error {
	b, err := s.first()
	switch {
	case err != nil:
		return err
	case b == 'n':
		if err := s.value(8); err != nil || string(s.raw) == "null" {
			return err
		}
		return errors.New("its \"objects\" are no list")
	case b != '[':
		return errors.New("its \"objects\" are no list")
	}
	return s.list('[', ']', func() error {
		e.objects++
		return each(s)
	})
}

// plausible tells an envelope from other JSON: an error of a gateway read as
// "no objects" would be a feed that is silently empty.
func (e *envelope) plausible(keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	bundle := false
	for _, k := range keys {
		if k == "objects" || k == "more" || k == "next" {
			return nil
		}
		bundle = bundle || k == "spec_version"
	}
	if bundle { // an empty STIX 2.0 bundle
		return nil
	}
	return fmt.Errorf("%w: it is JSON, but no envelope of objects", taxii.ErrNotTAXII)
}

// object reads the object that comes next: it returns the object, or why it
// cannot be read.
func (s *splitter) object() (raw []byte, bad *BadObject, err error) {
	if err := s.value(maxObject); err != nil {
		return nil, nil, err
	}
	reason := ""
	switch {
	case s.cut:
		reason = BadSize
	case s.raw[0] != '{':
		reason = BadNoObject
	case s.max > maxDepth:
		reason = BadDepth
	case !json.Valid(s.raw):
		reason = BadSyntax
	default:
		return s.raw, nil, nil
	}
	return s.raw, &BadObject{ID: idOf(s.raw), Reason: reason, Raw: bytes.Clone(s.raw[:min(len(s.raw), sample)])}, nil
}

var stixID = regexp.MustCompile(`"id"\s*:\s*"([a-z0-9-]{1,100}--[0-9A-Za-z-]{1,64})"`)

// idOf finds the id in the text of an object that cannot be read.
func idOf(raw []byte) string {
	if m := stixID.FindSubmatch(raw[:min(len(raw), 64<<10)]); m != nil {
		return string(m[1])
	}
	return ""
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
