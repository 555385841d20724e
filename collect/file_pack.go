package collect

import (
	"errors"
	"slices"

	"github.com/iochunt/iochunt/collect/filefmt"
	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// packSize is how many values a batch holds at most: several small files, or a
// part of a big one.
const packSize = 20_000

// errFileStop says that the consumer wants no more.
var errFileStop = errors.New("stopped")

// packer makes batches of files. A file's mark enters the cursor with the
// batch that ends the file, so whoever is stopped in the middle of a file
// reads it again from its beginning.
type packer struct {
	yield  func(ioc.Batch, error) bool
	batch  ioc.Batch
	cursor fileCursor
	dirty  bool // the cursor says more than the last one sent
	cur    *packing
}

// packing is the file that is being packed.
type packing struct {
	source *source
	survey *survey
	ids    map[string]string // report key to id
	begun  map[string]int    // ids to their place in order
	order  []ioc.Report      // as they began
	listed map[string]int    // ids to their place in batch.Reports

	reports, members, refused int // lengths of the batch before this file
}

// keep notes a file whose content is what has been stored.
func (p *packer) keep(id string, m fileMark) {
	p.cursor.Files[id] = m
	p.dirty = true
}

// gone withdraws reports; id is the file that they were of, if there was one.
func (p *packer) gone(id string, reports ...string) {
	delete(p.cursor.Files, id)
	p.batch.Gone = append(p.batch.Gone, reports...)
	slices.Sort(p.batch.Gone)
	p.dirty = true
}

// vanished withdraws the reports of files that are no longer here.
func (p *packer) vanished(here map[string]bool) {
	for id, m := range p.cursor.Files {
		if !here[id] {
			p.gone(id, m.reports(id)...)
		}
	}
}

// file packs one file: read has to call add with all that is in it. After an
// error nothing of the file is left in the batch, and the parts that were sent
// before withdraw nothing, as their reports never end.
func (p *packer) file(s *source, v *survey, read func(add filefmt.Emit) error) error {
	p.cur = &packing{
		source: s, survey: v, ids: make(map[string]string), begun: make(map[string]int), listed: make(map[string]int),
		reports: len(p.batch.Reports), members: len(p.batch.Members), refused: len(p.batch.Refused),
	}
	err := read(p.add)
	if err != nil {
		p.batch.Reports = p.batch.Reports[:p.cur.reports]
		p.batch.Members = p.batch.Members[:p.cur.members]
		p.batch.Refused = p.batch.Refused[:p.cur.refused]
		return err
	}
	return p.endFile()
}

// endFile announces the ends of all reports of the file.
func (p *packer) endFile() error {
	c := p.cur
	for _, k := range c.survey.keys {
		p.announce(k)
	}
	if len(c.order) == 0 {
		p.announce("")
	}
	ids := make([]string, 0, len(c.order))
	for _, rep := range c.order {
		p.list(rep).Last = true
		ids = append(ids, rep.ID)
	}
	slices.Sort(ids)
	old, had := p.cursor.Files[c.source.id]
	for _, id := range old.reports(c.source.id) {
		if _, still := slices.BinarySearch(ids, id); had && !still {
			p.gone("", id)
		}
	}
	m := c.source.mark
	m.Sum = c.survey.sum
	if len(ids) != 1 || ids[0] != c.source.id {
		m.Reports = ids
	}
	p.keep(c.source.id, m)
	if len(p.batch.Members)+len(p.batch.Refused) >= packSize/2 {
		return p.flush()
	}
	return nil
}

// announce begins the report with that key, if it has not begun, and returns
// its place in the batch. Two reports of one id are one.
func (p *packer) announce(key string) *ioc.ReportList {
	c := p.cur
	if id, ok := c.ids[key]; ok {
		return p.list(c.order[c.begun[id]])
	}
	rep := c.source.report(c.survey, key)
	c.ids[key] = rep.ID
	if i, ok := c.begun[rep.ID]; ok {
		return p.list(c.order[i])
	}
	c.begun[rep.ID] = len(c.order)
	c.order = append(c.order, rep)
	l := p.list(rep)
	l.Start = true
	return l
}

// list returns the place of a report in the batch.
func (p *packer) list(rep ioc.Report) *ioc.ReportList {
	i, ok := p.cur.listed[rep.ID]
	if !ok {
		i = len(p.batch.Reports)
		p.cur.listed[rep.ID] = i
		p.batch.Reports = append(p.batch.Reports, ioc.ReportList{Report: rep, Revision: p.cur.survey.sum})
	}
	return &p.batch.Reports[i]
}

// add packs what a reader found. Values that cannot be indicators are refused
// here, where their place in the file is still known.
func (p *packer) add(i *filefmt.Item) error {
	if i.About != nil {
		return nil
	}
	if len(p.batch.Members)+len(p.batch.Refused) >= packSize {
		p.halfway()
		if err := p.flush(); err != nil {
			return err
		}
	}
	id := p.announce(i.Report).ID
	if i.Refused == "" {
		if _, err := canon.Observable(i.Type, i.Value); err != nil {
			i.Refused = err.Error()
		}
	}
	if i.Refused != "" {
		p.batch.Refused = append(p.batch.Refused, ioc.Refusal{
			Report: id, Type: firstOf(i.Declared, string(i.Type)), Value: filefmt.Clip(i.Value, 200), Reason: i.Refused, Place: i.Where(),
		})
		return nil
	}
	m := i.Member
	m.Report = id
	p.batch.Members = append(p.batch.Members, m)
	return nil
}

// halfway marks a file of which a part is about to be sent: it has to be read
// again, whatever it looks like, unless the rest follows; and should it vanish
// before, it takes along the reports that have begun.
func (p *packer) halfway() {
	c := p.cur
	m, had := p.cursor.Files[c.source.id]
	var ids []string
	if had {
		ids = m.reports(c.source.id)
	}
	for id := range c.begun {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	p.keep(c.source.id, fileMark{Size: -1, Reports: slices.Compact(ids)})
}

// flush sends the batch if there is anything in it.
func (p *packer) flush() error {
	b := &p.batch
	if len(b.Reports) == 0 && len(b.Members) == 0 && len(b.Refused) == 0 && len(b.Gone) == 0 && !p.dirty {
		return nil
	}
	b.Next = p.cursor.encode()
	full := p.batch
	p.batch, p.dirty = ioc.Batch{}, false
	if p.cur != nil {
		clear(p.cur.listed)
		p.cur.reports, p.cur.members, p.cur.refused = 0, 0, 0
	}
	if !p.yield(full, nil) {
		return errFileStop
	}
	return nil
}

// skip sends what is waiting, so that it is stored whatever comes, and then
// says what could not be read.
func (p *packer) skip(err error) error {
	if err := p.flush(); err != nil {
		return err
	}
	if !p.yield(ioc.Batch{}, err) {
		return errFileStop
	}
	return nil
}
