package enrich

import (
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Clean takes out of a claim's texts what would act on the reader's terminal or
// break a line of output: control characters (C0, DEL, C1) become blanks, bytes
// that are not UTF-8 become U+FFFD. Content, which holds whole rules, keeps its
// tabs and line ends. The value itself is left alone: it must stay what it is
// to be found. Feeds carry anybody's text, so every text is passed through here
// once, instead of through each place that prints.
func Clean(m *ioc.Member) Reason {
	for _, s := range []*string{&m.Declared, &m.Original, &m.Role, &m.Title, &m.Description} {
		*s = cleaned(*s, "")
	}
	m.Content = cleaned(m.Content, "\t\n\r")
	return ""
}

// cleaned returns s without control characters other than those in keep; s
// itself where it has none.
func cleaned(s, keep string) string {
	if isClean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s { // an invalid byte comes as U+FFFD
		if isControl(r) && !strings.ContainsRune(keep, r) {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// isClean reports whether s is printable ASCII, as most texts are.
func isClean(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

func isControl(r rune) bool {
	return r < ' ' || r >= 0x7f && r < 0xa0
}
