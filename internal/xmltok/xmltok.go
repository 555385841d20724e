// Package xmltok reads XML as a stream of tokens: start tags, end tags and
// text, with namespaces resolved, entities undone and every cost bounded.
//
// Threat feeds in XML (STIX 1.x, the TAXII 1.x messages around it) are big,
// deep in namespaces and come from strangers. encoding/xml reads them at about
// 26 MB/s, has no limits and forgets which prefixes are in scope, which
// xsi:type values need. This package is a scanner over one sliding buffer that
// makes no garbage per token.
//
// # What is read
//
// XML 1.0 with Namespaces in XML 1.0, without document types:
//
//   - elements and attributes, names resolved; two attributes of one expanded
//     name, a prefix that is not declared, and tags that do not pair are errors
//   - text and CDATA, with the five predefined entities and character
//     references undone and line ends made "\n" (XML 1.0, 2.11); "]]>" in text
//     is an error (2.4)
//   - white space in an attribute's value becomes spaces (3.3.3)
//   - comments and processing instructions are skipped
//   - one root element; around it only white space, comments and instructions
//
// A DOCTYPE is refused as soon as it is seen (ErrDoctype): nothing of it is
// read, so there is no entity to expand and no file to fetch. An entity that is
// not predefined is a syntax error.
//
// # What is forgiven
//
// Feeds hold control characters that XML forbids, raw or as &#x1;, and bytes
// that are no UTF-8. Each is replaced by U+FFFD and counted (Scrubbed), in text
// and in attribute values; anywhere else it is an error, and in comments and
// instructions nobody looks. White space before the XML declaration is skipped.
// A declaration that says UTF-16 over bytes that are not is not believed.
//
// # What is bounded
//
// Limits says how deep elements nest, how long a start tag and a run of text
// are and how many attributes an element has. A name is at most 4096 bytes, at
// most 1024 namespace declarations of 1 MiB together are in scope. What is over
// is an error that wraps ErrLimit and says which limit it was. The buffer holds
// 64 KiB, or one start tag when that is longer; text is handed out in pieces of
// 32 KiB, so that a long one costs no memory and need not be bounded. Time is linear in the input.
//
// # Parts of a document
//
// An element can be cut out of an input in UTF-8 (Decode makes one) by
// TokenStart of its Start and Offset of its End; Scope tells the declarations
// that it needs from outside. When a part of an envelope is not well-formed, the
// Reader is at its end; who knows where the part ends lets it read on from there
// with Reset, over the root's start tag and what follows.
package xmltok

import "io"

// Kind is the kind of a token.
type Kind uint8

// The kinds. An empty element (<a/>) is a Start and an End.
const (
	Start Kind = iota + 1
	End
	Text
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case Start:
		return "Start"
	case End:
		return "End"
	case Text:
		return "Text"
	}
	return "none"
}

// Name is a name with its namespace; "" when it is in none. Both strings are
// shared between the tokens of a Reader, so that keeping and comparing them is cheap.
type Name struct{ Space, Local string }

// Prefix is a namespace declaration: xmlns:Prefix="Space"; the default
// namespace has the prefix "".
type Prefix struct{ Prefix, Space string }

// Limits bounds what one document may ask for. A zero is the default.
type Limits struct {
	Depth int // elements inside each other: 64
	Token int // bytes of one start tag, and of the text that Content returns: 8 MiB
	Text  int // bytes of one run of text as it stands in the input: as Token; below 0: any number, as a run costs no memory
	Attrs int // attributes of one element, namespace declarations among them: 256
}

const (
	bufSize     = 64 << 10 // the buffer to begin with
	chunkSize   = 32 << 10 // the longest piece of text that is handed out, as it stands in the input
	maxName     = 4 << 10  // bytes of a name with its prefix
	maxScope    = 1024     // namespace declarations in scope
	maxScopeLen = 1 << 20  // bytes of them together
)

// orDefault fills in what is not said.
func (l Limits) orDefault() Limits {
	for _, f := range []struct {
		v    *int
		zero int
	}{{&l.Depth, 64}, {&l.Token, 8 << 20}, {&l.Attrs, 256}} {
		if *f.v <= 0 {
			*f.v = f.zero
		}
	}
	if l.Text == 0 {
		l.Text = l.Token
	}
	return l
}

// Reader reads the tokens of one document. It is not for several goroutines.
type Reader struct {
	src     io.Reader
	lim     Limits
	decode  bool  // the charset has still to be found out
	begun   bool  // the first token was asked for
	srcErr  error // what src ended with
	err     error // what Next ended with
	buf     []byte
	tok     int   // where the current token begins in buf
	pos     int   // where it ends
	base    int64 // the offset of buf[0]
	lines   int64 // line ends before buf[counted]
	counted int

	kind     Kind
	name     Name
	text     []byte
	empty    bool // the Start was an empty element: its End is next
	cdata    bool // inside a CDATA section that is longer than a piece
	marked   bool // some markup was met
	rooted   bool // the root element has begun
	run      int  // bytes of text since the last tag
	scrubbed int
	undone   []byte // text or a value with its entities undone
	content  []byte // what Content gathers

	stack  []element
	attrs  []attr
	serial uint64 // counts start tags, to tell attributes of one from those of another
	names  names
	twice  map[Name]struct{} // finds attributes of one expanded name when they are many
}

