package store

import (
	"fmt"
	"slices"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Decided returns the observables that decisions are about, in their order; the
// error names a decision that nobody can have made.
func Decided(ds []ioc.Decision) ([]ioc.Observable, error) {
	os := make([]ioc.Observable, 0, len(ds))
	for i := range ds {
		if err := checkDecision(&ds[i]); err != nil {
			return nil, err
		}
		os = append(os, ds[i].Observable)
	}
	return os, nil
}

func checkDecision(d *ioc.Decision) error {
	switch {
	case d.Source == "":
		return fmt.Errorf("the decision about %s %q has no source", d.Type, d.Value)
	case d.Verdict != ioc.Arm && d.Verdict != ioc.Disarm && d.Verdict != "":
		return fmt.Errorf("the decision about %s %q has the verdict %q: it can be %q, %q or empty", d.Type, d.Value, d.Verdict, ioc.Arm, ioc.Disarm)
	}
	return nil
}

// MergeClaims returns the claims of a hit that was found before and is found
// again: those of now, and those of before that are not among them.
func MergeClaims(old, now []ioc.Indicator) []ioc.Indicator {
	merged := slices.Clone(now)
	for _, i := range old {
		if !slices.ContainsFunc(now, func(n ioc.Indicator) bool { return n.Feed == i.Feed && n.Observable == i.Observable }) {
			merged = append(merged, i)
		}
	}
	return merged
}
