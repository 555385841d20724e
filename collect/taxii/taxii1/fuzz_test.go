package taxii1

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/httpx"
)

// always answers every question with the same bytes.
type always string

func (a always) RoundTrip(r *http.Request) (*http.Response, error) {
	h := http.Header{}
	h.Set("X-Taxii-Content-Type", "urn:taxii.mitre.org:message:xml:1.1")
	return &http.Response{StatusCode: 200, Header: h, Request: r, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}

func (a always) client(t testing.TB) *Client {
	t.Helper()
	conn, err := taxii.New(taxii.Options{Base: &url.URL{Scheme: "http", Host: "localhost"}, HTTP: &http.Client{Transport: a}, Policy: httpx.Policy{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return New(conn, "1.1")
}

// FuzzMessage reads any bytes as the answer to every question. Nothing panics,
// no list is longer than the answer could hold, and what is no error is
// well-formed for the standard library, too.
func FuzzMessage(f *testing.F) {
	for _, doc := range []string{
		`<t:Discovery_Response xmlns:t="` + space11 + `"><t:Service_Instance service_type="POLL" available="0"><t:Address>/p</t:Address></t:Service_Instance></t:Discovery_Response>`,
		`<Collection_Information_Response xmlns="` + space11 + `"><Collection collection_name="a"><Content_Binding binding_id="b"><Subtype subtype_id="s"/></Content_Binding><Polling_Service/></Collection></Collection_Information_Response>`,
		`<Feed_Information_Response xmlns="` + space10 + `"><Feed feed_name="a"/></Feed_Information_Response>`,
		`<Status_Message xmlns="` + space11 + `" status_type="PENDING"><Status_Detail><Detail name="ESTIMATED_WAIT">1</Detail></Status_Detail><Message>m</Message></Status_Message>`,
		`<Status_Message xmlns="` + space10 + `" status_type="RETRY"><Status_Detail>x</Status_Detail></Status_Message>`,
		`<Poll_Response xmlns="` + space11 + `" more="true" result_id="1" result_part_number="1"><Record_Count partial_count="1">9</Record_Count><Content_Block><Content><a/></Content></Content_Block></Poll_Response>`,
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		c := always(doc).client(t)
		c.wait = func(context.Context, time.Duration) error { return nil }
		u := c.conn.Base()
		services, err := c.Discover(t.Context(), u)
		read := err == nil
		if len(services) > len(doc) {
			t.Errorf("%d services", len(services))
		}
		if _, err = c.Collections(t.Context(), u); err == nil {
			read = true
		}
		err = c.Push(t.Context(), u, InboxMessage{Binding: "b", Content: []byte("<a/>")})
		read = read || err == nil
		if _, res, err := polled(t, c, Query{CountOnly: true}); err == nil && res.Blocks != 0 {
			t.Errorf("%+v", res)
		}
		if read && strictly(doc) {
			if err := xml.Unmarshal(doc, &struct{}{}); err != nil {
				t.Errorf("%q was read: %v", doc, err)
			}
		}
	})
}

// strictly reports whether the standard library knows what is in doc: it does
// not forgive control characters, and not every charset and prefix.
func strictly(doc []byte) bool {
	n, err := wellFormed(bytes.NewReader(doc), envelope)
	return err == nil && n == 0 && !bytes.Contains(doc, []byte("<?")) && !bytes.Contains(doc, []byte("\ufeff"))
}

// FuzzBlocks reads any bytes as what stands in a Content. Whatever it is, the
// blocks before and behind it come once and whole; a block that is not bad is a
// document of its own for another reader; and reading twice gives the same.
func FuzzBlocks(f *testing.F) {
	for _, text := range []string{
		"<a/>", "<a><b></a>", "&lt;a/&gt;", "<![CDATA[<a/>]]>", "PGEvPg==", `\x3c612f3e`, "<!-- x", "<a/><b/>", "{}", "", "<p:a/>", "<a xmlns:p='q' p:b='c'/>",
		"<!DOCTYPE a>", "</t:Content>", "</t:Content></t:Content_Block>", "<a>\x01</a>", strings.Repeat("<a>", 70), "&lt;?xml version='1.0' encoding='x'?&gt;&lt;a/&gt;",
		"</t:Content></t:Content_Block><t:Content_Block><t:Content>", "<Content_Block>", "<Content_Block><a></Content_Block>", "<Content_Block><Content_Block/></b>",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const block = "<t:Content_Block><t:Content_Binding binding_id='b'/><t:Content>%s</t:Content><t:Timestamp_Label>2024-05-01T12:00:00Z</t:Timestamp_Label></t:Content_Block>"
		doc := fmt.Sprintf("<t:Poll_Response xmlns:t='"+space11+"' xmlns:o='urn:o'>"+block+block+block+"</t:Poll_Response>", "<first/>", text, "<last/>")
		c := always(doc).client(t)
		blocks, res, err := polled(t, c, Query{})
		again, _, err2 := polled(t, c, Query{})
		if (err == nil) != (err2 == nil) || fmt.Sprint(blocks) != fmt.Sprint(again) {
			t.Fatalf("two readings: %+v, %v; %+v, %v", blocks, err, again, err2)
		}
		if err != nil && len(blocks) > 0 {
			t.Fatalf("%d blocks of an answer that cannot be read: %v", len(blocks), err)
		}
		// What ends the block itself, or opens what only the end closes, may take more.
		if strings.Contains(text, "</t:Content") || strings.Contains(text, "<!") || strings.Contains(text, "<?") || strings.Contains(text, "<t:") {
			return
		}
		if err != nil || len(blocks) != 3 || res.Blocks != 3 || blocks[0].Content != `<first xmlns:o="urn:o"/>` || blocks[2].Content != `<last xmlns:o="urn:o"/>` || blocks[2].Bad != "" {
			t.Fatalf("%+v, %v", blocks, err)
		}
		if b := blocks[1]; b.Bad == "" && !strings.HasPrefix(b.Content, "{") && !strings.HasPrefix(b.Content, "[") {
			if n, err := wellFormed(strings.NewReader(b.Content), contents); err != nil || n > b.Scrubbed {
				t.Fatalf("%q is good and reads as %v (%d scrubbed, said %d)", b.Content, err, n, b.Scrubbed)
			}
		}
	})
}

// FuzzContent decodes any text in all the forms that a text can have.
func FuzzContent(f *testing.F) {
	f.Add([]byte(`\x3c 61`), byte(0))
	f.Add([]byte("PGEv\nPg=="), byte(1))
	f.Add([]byte(" \ufeff<?xml version='1.0'?> <a/>"), byte(2))
	f.Fuzz(func(t *testing.T, text []byte, kind byte) {
		decode := []func(io.Reader) io.Reader{dehex, debase64, trimmed, document}[kind%4]
		out, _ := io.ReadAll(decode(bytes.NewReader(text)))
		if len(out) > 4*len(text)+16 {
			t.Errorf("%d bytes of %d", len(out), len(text))
		}
		if kind%4 == 2 && len(out) > 0 && strings.ContainsRune(blanks, []rune(string(out))[0]) {
			t.Errorf("%q begins with white space", out)
		}
	})
}

func BenchmarkPoll(b *testing.B) {
	pkg := "<s:P xmlns:s='urn:s'>" + strings.Repeat("<s:Indicator id='x:1' timestamp='2024-05-01'><s:Title>192.0.2.60 from https://otx.example</s:Title></s:Indicator>\n", 200) + "</s:P>"
	var texts []string
	for range 200 {
		texts = append(texts, pkg)
	}
	var doc string
	s := feed(texts...)
	s.Faults.Rewrite = func(b []byte) []byte { doc = string(b); return b }
	c := connect(b, s, "1.1", taxii.Login{})
	u := c.at(b, taxiitest.Poll1)
	if _, err := c.Poll(b.Context(), u, Query{Collection: "c"}, func(*Block) error { return nil }); err != nil {
		b.Fatal(err)
	}
	fixed := always(doc).client(b)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		res, err := fixed.Poll(b.Context(), u, Query{Collection: "c"}, func(blk *Block) error {
			_, err := io.Copy(io.Discard, blk.Content())
			return err
		})
		if err != nil || res.Blocks != 200 {
			b.Fatal(res, err)
		}
	}
}
