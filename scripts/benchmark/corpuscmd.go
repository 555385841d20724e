package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/iochunt/iochunt/scripts/benchmark/corpus"
)

const corpusUse = `
  corpus -make logs  -dir D [-seed 1] [-bytes 1073741824] [-hits 100] [-traps 100]   six logs and D/truth.tsv
  corpus -make lists -dir D [-seed 1] [-n 1k,10k,100k,1M,5M]                         D/ioc-N.txt and D/ioc-N.tsv
  corpus -make mixed -from LIST -to LIST -n COUNT                                    a list with COUNT of free text added
  grep -H -b -F -f D/ioc-1000.txt D/*.log D/*.json | corpus -make score -dir D       scores FILE:OFFSET
  iochunt scan --json D | corpus -make score -json -dir D                            scores hits in JSON`

// runCorpus makes what benchmarks run on.
func runCorpus(_ context.Context, args []string) error {
	f := flag.NewFlagSet("corpus", flag.ContinueOnError)
	var o corpus.Options
	n := sizes{1000, 10000, 100000, 1000000, 5000000}
	what := f.String("make", "", "logs, lists, mixed or score")
	dir, from, to := f.String("dir", ".", "folder"), f.String("from", "", "list to add to"), f.String("to", "", "list to write")
	inJSON := f.Bool("json", false, "score: the input is what iochunt scan --json prints")
	f.Var(&n, "n", "sizes of lists")
	f.Uint64Var(&o.Seed, "seed", 1, "seed")
	f.Int64Var(&o.Bytes, "bytes", 1<<30, "size of all logs together")
	f.IntVar(&o.Hits, "hits", 100, "planted hits per million lines")
	f.IntVar(&o.Traps, "traps", 100, "planted traps per million lines")
	if err := parse(f, args); err != nil {
		return err
	}
	switch *what {
	case "logs":
		return corpus.WriteLogs(*dir, o)
	case "lists":
		return corpus.WriteLists(*dir, o.Seed, n...)
	case "mixed":
		return corpus.WriteMixed(*to, *from, o.Seed, n[0])
	case "score":
		return printScore(*dir, *inJSON)
	}
	return fmt.Errorf("-make %q: there are logs, lists, mixed and score:%s", *what, corpusUse)
}

func printScore(dir string, inJSON bool) error {
	read := readOffsets
	if inJSON {
		read = readHits
	}
	reports, err := read(os.Stdin, dir)
	if err != nil {
		return err
	}
	s, err := score(dir, reports)
	if err != nil {
		return err
	}
	for _, c := range s.Classes {
		fmt.Printf("  %-13s %-9s %6d of %6d lines reported\n", c.Class, c.Type, c.Reported, c.Have)
	}
	fmt.Println(s)
	return nil
}
