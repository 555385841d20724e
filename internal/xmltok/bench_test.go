package xmltok

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/testdir"
)

// generated returns a STIX 1.x package with n indicators.
func generated(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<stix:STIX_Package xmlns:stix="http://stix.mitre.org/stix-1" xmlns:indicator="http://stix.mitre.org/Indicator-2"
    xmlns:stixVocabs="http://stix.mitre.org/default_vocabularies-1" xmlns:cybox="http://cybox.mitre.org/cybox-2"
    xmlns:DomainNameObj="http://cybox.mitre.org/objects#DomainNameObject-1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xmlns:example="http://example.com/" id="example:Package-1" version="1.2">
  <stix:Indicators>
`)
	for i := range n {
		fmt.Fprintf(&b, `    <stix:Indicator id="example:indicator-%08d" timestamp="2026-01-02T03:04:05.000000+00:00" xsi:type="indicator:IndicatorType">
      <indicator:Title>h%d.example from https://example.com/a?b&amp;c=%d</indicator:Title>
      <indicator:Type xsi:type="stixVocabs:IndicatorTypeVocab-1.1">Domain Watchlist</indicator:Type>
      <indicator:Observable id="example:observable-%08d">
        <cybox:Object id="example:object-%08d">
          <cybox:Properties xsi:type="DomainNameObj:DomainNameObjectType" type="FQDN">
            <DomainNameObj:Value condition="Equals">h%d.example</DomainNameObj:Value>
          </cybox:Properties>
        </cybox:Object>
      </indicator:Observable>
    </stix:Indicator>
`, i, i, i, i, i, i)
	}
	b.WriteString("  </stix:Indicators>\n</stix:STIX_Package>\n")
	return b.Bytes()
}

func benchmark(b *testing.B, data []byte, read func([]byte) error) {
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := read(data); err != nil {
			b.Fatal(err)
		}
	}
}

// readTokens asks for the tokens alone.
func readTokens(data []byte) error {
	x := NewReader(bytes.NewReader(data), Limits{})
	for {
		if _, err := x.Next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// readAll asks for what a reader of STIX asks for: names, xsi:type, text.
func readAll(data []byte) error {
	x := NewReader(bytes.NewReader(data), Limits{})
	n := 0
	for {
		kind, err := x.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch kind {
		case Start:
			if v, ok := x.Attr("http://www.w3.org/2001/XMLSchema-instance", "type"); ok {
				if _, ok := x.Resolve(v); !ok {
					return fmt.Errorf("%q is not resolved", v)
				}
			}
			n += len(x.Name().Local)
		case Text:
			n += len(x.Text())
		}
	}
}

func readStdlib(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func BenchmarkGenerated(b *testing.B) {
	data := generated(5000)
	b.Run("tokens", func(b *testing.B) { benchmark(b, data, readTokens) })
	b.Run("types", func(b *testing.B) { benchmark(b, data, readAll) })
	b.Run("encoding-xml", func(b *testing.B) { benchmark(b, data, readStdlib) })
}

func BenchmarkShared(b *testing.B) {
	for _, name := range []string{"fireeye-pivy-indicators", "fireeye-pivy-observables", "fireeye-pivy-report-with-indicators"} {
		data, err := os.ReadFile(filepath.Join(testdir.Shared(b, "data", "stix1"), name+".xml"))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) { benchmark(b, data, readTokens) })
	}
}

// BenchmarkHostile has inputs that are made to be slow. None may be slower by
// more than a small factor.
func BenchmarkHostile(b *testing.B) {
	f := func(name, head, part, tail string) {
		data := []byte(head + strings.Repeat(part, 2<<20/len(part)) + tail)
		b.Run(name, func(b *testing.B) { benchmark(b, data, readTokens) })
	}
	var unique, attrs, scopes strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&unique, "<n%d/>", i)
	}
	attrs.WriteString(`<a xmlns:p="u"`)
	for i := range 255 {
		fmt.Fprintf(&attrs, ` p:b%d=""`, i)
	}
	attrs.WriteString("/>")
	scopes.WriteString("<a")
	for i := range 250 {
		fmt.Fprintf(&scopes, ` xmlns:p%d="u"`, i)
	}
	scopes.WriteString("/>")
	f("brackets", "<a>", "]", "</a>")
	f("references", "<a>", "&#1;", "</a>")
	f("control", "<a>", "\x01", "</a>")
	f("no-utf8", "<a>", "\xff", "</a>")
	f("cdata", "<a>", "<![CDATA[]]>", "</a>")
	f("comments", "<a>", "<!---->", "</a>")
	f("elements", "<a>", "<b/>", "</a>")
	f("names", "<a>", unique.String(), "</a>")
	f("attributes", "<a>", attrs.String(), "</a>")
	f("prefixes", "<a>", "<p:b xmlns:p='u'/>", "</a>")
	f("scopes", "<a>", scopes.String(), "</a>")
}
