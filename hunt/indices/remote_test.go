package indices

import (
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/es/estest"
)

// cable is a line between two clusters that can be cut.
type cable struct {
	net.Listener
	to    string
	mu    sync.Mutex
	ends  []net.Conn
	isCut bool
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{Listener: l, to: to}
	t.Cleanup(func() { l.Close(); c.cut(true) })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			c.join(near)
		}
	}()
	return c
}

func (c *cable) join(near net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	far, err := net.Dial("tcp", c.to)
	if err != nil || c.isCut {
		near.Close()
		return
	}
	c.ends = append(c.ends, near, far)
	go func() { io.Copy(near, far); near.Close() }()
	go func() { io.Copy(far, near); far.Close() }()
}

func (c *cable) cut(yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = yes
	for _, e := range c.ends {
		if yes {
			e.Close()
		}
	}
}

// TestRemoteCluster hunts in another cluster, which IOCHUNT_ES_REMOTE_URL names, by
// way of the one at IOCHUNT_ES_URL. It makes the second known to the first, so both
// should be the test's own.
func TestRemoteCluster(t *testing.T) {
	far := estest.Node{URL: os.Getenv("IOCHUNT_ES_REMOTE_URL"), Flavor: es.Elasticsearch}
	near := estest.Node{URL: os.Getenv("IOCHUNT_ES_URL"), Flavor: es.Elasticsearch}
	if far.URL == "" || near.URL == "" {
		t.Skip("no IOCHUNT_ES_REMOTE_URL: run with scripts/with-servers es8 remote -- go test -run RemoteCluster ./hunt/indices")
	}
	for _, pattern := range []string{"NAME:PREFIXlogs-*", "NAM*:PREFIXlogs-*"} {
		for _, skip := range []string{"true", "false"} {
			t.Run(pattern+" "+skip, func(t *testing.T) { testRemote(t, near, far, pattern, skip) })
		}
	}
}

func testRemote(t *testing.T, near, far estest.Node, pattern, skip string) {
	l := newEvilLab(t, far)
	l.hunter = near.Client(t)
	l.ledger = openLedger(t, l.hunter, near.Prefix(t))
	var x struct {
		Nodes map[string]struct {
			Address string `json:"transport_address"`
		}
	}
	if err := l.c.Do(t.Context(), es.Request{Method: "GET", Path: "/_nodes/transport"}, &x); err != nil {
		t.Fatal(err)
	}
	var line *cable
	for _, n := range x.Nodes {
		line = newCable(t, n.Address)
	}
	name := strings.TrimSuffix(l.prefix, "-")
	settings := func(what string) {
		body := strings.ReplaceAll(strings.ReplaceAll(what, "NAME", name), "'", `"`)
		if err := l.hunter.Do(t.Context(), es.Request{Method: "PUT", Path: "/_cluster/settings", Body: []byte(body)}, nil); err != nil {
			t.Error(err)
		}
	}
	settings(`{'persistent':{'cluster.remote.NAME':{'mode':'proxy','proxy_socket_connections':2,'skip_unavailable':` + skip + `,'proxy_address':'` + line.Addr().String() + `'}}}`)
	defer settings(`{'persistent':{'cluster.remote.NAME':{'mode':null,'proxy_socket_connections':null,'skip_unavailable':null,'proxy_address':null}}}`)
	l.src.Indices = []string{strings.NewReplacer("NAME", name, "NAM", name[:len(name)-1], "PREFIX", l.prefix).Replace(pattern)}
	l.src.Settle = time.Hour

	a, b := l.index("a", 2), l.index("b", 1)
	put := func(index, id, doc string) { l.send("PUT /"+index+"/_doc/"+id+"?refresh=true", doc) }
	put(a, "1", dns(recent, recent, "evil-0.example"))
	put(b, "2", dns(recent, recent, "www.evil-1.example"))
	put(b, "3", `{"message":"no time, but evil[.]evil-0[.]example"}`)
	l.finds("all is new", "1 evil-0.example", "2 evil-1.example", "3 evil-0.example")
	l.finds("nothing is new")
	put(a, "4", dns("2026-11-20T20:00:00Z", "2026-11-20T20:00:00Z", "evil-1.example"))
	l.finds("a new event", "4 evil-1.example")
	put(a, "5", dns(old, old, "evil-1.example"))
	l.finds("a late event", "5 evil-1.example")

	put(a, "6", dns(old, old, "evil-0.example"))
	line.cut(true)
	if got, sum := l.ask(); len(sum.Incomplete) == 0 || len(got) > 0 {
		t.Errorf("a cluster that is down: %q %v", got, sum.Incomplete)
	}
	line.cut(false)
	var got []string
	for end := time.Now().Add(time.Minute); len(got) == 0 && time.Now().Before(end); { // until the clusters have found each other again
		got, _ = l.ask()
	}
	if !slices.Equal(got, []string{"5 evil-1.example", "6 evil-0.example"}) {
		t.Errorf("back again: %q", got)
	}
	l.finds("nothing is new")
	l.send("POST /"+b+"/_close", "")
	l.lacks("closed", "logs-b", "closed")
}
