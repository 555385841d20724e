package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/misplist"
)

// listRun is one sequence of Collect. A list and its mark go out in the same
// batch. What holds no list, or one that is not wanted, enters the cursor with
// the last batch, together with the withdrawals, once it is known that any
// list is left.
type listRun struct {
	*listFeed
	fresh  bool // from the very beginning
	pack   packer
	alone  bool                // what is read is the one file that the settings name
	blind  bool                // all that is there could not be seen, so that nothing has vanished
	stored map[string]bool     // ids of the reports in the store; of a fresh run only
	here   map[string]bool     // ids of what is there
	missed map[string]bool     // ids of what could not be read
	none   map[string]fileMark // of what holds no list, or one that is not wanted
	other  []string            // ids of JSON of another kind
	left   []string            // ids of lists that are not wanted
	misfit []string            // ids of files that are not called as lists are
}

// reading is what was found in a file, or in a member of an archive.
type reading struct {
	id, url string
	mtime   time.Time
	mark    fileMark
	list    ioc.Warninglist
	refused []ioc.Refusal
	no      error // it is a sound document of another kind
}

func (r *listRun) all(ctx context.Context, from ioc.Cursor) (err error) {
	if r.pack.cursor, err = parseFileCursor(from); err != nil {
		return err
	}
	if err := r.ask(ctx); err != nil {
		return err
	}
	files, alone, misfit, err := r.lists(ctx, r.pack.cursor)
	if err != nil {
		return err
	}
	r.alone, r.misfit = alone, misfit
	for _, s := range files {
		err := r.source(ctx, s)
		s.close()
		if err != nil {
			return err
		}
	}
	return r.end()
}

// ask asks the store what it has where the cursor does not say.
func (r *listRun) ask(ctx context.Context) error {
	if !r.fresh || r.known == nil {
		return nil
	}
	for rep, err := range r.known.KnownReports(ctx, r.feed) {
		if err != nil {
			return fmt.Errorf("asking for the stored reports: %w", err)
		}
		r.stored[rep.ID] = true
	}
	return nil
}

// source reads a file, or the members of an archive, if it has changed. Its
// error ends the run.
func (r *listRun) source(ctx context.Context, s *source) error {
	r.here[s.id] = true
	old, had := r.pack.cursor.Files[s.id]
	if s.same || had && r.readAsNow(old) && r.untouched(s, old) {
		for _, id := range old.Reports {
			r.here[id] = true
		}
		return nil
	}
	alone, err := r.alone, s.err
	if err == nil {
		err = r.read(ctx, s)
	}
	err = r.failed(ctx, s.id, s.shown, err)
	r.blind = r.blind || alone && r.missed[s.id]
	return err
}

// read reads a file as what it is.
func (r *listRun) read(ctx context.Context, s *source) error {
	if r.alone {
		packed, err := isArchive(s.file)
		if err != nil {
			return err
		}
		if packed {
			return r.archive(ctx, s)
		}
	}
	if r.excluded(s.id) {
		s.mark.Sum = "/" + r.how // it is not looked into
		r.leave(s.id, s.mark)
		return nil
	}
	v, err := r.file(ctx, s)
	if err != nil {
		return err
	}
	return r.take(v)
}

// failed yields what is wrong with one file or member as skipped, and returns
// what has to end the run.
func (r *listRun) failed(ctx context.Context, id, shown string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errFileStop):
		return err
	}
	r.missed[id] = true
	return r.pack.skip(fmt.Errorf("%w: %s: %w", ErrSkipped, shown, err))
}

// file reads a file that is a list by itself.
func (r *listRun) file(ctx context.Context, s *source) (*reading, error) {
	v := &reading{id: s.id, url: s.url, mtime: s.mtime, mark: s.mark}
	sum, err := r.open(ctx, s, func(rd io.Reader, head []byte) error {
		if r.url != nil && isPage(head) {
			return errors.New("a page for people came in place of a list")
		}
		return v.parse(rd)
	})
	v.mark.Sum = sum + "/" + r.how
	return v, err
}

func (v *reading) parse(rd io.Reader) (err error) {
	v.list, v.refused, err = misplist.Parse(rd, v.id)
	if errors.Is(err, misplist.ErrNoList) {
		v.no, err = err, nil
	}
	return err
}

