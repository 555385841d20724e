package warninglist

import (
	"fmt"

	"github.com/iochunt/iochunt/internal/ioc"
)

// maxRefusals is how many refusals of one list are told one by one.
const maxRefusals = 1000

// refusals collects what cannot be used of one list. A list can be rubbish
// throughout, so that beyond a number they are only counted.
type refusals struct {
	report string
	told   []ioc.Refusal
	more   int
}

func (r *refusals) add(x ioc.Refusal) {
	if len(r.told) == maxRefusals {
		r.more++
		return
	}
	x.Report = r.report
	r.told = append(r.told, x)
}

// all returns the refusals; the last one says how many are not told.
func (r *refusals) all() []ioc.Refusal {
	if r.more == 0 {
		return r.told
	}
	return append(r.told, ioc.Refusal{Report: r.report, Value: fmt.Sprintf("%d more entries", r.more), Reason: "refused like those before"})
}
