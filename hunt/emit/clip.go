package emit

import (
	"slices"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/ioc"
)

// span is a range of bytes in a record.
type span struct{ start, end int }

// How much of a record a person is shown, in widths of the terminal. Bytes
// stand in for columns: where a character has several, less is shown.
const (
	defaultWidth = 80
	maxShown     = 10 // a record of so many widths is shown whole
	around       = 2  // of a longer one, so much before and behind each match
	minGap       = 40 // bytes; a shorter gap is not worth its mark
)

// marksOf returns where the matches of one record lie, in order, overlapping
// ones united, none outside the record.
func marksOf(group []ioc.Hit) []span {
	n := len(group[0].Record)
	marks := make([]span, 0, len(group))
	for i := range group {
		start := min(max(group[i].Start, 0), n)
		if end := min(max(group[i].End, start), n); end > start {
			marks = append(marks, span{start, end})
		}
	}
	return unite(marks, 0)
}

// unite sorts spans and joins those that are less than gap apart.
func unite(spans []span, gap int) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.start <= out[n-1].end+gap {
			out[n-1].end = max(out[n-1].end, s.end)
			continue
		}
		out = append(out, s)
	}
	return out
}

// clip returns the parts of a record that a person is shown: all of a short
// one, of a long one the surroundings of each match.
func clip(rec []byte, marks []span, width int) []span {
	if width <= 0 {
		width = defaultWidth
	}
	if len(rec) <= maxShown*width {
		return []span{{0, len(rec)}}
	}
	windows := make([]span, 0, len(marks)+1)
	for _, m := range marks {
		windows = append(windows, span{runeBefore(rec, m.start-around*width), runeAfter(rec, m.end+around*width)})
	}
	if len(windows) == 0 {
		windows = append(windows, span{0, runeAfter(rec, maxShown*width)})
	}
	windows = unite(windows, minGap)
	if windows[0].start < minGap {
		windows[0].start = 0
	}
	if last := &windows[len(windows)-1]; len(rec)-last.end < minGap {
		last.end = len(rec)
	}
	return windows
}

// runeBefore moves i to the start of the character that it lies in.
func runeBefore(b []byte, i int) int {
	i = max(i, 0)
	for n := 0; i > 0 && n < utf8.UTFMax-1 && !utf8.RuneStart(b[i]); n++ {
		i--
	}
	return i
}

// runeAfter moves i behind the character that it lies in.
func runeAfter(b []byte, i int) int {
	i = min(i, len(b))
	for n := 0; i < len(b) && n < utf8.UTFMax-1 && !utf8.RuneStart(b[i]); n++ {
		i++
	}
	return i
}
