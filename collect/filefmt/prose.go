package filefmt

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/canon"
)

// A text gives its values and nothing is said of the rest; a list has to answer
// for each of its lines. To take a list for a text would lose lines without a
// word, to take a text for a list costs refusals that somebody can read. So a
// file is a text only if it plainly is one, and a list in doubt.

const (
	sampleLines = 300 // looked at to tell a list from a text
	fewLines    = 5   // of a file with fewer, every line has to look like prose
)

// listOrText says "text" if more than half of the lines look like prose, some
// of them beyond doubt.
func listOrText(head []byte) string {
	if isHTML(head) {
		return "text"
	}
	var all, maybe, sure int
	for _, raw := range sample(head) {
		body, _ := cutComment(trim(string(raw)))
		if bare(body) == "" {
			continue
		}
		switch all++; proseOf(body) {
		case surelyProse:
			sure++
		case maybeProse:
			maybe++
		}
		if all == sampleLines {
			break
		}
	}
	prose := sure + maybe
	if all < fewLines && prose < all || prose*2 <= all || sure*5 < maybe || prose == 0 {
		return "list"
	}
	return "text"
}

// sample cuts the head of a file into lines, without the last one where the
// file goes on behind it.
func sample(head []byte) [][]byte {
	lines := bytes.Split(head, []byte("\n"))
	if len(head) >= HeadSize && len(lines) > 1 {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func isHTML(head []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(head[:min(len(head), 512)]))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// prose is how much a line looks like a part of a text.
type prose uint8

const (
	noProse     prose = iota
	maybeProse        // many words, or a value among words; a phrase to be hunted can have either
	surelyProse       // the end of a sentence, a row of a table, markup, a bullet with a value among words
)

// proseOf judges a line without its comment. What the list reader knows for a
// value, or for a value and what is said of it, is none.
func proseOf(line string) prose {
	if isMarkup(line) {
		return surelyProse
	}
	body := bare(line)
	if beginsWithValue(body) || isNamed(line) {
		return noProse
	}
	words := strings.Fields(body)
	if endsSentence(line, len(words)) {
		return surelyProse
	}
	if len(words) < 3 {
		return noProse
	}
	if len(canon.Extract(body)) > 0 {
		if unbulleted(line) != line {
			return surelyProse
		}
		return maybeProse
	}
	if len(words) >= 8 && plainWords(words)*3 >= len(words)*2 {
		return maybeProse
	}
	return noProse
}

// tag is one of HTML or XML that begins a line, or that ends an element. An
// address or a URL in angle brackets is none.
var tag = regexp.MustCompile(`^<[!?]?[A-Za-z][A-Za-z0-9:_-]*([ \t][^>]*)?/?>|</[A-Za-z][A-Za-z0-9:_-]*>`)

// isMarkup knows a tag and a row of a table.
func isMarkup(s string) bool {
	return strings.HasPrefix(s, "|") && strings.Count(s, "|") > 1 || strings.IndexByte(s, '<') >= 0 && tag.MatchString(s)
}

// endsSentence looks for the end of a sentence at the end of a line or within
// it. Scripts without blanks between words have signs of their own for it.
func endsSentence(s string, words int) bool {
	if strings.ContainsAny(s, "。，、！？") {
		return true
	}
	if words < 3 {
		return false
	}
	t := strings.TrimRight(s, " \"')]*_”’»")
	if i := len(t) - 1; i > 0 && strings.IndexByte(".!?", t[i]) >= 0 {
		before, _ := utf8.DecodeLastRuneInString(t[:i])
		return unicode.IsLetter(before) || strings.IndexByte("\"')]", t[i-1]) >= 0
	}
	for rest := s; ; {
		_, after, ok := strings.Cut(rest, ". ")
		if !ok {
			return false
		}
		if next, _ := utf8.DecodeRuneInString(after); unicode.IsUpper(next) && words >= 8 {
			return true
		}
		rest = after
	}
}

// plainWords counts the words of letters. A user agent or a command line has
// few of them.
func plainWords(words []string) int {
	n := 0
	for _, w := range words {
		w = strings.Trim(w, ".,;:!?()[]\"'“”‘’«»")
		if w != "" && strings.IndexFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '\'' && r != '’' }) < 0 {
			n++
		}
	}
	return n
}
