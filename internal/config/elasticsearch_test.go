package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestElasticsearch(t *testing.T) {
	pass := write(t, "pass", "hunter22\n", 0o600)
	c, err := Load(write(t, "c.yaml", `
elasticsearch:
  addresses: ["https://es.example:9200"]
  username: iochunt
  password_file: `+pass+`
  timeout: 30s
logs:
  - {name: web, kind: elasticsearch, indices: ["logs-*"], settle: 1m, fields: [{name: zeek.ja3, types: [ja3]}]}
  - {name: varlog, kind: files, paths: [/var/log]}
`, 0o600), env("HOME", "/nowhere", "IOCHUNT_ES_API_KEY", "abcdefgh"))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultElasticsearch()
	want.Addresses, want.Username, want.PassFile, want.Timeout = []string{"https://es.example:9200"}, "iochunt", pass, 30*time.Second
	if d := cmp.Diff(want, c.Elasticsearch); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	got, err := c.Elasticsearch.Credentials(env("IOCHUNT_ES_API_KEY", "abcdefgh", "IOCHUNT_ES_PASSWORD", "not this one"))
	if err != nil || got != (Credentials{Password: "hunter22", APIKey: "abcdefgh"}) {
		t.Errorf("%+v, %v", got, err)
	}
	web, ok := c.Log("web")
	if !ok || web.TimeField != "@timestamp" || web.IngestField != "event.ingested" || web.Settle != time.Minute || web.Fields[0].Types[0] != "ja3" || web.Text != "stream" {
		t.Errorf("%+v", web)
	}
	if _, ok := c.Log("none"); ok {
		t.Error("a source that nobody configured")
	}
}

func TestElasticsearchByVariable(t *testing.T) {
	c, err := Load("", env("HOME", "/nowhere", "IOCHUNT_ES_ADDRESSES", "http://127.0.0.1:9200"))
	if err != nil || !c.Elasticsearch.Enabled() {
		t.Errorf("%+v, %v", c.Elasticsearch, err)
	}
}

func TestElasticsearchErrors(t *testing.T) {
	const cluster = "elasticsearch: {addresses: ['http://127.0.0.1:9200']}\n"
	f := func(text, want string) {
		t.Helper()
		_, err := Load(write(t, "c.yaml", text, 0o600), env("HOME", "/nowhere"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter22") {
			t.Errorf("a password in %v", err)
		}
	}
	f("elasticsearch: {adresses: [x]}", "adresses")
	f("elasticsearch: {addresses: [localhost]}", "addresses[0] is not of the form")
	f("elasticsearch: {addresses: ['https://u:hunter22@h:9200']}", "must not stand in the address")
	f("elasticsearch: {proxy_url: 'http://u:hunter22@h:8080'}", "proxy_url_file")
	f("elasticsearch: {flavor: solr}", `flavor "solr"`)
	f("elasticsearch: {prefix: 'A*'}", "no index may be named so")
	f("elasticsearch: {addresses: ['http://h'], cloud_id: x}", "one of them")
	f("elasticsearch: {password: hunter22}", "password")
	f("logs: [{name: a, kind: elasticsearch, indices: [x]}]", "names no cluster")
	f(cluster+"logs: [{name: a, kind: elasticsearch}]", "indices is missing")
	f(cluster+"logs: [{name: a, kind: files}]", "paths is missing")
	f(cluster+"logs: [{name: a, kind: splunk}]", `kind "splunk"`)
	f(cluster+"logs: [{name: a, kind: files, paths: [x]}, {name: a, kind: files, paths: [x]}]", "a second source")
	f(cluster+"logs: [{name: a, kind: elasticsearch, indices: [x], text: maybe}]", `text "maybe"`)
	f(cluster+"logs: [{name: a, kind: elasticsearch, indices: [x], fields: [{types: [ip]}]}]", "name is missing")
	c := Elasticsearch{PassFile: "/nowhere/pass"}
	if _, err := c.Credentials(env()); err == nil || !strings.Contains(err.Error(), "password_file") {
		t.Errorf("%v", err)
	}
}

func TestCredentialOfSystemd(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "es.key"), []byte("abcdefgh"), 0o440); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSecret(filepath.Join(dir, "es.key")); err == nil {
		t.Error("a file that its group can read is taken for a secret")
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if s, err := ReadSecret("es.key"); err != nil || s != "abcdefgh" {
		t.Errorf("%q, %v", s, err)
	}
}
