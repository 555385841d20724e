package emit

import (
	"context"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/ioc"
)

func init() {
	register(Kind{"files", "the name of each log with a hit, once (-l)", newFiles})
}

// files writes the name of a log when its first hit comes.
type files struct {
	o    Options
	out  output
	seen map[string]bool
}

func newFiles(o Options) (hunt.Sink, error) {
	return &files{o: o, out: output{w: o.Out}, seen: make(map[string]bool)}, noSettings(o)
}

func (s *files) Emit(_ context.Context, hits []ioc.Hit) error {
	for i := range hits {
		log := logName(&hits[i])
		if s.seen[log] {
			continue
		}
		s.seen[log] = true
		s.out.name(s.o, log)
		s.out.afterName(s.o, '\n')
	}
	return s.out.flush()
}

func (s *files) Close() error { return s.out.flush() }
