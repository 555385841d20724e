package emit

import (
	"context"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/ioc"
)

func init() {
	register(Kind{"files-without", "the name of each log without a hit (-L)", newWithout})
}

// without writes, when it is closed, the names of the logs that were visited
// and had no hit, in the order of the visits.
type without struct {
	o    Options
	out  output
	logs visited
	hit  map[string]bool
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
func (s *without) Visit(log string) { s.logs.add(log) }

func (s *without) Close() error {
	for _, log := range s.logs.inOrder(nil) {
		if s.hit[log] {
			continue
		}
		s.out.name(s.o, log)
		s.out.afterName(s.o, '\n')
		s.out.spill()
	}
	return s.out.flush()
}
