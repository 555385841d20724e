package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/iochunt/iochunt/hunt/indices"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// harder hunts the hard set: once with the plans that the engine chooses, and
// once with each of them wherever it is possible.
func (b *huntBench) harder(ctx context.Context) error {
	has, err := b.mappingTypes(ctx)
	if err != nil {
		return err
	}
	h := newHardSet(b.hard, has)
	if err := b.haveHard(ctx, h); err != nil {
		return err
	}
	path, err := b.setFile("hard", hardList(10_000))
	if err != nil {
		return err
	}
	truth := h.truth()
	all := func(ioc.Observable) bool { return true }
	for _, plan := range []string{"", indices.PlanTerms, indices.PlanDistinct, indices.PlanScan} {
		s := &sweep{b: b, index: hardIndex, set: path, fields: h.fields(), force: plan, window: indices.Window{Whole: true, Events: int64(h.docs)}}
		ours := &side{name: "iochunt", rounds: 1, run: s.run, whole: true, judge: func(o *outcome) huntScore { return o.judge(truth, all) }}
		row := fmt.Sprintf("%d kinds, %s documents, plan: %s", len(h.kinds), short(h.docs), cmp.Or(plan, "its choice"))
		if err := b.compare(ctx, row, ours); err != nil {
			return err
		}
	}
	return nil
}

const hardIndex = "bench-hard"

// haveHard makes the index anew each time: it is small, and its documents are
// what is changed most.
func (b *huntBench) haveHard(ctx context.Context, h *hardSet) error {
	settings := es.M{"number_of_shards": 1, "number_of_replicas": 0,
		"analysis": es.M{"normalizer": es.M{"lowercase": es.M{"type": "custom", "filter": []string{"lowercase"}}}}}
	if err := b.drop(ctx, hardIndex); err != nil {
		return err
	}
	return b.have(ctx, hardIndex, h.docs, es.M{"settings": settings, "mappings": h.mapping()}, func() error { return b.load(ctx, hardIndex, h.documents) })
}

// mappingTypes asks the server which of the optional types it has, by making an
// index of each.
func (b *huntBench) mappingTypes(ctx context.Context) (map[string]bool, error) {
	has, probe := map[string]bool{}, "bench-probe"
	var not []string
	for _, kind := range optional {
		mapping := es.M{"properties": es.M{"a": es.M{"type": kind}}}
		if kind == "runtime" {
			mapping = es.M{"runtime": es.M{"a": es.M{"type": "keyword", "script": es.M{"source": "emit('x')"}}}}
		}
		err := b.send(ctx, http.MethodPut, "/"+probe, es.M{"mappings": mapping}, nil)
		switch has[kind] = err == nil; {
		case has[kind]:
			if err := b.drop(ctx, probe); err != nil {
				return nil, err
			}
		case es.IsStatus(err, http.StatusBadRequest):
			not = append(not, kind)
		default:
			return nil, err
		}
	}
	if len(not) > 0 {
		slices.Sort(not)
		fmt.Fprintf(b.out, "  this server has no fields of the types %s: they are left out\n", strings.Join(not, ", "))
	}
	return has, nil
}
