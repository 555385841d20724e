package match

import "strconv"

// walk goes over a URL, or the path of one, from its host on, and builds the
// canonical form as it goes. What ends a URL in a log is not certain: blanks,
// quotes and angle brackets always do; the sentence's full stop, a closing
// bracket or a letter of another script may. The latter are places where the
// URL may end and may go on.
type walk struct {
	text   []byte
	from   int  // the end of the host in text
	limit  int  // greatest length of a key
	opener byte // what stands before the URL

	key      []byte // canonical form up to text[at]
	bare     int    // length of the scheme with "://"
	hash     uint64 // of key
	bareHash uint64 // of key[bare:]

	at    int
	end   int     // where the URL ends for certain
	tails [3]tail // where it may end: a place, and the punctuation before it
	query bool
	endOf extent
}

// tail is a place where a URL may end, and where the punctuation before it begins.
type tail struct{ from, to int }

// extent remembers how far the token goes that a URL was last found in, so that
// many URLs in one long token do not each look for its end.
type extent struct {
	from, end, tail          int // the token, and the punctuation at its end
	softFrom, soft, softTail int // the first byte that may end a URL, and the punctuation before it
}

// begin starts the key with scheme and host.
func (w *walk) begin(host, scheme []byte) {
	w.key = appendFolded(w.key[:0], scheme)
	if len(scheme) > 0 {
		w.key = append(w.key, "://"...)
	}
	w.bare = len(w.key)
	w.key = append(w.key, host...)
}

// port reads the port behind the host and drops the scheme's own. It reports
// whether host and port end there, as they do not before '@': then they are
// a user's name and password.
func (w *walk) port() bool {
	w.at = w.from
	if at(w.text, w.at) == ':' {
		p, e, ok := portNumber(w.text, w.at+1)
		switch {
		case ok:
			w.at = e
			if w.bare == 0 || p != defaultPort(w.key[:w.bare-len("://")]) {
				w.key = strconv.AppendInt(append(w.key, ':'), int64(p), 10)
			}
		case at(w.text, w.at+1) == '/':
			w.at++
		}
	}
	return !w.isUser()
}

// isUser reports whether text[at:] goes on to '@' within the authority, which
// without a scheme must be at once.
func (w *walk) isUser() bool {
	for i := w.at; i < len(w.text) && i-w.at <= maxUser; i++ {
		switch b := w.text[i]; {
		case b == '@':
			return true
		case w.bare == 0 || b == '/' || b == '?' || ending[b] == endsHard:
			return false
		}
	}
	return false
}

// maxUser bounds the user's name and password before the '@' of a URL.
const maxUser = 256

// body prepares for the walk over path and query. It reports false where no
// URL of this length is listed.
func (w *walk) body() bool {
	w.hash, w.bareHash = seed, seed
	for i, b := range w.key {
		w.hash = step(w.hash, b)
		if i >= w.bare {
			w.bareHash = step(w.bareHash, b)
		}
	}
	switch at(w.text, w.at) {
	case '/':
		w.ends()
	case '?':
		w.ends()
		w.add('/')
	default:
		w.end = w.at
		w.tails = [...]tail{{w.at, w.at}, {-1, -1}, {-1, -1}}
		w.add('/')
	}
	w.query = false
	return w.reachable()
}

// reachable leaves of the places where the URL may end those that are near
// enough for the longest key, and reports whether there are any. Three bytes
// of text make at least one of the key.
func (w *walk) reachable() bool {
	last := -1
	for i, t := range w.tails {
		if t.to >= 0 && (t.from-w.at)/3 <= w.limit {
			last = max(last, t.to)
		} else {
			w.tails[i] = tail{-1, -1}
		}
	}
	w.end = min(w.end, last)
	return last >= 0
}

// ends finds where the URL ends, or may.
func (w *walk) ends() {
	t := w.text
	x := w.extents()
	w.end = x.end
	w.tails = [...]tail{{max(w.at, x.tail), x.end}, {-1, -1}, {-1, -1}}
	if at(t, x.end) == '#' {
		w.tails[0].from = x.end
	}
	if x.soft < x.end {
		w.tails[1] = tail{max(w.at, x.softTail), x.soft}
	}
	if closer := closes(w.opener); closer != 0 {
		for i := w.at; i < min(x.end, w.at+3*w.limit); i++ {
			if t[i] == closer {
				w.tails[2] = tail{trimmed(t, w.at, i), i}
				break
			}
		}
	}
}

// extents returns how far the token goes.
func (w *walk) extents() extent {
	x := &w.endOf
	if w.at < x.from || w.at >= x.end {
		*x = extent{from: w.at, end: w.at, soft: -1}
		for x.end < len(w.text) && ending[w.text[x.end]] != endsHard {
			x.end++
		}
		x.tail = trimmed(w.text, w.at, x.end)
	}
	if w.at < x.softFrom || w.at > x.soft {
		x.softFrom, x.soft = w.at, w.at
		for x.soft < x.end && ending[w.text[x.soft]] != endsSoft {
			x.soft++
		}
		x.softTail = trimmed(w.text, w.at, x.soft)
	}
	return *x
}

// How a byte ends a URL: always, or perhaps; or as punctuation behind it.
const (
	endsHard = 1 + iota
	endsSoft
	trails
)

var ending = func() (t [256]uint8) {
	for b := range 256 {
		switch {
		case b <= ' ' || b == 0x7f:
			t[b] = endsHard
		case b >= 0x80:
			t[b] = endsSoft
		}
	}
	for _, b := range `"<>\#` {
		t[b] = endsHard
	}
	for _, b := range "`{}|^" {
		t[b] = endsSoft
	}
	for _, b := range ".,;:!?)]'*" {
		t[b] = trails
	}
	return t
}()

// trimmed returns the start of the punctuation that ends at t[end], not below from.
func trimmed(t []byte, from, end int) int {
	for end > from && (ending[t[end-1]] == trails || t[end-1] == '}') {
		end--
	}
	return end
}

// closes returns what ends a value that b stands before.
func closes(b byte) byte {
	switch b {
	case '(':
		return ')'
	case '[':
		return ']'
	case '{':
		return '}'
	case '\'', ',', ';', '|', '`', '*':
		return b
	}
	return 0
}

// mayEnd reports whether the URL may end at text[at].
func (w *walk) mayEnd() bool {
	for _, t := range w.tails {
		if w.at >= t.from && w.at <= t.to {
			return true
		}
	}
	return false
}

// next takes one byte of text, or one percent escape, into the key.
func (w *walk) next() bool {
	if w.at >= w.end || len(w.key) > w.limit+w.bare {
		return false
	}
	b := w.text[w.at]
	w.at++
	switch {
	case b == '%':
		w.escape()
	case b >= 0x80:
		w.addEscaped(b)
	default:
		w.add(b)
	}
	return true
}

// escape takes a percent escape: of a character that needs none, it is the
// character (RFC 3986 §6.2.2.2); a '%' that begins none is escaped itself.
func (w *walk) escape() {
	v, ok := hexNumber(w.text, w.at, 2)
	if !ok {
		w.addEscaped('%')
		return
	}
	w.at += 2
	if b := byte(v); class[b]&run != 0 || b == '~' {
		w.add(b)
	} else {
		w.addEscaped(b)
	}
}

func (w *walk) add(b byte) {
	w.key = append(w.key, b)
	w.hash = step(w.hash, b)
	w.bareHash = step(w.bareHash, b)
}

func (w *walk) addEscaped(b byte) {
	const digits = "0123456789ABCDEF"
	w.add('%')
	w.add(digits[b>>4])
	w.add(digits[b&15])
}
