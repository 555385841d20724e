package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect/stix"
	"github.com/iochunt/iochunt/collect/taxii/taxiitest"
	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/testdir"
)

// taxiiFeeds writes a configuration with one feed for each of the collections,
// "1.1 user_x" or "2.1 user_x", named t0, t1, …
func taxiiFeeds(t *testing.T, s taxiitest.Servers, collections ...string) (config string) {
	t.Helper()
	dir := t.TempDir()
	secret := func(name, value string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	var b strings.Builder
	b.WriteString("feeds:\n")
	for i, c := range collections {
		version, name, _ := strings.Cut(c, " ")
		url, user, password := s.TAXII1.Poll, s.TAXII1.User, s.TAXII1.Password
		if version[0] == '2' {
			url, user, password = s.TAXII2.URL, s.TAXII2.User, s.TAXII2.Password
		}
		fmt.Fprintf(&b, "  - {name: t%d, kind: taxii, version: %q, url: %q, collection: %q, username_file: %q, password_file: %q, lookback: 0}\n",
			i, version, url, name, secret(fmt.Sprint("user", i), user), secret(fmt.Sprint("password", i), password))
	}
	return secret("config.yaml", b.String())
}

// taken is what the store has of a feed after a collection: what stands alone
// and holds now, and what was left out with the given reason.
type taken struct{ alone, together, rest []string }

func collected(t *testing.T, data, config, feed string) (got taken) {
	t.Helper()
	out, code := iochunt(t, data, "--config", config, "indicators", "list", "--feed", feed, "--json")
	if code != exitOK {
		t.Fatalf("indicators list: exit %d", code)
	}
	eachLine(t, out, "indicator", func(o struct{ Type, Value, State string }) {
		if o.State == "expired" {
			got.rest = append(got.rest, o.Type+" "+o.Value)
			return
		}
		got.alone = append(got.alone, o.Type+" "+o.Value)
	})
	out, code = iochunt(t, data, "--config", config, "feeds", "refused", feed, "--json")
	if code != exitOK {
		t.Fatalf("feeds refused: exit %d", code)
	}
	eachLine(t, out, "refusal", func(o struct{ Type, Value, Reason string }) {
		if o.Reason == stix.TogetherOnly {
			got.together = append(got.together, sameForm(ioc.Type(o.Type), o.Value))
			return
		}
		got.rest = append(got.rest, sameForm(ioc.Type(o.Type), o.Value))
	})
	for _, list := range []*[]string{&got.alone, &got.together, &got.rest} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return got
}

// sameForm is a value in the form in which the store keeps it, so that two
// readers can be compared.
func sameForm(typ ioc.Type, value string) string {
	if o, err := canon.Observable(typ, value); err == nil && (typ.Known() || typ == "") {
		return string(o.Type) + " " + o.Value
	}
	return string(typ) + " " + value
}

// eachLine calls f with each object of that kind.
func eachLine[T any](t *testing.T, ndjson, kind string, f func(T)) {
	t.Helper()
	for line := range strings.Lines(ndjson) {
		var k struct{ Kind string }
		var o T
		if err := cmp.Or(json.Unmarshal([]byte(line), &k), json.Unmarshal([]byte(line), &o)); err != nil {
			t.Fatal(err)
		}
		if k.Kind == kind {
			f(o)
		}
	}
}

// forms are the values said of a collection with that verdict.
func forms(said []taxiitest.Said, kind string) []string {
	var out []string
	for _, s := range said {
		if s.Kind == kind {
			out = append(out, sameForm(ioc.Type(s.Type), s.Value))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// among reports whether v is one of list; a v without a type is one of any.
func among(list []string, v string) bool {
	return slices.ContainsFunc(list, func(have string) bool {
		return have == v || v[0] == ' ' && strings.HasSuffix(have, v)
	})
}

// TestTAXIIServers collects from OpenTAXII and medallion. What is stored must be
// what EXPECTED.tsv says, and what cabby with python-stix, and taxii2-client
// with stix2, find in the same collections of the same servers.
func TestTAXIIServers(t *testing.T) {
	s := taxiitest.Start(t, "--page-size", "2")
	names := []string{"1.1 user_AlienVault", "1.1 user_demo", "1.1 user_111only", "1.1 user_broken", "1.1 set_demo",
		"2.1 user_AlienVault", "2.1 5e1f0c7a-2b6d-4c1e-9f3a-0d4b8a6e7c21", "2.1 user_demo"}
	data, config := t.TempDir(), taxiiFeeds(t, s, names...)
	out, code := iochunt(t, data, "--config", config, "collect")
	if code != exitOK {
		t.Fatalf("collect: exit %d\n%s", code, out)
	}
	t.Log(out)
	for i, name := range names {
		version, collection, _ := strings.Cut(name, " ")
		feed := fmt.Sprint("t", i)
		got := collected(t, data, config, feed)
		expected := taxiitest.Expected(t, version)[collection]
		if d := gocmp.Diff(forms(expected, "alone"), got.alone); d != "" {
			t.Errorf("%s against EXPECTED.tsv (-want +got):\n%s", name, d)
		}
		for _, v := range forms(expected, "together") {
			if !among(got.together, v) {
				t.Errorf("%s: %s is not among what holds only together with others", name, v)
			}
		}
		others := s.Observables(t, version, collection)
		if d := gocmp.Diff(forms(others, "alone"), got.alone); d != "" {
			t.Errorf("%s: the other clients (-) take something else than we (+):\n%s", name, d)
		}
	}
	again, code := iochunt(t, data, "--config", config, "collect", "--json")
	if code != exitOK {
		t.Fatalf("second collect: exit %d", code)
	}
	eachLine(t, again, "collect", func(o struct {
		Feed                    string
		New, Changed, Withdrawn int
	}) {
		if o.New+o.Changed+o.Withdrawn > 0 {
			t.Errorf("a second poll changed something: %+v", o)
		}
	})
}

// TestTAXIIRecipe reproduces what a careful reader took from the fixtures that
// lie beside the project, through both servers.
func TestTAXIIRecipe(t *testing.T) {
	recipe := testdir.Shared(t, "recipes", "taxii")
	text, err := os.ReadFile(filepath.Join(recipe, "expected-iocs.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]recipeSays
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	s := taxiitest.Start(t, "--fixtures", recipe, "--page-size", "2")
	data, config := t.TempDir(), taxiiFeeds(t, s, "1.1 user_AlienVault", "2.1 user_AlienVault", "2.1 91a7b528-80eb-42ed-a74d-c6fbd5a26116")
	if out, code := iochunt(t, data, "--config", config, "collect"); code != exitOK {
		t.Fatalf("collect: exit %d\n%s", code, out)
	}
	var first recipeSays
	for _, name := range []string{"pulse-1-network", "pulse-2-host", "pulse-3-composite", "pulse-4-stix12"} {
		first.add(want[name])
	}
	first.compare(t, "TAXII 1.1", collected(t, data, config, "t0"))
	for i, name := range []string{"taxii2 user_AlienVault", "taxii2 91a7b528-80eb-42ed-a74d-c6fbd5a26116"} {
		says := want[name]
		says.compare(t, name, collected(t, data, config, fmt.Sprint("t", i+1)))
	}
}

// recipeSays is an entry of expected-iocs.json: pairs of type and value.
type recipeSays struct {
	Iocs, Conditional [][2]string
	None              []string
}

func (r *recipeSays) add(more recipeSays) {
	r.Iocs, r.Conditional = append(r.Iocs, more.Iocs...), append(r.Conditional, more.Conditional...)
	r.None = append(r.None, more.None...)
}

// recipeTypes are the names of the file that OTX does not have.
var recipeTypes = map[string]ioc.Type{
	"SSDEEP": ioc.SSDeep, "RegistryKey": ioc.RegistryKey, "FileName": ioc.FileName, "UserAgent": ioc.UserAgent, "EmailSubject": ioc.EmailSubject,
	"Port": "port", "CertSerial": "certificate_serial", "FileHash-SHA512": ioc.SHA512,
}

func recipeForms(t *testing.T, pairs [][2]string) []string {
	t.Helper()
	var out []string
	for _, p := range pairs {
		typ, ok := ioc.FromOTX(p[0])
		if !ok {
			if typ, ok = recipeTypes[p[0]]; !ok {
				t.Fatalf("expected-iocs.json has a type %q that the test does not know", p[0])
			}
		}
		out = append(out, sameForm(typ, p[1]))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (r *recipeSays) compare(t *testing.T, name string, got taken) {
	t.Helper()
	if d := gocmp.Diff(recipeForms(t, r.Iocs), got.alone); d != "" {
		t.Errorf("%s: indicators (-want +got):\n%s", name, d)
	}
	conditional := recipeForms(t, r.Conditional)
	for _, v := range conditional {
		if !among(got.together, v) {
			t.Errorf("%s: %s is not among what holds only together with others", name, v)
		}
	}
	for _, v := range r.None {
		value, _, _ := strings.Cut(v, " (")
		if slices.ContainsFunc(got.alone, func(have string) bool { _, h, _ := strings.Cut(have, " "); return h == value }) {
			t.Errorf("%s: %s must not be taken", name, value)
		}
	}
	if len(got.together) != len(conditional) {
		t.Logf("%s: beyond the expected file, these hold only together: %s", name, bytes.TrimSpace([]byte(gocmp.Diff(conditional, got.together))))
	}
}
