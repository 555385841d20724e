package misplist_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/misplist"
	"github.com/iochunt/iochunt/internal/testdir"
)

const whole = `{"name":"Own names","description":"two\nlines","version":7,"type":"hostname",
	"matching_attributes":["domain","hostname"],"list":["example.com"," .example.net ","b\u00fccher.example"]}`

func TestParse(t *testing.T) {
	f := func(doc string, want ioc.Warninglist, refused ...ioc.Refusal) {
		t.Helper()
		want.ID = "x/list.json"
		for _, r := range []io.Reader{strings.NewReader(doc), iotest.OneByteReader(strings.NewReader(doc)), iotest.DataErrReader(strings.NewReader(doc))} {
			got, no, err := misplist.Parse(r, "x/list.json")
			if err != nil {
				t.Errorf("%.60s: %v", doc, err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%.60s (-want +got):\n%s", doc, d)
			}
			if d := cmp.Diff(refused, no); d != "" {
				t.Errorf("%.60s, refused (-want +got):\n%s", doc, d)
			}
		}
	}
	no := func(n int, typ, value, why string) ioc.Refusal {
		return ioc.Refusal{Report: "x/list.json", Type: typ, Value: value, Reason: "entry of a warninglist: " + why, Place: fmt.Sprintf("entry %d", n)}
	}
	f(whole, ioc.Warninglist{Name: "Own names", Description: "two\nlines", Version: "7", Kind: "hostname",
		Attributes: []string{"domain", "hostname"}, Entries: []string{"example.com", ".example.net", "bücher.example"}})
	f("\xef\xbb\xbf"+whole, ioc.Warninglist{Name: "Own names", Description: "two\nlines", Version: "7", Kind: "hostname",
		Attributes: []string{"domain", "hostname"}, Entries: []string{"example.com", ".example.net", "bücher.example"}})
	f(`{"list":[],"type":"cidr","name":" a \t b "}`, ioc.Warninglist{Name: "a b", Kind: "cidr"})
	f(`{"version":" 2026-11 ","list":["x"],"other":{"list":[{"name":[1,null]}]},"type":"regex","name":"n","more":[]} `,
		ioc.Warninglist{Name: "n", Version: "2026-11", Kind: "regex", Entries: []string{"x"}})
	f(`{"name":"n","list":["a","  ",5,null,{"b":["c"]},["d"],true,"e\u0007","f\ud800","`+strings.Repeat("g", misplist.MaxEntry+1)+`","z"],"type":"string"}`,
		ioc.Warninglist{Name: "n", Kind: "string", Entries: []string{"a", "z"}},
		no(2, "string", "", "it is empty"), no(3, "string", "5", "it is not a string"), no(4, "string", "null", "it is not a string"),
		no(5, "string", "{…", "it is not a string"), no(6, "string", "[…", "it is not a string"), no(7, "string", "true", "it is not a string"),
		no(8, "string", "e\a", "it has control characters"), no(9, "string", "f\uFFFD", "it is not valid UTF-8"),
		no(10, "string", strings.Repeat("g", 200)+"…", "it is longer than 4096 bytes"))
	long := strings.Repeat("g", misplist.MaxEntry)
	f(`{"list":["`+long+`"],"type":"string","name":"n"}`, ioc.Warninglist{Name: "n", Kind: "string", Entries: []string{long}})
}

func TestParseErrors(t *testing.T) {
	f := func(doc, want string) {
		t.Helper()
		l, no, err := misplist.Parse(strings.NewReader(doc), "x")
		if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, misplist.ErrNoList) {
			t.Errorf("%.60s: %v; want %q", doc, err, want)
		}
		if d := cmp.Diff(ioc.Warninglist{}, l); d != "" || no != nil {
			t.Errorf("%.60s: something came with the error: %+v", doc, l)
		}
	}
	with := func(key, value string) string {
		m := map[string]string{"name": `"n"`, "type": `"string"`, "list": `["x"]`}
		m[key] = value
		return fmt.Sprintf(`{"name":%s,"type":%s,"list":%s,"k":%s}`, m["name"], m["type"], m["list"], firstOf(m["k"], "0"))
	}
	f("", "it ends in the middle")
	f(" \n", "it ends in the middle")
	f("<html>", "byte 1: invalid character '<'")
	f(whole+"{}", "something follows")
	f(whole+"x", "invalid character 'x'")
	f(`{"list":["x"],"type":"string"}`, "no name")
	f(`{"list":["x"],"name":"n"}`, "no type; it is one of string, substring, hostname, cidr, regex")
	f(with("name", `" "`), "no name")
	f(with("name", `5`), "name: it is not a string")
	f(with("name", `"a\u001b[2J"`), "name: it has control characters")
	f(with("name", `"`+strings.Repeat("n", 2000)+`"`), "name: it is longer")
	f(with("type", `"glob"`), `no type "glob"`)
	f(with("type", `"String"`), `no type "String"`)
	f(with("type", `null`), "type: it is not a string")
	f(with("list", `{"a":"b"}`), "list: it is not an array")
	f(with("list", `"a"`), "list: it is not an array")
	f(with("list", `["a",]`), "invalid character ']'")
	f(with("k", `0,"name":"again"`), `the key "name" stands twice`)
	f(with("k", `0,"list":["y"]`), `the key "list" stands twice`)
	f(with("k", `0,"version":[]`), "version: it is neither")
	f(with("k", `0,"version":"`+strings.Repeat("1", 200)+`"`), "version: it is longer")
	f(with("k", `0,"description":[]`), "description: it is not a string")
	f(with("k", `0,"matching_attributes":"domain"`), "matching_attributes: it is not an array")
	f(with("k", `0,"matching_attributes":[1]`), "matching_attributes: it is not a string")
	f(with("k", `0,"matching_attributes":[" "]`), "matching_attributes: one is empty")
	f(with("k", `0,"matching_attributes":["a"`+strings.Repeat(`,"a"`, 1000)+`]`), "more than 1000")
	f(with("k", strings.Repeat("[", 100_000)), "nested deeper than 64")
	f(with("k", `"`+strings.Repeat("s", 2<<20)+`"`), "longer than 1048576 bytes")
	f(with("list", `["`+strings.Repeat(`\"`, 1<<20)+`"]`), "longer than 1048576 bytes")
	f(with("k", strings.Repeat("7", 2<<20)), "longer than 1048576 bytes")
	f(with("k", strings.Repeat(" ", 2<<20)+"7"), "longer than 1048576 bytes")
	f(with("list", `["x"`+strings.Repeat(`,1`, 10_001)+`]`), "more than 10000 entries cannot be used")
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// A sound document of another kind is told from a damaged list.
func TestParseNoList(t *testing.T) {
	f := func(doc string, want bool) {
		t.Helper()
		_, _, err := misplist.Parse(strings.NewReader(doc), "x")
		if err == nil || errors.Is(err, misplist.ErrNoList) != want {
			t.Errorf("%s: %v; ErrNoList: want %v", doc, err, want)
		}
	}
	f(`{}`, true)
	f(`{"properties":{"list":{"type":"array"}},"type":"object","name":"n"}`, false) // no type of ours: what it was meant for is not known
	f(`{"properties":{"list":{"type":"array"}},"title":"schema"}`, true)
	f(`{"properties":{"list":{"type":"array"}},"title":"schema"`, false)
	f(`["a",{"list":[]}]`, true)
	f(`["a"]]`, false)
	f(`"a"`, true)
	f(`5 `, true)
	f(`null`, true)
	f(`5 6`, false)
}

// However much comes, memory and work are bounded.
func TestParseEndless(t *testing.T) {
	f := func(what, head, part, want string) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := misplist.Parse(io.MultiReader(strings.NewReader(head), &endless{part: part}), "x")
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", what, err, want)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<30 {
			t.Errorf("%s: %d MB", what, used>>20)
		}
	}
	f("entries", `{"list":["x"`, `,"x"`, "more than 4000000 entries")
	f("a string", `{"list":["`, `x`, "longer than 1048576 bytes")
	f("brackets", `{"a":`, `[`, "nested deeper than 64")
	f("spaces", `{`, ` `, "longer than 1048576 bytes")
	f("other keys", `{"a":["x"`, `,"`+strings.Repeat("y", 1<<19)+`"`, "longer than 256 MiB")
	f("refused entries", `{"list":[1`, `,1`, "more than 10000 entries")
}

