package mappings

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
)

var update = flag.Bool("update", false, "write the table of the field map into README.md")

// ecs returns the type of every field of ECS, from the survey beside the module.
func ecs(t *testing.T) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "shared", "survey", "ecs-fields-v8.17.tsv"))
	if err != nil {
		t.Skip("the list of ECS fields is not here")
	}
	defer f.Close()
	types := map[string]string{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if col := strings.Split(sc.Text(), "\t"); len(col) > 1 {
			types[col[0]] = col[1]
		}
	}
	if len(types) < 1000 {
		t.Fatalf("only %d fields in the list", len(types))
	}
	return types
}

func TestFieldMapIsECS(t *testing.T) {
	types := ecs(t)
	for _, f := range FieldMap() {
		for _, n := range []string{f.Name, f.Port, f.Unless} {
			if n != "" && types[n] == "" {
				t.Errorf("%s is not a field of ECS 8.17", n)
			}
		}
		if types[f.Name] == "ip" && !slices.Contains(f.Types, "cidr") {
			t.Errorf("%s holds addresses, but is not looked at for networks", f.Name)
		}
	}
}

func TestFieldMapIsSound(t *testing.T) {
	at := map[string]int{}
	for i, f := range FieldMap() {
		if _, twice := at[f.Name]; twice || f.Name == "" || len(f.Types) == 0 {
			t.Errorf("%q: there twice, or for nothing", f.Name)
		}
		at[f.Name] = i
		for _, n := range f.Types {
			if typ := ioc.Type(n); !typ.Known() || !typ.Huntable() {
				t.Errorf("%s: %s is no type that can be hunted", f.Name, n)
			}
		}
		if slices.Contains(f.Types, "ip_port") != (f.Port != "") && !f.Text && !strings.HasPrefix(f.Name, "url.") && f.Name != "http.request.referrer" {
			t.Errorf("%s: ip_port takes a field with the port", f.Name)
		}
		if (f.Unless == "") != (len(f.UnlessTypes) == 0) {
			t.Errorf("%s: Unless and UnlessTypes go together", f.Name)
		}
		for _, n := range f.UnlessTypes {
			if !slices.Contains(f.Types, n) {
				t.Errorf("%s: %s is not looked for in any case", f.Name, n)
			}
		}
	}
	checkUnless(t, at)
}

// checkUnless holds that what is left out in one field is looked for in another.
func checkUnless(t *testing.T, at map[string]int) {
	t.Helper()
	all := FieldMap()
	for i, f := range all {
		if f.Unless == "" {
			continue
		}
		k, there := at[f.Unless]
		if !there || k >= i {
			t.Errorf("%s gives way to %s, which does not come before it", f.Name, f.Unless)
			continue
		}
		for _, n := range f.UnlessTypes {
			if !slices.Contains(all[k].Types, n) {
				t.Errorf("%s gives way to %s, which is not looked at for %s", f.Name, f.Unless, n)
			}
		}
	}
}

// TestFieldMapHoldsEveryType: a type that no field is looked at for would never
// be found.
func TestFieldMapHoldsEveryType(t *testing.T) {
	for _, r := range ioc.Types() {
		n := string(r.Type)
		if found := slices.Contains(anything, n); found != r.Type.Huntable() {
			t.Errorf("%s: in free text %t, huntable %t", n, found, r.Type.Huntable())
		}
	}
	if fs := FieldMap(); &fs[0].Types[0] == &FieldMap()[0].Types[0] {
		t.Error("what a caller changes, all others see")
	}
}

func TestReadmeHasTheFieldMap(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	const head = "| type | fields |\n|---|---|\n"
	text, got, _ := strings.Cut(string(raw), head)
	want := table()
	if *update {
		if err := os.WriteFile("README.md", []byte(text+head+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("README.md differs from the field map (go test ./mappings -update): %s", d)
	}
}

// table is the field map by types, as a table of Markdown.
func table() string {
	var b strings.Builder
	var texts []string
	for _, f := range FieldMap() {
		if f.Text {
			texts = append(texts, "`"+f.Name+"`")
		}
	}
	for _, r := range ioc.Types() {
		var names []string
		for _, f := range FieldMap() {
			if !slices.Contains(f.Types, string(r.Type)) || f.Text {
				continue
			}
			n := "`" + f.Name + "`"
			if slices.Contains(f.UnlessTypes, string(r.Type)) {
				n += " (unless `" + f.Unless + "`)"
			}
			names = append(names, n)
		}
		if r.Type.Huntable() {
			fmt.Fprintf(&b, "| %s | %s |\n", r.Type, strings.Join(append(names, "free text"), ", "))
		}
	}
	fmt.Fprintf(&b, "| free text | %s: every type |\n", strings.Join(texts, ", "))
	b.WriteString("\nAn `ip_port` is an address and the port in the field beside it: `source.ip` and `source.port`. In a URL it stands by itself. " +
		"ECS has no fields for mutexes, wallets and JARM fingerprints, and a certificate's serial number is no type of indicator.\n")
	return b.String()
}
