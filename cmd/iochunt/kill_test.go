package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/iochunt/iochunt/collect/otx/otxtest"
	"github.com/iochunt/iochunt/enrich"
	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
	"github.com/iochunt/iochunt/internal/store/local"
)

const killPer = 40 // indicators in each pulse of the account

// TestKillCollect kills "iochunt collect" at random moments, and looks at what
// is left each time: the store opens and is whole, every pulse in it is there
// with all its indicators or not at all, and the set file is a good one. In the
// end a run that is left alone brings exactly what the account holds.
func TestKillCollect(t *testing.T) {
	rounds := 25
	if n, err := strconv.Atoi(os.Getenv("IOCHUNT_KILLS")); err == nil {
		rounds = n
	} else if testing.Short() {
		rounds = 4
	}
	server := otxtest.New(otxtest.Account{Pulses: 400, IndicatorsPerPulse: killPer, Seed: 11})
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	dir := t.TempDir()
	env := killEnv(t, dir, server)
	within, killed, runs := 700*time.Millisecond, 0, 0
	for ; killed < rounds; runs++ {
		if runs > 20*rounds {
			t.Fatalf("only %d of %d runs were killed before they were done", killed, runs)
		}
		if took, done := killOnce(t, env, within); done {
			within = max(took, 20*time.Millisecond) // so that the next kill comes in time
		} else {
			killed++
		}
		checkLeft(t, filepath.Join(dir, "store"))
		if err := server.Touch(rand.IntN(400)); err != nil { // so that the next run has something to do
			t.Fatal(err)
		}
	}
	t.Logf("%d of %d runs were killed before they were done", killed, runs)
	if out, err := command(env, "collect").CombinedOutput(); err != nil {
		t.Fatalf("the last run: %v\n%s", err, out)
	}
	checkLeft(t, filepath.Join(dir, "store"))
	checkTruth(t, filepath.Join(dir, "store"), server)
}

func killEnv(t *testing.T, dir string, server *otxtest.Server) []string {
	t.Helper()
	conf := filepath.Join(dir, "c.yaml")
	// small pages make many batches, so that a kill falls between and into them
	text := "feeds: [{name: otx, kind: otx, lookback: 0s, limit: 7, url: \"" + server.URL() + "\"}]\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "IOCHUNT_CONFIG="+conf, "IOCHUNT_DATA_DIR="+filepath.Join(dir, "store"), "OTX_API_KEY="+server.Key)
}

// command runs this test binary as the program (TestMain).
func command(env []string, args ...string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return &exec.Cmd{Path: exe, Args: append([]string{"iochunt"}, args...), Env: env}
}

// killOnce starts a collection and kills it at a random moment within the given
// time. It reports how long it ran, and whether it was done before.
func killOnce(t *testing.T, env []string, within time.Duration) (took time.Duration, done bool) {
	t.Helper()
	args := []string{"collect"}
	if rand.IntN(3) > 0 {
		args = append(args, "--full")
	}
	cmd := command(env, args...)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(time.Duration(rand.Int64N(int64(within))), func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	timer.Stop()
	return time.Since(began), err == nil
}

// checkLeft looks at a store after a kill.
func checkLeft(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "iochunt.db")); errors.Is(err, os.ErrNotExist) {
		return // killed before the store was made
	}
	s, err := local.Open(dir, local.Options{})
	if err != nil {
		t.Fatalf("the store does not open: %v", err)
	}
	defer s.Close()
	if err := s.Check(t.Context()); err != nil {
		t.Fatalf("the store is not whole: %v", err)
	}
	for id, n := range membersByReport(t, s) {
		if n != killPer {
			t.Fatalf("report %s is torn: %d of %d indicators", id, n, killPer)
		}
	}
	set, err := match.Open(filepath.Join(dir, "iochunt.set"))
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatalf("the set file: %v", err)
	}
	defer set.Close()
	if err := set.Verify(); err != nil {
		t.Fatalf("the set file: %v", err)
	}
}

func membersByReport(t *testing.T, s *local.Store) map[string]int {
	t.Helper()
	n := map[string]int{}
	for i, err := range s.List(t.Context(), store.ListFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range i.Reports {
			n[m.ID]++
		}
	}
	return n
}

// checkTruth holds the store to what the account has.
func checkTruth(t *testing.T, dir string, server *otxtest.Server) {
	t.Helper()
	s, err := local.Open(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	type key struct {
		report string
		ioc.Observable
	}
	have := map[key]bool{}
	for i, err := range s.List(t.Context(), store.ListFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range i.Reports {
			have[key{m.ID, i.Observable}] = true
		}
	}
	want := 0
	for f := range server.Truth() {
		typ, ok := ioc.FromOTX(f.Type)
		if !ok {
			typ = ioc.Type(f.Type)
		}
		m := ioc.Member{Observable: ioc.Observable{Type: typ, Value: f.Value}}
		if why := enrich.Canonical(&m); why != "" {
			t.Fatalf("%s %s: %s", f.Type, f.Value, why)
		}
		want++
		if !have[key{f.Pulse, m.Observable}] {
			t.Errorf("lost: %s %s of pulse %s", m.Type, m.Value, f.Pulse)
		}
	}
	if len(have) != want {
		t.Errorf("%d memberships are stored, the account has %d", len(have), want)
	}
}
