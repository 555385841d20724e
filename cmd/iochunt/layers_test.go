package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/iochunt/iochunt"

// mayImport says, for each package of the module, which others it may import.
// The picture to keep: no import runs upwards, no two verbs know each other,
// and the verbs know no store. A package that is not in the table fails, so
// that a new one is placed on purpose.
var mayImport = map[string][]string{
	// The top floor sees everything.
	"cmd/iochunt": {"*"},

	// The benchmark looks at the program from outside.
	"scripts/benchmark":        {"collect/otx/otxtest", "collect/stix", "hunt", "hunt/indices", "hunt/match", "internal/es", "internal/ioc", "internal/store/elastic", "scripts/benchmark/corpus", "scripts/benchmark/peers"},
	"scripts/benchmark/corpus": {},
	"scripts/benchmark/peers":  {},

	// The three verbs, side by side.
	"collect":                 {"collect/otx", "collect/taxii", "collect/taxii/taxii1", "collect/taxii/taxii2", "collect/stix", "collect/filefmt", "internal/misplist", "internal/ioc", "internal/canon", "internal/httpx"},
	"collect/otx":             {"internal/httpx"},
	"collect/otx/otxtest":     {},
	"collect/taxii":           {"internal/httpx"},
	"collect/taxii/taxii1":    {"collect/taxii", "internal/httpx", "internal/xmltok"},
	"collect/taxii/taxii2":    {"collect/taxii", "internal/httpx"},
	"collect/taxii/taxiitest": {"internal/testdir"},
	"collect/stix":            {"internal/ioc", "internal/canon", "internal/xmltok"},
	"collect/filefmt":         {"collect/stix", "internal/ioc", "internal/canon"},
	"internal/misplist":       {"internal/ioc"},
	"collect/collecttest":     {"collect", "internal/ioc"},
	"enrich":                  {"enrich/warninglist", "internal/ioc", "internal/canon"},
	"enrich/warninglist":      {"internal/ioc", "internal/canon", "internal/misplist"},
	"hunt":                    {"hunt/match", "hunt/logfmt", "internal/ioc", "internal/canon"},
	"hunt/match":              {"internal/ioc", "internal/canon"},
	"hunt/logfmt":             {},
	"hunt/files":              {"hunt"},
	"hunt/indices":            {"hunt", "hunt/match", "hunt/logfmt", "internal/es", "internal/ioc", "internal/canon"},
	"hunt/emit":               {"hunt", "internal/ioc", "internal/term"},

	// The ground.
	"internal/ioc":             {},
	"internal/canary":          {},
	"internal/canon":           {"internal/ioc"},
	"internal/config":          {},
	"internal/httpx":           {},
	"internal/alive":           {},
	"internal/term":            {},
	"internal/xmltok":          {},
	"internal/es":              {"internal/httpx"},
	"internal/es/estest":       {"internal/es"},
	"internal/store":           {"internal/ioc"},
	"internal/store/elastic":   {"internal/alive", "internal/es", "internal/ioc", "internal/store", "internal/canon", "mappings"},
	"internal/store/local":     {"internal/ioc", "internal/store"},
	"internal/store/memory":    {"internal/ioc", "internal/store"},
	"internal/store/storetest": {"internal/ioc", "internal/store"},
	"internal/testdir":         {},

	// Files carried in the binary.
	"configs":  {},
	"mappings": {},
	"testdata": {},
}

// onlyIn names the packages that alone may import a module of others. Whoever
// else wants it asks the package that has it.
var onlyIn = map[string][]string{
	"github.com/spf13/viper":           {"internal/config"},
	"github.com/go-viper/mapstructure": {"internal/config"},
	"github.com/spf13/cobra":           {"cmd/iochunt"},
	"github.com/schollz/progressbar":   {"cmd/iochunt"},
	"go.uber.org/zap":                  {"cmd/iochunt"},
	"modernc.org/sqlite":               {"internal/store/local"},
	"github.com/elastic":               {"internal/es"},
	"github.com/cenkalti/backoff":      {"internal/httpx"},
	"golang.org/x/term":                {"internal/term"},
	"github.com/klauspost/compress":    {"hunt/files", "collect", "collect/filefmt"},
	"github.com/ulikunitz/xz":          {"hunt/files"},
	"github.com/pierrec/lz4":           {"hunt/files"},
}

func TestLayers(t *testing.T) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && p != root {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		checkFile(t, p, filepath.ToSlash(rel))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkFile holds the imports of one file to the tables. Tests may import the
// test suites and the stores too, but not climb to a verb that is not theirs.
func checkFile(t *testing.T, file, rel string) {
	pkg := path.Dir(rel)
	allowed, placed := mayImport[pkg]
	if !placed {
		t.Errorf("%s: package %s is not in the table of layers", rel, pkg)
		return
	}
	isTest := strings.HasSuffix(rel, "_test.go")
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	for _, imp := range f.Imports {
		name := strings.Trim(imp.Path.Value, `"`)
		if own, ok := strings.CutPrefix(name, module+"/"); ok {
			if !mayUse(own, pkg, allowed, isTest) {
				t.Errorf("%s imports %s, which its layer may not", rel, own)
			}
			continue
		}
		for mod, where := range onlyIn {
			if (name == mod || strings.HasPrefix(name, mod+"/")) && !slices.Contains(where, pkg) && !isTest {
				t.Errorf("%s imports %s; only %s may", rel, name, strings.Join(where, ", "))
			}
		}
	}
}

// mayUse reports whether pkg may import own, a package of this module. What is
// made for tests alone is not for the program, even on the top floor.
func mayUse(own, pkg string, allowed []string, isTest bool) bool {
	if slices.Contains([]string{"internal/canary", "internal/es/estest", "internal/testdir"}, own) && !isTest {
		return slices.Contains(allowed, own)
	}
	if slices.Contains(allowed, "*") || slices.Contains(allowed, own) || own == pkg {
		return true
	}
	if !isTest {
		return false
	}
	for _, verb := range []string{"collect", "enrich", "hunt"} {
		if own == verb || strings.HasPrefix(own, verb+"/") {
			return strings.HasPrefix(pkg+"/", verb+"/") || strings.HasSuffix(own, "test")
		}
	}
	return strings.HasPrefix(own, "internal/") || own == "testdata"
}

// TestLayersTableBites plants imports that must be refused.
func TestLayersTableBites(t *testing.T) {
	f := func(pkg, own string, isTest, want bool) {
		t.Helper()
		if got := mayUse(own, pkg, mayImport[pkg], isTest); got != want {
			t.Errorf("%s importing %s (test: %v): %v, want %v", pkg, own, isTest, got, want)
		}
	}
	f("hunt", "collect", false, false)
	f("collect", "internal/store/local", false, false)
	f("internal/ioc", "internal/canon", false, false)
	f("internal/canon", "internal/ioc", false, true)
	f("hunt/match", "hunt", false, false)
	f("enrich", "hunt", true, false)
	f("collect", "internal/store/local", true, true)
	f("cmd/iochunt", "hunt/match", false, true)
	f("cmd/iochunt", "internal/testdir", false, false)
	f("cmd/iochunt", "internal/testdir", true, true)
}
