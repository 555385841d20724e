package emit

import (
	"context"
	"maps"
	"slices"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/ioc"
)

func init() {
	register(Kind{"files-without", "the name of each log without a hit (-L)", newWithout})
}

// without writes, when it is closed, the names of the logs that were visited
// and had no hit, sorted.
type without struct {
	o   Options
	out output
	hit map[string]bool
}

func newWithout(o Options) (hunt.Sink, error) {
	return &without{o: o, out: output{w: o.Out}, hit: make(map[string]bool)}, noSettings(o)
}

func (s *without) Emit(_ context.Context, hits []ioc.Hit) error {
	for i := range hits {
		s.hit[logName(&hits[i])] = true
	}
	return nil
}

// Visit makes log appear, unless it had a hit.
func (s *without) Visit(log string) {
	if !s.hit[log] {
		s.hit[log] = false
	}
}

func (s *without) Close() error {
	for _, log := range slices.Sorted(maps.Keys(s.hit)) {
		if s.hit[log] {
			continue
		}
		s.out.name(s.o, log)
		s.out.afterName(s.o, '\n')
		s.out.spill()
	}
	return s.out.flush()
}
