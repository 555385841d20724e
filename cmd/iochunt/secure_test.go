package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
)

// secured is a cluster with security, with names of the test's own.
type secured struct {
	*testing.T
	estest.Node
	prefix  string
	admin   *es.Client
	roles   map[string]json.RawMessage // as setup --print-roles prints them
	secrets []string                   // what no output may show
	dir     string
}

func newSecured(t *testing.T) *secured {
	t.Helper()
	n := estest.Secure(t)
	s := &secured{T: t, Node: n, prefix: n.Prefix(t), admin: n.Client(t), roles: map[string]json.RawMessage{}, secrets: []string{n.Password}, dir: t.TempDir()}
	out, said, code := s.run(s.config("none", ""), nil, "setup", "--print-roles", "--json")
	if code != exitOK {
		t.Fatal(said)
	}
	for line := range strings.Lines(out) {
		var r requestJSON
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		s.roles[strings.TrimPrefix(r.Path, "/_security/role/iochunt_")] = r.Body
	}
	return s
}

// config writes a configuration; more is YAML of the section elasticsearch.
func (s *secured) config(name, more string) string {
	s.Helper()
	text := fmt.Sprintf("elasticsearch: {addresses: [%q], prefix: %q%s}\nlogs: [{name: %s, kind: elasticsearch, indices: [\"%sweb-*\"], settle: 1h}]\narming: {builtin: false}\n",
		s.URL, s.prefix, more, name, s.prefix)
	return s.file(name+".yaml", text)
}

func (s *secured) file(name, text string) string {
	s.Helper()
	file := filepath.Join(s.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
	return file
}

// run runs the program, and holds its output to show no secret.
func (s *secured) run(config string, env map[string]string, args ...string) (stdout, stderr string, code int) {
	s.Helper()
	var out, errs bytes.Buffer
	code = run(s.Context(), process{
		args: append([]string{"--config", config, "--verbose"}, args...), in: strings.NewReader(""), out: &out, err: &errs, now: time.Now,
		env: func(k string) string {
			if k == "IOCHUNT_DATA_DIR" {
				return filepath.Join(s.dir, "data")
			}
			return env[k]
		},
	})
	s.clean(strings.Join(args, " "), out.String()+errs.String())
	return out.String(), errs.String(), code
}

func (s *secured) clean(what, text string) {
	s.Helper()
	for i, secret := range s.secrets {
		if strings.Contains(text, secret) {
			s.Errorf("%s: secret %d shows", what, i)
		}
	}
}

// key makes an API key with some of the roles, and a configuration with it.
func (s *secured) key(name string, roles ...string) (config string, c *es.Client) {
	s.Helper()
	d := es.M{"nothing": es.M{"cluster": []string{}, "indices": []es.M{}}} // a key without any would have all rights of who made it
	for _, r := range roles {
		if s.roles[r] == nil {
			s.Fatalf("no role %s", r)
		}
		d[r] = s.roles[r]
	}
	body, err := json.Marshal(es.M{"name": s.prefix + name, "role_descriptors": d})
	if err != nil {
		s.Fatal(err)
	}
	var x struct{ ID, Encoded, APIKey string }
	if err := s.admin.Do(s.Context(), es.Request{Method: "POST", Path: "/_security/api_key", Body: body}, &x); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		_ = s.admin.Do(s.T.Context(), es.Request{Method: "DELETE", Path: "/_security/api_key", Body: fmt.Appendf(nil, `{"ids":[%q]}`, x.ID)}, nil)
	})
	s.secrets = append(s.secrets, x.Encoded)
	o := s.Options()
	o.Username, o.Password = "", ""
	setSecret(&o.APIKey, x.Encoded)
	if c, err = es.New(o); err != nil {
		s.Fatal(err)
	}
	return s.config(name, fmt.Sprintf(", ca_file: %q, api_key_file: %q", s.CAFile, s.file(name+".key", x.Encoded+"\n"))), c
}

func setSecret[S ~string](to *S, text string) { *to = S(text) }

// huntWith makes the role for hunting with other privileges on the logs.
func (s *secured) huntWith(name string, privileges ...string) {
	s.Helper()
	var r struct {
		Cluster []string `json:"cluster"`
		Indices []struct {
			Names      []string `json:"names"`
			Privileges []string `json:"privileges"`
		} `json:"indices"`
	}
	if err := json.Unmarshal(s.roles["hunt"], &r); err != nil {
		s.Fatal(err)
	}
	last := &r.Indices[len(r.Indices)-1]
	if last.Names[0] != s.prefix+"web-*" {
		s.Fatalf("the logs are not last: %+v", r)
	}
	last.Privileges = privileges
	raw, err := json.Marshal(r)
	if err != nil {
		s.Fatal(err)
	}
	s.roles[name] = raw
}

const secureMapping = `{"settings":{"number_of_replicas":0},"mappings":{"properties":{"@timestamp":{"type":"date"},"event":{"properties":{"ingested":{"type":"date"}}},"source":{"properties":{"ip":{"type":"ip"}}},"dns":{"properties":{"question":{"properties":{"name":{"type":"keyword"}}}}}}}}`

