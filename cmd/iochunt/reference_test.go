package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// TestReference holds docs/cli.md to the help texts; make docs writes it anew.
func TestReference(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# Commands\n\nWritten by `make docs` from the help texts.\n\n")
	root := newRoot(&app{process: process{env: os.Getenv}})
	root.DisableAutoGenTag = true
	writeReference(t, &b, root)
	got := regexp.MustCompile(`(--threads int .*\(default )\d+`).ReplaceAllString(b.String(), "${1}CPUs") // differs from machine to machine
	file := filepath.Join("..", "..", "docs", "cli.md")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/cli.md is not what the help texts say; run make docs (-want +got):\n%s", diff)
	}
}

func writeReference(t *testing.T, b *bytes.Buffer, cmd *cobra.Command) {
	t.Helper()
	anchor := func(name string) string {
		return "#" + strings.ReplaceAll(strings.TrimSuffix(name, ".md"), "_", "-")
	}
	if err := doc.GenMarkdownCustom(cmd, b, anchor); err != nil {
		t.Fatal(err)
	}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" && c.Name() != "completion" {
			writeReference(t, b, c)
		}
	}
}

// TestHelpNamesExitStatus: the verbs whose codes scripts rely on say them.
func TestHelpNamesExitStatus(t *testing.T) {
	root := newRoot(&app{process: process{env: os.Getenv}})
	for _, name := range []string{"scan", "collect", "doctor"} {
		cmd, _, err := root.Find([]string{name})
		if err != nil || !strings.Contains(cmd.Long, "EXIT STATUS") {
			t.Errorf("%s: help has no EXIT STATUS (%v)", name, err)
		}
	}
}
