package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/collect/otx/otxtest"
	"github.com/iochunt/iochunt/internal/config"
	"github.com/iochunt/iochunt/testdata"
)

// TestDemoFindsExactly holds the demo's hits to the list that was written by
// hand with the logs: nothing is missed, and none of the lines that only look
// alike is reported.
func TestDemoFindsExactly(t *testing.T) {
	dir := t.TempDir()
	logs := filepath.Join(dir, "logs")
	if err := unpackLogs(logs); err != nil {
		t.Fatal(err)
	}
	server := otxtest.New(otxtest.Demo())
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var out, errs strings.Builder
	a := &app{json: true, process: process{out: &out, err: &errs, env: func(string) string { return "" }, now: time.Now}}
	a.log = a.newLogger()
	err := a.use(&config.Config{
		Arming: config.Arming{Deny: documentation},
		Store:  config.Store{Path: filepath.Join(dir, "store")},
		Feeds:  []config.Feed{{Name: "otx", Kind: "otx", Settings: map[string]any{"url": server.URL(), "api_key": server.Key, "lookback": "0s"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.collect(t.Context(), collectFlags{}, nil); err != nil {
		t.Fatal(err, errs.String())
	}
	if err := a.scan(t.Context(), scanFlags{format: "json", workers: 2}, []string{logs}); err != nil {
		t.Fatal(err, errs.String())
	}
	if diff := cmp.Diff(expectedHits(), foundHits(t, out.String())); diff != "" {
		t.Errorf("hits differ (-want +got):\n%s", diff)
	}
}

// expectedHits are the lines of EXPECTED.tsv without the rule's words.
func expectedHits() []string {
	var want []string
	for line := range strings.Lines(testdata.Expected) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); f[0] != "file" {
			want = append(want, strings.Join(f[:4], " "))
		}
	}
	slices.Sort(want)
	return want
}

func foundHits(t *testing.T, ndjson string) []string {
	t.Helper()
	var got []string
	for line := range strings.Lines(ndjson) {
		var h struct {
			Kind, Path, Type, Value string
			Line                    int
		}
		if err := json.Unmarshal([]byte(line), &h); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if h.Kind == "hit" {
			got = append(got, fmt.Sprintf("%s %d %s %s", filepath.Base(h.Path), h.Line, h.Type, h.Value))
		}
	}
	slices.Sort(got)
	return got
}
