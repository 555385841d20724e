package filefmt

import (
	"io"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// Why a line of several words is refused. In a list that declares its type a
// line cannot name one.
const (
	noValue    = "several words, and no indicator among them; for free text write text:..."
	noDeclared = "several words, and they do not begin with a value of the declared type"
)

// readList reads one value a line. What published lists have around their
// values is taken off: comments, quotes, commas, bullets, the address of a
// hosts file. Text behind a value becomes its title. A line of several words
// that does not begin with a value is read as text. A line that gives no value
// is refused.
//
// "type:value" says what a value is, with one of our own names for its type:
// "mutex:Global\x", "text:Failed password". The value is the rest of the line;
// behind a type of free text (text, user_agent, mutex, file_path, ...) nothing
// is taken off it but a comment behind " # ", with blanks on both sides. Digits
// alone behind the name are the port of a host, except for text.
//
// Where the type is declared for the whole list, no text is searched and no
// type read from a line, and for a type of free text the line is the value as
// it stands, comment signs and all; only a line that begins with # is none.
func readList(r io.Reader, o Options, emit Emit) error {
	l := list{declared: o.Type, emit: emit, refs: make(map[string]bool)}
	l.verbatim = isFree(o.Type)
	if err := eachLine(r, maxLine, emit, l.line); err != nil {
		return err
	}
	if len(l.about.References) == 0 {
		return nil
	}
	return emit(&Item{About: &l.about})
}

type list struct {
	declared ioc.Type
	verbatim bool
	emit     Emit
	item     Item // reused
	about    ioc.Report
	refs     map[string]bool
}

func (l *list) line(raw []byte, no int64) error {
	body := trim(string(raw))
	if l.verbatim {
		if body == "" || body[0] == '#' {
			return nil
		}
		return l.value(body, "", no)
	}
	if l.declared == "" {
		if done, err := l.named(body, no); done {
			return err
		}
	}
	body, comment := cutComment(body)
	if body == "" {
		l.reference(comment)
		return nil
	}
	body = bare(body)
	if first, last, ok := addrRange(body); ok {
		return l.span(first, last, body, comment, no)
	}
	if i := strings.IndexAny(body, " \t,;|"); i < 0 {
		return l.value(body, comment, no)
	}
	return l.words(body, comment, no)
}

// words reads a line that is more than one word.
func (l *list) words(body, comment string, no int64) error {
	if l.isValue(body) {
		return l.value(body, comment, no)
	}
	if l.declared == "" && isSpacedPath(body) {
		return l.typed(ioc.URLPath, body, comment, no)
	}
	first, rest := cutWord(body)
	if isSinkhole(first) && rest != "" && l.declared == "" {
		return l.hosts(rest, comment, no)
	}
	if !l.isValue(first) {
		return l.prose(body, no)
	}
	if comment != "" {
		comment = " " + comment
	}
	if err := l.value(first, rest+comment, no); err != nil || l.declared != "" {
		return err
	}
	o, _ := canon.Sniff(first)
	return l.more(rest, o.Type.Form() == ioc.Digest, no)
}

// more takes what else a line names. Behind a hash stands a file's name, as
// sha256sum prints it, and a file's name can look like a host's.
func (l *list) more(rest string, behindHash bool, no int64) error {
	for _, f := range canon.Extract(rest) {
		if behindHash && f.Type.Form() == ioc.Name {
			continue
		}
		if err := l.typed(f.Type, f.Original, "", no); err != nil {
			return err
		}
	}
	return nil
}

// hosts reads the names of a line of a hosts file that blocks them.
func (l *list) hosts(names, comment string, no int64) error {
	for _, n := range strings.Fields(names) {
		if err := l.value(n, comment, no); err != nil {
			return err
		}
	}
	return nil
}

// prose takes the values that stand in a line of text.
func (l *list) prose(body string, no int64) error {
	if l.declared != "" {
		return l.emit(refuse(body, noDeclared, no))
	}
	found := canon.Extract(body)
	if len(found) == 0 {
		return l.emit(refuse(body, noValue, no))
	}
	for _, f := range found {
		if err := l.typed(f.Type, f.Original, Clip(body, 300), no); err != nil {
			return err
		}
	}
	return nil
}

// span emits a range of addresses as the networks that it is made of.
func (l *list) span(first, last netip.Addr, body, comment string, no int64) error {
	nets := prefixes(first, last)
	if nets == nil {
		return l.emit(refuse(body, "an address range that ends before it begins", no))
	}
	for _, p := range nets {
		l.item = Item{Line: no}
		l.item.Value, l.item.Title, l.item.Original = p.String(), comment, body
		l.item.Type = ioc.CIDR
		if p.IsSingleIP() {
			l.item.Type, l.item.Value = "", p.Addr().String()
		}
		if err := l.emit(&l.item); err != nil {
			return err
		}
	}
	return nil
}

func (l *list) value(v, title string, no int64) error { return l.typed(l.declared, v, title, no) }

func (l *list) typed(t ioc.Type, v, title string, no int64) error {
	l.item = Item{Line: no}
	l.item.Type, l.item.Value, l.item.Title = t, v, title
	if !utf8.ValidString(title) {
		l.item.Title = strings.ToValidUTF8(title, "\uFFFD")
	}
	return l.emit(&l.item)
}

func (l *list) isValue(v string) bool {
	if l.declared == "" {
		_, ok := canon.Sniff(v)
		return ok
	}
	_, err := canon.Observable(l.declared, v)
	return err == nil
}

// reference keeps the sources that a list names in its comments.
func (l *list) reference(comment string) {
	ref, ok := strings.CutPrefix(comment, "Reference:")
	if ref = strings.TrimSpace(ref); !ok || ref == "" || l.refs[ref] {
		return
	}
	l.refs[ref] = true
	l.about.References = append(l.about.References, Clip(ref, 2048))
}

// cutComment parts a line into what stands before its comment and the comment.
// A '#' glued to a value begins a comment unless a path comes before it, as in
// a URL with a fragment; "//" does so only before a blank, since paths and URLs
// without a scheme begin with it.
func cutComment(s string) (body, comment string) {
	if s == "" || s[0] == '#' || s[0] == ';' || s == "//" || strings.HasPrefix(s, "// ") {
		return "", strings.TrimSpace(strings.TrimLeft(s, "#;/"))
	}
	at := strings.IndexByte(s, '#')
	if at > 0 && s[at-1] != ' ' && s[at-1] != '\t' && strings.IndexByte(s[:at], '/') >= 0 {
		at = firstOf(s, " #", "\t#")
	}
	if c := firstOf(s, " // ", "\t// ", " ;", "\t;"); c >= 0 && (at < 0 || c < at) {
		at = c
	}
	if at < 0 {
		return s, ""
	}
	return trim(s[:at]), strings.TrimSpace(strings.TrimLeft(s[at:], " \t#;/"))
}

func firstOf(s string, marks ...string) int {
	at := -1
	for _, m := range marks {
		if i := strings.Index(s, m); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	return at
}

// trim takes off space of every sort; zero-width ones come with copied text.
func trim(s string) string { return strings.Trim(s, " \t\r\v\f\u00a0\u200b\u200e\u2060\ufeff") }

// bare takes off what people put around a value: bullets, quotes, commas.
func bare(s string) string {
	s = strings.TrimRight(unbulleted(s), " \t,;")
	if len(s) > 1 && strings.IndexByte("\"'`<", s[0]) >= 0 {
		s = strings.Trim(s, "\"'`<>")
	}
	return trim(s)
}

func unbulleted(s string) string {
	for _, bullet := range []string{"- ", "* ", "• "} {
		s = strings.TrimPrefix(s, bullet)
	}
	return s
}

// isSpacedPath tells the path of a URL that has blanks in it from one with a
// remark behind it: the last word of a path has a dot or a slash.
func isSpacedPath(s string) bool {
	return s[0] == '/' && strings.ContainsAny(s[strings.LastIndexAny(s, " \t")+1:], "./")
}

// cutWord parts a line behind its first word.
func cutWord(s string) (first, rest string) {
	i := strings.IndexAny(s, " \t,;|")
	if i < 0 {
		return s, ""
	}
	return bare(s[:i]), strings.Trim(s[i:], " \t,;|*")
}

// isSinkhole reports whether s is an address that hosts files send names to.
func isSinkhole(s string) bool {
	return s == "0.0.0.0" || s == "127.0.0.1" || s == "::" || s == "::1"
}
