package taxiitest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const someBinding = "urn:stix.mitre.org:xml:1.1.1"

// answer writes the message that body writes into a reply with TAXII's headers.
func (s *TAXII1) answer(w http.ResponseWriter, q question1, body func(*bytes.Buffer, question1) int) {
	var b bytes.Buffer
	b.WriteString(s.Faults.Prolog)
	status := body(&b, q)
	b.WriteString(s.Faults.Behind)
	text := b.Bytes()
	if s.Faults.Rewrite != nil {
		text = s.Faults.Rewrite(text)
	}
	h := w.Header()
	h.Set("Content-Type", cmp.Or(s.Faults.ContentType, "application/xml"))
	minor := map[bool]string{true: "0", false: "1"}[q.old]
	h.Set("X-TAXII-Content-Type", binding1+minor)
	h.Set("X-TAXII-Protocol", "urn:taxii.mitre.org:protocol:http:1.0")
	h.Set("X-TAXII-Services", "urn:taxii.mitre.org:services:1."+minor)
	if s.Faults.Gzip {
		var z bytes.Buffer
		g := gzip.NewWriter(&z)
		_, _ = g.Write(text) // to memory
		_ = g.Close()
		text = z.Bytes()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	w.Write(text)
}

// prefix of elements.
func (s *TAXII1) prefix() string {
	if s.Prefix != "" {
		return s.Prefix
	}
	return "taxii_11"
}

// message writes a message around what inner writes.
func (s *TAXII1) message(b *bytes.Buffer, q question1, name, attrs string, inner func(tag func(name, attrs, text string))) {
	p := s.prefix()
	id := q.id
	if s.Faults.InResponseTo != "" {
		id = s.Faults.InResponseTo
	}
	fmt.Fprintf(b, `<%s:%s xmlns:%[1]s="%[3]s"%s message_id="%d" in_response_to="%s"%s>`, p, name, spaces1[q.old], s.Faults.Root, number1(), escape1(id), attrs)
	inner(func(name, attrs, text string) {
		fmt.Fprintf(b, "\n  <%s:%s%s>%s</%[1]s:%[2]s>", p, name, attrs, text)
	})
	fmt.Fprintf(b, "\n</%s:%s>", p, name)
}

// number1 is a random id of ten digits, so that answers are of one length.
func number1() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:])
	return 1<<31 | uint32(b[0])<<23 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func escape1(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // to memory
	return b.String()
}

// status writes a Status_Message.
func (s *TAXII1) status(st Status1) func(*bytes.Buffer, question1) int {
	return func(b *bytes.Buffer, q question1) int {
		s.message(b, q, "Status_Message", ` status_type="`+escape1(st.Type)+`"`, func(tag func(name, attrs, text string)) {
			var details string
			for _, d := range st.Detail {
				if q.old {
					details += escape1(d[0] + ": " + d[1])
					continue
				}
				details += fmt.Sprintf(`<%s:Detail name="%s">%s</%[1]s:Detail>`, s.prefix(), escape1(d[0]), escape1(d[1]))
			}
			if details != "" {
				tag("Status_Detail", "", details)
			}
			if st.Message != "" {
				tag("Message", "", escape1(st.Message))
			}
		})
		return max(st.HTTP, http.StatusOK)
	}
}

