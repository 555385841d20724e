package taxii1

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
)

// writer writes one message. Elements must come in the order of the schema:
// servers validate (XML Message Binding, schema of the version).
type writer struct {
	bytes.Buffer
	d    dialect
	id   string
	name string
}

// newMessage begins the message name; attrs are pairs of a name and a value.
func newMessage(d dialect, name string, attrs ...string) *writer {
	w := &writer{d: d, id: messageID(d), name: name}
	w.WriteString("<t:" + name + ` xmlns:t="` + d.space + `"`)
	w.attrs(append([]string{"message_id", w.id}, attrs...)...)
	w.WriteString(">")
	return w
}

// messageID makes a random id: 1.1 wants any URI, 1.0 a run of digits.
func messageID(d dialect) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	if d.old() {
		return strconv.FormatUint(binary.BigEndian.Uint64(b[:])>>1, 10)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // RFC 9562 §5.4
	h := hex.EncodeToString(b[:])
	return "urn:uuid:" + strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// attrs writes pairs of a name and a value.
func (w *writer) attrs(pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		w.WriteString(" " + pairs[i] + `="`)
		attrTo(&w.Buffer, pairs[i+1])
		w.WriteString(`"`)
	}
}

// open begins an element.
func (w *writer) open(name string, attrs ...string) {
	w.WriteString("<t:" + name)
	w.attrs(attrs...)
	w.WriteString(">")
}

// close ends an element.
func (w *writer) close(name string) { w.WriteString("</t:" + name + ">") }

// text writes an element with a text, or nothing when the text is empty.
func (w *writer) text(name, text string) {
	if text == "" {
		return
	}
	w.open(name)
	w.WriteString(textEscapes.Replace(text))
	w.close(name)
}

// binding writes a Content_Binding, which 1.0 has as a text and 1.1 as an
// attribute with an optional subtype.
func (w *writer) binding(id, subtype string) {
	if w.d.old() {
		w.text("Content_Binding", id)
		return
	}
	w.open("Content_Binding", "binding_id", id)
	if subtype != "" {
		w.open("Subtype", "subtype_id", subtype)
		w.close("Subtype")
	}
	w.close("Content_Binding")
}

// done ends the message and returns it.
func (w *writer) done() []byte {
	w.close(w.name)
	return w.Bytes()
}

// In an attribute's value white space would become spaces (XML 1.0 §3.3.3), in
// a text only a carriage return is changed (§2.11).
var (
	textEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;")
	attrEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#9;", "\n", "&#10;", "\r", "&#13;")
)

// attrTo writes s as an attribute's value.
func attrTo(b *bytes.Buffer, s string) { b.WriteString(attrEscapes.Replace(s)) }
