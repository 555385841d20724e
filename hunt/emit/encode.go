package emit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/term"
)

// object appends the members of a JSON object. A hunt may write millions of
// hits, each with its claims: appending to one buffer is several times as fast
// as reflection, and every string goes through appendString.
type object struct{ b []byte }

func (o *object) key(k string) {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, k...)
	o.b = append(o.b, `":`...)
}

// must writes a string even if it is empty.
func (o *object) must(k, v string) {
	o.key(k)
	o.b = appendString(o.b, v)
}

// text writes a string unless it is empty.
func (o *object) text(k, v string) {
	if v != "" {
		o.must(k, v)
	}
}

// bytes writes a string; if it is not UTF-8, which JSON cannot hold, it also
// writes its bytes as k_b64.
func (o *object) bytes(k, v string) {
	o.must(k, v)
	if !utf8.ValidString(v) {
		o.base64(k+"_b64", []byte(v))
	}
}

// record writes the record, under another key if it is not UTF-8.
func (o *object) record(rec []byte) {
	if !utf8.Valid(rec) {
		o.base64("record_b64", rec)
		return
	}
	o.key("record")
	o.b = appendString(o.b, rec)
}

func (o *object) base64(k string, v []byte) {
	o.key(k)
	o.b = append(o.b, '"')
	o.b = base64.StdEncoding.AppendEncode(o.b, v)
	o.b = append(o.b, '"')
}

func (o *object) number(k string, v int64) {
	o.key(k)
	o.b = strconv.AppendInt(o.b, v, 10)
}

// count writes a number unless it is 0.
func (o *object) count(k string, v uint64) {
	if v != 0 {
		o.key(k)
		o.b = strconv.AppendUint(o.b, v, 10)
	}
}

func (o *object) flag(k string, v bool) {
	o.key(k)
	o.b = strconv.AppendBool(o.b, v)
}

// time writes an instant in UTC unless it is zero.
func (o *object) time(k string, t time.Time) {
	if t.IsZero() {
		return
	}
	o.key(k)
	o.b = append(o.b, '"')
	o.b = t.UTC().AppendFormat(o.b, time.RFC3339Nano)
	o.b = append(o.b, '"')
}

func (o *object) texts(k string, v []string) {
	if len(v) == 0 {
		return
	}
	o.key(k)
	o.b = append(o.b, '[')
	for i, s := range v {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendString(o.b, s)
	}
	o.b = append(o.b, ']')
}

// asIs holds the bytes that stand for themselves in a JSON string.
var asIs = func() (t [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendString appends s as a JSON string. Beside what JSON demands, it escapes
// whatever term.Hidden names, so that a terminal may be shown our JSON. A byte
// that is not UTF-8 becomes U+FFFD, as with encoding/json.
func appendString[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := 0
	for i := plain(s, 0); i < len(s); i = plain(s, i) {
		c := s[i]
		r, size := rune(c), 1
		if c >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
			if !term.Hidden(r) && (r != utf8.RuneError || size > 1) {
				i += size
				continue
			}
		}
		dst = append(dst, s[from:i]...)
		dst = appendEscape(dst, r)
		i += size
		from = i
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// plain returns where in s, from i on, the next byte stands that is not asIs.
// Most of a log is, so eight are looked at together; the sums cannot carry into
// the next byte where all are below 0x80.
func plain[T string | []byte](s T, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		if w&tops != 0 {
			break
		}
		quote, backslash := w^'"'*ones, w^'\\'*ones
		odd := w + ones | // 0x7f
			^(w + 0x60*ones) | // below 0x20
			^(quote + 0x7f*ones) | ^(backslash + 0x7f*ones) // 0
		if odd&tops != 0 {
			break
		}
	}
	for i < len(s) && asIs[s[i]] {
		i++
	}
	return i
}

// appendEscape appends r as a JSON escape.
func appendEscape(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	if r > 0xffff { // two halves
		r -= 0x10000
		dst = appendHex4(dst, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	return appendHex4(dst, r)
}

func appendHex4(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// appendAny appends v as encoding/json has it, with the escapes of
// appendString.
func appendAny(dst []byte, v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return dst, err
	}
	raw := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	from := 0
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRune(raw[i:])
		if term.Hidden(r) { // only within strings: Encode writes no blanks
			dst = append(dst, raw[from:i]...)
			dst = appendEscape(dst, r)
			from = i + size
		}
		i += size
	}
	return append(dst, raw[from:]...), nil
}
