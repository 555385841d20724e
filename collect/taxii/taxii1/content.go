package taxii1

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/internal/xmltok"
)

// blanks are white space and the byte order mark.
const blanks = " \t\r\n\ufeff"

// Content returns the content from its first byte that is not white space. It
// may be called again for another reading from the start, and is valid until
// the function to which the block was given returns.
//
// For XML it is a document of its own in UTF-8 without an XML declaration:
// namespaces declared outside of it are declared at its root, and a text that
// was escaped, in CDATA, in base64 or in hexadecimal digits is undone. A content
// of several elements has the Content element itself as its root. For a text
// that is not XML it is the text, and for a bad block that is not well-formed in
// the envelope the bytes as they came, from the content's begin to the block's
// end.
func (b *Block) Content() io.Reader {
	switch b.form {
	case formElement, formMixed:
		return b.standalone()
	case formText:
		return trimmed(b.text())
	case formHex:
		return document(dehex(b.text()))
	case formBase64:
		return document(debase64(b.text()))
	}
	return b.sp.section(b.from, b.to)
}

// failed is the reader of a content that cannot be read.
type failed struct{ error }

// Read implements io.Reader.
func (f failed) Read([]byte) (int, error) { return 0, f.error }

// standalone is an element with the namespaces that hold where it stands.
func (b *Block) standalone() io.Reader {
	end := b.tag
	if b.form == formMixed {
		end = b.to
	}
	name, own, err := rootTag(bufio.NewReader(b.sp.section(b.from, end)))
	if err != nil {
		return failed{fmt.Errorf("the spooled answer: %w", err)}
	}
	idle, err := b.idle()
	if err != nil {
		return failed{err}
	}
	var head bytes.Buffer
	head.WriteString("<" + name)
	for _, p := range b.scope {
		if p.Prefix == "xml" || own[p.Prefix] || idle[p.Prefix] {
			continue
		}
		head.WriteString(" xmlns")
		if p.Prefix != "" {
			head.WriteString(":" + p.Prefix)
		}
		head.WriteString(`="`)
		attrTo(&head, p.Space)
		head.WriteString(`"`)
	}
	return io.MultiReader(&head, b.sp.section(b.from+1+int64(len(name)), b.to))
}

// maxIdle is how many prefixes idle looks for.
const maxIdle = 8

// idle returns the prefixes of TAXII's own namespaces that do not occur in the
// content. They are not carried into it, so that the same content is the same
// bytes whatever envelope it came in.
func (b *Block) idle() (map[string]bool, error) {
	var look [][]byte
	for _, p := range b.scope {
		if p.Prefix != "" && strings.HasPrefix(p.Space, "http://taxii.mitre.org/") && len(look) < maxIdle {
			look = append(look, []byte(p.Prefix+":"))
		}
	}
	left, err := missing(b.sp.section(b.from, b.to), look)
	idle := map[string]bool{}
	for _, p := range left {
		idle[strings.TrimSuffix(string(p), ":")] = true
	}
	return idle, err
}

// missing returns those of the texts that r does not hold.
func missing(r io.Reader, texts [][]byte) ([][]byte, error) {
	longest := 0
	for _, t := range texts {
		longest = max(longest, len(t))
	}
	buf := make([]byte, 0, longest+64<<10)
	for len(texts) > 0 {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		texts = slices.DeleteFunc(texts, func(t []byte) bool { return bytes.Contains(buf, t) })
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if keep := min(longest, len(buf)); keep < len(buf) { // a text may lie across two reads
			buf = buf[:copy(buf, buf[len(buf)-keep:])]
		}
	}
	return texts, nil
}

// rootTag returns the name in a start tag, which is known to be well-formed,
// and the prefixes that it declares.
func rootTag(r *bufio.Reader) (name string, own map[string]bool, err error) {
	own = map[string]bool{}
	if _, err := r.Discard(1); err != nil {
		return "", nil, err
	}
	name, c, err := word(r)
	for err == nil && c != '>' && c != '/' {
		var attr string
		if attr, c, err = word(r); err != nil || c == '>' || c == '/' {
			break
		}
		for err == nil && c != '"' && c != '\'' {
			c, err = r.ReadByte()
		}
		if err == nil {
			_, err = r.ReadString(c) // the value, which cannot hold its own quote
		}
		switch prefix, isNS := strings.CutPrefix(attr, "xmlns:"); {
		case isNS:
			own[prefix] = true
		case attr == "xmlns":
			own[""] = true
		}
	}
	return name, own, err
}

