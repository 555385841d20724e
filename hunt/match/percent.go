package match

import "bytes"

// unescape fills v with t, its percent escapes decoded, and reports whether
// there were any. An escape that was itself escaped (%252F), as redirects
// produce it, is decoded up to maxLevel times.
//
// What comes out serves all types but paths of URLs: for them an escaped slash
// is not a slash, so they are read from the text before.
func (v *view) unescape(t []byte) bool {
	v.reset()
	done := 0
	for i := 0; ; {
		n := bytes.IndexByte(t[i:], '%')
		if n < 0 {
			break
		}
		i += n
		b, w := escapeAt(t, i)
		if w == 0 {
			i++
			continue
		}
		v.text = append(v.text, t[done:i]...)
		v.edits = append(v.edits, edit{len(v.text), i, Percent, 1, uint8(w)})
		v.text = append(v.text, b)
		i += w
		done = i
	}
	if len(v.edits) > 0 {
		v.text = append(v.text, t[done:]...)
	}
	return len(v.edits) > 0
}

// maxLevel bounds how often an escape may have been escaped itself.
const maxLevel = 8

// escapeAt returns what the escape at t[i] stands for and its width, 0 where
// there is none. Bytes that mean nothing in text are left escaped.
func escapeAt(t []byte, i int) (b byte, w int) {
	if t[i] != '%' {
		return 0, 0
	}
	k := i + 1
	for at(t, k) == '2' && at(t, k+1) == '5' && is(t, k+2, hexa) && is(t, k+3, hexa) && k-i < 2*maxLevel {
		k += 2
	}
	v, ok := hexNumber(t, k, 2)
	if !ok {
		return 0, 0
	}
	switch b = byte(v); {
	case b == '\t' || b == '\n' || b == '\r':
		b = ' '
	case b < ' ' || b == 0x7f:
		return 0, 0
	}
	return b, k + 2 - i
}

// level returns how many times text[i] was escaped.
func (v *view) level(i int) int {
	if e, ok := v.before(i); ok && i < e.toEnd() {
		return int(e.fromLen-1) / 2
	}
	return 0
}

// decoded is a piece of text decoded a number of times, with the way back.
type decoded struct {
	text  []byte
	from  []int // text[i] stands for what begins at from[i]; one more for the end
	base  int   // of the piece in the text it is of
	level int   // how many times; 0 when nothing has been decoded
	whole bool  // the piece goes on to the end of the value
}

// decode decodes t level times, each time every escape.
func (d *decoded) decode(t []byte, level int) {
	d.text, d.from, d.level = append(d.text[:0], t...), d.from[:0], level
	for i := range len(t) + 1 {
		d.from = append(d.from, i)
	}
	for range level {
		n := 0
		for i := 0; i < len(d.text); n++ {
			b, w := d.text[i], 1
			if v, ok := hexNumber(d.text, i+1, 2); ok && b == '%' {
				b, w = byte(v), 3
			}
			d.text[n], d.from[n] = b, d.from[i]
			i += w
		}
		d.from[n] = d.from[len(d.text)]
		d.text, d.from = d.text[:n], d.from[:n+1]
	}
}
