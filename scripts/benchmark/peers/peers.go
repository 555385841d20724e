package peers

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// sources are the programs of our own.
//
//go:embed hyperscan ahocorasick
var sources embed.FS

// Peer is a program to compare with.
type Peer struct {
	Name    string
	Path    string // of the program
	Version string // in its own words
	Err     error  // why it cannot be run
}

// recipe says how a peer is had. Path is below the folder of peers, but for one
// of the system.
type recipe struct {
	name, path string
	install    func(*folder) error
	version    func(*folder, string) (string, error)
}

const (
	ripgrepVersion     = "15.2.0"
	ahoCorasickVersion = "1.1.5" // as ahocorasick/Cargo.toml says
)

var recipes = []recipe{
	{"grep", "", nil, firstLine},
	{"ripgrep", "ripgrep/bin/rg", (*folder).ripgrep, firstLine},
	{"ugrep", "debian/usr/bin/ugrep", func(f *folder) error { return f.debian("ugrep") }, firstLine},
	{"hyperscan", "bin/hyperscan", (*folder).hyperscan, (*folder).hyperscanVersion},
	{"aho-corasick", "bin/ahocorasick", (*folder).ahoCorasick, fixed("aho-corasick " + ahoCorasickVersion)},
}

// Names of all peers.
func Names() (names []string) {
	for _, r := range recipes {
		names = append(names, r.name)
	}
	return names
}

// folder is where peers are installed.
type folder struct {
	ctx context.Context // of one installation
	dir string
}

// Install returns the named peer, and installs it into dir first where it is
// not there.
func Install(ctx context.Context, dir, name string) Peer {
	for _, r := range recipes {
		if r.name == name {
			return r.have(&folder{ctx, dir})
		}
	}
	return Peer{Name: name, Err: fmt.Errorf("no peer %q; there are %s", name, strings.Join(Names(), ", "))}
}

func (r recipe) have(f *folder) Peer {
	p := Peer{Name: r.name}
	if p.Path, p.Err = r.locate(f); p.Err == nil {
		p.Version, p.Err = r.version(f, p.Path)
	}
	return p
}

func (r recipe) locate(f *folder) (string, error) {
	if r.install == nil {
		return exec.LookPath(r.name)
	}
	path := filepath.Join(f.dir, r.path)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Join(f.dir, "bin"), 0o755); err != nil {
		return "", err
	}
	if err := r.install(f); err != nil {
		return "", fmt.Errorf("install %s: %w", r.name, err)
	}
	_, err := os.Stat(path)
	return path, err
}

// run runs a command in a folder, at low priority: an installation is never
// what is measured. The error holds the last of what it said.
func (f *folder) run(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(f.ctx, "nice", append([]string{name}, args...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, tail(out))
	}
	return string(out), nil
}

// tail is the last line that says something.
func tail(out []byte) string {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return string(lines[len(lines)-1])
}

// ripgrep is built from its crate: Debian's is years older.
func (f *folder) ripgrep() error {
	_, err := f.run(f.dir, nil, "cargo", "install", "ripgrep", "--version", ripgrepVersion, "--locked", "--root", filepath.Join(f.dir, "ripgrep"))
	return err
}

// debian unpacks a package beside the others. Where apt's lists are missing,
// which is so in a fresh container, lists of our own are fetched.
func (f *folder) debian(pkg string) error {
	to := filepath.Join(f.dir, "packages")
	lists := filepath.Join(f.dir, "lists")
	if err := errors.Join(os.MkdirAll(to, 0o755), os.MkdirAll(filepath.Join(lists, "partial"), 0o755)); err != nil {
		return err
	}
	if _, err := f.run(to, nil, "apt-get", "download", pkg); err != nil {
		own := []string{"-o", "Dir::State::lists=" + lists, "-o", "Dir::Cache=" + lists}
		if _, err := f.run(to, nil, "apt-get", append(own, "update")...); err != nil {
			return err
		}
		if _, err := f.run(to, nil, "apt-get", append(own, "download", pkg)...); err != nil {
			return err
		}
	}
	return f.unpack(to, pkg)
}

func (f *folder) unpack(from, pkg string) error {
	files, err := filepath.Glob(filepath.Join(from, pkg+"_*.deb"))
	if err != nil || len(files) == 0 {
		return errors.Join(err, fmt.Errorf("no %s_*.deb was downloaded", pkg))
	}
	_, err = f.run(f.dir, nil, "dpkg", "-x", files[len(files)-1], filepath.Join(f.dir, "debian"))
	return err
}

// hyperscan links our program to Debian's static library.
func (f *folder) hyperscan() error {
	if err := f.debian("libhyperscan-dev"); err != nil {
		return err
	}
	libs, err := filepath.Glob(filepath.Join(f.dir, "debian/usr/lib/*/libhs.a"))
	if err != nil || len(libs) == 0 {
		return errors.Join(err, errors.New("libhyperscan-dev holds no libhs.a"))
	}
	src, err := f.copySource("hyperscan")
	if err != nil {
		return err
	}
	_, err = f.run(src, nil, "gcc", "-O2", "-march=native", "-D_GNU_SOURCE", "-I"+filepath.Join(f.dir, "debian/usr/include"),
		"-o", filepath.Join(f.dir, "bin/hyperscan"), "scan.c", libs[0], "-lstdc++", "-lm")
	return err
}

func (f *folder) hyperscanVersion(string) (string, error) {
	files, err := filepath.Glob(filepath.Join(f.dir, "packages/libhyperscan-dev_*.deb"))
	if err != nil || len(files) == 0 {
		return "hyperscan", err
	}
	_, v, _ := strings.Cut(filepath.Base(files[len(files)-1]), "_")
	v, _, _ = strings.Cut(v, "_")
	return "Hyperscan " + v, nil
}

// ahoCorasick builds our program for this machine's processor.
func (f *folder) ahoCorasick() error {
	src, err := f.copySource("ahocorasick")
	if err != nil {
		return err
	}
	if _, err := f.run(src, []string{"RUSTFLAGS=-C target-cpu=native"}, "cargo", "build", "--release", "--target-dir", "target"); err != nil {
		return err
	}
	return os.Rename(filepath.Join(src, "target/release/ahocorasick"), filepath.Join(f.dir, "bin/ahocorasick"))
}

// copySource lays a program's source where it may be built.
func (f *folder) copySource(name string) (string, error) {
	to := filepath.Join(f.dir, "src", name)
	sub, err := fs.Sub(sources, name)
	if err != nil {
		return "", err
	}
	if err := os.RemoveAll(to); err != nil {
		return "", err
	}
	return to, os.CopyFS(to, sub)
}

// firstLine is the first line that a program says of its version.
func firstLine(f *folder, path string) (string, error) {
	out, err := f.run("", nil, path, "--version")
	line, _, _ := strings.Cut(out, "\n")
	return line, err
}

func fixed(version string) func(*folder, string) (string, error) {
	return func(*folder, string) (string, error) { return version, nil }
}
