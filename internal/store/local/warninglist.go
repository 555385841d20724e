package local

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// A warninglist stands beside the report that it came as. Its entries are one
// compressed text: they are only ever read as a whole.
const warninglistTable = `CREATE TABLE warninglist(report INTEGER PRIMARY KEY REFERENCES report(id), name TEXT NOT NULL, description TEXT NOT NULL,
 version TEXT NOT NULL, kind TEXT NOT NULL, attributes TEXT NOT NULL, entries BLOB NOT NULL, count INTEGER NOT NULL, sum INTEGER NOT NULL, since INTEGER,
 chk INTEGER NOT NULL)`

const warninglistColumns = "name, description, version, kind, attributes, entries, count, sum, since, chk"

// warninglist is a row of warninglist.
type warninglist struct {
	report                                       int64
	name, description, version, kind, attributes string
	entries                                      []byte
	count, sum, since                            int64
	stored                                       int64 // the row's checksum as stored
}

func (l *warninglist) chk() int64 {
	return sum(13).num(l.report, l.count, l.sum, l.since).str(l.name, l.description, l.version, l.kind, l.attributes, string(l.entries)).row()
}

func (l *warninglist) scan(row scanner, before ...any) error {
	return row(append(before, &l.report, &l.name, &l.description, &l.version, &l.kind, &l.attributes, &l.entries, &l.count, &l.sum, (*nullable)(&l.since), &l.stored)...)
}

// newWarninglist makes the row of a list.
func newWarninglist(report int64, w *ioc.Warninglist, now int64) (*warninglist, error) {
	attributes, err := json.Marshal(w.Attributes)
	if err != nil {
		return nil, err
	}
	entries, err := packEntries(w.Entries)
	if err != nil {
		return nil, err
	}
	h := sum(0).str(w.Name, w.Kind).num(int64(len(w.Attributes))).str(w.Attributes...).str(w.Entries...)
	return &warninglist{report: report, name: w.Name, description: w.Description, version: w.Version, kind: w.Kind, attributes: string(attributes),
		entries: entries, count: int64(len(w.Entries)), sum: h.row(), since: now}, nil
}

// packEntries compresses entries, each behind its length.
func packEntries(entries []string) ([]byte, error) {
	var b bytes.Buffer
	z, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	var part []byte
	for _, e := range entries {
		part = append(binary.AppendUvarint(part[:0], uint64(len(e))), e...)
		if _, err := z.Write(part); err != nil {
			return nil, err
		}
	}
	err = z.Close()
	return b.Bytes(), err
}

// unpackEntries is the inverse of packEntries. The checksum of what it reads
// was right.
func unpackEntries(packed []byte, count int64) ([]string, error) {
	all, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return nil, fmt.Errorf("%w: entries of a warninglist: %w", ErrDamaged, err)
	}
	text, entries := string(all), make([]string, 0, min(max(count, 0), int64(len(all))))
	for at := 0; at < len(all); {
		n, size := binary.Uvarint(all[at:])
		if size <= 0 || n > uint64(len(all)-at-size) {
			return nil, fmt.Errorf("%w: entries of a warninglist end in mid-text", ErrDamaged)
		}
		at += size
		entries = append(entries, text[at:at+int(n)])
		at += int(n)
	}
	if int64(len(entries)) != count {
		return nil, fmt.Errorf("%w: a warninglist has %d entries, not %d", ErrDamaged, len(entries), count)
	}
	return entries, nil
}

// list makes the list of its row, if that is what was written.
func (l *warninglist) list(feed, id string) (w ioc.Warninglist, err error) {
	if l.chk() != l.stored {
		return w, fmt.Errorf("%w: the warninglist %q is not what was written", ErrDamaged, l.name)
	}
	w = ioc.Warninglist{Feed: feed, ID: id, Name: l.name, Description: l.description, Version: l.version, Kind: l.kind}
	if w.Attributes, err = l.attributeNames(); err != nil {
		return w, err
	}
	w.Entries, err = unpackEntries(l.entries, l.count)
	return w, err
}

