package peers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInstall keeps what is there and says why a peer cannot be had.
func TestInstall(t *testing.T) {
	dir := t.TempDir()
	if p := Install(t.Context(), dir, "no-such"); p.Err == nil || !strings.Contains(p.Err.Error(), "ripgrep") {
		t.Errorf("error %v, want one that tells the peers", p.Err)
	}
	path := filepath.Join(dir, "ripgrep", "bin", "rg")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho ripgrep 0.0\necho more\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if p := Install(t.Context(), dir, "ripgrep"); p.Err != nil || p.Version != "ripgrep 0.0" || p.Path != path {
		t.Errorf("got %+v, want the one that is there", p)
	}
}

// TestInstallFails says what the package manager said.
func TestInstallFails(t *testing.T) {
	bin := t.TempDir()
	for _, name := range []string{"nice", "apt-get", "cargo"} {
		script := "#!/bin/sh\necho first\necho no route to " + name + "\nexit 7\n"
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	for _, name := range []string{"ripgrep", "ugrep", "hyperscan", "aho-corasick"} {
		p := Install(t.Context(), t.TempDir(), name)
		if p.Err == nil || !strings.Contains(p.Err.Error(), "no route to nice") || !strings.Contains(p.Err.Error(), "exit status 7") {
			t.Errorf("%s: error %v, want what the command said", name, p.Err)
		}
	}
	if p := Install(t.Context(), t.TempDir(), "grep"); p.Err == nil {
		t.Error("grep was found where there is none")
	}
}

// TestVersions holds the crate's version to the one that the table prints.
func TestVersions(t *testing.T) {
	toml, err := sources.ReadFile("ahocorasick/Cargo.toml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(toml), `aho-corasick = "=`+ahoCorasickVersion+`"`) {
		t.Errorf("ahocorasick/Cargo.toml does not pin %s", ahoCorasickVersion)
	}
}
