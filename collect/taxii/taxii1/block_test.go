package taxii1

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
)

// TestForms: a content is found in whichever form the server writes it.
func TestForms(t *testing.T) {
	f := func(form, text, want string) {
		t.Helper()
		s := feed(text, "<next/>")
		s.Collections[0].Blocks[0].Form = form
		blocks, res, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
		if err != nil || len(blocks) != 2 || res.Bad != 0 || blocks[0].Content != want || blocks[1].Content != "<next/>" {
			t.Errorf("%s %q: %+v, %v", form, text, blocks, err)
		}
	}
	const decl, pkg = `<?xml version="1.0" encoding="UTF-8"?>`, `<s:P xmlns:s="urn:s" a='"'>x &amp; <![CDATA[<y>]]> ü</s:P>`
	for _, form := range []string{"", "escaped", "cdata", "base64", "hex"} {
		f(form, pkg, pkg)
		f(form, " \n\t"+pkg, pkg)
	}
	for _, form := range []string{"escaped", "cdata", "base64", "hex"} {
		f(form, decl+"\n"+pkg, pkg)
		f(form, "\ufeff"+decl+pkg, pkg)
	}
	f("escaped", `<?xml version="1.0" encoding="ISO-8859-1"?><a>ü</a>`, "<a>ü</a>") // it is not any more
	f("base64", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xfc</a>", "<a>ü</a>")
	f("hex", "\xff\xfe<\x00a\x00/\x00>\x00", "<a/>")
	f("base64", "\xfe\xff\x00<\x00a\x00/\x00>", "<a/>")
	f("", "<!-- c --><?p i?>"+pkg+"<!-- d -->", pkg)
	f("escaped", `{"type":"bundle"}`, `{"type":"bundle"}`) // STIX 2: somebody else judges it
	f("", "[]", "[]\n    ")

	const open = `<taxii_11:Content xmlns:taxii_11="http://taxii.mitre.org/messages/taxii_xml_binding-1.1">`
	f("", "<a/><b/>", open+"\n      <a/><b/>\n    </taxii_11:Content>")
	f("", "text <a/>", open+"\n      text <a/>\n    </taxii_11:Content>")
}

// TestJSON tells a STIX 2 content from the others.
func TestJSON(t *testing.T) {
	s := feed(`{"a":1}`, " [1]", "<a/>", "<b>{}</b>")
	s.Collections[0].Blocks[3].Form = "escaped"
	var got []bool
	c := connect(t, s, "1.1", taxii.Login{})
	_, err := c.Poll(t.Context(), c.at(t, taxiitest.Poll1), Query{Collection: "c"}, func(b *Block) error {
		got = append(got, b.JSON())
		return nil
	})
	if err != nil || fmt.Sprint(got) != "[true true false false]" {
		t.Error(got, err)
	}
}

// TestBadBlocks: a block that cannot be read is handed out as it is, and the
// others are not concerned.
func TestBadBlocks(t *testing.T) {
	f := func(form, text, bad, content string) {
		t.Helper()
		s := feed("<before/>", text, "<after/>")
		s.Count = true
		s.Collections[0].Blocks[1].Form = form
		blocks, res, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
		if err != nil || len(blocks) != 3 || res.Bad != 1 || res.Blocks != 3 {
			t.Errorf("%q: %+v, %+v, %v", text, blocks, res, err)
			return
		}
		if blocks[0].Content != "<before/>" || blocks[2].Content != "<after/>" || blocks[0].Bad+blocks[2].Bad != "" {
			t.Errorf("%q: the others are %+v", text, blocks)
		}
		b := blocks[1]
		if !strings.Contains(b.Bad, bad) || !strings.Contains(b.Content, content) || b.Index != 2 || b.Binding == "" {
			t.Errorf("%q: %+v, want %q because of %q", text, b, content, bad)
		}
	}
	// not well-formed in the envelope
	f("", "<a><b></a>", "not well-formed", "<a><b></a>")
	f("", "<a>", "not well-formed", "<a>")
	f("", "</a>", "not well-formed", "</a>")
	f("", "<x:a/>", "not well-formed", "<x:a/>")
	f("", "<a>&nbsp;</a>", "not well-formed", "&nbsp;")
	f("", "<a b=1/>", "not well-formed", "b=1")
	f("", "a < b", "not well-formed", "a < b")
	f("", "<![CDATA[ ]]> ]]>", "not well-formed", "]]>")
	f("", "<!-- never closed", "not well-formed", "<!-- never closed")
	f("", "<![CDATA[ never closed", "not well-formed", "never closed")
	f("", "<?never closed", "not well-formed", "closed")
	f("", "<a><!DOCTYPE b></a>", "not well-formed", "DOCTYPE")
	f("", "<a b='", "not well-formed", "<a b='")
	f("", "<Content_Block>", "not well-formed", "<Content_Block>")
	f("", "<Content_Block><a></Content_Block>", "not well-formed", "<a>")
	f("", strings.Repeat("<a>", 100)+strings.Repeat("</a>", 100), "limit", "<a><a>") // too deep
	f("", "<a "+strings.Repeat("x", 9<<20)+"='1'/>", "limit", "<a x")
	f("", "<a>"+strings.Repeat("x", 9<<20)+"</a>", "limit", "<a>x")
	// texts that are no XML
	f("", "", "empty", "")
	f("", " \n ", "empty", "")
	f("", "words", "not XML", "words")
	f("escaped", "<a><b></a>", "text in the content is not well-formed", "<a><b></a>")
	f("escaped", "<a/><b/>", "not well-formed", "<a/><b/>")
	f("cdata", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "DOCTYPE", "<!DOCTYPE")
	f("escaped", "<?xml "+strings.Repeat("x", 5000), "not well-formed", "")
	f("hex", "<a>", "not well-formed", `\x3c613e`)
	f("base64", "<a>", "not well-formed", "PGE+")
	f("escaped", `\x3c61`+"zz", "not well-formed", `\x3c61zz`)
}

// TestManyBadBlocks: each block counts, however many there are.
func TestManyBadBlocks(t *testing.T) {
	var texts []string
	for i := range 3000 {
		texts = append(texts, map[bool]string{true: "<a><b></a>", false: "<good/>"}[i%3 == 0])
	}
	blocks, res, err := polled(t, connect(t, feed(texts...), "1.1", taxii.Login{}), Query{})
	if err != nil || len(blocks) != 3000 || res.Bad != 1000 {
		t.Errorf("%d blocks, %d bad, %v", len(blocks), res.Bad, err)
	}
	// Those that break a limit are read again from the file.
	texts = nil
	for range 1000 {
		texts = append(texts, strings.Repeat("<a>", 70)+strings.Repeat("</a>", 70), "<!-- not closed", "<Content_Block><x></Content_Block>")
	}
	blocks, res, err = polled(t, connect(t, feed(texts...), "1.1", taxii.Login{}), Query{})
	if err != nil || len(blocks) != 3000 || res.Bad != 3000 {
		t.Errorf("%d blocks, %d bad, %v", len(blocks), res.Bad, err)
	}
}

// TestOneBadOfThousand is the fault of a server with one malformed package.
func TestOneBadOfThousand(t *testing.T) {
	var texts []string
	for i := range 1000 {
		texts = append(texts, fmt.Sprintf("<p n=\"%d\"/>", i))
	}
	texts[500] = "<p><![CDATA[ rule ]]> ]]></p>"
	s := feed(texts...)
	s.PageSize = 100
	blocks, res, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
	if err != nil || res.Blocks != 1000 || res.Bad != 1 || res.Parts != 10 {
		t.Fatalf("%+v, %v", res, err)
	}
	for i, b := range blocks {
		if (b.Bad != "") != (i == 500) || i != 500 && b.Content != texts[i] {
			t.Errorf("block %d: %+v", i, b)
		}
	}
}

// TestScopeIsCarried: a prefix declared in the envelope is not lost when the
// content is cut out of it.
func TestScopeIsCarried(t *testing.T) {
	s := feed()
	s.Faults.Root = ` xmlns:stix="urn:s" xmlns:xsi="urn:i" xmlns="urn:d&amp;&quot;" xmlns:tdq="http://taxii.mitre.org/query/taxii_default_query-1"`
	f := func(text, want string) {
		t.Helper()
		s.Change(func(s *taxiitest.TAXII1) {
			s.Collections[0].Blocks = []taxiitest.Block1{{Label: day(1), Content: text}}
		})
		blocks, _, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
		if err != nil || len(blocks) != 1 || blocks[0].Content != want {
			t.Fatalf("%q: %+v, %v\nwant %s", text, blocks, err, want)
		}
		dec := xml.NewDecoder(strings.NewReader(want))
		for {
			tok, err := dec.Token()
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if e, ok := tok.(xml.StartElement); ok && e.Name.Space == "stix" {
				t.Errorf("%q: the prefix is lost", want)
			}
		}
	}
	const d, si, x = ` xmlns="urn:d&amp;&quot;"`, ` xmlns:stix="urn:s"`, ` xmlns:xsi="urn:i"`
	f(`<stix:P xsi:t="stix:T"/>`, `<stix:P`+d+si+x+` xsi:t="stix:T"/>`)
	f(`<P/>`, `<P`+d+si+x+`/>`)
	f(`<stix:P xmlns:stix="urn:own"/>`, `<stix:P`+d+x+` xmlns:stix="urn:own"/>`)
	f(`<P
	xmlns = 'urn:own' b="xmlns:xsi='no'" />`, `<P`+si+x+`
	xmlns = 'urn:own' b="xmlns:xsi='no'" />`)
	f(`<P xmlns=""/>`, `<P`+si+x+` xmlns=""/>`)
	f(`<P><tdq:q/></P>`, `<P`+d+si+` xmlns:tdq="http://taxii.mitre.org/query/taxii_default_query-1"`+x+`><tdq:q/></P>`)
}

// TestPrefixes: elements are known by their namespace.
func TestPrefixes(t *testing.T) {
	for _, prefix := range []string{"t", "ns0", "taxii", "ü"} {
		s := feed("<a/>", "<b><c></b>", "<d/>", strings.Repeat("<e>", 99)+strings.Repeat("</e>", 99), "<f/>")
		s.Prefix = prefix
		blocks, res, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
		if err != nil || len(blocks) != 5 || res.Bad != 2 || blocks[4].Content != "<f/>" {
			t.Errorf("%s: %+v, %v", prefix, blocks, err)
		}
	}
	// The default namespace, and elements of others that have the same names.
	s := feed("<a/>")
	s.Faults.Inside = `<x:Content_Block xmlns:x="urn:x"><x:Content><no/></x:Content></x:Content_Block>`
	s.Faults.Rewrite = func(b []byte) []byte {
		text := strings.ReplaceAll(string(b), "taxii_11:", "")
		return []byte(strings.ReplaceAll(text, "xmlns:taxii_11", "xmlns"))
	}
	blocks, _, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
	if err != nil || contentsOf(blocks) != `<a xmlns="http://taxii.mitre.org/messages/taxii_xml_binding-1.1"/>` {
		t.Errorf("%+v, %v", blocks, err)
	}
}

func TestScrubbed(t *testing.T) {
	s := feed("<a>\x01 &#x2; \xff</a>", "<b/>", "<c>&#x1;</c>")
	s.Collections[0].Blocks[2].Form = "escaped"
	blocks, res, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
	if err != nil || len(blocks) != 3 || blocks[0].Scrubbed != 3 || blocks[1].Scrubbed != 0 || blocks[2].Scrubbed != 1 {
		t.Fatalf("%+v, %v", blocks, err)
	}
	if res.Scrubbed != 4 || res.Bad != 0 {
		t.Errorf("%+v", res)
	}
}

func TestOddLabels(t *testing.T) {
	f := func(label, want string, noted bool) {
		t.Helper()
		s := feed("<a/>")
		s.Faults.Rewrite = func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte("2024-05-01T12:00:00+00:00"), []byte(label))
		}
		blocks, res, err := polled(t, connect(t, s, "1.1", taxii.Login{}), Query{})
		if err != nil || len(blocks) != 1 || blocks[0].Label.Format("2006-01-02T15:04:05.999999999") != want || (len(res.Notes) > 0) != noted {
			t.Errorf("%s: %+v, %v, %v", label, blocks, res.Notes, err)
		}
	}
	f("2024-05-01T12:00:00Z", "2024-05-01T12:00:00", false)
	f("2024-05-01T14:00:00.123456789+02:00", "2024-05-01T12:00:00.123456789", false)
	f("2024-05-01T12:00:00.5", "2024-05-01T12:00:00.5", false) // no zone: UTC
	f("2024-05-01 12:00:00", "2024-05-01T12:00:00", false)
	f("2024-05-01T12:00:00+0100", "2024-05-01T11:00:00", false)
	f("yesterday", "0001-01-01T00:00:00", true)
	f("2024-13-01T12:00:00Z", "0001-01-01T00:00:00", true)
}

