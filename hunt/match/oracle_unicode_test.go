package match

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// anyPunycode reports whether one of os is a name in punycode, or lies at one:
// otherwise words in Unicode are not read, but for names in ASCII with the dots
// of UTS 46.
func anyPunycode(os []ioc.Observable) bool {
	return slices.ContainsFunc(os, func(o ioc.Observable) bool {
		t := o.Type
		return (t == ioc.Domain || t == ioc.URL || t == ioc.Email) && strings.Contains(o.Value, "xn--")
	})
}

// oracleUnicode finds the name or the mailbox o where it is written with letters
// or dots beyond ASCII.
func oracleUnicode(o ioc.Observable, x text, words bool, hit report) {
	s := x.b
	for i := range len(s) {
		for _, j := range unicodeEnds(s, i, words) {
			labels := labelsOf(s[i:j])
			if o.Type == ioc.Email {
				unicodeMail(o, x, i, j, hit)
				continue
			}
			for k := range len(labels) - 1 {
				tail := s[i+labels[k] : j]
				if isASCIIText(tail) || punycodeOf(tail) != o.Value {
					continue
				}
				if k == 0 {
					hit(x, i, j, Exact)
				} else {
					hit(x, i, j, Subdomain)
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

// punycodeOf returns the canonical form of a name, or "".
func punycodeOf(name string) string {
	n, err := canon.Domain(asciiDots.Replace(name))
	if err != nil {
		return ""
	}
	return n
}

func isASCIIText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// unicodeEnds returns where the names end that begin at s[i] and hold something
// beyond ASCII: one whose labels are of letters of any script, one whose labels
// are of ASCII. Both are whole: no label goes on on either side.
func unicodeEnds(s string, i int, words bool) (ends []int) {
	ascii := func(r rune) bool { return r < utf8.RuneSelf && labelByte(byte(r)) }
	for k, inLabel := range []func(rune) bool{ascii, wordRune} {
		if k == 1 && !words {
			break
		}
		j := nameEnd(s, i, inLabel)
		name := s[i:j]
		if j == i || runsOn(s, i, inLabel) || isASCIIText(name) || len(labelsOf(name)) < 2 {
			continue
		}
		if letterLeft(s, i) || letterRight(s, i, j) {
			continue
		}
		ends = append(ends, j)
	}
	return ends
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
