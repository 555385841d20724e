package es

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// IndexStats is where the shards of an index stand.
type IndexStats struct {
	Name, UUID string
	Docs       int64        // live ones, as searches see them
	Shards     []ShardStats // the primaries, by number from 0, none missing
}

// ShardStats is where the primary of a shard stands. Every operation on a shard
// has a sequence number, from 0 on; those up to the local checkpoint have all been
// done, those up to the global one on all replicas too. -1: none yet.
type ShardStats struct {
	Shard                                       int
	MaxSeqNo, LocalCheckpoint, GlobalCheckpoint int64
	History                                     string // of the numbers: another one where the shard came from a snapshot or a stale copy, and gives numbers again
	Docs                                        int64
}

// Stats returns where the indices of a pattern stand, by their names. Closed
// indices are not among them, nor are those of other clusters, which cannot be
// asked. An index of which a primary shard does not answer is an error that wraps ErrPartial.
func (c *Client) Stats(ctx context.Context, index string) (map[string]IndexStats, error) {
	var x struct {
		Shards  shards `json:"_shards"`
		Indices map[string]struct {
			UUID      string
			Primaries struct{ Docs struct{ Count int64 } }
			Shards    map[string][]copyStats
		}
	}
	path := "/" + Escape(index) + "/_stats/docs"
	q := url.Values{"level": {"shards"}, "expand_wildcards": {"open,hidden"}, "filter_path": {
		"error,status,_shards,indices.*.uuid,indices.*.primaries.docs.count,indices.*.shards.*.routing.primary,indices.*.shards.*.seq_no,indices.*.shards.*.commit.user_data.history_uuid,indices.*.shards.*.docs.count"}}
	if err := c.Do(ctx, Request{Method: http.MethodGet, Path: path, Query: q}, &x); err != nil {
		return nil, err
	}
	if x.Shards.Failed > 0 {
		return nil, fmt.Errorf("elasticsearch: GET %s: %w: %d of %d shards failed: %s", path, ErrPartial, x.Shards.Failed, x.Shards.Total, firstFailure(x.Shards.Failures))
	}
	places := map[string]*Place{}
	if err := c.settings(ctx, index, places); err != nil {
		return nil, err
	}
	out := map[string]IndexStats{}
	for name, i := range x.Indices {
		s := IndexStats{Name: name, UUID: i.UUID, Docs: i.Primaries.Docs.Count, Shards: primaries(i.Shards)}
		if p := places[name]; p != nil && p.UUID == i.UUID && len(s.Shards) != p.Shards {
			return nil, fmt.Errorf("elasticsearch: GET %s: %w: %d of %d primary shards of %s answer", path, ErrPartial, len(s.Shards), p.Shards, name)
		}
		out[name] = s
	}
	for name, p := range places {
		if _, ok := out[name]; !ok && !p.Closed {
			return nil, fmt.Errorf("elasticsearch: GET %s: %w: no shard of %s answers", path, ErrPartial, name)
		}
	}
	return out, nil
}

// copyStats is one copy of a shard.
type copyStats struct {
	Routing struct{ Primary bool }
	SeqNo   struct {
		Max    int64 `json:"max_seq_no"`
		Local  int64 `json:"local_checkpoint"`
		Global int64 `json:"global_checkpoint"`
	} `json:"seq_no"`
	Docs   struct{ Count int64 }
	Commit struct {
		User struct {
			History string `json:"history_uuid"`
		} `json:"user_data"`
	}
}

// primaries picks the primary copies.
func primaries(in map[string][]copyStats) (out []ShardStats) {
	for key, copies := range in {
		n, err := strconv.Atoi(key)
		for _, k := range copies {
			if err == nil && k.Routing.Primary {
				out = append(out, ShardStats{Shard: n, MaxSeqNo: k.SeqNo.Max, LocalCheckpoint: k.SeqNo.Local, GlobalCheckpoint: k.SeqNo.Global, History: k.Commit.User.History, Docs: k.Docs.Count})
				break
			}
		}
	}
	slices.SortFunc(out, func(a, b ShardStats) int { return a.Shard - b.Shard })
	return out
}
