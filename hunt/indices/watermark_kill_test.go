package indices

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store/elastic"
)

const (
	killEnv     = "IOCHUNT_TEST_HUNTER" // "url flavor prefix armed", for a child
	killIndices = 5
	killEvil    = 40 // indicators
	killLease   = 300 * time.Millisecond
)

// kept is a sink whose hits are documents, in the index when Flush returns.
type kept struct {
	b func() *es.Bulk
	*es.Bulk
}

func newKept(ctx context.Context, c *es.Client, index string) *kept {
	k := &kept{b: func() *es.Bulk { return c.NewBulk(ctx, es.BulkOptions{Index: index}) }}
	k.Bulk = k.b()
	return k
}

func (k *kept) Close() error { return nil }
func (k *kept) Emit(_ context.Context, hits []ioc.Hit) error {
	for _, h := range hits {
		body, err := json.Marshal(es.M{"found": h.Where.Index + "/" + h.Where.DocID + " " + h.Value})
		if err == nil {
			err = k.Add(es.Item{Op: es.Create, ID: h.ID, Body: body})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *kept) Flush(context.Context) error {
	_, err := k.Bulk.Close()
	k.Bulk = k.b()
	return err
}

func killSource(prefix string) Source {
	return Source{Name: "logs", Indices: []string{prefix + "logs-*"}, Fields: watchFields}
}

func killArsenal(t testing.TB, armed int) hunt.Arsenal {
	var all []ioc.Observable
	for i := range armed {
		all = append(all, domain(fmt.Sprintf("evil-%d.example", i)))
	}
	return arsenalOf(t, all)
}

// killHunt is one run of a hunter.
func killHunt(ctx context.Context, t testing.TB, c *es.Client, prefix string, armed int) (hunt.QuerySummary, error) {
	ledger, err := elastic.Open(ctx, c, elastic.Options{Prefix: prefix})
	if err != nil {
		return hunt.QuerySummary{}, err
	}
	return hunt.Query(ctx, New(c, Options{}).Watch(killSource(prefix)), killArsenal(t, armed), newKept(ctx, c, prefix+"found"),
		hunt.QueryOptions{Name: "logs", Ledger: ledger, Lease: killLease, Workers: 1})
}

// TestHunterChild is a hunter in a process of its own, to be killed.
func TestHunterChild(t *testing.T) {
	args := strings.Fields(os.Getenv(killEnv))
	if len(args) != 4 {
		t.Skip("it is a child of TestKillHunters")
	}
	armed, _ := strconv.Atoi(args[3])
	sum, err := killHunt(t.Context(), t, estest.Node{URL: args[0], Flavor: args[1]}.Client(t), args[2], armed)
	if err != nil && !errors.Is(err, hunt.ErrBehind) || len(sum.Incomplete) > 0 {
		t.Fatalf("%v %v", err, sum.Incomplete)
	}
}

// TestKillHunters kills hunters, two at a time, at random moments, while events
// and indicators are added. In the end the hits are those planted, and no other.
func TestKillHunters(t *testing.T) {
	rounds := 4
	if n, err := strconv.Atoi(os.Getenv("IOCHUNT_KILLS")); err == nil {
		rounds = n
	}
	estest.Each(t, func(t *testing.T, n estest.Node) { testKillHunters(t, n, rounds) })
}

func testKillHunters(t *testing.T, n estest.Node, rounds int) {
	l := newLab(t, n)
	planted := map[string]int{} // to the indicator
	var names []string
	for i := range killIndices {
		names = append(names, l.index(fmt.Sprint(i), 1+i%2))
	}
	createIndex(t, n, l.prefix+"found", `{"settings":{"number_of_replicas":0},"mappings":{"properties":{"found":{"type":"keyword"}}}}`)
	plant := func(round int) {
		for _, x := range names {
			b := l.c.NewBulk(t.Context(), es.BulkOptions{Index: x})
			for k := range 60 {
				id, name := fmt.Sprintf("%s-%d-%d", x[len(x)-1:], round, k), fmt.Sprintf("good-%d.example", rand.IntN(1e6))
				if k%10 == 0 {
					evil := rand.IntN(killEvil)
					name = fmt.Sprintf("evil-%d.example", evil)
					planted[x+"/"+id+" "+name] = evil
				}
				if err := b.Add(es.Item{Op: es.Index, ID: id, Body: []byte(dns(recent, recent, name))}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := b.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	armed, killed := 1, 0
	for round := 0; killed < rounds && round < 10*rounds; round++ {
		plant(round)
		armed = min(armed+1+rand.IntN(3), killEvil)
		killed += killTwo(t, n, l.prefix, armed)
	}
	t.Logf("%d hunters were killed", killed)
	for _, want := range []bool{true, false} {
		sum, err := killHunt(t.Context(), t, l.c, l.prefix, killEvil)
		if err != nil || len(sum.Incomplete) > 0 || !want && sum.Hits > 0 {
			t.Fatalf("%v %v, %d hits", err, sum.Incomplete, sum.Hits)
		}
	}
	if err := l.c.Refresh(t.Context(), l.prefix+"found"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for r, err := range l.c.Pages(t.Context(), l.prefix+"found", "", es.M{}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range r.Hits.Hits {
			var d struct{ Found string }
			if err := json.Unmarshal(h.Source, &d); err != nil {
				t.Fatal(err)
			}
			got = append(got, d.Found)
		}
	}
	slices.Sort(got)
	if want := slices.Sorted(maps.Keys(planted)); !slices.Equal(got, want) {
		t.Errorf("%d hits, %d planted", len(got), len(want))
	}
}

// killTwo starts two hunters, and kills them at random moments. It returns how
// many were not done by then.
func killTwo(t *testing.T, n estest.Node, prefix string, armed int) (killed int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var children []*exec.Cmd
	for range 2 {
		c := exec.CommandContext(t.Context(), exe, "-test.run=^TestHunterChild$")
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s %d", killEnv, n.URL, n.Flavor, prefix, armed))
		c.Stdout, c.Stderr = new(strings.Builder), nil
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Duration(20+rand.IntN(400))*time.Millisecond, func() { _ = c.Process.Kill() })
		children = append(children, c)
	}
	for _, c := range children {
		err := c.Wait()
		if c.ProcessState.Exited() && err != nil {
			t.Errorf("a hunter ended badly: %v\n%s", err, c.Stdout)
		}
		if !c.ProcessState.Exited() {
			killed++
		}
	}
	return killed
}
