package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/iochunt/iochunt/collect/stix"
)

// runSTIXRead is the reader alone: it reads a package and prints how many values
// of each type stand alone, or those values themselves.
func runSTIXRead(_ context.Context, args []string) error {
	f := flag.NewFlagSet("stixread", flag.ContinueOnError)
	show := f.Bool("print", false, "print type and value of each")
	if err := f.Parse(args); err != nil {
		return err
	}
	in, err := os.Open(f.Arg(0))
	if err != nil {
		return err
	}
	defer in.Close()
	out, counts := bufio.NewWriter(os.Stdout), make(map[string]int)
	err = stix.ReadXML(in, stix.Options{}, func(item *stix.Item) error {
		if item.Value == "" || item.Refused != "" {
			return nil
		}
		counts[string(item.Type)]++
		if *show {
			fmt.Fprintf(out, "%s\t%s\talone\n", item.Type, item.Value)
		}
		return nil
	})
	if err == nil && !*show {
		err = json.NewEncoder(out).Encode(counts)
	}
	return errors.Join(err, out.Flush())
}
