package elastic

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/ioc"
)

// hashID is the id of a document: a hash of what it is the document of.
func hashID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// docID is the id of a feed's indicator.
func docID(feed string, o ioc.Observable) string { return hashID(feed, string(o.Type), o.Value) }

// keyOf is the same for all feeds' claims about one observable.
func keyOf(o ioc.Observable) string { return hashID(string(o.Type), o.Value) }

// memberPrefix begins what stands in ioc.members for a report, of any generation.
func memberPrefix(report string) string { return hashID(report)[:16] + ":" }

// memberOf stands in ioc.members for a report's list of one generation, so that
// what is not of it any more can be found.
func memberOf(report string, generation int64) string { return memberPrefix(report) + itoa(generation) }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// JSON is text, and what feeds send may be any bytes. They are to come back as
// they were: single strings by safe and plain, whole values by pack and unpack.

// byteMark begins a string that stands for other bytes.
const byteMark = "\x00base64:"

// safe makes a string that JSON can hold, and a cluster can read; plain is its
// inverse.
func safe(s string) string {
	if utf8.ValidString(s) && !strings.HasPrefix(s, byteMark) {
		return s
	}
	return byteMark + base64.StdEncoding.EncodeToString([]byte(s))
}

func plain(s string) string {
	coded, ok := strings.CutPrefix(s, byteMark)
	if !ok {
		return s
	}
	if b, err := base64.StdEncoding.DecodeString(coded); err == nil {
		return string(b)
	}
	return s
}

// longName is how long a name may be that stands for itself in a field that is
// searched.
const longName = 256

// short makes what a name that may be anything is searched by: itself, or a hash
// of it where it is long, empty or no text.
func short(name string) string {
	if name != "" && len(name) <= longName && utf8.ValidString(name) && !strings.HasPrefix(name, "sha256:") {
		return name
	}
	return "sha256:" + hashID(name)
}

// packed is a value with strings that are no text, encoded by gob.
type packed struct {
	Gob []byte `json:"gob~"`
}

// pack encodes a value as JSON, in a way that keeps strings that are no text.
func pack(v any) (json.RawMessage, error) {
	raw, err := json.Marshal(v)
	if err != nil || !bytes.Contains(raw, []byte(`\ufffd`)) { // what json writes for bytes that are no text
		return raw, err
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		return nil, err
	}
	return json.Marshal(packed{b.Bytes()})
}

// unpack is the inverse of pack.
func unpack(raw json.RawMessage, into any) error {
	if bytes.HasPrefix(raw, []byte(`{"gob~":`)) {
		var p packed
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		return gob.NewDecoder(bytes.NewReader(p.Gob)).Decode(into)
	}
	return json.Unmarshal(raw, into)
}

// keyBytes is a key in half the memory.
func keyBytes(key string) (b [16]byte) {
	_, _ = hex.Decode(b[:], []byte(key[:min(len(key), 32)]))
	return b
}
