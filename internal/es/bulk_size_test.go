package es

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
)

// TestBulkTooBig is about a limit on the size of requests, by 413 and by a
// connection that ends while the body is sent.
func TestBulkTooBig(t *testing.T) {
	for _, cut := range []bool{false, true} {
		t.Run(fmt.Sprint("cut ", cut), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const limit = 300 << 10
				f := newFake()
				var ta tally
				b := newClient(Options{Flavor: Elasticsearch}, "http://cluster.test", tooBig{f, limit, cut}, nil).NewBulk(t.Context(), ta.options())
				for i := range 4000 {
					addAll(t, b, []Item{doc(fmt.Sprint(i), 2000)})
				}
				addAll(t, b, []Item{doc("whale", 2*limit)})
				st, err := b.Close()
				if err != nil || st.Indexed != 4000 || st.Dead != 1 || ta.dead["whale"] != 1 {
					t.Fatal(st, err, ta.dead)
				}
				if most := 4*8_500_000/limit + 60; st.Requests > most {
					t.Errorf("%d requests, at most %d expected", st.Requests, most)
				}
			})
		})
	}
}

// tooBig stands before a cluster and takes no bodies above a limit.
type tooBig struct {
	*fakeCluster
	limit int64
	cut   bool
}

func (f tooBig) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.ContentLength > f.limit {
		defer r.Body.Close()
		if !f.cut {
			return answer(413, nil), nil
		}
		_, _ = io.CopyN(io.Discard, r.Body, f.limit)
		return nil, errLost
	}
	return f.fakeCluster.RoundTrip(r)
}

// TestBulkShrinksAndGrows is about the size of batches under rejections.
func TestBulkShrinksAndGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.before = func(n int, _ *http.Request, _ [][]byte) (*http.Response, error) {
			if n < 6 {
				return refusal(429, "es_rejected_execution_exception"), nil
			}
			return nil, nil
		}
		var ta tally
		o := ta.options()
		o.Workers, o.MaxBytes = 1, 400_000
		b := f.client().NewBulk(t.Context(), o)
		least, last := o.MaxBytes, 0
		for i := 0; i < 1_000_000 && (least > o.MaxBytes/4 || last < o.MaxBytes); i++ { // until it has been both
			addAll(t, b, []Item{doc(fmt.Sprint(i), 400)})
			last = b.size.now()
			least = min(least, last)
		}
		if _, err := b.Close(); err != nil || least > o.MaxBytes/4 || last != o.MaxBytes {
			t.Errorf("least %d, in the end %d: %v", least, last, err)
		}
	})
}

// TestBulkMemory is the bound on what waits: Add blocks.
func TestBulkMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		open := make(chan struct{})
		f.before = func(_ int, r *http.Request, _ [][]byte) (*http.Response, error) {
			select {
			case <-open:
				return nil, nil
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}
		var ta tally
		o := ta.options()
		o.MaxBytes, o.Workers = 100_000, 3
		b := f.client().NewBulk(t.Context(), o)
		added, taken := 0, 0
		go func() {
			for i := range 5000 {
				it := doc(fmt.Sprint(i), 1000)
				added += it.size()
				if b.Add(it) != nil {
					return
				}
				taken++
			}
		}()
		synctest.Wait()
		if most := 4*o.MaxBytes + 2000; added > most || added < most/2 {
			t.Errorf("%d bytes are taken before Add waits, the bound is %d", added, most)
		}
		close(open)
		synctest.Wait()
		if st, err := b.Close(); err != nil || st.Indexed != 5000 || taken != 5000 {
			t.Error(st, err, taken)
		}
	})
}
