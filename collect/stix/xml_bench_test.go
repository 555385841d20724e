package stix

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"
)

// xPackageReader writes a STIX 1.2 package of about size bytes as it is read:
// indicators as producers write them, each with its observable in it; every
// tenth one refers to an observable of the package, every twentieth is an AND.
type xPackageReader struct {
	size, done int64
	n          int
	buf        bytes.Buffer
	state      int
	ends       bool // indicators have an end
}

func (g *xPackageReader) Read(p []byte) (int, error) {
	for g.buf.Len() == 0 {
		switch {
		case g.state == 0:
			g.buf.WriteString(xBenchHead)
			for i := range int(g.size / 16384) {
				fmt.Fprintf(&g.buf, `<cybox:Observable id="ex:listed-%d"><cybox:Title>URL - http://listed-%d.example.com/p</cybox:Title><cybox:Object id="ex:listedobject-%d"><cybox:Properties xsi:type="URIObj:URIObjectType" type="URL"><URIObj:Value>http://listed-%d.example.com/p</URIObj:Value></cybox:Properties></cybox:Object></cybox:Observable>`+"\n", i, i, i, i)
			}
			g.buf.WriteString("</stix:Observables><stix:Indicators>\n")
			g.state = 1
		case g.state == 1 && g.done < g.size:
			g.indicator()
		case g.state == 1:
			g.buf.WriteString("</stix:Indicators></stix:STIX_Package>")
			g.state = 2
		default:
			return 0, io.EOF
		}
	}
	n, _ := g.buf.Read(p)
	g.done += int64(n)
	return n, nil
}

func (g *xPackageReader) indicator() {
	n := g.n
	g.n++
	w := &g.buf
	fmt.Fprintf(w, `        <stix:Indicator id="ex:indicator-%08d-c830-5835-9ad7-055b04ade728" timestamp="2024-05-01T10:20:30.123456+00:00" xsi:type='indicator:IndicatorType'>
            <indicator:Title>value %d from https://example.com/pulse/65f0a1b2c3d4e5f600000001</indicator:Title>
            <indicator:Type xsi:type="stixVocabs:IndicatorTypeVocab-1.1">Malware Artifacts</indicator:Type>
            <indicator:Description>What it is and where it was seen &amp; by whom</indicator:Description>
`, n, n)
	if g.ends {
		w.WriteString("            <indicator:Valid_Time_Position><indicator:Start_Time>2024-05-01T00:00:00Z</indicator:Start_Time><indicator:End_Time>2030-01-01T00:00:00Z</indicator:End_Time></indicator:Valid_Time_Position>\n")
	}
	switch {
	case n%10 == 1:
		fmt.Fprintf(w, "            <indicator:Observable idref=\"ex:listed-%d\"/>\n", n/10)
	case n%20 == 0:
		fmt.Fprintf(w, "<indicator:Observable id=\"ex:and-%d\"><cybox:Observable_Composition operator=\"AND\">", n)
		g.observable("cybox:Observable", n)
		g.observable("cybox:Observable", n+1)
		w.WriteString("</cybox:Observable_Composition></indicator:Observable>")
	default:
		g.observable("indicator:Observable", n)
	}
	w.WriteString("        </stix:Indicator>\n")
}

func (g *xPackageReader) observable(tag string, n int) {
	fmt.Fprintf(&g.buf, `            <%s id="ex:Observable-%08d-%d-5910-af4e-9c2f3eef2ff5">
                <cybox:Title>IPv4 - 10.%d.%d.%d</cybox:Title>
                <cybox:Object id="ex:Address-%08d-%d-5310-a043-432baf7ffb21">
`, tag, n, g.n, n>>16&255, n>>8&255, n&255, n, g.n)
	switch n % 3 {
	case 0:
		fmt.Fprintf(&g.buf, `                    <cybox:Properties xsi:type="AddressObj:AddressObjectType" category="ipv4-addr">
                        <AddressObj:Address_Value condition="Equals">10.%d.%d.%d</AddressObj:Address_Value>
                    </cybox:Properties>
`, n>>16&255, n>>8&255, n&255)
	case 1:
		fmt.Fprintf(&g.buf, `                    <cybox:Properties xsi:type="DomainNameObj:DomainNameObjectType" type="FQDN">
                        <DomainNameObj:Value>host-%d.example.com</DomainNameObj:Value>
                    </cybox:Properties>
`, n)
	default:
		fmt.Fprintf(&g.buf, `                    <cybox:Properties xsi:type="FileObj:FileObjectType">
                        <FileObj:File_Name>f%d.exe</FileObj:File_Name>
                        <FileObj:Hashes>
                            <cyboxCommon:Hash>
                                <cyboxCommon:Type xsi:type="cyboxVocabs:HashNameVocab-1.0">SHA256</cyboxCommon:Type>
                                <cyboxCommon:Simple_Hash_Value>%064x</cyboxCommon:Simple_Hash_Value>
                            </cyboxCommon:Hash>
                        </FileObj:Hashes>
                    </cybox:Properties>
`, n, n)
	}
	fmt.Fprintf(&g.buf, "                </cybox:Object>\n            </%s>\n", tag)
}

const xBenchHead = `<?xml version="1.0" encoding="UTF-8"?>
<stix:STIX_Package xmlns:AddressObj="http://cybox.mitre.org/objects#AddressObject-2" xmlns:DomainNameObj="http://cybox.mitre.org/objects#DomainNameObject-1"
 xmlns:FileObj="http://cybox.mitre.org/objects#FileObject-2" xmlns:URIObj="http://cybox.mitre.org/objects#URIObject-2" xmlns:ex="http://example.com"
 xmlns:cybox="http://cybox.mitre.org/cybox-2" xmlns:cyboxCommon="http://cybox.mitre.org/common-2" xmlns:cyboxVocabs="http://cybox.mitre.org/default_vocabularies-2"
 xmlns:indicator="http://stix.mitre.org/Indicator-2" xmlns:stix="http://stix.mitre.org/stix-1" xmlns:stixVocabs="http://stix.mitre.org/default_vocabularies-1"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="ex:Package-1" version="1.2" timestamp="2024-05-01T10:20:30.123456+00:00">
<stix:Observables>
`

func BenchmarkReadXML(b *testing.B) {
	for _, size := range []int64{1 << 20, 64 << 20} {
		b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) {
			b.SetBytes(size)
			b.ReportAllocs()
			values := 0
			for range b.N {
				err := ReadXML(&xPackageReader{size: size}, Options{}, func(*Item) error { values++; return nil })
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(values)/float64(b.N), "values")
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapSys>>20), "MiB-heap")
		})
	}
}

// BenchmarkGenerate is what the generator itself costs.
func BenchmarkGenerate(b *testing.B) {
	b.SetBytes(64 << 20)
	for range b.N {
		io.Copy(io.Discard, &xPackageReader{size: 64 << 20})
	}
}
