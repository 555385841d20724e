package elastic

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// document is a document of ioc_index: what one feed says of one observable, and
// where the observable stands. What is outside of IOC is made of that (derive),
// for those who read the index by ECS; the store itself reads IOC alone.
//
// A withdrawn indicator stays, as a tombstone: live is false, and nothing is said
// any more.
type document struct {
	id          string // docID
	seqNo, term int64  // as it was read; term 0: it is not in the index yet
	group       *group // of the batch that writes it
	renewed     bool   // a claim that ages was made anew

	Timestamp time.Time       `json:"@timestamp"`
	ECS       json.RawMessage `json:"ecs,omitempty"`
	Event     json.RawMessage `json:"event,omitempty"`
	Type      string          `json:"type,omitempty"`
	Value     string          `json:"value,omitempty"`
	Tags      []string        `json:"tags,omitempty"`
	Threat    json.RawMessage `json:"threat,omitempty"`
	IOC       indicator       `json:"ioc"`
}

// indicator is the part of a document that is ours.
//
// Disarmed, ArmingBy, Judged and Arming belong to the observable, not to the
// feed's claim: all documents of an observable (IOC.Key) have the same, those of
// withdrawn claims included, and a new one takes them from the others.
type indicator struct {
	Feed        string    `json:"feed"`  // safe
	Type        string    `json:"type"`  // safe
	Value       string    `json:"value"` // safe
	Key         string    `json:"key"`   // keyOf
	Range       string    `json:"range,omitempty"`
	Live        bool      `json:"live"`
	WithdrawnAt time.Time `json:"withdrawn_at,omitzero"`
	ValidUntil  time.Time `json:"valid_until,omitzero"` // the latest of the mentions; zero: never
	Huntable    bool      `json:"huntable"`
	Hunted      bool      `json:"hunted"`        // live, huntable and not disarmed: it stands in the set
	Seq         uint64    `json:"seq,omitempty"` // the counter when Hunted or ArmedSeq last changed
	ArmedSeq    uint64    `json:"armed_seq"`     // the counter when it last had to meet old events again

	Disarmed bool            `json:"disarmed,omitempty"`
	ArmingBy string          `json:"arming_by,omitempty"` // ioc.Arming.By
	Judged   string          `json:"judged,omitempty"`    // fingerprint of Arming; "" exactly where nothing is said
	Arming   json.RawMessage `json:"arming,omitempty"`    // pack of the ioc.Arming

	Reports  []string  `json:"reports,omitempty"` // short ids
	Members  []string  `json:"members,omitempty"` // memberOf
	Mentions []mention `json:"mentions,omitempty"`
}

// mention is a membership that is not withdrawn. What the report says of itself
// stands in ioc_state, once.
type mention struct {
	Report     string          `json:"report"` // safe
	Generation int64           `json:"gen"`
	Claim      json.RawMessage `json:"claim,omitempty"` // pack of the ioc.Claim; nil: it says nothing
}

// newDocument is a document that is not in the index yet.
func newDocument(feed string, o ioc.Observable) *document {
	d := &document{id: docID(feed, o)}
	d.IOC = indicator{Feed: safe(feed), Type: safe(string(o.Type)), Value: safe(o.Value), Key: keyOf(o), Huntable: o.Type.Huntable()}
	if p, err := netip.ParsePrefix(o.Value); err == nil && o.Type == ioc.CIDR {
		d.IOC.Range = p.String()
	}
	return d
}

// readDocument reads a document of an answer; its source has at least ioc.
func readDocument(h *es.Hit) (*document, error) {
	d := &document{id: h.ID, seqNo: h.SeqNo, term: h.PrimaryTerm}
	if err := json.Unmarshal(h.Source, d); err != nil {
		return nil, fmt.Errorf("the document %s of ioc_index is not one of iochunt's: %w", h.ID, err)
	}
	return d, nil
}

// observable returns what the document is about.
func (d *document) observable() ioc.Observable {
	return ioc.Observable{Type: ioc.Type(plain(d.IOC.Type)), Value: plain(d.IOC.Value)}
}

// arming returns the verdict of the observable, nil where nothing is said.
func (d *document) arming() (*ioc.Arming, error) {
	if len(d.IOC.Arming) == 0 {
		return nil, nil
	}
	a := new(ioc.Arming)
	return a, unpack(d.IOC.Arming, a)
}

// hunts sets whether the document stands in the set of what is hunted, from the
// rest of it, and reports whether that is another answer than before.
func (d *document) hunts() (changed bool) {
	was := d.IOC.Hunted
	d.IOC.Hunted = d.IOC.Live && d.IOC.Huntable && !d.IOC.Disarmed
	return was != d.IOC.Hunted
}

// item returns the write that stores the document in the place of what was read.
// It was read whole, or derive has made the rest of it.
func (d *document) item() (es.Item, error) {
	body, err := json.Marshal(d)
	it := es.Item{Op: es.Index, ID: d.id, Body: body, IfSeqNo: d.seqNo, IfTerm: d.term, Tag: d}
	if d.term == 0 {
		it.Op = es.Create
	}
	return it, err
}

// find returns the place of a report's mention, -1 for none.
func (d *document) find(report string) int {
	return slices.IndexFunc(d.IOC.Mentions, func(m mention) bool { return m.Report == report })
}

// settle brings what follows from the mentions up to date.
func (d *document) settle(now time.Time) error {
	i := &d.IOC
	was := i.Live
	i.Live, i.ValidUntil = len(i.Mentions) > 0, time.Time{}
	i.Reports, i.Members = nil, nil
	for k, m := range i.Mentions {
		c, err := m.claim()
		if err != nil {
			return err
		}
		if i.ValidUntil = store.Later(i.ValidUntil, c.Expires); k == 0 {
			i.ValidUntil = c.Expires
		}
		id := plain(m.Report)
		i.Reports = append(i.Reports, short(id))
		i.Members = append(i.Members, memberOf(id, m.Generation))
	}
	if i.Live {
		i.WithdrawnAt = time.Time{}
	} else if was {
		i.WithdrawnAt = now
	}
	return nil
}

func (m *mention) claim() (c ioc.Claim, err error) {
	if len(m.Claim) == 0 {
		return c, nil
	}
	return c, unpack(m.Claim, &c)
}

func packClaim(c ioc.Claim) (json.RawMessage, error) {
	if c == (ioc.Claim{}) {
		return nil, nil
	}
	return pack(c)
}
