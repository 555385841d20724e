package stix

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/testdir"
)

// showItem prints an item in one line.
func showItem(i *Item) string {
	var b strings.Builder
	add := func(name, v string) {
		if v != "" {
			b.WriteString(" " + name + "=" + v)
		}
	}
	switch {
	case i.About != nil:
		r := i.About
		fmt.Fprintf(&b, "about %q:", i.Report)
		add("id", r.ID)
		add("name", r.Name)
		add("author", r.Author)
		add("desc", r.Description)
		add("adversary", r.Adversary)
		add("tlp", r.TLP)
		add("url", r.URL)
		add("tags", strings.Join(r.Tags, ","))
		add("refs", strings.Join(r.References, ","))
		add("families", strings.Join(r.Families, ","))
		add("attack", strings.Join(r.Techniques, ","))
		if !r.Created.IsZero() {
			add("created", r.Created.Format("2006-01-02"))
		}
		if !r.Modified.IsZero() {
			add("modified", r.Modified.Format("2006-01-02"))
		}
		return b.String()
	case i.Refused != "":
		return fmt.Sprintf("! %s%q: %s", blank(i.ID)+blank(string(i.Type)), i.Value, i.Refused)
	}
	fmt.Fprintf(&b, "%s %s", i.Type, i.Value)
	add("of", i.Report)
	add("by", i.ID)
	add("title", i.Title)
	add("desc", i.Description)
	add("role", i.Role)
	add("content", i.Content)
	if i.Confidence > 0 {
		add("confidence", fmt.Sprint(i.Confidence))
	}
	if !i.Created.IsZero() {
		add("created", i.Created.Format("2006-01-02"))
	}
	if !i.Expires.IsZero() {
		add("expires", i.Expires.Format("2006-01-02"))
	}
	return strings.TrimSpace(b.String())
}

func blank(s string) string {
	if s == "" {
		return ""
	}
	return s + " "
}

// jsonItems reads a document and returns what comes out, a line each.
func jsonItems(r io.Reader, o Options) (string, error) {
	var out []string
	err := ReadJSON(r, o, func(i *Item) error {
		out = append(out, showItem(i))
		return nil
	})
	return strings.Join(out, "\n"), err
}

func checkJSON(t *testing.T, o Options, doc string, want ...string) {
	t.Helper()
	got, err := jsonItems(strings.NewReader(doc), o)
	if err != nil {
		t.Errorf("%.200s: %v", doc, err)
	}
	if d := cmp.Diff(strings.Join(want, "\n"), got); d != "" {
		t.Errorf("%.200s (-want +got):\n%s", doc, d)
	}
	slow, err := jsonItems(iotest.OneByteReader(strings.NewReader(doc)), o)
	if slow != got || err != nil {
		t.Errorf("%.200s: a byte at a time: %v\n%s", doc, err, cmp.Diff(got, slow))
	}
}

const mutexA = `{"type":"indicator","id":"indicator--a","pattern":"[mutex:name = 'a']"}`

func TestReadJSONShapes(t *testing.T) {
	f := func(doc string, want ...string) {
		t.Helper()
		checkJSON(t, Options{}, doc, want...)
	}
	const a = "mutex a by=indicator--a"
	f(mutexA, a)
	f("\xEF\xBB\xBF\r\n "+mutexA+" \n", a)
	f("["+mutexA+"]", a)
	f(`{"type":"bundle","id":"bundle--1","objects":[`+mutexA+`]}`, a)
	f(`{"objects":[`+mutexA+`],"more":true,"next":"x\"]}"}`, a)
	f(`{"x":{"objects":[1]},"objects" : [ `+mutexA+" ,\n"+mutexA+` ] }`, a) // the same version twice
	f(`[{"type":"bundle","objects":[`+mutexA+`]},{"objects":[]}]`, a)
	f(`{"type":"bundle","objects":[{"objects":[`+mutexA+`]}]}`, a)
	f(`{"type":"indicator","id":"indicator--b","objects":[`+mutexA+`],"pattern":"[mutex:name = 'b']"}`, a, "mutex b by=indicator--b")
	f(`{"type":"bundle","objects":[]}`)
	f(`{"type":"bundle","objects":null}`)
	f(`{"type":"bundle","id":"bundle--1"}`)
	f(`{"type":"bundle","id":"bundle--1","objects":{"0":`+mutexA+`}}`, `! bundle--1 "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":{\"0\":{\"type\":\"indicator\",\"id\":\"indicator--a\",\"pattern\":\"[mutex:name = 'a']\"}}}": `+Malformed)
	f(`{}`)
	f(`{"more":false}`)
	f(`[]`)
	f(`{"type":"\u0069ndicator","\u0069d":"indicator--a","pattern":"[mutex:name = '\u0061']"}`, a)
}

