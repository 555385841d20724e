package taxii1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"unicode/utf8"
)

// InboxMessage is content for an inbox.
type InboxMessage struct {
	Collections []string // where it shall go; none: where the server wants. 1.0 cannot say
	Binding     string   // what it is: urn:stix.mitre.org:xml:1.2
	Subtype     string   // of the binding (1.1)
	Message     string   // words about it
	Content     []byte
}

// Push sends m to the inbox service at u, once: without an answer nobody knows
// whether it was taken. XML goes as XML, whatever its charset was; a text that is
// not well-formed or has a document type goes as escaped text.
func (c *Client) Push(ctx context.Context, u *url.URL, m InboxMessage) error {
	if c.err != nil {
		return c.err
	}
	w, err := m.request(c.d)
	if err != nil {
		return err
	}
	err = c.ask(ctx, u, w, reading{limit: maxList})
	var s *StatusError
	if errors.As(err, &s) && s.Type == Success {
		return nil
	}
	return err
}

// request writes the Inbox_Message (Services §4.3.11).
func (m InboxMessage) request(d dialect) (*writer, error) {
	switch {
	case m.Binding == "":
		return nil, errors.New("a push needs the content's binding, such as urn:stix.mitre.org:xml:1.2")
	case d.old() && len(m.Collections) > 0:
		return nil, errors.New("TAXII 1.0 has no collections to push to: leave the destination out, or use 1.1")
	case d.old() && m.Subtype != "":
		return nil, errors.New("TAXII 1.0 has no subtypes of bindings")
	}
	w := newMessage(d, "Inbox_Message")
	for _, name := range m.Collections {
		w.text("Destination_Collection_Name", name)
	}
	w.text("Message", m.Message)
	w.open("Content_Block")
	w.binding(m.Binding, m.Subtype)
	w.open("Content")
	if err := m.embed(w); err != nil {
		return nil, err
	}
	w.close("Content")
	w.close("Content_Block")
	return w, nil
}

// embed writes the content. What XML cannot say at all is not sent as something
// else.
func (m InboxMessage) embed(w *writer) error {
	if len(bytes.TrimSpace(m.Content)) == 0 {
		return errors.New("there is no content to push")
	}
	text, err := io.ReadAll(document(bytes.NewReader(m.Content)))
	if err != nil {
		text = m.Content
	}
	n, bad := wellFormed(bytes.NewReader(text), contents)
	if bad == nil && n == 0 {
		w.Write(text)
		return nil
	}
	if n = unspeakable(m.Content); n > 0 {
		return fmt.Errorf("the content holds %d characters that XML cannot carry (control characters, or no UTF-8)", n)
	}
	w.WriteString(textEscapes.Replace(string(m.Content)))
	return nil
}

// unspeakable counts the characters of a text that no XML document can hold
// (XML 1.0 §2.2), and the bytes that are no UTF-8.
func unspeakable(text []byte) int {
	n := 0
	for len(text) > 0 {
		c, size := utf8.DecodeRune(text)
		if c == utf8.RuneError && size == 1 || c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xfffe || c == 0xffff {
			n++
		}
		text = text[size:]
	}
	return n
}
