package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
)

// clusterConfig writes a configuration for a cluster; logs is YAML below "logs:".
func clusterConfig(t *testing.T, url, flavor, prefix, logs string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "iochunt.yaml")
	text := fmt.Sprintf("elasticsearch: {addresses: [%q], flavor: %s, prefix: %q}\nlogs: [%s]\n", url, flavor, prefix, logs)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// clusterRun runs the program with a configuration.
func clusterRun(t *testing.T, file string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), process{
		args: append([]string{"--config", file}, args...), in: strings.NewReader(""), out: &out, err: &errs,
		env: func(string) string { return "" }, now: time.Now,
	})
	return out.String(), errs.String(), code
}

// clusterPlace returns a prefix of the test's own.
func clusterPlace(t *testing.T, n estest.Node) string { return n.Prefix(t) }

func TestSetup(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		prefix := n.Prefix(t)
		file := clusterConfig(t, n.URL, n.Flavor, prefix, "")
		dry, said, code := clusterRun(t, file, "setup", "--dry-run")
		if code != exitOK || !strings.Contains(said, "6 requests; nothing was sent") {
			t.Fatalf("%d %s", code, said)
		}
		got := consoleRequests(t, dry)
		if len(got) != 6 || got[0] != "PUT /_index_template/"+prefix+"ioc_index" || got[5] != "PUT /"+prefix+"ioc_state-v1" {
			t.Errorf("%q", got)
		}
		asJSON, _, _ := clusterRun(t, file, "setup", "--dry-run", "--json")
		if d := cmp.Diff(got, jsonRequests(t, asJSON)); d != "" {
			t.Error(d)
		}
		if out, _, code := clusterRun(t, file, "doctor", "--offline"); code != exitFailed || !strings.Contains(out, prefix+"ioc_hits is not there") {
			t.Errorf("after a dry run: %d %s", code, out)
		}
		if out, said, code := clusterRun(t, file, "setup"); code != exitOK || !strings.Contains(out, "done: 6 requests") {
			t.Fatalf("%d %s%s", code, out, said)
		}
		if out, _, code := clusterRun(t, file, "setup"); code != exitOK || out != "nothing to do: all indices are up to date\n" {
			t.Errorf("%d %s", code, out)
		}
	})
}

// consoleRequests reads what --dry-run prints, and holds the bodies to be JSON.
func consoleRequests(t *testing.T, text string) []string {
	t.Helper()
	var out []string
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		l := strings.SplitN(part, "\n", 3)
		if len(l) != 3 || !strings.HasPrefix(l[0], "# ") || !json.Valid([]byte(l[2])) {
			t.Fatalf("not a request: %q", part)
		}
		out = append(out, l[1])
	}
	return out
}

func jsonRequests(t *testing.T, text string) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(text) {
		var r struct {
			Kind string
			requestJSON
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Kind == "request" {
			out = append(out, r.Method+" "+r.Path)
		}
		if r.Sent || r.Kind == "request" && len(r.Body) == 0 {
			t.Errorf("%s", line)
		}
	}
	return out
}

func TestSetupWithoutACluster(t *testing.T) {
	file := filepath.Join(t.TempDir(), "iochunt.yaml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, said, code := clusterRun(t, file, "setup"); code != exitUsage || !strings.Contains(said, "IOCHUNT_ES_ADDRESSES") {
		t.Errorf("%d %s", code, said)
	}
	if _, said, code := clusterRun(t, file, "setup", "--logs", "x"); code != exitUsage || !strings.Contains(said, "--print-roles") {
		t.Errorf("%d %s", code, said)
	}
	if out, _, code := clusterRun(t, file, "setup", "--print-roles", "--logs", "x"); code != exitOK || len(consoleRequests(t, out)) != 4 {
		t.Errorf("%d %s", code, out)
	}
}

// TestRolesAreLeast holds that no role but that for setup can make or delete an
// index, that logs are only read, and that nobody is given what is not ours.
func TestRolesAreLeast(t *testing.T) {
	const logs = `{name: w, kind: elasticsearch, indices: ["web-*", "-web-old*", "far:web-*", "far:-web-old*"]}`
	for flavor, path := range map[string]string{es.Elasticsearch: "/_security/role/", es.OpenSearch: "/_plugins/_security/api/roles/"} {
		out, said, code := clusterRun(t, clusterConfig(t, "http://127.0.0.1:1", flavor, "p-", logs), "setup", "--print-roles", "--json")
		if code != exitOK {
			t.Fatalf("%d %s", code, said)
		}
		names := []string{"iochunt_setup", "iochunt_collect", "iochunt_hunt", "iochunt_read"}
		for line := range strings.Lines(out) {
			var r requestJSON
			if err := json.Unmarshal([]byte(line), &r); err != nil || r.Path != path+names[0] {
				t.Fatalf("%s: %v", line, err)
			}
			checkRole(t, names[0], r.Body)
			names = names[1:]
		}
		if len(names) > 0 {
			t.Errorf("%s: no %q", flavor, names)
		}
	}
}

func checkRole(t *testing.T, name string, body []byte) {
	t.Helper()
	var r struct {
		Cluster     []string `json:"cluster"`
		Permissions []string `json:"cluster_permissions"`
		Indices     []struct {
			Names      []string
			Privileges []string
		}
		IndexPermissions []struct {
			Names      []string `json:"index_patterns"`
			Privileges []string `json:"allowed_actions"`
		} `json:"index_permissions"`
		Remote json.RawMessage `json:"remote_indices"`
	}
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatal(err)
	}
	makes := func(p string) bool {
		return p == "all" || p == "indices_all" || strings.Contains(p, "template") || strings.Contains(p, "aliases*")
	}
	if slices.ContainsFunc(slices.Concat(r.Cluster, r.Permissions), makes) != (name == "iochunt_setup") {
		t.Errorf("%s: %q %q", name, r.Cluster, r.Permissions)
	}
	read := false
	for _, i := range append(r.Indices, []struct{ Names, Privileges []string }(nil)...) {
		read = checkRights(t, name, i.Names, i.Privileges) || read
	}
	for _, i := range r.IndexPermissions {
		read = checkRights(t, name, i.Names, i.Privileges) || read
	}
	if read != (name == "iochunt_hunt") {
		t.Errorf("%s: reads logs: %t", name, read)
	}
	if (len(r.Remote) > 0) != (name == "iochunt_hunt" && len(r.Indices) > 0) {
		t.Errorf("%s: of other clusters: %s", name, r.Remote)
	}
}

// checkRights holds one right of a role to what it may be, and reports whether it
// is one on logs.
func checkRights(t *testing.T, role string, names, privileges []string) (logs bool) {
	t.Helper()
	writes, makes := false, false
	for _, p := range privileges {
		writes = writes || p == "index" || p == "delete" || strings.Contains(p, "data/write")
		makes = makes || p == "all" || p == "indices_all" || p == "manage"
	}
	may := map[string]string{"iochunt_collect": "ioc_index ioc_state", "iochunt_hunt": "ioc_hits ioc_state"}[role]
	name, ours := strings.CutPrefix(names[0], "p-")
	switch {
	case !ours && !slices.Equal(names, []string{"web-*"}):
		t.Errorf("%s: %q are neither ours nor logs", role, names)
	case makes != (role == "iochunt_setup"), writes != (ours && strings.Contains(may, name)):
		t.Errorf("%s may do %q with %q", role, privileges, names)
	}
	return !ours
}
