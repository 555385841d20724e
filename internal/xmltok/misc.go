package xmltok

import (
	"bytes"
	"fmt"
	"strings"
)

// outside skips white space around the root element, where nothing else is.
func (r *Reader) outside() error {
	i := 0
	for _, c := range r.buf[r.tok:] {
		if class[c]&space == 0 {
			break
		}
		i++
	}
	r.pos = r.tok + i
	if r.pos == len(r.buf) || r.buf[r.pos] == '<' {
		return nil
	}
	if !r.rooted {
		return r.syntax(i, "text before the root element; this is no XML")
	}
	return r.syntax(i, "text after the root element")
}

// bang reads what begins with "<!": a comment, a CDATA section or a document type.
func (r *Reader) bang() (Kind, error) {
	for _, m := range [...]struct {
		lit  string
		read func(*Reader) (Kind, error)
	}{{"--", (*Reader).comment}, {"[CDATA[", (*Reader).beginCDATA}, {"DOCTYPE", (*Reader).doctype}} {
		ok, err := r.is(2, m.lit)
		if err != nil {
			return 0, r.ended(err, "a tag")
		}
		if ok {
			return m.read(r)
		}
	}
	return 0, r.syntax(0, `"<!" that begins no comment and no CDATA section`)
}

func (r *Reader) beginCDATA() (Kind, error) {
	if len(r.stack) == 0 {
		return 0, r.syntax(0, "a CDATA section outside the root element")
	}
	r.cdata = true
	return r.cdataPiece(len("<![CDATA["))
}

// doctype refuses a document type: it is where entities come from that grow a
// small input into a big one, or name files and addresses to be fetched.
func (r *Reader) doctype() (Kind, error) {
	line, offset := r.place(0)
	return 0, fmt.Errorf("XML, line %d, offset %d: %w", line, offset, ErrDoctype)
}

// comment skips the comment at tok, of any length.
func (r *Reader) comment() (Kind, error) {
	if err := r.skipTo(len("<!--"), "--"); err != nil {
		return 0, r.ended(err, "a comment")
	}
	c, err := r.at(2)
	if err == nil && c != '>' {
		err = r.syntax(0, `"--" in a comment`)
	}
	r.pos = r.tok + len("-->")
	return 0, err
}

// instruction skips the processing instruction or the XML declaration at tok;
// first says that no markup is before it.
func (r *Reader) instruction(first bool) error {
	q, i, err := r.nameAt(2)
	if err != nil {
		return err
	}
	if c := r.buf[r.tok+i]; c != '?' && class[c]&space == 0 {
		return r.syntax(i, "%q in a processing instruction where white space must be", string(rune(c)))
	}
	isDecl := strings.EqualFold(q.raw, "xml")
	if isDecl && !first {
		return r.syntax(0, "an XML declaration that is not at the start")
	}
	if isDecl {
		return r.declaration(i)
	}
	if err := r.skipTo(i, "?>"); err != nil {
		return r.ended(err, "a processing instruction")
	}
	r.pos = r.tok + len("?>")
	return nil
}

// declaration reads the XML declaration at tok from i on. What charset it names
// was seen to when the reading began.
func (r *Reader) declaration(i int) error {
	j := i
	for {
		if ok, err := r.is(j, "?>"); err != nil {
			return r.ended(err, "the XML declaration")
		} else if ok {
			break
		}
		if j++; j > maxDecl {
			return r.limit(0, "the XML declaration is over %d bytes", maxDecl)
		}
	}
	if v := pseudo(r.buf[r.tok+i:r.tok+j], "version"); v != "" && !strings.HasPrefix(v, "1.") {
		return r.syntax(0, "XML of version %.20q", v)
	}
	r.pos = r.tok + j + len("?>")
	return nil
}

// skipTo moves tok to the first lit at i or behind it, letting go what is before.
func (r *Reader) skipTo(i int, lit string) error {
	for {
		b := r.buf[r.tok:]
		k := bytes.Index(b[i:], []byte(lit))
		if k >= 0 {
			r.tok += i + k
			return nil
		}
		r.tok += max(i, len(b)-len(lit)+1)
		r.pos, i = r.tok, 0
		if err := r.more(); err != nil {
			return err
		}
	}
}