// event puts a document with the name evil.example into the logs.
func (s *secured) event(index, id, at string) {
	s.Helper()
	body := fmt.Sprintf(`{"@timestamp":%q,"event":{"ingested":%q},"dns":{"question":{"name":"evil.example"}}}`, at, at)
	send(s.T, s.admin, "PUT /"+s.prefix+index+"/_create/"+id+"?refresh=true "+body)
}

// filled sets up the store, with one indicator.
func (s *secured) filled() {
	s.Helper()
	setup, _ := s.key("setup", "setup")
	if out, said, code := s.run(setup, nil, "setup"); code != exitOK {
		s.Fatalf("%s%s", out, said)
	}
	collect, _ := s.key("collect", "collect")
	if out, said, code := s.run(collect, nil, "indicators", "import", s.file("list.txt", "evil.example\n"), "--feed", "lab"); code != exitOK {
		s.Fatalf("%s%s", out, said)
	}
}

// TestRolesSuffice runs each verb as each role: those of which the documentation
// says that they may succeed, and all others are refused by the cluster, which is
// exit code 4 and said.
func TestRolesSuffice(t *testing.T) {
	s := newSecured(t)
	configs := map[string]string{}
	for _, r := range []string{"setup", "collect", "hunt", "read"} {
		configs[r], _ = s.key(r, r)
	}
	configs["none"], _ = s.key("none")
	configs["both"], _ = s.key("both", "collect", "hunt")
	send(t, s.admin, "PUT /"+s.prefix+"web-1 "+secureMapping)
	s.event("web-1", "a", "2026-11-20T10:00:00Z")
	log := s.file("access.log", "GET http://evil.example/\n")
	f := func(good string, code int, args ...string) {
		t.Helper()
		for _, r := range []string{"none", "read", "collect", "hunt", "both"} {
			want := code
			switch {
			case strings.Contains(good, r):
			case args[0] == "scan":
				want = exitUsage // as grep has it
			case args[0] == "hunt" && r == "collect" && len(args) == 1:
				want = exitPartial // it could keep hits of others, and may read no logs
			default:
				want = exitAuth
			}
			s.file("list.txt", "evil.example\n"+r+".example\n")
			out, said, got := s.run(configs[r], nil, args...)
			if got != want || !strings.Contains(good, r) && want != exitPartial && !strings.Contains(said, "403") {
				t.Errorf("%s: %q: exit %d, want %d\n%s%s", r, args, got, want, out, said)
			}
		}
	}
	f("", exitOK, "setup")
	if out, said, code := s.run(configs["setup"], nil, "setup"); code != exitOK {
		t.Fatalf("%s%s", out, said)
	}
	f("collect both", exitOK, "indicators", "import", filepath.Join(s.dir, "list.txt"), "--feed", "lab")
	f("hunt both", exitOK, "hunt")
	f("collect hunt both", exitOK, "hunt", "--coverage")
	f("collect hunt both", exitOK, "indicators", "sync")
	f("hunt both", exitOK, "scan", log)
	f("hunt both", exitOK, "hits")
	f("both", exitOK, "hits", "mark", "FP", "--value", "evil.example", "--yes", "--why", "test")
	for _, r := range []string{"setup", "collect", "hunt", "both"} {
		if out, said, code := s.run(configs[r], nil, "doctor", "--offline"); code != exitOK {
			t.Errorf("the doctor of %s: %d\n%s%s", r, code, out, said)
		}
	}
	out, _, code := s.run(configs["none"], nil, "doctor", "--offline")
	if code != exitFailed || strings.Count(out, "--print-roles") < 4 {
		t.Errorf("the doctor of who may nothing: %d\n%s", code, out)
	}
	if out, _, _ = s.run(configs["read"], nil, "doctor", "--offline"); !strings.Contains(out, "may not see "+s.prefix+"ioc_state") || strings.Contains(out, "is not there") {
		t.Errorf("the doctor of a reader:\n%s", out)
	}
	s.noSecretsKept()
}

// noSecretsKept looks through all that was written down.
func (s *secured) noSecretsKept() {
	s.Helper()
	n := 0
	for page, err := range s.admin.Pages(s.Context(), s.prefix+"ioc_*", "", es.M{}) {
		if err != nil {
			s.Fatal(err)
		}
		for _, h := range page.Hits.Hits {
			n++
			s.clean(h.Index+"/"+h.ID, string(h.Source))
		}
	}
	if n < 5 {
		s.Errorf("only %d documents", n)
	}
}

