package xmltok

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/iochunt/iochunt/internal/testdir"
)

var seeds = []string{
	``, `<a/>`, `<a b="1" c='2'>x<b/>y</a>`, `<?xml version="1.0" encoding="UTF-8"?><!-- c --><a>&lt;&#65;&#x42;</a>`,
	`<p:a xmlns:p="u" xmlns="d"><b p:c="e&amp;f"/><![CDATA[ ]] > ]]></p:a>`, "<a>\x00\xff\r\n\r&#x1;\ufffe]]</a>",
	`<a><b></a>`, `<a>&foo;</a>`, `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, "\xff\xfe<\x00a\x00/\x00>\x00", "\x00<\x00a\x00/\x00>",
	`<?xml version="1.0" encoding="ISO-8859-1"?><a>` + "\xe9</a>", `<a xmlns="u"><b xmlns=""><c xmlns="v"/></b></a>`,
	`<a xmlns:p="u" xmlns:q="u" p:x="" q:x=""/>`, `<r><Block>&x;</Block><Block/></r>`, `<r><Block>&</Block <c></Block></r>`,
	`<a b="` + strings.Repeat("&#10;\t\r\n", 20) + `"/>`, "\ufeff \n<?xml version='1.0'?><a/>\n<?p?>", `<a>]]&gt;<!----></a>`,
	`<xml:a xml:b="c" xmlns:xml="http://www.w3.org/XML/1998/namespace"/>`,
}

// FuzzReader holds, for any input: no panic, bounded memory, the same tokens
// whether the input comes whole or byte by byte, and whether the Reader is a new
// one or has read something else, offsets that go forward and say where the token
// stands, and a spool of Decode that is read the same way.
func FuzzReader(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	small := Limits{Depth: 8, Token: 2000, Attrs: 6}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, l := range []Limits{{}, small} {
			whole := NewReader(bytes.NewReader(in), l)
			want := walked(t, whole)
			slow := NewReader(iotest.OneByteReader(bytes.NewReader(in)), l)
			if got := walked(t, slow); !slices.Equal(got, want) {
				t.Fatalf("byte by byte\n got  %q\n want %q", got, want)
			}
			spoolIsSame(t, in, l, want)
			for _, other := range resets {
				used := NewReader(strings.NewReader(other), l)
				dump(used)
				used.Reset(bytes.NewReader(in))
				if got := walked(t, used); !slices.Equal(got, want) {
					t.Fatalf("after %.40q\n got  %q\n want %q", other, got, want)
				}
				whole.Reset(strings.NewReader(other))
				fresh := NewReader(strings.NewReader(other), l)
				if got, want := walked(t, whole), walked(t, fresh); !slices.Equal(got, want) {
					t.Fatalf("%.40q after it\n got  %q\n want %q", other, got, want)
				}
			}
		}
	})
}

// resets are documents that are read before and after another by the same Reader.
var resets = []string{
	`<p:a xmlns:p="u" xmlns="d"><b xmlns:p="v" p:c="1" c="2">&x;`, `<a b="c"><![CDATA[d`, `<?xml version="1.0" encoding="ISO-8859-1"?><a>` + "\xe9\x01</a>",
}

// walked reads x to its end and writes down every token with its place.
func walked(t *testing.T, x *Reader) (got []string) {
	t.Helper()
	last := int64(0)
	for {
		kind, err := x.Next()
		if err != nil {
			return append(got, fmt.Sprintf("%v, %d scrubbed", err, x.Scrubbed()))
		}
		start, end := x.TokenStart(), x.Offset()
		isEmpty := kind == End && start < last
		if start < last && !isEmpty || end <= start || isEmpty && end != last {
			t.Fatalf("a token from %d to %d behind %d", start, end, last)
		}
		last = end
		if cap(x.buf) > 2*bufSize+x.lim.Token {
			t.Fatalf("a buffer of %d bytes", cap(x.buf))
		}
		got = append(got, fmt.Sprint(kind, start, end, x.Line(), x.Depth(), x.Name(), x.Scope(), value(x, kind)))
	}
}

