package taxiitest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/testdir"
)

// Servers are two real TAXII servers on loopback, made by others: OpenTAXII
// (TAXII 1.1) and medallion (TAXII 2.1). scripts/taxii-servers starts them.
//
// Both have the collections user_AlienVault (filled) and user_demo (empty).
// TAXII 1 has user_offline (not available), user_111only (takes no binding but
// STIX 1.1.1), user_broken (one package of three is no XML) and the data set
// set_demo as well; TAXII 2 one whose id is a UUID, and one that may not be
// read. Expected says what is in them.
type Servers struct {
	TAXII1 Server1 `json:"taxii1"`
	TAXII2 Server2 `json:"taxii2"`
	Python string  `json:"python"` // has cabby, taxii2-client, stix, stix2 and stix2-patterns
	Cabby  string  `json:"cabby"`  // the program taxii-poll; the others are beside it
}

// Server1 has the addresses of the TAXII 1.1 services.
type Server1 struct {
	URL         string `json:"url"` // discovery
	Collections string `json:"collections"`
	Poll        string `json:"poll"`
	Inbox       string `json:"inbox"`
	JWT         string `json:"jwt"` // gives tokens
	User        string `json:"user"`
	Password    string `json:"password"`
	PID         int    `json:"pid"`
}

// Server2 has the addresses of the TAXII 2.1 server.
type Server2 struct {
	URL      string `json:"url"`  // discovery
	Root     string `json:"root"` // the default API root
	User     string `json:"user"`
	Password string `json:"password"`
	PID      int    `json:"pid"`
}

// Start starts both servers for one test, which ends them. More args go to
// scripts/taxii-servers start, for instance "--page-size", "1". Where the
// environment for them is not made, the test is skipped.
func Start(t *testing.T, args ...string) Servers {
	t.Helper()
	root := testdir.Root(t)
	env := environment(t, root)
	dir := t.TempDir()
	alive, hold, err := os.Pipe() // the servers end when this end of it closes, however the test ends
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	script := filepath.Join(root, "scripts", "taxii-servers")
	t.Cleanup(func() {
		hold.Close()
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), script, "stop", dir)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	cmd := exec.CommandContext(t.Context(), script, append(append([]string{"start", "--until-eof"}, args...), dir)...)
	cmd.Env, cmd.Stdin = env, alive
	var s Servers
	if err := json.Unmarshal(output(t, cmd), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// environment is that of the script. IOCHUNT_TAXII names the folder of the
// Python environment; one that is not absolute is below the module's root.
func environment(t *testing.T, root string) []string {
	t.Helper()
	dir := os.Getenv("IOCHUNT_TAXII")
	if dir == "" {
		t.Skip("IOCHUNT_TAXII does not name a Python environment with TAXII servers; scripts/taxii-servers install makes one and prints its path, make test uses it")
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(root, dir)
	}
	return append(os.Environ(), "IOCHUNT_TAXII="+dir)
}

// Said is one value and what is said of it: "alone", it stands alone and is an
// indicator; "together", it holds only together with others; "none", it must
// not be taken. Type is a name of package ioc, or "" where that has none.
type Said struct{ Type, Value, Kind string }

// Observables polls a collection with another client (cabby for TAXII 1,
// taxii2-client for TAXII 2), reads what came with other libraries (python-stix
// and cybox, stix2), and returns what those find, sorted, each once.
func (s Servers) Observables(t *testing.T, version, collection string) []Said {
	t.Helper()
	args := []string{"taxii1", s.TAXII1.Poll, s.TAXII1.User, s.TAXII1.Password, collection}
	if strings.HasPrefix(version, "2") {
		args = []string{"taxii2", s.TAXII2.Root, s.TAXII2.User, s.TAXII2.Password, collection}
	}
	script := filepath.Join(testdir.Root(t), "scripts", "taxii", "observables.py")
	out := output(t, exec.CommandContext(t.Context(), s.Python, append([]string{"-B", "-W", "ignore", script}, args...)...))
	var said []Said
	for _, cells := range rows(t, out, 3) {
		said = append(said, Said{cells[0], cells[1], cells[2]})
	}
	return said
}

// Expected is what a careful reader takes from the collections of a server of
// the given version ("1.1" or "2.1"): testdata/taxii/EXPECTED.tsv.
func Expected(t *testing.T, version string) map[string][]Said {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testdir.Root(t), "testdata", "taxii", "EXPECTED.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]Said)
	for _, cells := range rows(t, text, 5) {
		if cells[0] == version {
			all[cells[1]] = append(all[cells[1]], Said{cells[2], cells[3], cells[4]})
		}
	}
	return all
}

// rows cuts a table into cells; lines with # in front are comments.
func rows(t *testing.T, text []byte, cells int) [][]string {
	t.Helper()
	var all [][]string
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		row := strings.Split(string(line), "\t")
		if len(row) != cells {
			t.Fatalf("%q has %d cells, not %d", line, len(row), cells)
		}
		all = append(all, row)
	}
	return all
}

func output(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(cmd.Path), err, stderr.Bytes())
	}
	return out
}