// element is an open element.
type element struct {
	q        *qname
	name     Name
	ns0, ns1 int // its namespace declarations in names.decls
}

// NewReader returns a Reader of r, whose charset is told by a byte order mark
// or the XML declaration: UTF-8, UTF-16, ISO-8859-1, windows-1252 or US-ASCII.
// Another is an error (ErrCharset) at the first Next.
func NewReader(r io.Reader, l Limits) *Reader {
	x := NewReaderUTF8(r, l)
	x.decode = true
	return x
}

// NewReaderUTF8 returns a Reader of r, which is UTF-8 whatever the XML
// declaration says, as Decode leaves it.
func NewReaderUTF8(r io.Reader, l Limits) *Reader {
	x := &Reader{src: r, lim: l.orDefault(), buf: make([]byte, 0, bufSize)}
	x.names.init()
	return x
}

// Reset makes the Reader read another document, src, as a new one with the same
// limits would, and saves what making one costs.
func (r *Reader) Reset(src io.Reader) {
	r.names.undo(0)
	*r = Reader{src: src, lim: r.lim, decode: r.decode, buf: r.buf[:0], undone: r.undone, content: r.content,
		stack: r.stack[:0], attrs: r.attrs[:0], serial: r.serial, names: r.names, twice: r.twice}
}

// Next goes to the next token. After the root element it returns io.EOF. An
// error ends the reading and comes again with every further call:
//
//   - *SyntaxError: the input is not well-formed
//   - ErrLimit, ErrDoctype, ErrCharset, wrapped
//   - io.ErrUnexpectedEOF, wrapped: the input ends early
//   - an error of the underlying reader, as it is
func (r *Reader) Next() (Kind, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.kind == End {
		r.pop()
	}
	r.kind, r.err = r.next()
	return r.kind, r.err
}

func (r *Reader) next() (Kind, error) {
	if r.empty {
		r.empty = false
		return End, nil
	}
	if !r.begun {
		if err := r.begin(); err != nil {
			return 0, err
		}
	}
	for {
		r.tok = r.pos
		kind, err := r.step()
		if kind != 0 || err != nil {
			return kind, err
		}
	}
}

// begin finds out the charset and skips a byte order mark.
func (r *Reader) begin() (err error) {
	r.begun = true
	if r.decode {
		if r.src, err = Decode(r.src); err != nil {
			return err
		}
	}
	r.skipBOM()
	return nil
}

// step reads what begins at tok. Kind 0 means that it was nothing to hand out.
func (r *Reader) step() (Kind, error) {
	if r.cdata {
		return r.cdataPiece(0)
	}
	if r.tok == len(r.buf) {
		if err := r.more(); err != nil {
			return 0, r.end(err)
		}
	}
	if r.buf[r.tok] != '<' {
		if len(r.stack) == 0 {
			return 0, r.outside()
		}
		return r.textPiece()
	}
	c, err := r.at(1)
	if err != nil {
		return 0, err
	}
	first := !r.marked
	r.marked = true
	switch c {
	case '/':
		return r.endTag()
	case '!':
		return r.bang()
	case '?':
		return 0, r.instruction(first)
	}
	return r.startTag()
}

// pop closes the current element.
func (r *Reader) pop() {
	top := len(r.stack) - 1
	r.names.undo(r.stack[top].ns0)
	r.stack = r.stack[:top]
}

// Name returns the name of the current Start or End.
func (r *Reader) Name() Name { return r.name }

// Text returns the characters of the current Text, valid until Next. One run of
// text may come in several tokens: CDATA and comments part it, and so does its length.
func (r *Reader) Text() []byte { return r.text }

// Depth returns how deep the current element is; the root's is 1. At a Text it
// is that of the element around it.
func (r *Reader) Depth() int { return len(r.stack) }

// Offset returns where the current token ends, in bytes of the input as Decode
// gives it (of the plain input for NewReaderUTF8).
func (r *Reader) Offset() int64 { return r.base + int64(r.pos) }

// TokenStart returns where the current token begins, in the measure of Offset.
// The End of an empty element has the place of its Start.
func (r *Reader) TokenStart() int64 { return r.base + int64(r.tok) }

// Scrubbed returns how many characters were replaced by U+FFFD so far: control
// characters that XML forbids, and bytes that are no UTF-8.
func (r *Reader) Scrubbed() int { return r.scrubbed }

// Skip goes from a Start to its End.
func (r *Reader) Skip() error {
	if r.kind != Start {
		return errNotStart
	}
	for depth := len(r.stack); ; {
		kind, err := r.Next()
		if err != nil {
			return err
		}
		if kind == End && len(r.stack) == depth {
			return nil
		}
	}
}

// Content goes from a Start to its End and returns the text between, that of
// nested elements included, without the white space (of Unicode) around it. It
// is bounded by Limits.Token.
func (r *Reader) Content() (string, error) {
	if r.kind != Start {
		return "", errNotStart
	}
	r.content = r.content[:0]
	for depth := len(r.stack); ; {
		kind, err := r.Next()
		if err != nil {
			return "", err
		}
		if kind == End && len(r.stack) == depth {
			return trimmed(r.content), nil
		}
		if kind != Text {
			continue
		}
		if r.content = append(r.content, r.text...); len(r.content) > r.lim.Token {
			r.err = r.limit(0, "the text of an element is over %d bytes", r.lim.Token)
			return "", r.err
		}
	}
}
