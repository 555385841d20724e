package hunt

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
)

// remembered observables per generation: a log full of hits is full of the same
// few, and the claims of some fill pages.
const remembered = 2048

// claims looks up what the feeds say of an observable and remembers it, in two
// generations, so that what is used stays. One lookup is done at a time.
type claims struct {
	set  sound
	from Indicators

	mu         sync.Mutex
	young, old map[uint32]*found
}

type found struct {
	id uint32
	ioc.Observable
	claims []ioc.Indicator
}

func (c *claims) of(ctx context.Context, id uint32) (*found, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.young[id]; ok {
		return f, nil
	}
	f, ok := c.old[id]
	if !ok {
		f = &found{id: id, Observable: c.set.Observable(id)}
		err := c.set.damage()
		if err != nil {
			return nil, err
		}
		if f.claims, err = c.from.Lookup(ctx, f.Observable); err != nil {
			return nil, fmt.Errorf("look up the claims about %s %q: %w", f.Type, f.Value, err)
		}
	}
	if c.young == nil || len(c.young) >= remembered {
		c.old, c.young = c.young, make(map[uint32]*found)
	}
	c.young[id] = f
	return f, nil
}

// validAt returns the claims that had not ended by t.
func validAt(all []ioc.Indicator, t time.Time) []ioc.Indicator {
	ended := func(i ioc.Indicator) bool { return !i.ValidAt(t) }
	if !slices.ContainsFunc(all, ended) {
		return slices.Clip(all)
	}
	return slices.DeleteFunc(slices.Clone(all), ended)
}

// olderThanAll reports whether t is before every claim; one that does not say
// since when it holds may have held then.
func olderThanAll(all []ioc.Indicator, t time.Time) bool {
	for i := range all {
		if !t.Before(all[i].FirstSeen) {
			return false
		}
	}
	return len(all) > 0
}

// armed reports whether one of the claims may raise a hit. A verdict is of the
// observable, so those of a store agree; a list given with -f or -e has none.
func armed(all []ioc.Indicator) bool {
	for i := range all {
		if all[i].Armed() {
			return true
		}
	}
	return false
}

// armingOf returns what is said for and against the observable: the first word
// among its claims.
func armingOf(all []ioc.Indicator) *ioc.Arming {
	for i := range all {
		if all[i].Arming != nil {
			return all[i].Arming
		}
	}
	return nil
}
