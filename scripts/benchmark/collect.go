package main

import (
	"fmt"
	"path/filepath"

	"github.com/iochunt/iochunt/collect/otx/otxtest"
)

// benchCollect collects a big account twice, then counts what is stored.
func benchCollect(o options, dir string) error {
	server := otxtest.New(otxtest.Account{Pulses: o.pulses, IndicatorsPerPulse: o.perPulse, Seed: 1})
	if err := server.Start(); err != nil {
		return err
	}
	defer server.Close()
	conf := filepath.Join(dir, "collect.yaml")
	text := fmt.Sprintf("feeds: [{name: otx, kind: otx, url: %q, lookback: 0s}]\n", server.URL())
	if err := writeFile(conf, text); err != nil {
		return err
	}
	data := filepath.Join(dir, "store")
	env := []string{"IOCHUNT_CONFIG=" + conf, "IOCHUNT_DATA_DIR=" + data, "OTX_API_KEY=" + server.Key}
	fmt.Printf("collect: %d pulses of %d indicators from the fake OTX server\n", o.pulses, o.perPulse)
	for _, what := range []string{"first run", "second run, nothing changed"} {
		m, err := child(env, o.bin, "collect")
		if err != nil {
			return err
		}
		fmt.Printf("  %-28s %s\n    %s", what, m, m.out)
	}
	fmt.Printf("  store and set on disk         %d MB\n", sizeOf(data)/1e6)
	m, err := child(env, o.bin, "indicators", "count")
	fmt.Print(m.out)
	return err
}
