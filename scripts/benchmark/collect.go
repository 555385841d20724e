package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/iochunt/iochunt/collect/otx/otxtest"
)

// benchCollect collects a big account twice, then counts what is stored.
func benchCollect(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("collect", flag.ContinueOnError)
	bin := f.String("bin", "bin/iochunt", "the program")
	pulses := f.Int("pulses", 10_000, "pulses of the fake account")
	each := f.Int("per-pulse", 100, "indicators a pulse")
	if err := parse(f, args); err != nil {
		return err
	}
	server := otxtest.New(otxtest.Account{Pulses: *pulses, IndicatorsPerPulse: *each, Seed: 1})
	if err := server.Start(); err != nil {
		return err
	}
	defer server.Close()
	fmt.Printf("collect: %d pulses of %d indicators from the fake OTX server\n", *pulses, *each)
	return collectFrom(ctx, server, *bin)
}

func collectFrom(ctx context.Context, server *otxtest.Server, bin string) error {
	dir, err := os.MkdirTemp("", "iochunt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	conf, data := filepath.Join(dir, "collect.yaml"), filepath.Join(dir, "store")
	text := fmt.Sprintf("feeds: [{name: otx, kind: otx, url: %q, lookback: 0s}]\n", server.URL())
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return err
	}
	env := []string{"IOCHUNT_CONFIG=" + conf, "IOCHUNT_DATA_DIR=" + data, "OTX_API_KEY=" + server.Key}
	for _, what := range []string{"first run", "second run, nothing changed"} {
		m, err := must(ctx, command{env: env, argv: []string{bin, "collect"}})
		if err != nil {
			return err
		}
		fmt.Printf("  %-28s %s\n    %s", what, m, m.out)
	}
	files, err := filepath.Glob(filepath.Join(data, "*"))
	if err != nil {
		return err
	}
	fmt.Printf("  store and set on disk         %d MB\n", sizeOf(files...)/1e6)
	m, err := must(ctx, command{env: env, argv: []string{bin, "indicators", "count"}})
	fmt.Print(m.out)
	return err
}
