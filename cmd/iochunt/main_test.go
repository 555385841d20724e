package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/iochunt/iochunt/collect/otx/otxtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"iochunt": main})
}

// TestScripts runs the shell sessions of testdata/script: what a person types,
// and what comes back, exit codes included.
func TestScripts(t *testing.T) {
	logs, err := filepath.Abs(filepath.Join("..", "..", "testdata", "logs"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("IOCHUNT_DATA_DIR", filepath.Join(e.WorkDir, "data"))
			e.Setenv("IOCHUNT_CONFIG", "")
			e.Setenv("LOGS", logs)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"otx": otxCommand, "taxii": taxiiCommand, "exit": exitCommand},
	})
}

// otxCommand starts a fake OTX server for the rest of the script and writes a
// configuration that points to it: otx [pulses=N] [per=N] [fault=poison|auth].
func otxCommand(ts *testscript.TestScript, _ bool, args []string) {
	a, fault := otxtest.Demo(), ""
	for _, arg := range args {
		k, v, _ := strings.Cut(arg, "=")
		switch k {
		case "pulses":
			a = otxtest.Account{Pulses: atoi(ts, v), IndicatorsPerPulse: 20, Seed: 5}
		case "fault":
			fault = v
		default:
			ts.Fatalf("otx: unknown argument %s", arg)
		}
	}
	s := otxtest.New(a)
	ts.Check(s.Start())
	ts.Defer(s.Close)
	switch fault {
	case "poison":
		s.Fault(otxtest.Fault{Pulse: s.ID(3), Do: otxtest.Gateway(504)}, otxtest.Fault{Path: "/pulses/activity", Do: otxtest.Gateway(504)})
	case "auth":
		s.Fault(otxtest.Fault{Do: otxtest.Forbid()})
	}
	ts.Setenv("OTX_API_KEY", s.Key)
	ts.Setenv("IOCHUNT_CONFIG", ts.MkAbs("otx.yaml"))
	conf := "arming: {deny: [\"" + strings.Join(documentation, "\", \"") + "\"]}\n" + "feeds: [{name: otx, kind: otx, every: 1h, lookback: 0s, url: \"" + s.URL() + "\"}]\n"
	ts.Check(os.WriteFile(ts.MkAbs("otx.yaml"), []byte(conf), 0o600))
}

func atoi(ts *testscript.TestScript, s string) int {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			ts.Fatalf("%q is no number", s)
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// exitCommand runs the program and checks its exit code: exit CODE iochunt ARG...
func exitCommand(ts *testscript.TestScript, _ bool, args []string) {
	want := atoi(ts, args[0])
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		e, ok := err.(interface{ ExitCode() int })
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = e.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
