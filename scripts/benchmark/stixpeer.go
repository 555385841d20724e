package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// taxiiPoll is a collection of a running server, and who may poll it.
type taxiiPoll struct{ Poll, User, Password string }

// stixPeer is python-stix in its environment.
type stixPeer struct {
	*stixBench
	python []string // how observables.py is called
	small  made
	want   string // what our reader finds in it
}

// peers are the rows of polling, ours and cabby's, and of python-stix. What is
// found is compared with what our reader finds, value by value.
func (b *stixBench) peers(ctx context.Context, small made) ([]stixRow, error) {
	venv, err := must(ctx, command{argv: []string{"scripts/taxii-servers", "install"}})
	if err != nil {
		return nil, fmt.Errorf("python-stix: %w", err)
	}
	python := filepath.Join(strings.TrimSpace(venv.out), "bin", "python")
	p := &stixPeer{stixBench: b, small: small, python: []string{python, "-B", "-W", "ignore", "scripts/taxii/observables.py"}}
	read, err := self(ctx, "stixread", "-print", small.path)
	if err != nil {
		return nil, err
	}
	p.want = read.out
	file, err := p.theirs(ctx, "stix1", small.path)
	if err != nil {
		return nil, err
	}
	rows := []stixRow{{rowPythonSTIX, small.bytes, file, "the same observables"}}
	ours, cabby, err := p.polled(ctx)
	if err != nil {
		return rows, err
	}
	return append(rows,
		stixRow{rowCabby, small.bytes, cabby, "polled from OpenTAXII, the same observables"},
		stixRow{"collect over TAXII 1.1", small.bytes, ours, "polled from OpenTAXII, stored, set compiled"}), nil
}

// theirs runs python-stix once.
func (p *stixPeer) theirs(ctx context.Context, args ...string) (measured, error) {
	m, err := must(ctx, command{argv: append(slices.Clip(p.python), args...), limit: p.limit})
	if err != nil {
		return m, err
	}
	if err := sameRows(p.want, m.out); err != nil {
		return m, fmt.Errorf("python-stix (%s) and stix.ReadXML differ: %w", args[0], err)
	}
	return m, nil
}

// polled has the package polled from OpenTAXII by both.
func (p *stixPeer) polled(ctx context.Context) (ours, cabby measured, err error) {
	dir := filepath.Dir(p.path("taxii", "log"))
	fixtures := filepath.Dir(filepath.Dir(p.small.path))
	started, err := must(ctx, command{argv: []string{"scripts/taxii-servers", "start", "--fixtures", fixtures, dir}})
	if err != nil {
		return ours, cabby, err
	}
	defer func() {
		_, stopped := must(context.WithoutCancel(ctx), command{argv: []string{"scripts/taxii-servers", "stop", dir}})
		err = errors.Join(err, stopped)
	}()
	var at struct{ TAXII1 taxiiPoll }
	if err := json.Unmarshal([]byte(started.out), &at); err != nil {
		return ours, cabby, err
	}
	if ours, err = p.collected(ctx, at.TAXII1); err != nil {
		return ours, cabby, err
	}
	cabby, err = p.theirs(ctx, "taxii1", at.TAXII1.Poll, at.TAXII1.User, at.TAXII1.Password, "user_AlienVault")
	return ours, cabby, err
}

// collected is the whole program, polling into a new store.
func (p *stixPeer) collected(ctx context.Context, at taxiiPoll) (measured, error) {
	dir, err := os.MkdirTemp("", "iochunt-bench-")
	if err != nil {
		return measured{}, err
	}
	defer os.RemoveAll(dir)
	conf, store := filepath.Join(dir, "collect.yaml"), filepath.Join(dir, "store")
	text := fmt.Sprintf("feeds: [{name: bench, kind: taxii, version: \"1.1\", url: %q, collection: user_AlienVault, username_file: %q, password_file: %q, lookback: 0s}]\n",
		at.Poll, filepath.Join(dir, "user"), filepath.Join(dir, "password"))
	for path, content := range map[string]string{conf: text, filepath.Join(dir, "user"): at.User, filepath.Join(dir, "password"): at.Password} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return measured{}, err
		}
	}
	c := command{env: []string{"IOCHUNT_DATA_DIR=" + store, "IOCHUNT_CONFIG=" + conf, "HOME=" + dir, "GOMAXPROCS=1"}}
	m, err := p.best(func() (measured, error) {
		if err := os.RemoveAll(store); err != nil {
			return measured{}, err
		}
		c.argv = []string{p.bin, "collect"}
		return must(ctx, c)
	})
	if err != nil {
		return m, err
	}
	return m, p.stored(ctx, c, p.small)
}

// sameRows compares type and value of all that stands alone; both are sorted.
func sameRows(ours, theirs string) error {
	a, b := aloneRows(ours), aloneRows(theirs)
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Errorf("row %d: ours %q, theirs %q", i, a[i], b[i])
		}
	}
	if len(a) != len(b) || len(a) == 0 {
		return fmt.Errorf("%d rows, theirs %d", len(a), len(b))
	}
	return nil
}

func aloneRows(text string) (rows []string) {
	for line := range strings.Lines(text) {
		if row, ok := strings.CutSuffix(line, "\talone\n"); ok {
			rows = append(rows, row)
		}
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}