// TestRolesDoNoMore tries what no role needs.
func TestRolesDoNoMore(t *testing.T) {
	s := newSecured(t)
	s.filled()
	send(t, s.admin, "PUT /"+s.prefix+"web-1 "+secureMapping, "PUT /"+s.prefix+"other "+secureMapping)
	logs, index := "hunt", "collect" // who may
	for _, r := range []string{"setup", "collect", "hunt", "read"} {
		_, c := s.key(r, r)
		f := func(may, request string) {
			t.Helper()
			if strings.Contains(may, r) {
				return
			}
			method, path, _ := strings.Cut(request, " ")
			path, body, _ := strings.Cut(path, " ")
			err := c.Do(t.Context(), es.Request{Method: method, Path: strings.ReplaceAll(path, "P-", s.prefix), Body: []byte(body), Ask: true}, nil)
			if !es.IsStatus(err, http.StatusForbidden) {
				t.Errorf("%s: %s: %v", r, request, err)
			}
		}
		for _, own := range []string{"ioc_index", "ioc_hits", "ioc_state"} {
			f("setup", "DELETE /P-"+own+"-v1")
			// A mapping can be added to by whoever may write: Elasticsearch has it so until 9.
			f("setup", "PUT /P-"+own+`-v1/_settings {"index.number_of_replicas":0}`)
			f("setup", "POST /P-"+own+"-v1/_close")
			f("setup", "PUT /P-"+own+"-v9")
		}
		f(index+" setup", `POST /P-ioc_index/_doc {"type":"domain","value":"a.example"}`)
		f("hunt setup", `POST /P-ioc_hits/_doc {"type":"domain"}`)
		f("hunt collect setup", `POST /P-ioc_state/_doc {"kind":"x"}`)
		f(logs, "GET /P-web-1/_search")
		f("", `POST /P-web-1/_doc {"a":1}`)
		f("", "POST /P-web-1/_delete_by_query {\"query\":{\"match_all\":{}}}")
		f("", "DELETE /P-web-1")
		f("", "GET /P-other/_search")
		f("", "DELETE /P-other")
		f("", "PUT /P-new")
		f("setup", `PUT /_index_template/P-t {"index_patterns":["P-t*"]}`)
		f("", `PUT /_cluster/settings {"persistent":{"cluster.max_shards_per_node":null}}`)
		f("", `POST /_security/user/P-u {"password":"passpass1","roles":[]}`)
		f("", "DELETE /_ingest/pipeline/P-x")
	}
}

// TestHuntWithFewPrivileges hunts as one who may search the logs and little more:
// new events are told by slices of time, and late ones are found too. An index
// that may be searched and not looked at does not drop out of its pattern.
func TestHuntWithFewPrivileges(t *testing.T) {
	for name, privileges := range map[string][]string{"nomonitor": {"read", "view_index_metadata"}, "norefresh": {"read", "view_index_metadata", "monitor"}, "searching": {"read"}} {
		t.Run(name, func(t *testing.T) {
			s := newSecured(t)
			s.filled()
			s.huntWith(name, privileges...)
			config, _ := s.key(name, name)
			hunt := func(hits int, said string) {
				t.Helper()
				out, notes, code := s.run(config, nil, "hunt")
				if code != exitOK || strings.Count(out, "evil.example") != hits || !strings.Contains(notes, said) {
					t.Errorf("exit %d, %d hits, want %d\n%s%s", code, strings.Count(out, "evil.example"), hits, out, notes)
				}
			}
			send(t, s.admin, "PUT /"+s.prefix+"web-1 "+secureMapping)
			s.event("web-1", "a", "2026-11-20T10:00:00Z")
			hunt(1, "grant ")
			hunt(0, "nothing new")
			s.event("web-1", "new", "2026-11-20T20:00:00Z")
			hunt(1, "1 new")
			s.event("web-1", "late", "2024-01-01T00:00:00Z")
			hunt(1, "1 new to the store")
			send(t, s.admin, "PUT /"+s.prefix+"web-1/_doc/timeless?refresh=true "+`{"dns":{"question":{"name":"evil.example"}}}`)
			hunt(1, "1 new")
			if out, _, code := s.run(config, nil, "doctor", "--offline"); code != exitOK || !strings.Contains(out, "found by slices of") {
				t.Errorf("%d %s", code, out)
			}
		})
	}
}

func TestHuntOfAPatternHalfVisible(t *testing.T) {
	s := newSecured(t)
	s.filled()
	s.roles["seen"] = json.RawMessage(strings.ReplaceAll(string(s.roles["hunt"]), s.prefix+"web-*", s.prefix+"web-seen"))
	s.roles["half"] = json.RawMessage(fmt.Sprintf(`{"indices":[{"names":["%sweb-half"],"privileges":["read"]}]}`, s.prefix))
	config, _ := s.key("half", "seen", "half")
	for _, name := range []string{"web-seen", "web-half"} {
		send(t, s.admin, "PUT /"+s.prefix+name+" "+secureMapping)
		s.event(name, name, "2026-11-20T10:00:00Z")
	}
	out, said, code := s.run(config, nil, "hunt")
	if code != exitOK || strings.Count(out, "evil.example") != 2 || !strings.Contains(said, "grant view_index_metadata") {
		t.Errorf("exit %d\n%s%s", code, out, said)
	}
}
