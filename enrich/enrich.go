// Package enrich is what is done to an indicator between the feed that named it
// and the person who reads a hit on it. It is pure: no input or output, no clock;
// cmd hands in the lists, the facts of the store and the time.
//
// # Steps
//
// On its way to the store an indicator passes steps. A step looks at one
// membership, may rewrite it, and may refuse it with a reason. Each is a table
// test; cmd puts them in order, because the order matters.
//
// # Arming
//
// Feeds are full of what is no threat: the resolver that the malware asked, all of
// github.io, our own scanner. A hit on one of them is noise, and noise is why
// people stop reading hits. So it is decided before anything is matched which
// observables may raise hits. Rules hold what people and lists have to say; Judge
// asks them in the order of their strength and returns a verdict with its reason.
// The verdict belongs to the observable, whatever feed claims it, and is derived:
// the store keeps it to be fast, together with the rules' Fingerprint, and derives
// it anew when that changes. What is not armed is kept and shown, never dropped.
// Broad tells what would hit on nearly everything; package warninglist tells which
// lists hold a value.
//
// A claim also ends by itself: Lifetimes give an end to claims whose feed gives
// none.
//
// # Scores
//
// What is armed is still not all worth the same. Scoring computes from the claims
// how sure it is that an observable is bad (the score), and from the event how much
// a hit on it matters (the severity). Both are computed when they are read and are
// never stored over the facts, so that other weights give other answers at once.
// docs/scoring.md has the formulas; ExplainScore and ExplainSeverity tell each part.
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
