package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
)

const webLogs = "logs: [{name: web, kind: elasticsearch, indices: [\"logs-*\"]}]\n"

// TestClusterScripts runs the shell sessions of testdata/cluster with a real
// server: $PREFIX stands before the names of indices, c.yaml has a source "web"
// over ${PREFIX}log-*, feed.yaml a feed too, tls.yaml says https where it is http, other.yaml says that
// it is the other server, tokens.yaml is c.yaml with text: tokens, short.yaml
// with lifetimes of an hour, and "es METHOD PATH [FILE]" asks the server.
func TestClusterScripts(t *testing.T) {
	estest.Each(t, func(t *testing.T, n estest.Node) {
		c := n.Client(t)
		testscript.Run(t, testscript.Params{
			Dir: filepath.Join("testdata", "cluster"),
			Setup: func(e *testscript.Env) error {
				prefix := clusterPlace(t, n)
				e.Setenv("HOME", e.WorkDir)
				e.Setenv("PREFIX", prefix)
				e.Setenv("IOCHUNT_DATA_DIR", filepath.Join(e.WorkDir, "data"))
				e.Setenv("IOCHUNT_CONFIG", filepath.Join(e.WorkDir, "c.yaml"))
				text := fmt.Sprintf("elasticsearch: {addresses: [%q], flavor: %s, prefix: %q}\n"+
					"logs: [{name: web, kind: elasticsearch, indices: [\"%s*\"]}, {name: files, kind: files, paths: [%q]}]\n"+
					"arming: {builtin: false}\n", n.URL, n.Flavor, prefix, prefix, filepath.Join(e.WorkDir, "logs"))
				tls := fmt.Sprintf("elasticsearch: {addresses: [%q], flavor: %s}\n", strings.Replace(n.URL, "http:", "https:", 1), n.Flavor)
				other := map[string]string{es.Elasticsearch: es.OpenSearch, es.OpenSearch: es.Elasticsearch}[n.Flavor]
				for name, text := range map[string]string{
					"c.yaml": text, "tls.yaml": tls + webLogs, "tokens.yaml": strings.Replace(text, "kind: elasticsearch, ", "kind: elasticsearch, text: tokens, ", 1),
					"short.yaml": strings.Replace(text, "builtin: false", "builtin: false, lifetimes: {domain: 1h}", 1),
					"feed.yaml":  text + "feeds: [{name: lists, kind: file, path: list.txt}]\n",
					"other.yaml": fmt.Sprintf("elasticsearch: {addresses: [%q], flavor: %s, prefix: %q}\n", n.URL, other, prefix) + webLogs,
				} {
					if err := os.WriteFile(filepath.Join(e.WorkDir, name), []byte(text), 0o600); err != nil {
						return err
					}
				}
				return nil
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"exit": exitCommand,
				"es":   func(ts *testscript.TestScript, neg bool, args []string) { esCommand(ts, c, neg, args) },
			},
		})
	})
}

// esCommand sends a request; what is between $[ and ] in a file are variables of
// the script. The answer is standard output.
func esCommand(ts *testscript.TestScript, c *es.Client, neg bool, args []string) {
	r := es.Request{Method: args[0], Path: args[1], Ask: true}
	if len(args) > 2 {
		r.Body = []byte(strings.ReplaceAll(ts.ReadFile(args[2]), "$PREFIX", ts.Getenv("PREFIX")))
		r.NDJSON = strings.HasSuffix(args[2], ".ndjson")
	}
	path, query, _ := strings.Cut(r.Path, "?")
	r.Path = path
	for pair := range strings.SplitSeq(query, "&") {
		if k, v, ok := strings.Cut(pair, "="); ok {
			if r.Query == nil {
				r.Query = map[string][]string{}
			}
			r.Query[k] = []string{v}
		}
	}
	var answer []byte
	err := c.Do(context.Background(), r, &answer)
	if (err != nil) != neg {
		ts.Fatalf("es: %v", err)
	}
	if bytes.Contains(answer, []byte(`"errors":true`)) {
		ts.Fatalf("es: %s", answer)
	}
	_, _ = ts.Stdout().Write(append(answer, '\n'))
}
