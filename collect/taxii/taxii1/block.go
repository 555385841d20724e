package taxii1

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/xmltok"
)

// Block is one Content_Block of a poll's answer.
type Block struct {
	Part    int       // number of the answer it came in, from 1
	Index   int       // number in that answer, from 1
	Binding string    // what the server says it is; servers mislabel, so the content's own word counts more
	Subtype string    // of the binding
	Label   time.Time // Timestamp_Label, zero when there is none (a DATA_SET has none)
	Message string    // the server's words about it
	// Scrubbed counts the characters that XML forbids, and invalid UTF-8, in
	// the content: a reader of it replaces them by U+FFFD.
	Scrubbed int
	// Bad is why the content cannot be read as what it should be; Content then
	// gives it as it came. The other blocks of the answer are not concerned.
	Bad error

	sp       *spool
	form     form
	from, to int64 // what Content gives, in the spool; meaning by form
	tag      int64 // form element: the end of its start tag
	scope    []xmltok.Prefix
}

// form is how a content is written into the envelope.
type form uint8

const (
	formRaw     form = iota // bytes that are not well-formed, or nothing
	formElement             // one element
	formMixed               // several elements, or text beside them: the Content element itself
	formText                // text: escaped or CDATA
	formHex                 // text: XML in hexadecimal digits
	formBase64              // text: XML in base64
)

// errEmpty is the Bad of a block without content.
var errEmpty = errors.New("the content is empty")

// errNoXML is the Bad of a text that is neither XML nor JSON.
var errNoXML = errors.New("the content is a text that is not XML")

// JSON reports whether the content is a text that begins as a JSON object or
// list does (STIX 2 in a TAXII 1 block). It is not checked further.
func (b *Block) JSON() bool {
	if b.form != formText {
		return false
	}
	head, _ := io.ReadAll(io.LimitReader(b.Content(), 1))
	return len(head) == 1 && (head[0] == '{' || head[0] == '[')
}

// readBlock reads the Content_Block at whose start w stands. An error is one of
// the whole answer; what concerns the block alone is in its Bad.
func (w *walk) readBlock() (*Block, error) {
	w.blocks++
	b := &Block{Index: w.blocks, sp: w.sp, from: w.base + w.r.Offset()}
	start, scrubbed := w.base+w.r.TokenStart(), w.r.Scrubbed()
	if w.blocks == 1 {
		w.first = start
	}
	err := children(w.r, func(n xmltok.Name) error { return w.blockChild(b, n) })
	if err == nil {
		b.Scrubbed = w.r.Scrubbed() - scrubbed
		return b, nil
	}
	b.form, b.Bad = formRaw, fmt.Errorf("the content is not well-formed: %w", err)
	b.to, err = w.rescue(err, start)
	b.from = min(b.from, b.to)
	return b, err
}

// blockChild reads one element of a Content_Block (XML Message Binding §3.1).
func (w *walk) blockChild(b *Block, n xmltok.Name) error {
	switch n.Local {
	case "Content_Binding":
		v, err := readBinding(w.r)
		b.Binding = v.ID
		if len(v.Subtypes) > 0 {
			b.Subtype = v.Subtypes[0]
		}
		return err
	case "Content":
		return w.content(b)
	case "Timestamp_Label":
		text, err := w.r.Content()
		b.Label, _ = parseStamp(text)
		if err == nil && b.Label.IsZero() {
			w.note(fmt.Sprintf("a block's time label %q is no time", clip(text, 40)))
		}
		return err
	case "Message":
		text, err := w.r.Content()
		b.Message = text
		return err
	}
	return w.r.Skip()
}

// content finds where the content of the block stands and in which form.
func (w *walk) content(b *Block) error {
	r, depth := w.r, w.r.Depth()
	outer := w.base + r.TokenStart()
	b.from = w.base + r.Offset()
	if w.each != nil {
		b.scope = append([]xmltok.Prefix(nil), r.Scope()...)
	}
	from, elements, text := b.from, 0, false
	for {
		kind, err := r.Next()
		switch {
		case err != nil:
			return whole(err)
		case kind == xmltok.Text:
			text = text || len(bytes.TrimSpace(r.Text())) > 0
		case kind == xmltok.Start:
			if elements++; elements == 1 {
				from, b.tag = w.base+r.TokenStart(), w.base+r.Offset()
			}
			if err := pass(r); err != nil {
				return whole(err)
			}
			b.to = w.base + r.Offset()
		case kind == xmltok.End && r.Depth() == depth:
			switch {
			case elements == 1 && !text:
				b.form, b.from = formElement, from
			case elements > 0:
				b.form, b.from, b.to = formMixed, outer, w.base+r.Offset()
				b.tag = 0
			case text:
				b.form, b.to = formText, w.base+r.TokenStart()
			default:
				b.form, b.to, b.Bad = formRaw, b.from, errEmpty
			}
			return nil
		}
	}
}

// pass goes from a Start to its End and refuses what a reader of the content
// would: a run of text that is too long.
func pass(r *xmltok.Reader) error {
	run := int64(0)
	for depth := r.Depth(); ; {
		kind, err := r.Next()
		switch {
		case err != nil:
			return err
		case kind == xmltok.Text:
			if run += r.Offset() - r.TokenStart(); run > maxText {
				return fmt.Errorf("XML, line %d, offset %d: %w: a run of text is over %d bytes", r.Line(), r.Offset(), xmltok.ErrLimit, maxText)
			}
		case kind == xmltok.End && r.Depth() == depth:
			return nil
		default:
			run = 0
		}
	}
}

// settle looks into a content that is a text: what is written in it, and is it
// well-formed?
func (b *Block) settle(limits xmltok.Limits) {
	if b.form != formText {
		return
	}
	head, err := io.ReadAll(io.LimitReader(b.text(), 1024))
	if err != nil {
		b.Bad = err
		return
	}
	trimmed := strings.TrimLeft(string(head), blanks)
	switch {
	case strings.HasPrefix(trimmed, "<"):
	case strings.HasPrefix(trimmed, "{"), strings.HasPrefix(trimmed, "["):
		return
	case hidesXML(dehex(strings.NewReader(trimmed))):
		b.form = formHex
	case hidesXML(debase64(strings.NewReader(trimmed))):
		b.form = formBase64
	default:
		b.Bad = errNoXML
		return
	}
	n, err := wellFormed(b.Content(), limits)
	b.Scrubbed += n
	if err != nil {
		b.form, b.Bad = formText, fmt.Errorf("the text in the content is not well-formed: %w", err)
	}
}

// wellFormed reads a document to its end and counts what was scrubbed.
func wellFormed(doc io.Reader, limits xmltok.Limits) (int, error) {
	r := xmltok.NewReaderUTF8(doc, limits)
	for {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			return r.Scrubbed(), nil
		} else if err != nil {
			return r.Scrubbed(), err
		}
	}
}
