package canon

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Found is an indicator in a text: text[Start:End] == Original.
type Found struct {
	ioc.Observable
	Original   string // as it stands in the text
	Start, End int    // in bytes
	Defanged   bool   // somebody made it unclickable, so it is meant as an indicator
	Reference  bool   // a link to read on, more likely than an indicator
}

// Extract finds the indicators in prose, in the order in which they stand: URLs
// with and without scheme, e-mail addresses, domains, IP addresses, networks,
// addresses with a port, digests of 32, 40, 64 and 128 hex digits, CVE ids; all
// of them defanged or not. What is part of another one is not reported: a URL
// does not give its host, an e-mail address not its domain.
//
// Most dotted words of prose are not domains. An undefanged one has to end in a
// public suffix (the list's ICANN part), must not look like a file ("run.sh",
// "a.py"; with three labels it passes), a method call, the seam of two
// sentences ("end.It"), or the end of a path. A defanged one is taken unless it
// ends in what is always a file's extension. An address directly behind a word
// and a slash is a version ("Chrome/91.0.1.2") and not taken, nor is one that
// means the reader's own machine (127.0.0.1, ::1, 0.0.0.0, 255.255.255.255). A
// public suffix ("co.uk") and a network of all addresses are not taken either,
// whether they are defanged or not.
//
// A report that defangs its indicators leaves its links clickable. So in a
// text with anything defanged, an http(s) URL that is not is marked Reference;
// a caller should keep it as a reference of the report, not as an indicator.
// Other kinds are not marked, since people forget to defang the odd address.
// The whole report has to be given at once for this to work; a caller that
// reads line by line can judge by Defanged itself.
//
// Over 32 KiB without a blank are not a URL, whatever they begin with.
func Extract(text string) []Found {
	x := &extractor{in: text, text: text}
	if defanged(text) {
		x.fang = refang(text)
		x.text = string(x.fang.out)
	}
	for i := 0; i < len(x.text); {
		end := runEnd(x.text, i)
		if end == i {
			_, n := utf8.DecodeRuneInString(x.text[i:])
			i += n
			continue
		}
		x.run(i, end)
		i = end
	}
	x.markReferences()
	return x.found
}

// extractor goes over the text once. What it needs to know about the rest of a
// run it remembers, as asking anew at each token would take quadratic time.
type extractor struct {
	in    string // as given
	text  string // refanged
	fang  *fang  // how the two relate; nil where they are the same
	found []Found
	done  int    // end of the last one, in text
	sep   [2]int // text[sep[0]:sep[1]] has no comma and no semicolon
}

// source returns where text[a:b] stands in the input.
func (x *extractor) source(a, b int) (start, end int) {
	if x.fang == nil {
		return a, b
	}
	start, _ = x.fang.span(a)
	_, end = x.fang.span(b - 1)
	return start, end
}

// changed reports whether text[a:b] was written otherwise in the input.
func (x *extractor) changed(a, b int) bool {
	start, end := x.source(a, b)
	return x.in[start:end] != x.text[a:b]
}

// emit reports text[a:b] if it is of type t.
func (x *extractor) emit(t ioc.Type, a, b int) bool {
	o, err := Observable(t, x.text[a:b])
	if err != nil || o.Type != t || boundless(o) {
		return false
	}
	x.done = b
	start, end := x.source(a, b)
	x.found = append(x.found, Found{
		Observable: o, Original: x.in[start:end], Start: start, End: end,
		Defanged: x.in[start:end] != x.text[a:b],
	})
	return true
}

// boundless reports whether an observable found in prose stands for so much that
// it cannot be what was meant.
func boundless(o ioc.Observable) bool {
	return o.Type == ioc.Domain && PublicSuffix(o.Value) || o.Type == ioc.CIDR && strings.HasSuffix(o.Value, "/0")
}

func (x *extractor) markReferences() {
	any := false
	for i := range x.found {
		any = any || x.found[i].Defanged
	}
	for i := range x.found {
		f := &x.found[i]
		f.Reference = any && !f.Defanged && f.Type == ioc.URL && hasPrefixFold(f.Original, "http")
	}
}

