package main

import (
	"context"
	"iter"
	"time"

	"github.com/iochunt/iochunt/collect"
	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
	"github.com/iochunt/iochunt/internal/store/elastic"
	"github.com/iochunt/iochunt/internal/store/local"
)

// database is a store as the verbs need it, embedded or in a cluster. It is put
// together of what each part of the program asks for, and is as long as what the
// verbs can do; storetest has the rules.
type database interface {
	collect.Store
	collect.Known
	hunt.Indicators
	feedKeeper
	armingKeeper
	hitKeeper
	runKeeper
	Close() error
}

var (
	_ database = (*local.Store)(nil)
	_ database = (*elastic.Store)(nil)
)

// feedKeeper keeps what feeds say, beside taking batches.
type feedKeeper interface {
	Generation(ctx context.Context) (uint64, error)
	List(ctx context.Context, f store.ListFilter) iter.Seq2[ioc.Indicator, error]
	Count(ctx context.Context, now time.Time) (store.Counts, error)
	Alive(ctx context.Context, now time.Time) (bool, error)
	Feeds(ctx context.Context) ([]store.FeedState, error)
	Refused(ctx context.Context, feed string) iter.Seq2[ioc.Refusal, error]
	Withdraw(ctx context.Context, feed string, os []ioc.Observable) (ioc.Changes, error)
	Forget(ctx context.Context, feed string) (ioc.Changes, error)
	ResetCursor(ctx context.Context, feed string) error
}

// armingKeeper keeps verdicts, and what they are derived from.
type armingKeeper interface {
	Judge(ctx context.Context, rules string, judge ioc.Judge) (store.Judged, error)
	ArmingState(ctx context.Context) (rules string, pending bool, err error)
	Arming(ctx context.Context, o ioc.Observable) (ioc.Arming, error)
	Armed(ctx context.Context) (uint64, error)
	Rearm(ctx context.Context, names []ioc.Type) error
	Decide(ctx context.Context, ds []ioc.Decision, judge ioc.Judge) error
	Decisions(ctx context.Context) iter.Seq2[ioc.Decision, error]
	Facts(ctx context.Context, o ioc.Observable) (ioc.Facts, error)
	Warninglists(ctx context.Context) iter.Seq2[ioc.Warninglist, error]
	ListStates(ctx context.Context) ([]store.ListState, error)
	Lock(ctx context.Context, name string) (release func(), err error)
	Note(ctx context.Context, key string) (string, error)
	PutNote(ctx context.Context, key, value string) error
}

// hitKeeper keeps hits, and what people say of them.
type hitKeeper interface {
	PutHits(ctx context.Context, hits []ioc.Hit) (added int, err error)
	Hits(ctx context.Context, f store.HitFilter) iter.Seq2[ioc.Hit, error]
	HitCount(ctx context.Context, o ioc.Observable) (int, error)
	DeleteHits(ctx context.Context, before time.Time) (int, error)
	MarkHits(ctx context.Context, f store.HitFilter, m ioc.Mark, judge ioc.Judge) (hits int, touched []ioc.Observable, err error)
	PreviewMark(ctx context.Context, f store.HitFilter, m ioc.Mark) (effects []store.MarkEffect, hits int, err error)
}

// runKeeper keeps the records of runs.
type runKeeper interface {
	PutRun(ctx context.Context, r store.Run) error
	Runs(ctx context.Context, f store.RunFilter) iter.Seq2[store.Run, error]
}
