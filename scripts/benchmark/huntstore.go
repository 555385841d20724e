package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/iochunt/iochunt/hunt/match"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
)

// storePrefix stands before the names of the store's indices.
const storePrefix = "bench-store-"

// changed is how many indicators change between two syncs.
const changed = 1000

// imports is the whole program reading a list into an empty store in the cluster.
func (b *huntBench) imports(ctx context.Context) error {
	n := b.lists[len(b.lists)-1]
	list, err := b.base.list(ctx, n)
	if err != nil {
		return err
	}
	if err := b.dropStore(ctx); err != nil {
		return err
	}
	if _, err := b.program(ctx, "bench", "setup"); err != nil {
		return err
	}
	m, err := b.program(ctx, "bench", "indicators", "import", "-q", list)
	if err != nil {
		return err
	}
	stored, err := b.stored(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "  %-34s %s  %.0f indicators/s  (less than %d MB cannot be told)\n", "indicators import of "+short(n), m, float64(n)/m.wall.Seconds(), floor()/1e6)
	b.tell("indicators import of "+short(n), m, stored, int64(n))
	return nil
}

// syncs is a scanning host that has the set file of the store, before and after
// 1,000 indicators more.
func (b *huntBench) syncs(ctx context.Context) error {
	had, err := b.stored(ctx)
	if err != nil || had == 0 {
		if err := b.imports(ctx); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(b.path("stores", "hunt-scanner")); err != nil {
		return err
	}
	first, err := b.program(ctx, "scanner", "indicators", "sync")
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "  %-34s %s\n", "sync of all", first)
	for i := range b.rounds {
		if err := b.syncOnce(ctx, uint64(time.Now().UnixNano())+uint64(i)); err != nil {
			return err
		}
	}
	return nil
}

// syncOnce imports new indicators on one host and syncs on the other.
func (b *huntBench) syncOnce(ctx context.Context, seed uint64) error {
	news, path := newIndicators(seed), b.path("out", "hunt-new.txt")
	var text []byte
	for _, o := range news {
		text = append(append(text, o.Value...), '\n')
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	imported, err := b.program(ctx, "bench", "indicators", "import", "-q", "--feed", fmt.Sprintf("new-%d", seed), path)
	if err != nil {
		return err
	}
	m, err := b.program(ctx, "scanner", "indicators", "sync")
	if err != nil {
		return err
	}
	found, err := b.inSet(filepath.Join(b.path("stores", "hunt-scanner"), "ioc_index.set"), news)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("sync of %d new ones", changed)
	fmt.Fprintf(b.out, "  %-34s %s  (their import: %.2f s)\n", what, m, imported.wall.Seconds())
	b.tell(what, m, int64(found), changed)
	return nil
}

// newIndicators are 1,000 that no store has yet.
func newIndicators(seed uint64) []ioc.Observable {
	news := make([]ioc.Observable, changed)
	for i := range news {
		news[i] = ioc.Observable{Type: ioc.SHA256, Value: hexOf(fmt.Sprint("new-", seed), i, 64)}
	}
	return news
}

// inSet counts which of some observables a set file holds.
func (b *huntBench) inSet(path string, all []ioc.Observable) (n int, err error) {
	set, err := match.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	for _, o := range all {
		n += min(len(set.Append(nil, []byte(o.Value))), 1)
	}
	return n, set.Err()
}

// program runs iochunt as one host sees the cluster.
func (b *huntBench) program(ctx context.Context, host string, args ...string) (measured, error) {
	dir, err := filepath.Abs(b.path("stores", "hunt-"+host, "."))
	if err != nil {
		return measured{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return measured{}, err
	}
	conf := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(conf, []byte(b.config()), 0o600); err != nil {
		return measured{}, err
	}
	return must(ctx, command{env: []string{"IOCHUNT_CONFIG=" + conf, "IOCHUNT_DATA_DIR=" + dir, "HOME=" + dir}, argv: append([]string{b.bin}, args...)})
}

func (b *huntBench) config() string {
	return fmt.Sprintf("elasticsearch: {addresses: [%q], flavor: %s, prefix: %q}\n", b.url, b.flavor, storePrefix)
}

// stored counts the indicators in the store, 0 where there is none.
func (b *huntBench) stored(ctx context.Context) (int64, error) {
	var x struct{ Count int64 }
	if err := b.send(ctx, http.MethodPost, "/"+storePrefix+"ioc_index*/_refresh", nil, nil); err != nil {
		return 0, err
	}
	q := es.M{"query": es.M{"term": es.M{"ioc.live": true}}}
	return x.Count, b.send(ctx, http.MethodPost, "/"+storePrefix+"ioc_index*/_count", q, &x)
}

// dropStore deletes the store's indices, and what the hosts have of it.
func (b *huntBench) dropStore(ctx context.Context) error {
	var all []struct{ Index string }
	q := url.Values{"format": {"json"}, "h": {"index"}}
	if err := b.client.Do(ctx, es.Request{Method: http.MethodGet, Path: "/_cat/indices/" + storePrefix + "*", Query: q}, &all); err != nil {
		return err
	}
	for _, x := range all {
		if err := b.drop(ctx, x.Index); err != nil {
			return err
		}
	}
	return errors.Join(os.RemoveAll(b.path("stores", "hunt-bench")), os.RemoveAll(b.path("stores", "hunt-scanner")))
}

// tell writes a line of the TSV, and notes where fewer are there than there
// should be, or more.
func (b *huntBench) tell(row string, m measured, found, want int64) {
	fmt.Fprintf(b.out, "    %d of %d there\n", found, want)
	fmt.Fprintf(b.tsv, "%s\tiochunt\t%s\t\t%d\t%d\t\t\t\t\t%d MB peak\n", row, seconds(m.wall), found, want, m.rss/1e6)
	if found != want {
		b.wrong = errors.Join(b.wrong, fmt.Errorf("%s: %d of %d are there", row, found, want))
	}
}
