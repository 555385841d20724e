package es

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeCluster takes bulk requests without a network, so that tests can run it
// under testing/synctest.
type fakeCluster struct {
	mu       sync.Mutex
	docs     map[string]string // by id
	writes   map[string]int    // effects on a document: created, changed, deleted
	requests int
	sizes    []int // of the bodies
	at       []time.Time
	query    []string

	// before may answer in the place of the cluster; after may change or lose the
	// answer to a request that was done. nil: nothing of the kind.
	before func(n int, r *http.Request, lines [][]byte) (*http.Response, error)
	after  func(n int, reply []byte) ([]byte, error)
	item   func(id string, line []byte) (status int, kind string) // 0: done
}

func newFake() *fakeCluster { return &fakeCluster{docs: map[string]string{}, writes: map[string]int{}} }

func (f *fakeCluster) client() *Client {
	return newClient(Options{Flavor: Elasticsearch}, "http://cluster.test", f, nil)
}

var errLost = errors.New("connection reset by peer")

// RoundTrip implements http.RoundTripper.
func (f *fakeCluster) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(r.URL.Path, "/_bulk") {
		return answer(200, []byte(`{"version":{"number":"8.19.8"},"_shards":{}}`)), nil
	}
	f.mu.Lock()
	n := f.requests
	f.requests++
	f.sizes = append(f.sizes, len(body))
	f.at = append(f.at, time.Now())
	f.query = append(f.query, r.URL.RawQuery)
	f.mu.Unlock()
	lines := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
	if f.before != nil {
		if resp, err := f.before(n, r, lines); resp != nil || err != nil {
			return resp, err
		}
	}
	reply := f.apply(lines)
	if f.after != nil {
		if reply, err = f.after(n, reply); err != nil {
			if reply == nil {
				return nil, err
			}
			resp := answer(200, nil)
			resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(reply), broken{err}))
			return resp, nil
		}
	}
	return answer(200, reply), nil
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

func answer(status int, body []byte, header ...string) *http.Response {
	h := http.Header{asItWas: {"Elasticsearch"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
}

func refusal(status int, kind string, header ...string) *http.Response {
	return answer(status, fmt.Appendf(nil, `{"error":{"root_cause":[{"type":%q,"reason":"because"}],"type":%q,"reason":"because"},"status":%d}`, kind, kind, status), header...)
}

// apply does the operations as Elasticsearch does and returns its answer.
func (f *fakeCluster) apply(lines [][]byte) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	var items []string
	bad := false
	for i := 0; i < len(lines); i++ {
		var head map[string]struct {
			ID string `json:"_id"`
		}
		if err := json.Unmarshal(lines[i], &head); err != nil || len(head) != 1 {
			panic(fmt.Sprintf("line %d is no operation: %q", i, lines[i]))
		}
		for op, h := range head {
			line := lines[i]
			if op != "delete" {
				i++
				line = lines[i]
			}
			status, kind := f.do(op, h.ID, line)
			s := fmt.Sprintf(`{%q:{"status":%d}}`, op, status)
			if kind != "" {
				s = fmt.Sprintf(`{%q:{"status":%d,"error":{"type":%q,"reason":"a \"reason\" with } ] , in it"}}}`, op, status, kind)
			}
			bad = bad || kind != ""
			items = append(items, s)
		}
	}
	return fmt.Appendf(nil, `{"errors":%t,"items":[%s]}`, bad, strings.Join(items, ","))
}

func (f *fakeCluster) do(op, id string, line []byte) (int, string) {
	if f.item != nil {
		if status, kind := f.item(id, line); status != 0 {
			return status, kind
		}
	}
	old, there := f.docs[id]
	switch {
	case op == "create" && there:
		return 409, "version_conflict_engine_exception"
	case op == "delete" && !there:
		return 404, ""
	case op == "delete":
		delete(f.docs, id)
		f.writes[id]++
		return 200, ""
	}
	if f.docs[id] = string(line); old != string(line) || !there {
		f.writes[id]++
	}
	if there {
		return 200, ""
	}
	return 201, ""
}

// tally is what the callbacks were told.
type tally struct {
	done, dead, conflicts map[string]int
	outcomes              []Outcome
}

func (ta *tally) options() BulkOptions {
	ta.done, ta.dead, ta.conflicts = map[string]int{}, map[string]int{}, map[string]int{}
	return BulkOptions{
		Index:    "i",
		Done:     func(o Outcome) { ta.done[o.ID]++; ta.outcomes = append(ta.outcomes, o) },
		Conflict: func(o Outcome) { ta.conflicts[o.ID]++ },
		Dead: func(o Outcome) error {
			ta.dead[o.ID]++
			ta.outcomes = append(ta.outcomes, o)
			return nil
		},
	}
}

func doc(id string, size int) Item {
	return Item{ID: id, Body: fmt.Appendf(nil, `{"id":%q,"pad":%q}`, id, strings.Repeat("x", size))}
}

func addAll(t *testing.T, b *Bulk, items []Item) {
	t.Helper()
	for _, it := range items {
		if err := b.Add(it); err != nil {
			t.Fatal(err)
		}
	}
}

// seeded returns a source of chance whose seed is in the test's output.
func seeded(t *testing.T, seed uint64) *rand.Rand {
	t.Logf("seed %s", strconv.FormatUint(seed, 10))
	return rand.New(rand.NewPCG(seed, 0))
}
