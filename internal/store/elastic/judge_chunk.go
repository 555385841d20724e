package elastic

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// judgeChunk is how many documents are judged at a time: it bounds the memory of
// a pass.
const judgeChunk = 8192

// judgedSource is what of a document judging needs. Most keep their verdict, so
// that the rest is read only where it changes.
var judgedSource = []string{"ioc.feed", "ioc.type", "ioc.value", "ioc.key", "ioc.live", "ioc.huntable", "ioc.hunted", "ioc.disarmed", "ioc.judged"}

// read reads the next documents that the pass has to judge, in the order of their
// keys, so that those of one observable come together.
func (p *pass) read(ctx context.Context, j *judging) (more bool, err error) {
	query := es.M{"exists": es.M{"field": "ioc.feed"}}
	if !p.all {
		query = armedSince(p.since)
	}
	body := es.M{"size": judgeChunk, "track_total_hits": false, "query": query, "_source": judgedSource, "sort": []es.M{{"ioc.key": "asc"}, {"ioc.feed": "asc"}}}
	if p.after != nil {
		body["search_after"] = p.after
	}
	r, err := p.s.c.Search(ctx, p.s.index(), body, nil)
	if err != nil || len(r.Hits.Hits) == 0 {
		return false, err
	}
	ds, err := readDocuments(r)
	if err != nil {
		return false, err
	}
	last := ds[len(ds)-1].IOC
	if more = len(ds) == judgeChunk; more && last.Key != ds[0].IOC.Key { // the last observable may have documents on the next page
		ds = ds[:slices.IndexFunc(ds, func(d *document) bool { return d.IOC.Key == last.Key })]
		last = ds[len(ds)-1].IOC
	}
	p.after = []any{last.Key, last.Feed}
	if !p.all {
		return more, p.readAll(ctx, j, ds)
	}
	for len(ds) > 0 {
		n := 1
		for n < len(ds) && ds[n].IOC.Key == ds[0].IOC.Key {
			n++
		}
		j.add(ds[:n])
		ds = ds[n:]
	}
	return more, nil
}

// readAll reads all documents of observables of which some were armed.
func (p *pass) readAll(ctx context.Context, j *judging, ds []*document) error {
	var keys []string
	for _, d := range ds {
		if len(keys) == 0 || keys[len(keys)-1] != d.IOC.Key {
			keys = append(keys, d.IOC.Key)
		}
	}
	byKey, err := p.s.byKeys(ctx, keys)
	for _, k := range keys {
		j.add(byKey[k])
	}
	return err
}

// judging judges some observables.
type judging struct {
	s     *Store
	t     *tx
	judge ioc.Judge
	of    [][]*document // all documents of each
	done  store.Judged
	todo  map[string]*ruling // by the ids of documents of which something else is said now
}

// ruling is what judge says of an observable.
type ruling struct {
	ioc.Arming
	raw    json.RawMessage
	judged string // fingerprint
	armed  bool   // anew: it has to meet old events again
}

func (j *judging) add(ds []*document) {
	if len(ds) > 0 {
		j.of = append(j.of, ds)
	}
}

// run judges, and writes those of which something else is said now.
func (j *judging) run(ctx context.Context) error {
	keys := make([]string, len(j.of))
	for i, ds := range j.of {
		keys[i] = ds[0].IOC.Key
	}
	found, err := j.s.gather(ctx, keys)
	if err != nil {
		return err
	}
	j.todo = map[string]*ruling{}
	for i, ds := range j.of {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		v, err := newRuling(j.judge(ds[0].observable(), found[keys[i]].facts()))
		if err != nil {
			return err
		}
		j.apply(ds, v)
	}
	return j.write(ctx)
}

func newRuling(a ioc.Arming) (*ruling, error) {
	v := &ruling{Arming: a}
	if a.IsZero() {
		return v, nil
	}
	var err error
	v.raw, err = pack(a)
	v.judged = hashID(string(v.raw))
	return v, err
}

// apply gives the documents of an observable its verdict. One that is armed anew
// has to meet old events again; one that is disarmed has met them.
func (j *judging) apply(ds []*document, v *ruling) {
	live, turned := false, false
	for _, d := range ds {
		live = live || d.IOC.Live
		turned = turned || d.IOC.Live && d.IOC.Disarmed != v.Disarmed
		if d.IOC.Judged != v.judged || d.IOC.Disarmed != v.Disarmed {
			j.todo[d.id] = v
		}
	}
	if !live {
		return
	}
	j.done.Observables++
	if v.Disarmed {
		j.done.Disarmed++
	}
	if !turned {
		return
	}
	if v.armed = !v.Disarmed; v.armed {
		j.done.NowArmed++
		for _, d := range ds { // each of its documents has the number
			j.todo[d.id] = v
		}
	} else {
		j.done.NowDisarmed++
	}
	j.t.hunted = j.t.hunted || ds[0].IOC.Huntable
}

// write writes the verdicts, each into the document as it is now. What somebody
// else has changed meanwhile, who has lost the lock, is read again.
func (j *judging) write(ctx context.Context) error {
	ids := keysOf(j.todo)
	for round := 0; len(ids) > 0; round++ {
		if round == maxRounds {
			return errConflict
		}
		number, err := j.t.begin(ctx)
		if err != nil {
			return err
		}
		w := j.s.newWriter(ctx, j.t)
		err = j.s.mget(ctx, j.s.index(), ids, nil, func(h *es.Hit) error {
			d, err := readDocument(h)
			if err != nil {
				return err
			}
			j.todo[d.id].into(d, number)
			return w.add(d)
		})
		if e := w.close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
		if len(w.dead) > 0 {
			return deadError(w.dead[0])
		}
		ids = ids[:0]
		for _, d := range w.conflicts {
			ids = append(ids, d.id)
		}
	}
	return nil
}

// into puts the ruling into a document.
func (v *ruling) into(d *document, number uint64) {
	i := &d.IOC
	i.Disarmed, i.ArmingBy, i.Judged, i.Arming = v.Disarmed, v.By, v.judged, v.raw
	if v.armed && i.Live {
		i.ArmedSeq = number
	}
	if d.hunts() || v.armed && i.Live {
		i.Seq = number
	}
}

// Arming returns the verdict that is stored of an observable, be it withdrawn
// or not; the zero Arming where nothing is said, or the observable is unknown.
func (s *Store) Arming(ctx context.Context, o ioc.Observable) (a ioc.Arming, err error) {
	byKey, err := s.byKeys(ctx, []string{keyOf(o)})
	if err != nil || len(byKey[keyOf(o)]) == 0 {
		return a, err
	}
	stored, err := byKey[keyOf(o)][0].arming()
	if stored != nil {
		a = *stored
	}
	return a, err
}
