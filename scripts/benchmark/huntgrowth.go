package main

import (
	"context"
	"fmt"
	"slices"
)

// growth changes one thing at a time; the list is the longest one.
func (b *huntBench) growth(ctx context.Context) error {
	n := slices.Max(b.lists)
	usual := usualShape(b.events)
	few, many := usual, usual
	few.pools, many.pools, many.uniform = 100, 20_000, 100
	two, four := usual, usual
	two.shards, four.shards = 2, 4
	for _, g := range []struct {
		what string
		shape
	}{
		{short(b.events/10) + " events", usualShape(b.events / 10)}, {short(b.events) + " events", usual}, {short(b.events*5) + " events", usualShape(b.events * 5)},
		{"few values", few}, {"many values", many}, {"2 shards", two}, {"4 shards", four},
	} {
		if err := b.alone(ctx, g.what, g.shape, n); err != nil {
			return err
		}
	}
	return nil
}

// alone is our side alone against the events of a shape.
func (b *huntBench) alone(ctx context.Context, what string, s shape, n int) error {
	if err := b.haveEvents(ctx, s); err != nil {
		return err
	}
	ours, err := b.ours(s, n, n, 0)
	if err != nil {
		return err
	}
	return b.compare(ctx, fmt.Sprintf("%s indicators, %s", short(n), what), ours)
}
