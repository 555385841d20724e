package elastic

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/iochunt/iochunt/internal/es"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// A warninglist stands beside the report that it came as. What it is called and
// counts is one document of ioc_state; its entries are compressed, in documents
// of their own that bear the sum of the list, so that a list which is being
// replaced is read whole, in its old form or its new one.
const (
	listKind    = "list"
	entriesKind = "listentries"
)

// listState is the body of a warninglist.
type listState struct {
	Report      string    `json:"report"`
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Version     string    `json:"version,omitempty"`
	Kind        string    `json:"kind"`
	Attributes  []string  `json:"attributes,omitempty"`
	Count       int       `json:"count"` // entries
	Sum         uint64    `json:"sum"`   // of all that decides what it matches
	Since       time.Time `json:"since"` // when it was stored in this form
	Chunks      int       `json:"chunks"`
}

// entryChunk is how many entries stand in one document.
const entryChunk = 50_000

func listID(feed, report string) string { return listKind + ":" + hashID(feed, report) }

func entriesID(feed, report string, sum uint64, n int) string {
	return entriesKind + ":" + hashID(feed, report, fmt.Sprint(sum, " ", n))
}

// checkWarninglists refuses lists that are not of a report which the batch reads
// whole.
func checkWarninglists(ls []ioc.Warninglist, reports []store.List) error {
	whole := map[string]bool{}
	for _, r := range reports {
		whole[r.ID] = r.Announced && r.Start && r.Last && !r.Mixed
	}
	seen := make(map[string]bool, len(ls))
	for i := range ls {
		id := ls[i].ID
		if !whole[id] {
			return fmt.Errorf("the warninglist %q is of the report %q, which the batch does not announce whole", ls[i].Name, id)
		}
		if seen[id] {
			return fmt.Errorf("the report %q has two warninglists", id)
		}
		seen[id] = true
	}
	return nil
}

// warninglists stores the lists of reports that were read whole; those that have
// none now lose what they had.
func (p *put) warninglists(ctx context.Context, ls []ioc.Warninglist) error {
	now := make(map[string]*ioc.Warninglist, len(ls))
	for i := range ls {
		now[ls[i].ID] = &ls[i]
	}
	reports := map[string]string{} // by the id of the list's document
	ids := make([]string, 0, len(p.steps))
	for id, st := range p.steps {
		if st.gone || st.todo == store.Withdraw {
			reports[listID(p.feed, id)] = id
			ids = append(ids, listID(p.feed, id))
		}
	}
	stored := map[string]*listState{}
	err := p.s.getStates(ctx, ids, func(id string, _ version, d *stateDoc) error {
		st := new(listState)
		stored[reports[id]] = st
		return unpack(d.Body, st)
	})
	for _, id := range ids {
		report := reports[id]
		if err == nil && now[report] != nil {
			err = p.putList(ctx, report, now[report], stored[report])
		} else if err == nil && stored[report] != nil {
			err = p.dropList(ctx, report, "")
		}
	}
	return err
}

// dropList deletes what there is of a list but for the entries of a sum.
func (p *put) dropList(ctx context.Context, report, keep string) error {
	kinds := []string{listKind, entriesKind}
	if keep != "" {
		kinds = kinds[1:]
	}
	query := all(es.M{"terms": es.M{"kind": kinds}}, term("feed", short(p.feed)), term("report", short(report)))
	return p.s.deleteStates(ctx, except(query, term("name", keep)))
}

// putList stores a list: its entries, then the list, which names them, and then
// the old entries go.
func (p *put) putList(ctx context.Context, report string, l *ioc.Warninglist, was *listState) error {
	st := listState{Report: report, Name: l.Name, Description: l.Description, Version: l.Version, Kind: l.Kind, Attributes: l.Attributes,
		Count: len(l.Entries), Sum: listSum(l), Since: p.now, Chunks: (len(l.Entries) + entryChunk - 1) / entryChunk}
	if was != nil && was.Sum == st.Sum {
		st.Since = was.Since
	}
	sum := fmt.Sprint(st.Sum)
	doc := stateDoc{Kind: entriesKind, Name: sum, Feed: short(p.feed), Report: short(report), At: p.now}
	var items []es.Item
	for n := range st.Chunks {
		it, err := entriesItem(doc, entriesID(p.feed, report, st.Sum, n), l.Entries[n*entryChunk:min((n+1)*entryChunk, len(l.Entries))])
		if err != nil {
			return err
		}
		items = append(items, it)
	}
	if err := p.s.putStates(ctx, items); err != nil {
		return err
	}
	doc.Kind, doc.Number = listKind, int64(st.Count)
	it, err := stateItem(listID(p.feed, report), doc, st)
	if err != nil {
		return err
	}
	if err := p.s.putStates(ctx, []es.Item{it}); err != nil || was == nil {
		return err
	}
	return p.dropList(ctx, report, sum)
}

func listSum(l *ioc.Warninglist) uint64 {
	h := sha256.New()
	for _, part := range [][]string{{l.Name, l.Kind}, l.Attributes, l.Entries} {
		_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(part)))) // a hash never fails
		for _, s := range part {
			_, _ = h.Write(append(binary.AppendUvarint(nil, uint64(len(s))), s...))
		}
	}
	return binary.BigEndian.Uint64(h.Sum(nil)) >> 1
}

func entriesItem(d stateDoc, id string, entries []string) (es.Item, error) {
	b, err := packEntries(entries)
	if err != nil {
		return es.Item{}, err
	}
	return stateItem(id, d, b)
}

// stateItem is the write of a document of ioc_state, whatever is there.
func stateItem(id string, d stateDoc, body any) (es.Item, error) {
	var err error
	if d.Body, err = pack(body); err != nil {
		return es.Item{}, err
	}
	raw, err := json.Marshal(d)
	return es.Item{Op: es.Index, ID: id, Body: raw}, err
}

// packEntries compresses entries, each behind its length.
func packEntries(entries []string) ([]byte, error) {
	var b bytes.Buffer
	z, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if _, err := z.Write(append(binary.AppendUvarint(nil, uint64(len(e))), e...)); err != nil {
			return nil, err
		}
	}
	err = z.Close()
	return b.Bytes(), err
}

// unpackEntries is the inverse of packEntries; it appends to entries.
func unpackEntries(entries []string, packed []byte) ([]string, error) {
	all, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return nil, fmt.Errorf("ioc_state: entries of a warninglist: %w", err)
	}
	for text := string(all); text != ""; {
		n, size := binary.Uvarint([]byte(text[:min(len(text), binary.MaxVarintLen64)]))
		if size <= 0 || n > uint64(len(text)-size) {
			return nil, fmt.Errorf("ioc_state: entries of a warninglist end in mid-text")
		}
		entries = append(entries, text[size:size+int(n)])
		text = text[size+int(n):]
	}
	return entries, nil
}
