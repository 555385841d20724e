package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/iochunt/iochunt/scripts/benchmark/corpus"
)

func score(dir string, reports []corpus.Reported) (corpus.Score, error) {
	truth, err := corpus.ReadTruth(filepath.Join(dir, corpus.TruthName))
	if err != nil {
		return corpus.Score{}, err
	}
	return truth.Score(reports), nil
}

// readHits reads what iochunt scan --json printed.
func readHits(in io.Reader, _ string) (reports []corpus.Reported, err error) {
	d := json.NewDecoder(in)
	for {
		var h struct {
			Kind, Path, Value string
			Line              int
		}
		if err := d.Decode(&h); errors.Is(err, io.EOF) {
			return reports, nil
		} else if err != nil {
			return nil, fmt.Errorf("after %d hits: %w", len(reports), err)
		}
		if h.Kind == "hit" {
			reports = append(reports, corpus.Reported{Place: corpus.Place{File: filepath.Base(h.Path), Line: h.Line}, Value: h.Value})
		}
	}
}

// readOffsets reads FILE:OFFSET, as grep -H -b prints it, with or without the
// line behind it. Offsets and no line numbers: no tool has to count lines for us.
func readOffsets(in io.Reader, dir string) ([]corpus.Reported, error) {
	offsets := map[string][]int64{}
	r := bufio.NewReader(in)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if len(line) == 0 {
			return number(dir, offsets)
		}
		fields := bytes.SplitN(bytes.TrimSpace(line), []byte(":"), 3)
		if len(fields) < 2 {
			return nil, fmt.Errorf("no FILE:OFFSET: %.80q", line)
		}
		at, err := strconv.ParseInt(string(fields[1]), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("no FILE:OFFSET: %.80q", line)
		}
		name := filepath.Base(string(fields[0]))
		offsets[name] = append(offsets[name], at)
	}
}

// number turns offsets into lines.
func number(dir string, offsets map[string][]int64) (reports []corpus.Reported, err error) {
	for name, at := range offsets {
		slices.Sort(at)
		lines, err := lineNumbers(filepath.Join(dir, name), slices.Compact(at))
		if err != nil {
			return nil, err
		}
		for _, n := range slices.Compact(lines) {
			reports = append(reports, corpus.Reported{Place: corpus.Place{File: name, Line: n}})
		}
	}
	return reports, nil
}

// lineNumbers reads a file once, block by block; at is sorted.
func lineNumbers(path string, at []int64) (lines []int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, 256<<10)
	for base, line := int64(0), 1; len(at) > 0; {
		n, err := f.Read(buf)
		if n == 0 {
			return nil, fmt.Errorf("%s ends before offset %d: %w", path, at[0], err)
		}
		done := 0
		for len(at) > 0 && at[0] < base+int64(n) {
			here := int(at[0] - base)
			line += bytes.Count(buf[done:here], []byte{'\n'})
			lines = append(lines, line)
			done, at = here, at[1:]
		}
		line += bytes.Count(buf[done:n], []byte{'\n'})
		base += int64(n)
	}
	return lines, nil
}
