package xmltok

import (
	"strconv"
	"unicode/utf8"
)

// textPiece hands out the text that begins at tok, up to the next markup or to
// the length of a piece. Where a piece ends depends on the text alone, not on
// how much the underlying reader gave at once.
func (r *Reader) textPiece() (Kind, error) {
	return r.piece(inText, 0)
}

// cdataPiece hands out the next piece of a CDATA section; i is where its
// characters begin.
func (r *Reader) cdataPiece(i int) (Kind, error) {
	kind, err := r.piece(inCDATA, i)
	if err == nil && len(r.text) == 0 {
		return 0, nil
	}
	return kind, err
}

// piece scans text (stop is inText) or CDATA (inCDATA) from i on. As long as
// nothing has to be undone, the piece is a part of the buffer; else it is
// gathered in undone, and from is where the rest of it begins.
func (r *Reader) piece(stop uint8, i int) (Kind, error) {
	r.undone = r.undone[:0]
	from, end := i, false
	for i < chunkSize && !end {
		i = r.plain(i, stop)
		if i >= chunkSize {
			break
		}
		if r.tok+i == len(r.buf) {
			if err := r.more(); err == nil {
				continue
			} else if stop == inCDATA {
				return 0, r.ended(err, "a CDATA section")
			}
			break // what was read is handed out; the next call meets the end
		}
		n, repl, ends, err := r.special(i, stop)
		if err != nil {
			return 0, err
		}
		if end = ends; end {
			break
		}
		if repl != keep {
			r.undone = append(r.undone, r.buf[r.tok+from:r.tok+i]...)
			r.undone = utf8.AppendRune(r.undone, repl)
			from = i + n
		}
		i += n
	}
	return r.handOut(stop, from, i, end)
}

// keep says that characters stay as they are.
const keep rune = -1

// handOut makes the piece up to i the current token.
func (r *Reader) handOut(stop uint8, from, i int, end bool) (Kind, error) {
	r.text = r.buf[r.tok+from : r.tok+i]
	if len(r.undone) > 0 {
		r.undone = append(r.undone, r.text...)
		r.text = r.undone
	}
	if stop == inCDATA {
		r.cdata = !end
		if end {
			i += len("]]>")
		}
	}
	r.pos = r.tok + i
	if r.run += i; r.run > r.lim.Text && r.lim.Text > 0 {
		return 0, r.limit(0, "a run of text is over %d bytes", r.lim.Text)
	}
	return Text, nil
}

// plain returns where the characters that need no look end.
func (r *Reader) plain(i int, stop uint8) int {
	b := r.buf[r.tok:]
	for _, c := range b[i:min(len(b), chunkSize)] {
		if class[c]&stop != 0 {
			return i
		}
		i++
	}
	return i
}

// special looks at the byte at i, which stops the scan. It returns how many
// bytes are read and what they are replaced by, or that the text ends before them.
func (r *Reader) special(i int, stop uint8) (n int, repl rune, ends bool, err error) {
	switch c := r.buf[r.tok+i]; {
	case c == '<':
		return 0, keep, true, nil
	case c == '&':
		repl, n, err = r.reference(i)
		return n, repl, false, err
	case c == ']':
		ends = r.has(i, "]]>")
		if ends && stop == inText {
			err = r.syntax(i, `"]]>" in text; it must be written as "]]&gt;"`)
		}
		return 1, keep, ends, err
	case c == '\r':
		if r.has(i, "\r\n") {
			return 2, '\n', false, nil
		}
		return 1, '\n', false, nil
	case c < 0x20:
		r.scrubbed++
		return 1, utf8.RuneError, false, nil
	}
	n, ok, err := r.charAt(i)
	if !ok {
		return n, utf8.RuneError, false, err
	}
	return n, keep, false, nil
}

// maxRef is the length up to which a reference is looked at. The longest that
// has a meaning is &#1114111;.
const maxRef = 32

// reference undoes the reference at i and returns how long it is.
func (r *Reader) reference(i int) (c rune, n int, err error) {
	for n = 1; n < maxRef; n++ {
		b, err := r.at(i + n)
		if err != nil {
			return 0, 0, err
		}
		if b == ';' {
			break
		}
		if class[b]&inRef == 0 {
			return 0, 0, r.syntax(i, `"&" that begins no reference; it must be written as "&amp;"`)
		}
	}
	ref := r.buf[r.tok+i+1 : r.tok+i+n]
	c, ok := refersTo(ref)
	switch {
	case !ok && len(ref) > 0 && ref[0] == '#':
		return 0, 0, r.syntax(i, "%q is no character reference", ref)
	case !ok:
		return 0, 0, r.syntax(i, "the entity %q is not predefined", ref)
	case !allowed(c):
		r.scrubbed++
		c = utf8.RuneError
	}
	return c, n + 1, nil
}

// refersTo returns the character that the reference between & and ; stands for.
func refersTo(ref []byte) (rune, bool) {
	if len(ref) > 1 && ref[0] == '#' {
		return refNumber(ref[1:])
	}
	switch string(ref) {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	return 0, false
}

func refNumber(digits []byte) (rune, bool) {
	base := 10
	if digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	n, err := strconv.ParseUint(string(digits), base, 32)
	return rune(n), err == nil && n <= utf8.MaxRune
}

// appendValue appends an attribute's value to dst as XML 1.0 (3.3.3) has it:
// white space as spaces, references undone. The value was checked when it was scanned.
func appendValue(dst, v []byte) []byte {
	for i := 0; i < len(v); {
		c := v[i]
		switch {
		case class[c]&inValue == 0 || c == '"' || c == '\'':
			dst = append(dst, c)
		case c == '&':
			n := 1
			for v[i+n] != ';' {
				n++
			}
			ref, _ := refersTo(v[i+1 : i+n])
			dst = utf8.AppendRune(dst, clean(ref))
			i += n
		case c == '\r' && i+1 < len(v) && v[i+1] == '\n': // the "\n" gives the space
		case class[c]&space != 0:
			dst = append(dst, ' ')
		case c < 0x20:
			dst = utf8.AppendRune(dst, utf8.RuneError)
		default:
			char, n := utf8.DecodeRune(v[i:])
			dst = utf8.AppendRune(dst, clean(char))
			i += n - 1
		}
		i++
	}
	return dst
}

// clean returns c, or U+FFFD for what XML does not allow.
func clean(c rune) rune {
	if !allowed(c) {
		return utf8.RuneError
	}
	return c
}