func value(x *Reader, kind Kind) string {
	switch kind {
	case Text:
		return string(x.Text())
	case Start:
		var b strings.Builder
		for _, a := range x.attrs {
			v, _ := x.Attr(a.name.Space, a.name.Local)
			fmt.Fprintf(&b, "%v=%q ", a.name, v)
		}
		return b.String()
	}
	return ""
}

// spoolIsSame reads in by way of Decode, and holds each tag to stand where its
// offsets say.
func spoolIsSame(t *testing.T, in []byte, l Limits, want []string) {
	t.Helper()
	r, err := Decode(bytes.NewReader(in))
	if err != nil {
		return
	}
	spool, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := walked(t, NewReaderUTF8(bytes.NewReader(spool), l)); !slices.Equal(got, want) {
		t.Fatalf("the spool\n got  %q\n want %q", got, want)
	}
	x := NewReaderUTF8(bytes.NewReader(spool), l)
	for {
		kind, err := x.Next()
		if err != nil {
			return
		}
		if token := spool[x.TokenStart():x.Offset()]; kind != Text && (token[0] != '<' || token[len(token)-1] != '>') {
			t.Fatalf("a %v that is %q", kind, token)
		}
	}
}

// stdlib reads in with encoding/xml and writes it down as dump does.
func stdlib(in []byte) (string, error) {
	d := xml.NewDecoder(bytes.NewReader(in))
	var b strings.Builder
	depth, text := 0, ""
	for {
		token, err := d.Token()
		switch token := token.(type) {
		case xml.CharData:
			if depth > 0 { // around the root it is no token of ours
				text += string(token)
			}
			continue
		case xml.StartElement, xml.EndElement:
			if text != "" {
				fmt.Fprintf(&b, "%q", text)
			}
			text = ""
			depth += stdlibTag(&b, token)
		}
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
	}
}

var blanks = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

// stdlibTag writes a tag down and returns by how much the depth grows. White
// space in values is made spaces: encoding/xml does not do it.
func stdlibTag(b *strings.Builder, token xml.Token) int {
	end, ok := token.(xml.EndElement)
	if ok {
		fmt.Fprintf(b, "</%s>", end.Name.Local)
		return -1
	}
	start := token.(xml.StartElement)
	fmt.Fprintf(b, "<%s", show(Name(start.Name)))
	for _, a := range start.Attr {
		if a.Name.Space == "xmlns" || a.Name == (xml.Name{Local: "xmlns"}) {
			continue
		}
		fmt.Fprintf(b, " %s=%q", show(Name(a.Name)), blanks.Replace(a.Value))
	}
	b.WriteString(">")
	return 1
}

// weRefuse are the messages for what encoding/xml lets pass and the standards do
// not, or what is refused on purpose.
var weRefuse = []string{
	"DOCTYPE", `"<!" that begins`, // it skips all of <!…>
	"is not declared",   // it takes the prefix for the namespace
	"is there twice",    // it takes both
	"second root",       // and text around it, and many roots
	"before the root",   //
	"after the root",    //
	"outside the root",  // CDATA
	"not at the start",  // it takes an XML declaration anywhere
	"where white space", // it takes <a b="1"c="2"> and <?a+b?>
	"go together only",  // xml and its namespace
	"of xmlns is declared",
	"is declared as nothing",
	"is no name",                 // <:a>, <a:>, and targets of instructions
	"where a name must begin",    // of instructions
	"over a limit",               // of namespace declarations, of names
	"is not predefined",          // references of 32 bytes and more
	"is no character reference",  // likewise
	"charset is not known",       // it takes the declaration as it finds it
	"what comes before the root", // it takes an empty document
	"XML of version",             // quotes inside of quotes
	"declaration is over",        // it has no limit
}

// stdlibRefuses are the messages for what it does not let pass and we do.
var stdlibRefuses = []string{
	"illegal character code", "invalid UTF-8", // scrubbed here
	"unsupported version",                // 1.1
	"Decoder.CharsetReader is nil",       // charsets
	"invalid XML name",                   // beyond ASCII
	"expected element name after <",      // likewise
	"expected attribute name in element", // likewise
	"invalid characters between </",      // likewise
	"expected target name after <?",      // likewise
}

