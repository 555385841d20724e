package match

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// oracleUnicode finds the name or the mailbox o where it is written with letters
// or dots beyond ASCII.
func oracleUnicode(o ioc.Observable, x text, hit report) {
	s := x.b
	for i := range len(s) {
		for _, n := range unicodeNames(s, i) {
			if o.Type == ioc.Email {
				unicodeMail(o, x, i, n.end, hit)
				continue
			}
			labels := labelsOf(s[i:n.end])
			for k := range labels {
				tail := s[i+labels[k] : n.end]
				top := k == len(labels)-1
				switch {
				case !top && n.plain(tail) || punycodeOf(tail) != o.Value:
				case k > 0:
					hit(x, i, n.end, Subdomain)
				case !letterLeft(s, i):
					hit(x, i, n.end, Exact)
				}
			}
		}
	}
}

// unicodeMail finds the mailbox o at the host x.b[i:j].
func unicodeMail(o ioc.Observable, x text, i, j int, hit report) {
	local, host, _ := strings.Cut(o.Value, "@")
	from := i - 1 - len(local)
	if from < 0 || x.b[i-1] != '@' || asciiLower(x.b[from:i-1]) != local || punycodeOf(x.b[i:j]) != host {
		return
	}
	if mailBegins(x.b, from) && !letterLeft(x.b, from) {
		hit(x, from, j, Exact)
	}
}

// asciiDots has a dot of ASCII for each of UTS 46.
var asciiDots = strings.NewReplacer("。", ".", "．", ".", "｡", ".")

// punycodeOf returns the canonical form of a name, which may be of one label, or "".
func punycodeOf(name string) string {
	above := ""
	if name = asciiDots.Replace(name); !strings.Contains(name, ".") {
		above = "x."
	}
	n, err := canon.Domain(above + name)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(n, above)
}

func isASCIIText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// unicodeName is where a name ends that holds something beyond ASCII, and whether
// it is of labels of letters of any script or of ASCII alone.
type unicodeName struct {
	end     int
	anyword bool
}

// plain reports whether the end of the name, or all of it, is found in another
// way: without a dot beyond ASCII or, among words of any script, without a letter.
func (n unicodeName) plain(tail string) bool {
	if n.anyword {
		tail = asciiDots.Replace(tail)
	}
	return isASCIIText(tail)
}

// unicodeNames returns the names that begin at s[i]. They are whole: no label goes
// on on either side.
func unicodeNames(s string, i int) (names []unicodeName) {
	ascii := func(r rune) bool { return r < utf8.RuneSelf && labelByte(byte(r)) }
	for k, inLabel := range []func(rune) bool{ascii, wordRune} {
		n := unicodeName{nameEnd(s, i, inLabel), k == 1}
		name := s[i:n.end]
		if n.end == i || runsOn(s, i, inLabel) || n.plain(name) || len(labelsOf(name)) < 2 || letterRight(s, i, n.end) {
			continue
		}
		names = append(names, n)
	}
	return names
}

// nameEnd returns the end of the labels, with single dots between them, that begin at s[i].
func nameEnd(s string, i int, inLabel func(rune) bool) (end int) {
	end = i
	for k := i; ; {
		from := k
		for k < len(s) {
			r, w := utf8.DecodeRuneInString(s[k:])
			if !inLabel(r) {
				break
			}
			k += w
		}
		if k == from {
			return end
		}
		end = k
		r, w := utf8.DecodeRuneInString(s[k:])
		if !isDotRune(r) {
			return end
		}
		k += w
	}
}

// runsOn reports whether a label before s[i] belongs to the name there.
func runsOn(s string, i int, inLabel func(rune) bool) bool {
	r, w := utf8.DecodeLastRuneInString(s[:i])
	if isDotRune(r) {
		r, _ = utf8.DecodeLastRuneInString(s[:i-w])
	}
	return inLabel(r)
}

// labelsOf returns where the labels of a name begin.
func labelsOf(name string) (starts []int) {
	starts = []int{0}
	for k, r := range name {
		if isDotRune(r) {
			starts = append(starts, k+utf8.RuneLen(r))
		}
	}
	return starts
}

// isDotRune: the dots of UTS 46 §4.
func isDotRune(r rune) bool { return r == '.' || r == '。' || r == '．' || r == '｡' }

func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return labelByte(byte(r))
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r))
}
