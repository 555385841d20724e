package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// armingBench judges a big store by as many list entries as the whole of
// misp-warninglists has.
type armingBench struct {
	base
	indicators int
	scale      float64
	env        []string
}

// The entries of misp-warninglists by the kind of list, as counted in its
// repository.
var listEntries = map[string]int{"string": 291_000, "cidr": 143_000, "hostname": 86_000, "substring": 8_000, "regex": 34}

// benchArming imports indicators, collects lists, and measures a pass of judging
// alone: a run of "indicators count" after the rules changed, less one after
// which they did not.
func benchArming(ctx context.Context, args []string) error {
	b := &armingBench{}
	f := flag.NewFlagSet("arming", flag.ContinueOnError)
	b.flags(f)
	f.IntVar(&b.indicators, "n", 1_000_000, "indicators")
	f.Float64Var(&b.scale, "scale", 1, "entries of the lists, as a part of misp-warninglists")
	if err := parse(f, args); err != nil {
		return err
	}
	list, err := b.list(ctx, b.indicators)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "iochunt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	total, err := b.writeLists(filepath.Join(dir, "lists"), list)
	if err != nil {
		return err
	}
	fmt.Printf("arming: %d indicators, %d entries of warninglists\n", b.indicators, total)
	b.env = []string{"IOCHUNT_CONFIG=" + filepath.Join(dir, "config.yaml"), "IOCHUNT_DATA_DIR=" + filepath.Join(dir, "store")}
	return b.measure(ctx, dir, list)
}

func (b *armingBench) measure(ctx context.Context, dir, list string) error {
	step := func(what string, falsePositives int, argv ...string) (measured, error) {
		conf := fmt.Sprintf("arming: {machine: false, false_positives: %d}\nfeeds: [{name: lists, kind: warninglist, path: %q}]\n", falsePositives, filepath.Join(dir, "lists"))
		if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(conf), 0o600); err != nil {
			return measured{}, err
		}
		m, err := must(ctx, command{env: b.env, argv: append([]string{b.bin}, argv...)})
		fmt.Printf("  %-44s %s\n", what, m)
		return m, err
	}
	if _, err := step("import, judged by what is built in", 3, "indicators", "import", "-q", list); err != nil {
		return err
	}
	if _, err := step("collect the lists, judge, compile the set", 3, "collect", "-q"); err != nil {
		return err
	}
	for round := range b.rounds {
		idle, err := step("count, nothing to judge", 3+round, "indicators", "count")
		if err != nil {
			return err
		}
		busy, err := step("count, everything judged anew", 4+round, "indicators", "count")
		if err != nil {
			return err
		}
		pass := busy.minus(idle.took)
		fmt.Printf("  %-44s %8.2f s wall  %8.2f s CPU  %6d MB peak of the whole\n", "the pass of judging alone", pass.wall.Seconds(), pass.cpu.Seconds(), busy.rss/1e6)
		if round == b.rounds-1 {
			fmt.Print(busy.out)
		}
	}
	return nil
}

// writeLists writes a list of each kind in MISP's form. One entry in ten is of
// the indicators, so that there is something to find.
func (b *armingBench) writeLists(dir, indicators string) (total int, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	names, nets, err := sampleList(indicators, 40_000)
	if err != nil {
		return 0, err
	}
	rng := rand.New(rand.NewPCG(b.seed, 6))
	word := func() string {
		return fmt.Sprintf("%s%x", []string{"cdn", "mail", "shop", "news", "api"}[rng.IntN(5)], rng.Uint32())
	}
	fresh := map[string]func() string{
		"string":    func() string { return word() + ".example" },
		"hostname":  func() string { return "." + word() + ".example" },
		"substring": func() string { return word() + "-" },
		"cidr": func() string {
			return fmt.Sprintf("%d.%d.%d.0/%d", 1+rng.IntN(222), rng.IntN(256), rng.IntN(256), 20+rng.IntN(13))
		},
		"regex": func() string { return `/^(?:www\.)?` + word() + `[0-9]{1,3}\.(?:com|net)$/i` },
	}
	known := map[string][]string{"string": names, "hostname": names, "cidr": nets}
	for kind, n := range listEntries {
		n = int(float64(n) * b.scale)
		l := map[string]any{"name": "List of " + kind, "type": kind, "version": 1, "description": "made", "matching_attributes": attributesOf(kind)}
		entries := make([]string, 0, n)
		for len(entries) < n {
			if pick := known[kind]; len(pick) > 0 && rng.IntN(10) == 0 {
				entries = append(entries, pick[rng.IntN(len(pick))])
				continue
			}
			entries = append(entries, fresh[kind]())
		}
		l["list"] = entries
		total += n
		text, err := json.Marshal(l)
		if err != nil {
			return 0, err
		}
		if err := os.WriteFile(filepath.Join(dir, kind+".json"), text, 0o600); err != nil {
			return 0, err
		}
	}
	return total, nil
}

func attributesOf(kind string) []string {
	if kind == "cidr" {
		return []string{"ip-src", "ip-dst", "domain|ip", "ip-src|port", "ip-dst|port"}
	}
	return []string{"domain", "hostname", "url", "domain|ip"}
}

// sampleList takes names and addresses from the beginning of a list.
func sampleList(path string, most int) (names, nets []string, err error) {
	f, err := os.Open(strings.TrimSuffix(path, "txt") + "tsv")
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() && len(names)+len(nets) < most {
		typ, value, _ := strings.Cut(sc.Text(), "\t")
		switch typ {
		case "domain":
			names = append(names, value)
		case "ip":
			nets = append(nets, value)
		}
	}
	return names, nets, sc.Err()
}
