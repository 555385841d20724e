package xmltok

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// maxDecl is how far an XML declaration is looked for and how long it may be.
const maxDecl = 4 << 10

// Decode returns r as UTF-8 without a byte order mark, for NewReaderUTF8 or a
// spool of it. The charset is told as in XML 1.0, appendix F: by a byte order
// mark, else by the zero bytes that UTF-16 has, else by the XML declaration,
// else it is UTF-8. A declaration that contradicts the first two, or says
// UTF-16 where there are no zero bytes (programs that write their strings to
// files do that), is not believed. An unknown charset is ErrCharset.
//
// Bytes that are no character of the charset become bytes that are no UTF-8,
// which a Reader replaces and counts; UTF-8 is passed on as it is.
func Decode(r io.Reader) (io.Reader, error) { return DecodeAs(r, "") }

// DecodeAs is Decode for what came with a charset of its own, such as the
// parameter of an HTTP Content-Type; "" is none. It counts for more than the
// declaration and less than a byte order mark (RFC 7303, 3.2), with one
// exception: web frameworks add UTF-8 to whatever they are given, so that a
// declaration of another charset is believed instead of UTF-8 and US-ASCII. One
// that is not known counts only where there is no declaration.
func DecodeAs(r io.Reader, charset string) (io.Reader, error) {
	head, err := peek(r)
	if err != nil {
		return nil, err
	}
	cs, bom := byBytes(head)
	all := io.MultiReader(bytes.NewReader(head[bom:]), r)
	switch cs {
	case "":
		return byLabel(told(charset, declared(head)), all)
	case "utf-8":
		return all, nil
	case "utf-16le":
		return &decoder{src: all, decode: decode16(0)}, nil
	case "utf-16be":
		return &decoder{src: all, decode: decode16(1)}, nil
	}
	return nil, fmt.Errorf("XML: %q: %w", cs, ErrCharset)
}

// told picks between the charset that came with a document and the one that it
// declares, where its bytes do not tell.
func told(charset, declared string) string {
	given, known := singleByte(charset)
	if given != nil || !known && declared == "" {
		return charset
	}
	return declared
}

// byLabel returns r, whose charset is called label and has no zero bytes.
func byLabel(label string, r io.Reader) (io.Reader, error) {
	m, known := singleByte(label)
	switch {
	case !known:
		return nil, fmt.Errorf("XML: %.40q: %w", label, ErrCharset)
	case m == nil:
		return r, nil
	}
	return &decoder{src: r, decode: decode8(m)}, nil
}

// singleByte returns the table of a charset that has one byte for a character;
// nil for one that is or may be UTF-8.
func singleByte(label string) (m *charmap.Charmap, known bool) {
	switch strings.ToLower(strings.TrimSpace(label)) {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "utf-16", "utf-16le", "utf-16be":
		return nil, true
	case "iso-8859-1", "iso_8859-1", "iso8859-1", "latin1", "latin-1", "l1":
		return charmap.ISO8859_1, true
	case "windows-1252", "cp1252", "x-cp1252":
		return charmap.Windows1252, true
	}
	return nil, false
}

// peek reads as much as tells the charset: a few bytes, or the XML declaration.
func peek(r io.Reader) ([]byte, error) {
	b := make([]byte, 0, maxDecl)
	for empty := 0; len(b) < cap(b) && !enough(b); {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if n > 0 {
			empty = 0
		} else if empty++; empty > 100 {
			return nil, io.ErrNoProgress
		}
	}
	return b, nil
}

// enough reports whether b tells the charset.
func enough(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	if cs, bom := byBytes(b); cs != "" || bom > 0 {
		return true
	}
	b = bytes.TrimLeft(b, " \t\r\n")
	return !bytes.HasPrefix(b, []byte("<?xml")[:min(len(b), 5)]) || bytes.Contains(b, []byte("?>"))
}

