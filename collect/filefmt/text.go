package filefmt

import (
	"bytes"
	"errors"
	"io"

	"github.com/iochunt/iochunt/internal/canon"
)

// readText takes every value that stands in free text, defanged or not. A line
// longer than 64 KiB is cut at a blank or a bracket; a single word of that
// length is no indicator.
func readText(r io.Reader, _ Options, emit Emit) error {
	l := newLines(r, maxLine)
	var t texts
	var left []byte // of a line that is read in pieces
	for {
		piece, err := l.next()
		if errors.Is(err, io.EOF) {
			return t.end(emit)
		}
		if err != nil {
			return err
		}
		if l.cut || left != nil {
			left = append(left, piece...)
			piece, left = cutLong(left, l.cut)
		}
		if err := t.line(string(piece), l.no, emit); err != nil {
			return err
		}
	}
}

// cutLong returns what of a long line can be searched now and what has to wait
// for the next piece.
func cutLong(b []byte, more bool) (now, later []byte) {
	if !more {
		return b, nil
	}
	at := bytes.LastIndexAny(b, " \t<>\"'(){},;") + 1
	if at == 0 && len(b) > maxLine {
		at = len(b)
	}
	return b[:at], append(make([]byte, 0, len(b)-at+maxLine), b[at:]...)
}

// texts extracts from the texts of one file.
type texts struct {
	first string // what is not blank, for people
	found bool
}

func (t *texts) line(s string, no int64, emit Emit) error {
	if t.first == "" {
		t.first = clipRunes(trim(s), 80)
	}
	for _, f := range canon.Extract(s) {
		t.found = true
		i := Item{Line: no}
		i.Type, i.Value = f.Type, f.Original
		if err := emit(&i); err != nil {
			return err
		}
	}
	return nil
}

// end refuses a file in which nothing was found, and shows its first line for
// it. An empty one is not refused:
// a list can become empty.
func (t *texts) end(emit Emit) error {
	if t.found || t.first == "" {
		return nil
	}
	return emit(refuse(t.first, ErrNoIndicator.Error(), 0))
}

// clipRunes returns the first n runes of s; a mark shows where it was cut.
func clipRunes(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i] + "…"
		}
	}
	return s
}
