package collect

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/iochunt/iochunt/collect/stix"
	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxii1"
	"github.com/iochunt/iochunt/internal/ioc"
)

// badBlock is the reason of a content block that is kept for people to look at.
const badBlock = "a content block that cannot be read as STIX"

// maxHeld is how many values of one content block are kept in memory; a longer
// one is read twice. The first reading is needed either way: it tells whether
// the block can be read at all, its digest, and what the reports are called,
// which STIX may say at the end.
const maxHeld = 20_000

// document is what the first reading of a content block found.
type document struct {
	digest  string
	keys    []string // of its reports, in the order in which they were met
	met     map[string]bool
	abouts  map[string]ioc.Report
	items   []stix.Item // all of its values, if there are no more than maxHeld
	values  int
	reports map[string]ioc.Report // by key; those that are to be handed over
}

var errEmptyBlock = errors.New("it holds no STIX package and nothing to take")

// survey reads a content block for the first time.
func (r *taxii1Run) survey(b *taxii1.Block) (*document, error) {
	d := &document{met: make(map[string]bool), abouts: make(map[string]ioc.Report), reports: make(map[string]ioc.Report)}
	sum := sha256.New()
	content := io.TeeReader(b.Content(), sum)
	if err := r.readSTIX(content, d.note); err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, content); err != nil { // what may stand behind the document is part of the digest
		return nil, err
	}
	if len(d.keys) == 0 {
		return nil, errEmptyBlock
	}
	d.digest = taxiiDigest(sum.Sum(nil))
	return d, nil
}

// readSTIX reads STIX 1 or 2, as the content shows: servers mislabel it.
func (r *taxii1Run) readSTIX(content io.Reader, emit stix.Emit) error {
	in := bufio.NewReaderSize(content, 64<<10)
	head, err := in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	o := stix.Options{Context: r.set.Context}
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if bytes.HasPrefix(head, []byte("{")) || bytes.HasPrefix(head, []byte("[")) {
		return stix.ReadJSON(in, o, emit)
	}
	return stix.ReadXML(in, o, emit)
}

// note takes what the first reading yields.
func (d *document) note(i *stix.Item) error {
	if !d.met[i.Report] {
		d.met[i.Report] = true
		d.keys = append(d.keys, i.Report)
	}
	if i.About != nil {
		d.abouts[i.Report] = *i.About
		return nil
	}
	if d.values++; d.values <= maxHeld {
		d.items = append(d.items, *i)
	} else {
		d.items = nil
	}
	return nil
}

// each yields the values of a document that has been surveyed.
func (r *taxii1Run) each(b *taxii1.Block, d *document, emit stix.Emit) error {
	if d.values > maxHeld {
		return r.readSTIX(b.Content(), func(i *stix.Item) error {
			if i.About != nil {
				return nil
			}
			return emit(i)
		})
	}
	for i := range d.items {
		if err := emit(&d.items[i]); err != nil {
			return err
		}
	}
	return nil
}

// block takes one content block of a poll.
func (r *taxii1Run) block(b *taxii1.Block) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if b.Part != r.part { // what came is better stored before more is asked for, if it is worth it
		if r.part = b.Part; r.holds(taxiiMembers / 10) {
			if err := r.flush(); err != nil {
				return err
			}
		}
	}
	r.count(readBlocks, 1)
	if b.Label.After(r.newest) {
		r.newest = b.Label
	}
	if b.Scrubbed > 0 {
		r.scrubbed += b.Scrubbed
		r.scrubbedIn++
	}
	if b.Bad != nil {
		return r.quarantine(b, b.Bad)
	}
	d, err := r.survey(b)
	switch {
	case err != nil && taxii.FromDisk(err):
		return err
	case err != nil:
		return r.quarantine(b, err)
	}
	return r.document(b, d)
}

// quarantine keeps the beginning of a block that nobody can read, and goes on.
func (r *taxii1Run) quarantine(b *taxii1.Block, why error) error {
	r.bad++
	r.count(readQuarantined, 1)
	r.batch.Refused = append(r.batch.Refused, ioc.Refusal{
		Type: "content block", Value: quarantine(b.Content()), Reason: badBlock, Place: place(b) + ": " + shortError(why)})
	return nil
}