// byBytes tells the charset by a byte order mark, of which it returns the
// length, or by the place of zero bytes.
func byBytes(b []byte) (cs string, bom int) {
	has := func(s string) bool { return bytes.HasPrefix(b, []byte(s)) }
	switch {
	case has("\xff\xfe\x00\x00"), has("\x00\x00\xfe\xff"), has("<\x00\x00\x00"), has("\x00\x00\x00<"):
		return "utf-32", 0
	case has("\xef\xbb\xbf"):
		return "utf-8", 3
	case has("\xff\xfe"):
		return "utf-16le", 2
	case has("\xfe\xff"):
		return "utf-16be", 2
	case len(b) > 1 && b[0] != 0 && b[1] == 0:
		return "utf-16le", 0
	case len(b) > 1 && b[0] == 0 && b[1] != 0:
		return "utf-16be", 0
	}
	return "", 0
}

// declared returns the charset that the XML declaration at the start of b names.
func declared(b []byte) string {
	b, ok := bytes.CutPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("<?xml"))
	if !ok || len(b) == 0 || class[b[0]]&space == 0 {
		return ""
	}
	b, _, _ = bytes.Cut(b, []byte("?>"))
	return pseudo(b, "encoding")
}

// pseudo returns the value of name in what stands in an XML declaration:
// name="value" or name='value'.
func pseudo(b []byte, name string) string {
	for {
		i := bytes.Index(b, []byte(name))
		if i < 0 {
			return ""
		}
		v, ok := bytes.CutPrefix(bytes.TrimLeft(b[i+len(name):], " \t\r\n"), []byte("="))
		v = bytes.TrimLeft(v, " \t\r\n")
		if ok && len(v) > 0 && (v[0] == '"' || v[0] == '\'') && i > 0 && class[b[i-1]]&space != 0 {
			v, _, _ = bytes.Cut(v[1:], v[:1])
			return string(v)
		}
		b = b[i+len(name):]
	}
}

// decoder turns what it reads into UTF-8.
type decoder struct {
	src    io.Reader
	decode func(dst, src []byte, last bool) (out []byte, used int)
	in     [8 << 10]byte
	have   int    // bytes of in that are not decoded yet
	out    []byte // decoded, not yet handed out
	dst    []byte // what out is a part of
	err    error
}

// Read implements io.Reader.
func (d *decoder) Read(p []byte) (int, error) {
	for empty := 0; len(d.out) == 0; empty++ {
		if d.err != nil {
			return 0, d.err
		}
		if empty > 100 {
			return 0, io.ErrNoProgress
		}
		d.fill()
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

func (d *decoder) fill() {
	n, err := d.src.Read(d.in[d.have:])
	d.have += n
	d.err = err
	var used int
	d.dst, used = d.decode(d.dst[:0], d.in[:d.have], err != nil)
	d.out = d.dst
	d.have = copy(d.in[:], d.in[used:d.have])
}

// decode8 decodes a charset of one byte a character.
func decode8(m *charmap.Charmap) func(dst, src []byte, last bool) ([]byte, int) {
	return func(dst, src []byte, _ bool) ([]byte, int) {
		for _, c := range src {
			if c < utf8.RuneSelf {
				dst = append(dst, c)
				continue
			}
			dst = utf8.AppendRune(dst, m.DecodeByte(c))
		}
		return dst, len(src)
	}
}

// notUTF8 stands for what is no character: no UTF-8 has this byte.
const notUTF8 = 0xff

// decode16 decodes UTF-16; low is where the low byte of a unit is: 0 in
// little-endian, 1 in big-endian.
func decode16(low int) func(dst, src []byte, last bool) ([]byte, int) {
	unit := func(b []byte) rune { return rune(b[low]) | rune(b[1-low])<<8 }
	return func(dst, src []byte, last bool) ([]byte, int) {
		i := 0
		for ; i+1 < len(src); i += 2 {
			c := unit(src[i:])
			if !utf16.IsSurrogate(c) {
				dst = utf8.AppendRune(dst, c)
				continue
			}
			if c < 0xdc00 && i+3 >= len(src) && !last {
				break // its other half is not here yet
			}
			pair := utf8.RuneError
			if i+3 < len(src) {
				pair = utf16.DecodeRune(c, unit(src[i+2:]))
			}
			if pair == utf8.RuneError {
				dst = append(dst, notUTF8)
				continue
			}
			dst = utf8.AppendRune(dst, pair)
			i += 2
		}
		if last && i < len(src) {
			dst, i = append(dst, notUTF8), len(src)
		}
		return dst, i
	}
}