func TestReadJSONErrors(t *testing.T) {
	f := func(doc, want string) {
		t.Helper()
		if got, err := jsonItems(strings.NewReader(doc), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v; want %q\n%s", doc, err, want, got)
		}
	}
	f("", "ends before")
	f(" \n", "ends before")
	f("x", "at byte 0")
	f("<xml>", "at byte 0: '<' where a STIX bundle")
	f(`{"objects":[`, "ends before")
	f(`{"objects":[}`, "at byte 12")
	f(`{"objects":[]`, "ends before")
	f(`{"objects":[,]}`, "at byte 12")
	f(`{"objects":[{} {}]}`, "at byte 15: '{' where , or ] was expected")
	f(`{"objects":[]} {}`, "at byte 15: more follows behind the end")
	f(`{"objects":[]}]`, "behind the end")
	f(`{"objects" []}`, "at byte 11")
	f(`{objects:[]}`, "a key in double quotes")
	f(`{"a":1 "b":2}`, ", or }")
	f(`{"a":}`, "a value")
	f(`{"a":[1}}`, "the other kind of bracket")
	f(`{"a":"`, "ends before")
	f(`{"a":tru`, "ends before")
	f(`{"foo":1}`, "not STIX 2")
	f(`7 `, "at byte 0")
	f(`"x"`, "at byte 0")
	if _, err := jsonItems(strings.NewReader(`{"objects":[`), Options{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if _, err := jsonItems(strings.NewReader(`{"foo":1}`), Options{}); !errors.Is(err, ErrNotSTIX) {
		t.Error(err)
	}
	boom := errors.New("boom")
	if _, err := jsonItems(io.MultiReader(strings.NewReader(`{"objects":[`+mutexA+`,`), iotest.ErrReader(boom)), Options{}); !errors.Is(err, boom) {
		t.Error(err)
	}
	if err := ReadJSON(strings.NewReader(mutexA), Options{}, func(*Item) error { return boom }); !errors.Is(err, boom) {
		t.Error(err)
	}
}

// TestReadJSONLists: however lists are put into each other, what stands in them
// comes out, and what stands around them is not gone over again for each.
func TestReadJSONLists(t *testing.T) {
	list := func(i int) string {
		return fmt.Sprintf(`"objects":[{"type":"indicator","id":"indicator--%d","pattern":"[mutex:name = 'm%d']"}]`, i, i)
	}
	const n = 20_000
	var b strings.Builder
	b.WriteString(`{"x":"` + strings.Repeat("x", 50<<10) + `"`)
	for i := range n {
		b.WriteString("," + list(i))
	}
	b.WriteString(`,"id":"bundle--1"}`)
	got, err := jsonItems(strings.NewReader(b.String()), Options{})
	if lines := strings.Count(got, "\n") + 1; err != nil || lines != n {
		t.Errorf("%v, %d lines, want %d", err, lines, n)
	}
	const malware = `{"type":"malware","id":"malware--1","name":"M"}`
	f := func(doc, id string) {
		t.Helper()
		checkJSON(t, Options{}, doc, "mutex m1 by=indicator--1", "mutex m2 by=indicator--2", strings.TrimSpace(`about "": `+id)+" families=M")
	}
	f(`{"id":"bundle--1",`+list(1)+`,"a":[`+malware+`],`+list(2)+`,"objects":[`+malware+`]}`, "id=bundle--1")
	f(`{`+list(1)+`,"id":"bundle--1",`+list(2)+`,"objects":[{"id":"bundle--2","objects":[`+malware+`]}]}`, "id=bundle--2")
	f(`{"a":"`+strings.Repeat("x", 70<<10)+`",`+list(1)+`,"id":"bundle--1",`+list(2)+`,"objects":[`+malware+`]}`, "")
}

// A document that is cut anywhere is an error, never a shorter document.
func TestReadJSONCut(t *testing.T) {
	doc := `{"type":"bundle","id":"bundle--1","objects":[` + mutexA + `, {"type":"malware","name":"x\"}"}],"more":[true,{"a":"b"}]}`
	for n := range len(doc) {
		if got, err := jsonItems(strings.NewReader(doc[:n]), Options{}); !errors.Is(err, io.ErrUnexpectedEOF) || got != "" {
			t.Fatalf("%s: %v, %s", doc[:n], err, got)
		}
	}
}

// TestReadJSONHostile: one object that cannot be read is refused with its id,
// and costs no other one.
func TestReadJSONHostile(t *testing.T) {
	f := func(object, want string) {
		t.Helper()
		got, err := jsonItems(strings.NewReader(`{"type":"bundle","objects":[`+object+`,`+mutexA+`]}`), Options{})
		if err != nil {
			t.Errorf("%.80s: %v", object, err)
			return
		}
		want = strings.TrimPrefix(want+"\nmutex a by=indicator--a", "\n")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%.80s (-want +got):\n%s", object, d)
		}
	}
	const head = `{"type":"indicator","id":"indicator--x",`
	malformed := func(id, value string) string {
		return fmt.Sprintf("! %s%q: %s", blank(id), value, Malformed)
	}
	f("7", malformed("", "7"))
	f("null", malformed("", "null"))
	f(`"x"`, malformed("", `"x"`))
	f(`[{"a":1}]`, malformed("", `[{"a":1}]`))
	f(`{}`, malformed("", `{}`))
	f(`{"id":"x--1","type":null}`, malformed("x--1", `{"id":"x--1","type":null}`))
	f(head+`"a":nul}`, malformed("indicator--x", head+`"a":nul}`))
	f(head+"\"pattern\":\"a\x00b\"}", malformed("indicator--x", head+"\"pattern\":\"a\x00b\"}"))
	f(head+"\"pattern\":\"a\nb\"}", malformed("indicator--x", head+"\"pattern\":\"a\nb\"}"))
	deep := head + `"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`
	f(deep, malformed("indicator--x", deep[:jShown]+"…"))
	deep = head + `"a":` + strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 64) + `}`
	f(deep, malformed("indicator--x", deep))
	deep = head + `"pattern":"[mutex:name = 'x']","a":` + strings.Repeat(`{"a":`, 63) + "1" + strings.Repeat("}", 63) + `}`
	f(deep, "mutex x by=indicator--x")
	big := head + `"description":"` + strings.Repeat("x", jMaxObject) + `"}`
	f(big, malformed("indicator--x", big[:jShown]+"…"))
	f(strings.Repeat(`{"objects":[`, 64)+strings.Repeat(`]}`, 64), malformed("", `{"objects":[]}`))

	// Odd properties cost themselves.
	f(head+`"pattern":"[mutex:name = 'x']","pattern":"[mutex:name = 'y']"}`, "mutex y by=indicator--x")
	f(head+`"name":5,"description":{"a":1},"confidence":"80","revoked":"no","labels":"one","valid_from":7,"kill_chain_phases":[1,{"phase_name":2}],"external_references":{},"pattern":"[mutex:name = 'x']"}`,
		"mutex x by=indicator--x title=5 role=one; 2 confidence=80")
	f(head+`"name":null,"confidence":1e999,"labels":[null,["x"],7],"object_marking_refs":[{}],"modified":"never","created_by_ref":[],"pattern":"[mutex:name = 'x']"}`, "mutex x by=indicator--x role=7")
	f(head+`"confidence":-5,"valid_until":"9999-12-31T23:59:59.999999999Z","pattern":"[mutex:name = 'x']"}`, "mutex x by=indicator--x expires=9999-12-31")
	f(head+"\"name\":\"\xff\\ud800\",\"pattern\":\"[mutex:name = 'x\\u0000']\"}", "mutex x\x00 by=indicator--x title=\uFFFD\uFFFD")
	f(head+`"pattern":7}`, "! indicator--x \"7\": "+BadPattern)
	f(head+`"pattern":[]}`, "! indicator--x \"\": "+BadPattern)
	f(head+`"PATTERN":"[mutex:name = 'x']"}`, "! indicator--x \"\": "+BadPattern)
}