func (l *warninglist) attributeNames() (names []string, err error) {
	if err := json.Unmarshal([]byte(l.attributes), &names); err != nil {
		return nil, fmt.Errorf("%w: the warninglist %q: %w", ErrDamaged, l.name, err)
	}
	return names, nil
}

// warninglists takes notice of the lists of a batch. Each is of a report that
// the batch reads whole.
func (p *put) warninglists(ls []ioc.Warninglist, reports []store.List) error {
	whole := map[string]bool{}
	for _, r := range reports {
		whole[r.ID] = r.Announced && r.Start && r.Last && !r.Mixed
	}
	p.lists = make(map[string]*ioc.Warninglist, len(ls))
	for i := range ls {
		id := ls[i].ID
		if !whole[id] {
			return fmt.Errorf("the warninglist %q is of the report %q, which the batch does not announce whole", ls[i].Name, id)
		}
		if p.lists[id] != nil {
			return fmt.Errorf("the report %q has two warninglists", id)
		}
		p.lists[id] = &ls[i]
	}
	return nil
}

// warninglist stores the list of a report that was read whole; one that has
// none now loses what it had.
func (p *put) warninglist(r *report) error {
	l := p.lists[r.name]
	if l == nil {
		return dropWarninglist(p.t, r.id)
	}
	row, err := newWarninglist(r.id, l, p.now)
	if err != nil {
		return err
	}
	return row.save(p.t)
}

// save writes the row, unless the same list is stored.
func (l *warninglist) save(t *tx) error {
	old, err := loadWarninglist(t, l.report)
	if err != nil {
		return err
	}
	if old != nil {
		same := *l
		same.since = old.since
		if same.chk() == old.stored {
			return nil
		}
	}
	return t.exec("INSERT OR REPLACE INTO warninglist(report, "+warninglistColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		l.report, l.name, l.description, l.version, l.kind, l.attributes, l.entries, l.count, l.sum, column(l.since), l.chk())
}

// loadWarninglist returns the list of a report, nil where it has none.
func loadWarninglist(q querier, report int64) (found *warninglist, err error) {
	err = each(q, "SELECT report, "+warninglistColumns+" FROM warninglist WHERE report = ?", []any{report}, func(row scanner) error {
		found = &warninglist{}
		return found.scan(row)
	})
	return found, err
}

func dropWarninglist(t *tx, report int64) error {
	return t.exec("DELETE FROM warninglist WHERE report = ?", report)
}

const warninglistsQuery = "SELECT f.name, r.name, l.report, l.name, l.description, l.version, l.kind, l.attributes, %s, l.count, l.sum, l.since, l.chk" +
	" FROM warninglist l JOIN report r ON r.id = l.report JOIN feed f ON f.id = r.feed ORDER BY f.name, r.name"

// Warninglists yields the stored lists, by feed and id.
func (s *Store) Warninglists(ctx context.Context) iter.Seq2[ioc.Warninglist, error] {
	return sequence(ctx, s, func(q *snapshot, yield func(ioc.Warninglist) error) error {
		return each(q, fmt.Sprintf(warninglistsQuery, "l.entries"), nil, func(row scanner) error {
			var feed, id string
			var l warninglist
			if err := l.scan(row, &feed, &id); err != nil {
				return err
			}
			w, err := l.list(feed, id)
			if err != nil {
				return err
			}
			return yield(w)
		})
	})
}

// ListStates returns what is known of the stored lists, by feed and id. The Sum
// covers a list's name, kind, attributes and entries.
func (s *Store) ListStates(ctx context.Context) (all []store.ListState, err error) {
	err = s.read(ctx, func(q *snapshot) error {
		return each(q, fmt.Sprintf(warninglistsQuery, "x''"), nil, func(row scanner) error {
			var feed, id string
			var l warninglist
			if err := l.scan(row, &feed, &id); err != nil {
				return err
			}
			attributes, err := l.attributeNames()
			all = append(all, store.ListState{Feed: feed, ID: id, Name: l.name, Description: l.description, Version: l.version, Kind: l.kind,
				Attributes: attributes, Entries: int(l.count), Sum: uint64(l.sum), Since: instant(l.since)})
			return err
		})
	})
	return all, err
}