type endless struct {
	part string
	at   int
}

func (e *endless) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		c := copy(b[n:], e.part[e.at:])
		n, e.at = n+c, (e.at+c)%len(e.part)
	}
	return n, nil
}

// A list that is cut anywhere is none.
func TestParseCut(t *testing.T) {
	for i := range whole {
		if l, _, err := misplist.Parse(strings.NewReader(whole[:i]), "x"); err == nil || errors.Is(err, misplist.ErrNoList) || l.Entries != nil {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	lost := errors.New("the line was cut")
	if _, _, err := misplist.Parse(io.MultiReader(strings.NewReader(whole[:90]), iotest.ErrReader(lost)), "x"); !errors.Is(err, lost) {
		t.Errorf("%v; want what the reader said", err)
	}
}

// document is a list as a decoder sees it that knows no bounds.
type document struct {
	Name, Description, Type string
	Version                 json.Number
	Attributes              []string `json:"matching_attributes"`
	List                    []string
}

// The public lists come out as a plain decoder has them.
func TestPublicLists(t *testing.T) {
	files, err := filepath.Glob(testdir.Shared(t, "data", "warninglists") + "/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d document
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatal(err)
		}
		for i := range d.List {
			d.List[i] = strings.TrimSpace(d.List[i])
		}
		want := ioc.Warninglist{ID: file, Name: d.Name, Description: d.Description, Version: d.Version.String(), Kind: d.Type, Attributes: d.Attributes, Entries: d.List}
		got, refused, err := misplist.Parse(strings.NewReader(string(b)), file)
		if err != nil || len(refused) > 0 {
			t.Errorf("%s: %v, refused %v", filepath.Base(file), err, refused)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s:\n%.500s", filepath.Base(file), d)
		}
	}
}

// FuzzParse holds Parse to what encoding/json makes of the same bytes.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("\xef\xbb\xbf" + `{"list":[],"type":"cidr","name":"n","version":"x"}`))
	f.Add([]byte(`{"type":"string","name":"n","list":["a",5,null,{"b":["c"]}," ","e\u0007","f\ud800"]}`))
	f.Add([]byte(`{"a":[[[["list"]]]],"list":"x"}`))
	f.Add([]byte(`["x"]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, refused, err := misplist.Parse(strings.NewReader(string(b)), "id")
		doc := []byte(strings.TrimPrefix(string(b), "\ufeff"))
		if err != nil {
			if l.Name != "" || l.Entries != nil || refused != nil {
				t.Fatalf("a list beside the error %v", err)
			}
			if errors.Is(err, misplist.ErrNoList) && !json.Valid(doc) {
				t.Fatalf("damaged, and told as sound: %v", err)
			}
			return
		}
		var d struct{ List []any }
		if err := json.Unmarshal(doc, &d); err != nil {
			t.Fatalf("taken, and encoding/json says %v", err)
		}
		var exact map[string]json.RawMessage
		if err := json.Unmarshal(doc, &exact); err != nil {
			t.Fatal(err)
		}
		var list []any
		if err := json.Unmarshal(exact["list"], &list); err != nil {
			t.Fatal(err)
		}
		if len(list) != len(l.Entries)+len(refused) {
			t.Fatalf("%d values, %d entries, %d refused", len(list), len(l.Entries), len(refused))
		}
		for _, e := range l.Entries {
			if e == "" || e != strings.TrimSpace(e) || len(e) > misplist.MaxEntry {
				t.Fatalf("entry %q", e)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var doc strings.Builder
	doc.WriteString(`{"name":"n","type":"hostname","list":["a.example"`)
	for i := range 100_000 {
		fmt.Fprintf(&doc, ",\n    \"host-%d.sub.example.com\"", i)
	}
	doc.WriteString("]}")
	b.SetBytes(int64(doc.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := misplist.Parse(strings.NewReader(doc.String()), "x"); err != nil {
			b.Fatal(err)
		}
	}
}