// TestReadJSONExpected holds the reader to what a careful one takes from the
// forms that feeds have: the same as in the recipe of the test servers.
func TestReadJSONExpected(t *testing.T) {
	b, err := os.ReadFile("testdata/forms.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/forms.golden")
	if err != nil {
		t.Fatal(err)
	}
	got, err := jsonItems(bytes.NewReader(b), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got+"\n"); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// expectedTypes are the names of expected-iocs.json that OTX does not have.
var expectedTypes = map[string]ioc.Type{"FileName": ioc.FileName, "UserAgent": ioc.UserAgent, "RegistryKey": ioc.RegistryKey, "SSDEEP": ioc.SSDeep}

// TestRecipeExactly reads what the recipe's own program makes with the stix2
// library and compares it with what the recipe says is in it.
func TestRecipeExactly(t *testing.T) {
	dir, py := testdir.Shared(t, "recipes", "taxii"), python(t)
	file := filepath.Join(t.TempDir(), "data.json")
	if out, err := exec.CommandContext(t.Context(), py, filepath.Join(dir, "make_stix2.py"), file, "http://127.0.0.1:1").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var data struct {
		Root struct {
			Collections []struct {
				ID      string            `json:"id"`
				Objects []json.RawMessage `json:"objects"`
			} `json:"collections"`
		} `json:"root"`
	}
	var expected map[string]struct{ IOCs, Conditional [][2]string }
	for f, into := range map[string]any{file: &data, filepath.Join(dir, "expected-iocs.json"): &expected} {
		b, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	compared := 0
	for _, c := range data.Root.Collections {
		want, ok := expected["taxii2 "+c.ID]
		if !ok {
			continue
		}
		compared++
		members, conditional := readRecipe(t, c.Objects)
		if d := cmp.Diff(expectedLines(t, want.IOCs), members); d != "" {
			t.Errorf("%s: members (-want +got):\n%s", c.ID, d)
		}
		if d := cmp.Diff(expectedLines(t, want.Conditional), conditional); d != "" {
			t.Errorf("%s: conditional (-want +got):\n%s", c.ID, d)
		}
	}
	if compared != 2 {
		t.Errorf("%d collections compared", compared)
	}
}

func expectedLines(t *testing.T, list [][2]string) []string {
	out := []string{}
	for _, e := range list {
		typ, ok := expectedTypes[e[0]]
		if !ok {
			if typ, ok = ioc.FromOTX(e[0]); !ok {
				t.Fatalf("no type %s", e[0])
			}
		}
		out = append(out, canonicalLine(t, typ, e[1]))
	}
	slices.Sort(out)
	return out
}

func canonicalLine(t *testing.T, typ ioc.Type, value string) string {
	o, err := canon.Observable(typ, value)
	if err != nil {
		t.Errorf("%s %s: %v", typ, value, err)
	}
	return string(o.Type) + " " + o.Value
}

// readRecipe reads objects as a collector does, in two passes.
func readRecipe(t *testing.T, objects []json.RawMessage) (members, conditional []string) {
	members, conditional = []string{}, []string{}
	readGraph(t, Options{Each: true}, objects, func(i *Item) error {
		switch {
		case i.About != nil:
		case i.Refused == TogetherOnly:
			conditional = append(conditional, canonicalLine(t, i.Type, i.Value))
		case i.Refused == "" && (i.Expires.IsZero() || i.Expires.Year() > 2025):
			members = append(members, canonicalLine(t, i.Type, i.Value))
		}
		return nil
	})
	slices.Sort(members)
	slices.Sort(conditional)
	return members, conditional
}

// readGraph notes all objects, then reads them.
func readGraph(t testing.TB, o Options, objects []json.RawMessage, emit Emit) *Graph {
	t.Helper()
	g := NewGraph(o)
	for _, raw := range objects {
		if err := g.Note(raw); err != nil {
			t.Fatal(err)
		}
	}
	for _, raw := range objects {
		if err := g.Read(raw, emit); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func FuzzReadJSON(f *testing.F) {
	forms, err := os.ReadFile("testdata/forms.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(forms)
	for _, s := range []string{
		mutexA, `[` + mutexA + `,7,{"type":"indicator","id":"x","revoked":true}]`, `{"objects":[{"objects":[{"type":"ipv4-addr","value":"1.2.3.4"}]}]}`,
		`{"type":"observed-data","objects":{"0":{"type":"file","hashes":{"MD5":"a"},"name":"b"}}}`, `{"a":[{"b":"\"\\"}],"objects":[nul,{"type":"report","object_refs":["indicator--a"]}]}`,
		`{"type":"relationship","id":"r","relationship_type":"indicates","source_ref":"indicator--a","target_ref":"malware--a"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		for _, o := range []Options{{}, {Each: true, Context: true}} {
			first, err := jsonItems(bytes.NewReader(doc), o)
			again, err2 := jsonItems(iotest.HalfReader(bytes.NewReader(doc)), o)
			if first != again || (err == nil) != (err2 == nil) {
				t.Fatalf("%q: not the same twice: %v, %v\n%s", doc, err, err2, cmp.Diff(first, again))
			}
		}
		// A document that encoding/json takes has its objects parted as there.
		var list []json.RawMessage
		if json.Unmarshal(doc, &list) != nil {
			return
		}
		g := NewGraph(Options{Each: true})
		for _, raw := range list {
			if err := g.Note(raw); err != nil {
				t.Fatal(err)
			}
		}
		for _, raw := range list {
			_ = g.Read(raw, func(i *Item) error {
				if i.About == nil && i.Refused == "" && i.Value == "" {
					t.Fatalf("%q: a member of no value: %+v", doc, i)
				}
				return nil
			})
		}
		g.Gone()
	})
}