func TestEndTag(t *testing.T) {
	f := func(name, text, want string) {
		t.Helper()
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			from, to, err := endTag(bufio.NewReader(r), name)
			got := ""
			if err == nil {
				got = text[from:to]
			}
			if got != want || err == nil && (from < 0 || to <= from) {
				t.Errorf("%.60q: %q (%d to %d, %v), want %q", text, got, from, to, err, want)
			}
		}
	}
	f("C", "a</C>b", "</C>")
	f("a:C", "<C></C></a:C ></a:C>", "</a:C >")
	f("C", "</CC></D:CC></C></C>", "</C>")
	f("a:C", "</</</a:C\n>", "</a:C\n>")
	f("p:C", strings.Repeat("x", 200_000)+"</p:C>", "</p:C>")
	f("C", strings.Repeat("<", 200_000)+"/C>", "</C>")
	f("C", "</C", "")
	f("C", "", "")
	f("C", "</a:C></C/></C x>", "")
}

func TestRootTag(t *testing.T) {
	f := func(tag, name string, want ...string) {
		t.Helper()
		got, own, err := rootTag(bufio.NewReader(strings.NewReader(tag)))
		if err != nil || got != name || len(own) != len(want) {
			t.Errorf("%s: %s, %v, %v", tag, got, own, err)
		}
		for _, p := range want {
			if !own[p] {
				t.Errorf("%s: %q is not declared", tag, p)
			}
		}
	}
	f("<a>", "a")
	f("<a/>", "a")
	f("<p:a />", "p:a")
	f("<a xmlns='b'>", "a", "")
	f(`<a b = "xmlns:q='/>'" xmlns:c='"' xmlns = "/">`, "a", "c", "")
	f("<a\n\txmlnsx='1' xmlns:z\n=\n'2'/>", "a", "z")
}