// base is scheme and host of the addresses in answers.
func (s *TAXII1) base(r *http.Request) string {
	if s.Base != "" {
		return s.Base
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// endpoint is the inside of what names a service.
func (s *TAXII1) endpoint(r *http.Request, path string) string {
	p := s.prefix()
	return fmt.Sprintf("<%s:Protocol_Binding>urn:taxii.mitre.org:protocol:http:1.0</%[1]s:Protocol_Binding><%[1]s:Address>%[2]s</%[1]s:Address>"+
		"<%[1]s:Message_Binding>%[3]s0</%[1]s:Message_Binding><%[1]s:Message_Binding>%[3]s1</%[1]s:Message_Binding>", p, escape1(s.base(r)+path), binding1)
}

func (s *TAXII1) discovery(b *bytes.Buffer, q question1) int {
	s.message(b, q, "Discovery_Response", "", func(tag func(name, attrs, text string)) {
		management := map[bool]string{true: "FEED_MANAGEMENT", false: "COLLECTION_MANAGEMENT"}[q.old]
		for _, v := range [][2]string{{"DISCOVERY", Discovery1}, {management, Collections1}, {"POLL", Poll1}, {"INBOX", Inbox1}} {
			tag("Service_Instance", ` service_type="`+v[0]+`" service_version="urn:taxii.mitre.org:services:1.1" available="true"`, s.endpoint(q.r, v[1])+
				fmt.Sprintf("<%s:Message>test %s</%[1]s:Message>", s.prefix(), strings.ToLower(v[0])))
		}
	})
	return http.StatusOK
}

func (s *TAXII1) collections(b *bytes.Buffer, q question1) int {
	name, element := "Collection_Information_Response", "Collection"
	if q.old {
		name, element = "Feed_Information_Response", "Feed"
	}
	s.message(b, q, name, "", func(tag func(name, attrs, text string)) {
		for _, c := range s.Collections {
			tag(element, c.attrs(q.old), s.describe(c, q))
		}
	})
	return http.StatusOK
}

func (c Collection1) attrs(old bool) string {
	if old {
		return fmt.Sprintf(` feed_name="%s" available="%t"`, escape1(c.Name), !c.Offline)
	}
	kind := map[bool]string{true: "DATA_SET", false: "DATA_FEED"}[c.Set]
	return fmt.Sprintf(` collection_name="%s" collection_type="%s" available="%t"`, escape1(c.Name), kind, !c.Offline)
}

func (s *TAXII1) describe(c Collection1, q question1) string {
	p := s.prefix()
	text := fmt.Sprintf("<%s:Description>%s</%[1]s:Description>", p, escape1(c.Description))
	bindings := c.Bindings
	if q.old && len(bindings) == 0 {
		bindings = []string{someBinding} // 1.0 wants one
	}
	if !q.old {
		text += fmt.Sprintf("<%s:Collection_Volume>%d</%[1]s:Collection_Volume>", p, len(c.Blocks))
	}
	for _, b := range bindings {
		text += s.binding(q.old, Block1{Binding: b})
	}
	text += fmt.Sprintf("<%s:Polling_Service>%s</%[1]s:Polling_Service>", p, s.endpoint(q.r, Poll1))
	if !q.old {
		text += fmt.Sprintf("<%s:Receiving_Inbox_Service>%s</%[1]s:Receiving_Inbox_Service>", p, s.endpoint(q.r, Inbox1))
	}
	return text
}

func (s *TAXII1) binding(old bool, b Block1) string {
	p := s.prefix()
	switch {
	case old:
		return fmt.Sprintf("<%s:Content_Binding>%s</%[1]s:Content_Binding>", p, escape1(b.Binding))
	case b.Subtype != "":
		return fmt.Sprintf(`<%s:Content_Binding binding_id="%s"><%[1]s:Subtype subtype_id="%s"/></%[1]s:Content_Binding>`, p, escape1(b.Binding), escape1(b.Subtype))
	}
	return fmt.Sprintf(`<%s:Content_Binding binding_id="%s"/>`, p, escape1(b.Binding))
}

// poll answers a Poll_Request: it makes a result and hands out its first part.
func (s *TAXII1) poll(q question1) func(*bytes.Buffer, question1) int {
	c, st := s.find(q.collection())
	if st != nil {
		return s.status(*st)
	}
	r := result1{collection: c.Name, counted: q.msg.Params != nil && q.msg.Params.Response == "COUNT_ONLY"}
	if !c.Set {
		r.window = [2]string{q.msg.Begin, q.msg.End}
		r.begin, _ = time.Parse(time.RFC3339Nano, q.msg.Begin)
		r.end, _ = time.Parse(time.RFC3339Nano, q.msg.End)
	}
	if !r.end.IsZero() && r.begin.After(r.end) {
		return s.status(Status1{Type: "FAILURE", Message: "Exclusive begin timestamp label is later than inclusive end timestamp label"})
	}
	wanted := q.msg.Old
	if q.msg.Params != nil {
		for _, b := range q.msg.Params.Binding {
			wanted = append(wanted, b.ID)
		}
	}
	for _, b := range wanted {
		if len(c.Bindings) > 0 && !slices.Contains(c.Bindings, b) {
			return s.status(Status1{Type: "UNSUPPORTED_CONTENT", Detail: [][2]string{{"SUPPORTED_CONTENT", c.Bindings[0]}}})
		}
	}
	if s.Faults.NoWindow {
		r.begin, r.end = time.Time{}, time.Time{}
	}
	r.pick(c, wanted)
	if s.Faults.Reverse {
		slices.Reverse(r.blocks)
	}
	id := strconv.FormatUint(uint64(number1()), 10)
	if s.results == nil {
		s.results = map[string]result1{}
	}
	s.results[id] = r
	return s.part(id, r, 1)
}

// pick takes the blocks in the window and of the bindings that are wanted.
func (r *result1) pick(c *Collection1, wanted []string) {
	for _, b := range c.Blocks {
		if b.Binding == "" {
			b.Binding = someBinding
		}
		in := c.Set || b.Label.After(r.begin) && (r.end.IsZero() || !b.Label.After(r.end))
		if in && (len(wanted) == 0 || slices.Contains(wanted, b.Binding)) {
			if c.Set {
				b.Label = time.Time{}
			}
			r.blocks = append(r.blocks, b)
		}
	}
}

// fulfil answers a Poll_Fulfillment.
func (s *TAXII1) fulfil(q question1) func(*bytes.Buffer, question1) int {
	r, ok := s.results[q.msg.Result]
	if !ok || r.collection != q.msg.Name {
		return s.status(Status1{Type: "NOT_FOUND", Detail: [][2]string{{"ITEM", q.msg.Result}}})
	}
	return s.part(q.msg.Result, r, max(q.msg.Part, 1))
}

// part hands out one part, or what goes wrong with it.
func (s *TAXII1) part(id string, r result1, n int) func(*bytes.Buffer, question1) int {
	f := &s.Faults
	if st, ok := f.Parts[n]; ok {
		return s.status(st)
	}
	wait := [][2]string{}
	if f.Wait != "" {
		wait = append(wait, [2]string{"ESTIMATED_WAIT", f.Wait})
	}
	switch {
	case f.Retry > 0:
		f.Retry--
		return s.status(Status1{Type: "RETRY", Detail: wait})
	case f.Pending > 0:
		f.Pending--
		if !f.NoPendingID {
			wait = append(wait, [2]string{"RESULT_ID", id}, [2]string{"WILL_PUSH", "false"})
		}
		return s.status(Status1{Type: "PENDING", Detail: wait})
	}
	if f.SamePart {
		n = 1
	}
	return func(b *bytes.Buffer, q question1) int {
		s.write(b, q, id, r, n)
		return http.StatusOK
	}
}

// write writes a Poll_Response.
func (s *TAXII1) write(b *bytes.Buffer, q question1, id string, r result1, n int) {
	f := s.Faults
	size := len(r.blocks)
	switch {
	case q.old && s.OldLimit > 0:
		size = s.OldLimit
	case !q.old && s.PageSize > 0:
		size = s.PageSize
	}
	from := min((n-1)*size, len(r.blocks))
	to := min(from+size, len(r.blocks))
	more := to < len(r.blocks) || f.EmptyLast && from < to || f.MoreForever
	if f.SamePart {
		more = true
	}
	blocks := r.blocks[from:to]
	if r.counted {
		blocks = nil
	}
	s.message(b, q, "Poll_Response", s.pollAttrs(q, id, n, more), func(tag func(name, attrs, text string)) {
		s.window(tag, q, r)
		if s.Count && !q.old {
			tag("Record_Count", fmt.Sprintf(` partial_count="%t"`, f.PartialCount), strconv.Itoa(len(r.blocks)+f.CountOff))
		}
		b.WriteString(f.Inside)
		for _, block := range blocks {
			tag("Content_Block", "", s.block(q, block))
		}
	})
}

// window says the window of a result. 1.0 always wants an end.
func (s *TAXII1) window(tag func(name, attrs, text string), q question1, r result1) {
	begin := map[bool]string{true: "Inclusive_Begin_Timestamp", false: "Exclusive_Begin_Timestamp"}[q.old]
	if r.window[0] != "" {
		tag(begin, "", r.window[0])
	}
	if q.old && r.window[1] == "" {
		r.window[1] = "2026-11-21T00:00:00+00:00"
	}
	if r.window[1] != "" {
		tag("Inclusive_End_Timestamp", "", r.window[1])
	}
}

func (s *TAXII1) pollAttrs(q question1, id string, n int, more bool) string {
	if q.old {
		return fmt.Sprintf(` feed_name="%s"`, escape1(q.msg.Feed))
	}
	attrs := fmt.Sprintf(` collection_name="%s" more="%t"`, escape1(q.msg.Name), more)
	if !s.Faults.NoResultID && (more || n > 1) {
		attrs += ` result_id="` + id + `"`
	}
	if n > 1 {
		n += s.Faults.PartOff
	}
	if !s.Faults.Unnumbered {
		attrs += fmt.Sprintf(` result_part_number="%d"`, n)
	}
	return attrs
}

// block writes the inside of a Content_Block.
func (s *TAXII1) block(q question1, b Block1) string {
	p := s.prefix()
	text := "\n    " + s.binding(q.old, b) + fmt.Sprintf("\n    <%s:Content>%s</%[1]s:Content>", p, b.written())
	if !b.Label.IsZero() {
		text += fmt.Sprintf("\n    <%s:Timestamp_Label>%s</%[1]s:Timestamp_Label>", p, b.Label.UTC().Format("2006-01-02T15:04:05.999999+00:00"))
	}
	if b.Message != "" && !q.old {
		text += fmt.Sprintf("\n    <%s:Message>%s</%[1]s:Message>", p, escape1(b.Message))
	}
	return text + "\n  "
}

// written is the content in its form.
func (b Block1) written() string {
	switch b.Form {
	case "escaped":
		return escape1(b.Content)
	case "cdata":
		return "<![CDATA[" + strings.ReplaceAll(b.Content, "]]>", "]]]]><![CDATA[>") + "]]>"
	case "base64":
		return base64.StdEncoding.EncodeToString([]byte(b.Content))
	case "hex":
		return `\x` + hex.EncodeToString([]byte(b.Content))
	}
	return "\n      " + b.Content + "\n    "
}

// inbox takes what is pushed. As OpenTAXII does, it keeps the content as it
// stands between the tags.
func (s *TAXII1) inbox(q question1) func(*bytes.Buffer, question1) int {
	for _, name := range q.msg.To {
		if _, st := s.find(name); st != nil {
			return s.status(*st)
		}
	}
	for _, got := range q.msg.Blocks {
		id := got.Binding.ID
		if q.old {
			id = strings.TrimSpace(got.Binding.Text)
		}
		b := Block1{Binding: id, Subtype: got.Binding.Sub.ID, Message: got.Message, Content: strings.TrimSpace(got.Content.Inner), Label: time.Now()}
		for i := range s.Collections {
			if q.old || slices.Contains(q.msg.To, s.Collections[i].Name) {
				s.Collections[i].Blocks = append(s.Collections[i].Blocks, b)
			}
		}
	}
	return s.status(Status1{Type: "SUCCESS"})
}
