package corpus

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Options say what logs to make.
type Options struct {
	Seed        uint64
	Bytes       int64 // of all logs together; smaller logs are the beginnings of larger ones
	Hits, Traps int   // planted lines in a million
}

// Planted is a line of the truth.
type Planted struct {
	File                         string // base name
	Line                         int    // from 1
	Class, Type, Indicator, Text string
}

// TruthName is the file of a folder of logs that holds the truth: file, line,
// class, type, indicator and planted text, with tabs between.
const TruthName = "truth.tsv"

// WriteLogs writes the logs (Names) and their truth into a folder. The truth
// comes last: where it is, the logs are whole.
func WriteLogs(dir string, o Options) error {
	w, list := newWorld(o.Seed), coreList(o.Seed)
	var truth []Planted
	for i := range formats {
		f := &formats[i]
		p := &pen{w: w, r: newRNG(o.Seed, f.name), t: time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)}
		planted, err := p.write(filepath.Join(dir, f.name), f, list, o)
		if err != nil {
			return err
		}
		truth = append(truth, planted...)
	}
	return writeLines(filepath.Join(dir, TruthName), truth, appendPlanted)
}

func appendPlanted(b []byte, p Planted) []byte {
	b = append(append(b, p.File...), '\t')
	b = strconv.AppendInt(b, int64(p.Line), 10)
	for _, s := range []string{p.Class, p.Type, p.Indicator, p.Text} {
		b = append(append(b, '\t'), s...)
	}
	return b
}

// write writes one log and returns what was planted in it.
func (p *pen) write(path string, f *format, list []indicator, o Options) (truth []Planted, err error) {
	out, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer out.Close() // again is harmless
	bw := bufio.NewWriterSize(out, 1<<20)
	want := o.Bytes * f.share / 100
	for line, size := 1, int64(0); size < want; line++ {
		p.t = p.t.Add(time.Duration(p.r.n(80)) * time.Millisecond)
		p.background(f.name)
		if x := p.r.n(1000000); x < o.Hits+o.Traps {
			truth = append(truth, p.something(f, list, line, x >= o.Hits))
		}
		p.b = p.b[:0]
		f.line(p)
		p.b = append(p.b, '\n')
		size += int64(len(p.b))
		if _, err := bw.Write(p.b); err != nil {
			return nil, err
		}
	}
	return truth, errors.Join(bw.Flush(), out.Close())
}

// something plants the first indicator drawn that the format can show.
func (p *pen) something(f *format, list []indicator, line int, trap bool) Planted {
	for {
		v := list[p.r.n(len(list))]
		if class, text := p.plant(f, v, trap); class != "" {
			return Planted{f.name, line, class, v.typ, v.val, text}
		}
	}
}
