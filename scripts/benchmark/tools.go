package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/scripts/benchmark/peers"
)

// tool is a row of the table.
type tool struct {
	name string
	peer string // "": iochunt itself
	// build makes what scan opens, before the rounds; nil: scan builds each time.
	build func(t *trial) (command, error)
	scan  func(t *trial, files []string) command
	// phases: it says itself what its start took, and prints FILE:OFFSET; else a
	// scan of an empty file tells of the start.
	phases bool
	// upTo is the longest list it is tried with, 0: any; beyond says why.
	upTo   int
	beyond string
	// part is the length of a list from which on it reads less of the logs.
	part int
	// ours only:
	engine  string // of --engine
	threads int    // 0: 1
	mixed   bool   // the list has 1 % of free text added
}

// trial is one tool with one list.
type trial struct {
	*tool
	base *base
	n    int
	list string
	path string // of the program

	stored string // where build puts what it makes, if not in the usual place
}

// made is the path of what build made.
func (t *trial) made() string {
	if t.stored != "" {
		return t.stored
	}
	dir := "stores"
	if t.peer != "" {
		dir = "databases"
	}
	name := short(t.n)
	if t.mixed {
		name += "-mixed"
	}
	return t.base.path(dir, t.base.seeded(name))
}

const (
	rowRipgrep   = "rg -F"
	rowHyperscan = "Hyperscan, literal"
)

// tools are the rows, in their order; engines are those of our own that are
// measured beside the one that is chosen at start.
func tools(engines []string) []*tool {
	rows := []*tool{
		{name: "grep -F", peer: "grep", scan: grepLike("-F", "-H", "-b", "-f"), part: 1_000_000},
		{name: rowRipgrep, peer: "ripgrep", scan: grepLike("-j1", "--no-config", "--no-heading", "--color=never", "-a", "-N", "-F", "-H", "-b", "-f")},
		{name: "ugrep -F", peer: "ugrep", scan: grepLike("-J1", "-a", "-F", "-H", "-b", "-f")},
		{name: rowHyperscan, peer: "hyperscan", build: buildDatabase, scan: scanDatabase, phases: true},
		{name: "aho-corasick, DFA", peer: "aho-corasick", scan: automaton("dfa"), phases: true, upTo: 100_000, beyond: "its tables take 8 GB at 1M"},
		{name: "aho-corasick, NFA", peer: "aho-corasick", scan: automaton("nfa"), phases: true},
	}
	own := []*tool{{name: "iochunt"}, {name: "iochunt, 2 threads", threads: 2}, {name: "iochunt, 1 % free text", mixed: true}}
	for _, e := range engines {
		own = append(own, &tool{name: "iochunt, " + e, engine: e})
	}
	for _, t := range own {
		t.build, t.scan = importList, scanStore
	}
	own = append(own, &tool{name: "iochunt, matcher alone", build: importList, scan: scanSet, phases: true})
	return append(rows, own...)
}

func (t *tool) ours() bool { return t.peer == "" }

// grepLike is for programs that take the list and files and print matching
// lines with their offsets.
func grepLike(args ...string) func(*trial, []string) command {
	return func(t *trial, files []string) command {
		argv := append(append([]string{t.path}, args...), t.list)
		return command{env: []string{"LC_ALL=C"}, argv: append(argv, files...)}
	}
}

func automaton(kind string) func(*trial, []string) command {
	return func(t *trial, files []string) command {
		return command{argv: append([]string{t.path, kind, t.list}, files...)}
	}
}

func buildDatabase(t *trial) (command, error) {
	return command{argv: []string{t.path, "build", t.list, t.made()}}, nil
}

func scanDatabase(t *trial, files []string) command {
	return command{argv: append([]string{t.path, "scan", t.made()}, files...)}
}

// importList imports a list into a new store, which compiles the set too.
func importList(t *trial) (command, error) {
	dir := t.made()
	if err := os.RemoveAll(dir); err != nil {
		return command{}, err
	}
	return command{env: t.environment(), argv: []string{t.path, "indicators", "import", "-q", t.list}}, nil
}

// scanStore is a whole scan, hits printed and kept.
func scanStore(t *trial, files []string) command {
	argv := []string{t.path, "scan", "--json", "--threads", fmt.Sprint(t.width())}
	if t.engine != "" {
		argv = append(argv, "--engine", t.engine)
	}
	return command{env: t.environment(), argv: append(argv, files...)}
}

// scanSet is the matcher without the program round it: this program opens the
// set file of the store.
func scanSet(t *trial, files []string) command {
	exe, err := os.Executable()
	if err != nil {
		note("%v", err) // running it fails too, and the row tells
	}
	argv := []string{exe, "searcher", "-print", "-rounds", "1", "-set", filepath.Join(t.made(), "iochunt.set")}
	return command{env: []string{"GOMAXPROCS=1"}, argv: append(argv, files...)}
}

func (t *trial) width() int { return max(1, t.threads) }

func (t *trial) environment() []string {
	dir := t.made()
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return []string{"IOCHUNT_DATA_DIR=" + dir, "IOCHUNT_CONFIG=", "HOME=" + dir, fmt.Sprint("GOMAXPROCS=", t.width())}
}

// errCannot says that a tool is not run, and why.
var errCannot = errors.New("not run")

func cannot(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errCannot, fmt.Sprintf(format, args...))
}

// programs finds the program of each tool once.
type programs struct {
	base  *base
	peers map[string]peers.Peer
	help  string // of our scan
}

func (p *programs) find(ctx context.Context, t *tool) (peers.Peer, error) {
	if t.ours() {
		return p.own(ctx, t)
	}
	found, ok := p.peers[t.peer]
	if !ok {
		note("having %s", t.peer)
		dir, err := filepath.Abs(p.base.path("peers", "."))
		if err != nil {
			return found, err
		}
		found = peers.Install(ctx, dir, t.peer)
		p.peers[t.peer] = found
	}
	if found.Err != nil {
		return found, cannot("%v", found.Err)
	}
	return found, nil
}

// own is the program under test; a flag that it does not have is told before
// it is tried for every list.
func (p *programs) own(ctx context.Context, t *tool) (peers.Peer, error) {
	found := peers.Peer{Name: "iochunt", Path: p.base.bin}
	if p.help == "" {
		m, err := must(ctx, command{argv: []string{p.base.bin, "scan", "--help"}})
		if err != nil {
			return found, fmt.Errorf("%s: %w", p.base.bin, err)
		}
		p.help = m.out
	}
	if t.engine != "" && !hasEngine(p.help, t.engine) {
		return found, cannot("this iochunt has no --engine %s", t.engine)
	}
	return found, nil
}

// hasEngine reads the help of our scan, which names the engines.
func hasEngine(help, name string) bool {
	for line := range strings.Lines(help) {
		if _, engines, ok := strings.Cut(line, "--engine "); ok {
			words := strings.FieldsFunc(engines, func(r rune) bool { return strings.ContainsRune(" ,:()\"\n", r) })
			return slices.Contains(words, name)
		}
	}
	return false
}