// runEnd returns the end of the run that begins at s[i]: bytes that no white
// space, quote, angle bracket, bar or control character parts, and no sign
// outside ASCII that is not a letter or digit.
func runEnd(s string, i int) int {
	for i < len(s) {
		c := s[i]
		if c < utf8.RuneSelf {
			if is(c, isSpace|isControl) || strings.IndexByte("\"'<>|`", c) >= 0 {
				return i
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if !isWordRune(r) {
			return i
		}
		i += n
	}
	return i
}

func isWordRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))
}

// run looks for URLs with a scheme in text[p:end]; what is between them is
// looked through for the rest.
func (x *extractor) run(p, end int) {
	from := p // where to look for the next scheme
	for {
		k := strings.Index(x.text[from:end], "://")
		if k < 0 {
			break
		}
		k += from
		start := x.schemeStart(from, k)
		if start == k || !x.hostOK(start, k+3, end) {
			from = k + 3
			continue
		}
		x.names(p, start)
		stop := x.urlEnd(k+3, end)
		x.emit(ioc.URL, start, stop)
		p, from = stop, stop
	}
	x.names(p, end)
}

// schemeStart returns where the scheme that ends at k begins; k if there is
// none.
func (x *extractor) schemeStart(p, k int) int {
	i := k
	for i > p && k-i < 16 && (is(x.text[i-1], isAlnum) || x.text[i-1] == '+') {
		i--
	}
	for i < k && !is(x.text[i], isAlpha) {
		i++
	}
	if k-i < 2 {
		return k
	}
	return i
}

// urlEnd returns the end of the URL whose authority begins at i: before the
// next URL, if a comma or semicolon parts the two, and before the punctuation
// of the sentence around it.
func (x *extractor) urlEnd(i, end int) int {
	for k := i; k < end; k++ {
		if isSeparator(x.text[k]) && x.schemeFollows(k+1, end) {
			end = k
		}
	}
	return x.trimURL(i, end)
}

// schemeFollows reports whether a scheme begins at i.
func (x *extractor) schemeFollows(i, end int) bool {
	k := i
	for k < end && k-i < 16 && is(x.text[k], isAlnum) {
		k++
	}
	return k > i && strings.HasPrefix(x.text[k:end], "://")
}

// trimURL drops closing punctuation, and closing brackets that were not opened
// inside.
func (x *extractor) trimURL(i, end int) int {
	var open [3]int // brackets opened less brackets closed, by kind
	for k := i; k < end; k++ {
		if n, by := bracket(x.text[k]); by != 0 {
			open[n] += by
		}
	}
	for end > i {
		c := x.text[end-1]
		n, by := bracket(c)
		switch {
		case by < 0 && open[n] < 0:
			open[n]++
		case strings.IndexByte(".,;:!?*\\", c) < 0:
			return end
		}
		end--
	}
	return end
}

// bracket tells the kind of a bracket, and whether it opens (1) or closes (-1).
func bracket(c byte) (kind, by int) {
	switch c {
	case '(':
		return 0, 1
	case ')':
		return 0, -1
	case '[':
		return 1, 1
	case ']':
		return 1, -1
	case '{':
		return 2, 1
	case '}':
		return 2, -1
	}
	return 0, 0
}

// maxHost bounds the search for the end of a host.
const maxHost = maxUnicode + 64

// hostOK reports whether the URL text[start:] with the authority that begins at
// i is worth an indicator: its host is a foreign address or a name with a known
// end.
func (x *extractor) hostOK(start, i, end int) bool {
	h := x.text[i:min(end, i+maxHost)]
	if k := strings.IndexAny(h, `/\?#`); k >= 0 {
		h = h[:k]
	}
	stop := x.trimURL(i, i+len(h))
	h = x.text[i:stop]
	host, _, err := splitPort(h[strings.LastIndexByte(h, '@')+1:])
	if err != nil || host == "" || host[0] == '.' || host[0] == '*' {
		return false
	}
	if a, err := addr(host); err == nil {
		return !ownMachine(a)
	}
	name, err := domain(host)
	return err == nil && (knownTLD(name) || x.changed(start, stop))
}
