// Package enrich holds the pure steps that an indicator passes on its way from
// a feed to the store. A step looks at one membership, may rewrite it, and may
// refuse it with a reason. Steps do no input or output and know no clock, so
// each is a table test; cmd puts them in order, because the order matters.
package enrich

import "github.com/iochunt/iochunt/internal/ioc"

// Reason says why a step refused a membership; "" means that it did not.
type Reason string

// Step rewrites or refuses one membership. Running a step twice must give what
// running it once gives.
type Step func(*ioc.Member) Reason

// Chain returns the step that runs the given ones in order and stops at the
// first refusal.
func Chain(steps ...Step) Step {
	return func(m *ioc.Member) Reason {
		for _, s := range steps {
			if r := s(m); r != "" {
				return r
			}
		}
		return ""
	}
}
