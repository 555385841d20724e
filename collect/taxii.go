package collect

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/iochunt/iochunt/collect/otx"
	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/httpx"
	"github.com/iochunt/iochunt/internal/ioc"
)

func init() {
	register(Kind{Name: "taxii", Doc: "collections of any TAXII 1.0/1.1/2.0/2.1 server (STIX 1 and 2)", New: newTAXII})
}

// taxiiFirstWait is the wait before a request is tried again; tests shorten it.
var taxiiFirstWait = 500 * time.Millisecond

// taxiiReader is part of every report's revision: it grows when the readers
// find other things in the same content.
const taxiiReader = 1

// taxiiFeed collects one collection of a TAXII server.
//
// What it promises: once a run was complete, the store holds every content
// block (1.x) or object (2.x) that the server has labelled since the first
// run's look-back, in its newest version; of a DATA_SET, exactly what the
// server holds. A block or object that cannot be read is kept as refused and
// the rest is read. A run that could not get all says so (ErrSkipped), and its
// cursor stays before the first gap.
//
// What it cannot know: TAXII 1 has no word for "deleted" but in a DATA_SET, so
// what a publisher takes back stays until it expires (max_age). What a server
// puts in later under a label that is older than the newest one by more than the
// overlap is never asked for again, but by collect --full; so the overlap has to
// be longer than the server's delay. In TAXII 2 a name that an indicator got by
// a relationship stays when the relationship is revoked in a later run.
type taxiiFeed struct {
	feed  string
	set   taxiiSettings
	place taxiiPlace
	known Known
	now   func() time.Time
	how   string      // decides, beside the content, what a report holds
	conn  *taxii.Conn // tries again
	hasty *taxii.Conn // tries once
}

func newTAXII(o Options) (Collector, error) {
	f := &taxiiFeed{feed: o.Feed, set: newTAXIISettings(), known: o.Known, now: o.Now}
	if err := o.Decode(&f.set); err != nil {
		return nil, err
	}
	if f.now == nil {
		f.now = time.Now
	}
	var err error
	if f.place, err = f.set.check(); err == nil {
		err = f.connect(o.HTTP, o.Version)
	}
	if err != nil {
		return nil, fmt.Errorf("feed %s: %w", o.Feed, err)
	}
	f.how = fmt.Sprintf("%d/%v/%s", taxiiReader, f.set.Context, f.set.MaxAge)
	return f, nil
}

// connect makes the two connections. A client that was made for all feeds
// serves where the feed asks for nothing that concerns the connection alone.
func (f *taxiiFeed) connect(h *http.Client, version string) error {
	var err error
	if h == nil || f.set.ownClient() {
		if h, err = f.set.client(version); err != nil {
			return err
		}
	}
	o := taxii.Options{Base: f.place.base, HTTP: h, Policy: f.set.policy(4), Login: taxii.Login{
		Username: f.set.Username, Password: f.set.Password, JWT: f.set.JWT, Header: f.place.header}}
	if f.conn, err = taxii.New(o); err != nil {
		return err
	}
	o.Policy = f.set.policy(1)
	f.hasty, err = taxii.New(o)
	return err
}

// client makes the feed's own HTTP client.
func (s *taxiiSettings) client(version string) (*http.Client, error) {
	o := httpx.Options{Version: version, Proxy: s.Proxy, ClientKey: s.Key, KeyPassword: s.KeyPassword, CAFile: s.CA, Fingerprint: s.Fingerprint,
		Insecure: !s.Verify, Public: !s.Private, Header: s.Timeout}
	if s.Cert != "" {
		pem, err := os.ReadFile(s.Cert)
		if err != nil {
			return nil, fmt.Errorf("cert_file: %w", err)
		}
		o.ClientCert = string(pem)
	}
	return httpx.New(o)
}

// Collect implements Collector.
func (f *taxiiFeed) Collect(ctx context.Context, from ioc.Cursor) iter.Seq2[ioc.Batch, error] {
	return func(yield func(ioc.Batch, error) bool) {
		r, err := f.newRun(ctx, from, yield)
		switch {
		case err != nil:
		case f.set.two():
			err = (&taxii2Run{taxiiRun: r}).run()
		default:
			err = (&taxii1Run{taxiiRun: r}).run()
		}
		if err != nil && r != nil && ctx.Err() == nil && !errors.Is(err, errStopped) {
			err = cmp.Or(r.flush(), err) // what came stays
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(ioc.Batch{}, f.explain(err))
		}
	}
}