// place names a block for people.
func place(b *taxii1.Block) string {
	s := fmt.Sprintf("part %d, block %d", b.Part, b.Index)
	if !b.Label.IsZero() {
		s += ", labelled " + b.Label.UTC().Format(time.RFC3339Nano)
	}
	return s
}

// document hands over the reports of a block.
func (r *taxii1Run) document(b *taxii1.Block, d *document) error {
	fresh := make(map[string]bool, len(d.keys)) // by id: two keys of one id are one report
	for _, key := range d.keys {
		rep := d.report(key, b.Label)
		rep.ID = r.apart(rep.ID, version{rep.Modified, b.Label}, d.digest)
		if _, decided := fresh[rep.ID]; !decided {
			if old, met := r.met[rep.ID]; met && old.digest != d.digest && d.abouts[key].Modified.IsZero() {
				r.untimed++
			}
			fresh[rep.ID] = r.isNewest(rep.ID, version{rep.Modified, b.Label}, d.digest)
			if _, listed := r.listed[rep.ID]; listed && fresh[rep.ID] { // no batch announces a report twice
				if err := r.flush(); err != nil {
					return err
				}
			}
		}
		if fresh[rep.ID] {
			d.reports[key] = rep
		}
	}
	return r.send(b, d)
}

// apart returns the id under which a content is kept: its report's, unless that
// one has come with another content that is neither older nor newer. Publishers
// that give all their packages one id and no time do so, and nobody can tell
// which of them counts; so all do.
func (r *taxii1Run) apart(id string, v version, digest string) string {
	old, met := r.met[id]
	if !met || digest == old.digest || v.compare(old.version) != 0 {
		return id
	}
	r.clashes++
	return id + "#" + digest[:16]
}

// report is what a document says of the report with that key. One that names
// none has its content's digest for a name.
func (d *document) report(key string, label time.Time) ioc.Report {
	rep := d.abouts[key]
	if rep.ID == "" {
		rep.ID = key
	}
	if rep.ID == "" {
		rep.ID = "sha256:" + d.digest
	}
	if rep.Modified.IsZero() {
		rep.Modified = label
	}
	return rep
}

// isNewest reports whether a version of a report is to be handed over: not if
// a newer one has been met, or this very one.
func (r *taxii1Run) isNewest(id string, v version, digest string) bool {
	old, met := r.met[id]
	if seen, ok := r.cur.Newest[id]; ok && !met {
		old, met = metVersion{version: seen}, true
	}
	order := 1
	if met {
		order = v.compare(old.version)
	}
	switch {
	case !met:
	case order < 0:
		r.several[id] = old.version
		r.count(readOlder, 1)
		return false
	case order == 0 && digest == old.digest:
		return false // the server repeats itself
	case old.digest == "": // met in an earlier run
		r.several[id] = v
	default:
		r.several[id] = v
		r.count(readOlder, 1)
	}
	r.met[id] = metVersion{v, digest}
	return true
}

// send hands over a document's values in batches.
func (r *taxii1Run) send(b *taxii1.Block, d *document) error {
	begun := make(map[string]bool)
	list := func(rep *ioc.Report) *ioc.ReportList {
		if i, ok := r.listed[rep.ID]; ok {
			return &r.batch.Reports[i]
		}
		start := !begun[rep.ID]
		begun[rep.ID] = true
		return r.list(ioc.ReportList{Report: *rep, Revision: r.revision(d.digest), Start: start})
	}
	err := r.each(b, d, func(i *stix.Item) error {
		rep, wanted := d.reports[i.Report]
		if !wanted {
			return nil
		}
		if r.full() {
			if err := r.flush(); err != nil {
				return err
			}
		}
		list(&rep)
		r.add(i, rep.ID, rep.Modified)
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range d.keys {
		if rep, wanted := d.reports[key]; wanted {
			list(&rep).Last = true
		}
	}
	return nil
}

// shortError is an error as one line of a bounded length.
func shortError(err error) string {
	s := err.Error()
	if len(s) > 300 {
		s = s[:300] + "…"
	}
	return string(bytes.ToValidUTF8(bytes.ReplaceAll([]byte(s), []byte("\n"), []byte(" ")), []byte("\uFFFD")))
}
