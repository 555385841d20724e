// Command benchmark measures the whole program from outside: it runs the
// iochunt binary, and the programs that it is compared with, as children and
// prints wall time, CPU time and peak memory beside the counts that say whether
// the work was done.
//
// All it makes is below one folder, .cache/bench: logs and lists (data), other
// programs (peers), stores (stores) and results (results, as text and as TSV).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

// part is one benchmark, or a tool of one.
type part struct {
	name, what string
	run        func(ctx context.Context, args []string) error
}

// parts are told in this order; the first ones run when none is named.
func parts() []part {
	return []part{
		{"collect", "a big account is collected from the fake OTX server, twice", benchCollect},
		{"match", "one table: list lengths x programs, speed, memory, right or wrong", benchMatch},
		{"hits", "what hits cost", benchHits},
		{"hostile", "text that is made to be slow", benchHostile},
		{"truth", "what is found in 1 GiB, by class and type", benchTruth},
		{"stages", "the Go benchmarks of the matcher, against a saved base", benchStages},
		{"stix", "STIX 1: our reader and program beside python-stix and cabby", benchSTIX},
		{"arming", "a million indicators against as many list entries as misp-warninglists has", benchArming},
		{"hunt", "indices: Elastic's rule and esutil.BulkIndexer beside iochunt, on a real server", benchHunt},
		{"corpus", "make lists or logs, or score what a grep printed", runCorpus},
		{"searcher", "the matcher alone, over files", runSearcher},
		{"gates", "make a list under which every name has to be looked at", runGates},
		{"huntbulk", "our bulk writer alone, over a file", runHuntBulk},
		{"stixmake", "make a STIX 1.2 package", runSTIXMake},
		{"stixread", "our reader alone, over a STIX 1 package", runSTIXRead},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || args[0] == "all" {
		return errors.Join(benchCollect(ctx, nil), benchMatch(ctx, nil), benchSTIX(ctx, nil))
	}
	var names []string
	for _, p := range parts() {
		if p.name == args[0] {
			if err := p.run(ctx, args[1:]); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			return nil
		}
		names = append(names, fmt.Sprintf("  %-9s %s", p.name, p.what))
	}
	return fmt.Errorf("no benchmark %q; there are\n%s", args[0], strings.Join(names, "\n"))
}