// explain says what mends an error of a client.
func (f *taxiiFeed) explain(err error) error {
	status, _ := errors.AsType[*httpx.StatusError](err)
	switch {
	case errors.Is(err, httpx.ErrClientCert):
		err = fmt.Errorf("%w; set cert_file and key_file", err)
	case httpx.Untrusted(err):
		err = fmt.Errorf("%w; if the certificate is right, set ca_file (who signed it) or fingerprint", err)
	case !f.set.two() && status != nil && status.Code == http.StatusMethodNotAllowed:
		err = fmt.Errorf("%w; if it is a TAXII 2 server, set version: \"2.1\"", err)
	case f.set.two() && errors.Is(err, taxii.ErrNotTAXII):
		err = fmt.Errorf("%w; if it is a TAXII 1 server, set version: \"1.1\"", err)
	}
	switch {
	case !errors.Is(err, taxii.ErrAuth) || errors.Is(err, ErrAuth):
		return err
	case strings.EqualFold(f.place.base.Hostname(), otx.PublicHost):
		return fmt.Errorf("%w: %w; OTX wants your key as the user name and an empty password: check OTX_API_KEY, or the file that username_file names", ErrAuth, err)
	case f.set.Username == "":
		return fmt.Errorf("%w: %w; no login is configured: set username_file and password_file, or jwt_auth, header_file, or cert_file with key_file", ErrAuth, err)
	}
	return fmt.Errorf("%w: %w; check username, password_file and what the account may read", ErrAuth, err)
}

// noCollection says how to find the names there are.
func (f *taxiiFeed) noCollection() error {
	return fmt.Errorf("collection is not set; %q lists what the server offers", "iochunt feeds check "+f.feed)
}

// taxiiCursor is the cursor's content.
type taxiiCursor struct {
	Version int                `json:"v"`
	Of      string             `json:"taxii"`              // what it is of: the protocol, the address and the collection
	From    time.Time          `json:"from,omitzero"`      // the first run's look-back
	Mark    time.Time          `json:"mark,omitzero"`      // 1.x: labels up to here have been read
	After   string             `json:"after,omitempty"`    // 2.x: the same, of the dates at which objects were added, as the server wrote it
	Names   []string           `json:"names,omitempty"`    // collections that the account had
	Newest  map[string]version `json:"versions,omitempty"` // of reports that have several versions behind the mark's overlap
}

// version tells which of two versions of a report is the newer one: by the
// time that the publisher gives, else by the server's label.
type version struct {
	Modified time.Time `json:"m,omitzero"`
	Label    time.Time `json:"l,omitzero"`
}

func (v version) compare(w version) int {
	if !v.Modified.IsZero() && !w.Modified.IsZero() && !v.Modified.Equal(w.Modified) {
		return v.Modified.Compare(w.Modified)
	}
	return v.Label.Compare(w.Label)
}

const taxiiCursorVersion = 1

// of says what a cursor of this feed belongs to.
func (f *taxiiFeed) of() string {
	u := cmp.Or(f.place.poll, f.place.discovery)
	return f.set.Version[:1] + " " + httpx.SafeURL(u) + " " + cmp.Or(f.set.Collection, f.set.Subscription)
}

// parse reads a cursor. One of another collection counts as none, and other
// says so.
func (f *taxiiFeed) parse(c ioc.Cursor) (cur taxiiCursor, other bool, err error) {
	fresh := taxiiCursor{Version: taxiiCursorVersion, Of: f.of()}
	if c == "" {
		return fresh, false, nil
	}
	if err := json.Unmarshal([]byte(c), &cur); err != nil || cur.Version != taxiiCursorVersion || cur.Of == "" {
		return cur, false, errors.New("the stored cursor is not one of a TAXII feed that this version can read; read the feed from its beginning with: iochunt collect --full " + f.feed)
	}
	if cur.Of != fresh.Of {
		return fresh, true, nil
	}
	return cur, false, nil
}

func (c *taxiiCursor) text() ioc.Cursor {
	b, err := json.Marshal(c) // maps come out sorted
	if err != nil {           // a year beyond 9999: start over rather than fail for ever
		return ""
	}
	return ioc.Cursor(b)
}

// lookback is where the first run begins; zero: at the beginning.
func (f *taxiiFeed) lookback() time.Time {
	if f.set.Lookback == 0 {
		return time.Time{}
	}
	return f.now().UTC().Add(-f.set.Lookback).Truncate(time.Second)
}

// collectionsAddress is the 1.x collection information service: the configured
// one, or beside the poll service, as nearly all servers have it.
func (p *taxiiPlace) collectionsAddress() (u *url.URL, guessed bool) {
	if p.collections != nil || p.poll == nil {
		return p.collections, false
	}
	path := strings.TrimSuffix(p.poll.Path, "/")
	head, ok := strings.CutSuffix(path, "/poll")
	if !ok {
		return nil, false
	}
	g := *p.poll
	g.Path, g.RawPath, g.RawQuery = head+"/collections"+p.poll.Path[len(path):], "", ""
	return &g, true
}
