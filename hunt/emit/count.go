package emit

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/ioc"
)

func init() {
	register(Kind{"count", "the number of records with hits, for each log (-c)", newCount})
}

// count writes "log:records" when it is closed, in the order in which the logs
// were visited. It counts records, not hits, as grep -c counts lines.
type count struct {
	o    Options
	out  output
	logs visited
	n    map[string]int64
	last lastSpot
}

func newCount(o Options) (hunt.Sink, error) {
	return &count{o: o, out: output{w: o.Out}, n: make(map[string]int64)}, noSettings(o)
}

func (s *count) Emit(_ context.Context, hits []ioc.Hit) error {
	for at, group := range groups(hits, recordSpot) {
		if s.last.moved(at) {
			s.n[logName(&group[0])]++
		}
	}
	return nil
}

// Visit makes log appear, with 0 if it had no hits.
func (s *count) Visit(log string) { s.logs.add(log) }

func (s *count) Close() error {
	for _, log := range s.logs.inOrder(slices.Sorted(maps.Keys(s.n))) {
		if s.o.WithName {
			s.out.name(s.o, log)
			s.out.afterName(s.o, ':')
		}
		s.out.b = append(strconv.AppendInt(s.out.b, s.n[log], 10), '\n')
		s.out.spill()
	}
	return s.out.flush()
}

// visited remembers logs in the order in which they were visited.
type visited []string

func (v *visited) add(log string) { *v = append(*v, log) }

// inOrder returns the visited logs, each once, and then those of others that
// were not visited.
func (v visited) inOrder(others []string) []string {
	var all []string
	seen := map[string]bool{}
	for _, log := range append(slices.Clone(v), others...) {
		if !seen[log] {
			seen[log] = true
			all = append(all, log)
		}
	}
	return all
}
