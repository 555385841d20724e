package es

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestBulkWholeRequest is about answers to the request, not to its items.
func TestBulkWholeRequest(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer func(n int) (*http.Response, error) // nil: it is done
		check  func(*testing.T, *fakeCluster, *tally, BulkStats, error)
	}{
		{"Retry-After", func(n int) (*http.Response, error) {
			if n == 0 {
				return refusal(429, "circuit_breaking_exception", "Retry-After", "17"), nil
			}
			return nil, nil
		}, func(t *testing.T, f *fakeCluster, _ *tally, st BulkStats, err error) {
			if wait := f.at[1].Sub(f.at[0]); err != nil || wait != 17*time.Second || st.Indexed != 10 || st.Retried != 10 {
				t.Error(wait, st, err)
			}
		}},
		{"Retry-After of a day", func(n int) (*http.Response, error) {
			if n == 0 {
				return refusal(503, "x", "Retry-After", "86400"), nil
			}
			return nil, nil
		}, func(t *testing.T, f *fakeCluster, _ *tally, st BulkStats, err error) {
			if wait := f.at[1].Sub(f.at[0]); err != nil || wait != maxAsked || st.Indexed != 10 {
				t.Error(wait, st, err)
			}
		}},
		{"never there", func(int) (*http.Response, error) { return nil, errLost },
			func(t *testing.T, f *fakeCluster, ta *tally, _ BulkStats, err error) {
				if err == nil || !strings.Contains(err.Error(), "no item was taken for 2m0s") || len(ta.done)+len(ta.dead) != 0 {
					t.Error(err, ta)
				}
				if f.requests < 5 || f.requests > 20 {
					t.Errorf("%d tries in two minutes", f.requests)
				}
			}},
		{"401", func(int) (*http.Response, error) { return refusal(401, "security_exception"), nil },
			func(t *testing.T, f *fakeCluster, ta *tally, _ BulkStats, err error) {
				if !IsStatus(err, 401) || f.requests != 1 || len(ta.done)+len(ta.dead) != 0 {
					t.Error(err, f.requests, ta)
				}
			}},
		{"403", func(int) (*http.Response, error) { return refusal(403, "security_exception"), nil },
			func(t *testing.T, f *fakeCluster, ta *tally, _ BulkStats, err error) {
				if !IsStatus(err, 403) || f.requests != 1 || len(ta.done)+len(ta.dead) != 0 {
					t.Error(err, f.requests, ta)
				}
			}},
		{"a redirect", func(int) (*http.Response, error) { return answer(302, nil, "Location", "http://elsewhere.test/"), nil },
			func(t *testing.T, f *fakeCluster, ta *tally, _ BulkStats, err error) {
				if !IsStatus(err, 302) || f.requests != 1 || len(ta.done)+len(ta.dead) != 0 {
					t.Error(err, f.requests, ta)
				}
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.before = func(n int, _ *http.Request, _ [][]byte) (*http.Response, error) { return tc.answer(n) }
				var ta tally
				b := f.client().NewBulk(t.Context(), ta.options())
				for i := range 10 {
					addAll(t, b, []Item{doc(fmt.Sprint(i), 1)})
				}
				st, err := b.Close()
				tc.check(t, f, &ta, st, err)
			})
		})
	}
}

// TestBulkItemsThatBlock is about an index that takes no writes: nothing is dead.
func TestBulkItemsThatBlock(t *testing.T) {
	for _, tc := range []struct {
		status int
		kind   string
	}{{403, "cluster_block_exception"}, {400, "index_closed_exception"}, {429, "cluster_block_exception"}} {
		for _, mended := range []bool{true, false} {
			t.Run(fmt.Sprint(tc, mended), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFake()
					start := time.Now()
					f.item = func(string, []byte) (int, string) {
						if mended && time.Since(start) > time.Minute {
							return 0, ""
						}
						return tc.status, tc.kind
					}
					var ta tally
					b := f.client().NewBulk(t.Context(), ta.options())
					addAll(t, b, []Item{doc("a", 1), doc("b", 1)})
					st, err := b.Close()
					if len(ta.dead) > 0 || mended != (err == nil) || mended != (st.Indexed == 2) || !mended && !IsStatus(err, tc.status) {
						t.Error(st, err, ta)
					}
				})
			})
		}
	}
}

// TestBulkItemsThatEnd is about items by which the writer ends, none dead.
func TestBulkItemsThatEnd(t *testing.T) {
	for _, tc := range []struct {
		status int
		alias  bool
	}{{401, false}, {403, false}, {404, true}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.item = func(string, []byte) (int, string) { return tc.status, "some_exception" }
			var ta tally
			o := ta.options()
			o.RequireAlias = tc.alias
			b := f.client().NewBulk(t.Context(), o)
			addAll(t, b, []Item{doc("a", 1)})
			if _, err := b.Close(); !IsStatus(err, tc.status) || len(ta.dead)+len(ta.done) > 0 {
				t.Error(err, ta)
			}
			if asked := strings.Contains(f.query[0], "require_alias=true"); asked != tc.alias {
				t.Error(f.query)
			}
		})
	}
}

func TestBulkConflicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.item = func(id string, _ []byte) (int, string) {
			if id == "stale" || id == "update" && f.requests < 3 {
				return 409, "version_conflict_engine_exception"
			}
			return 0, ""
		}
		var ta tally
		b := f.client().NewBulk(t.Context(), ta.options())
		stale, update := doc("stale", 1), doc("update", 1)
		stale.IfSeqNo, stale.IfTerm, stale.Tag = 0, 1, "tag"
		update.Op = Update
		addAll(t, b, []Item{stale, update})
		st, err := b.Close()
		if err != nil || st.Conflicts != 1 || st.Indexed != 1 || ta.conflicts["stale"] != 1 || ta.done["update"] != 1 || st.Retried != 2 {
			t.Error(st, err, ta)
		}
	})
}

// TestBulkSpoiltItem is about one item for which the server refuses the whole
// request, as Elasticsearch does for an update that is no JSON.
func TestBulkSpoiltItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.before = func(_ int, _ *http.Request, lines [][]byte) (*http.Response, error) {
			if bytes.Contains(bytes.Join(lines, nil), []byte("spoilt")) {
				return refusal(400, "x_content_parse_exception"), nil
			}
			return nil, nil
		}
		var ta tally
		b := f.client().NewBulk(t.Context(), ta.options())
		for i := range 50 {
			addAll(t, b, []Item{doc(fmt.Sprint(i), 1)})
		}
		addAll(t, b, []Item{{Op: Update, ID: "bad", Body: []byte("spoilt")}})
		st, err := b.Close()
		if err != nil || st.Indexed != 50 || st.Dead != 1 || ta.dead["bad"] != 1 {
			t.Error(st, err, ta.dead)
		}
		if o := ta.outcomes[len(ta.outcomes)-1]; f.requests > 15 || o.ID != "bad" && ta.dead["bad"] != 1 {
			t.Error(f.requests, o)
		}
	})
}

// TestBulkContextEnds is about a server that hangs while everybody else wants to go.
func TestBulkContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.before = func(_ int, r *http.Request, _ [][]byte) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		ctx, cancel := context.WithCancel(t.Context())
		b := f.client().NewBulk(ctx, BulkOptions{Index: "i", MaxBytes: 1000})
		failed := make(chan error)
		go func() {
			for i := 0; ; i++ {
				if err := b.Add(doc(fmt.Sprint(i), 100)); err != nil {
					failed <- err
					return
				}
			}
		}()
		synctest.Wait()
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if _, err := b.Close(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := b.Add(doc("z", 1)); err == nil {
			t.Error("a closed writer takes an item")
		}
	})
}

// TestBulkLines is about what is sent: no item can become two.
func TestBulkLines(t *testing.T) {
	for _, tc := range []struct {
		it   Item
		want string
	}{
		{Item{ID: "a", Body: []byte("{\n\"x\":1\n}")}, "{\"index\":{\"_id\":\"a\"}}\n{ \"x\":1 }\n"},
		{Item{Op: Delete, ID: "a\"}}\n{", Index: "i"}, "{\"delete\":{\"_id\":\"a\\\"}}\\n{\",\"_index\":\"i\"}}\n"},
		{Item{Op: Create, ID: "ä", Body: []byte("{}"), IfSeqNo: 7, IfTerm: 2}, "{\"create\":{\"_id\":\"ä\",\"if_seq_no\":7,\"if_primary_term\":2}}\n{}\n"},
	} {
		if got := string(tc.it.appendTo(nil)); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
	f := newFake()
	b := f.client().NewBulk(t.Context(), BulkOptions{})
	for _, it := range []Item{{ID: "a"}, {Index: "i"}, {Index: "i", ID: "a", Op: 9}} {
		if b.Add(it) == nil {
			t.Errorf("%+v was taken", it)
		}
	}
	if st, err := b.Close(); err != nil || st.Requests != 0 {
		t.Error(st, err)
	}
}

func TestBulkDeadWithoutKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.item = func(id string, _ []byte) (int, string) { return poison(id) }
		b := f.client().NewBulk(t.Context(), BulkOptions{Index: "i"})
		addAll(t, b, []Item{doc("13", 1)})
		if _, err := b.Close(); !IsStatus(err, 400) || !strings.Contains(err.Error(), "spoon_is_bent") {
			t.Error(err)
		}
	})
}
