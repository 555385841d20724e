// Package elastic keeps indicators in Elasticsearch or OpenSearch: indicators in
// ioc_index, hits in ioc_hits, and all else (cursors, reports, decisions, runs,
// leases, coverage) in ioc_state. It passes the suite of all stores (storetest).
//
// # Documents
//
// A document of ioc_index is what one feed says of one observable, with the
// memberships that this is made of. What a report says of itself stands in
// ioc_state, once, and is joined when it is read. A withdrawn indicator stays as a
// tombstone, so that who syncs learns of it. Ids are hashes of what a document is
// about, so that to write twice is to write once.
//
// # Writing
//
// A cluster has no transactions. What keeps a batch and its cursor together is
// the order in which PutBatch writes, and that each step can be done again:
//
//  1. the lock: one writer at a time, on all hosts (a lease, see Lock);
//  2. the counters say that a number is taken, and not complete;
//  3. the documents of the batch's members, each only if it is still as it was
//     read (_seq_no), each observable once;
//  4. a refresh, and the documents that complete lists no longer name; those are
//     found by ioc.members, where each membership stands with the generation of
//     the list that it is of;
//  5. warninglists, refusals, and what the reports have come to;
//  6. a refresh, then the counters: the number is complete, and the generation
//     has grown if the set of what is hunted is another one;
//  7. the cursor.
//
// Whoever dies on the way leaves a part of the batch, under a number that is not
// complete, and the old cursor, so that the batch comes again. The next writer
// sees that a number is open, takes one of its own, and lets the generation grow
// for both. A list's generation is the number too, so that a part of it that was
// left by a dead writer is not taken for the list's when that is read again.
//
// # Reading
//
// A reader sees every document in its old form or its new one, and may see a part
// of a batch that is being written (Transactional). It misses nothing if it takes
// the number first: what is written later bears a greater one.
package elastic

import (
	"context"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/store"
)

// Names of the aliases, behind Options.Prefix.
const (
	indexName = "ioc_index"
	hitsName  = "ioc_hits"
	stateName = "ioc_state"
)

// Options changes what Open does.
type Options struct {
	Prefix   string           // before the names of all indices: for tests, and for several stores in one cluster
	ReadOnly bool             // nothing is written
	Now      func() time.Time // nil: time.Now
	Ages     store.Ages       // claims that end although they do not say so; nil: none
}

// Store is a store in a cluster. It is safe for concurrent use, by several
// processes on several hosts too.
type Store struct {
	c   *es.Client
	o   Options
	now func() time.Time
}

// Open opens the store of a cluster; its indices must be there (iochunt setup,
// or Ensure).
func Open(ctx context.Context, c *es.Client, o Options) (*Store, error) {
	s := &Store{c: c, o: o, now: o.Now}
	if s.now == nil {
		s.now = time.Now
	}
	return s, ctx.Err()
}

// Transactional is false: who reads while a batch is written may see a part of it.
func (s *Store) Transactional() bool { return false }

// Close releases the store.
func (s *Store) Close() error { return nil }

func (s *Store) index() string { return s.o.Prefix + indexName }
func (s *Store) hits() string  { return s.o.Prefix + hitsName }
func (s *Store) state() string { return s.o.Prefix + stateName }