// take decides what becomes of what was read.
func (r *listRun) take(v *reading) error {
	old, had := r.pack.cursor.Files[v.id]
	switch {
	case v.no != nil && r.mustBeList(v.id):
		return v.no
	case v.no != nil:
		r.other = append(r.other, v.id)
		r.none[v.id] = v.mark
	case !r.wanted(v.id, v.list.Name):
		r.leave(v.id, v.mark)
	case had && !old.None && old.Sum == v.mark.Sum:
		r.pack.keep(v.id, v.mark)
	default:
		return r.put(v)
	}
	return nil
}

// leave leaves out a list that is not wanted.
func (r *listRun) leave(id string, m fileMark) {
	r.left = append(r.left, id)
	r.none[id] = m
}

// mustBeList reports whether a list is missing where a document is none.
func (r *listRun) mustBeList(id string) bool {
	old, had := r.pack.cursor.Files[id]
	return r.alone || path.Base(id) == "list.json" || had && !old.None || r.stored[id]
}

// put adds a list to the batch. Several short ones go together.
func (r *listRun) put(v *reading) error {
	b := &r.pack.batch
	if size := b.Read[readEntries] + len(b.Refused); size > 0 && size+len(v.list.Entries)+len(v.refused) > packSize {
		if err := r.pack.flush(); err != nil {
			return err
		}
	}
	if b.Read == nil {
		b.Read = make(map[string]int)
	}
	v.list.Feed = r.feed
	b.Read[readLists]++
	b.Read[readEntries] += len(v.list.Entries)
	b.Reports = append(b.Reports, v.report())
	b.Lists = append(b.Lists, v.list)
	b.Refused = append(b.Refused, v.refused...)
	r.pack.keep(v.id, v.mark)
	if b.Read[readEntries]+len(b.Refused) >= packSize/2 {
		return r.pack.flush()
	}
	return nil
}

// report announces a list. Its revision says what is in it, and not how it
// came to be wanted.
func (v *reading) report() ioc.ReportList {
	sum, _, _ := strings.Cut(v.mark.Sum, "/")
	rep := ioc.Report{ID: v.id, Name: v.list.Name, Description: v.list.Description, URL: v.url}
	if y := v.mtime.Year(); y >= 1970 && y <= 9999 { // an archive says any time, and JSON cannot hold it
		rep.Modified = v.mtime
	}
	return ioc.ReportList{Report: rep, Revision: fmt.Sprintf("%s/%d", sum, listReaderVersion), Start: true, Last: true}
}

// end withdraws what is no longer there, and says what was left out.
func (r *listRun) end() error {
	if r.blind {
		return r.pack.flush()
	}
	if !r.anyList() {
		return r.nothing()
	}
	for _, id := range slices.Sorted(maps.Keys(r.none)) {
		old, had := r.pack.cursor.Files[id]
		if had && !old.None {
			r.pack.gone("", id)
		}
		m := r.none[id]
		m.None = true
		r.pack.keep(id, m)
	}
	r.pack.vanished(r.here)
	have := r.pack.cursor.reports()
	for _, id := range slices.Sorted(maps.Keys(r.stored)) {
		if !have[id] && !r.missed[id] {
			r.pack.gone("", id)
		}
	}
	r.note()
	return r.pack.flush()
}

// anyList reports whether a list is left, read now or before.
func (r *listRun) anyList() bool {
	for id, m := range r.pack.cursor.Files {
		if _, none := r.none[id]; r.here[id] && !m.None && !none {
			return true
		}
	}
	return len(r.missed) > 0
}

func (r *listRun) nothing() error {
	where := r.path
	if r.url != nil {
		where = urlID(r.url)
	}
	if len(r.left) > 0 {
		return fmt.Errorf("%s: only and except leave none of the %d lists that are there (%s); nothing is withdrawn", where, len(r.left), first(r.left))
	}
	return fmt.Errorf("%s: there is no warninglist: %w; nothing is withdrawn", where, fs.ErrNotExist)
}

// note says what was left out, whenever something of it was looked at.
func (r *listRun) note() {
	for _, n := range []struct {
		what string
		ids  []string
	}{
		{"as JSON that is no warninglist", r.other}, {"by only and except", r.left}, {"as not called *.json", r.misfit},
	} {
		if len(n.ids) > 0 && r.pack.dirty {
			r.pack.batch.Notes = append(r.pack.batch.Notes, fmt.Sprintf("left out %s (%d): %s", n.what, len(n.ids), first(n.ids)))
		}
	}
}
