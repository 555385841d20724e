package elastic

import (
	"context"
	"encoding/json"
	"sync"
)

// Costs remembers from run to run what hunting cost: documents of the kind plan.
// It is for guesses only. What cannot be read is not known, and what cannot be
// written is forgotten, so that no hunt fails for it.
type Costs[C any] struct {
	s  *Store
	mu sync.Mutex
	in map[string]*costPage // by page
}

// costPage is one document: the costs of one index, or of the cluster.
type costPage struct {
	costs   map[string]json.RawMessage // by key
	changed bool
}

// NewCosts returns what s remembers, as the type that the hunt has for it.
func NewCosts[C any](s *Store) *Costs[C] { return &Costs[C]{s: s, in: make(map[string]*costPage)} }

const planKind = "plan"

// Load returns what Save last kept under key.
func (c *Costs[C]) Load(ctx context.Context, key string) (cost C, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	raw, ok := c.page(ctx, key).costs[key]
	return cost, ok && json.Unmarshal(raw, &cost) == nil
}

// Save keeps a cost until Flush writes it.
func (c *Costs[C]) Save(ctx context.Context, key string, cost C) {
	raw, err := json.Marshal(cost)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.page(ctx, key)
	p.costs[key], p.changed = raw, true
}

// page returns the page of a key, read once. The lock is held.
func (c *Costs[C]) page(ctx context.Context, key string) *costPage {
	name := pageOf(key)
	p := c.in[name]
	if p == nil {
		p = &costPage{}
		_, _, _ = c.s.getState(ctx, pageID(planKind, name), &p.costs)
		if p.costs == nil {
			p.costs = make(map[string]json.RawMessage)
		}
		c.in[name] = p
	}
	return p
}

// pageOf returns the page that a key stands on: "uuid" of "uuid/field".
func pageOf(key string) string {
	for i := range len(key) {
		if key[i] == '/' {
			return key[:i]
		}
	}
	return key
}

// Flush writes what has changed, one document an index. Of two hunters that
// measured at once the last one counts.
func (c *Costs[C]) Flush(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, p := range c.in {
		if !p.changed {
			continue
		}
		var now map[string]json.RawMessage
		at, _, err := c.s.getState(ctx, pageID(planKind, name), &now)
		if err != nil {
			continue
		}
		for k, v := range p.costs {
			if now == nil {
				now = make(map[string]json.RawMessage)
			}
			now[k] = v
		}
		d := stateDoc{Kind: planKind, Name: short(name), At: c.s.now().UTC()}
		if _, err := c.s.putState(ctx, pageID(planKind, name), d, now, at); err == nil {
			p.changed = false
		}
	}
}
