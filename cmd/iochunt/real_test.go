package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/testdir"
)

var update = flag.Bool("update", false, "write the golden files anew")

// iochunt runs the program in-process and returns its standard output.
func iochunt(t *testing.T, data string, args ...string) (out string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := map[string]string{"IOCHUNT_DATA_DIR": data, "HOME": data, "CI": "1"}
	code = run(t.Context(), process{
		args: args, in: strings.NewReader(""), out: &stdout, err: &stderr,
		env: func(k string) string { return env[k] }, now: time.Now,
	})
	if stderr.Len() > 0 {
		t.Logf("iochunt %s: %s", strings.Join(args, " "), stderr.String())
	}
	return stdout.String(), code
}

// TestRealLogs hunts for real lists in real logs. The golden file names every
// hit by its place; values stand there as hashes, since the data is not ours to
// publish. How it was checked by hand is told in docs/decisions/0005.
func TestRealLogs(t *testing.T) {
	lists, logs := testdir.Shared(t, "data/indicators/maltrail"), testdir.Shared(t, "data/logs")
	data := t.TempDir()
	out, code := iochunt(t, data, "indicators", "import", lists)
	if code != exitOK {
		t.Fatalf("import: exit %d\n%s", code, out)
	}
	t.Log(out)
	out, code = iochunt(t, data, "scan", "--json", logs)
	if code != exitOK {
		t.Fatalf("scan: exit %d", code)
	}
	compareGolden(t, filepath.Join("testdata", "real_logs.golden"), places(t, out, logs))
}

// compareGolden holds a text to a golden file, or writes it with -update.
func compareGolden(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", golden, diff)
	}
}

// places makes a line of each hit: file, line, offset, type, rule, and the
// beginnings of the hashes of value and matched text.
func places(t *testing.T, ndjson, root string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(ndjson) {
		var h struct {
			Kind, Type, Value, Matched, Rule, Path string
			Line, Offset                           int64
		}
		if err := json.Unmarshal([]byte(line), &h); err != nil {
			t.Fatal(err)
		}
		if h.Kind != "hit" {
			continue
		}
		rel, err := filepath.Rel(root, h.Path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\t%d\t%d\t%s\t%s\t%s\t%s\n", rel, h.Line, h.Offset, h.Type, h.Rule, short(h.Value), short(h.Matched))
	}
	return b.String()
}

func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}

// TestRealImports reads every file of the real lists and events into a store.
func TestRealImports(t *testing.T) {
	for _, dir := range []string{"indicators/unit42", "misp"} {
		files, err := filepath.Glob(filepath.Join(testdir.Shared(t, "data", dir), "*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			data := t.TempDir()
			out, code := iochunt(t, data, "indicators", "import", f)
			if code != exitOK {
				t.Errorf("%s: exit %d\n%s", f, code, out)
			}
			refused, _ := iochunt(t, data, "feeds", "refused", "import")
			t.Logf("%s: %s%d refusals are stored", filepath.Base(f), out, strings.Count(refused, "\n"))
		}
	}
}
