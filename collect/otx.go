package collect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/iochunt/iochunt/collect/otx"
	"github.com/iochunt/iochunt/internal/httpx"
	"github.com/iochunt/iochunt/internal/ioc"
)

func init() {
	register(Kind{Name: "otx", Doc: "pulses that an AlienVault OTX account is subscribed to", New: newOTX})
}

// otxSettings is what a feed of the kind otx can be told.
type otxSettings struct {
	URL      string        `mapstructure:"url"`
	Key      string        `mapstructure:"api_key"`  // from OTX_API_KEY or api_key_file
	Lookback time.Duration `mapstructure:"lookback"` // how far back the first run reads; 0: everything
	Limit    int           `mapstructure:"limit"`    // pulses a page
	Timeout  time.Duration `mapstructure:"timeout"`  // for one answer
}

// otxFeed collects the pulses of an account.
//
// What it promises: once a run was complete, the store holds every pulse that
// the account is subscribed to and that was modified since the first run's
// look-back, whole, and none that the service reported as deleted or no longer
// subscribed. A run that could not read all says so (ErrSkipped) and leaves
// the cursor where it was, so that the next run reads the same stretch again.
type otxFeed struct {
	feed     string
	client   *otx.Client
	known    Known
	now      func() time.Time
	lookback time.Duration
	limit    int
}

func newOTX(o Options) (Collector, error) {
	s := otxSettings{URL: otx.PublicURL, Lookback: 90 * 24 * time.Hour, Limit: 50, Timeout: 2 * time.Minute}
	if err := o.Decode(&s); err != nil {
		return nil, err
	}
	switch {
	case s.Key == "":
		return nil, fmt.Errorf("feed %s: %w: there is no key; set OTX_API_KEY, or api_key_file in the feed's settings (%s/api shows the key once one pulse is subscribed)",
			o.Feed, ErrAuth, otx.PublicURL)
	case s.Limit < 1 || s.Limit > 10_000:
		return nil, fmt.Errorf("feed %s: limit is %d; it must be from 1 to 10000", o.Feed, s.Limit)
	case s.Lookback < 0 || s.Timeout < 0:
		return nil, fmt.Errorf("feed %s: lookback and timeout must not be negative", o.Feed)
	}
	return newOTXFeed(o, s, httpx.Policy{Attempts: 4, First: 500 * time.Millisecond, Timeout: s.Timeout})
}

func newOTXFeed(o Options, s otxSettings, p httpx.Policy) (*otxFeed, error) {
	h, err := o.HTTP, error(nil)
	if h == nil {
		if h, err = httpx.New(httpx.Options{}); err != nil {
			return nil, fmt.Errorf("feed %s: %w", o.Feed, err)
		}
	}
	c, err := otx.New(s.URL, otx.Key(s.Key), h, p)
	if err != nil {
		return nil, fmt.Errorf("feed %s: %w", o.Feed, err)
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	return &otxFeed{feed: o.Feed, client: c, known: o.Known, now: now, lookback: s.Lookback, limit: s.Limit}, nil
}

// Check implements Checker.
func (f *otxFeed) Check(ctx context.Context) (string, error) {
	u, err := f.client.Me(ctx)
	if err != nil {
		return "", otxError(err)
	}
	if u.Username == "" {
		return "", errors.New("the server answered, but not as OTX does: it names no user; check the feed's url")
	}
	return "user " + u.Username, nil
}

// General asks the service what it says of one value; otxType is OTX's name of
// its type. It is the look-up power of this kind of feed.
func (f *otxFeed) General(ctx context.Context, otxType, value string) (otx.General, error) {
	g, err := f.client.General(ctx, otxType, value)
	return g, otxError(err)
}

// Collect implements Collector.
func (f *otxFeed) Collect(ctx context.Context, from ioc.Cursor) iter.Seq2[ioc.Batch, error] {
	return func(yield func(ioc.Batch, error) bool) {
		r, err := newOTXRun(ctx, f, from, yield)
		if err == nil {
			err = r.run()
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(ioc.Batch{}, otxError(err))
		}
	}
}

// otxError says what mends an error of the client.
func otxError(err error) error {
	if errors.Is(err, otx.ErrAuth) {
		return fmt.Errorf("%w: %w; check OTX_API_KEY, or the file that api_key_file names, against %s/api", ErrAuth, err, otx.PublicURL)
	}
	return err
}

// otxCursor is the cursor's content.
type otxCursor struct {
	Version int       `json:"v"`
	From    time.Time `json:"from,omitzero"`   // the look-back of the first run: older pulses were never asked for
	Floor   time.Time `json:"floor,omitzero"`  // newest modification seen in a complete run
	Events  time.Time `json:"events,omitzero"` // newest event dealt with
	Done    []string  `json:"done,omitempty"`  // ids of the events around it that were dealt with
}

const otxCursorVersion = 1

// parse reads a cursor; first says that there is none yet.
func (f *otxFeed) parse(c ioc.Cursor) (cur otxCursor, first bool, err error) {
	if c == "" {
		return otxCursor{Version: otxCursorVersion}, true, nil
	}
	if err := json.Unmarshal([]byte(c), &cur); err != nil || cur.Version != otxCursorVersion {
		return cur, false, errors.New("the stored cursor is not one of an OTX feed that this version can read; read the feed from its beginning with: iochunt collect --full " + f.feed)
	}
	return cur, cur.Floor.IsZero(), nil
}

func (c otxCursor) text() ioc.Cursor {
	b, err := json.Marshal(c)
	if err != nil { // a year beyond 9999: start over rather than fail for ever
		return ""
	}
	return ioc.Cursor(b)
}

// otxReport is a pulse without its indicators. One that does not say when it
// was modified has no revision, so that nobody takes it for known.
func otxReport(p *otx.Pulse) ioc.ReportList {
	revision := ""
	if !p.Modified.IsZero() {
		revision = p.Modified.UTC().Format(time.RFC3339Nano) + "|" + p.Revision
	}
	return ioc.ReportList{
		Report: ioc.Report{
			ID: p.ID, Name: p.Name, Author: p.Author, Description: p.Description, Adversary: p.Adversary, TLP: p.TLP,
			URL: otx.PublicURL + "/pulse/" + p.ID, Tags: p.Tags, References: p.References, Families: p.Families,
			Techniques: p.AttackIDs, Countries: p.Countries, Industries: p.Industries, Created: p.Created, Modified: p.Modified,
		},
		Revision: revision,
	}
}

// otxMember is one indicator as the pulse words it; the value is not touched.
func otxMember(report string, in *otx.Indicator) ioc.Member {
	t, ok := ioc.FromOTX(in.Type)
	if !ok {
		t = ioc.Type(strings.ToLower(in.Type))
	}
	return ioc.Member{
		Observable: ioc.Observable{Type: t, Value: in.Value},
		Claim: ioc.Claim{
			Declared: in.Type, Role: in.Role, Title: in.Title, Description: in.Description, Content: in.Content,
			Created: in.Created, Expires: in.Expires,
		},
		Report: report,
	}
}

func otxRefusal(report string, b otx.Bad) ioc.Refusal {
	value := b.Value
	if value == "" {
		value = b.ID
	}
	return ioc.Refusal{Report: report, Type: b.Type, Value: value, Reason: b.Reason}
}

// otxNotFound reports whether the server says that there is no such thing.
func otxNotFound(err error) bool {
	var s *httpx.StatusError
	return errors.As(err, &s) && s.Code == http.StatusNotFound
}
