package emit

import (
	"context"
	"hash/maphash"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/ioc"
)

func init() {
	register(Kind{"json", "one JSON object a line, as docs/output.md has it", newJSON})
}

// jsonLines writes each hit as one line of JSON.
type jsonLines struct {
	out    output
	claims [rememberedClaims]encoded
	held   int // bytes in claims
}

// A log full of hits is full of the same few observables. What their feeds say
// is most of each line, so it is kept as it was written last.
const (
	rememberedClaims = 4096
	maxRemembered    = 8 << 10 // bytes; longer ones are not kept
	maxHeld          = 8 << 20 // bytes of all
)

// encoded is JSON of the indicators that begin at first.
type encoded struct {
	first *ioc.Indicator
	n     int
	json  []byte
}

func newJSON(o Options) (hunt.Sink, error) {
	return &jsonLines{out: output{w: o.Out}}, noSettings(o)
}

func (s *jsonLines) Emit(_ context.Context, hits []ioc.Hit) error {
	for i := range hits {
		s.out.b = appendHitHead(s.out.b, &hits[i])
		s.indicators(hits[i].Indicators, hits[i].Value)
		s.out.b = append(s.out.b, "}\n"...)
		s.out.spill()
	}
	return s.out.flush()
}

// indicators writes the claims of a hit, from memory if the hits share them.
func (s *jsonLines) indicators(is []ioc.Indicator, value string) {
	if len(is) == 0 {
		s.out.b = appendIndicators(s.out.b, is)
		return
	}
	e := &s.claims[maphash.String(claimsSeed, value)%rememberedClaims]
	if e.first == &is[0] && e.n == len(is) {
		s.out.b = append(s.out.b, e.json...)
		return
	}
	from := len(s.out.b)
	s.out.b = appendIndicators(s.out.b, is)
	json := s.out.b[from:]
	if more := max(0, len(json)-cap(e.json)); len(json) <= maxRemembered && s.held+more <= maxHeld {
		s.held += more
		e.first, e.n, e.json = &is[0], len(is), append(e.json[:0], json...)
	}
}

var claimsSeed = maphash.MakeSeed()

func (s *jsonLines) Close() error { return s.out.flush() }

// AppendHit appends a hit as the JSON object of docs/output.md, without a line
// end.
func AppendHit(dst []byte, h *ioc.Hit) []byte {
	return append(appendIndicators(appendHitHead(dst, h), h.Indicators), '}')
}

// appendHitHead appends a hit but for what its key "indicators" holds.
func appendHitHead(dst []byte, h *ioc.Hit) []byte {
	o := object{append(dst, `{"kind":"hit"`...)}
	o.must("id", h.ID)
	o.must("type", string(h.Type))
	o.must("value", h.Value)
	o.bytes("matched", h.Matched)
	o.must("rule", h.Rule)
	o.where(&h.Where)
	o.time("time", h.Time)
	o.text("time_source", h.TimeSource)
	o.flag("before_first_seen", h.BeforeFirstSeen)
	o.time("occurred", h.Occurred)
	o.text("format", h.Format)
	o.text("direction", h.Direction)
	o.text("outcome", h.Outcome)
	o.number("start", int64(h.Start))
	o.number("end", int64(h.End))
	o.record(h.Record)
	if h.Clipped {
		o.flag("record_clipped", true)
	}
	o.worth(h)
	o.key("indicators")
	return o.b
}

func appendIndicators(dst []byte, is []ioc.Indicator) []byte {
	dst = append(dst, '[')
	for i := range is {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendIndicator(dst, &is[i])
	}
	return append(dst, ']')
}

func (o *object) where(w *ioc.Where) {
	o.text("host", w.Host)
	if w.Index != "" {
		o.must("index", w.Index)
		o.must("doc_id", w.DocID)
	} else {
		o.bytes("path", w.Path)
		if w.Line > 0 {
			o.number("line", w.Line)
		}
		o.number("offset", w.Offset)
	}
	o.text("field", w.Field)
}

// appendIndicator writes what encoding/json would make of an ioc.Indicator; a
// test holds the two together.
func appendIndicator(dst []byte, i *ioc.Indicator) []byte {
	o := object{append(dst, '{')}
	o.must("type", string(i.Type))
	o.must("value", i.Value)
	o.must("feed", i.Feed)
	o.text("provider", i.Provider)
	o.key("reports")
	o.b = append(o.b, '[')
	for k := range i.Reports {
		if k > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendMention(o.b, &i.Reports[k])
	}
	o.b = append(o.b, ']')
	o.texts("tags", i.Tags)
	o.text("tlp", i.TLP)
	o.count("confidence", uint64(i.Confidence))
	o.time("first_seen", i.FirstSeen)
	o.time("last_seen", i.LastSeen)
	o.time("modified_at", i.ModifiedAt)
	o.time("valid_until", i.ValidUntil)
	o.count("armed_seq", i.ArmedSeq)
	return append(o.b, '}')
}

func appendMention(dst []byte, m *ioc.Mention) []byte {
	o := object{append(dst, '{')}
	r, c := &m.Report, &m.Claim
	o.must("id", r.ID)
	o.text("name", r.Name)
	o.text("author", r.Author)
	o.text("description", r.Description)
	o.text("adversary", r.Adversary)
	o.text("tlp", r.TLP)
	o.text("url", r.URL)
	o.texts("tags", r.Tags)
	o.texts("references", r.References)
	o.texts("malware_families", r.Families)
	o.texts("attack_ids", r.Techniques)
	o.texts("targeted_countries", r.Countries)
	o.texts("industries", r.Industries)
	o.time("created", r.Created)
	o.time("modified", r.Modified)
	o.text("declared", c.Declared)
	o.text("original", c.Original)
	o.text("role", c.Role)
	o.text("title", c.Title)
	o.text("indicator_description", c.Description)
	o.text("content", c.Content)
	o.count("confidence", uint64(c.Confidence))
	o.time("added", c.Created)
	o.time("expires", c.Expires)
	return append(o.b, '}')
}