func oneOf(msg string, list []string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(msg, s) })
}

// compare holds Reader against encoding/xml: the same tree where both accept the
// input, and a known reason where one does not.
func compare(t *testing.T, in []byte) {
	t.Helper()
	if xmlnsSpaceName.Match(in) {
		return
	}
	want, err := stdlib(in)
	x := NewReader(bytes.NewReader(in), Limits{Depth: 1 << 20, Attrs: 1 << 20})
	got := dumpWith(x, blanks.Replace)
	accepted := x.err == io.EOF
	switch {
	case accepted && err == nil:
		if got != want {
			t.Errorf("%q\n got  %s\n want %s", in, got, want)
		}
	case accepted && !oneOf(err.Error(), stdlibRefuses):
		t.Errorf("%q: %s, encoding/xml refuses it: %v", in, got, err)
	case err == nil && !oneOf(x.err.Error(), weRefuse):
		t.Errorf("%q: %v, encoding/xml takes it: %s", in, x.err, want)
	}
}

// FuzzStdlib holds Reader against encoding/xml.
func FuzzStdlib(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(compare)
}

// xmlnsSpaceName is a namespace called as the prefix is: encoding/xml does not
// tell its attributes from declarations.
var xmlnsSpaceName = regexp.MustCompile(`["']xmlns["']`)

// TestStdlib holds Reader against encoding/xml on inputs that are made from the
// seeds by small damage, and on the shared packages.
func TestStdlib(t *testing.T) {
	for _, s := range seeds {
		compare(t, []byte(s))
		for i := range len(s) {
			compare(t, []byte(s[:i]+s[i+1:]))
			for _, c := range "<>&;]'\"/ a:\x01\xff" {
				compare(t, []byte(s[:i]+string(c)+s[i:]))
			}
		}
	}
}

func TestStdlibShared(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testdir.Shared(t, "data", "stix1"), "*.xml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		in, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, in)
		if x := NewReader(bytes.NewReader(in), Limits{}); strings.Contains(dump(x), "!syntax") || x.err != io.EOF {
			t.Errorf("%s: %v", filepath.Base(name), x.err)
		}
	}
}

// random builds an element with what may stand in it, from the seed.
func random(b *strings.Builder, rnd *rand.Rand, depth int) {
	pick := func(s ...string) string { return s[rnd.IntN(len(s))] }
	name := pick("a", "p:b", "q:c", "ü", "a-b.c_d", "p:Long_Name")
	b.WriteString("<" + name)
	if depth == 0 {
		b.WriteString(` xmlns:p="urn:p" xmlns:q='urn:q'`)
	} else {
		b.WriteString(pick("", "", ` xmlns="urn:d"`, ` xmlns=""`, ` xmlns:p="urn:q"`, ` xmlns:q="urn:r&amp;s"`))
	}
	b.WriteString(pick("", ` x="1"`, "\n y = 'a&lt;&#x41;\t\"ü'", ` p:x="2" x="3"`, ` xml:lang="en"`))
	if rnd.IntN(4) == 0 {
		b.WriteString(pick("/>", " />"))
		return
	}
	b.WriteString(pick(">", "\n>"))
	for range rnd.IntN(4) {
		b.WriteString(pick("", "text", "\r\n  ", "&amp;&#10;", "é€😀", "<![CDATA[<&]]]]>", "<!-- c -->", "<?pi x?>", strings.Repeat("long ", 8000)))
		if depth < 5 {
			random(b, rnd, depth+1)
		}
	}
	b.WriteString("</" + name + pick(">", "\n>"))
}

// TestStdlibRandom holds Reader against encoding/xml on documents that are
// well-formed by the way they are made.
func TestStdlibRandom(t *testing.T) {
	for seed := range uint64(500) {
		var b strings.Builder
		random(&b, rand.New(rand.NewPCG(seed, 1)), 0)
		in := b.String()
		compare(t, []byte(in))
		x := NewReader(strings.NewReader(in), Limits{})
		if dump(x); x.err != io.EOF || x.Scrubbed() != 0 {
			t.Errorf("seed %d: %v, %d scrubbed", seed, x.err, x.Scrubbed())
		}
	}
}
