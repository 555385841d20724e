package es

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// poison reports the ids that the made-up cluster refuses for good, by names of
// errors that nobody has heard of.
func poison(id string) (int, string) {
	switch {
	case strings.HasSuffix(id, "13"):
		return 400, "spoon_is_bent_exception"
	case strings.HasSuffix(id, "77"):
		return 422, "document_of_wednesday_exception"
	}
	return 0, ""
}

// chaos answers with all that can go wrong, by chance.
func chaos(r *rand.Rand, f *fakeCluster, limit int) {
	f.item = func(id string, _ []byte) (int, string) {
		if s, k := poison(id); s != 0 {
			return s, k
		}
		switch r.IntN(12) {
		case 0:
			return 429, "es_rejected_execution_exception"
		case 1:
			return 503, "unavailable_shards_exception"
		case 2:
			return 500, "never_heard_of_exception"
		}
		return 0, ""
	}
	f.before = func(_ int, req *http.Request, lines [][]byte) (*http.Response, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if n := int(req.ContentLength); n > limit {
			return refusal(413, "content_too_long"), nil
		}
		switch r.IntN(16) {
		case 0:
			return refusal(429, "circuit_breaking_exception", "Retry-After", fmt.Sprint(r.IntN(20))), nil
		case 1:
			return answer(502, []byte("<html>Bad Gateway</html>")), nil
		case 2:
			return refusal(503, "cluster_block_exception"), nil
		case 3:
			return nil, errLost
		}
		return nil, nil
	}
	f.after = func(_ int, reply []byte) ([]byte, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		switch r.IntN(16) {
		case 0:
			return nil, errLost
		case 1:
			return reply[:r.IntN(len(reply))], io.ErrUnexpectedEOF
		case 2:
			return reply[:r.IntN(len(reply))], nil
		case 3:
			return []byte("<html>Welcome to the hotel"), nil
		case 4: // short
			return bytes.Replace(reply, []byte(`"items":[{`), []byte(`"items":[],"x":[{`), 1), nil
		case 5: // long
			return bytes.Replace(reply, []byte(`"items":[`), []byte(`"items":[{"index":{"status":201}},`), 1), nil
		}
		return reply, nil
	}
}

// TestBulkLosesAndDoublesNothing runs random scripts: what was sent is in, or
// dead, once, whatever the cluster does.
func TestBulkLosesAndDoublesNothing(t *testing.T) {
	rounds := 150
	if testing.Short() {
		rounds = 30
	}
	first := rand.Uint64()
	for i := range rounds {
		r := seeded(t, first+uint64(i))
		synctest.Test(t, func(t *testing.T) { oneScript(t, r) })
		if t.Failed() {
			return
		}
	}
}

func oneScript(t *testing.T, r *rand.Rand) {
	f := newFake()
	chaos(r, f, 3000)
	var ta tally
	o := ta.options()
	o.MaxBytes, o.Workers, o.Patience = 500+r.IntN(8000), 1+r.IntN(4), time.Hour
	b := f.client().NewBulk(t.Context(), o)
	var items []Item
	for i := range 1 + r.IntN(200) {
		it := doc(fmt.Sprintf("doc%d", i), r.IntN(60))
		switch i % 4 {
		case 1:
			it.Op = Create
		case 3:
			it.Op, it.Body = Delete, nil
			f.docs[it.ID] = "old"
		}
		items = append(items, it)
	}
	huge := r.IntN(2)
	for i := range huge {
		items = append(items, doc(fmt.Sprintf("huge%d", i), 4000))
	}
	addAll(t, b, items)
	st, err := b.Close()
	if err != nil {
		t.Fatal(err)
	}
	if st.Added != len(items) || st.Indexed+st.Existed+st.Dead != len(items) || len(ta.conflicts) > 0 {
		t.Errorf("%d items: %+v", len(items), st)
	}
	for _, it := range items {
		status, _ := poison(it.ID)
		bad := status != 0 || strings.HasPrefix(it.ID, "huge")
		_, there := f.docs[it.ID]
		switch {
		case bad && (ta.dead[it.ID] != 1 || ta.done[it.ID] != 0 || f.writes[it.ID] != 0):
			t.Errorf("%s: dead %d times, done %d, written %d", it.ID, ta.dead[it.ID], ta.done[it.ID], f.writes[it.ID])
		case bad:
		case ta.done[it.ID] != 1 || ta.dead[it.ID] != 0 || f.writes[it.ID] != 1 || there == (it.Op == Delete):
			t.Errorf("%s: done %d times, dead %d, effects %d, there %t", it.ID, ta.done[it.ID], ta.dead[it.ID], f.writes[it.ID], there)
		}
	}
}

// TestBulkCutAnywhere cuts the answer at every byte, with and without an error.
func TestBulkCutAnywhere(t *testing.T) {
	for _, how := range []error{nil, io.ErrUnexpectedEOF} {
		for at := 0; ; at++ {
			whole := false
			synctest.Test(t, func(t *testing.T) { whole = cutAt(t, at, how) })
			if t.Failed() {
				t.Fatalf("cut at byte %d, error %v", at, how)
			}
			if whole {
				break
			}
		}
	}
}

func cutAt(t *testing.T, at int, how error) (whole bool) {
	f := newFake()
	f.item = func(id string, _ []byte) (int, string) { return poison(id) }
	f.after = func(n int, reply []byte) ([]byte, error) {
		if n > 0 {
			return reply, nil
		}
		if whole = at >= len(reply); whole {
			return reply, how
		}
		return reply[:at], how
	}
	var ta tally
	b := f.client().NewBulk(t.Context(), ta.options())
	items := []Item{doc("a", 1), {Op: Create, ID: "b", Body: []byte(`{}`)}, doc("c13", 1), {Op: Delete, ID: "d"}, doc("e", 1)}
	f.docs["d"] = "old"
	addAll(t, b, items)
	st, err := b.Close()
	if err != nil || st.Indexed+st.Existed != 4 || st.Dead != 1 || len(ta.done) != 4 || len(ta.dead) != 1 {
		t.Errorf("%+v %v, done %v, dead %v", st, err, ta.done, ta.dead)
	}
	for _, it := range items {
		if ta.done[it.ID]+ta.dead[it.ID] != 1 || f.writes[it.ID] > 1 {
			t.Errorf("%s: done %d, dead %d, effects %d", it.ID, ta.done[it.ID], ta.dead[it.ID], f.writes[it.ID])
		}
	}
	return whole
}