// word reads the next name of a tag and the byte behind it.
func word(r *bufio.Reader) (string, byte, error) {
	var b []byte
	for {
		c, err := r.ReadByte()
		switch {
		case err != nil:
			return string(b), 0, err
		case strings.IndexByte(" \t\r\n", c) >= 0:
			if len(b) > 0 {
				return string(b), c, nil
			}
		case c == '=' || c == '>' || c == '/':
			return string(b), c, nil
		default:
			b = append(b, c)
		}
	}
}

// text is the character data of a content that has no elements.
func (b *Block) text() io.Reader {
	doc := io.MultiReader(strings.NewReader("<c>"), b.sp.section(b.from, b.to), strings.NewReader("</c>"))
	return &textReader{r: xmltok.NewReaderUTF8(doc, envelope)}
}

// textReader reads the text of a document.
type textReader struct {
	r    *xmltok.Reader
	left []byte
}

// Read implements io.Reader.
func (t *textReader) Read(p []byte) (int, error) {
	for len(t.left) == 0 {
		kind, err := t.r.Next()
		if err != nil {
			return 0, err
		}
		if kind == xmltok.Text {
			t.left = t.r.Text()
		}
	}
	n := copy(p, t.left)
	t.left = t.left[n:]
	return n, nil
}

// trimmed takes white space, a byte order mark and an XML declaration off the
// front of a UTF-8 text: what the declaration says of the charset is not so any
// more.
func trimmed(r io.Reader) io.Reader {
	br := bufio.NewReaderSize(r, 4096)
	for {
		c, _, err := br.ReadRune()
		if err != nil {
			return failed{err}
		}
		if !strings.ContainsRune(blanks, c) {
			_ = br.UnreadRune()
			break
		}
	}
	if head, _ := br.Peek(6); len(head) < 6 || string(head[:5]) != "<?xml" || !strings.ContainsRune(blanks, rune(head[5])) {
		return br
	}
	head, _ := br.Peek(1024)
	end := bytes.Index(head, []byte("?>"))
	if end < 0 {
		return failed{errors.New("the XML declaration does not end")}
	}
	_, _ = br.Discard(end + 2)
	return trimmed(br)
}

// document is trimmed for bytes of which the charset is not known yet.
func document(r io.Reader) io.Reader {
	utf8, err := xmltok.Decode(r)
	if err != nil {
		return failed{err}
	}
	return trimmed(utf8)
}

// dense leaves white space out.
type dense struct{ io.Reader }

// Read implements io.Reader.
func (d dense) Read(p []byte) (int, error) {
	for {
		n, err := d.Reader.Read(p)
		keep := p[:0]
		for _, c := range p[:n] {
			if strings.IndexByte(" \t\r\n", c) < 0 {
				keep = append(keep, c)
			}
		}
		if len(keep) > 0 || err != nil {
			return len(keep), err
		}
	}
}

// dehex reads hexadecimal digits, with the \x before them that PostgreSQL puts
// there.
func dehex(r io.Reader) io.Reader {
	br := bufio.NewReader(dense{r})
	if head, _ := br.Peek(2); string(head) == `\x` {
		_, _ = br.Discard(2)
	}
	return hex.NewDecoder(br)
}

// debase64 reads base64 of the standard alphabet.
func debase64(r io.Reader) io.Reader { return base64.NewDecoder(base64.StdEncoding, dense{r}) }

// hidesXML reports whether what r decodes begins as an XML document does, in
// UTF-8 or UTF-16. An error behind the first bytes does not count: r is a cut.
func hidesXML(r io.Reader) bool {
	var b [64]byte
	n, _ := io.ReadFull(r, b[:])
	head := b[:n]
	for _, mark := range []string{"\xff\xfe", "\xfe\xff", "<\x00", "\x00<"} {
		if bytes.HasPrefix(head, []byte(mark)) {
			return true
		}
	}
	return bytes.HasPrefix(bytes.TrimLeft(head, blanks), []byte("<"))
}
