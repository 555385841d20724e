package collect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/iochunt/iochunt/collect/filefmt"
	"github.com/iochunt/iochunt/internal/ioc"
)

func init() {
	register(Kind{Name: "file", Doc: "lists in files or at a URL: plain (value or type:value), CSV, NDJSON, MISP, STIX 1 and 2, free text; gzip, zstd, bzip2 too", New: newFile})
}

// fileSettings are the settings of a feed of kind file. Exactly one of Path
// and URL is set.
type fileSettings struct {
	Path      string            `mapstructure:"path"`       // a file, a folder with all below it, or a glob with ** for folders
	URL       string            `mapstructure:"url"`        // https, or http to this machine
	Format    string            `mapstructure:"format"`     // auto, or the name of a format
	Type      string            `mapstructure:"type"`       // of all values of a list
	Columns   map[string]string `mapstructure:"columns"`    // of a CSV file: header name to type or role
	Context   bool              `mapstructure:"context"`    // MISP: also what is not marked for detection; STIX: also observations
	AllowHTTP bool              `mapstructure:"allow_http"` // url may be plain http to another machine
	MaxMiB    int64             `mapstructure:"max_mib"`    // most content of one file, unpacked; 2048
}

// readerVersion is part of every report's revision: it grows when the readers
// find other things in the same file, so that all files are read again.
const readerVersion = 4

// fileFeed reads files. Each file is a report, or several where its format has
// reports of its own. A file that cannot be read whole is skipped and what it
// said before stays; one that has vanished takes its indicators with it, but a
// path that no longer leads to any file is an error, since an unmounted folder
// withdraws nothing.
type fileFeed struct {
	origin
	feed    string
	set     fileSettings
	format  filefmt.Format // of no name: told from the content
	options filefmt.Options
	known   Known
}

func newFile(o Options) (Collector, error) {
	f := &fileFeed{feed: o.Feed, known: o.Known, set: fileSettings{Format: "auto", MaxMiB: 2048}}
	if err := o.Decode(&f.set); err != nil {
		return nil, err
	}
	var err error
	f.origin, err = newOrigin(f.set.Path, f.set.URL, f.set.AllowHTTP, f.set.MaxMiB, o.HTTP)
	if err = errors.Join(err, f.checkFormat()); err != nil {
		return nil, fmt.Errorf("feed %s: %w", o.Feed, err)
	}
	f.how = f.fingerprint()
	return f, nil
}

func (f *fileFeed) checkFormat() error {
	f.options = filefmt.Options{Columns: f.set.Columns, Context: f.set.Context}
	var err error
	if f.set.Format != "auto" && f.set.Format != "" {
		f.format, err = filefmt.Named(f.set.Format)
	}
	t, known := filefmt.TypeNamed(f.set.Type)
	if !known {
		err = errors.Join(err, fmt.Errorf("type: no type %q", f.set.Type))
	}
	f.options.Type = t
	if t != "" && f.format.Name == "" && err == nil {
		f.format, err = filefmt.Named("list") // what has one type is a list
	}
	return errors.Join(err, filefmt.CheckColumns(f.set.Columns))
}

func (f *fileFeed) fingerprint() string {
	return digest(readerVersion, f.set.Format, f.set.Type, f.set.Columns, f.set.Context)
}

// Collect implements Collector.
func (f *fileFeed) Collect(ctx context.Context, from ioc.Cursor) iter.Seq2[ioc.Batch, error] {
	return func(yield func(ioc.Batch, error) bool) {
		r := &fileRun{fileFeed: f, fresh: from == "", pack: packer{yield: yield}}
		err := r.all(ctx, from)
		if err != nil && !errors.Is(err, errFileStop) {
			yield(ioc.Batch{}, err)
		}
	}
}

// Check implements Checker.
func (f *fileFeed) Check(ctx context.Context) (string, error) {
	if f.url != nil {
		return f.checkURL(ctx)
	}
	files, err := f.list()
	if err != nil {
		return "", err
	}
	names := make([]string, 0, len(files))
	for _, s := range files {
		names = append(names, s.id)
	}
	return fmt.Sprintf("%d files: %s", len(files), first(names)), nil
}

// fileRun is one sequence of Collect.
type fileRun struct {
	*fileFeed
	fresh  bool // from the very beginning
	pack   packer
	missed []string // ids of files that could not be read
}

func (r *fileRun) all(ctx context.Context, from ioc.Cursor) (err error) {
	if r.pack.cursor, err = parseFileCursor(from); err != nil {
		return err
	}
	files, err := r.sources(ctx, r.pack.cursor)
	if err != nil {
		return err
	}
	here := make(map[string]bool, len(files))
	for _, s := range files {
		here[s.id] = true
		err := r.file(ctx, s)
		s.close()
		if err != nil {
			return err
		}
	}
	if err := r.vanished(ctx, here); err != nil {
		return err
	}
	return r.pack.flush()
}

// file reads one file if it has changed. Its error ends the run; what is wrong
// with the file alone is yielded as skipped.
func (r *fileRun) file(ctx context.Context, s *source) error {
	old, had := r.pack.cursor.Files[s.id]
	had = had && r.readAsNow(old)
	if s.same || had && r.untouched(s, old) {
		return nil
	}
	err := s.err
	var about *survey
	if err == nil {
		about, err = r.survey(ctx, s)
	}
	if err == nil && had && old.Sum == about.sum {
		s.mark.Sum, s.mark.Reports = old.Sum, old.Reports
		r.pack.keep(s.id, s.mark)
		return nil
	}
	if err == nil {
		err = r.pack.file(s, about, func(add filefmt.Emit) error { return r.read(ctx, s, about, add) })
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, errFileStop):
		return err
	}
	r.missed = append(r.missed, s.id)
	return r.pack.skip(fmt.Errorf("%w: %s: %w", ErrSkipped, s.shown, err))
}

// vanished withdraws the reports of files that are no longer there. On a run
// from the beginning the store says which there were.
func (r *fileRun) vanished(ctx context.Context, here map[string]bool) error {
	r.pack.vanished(here)
	if !r.fresh || r.known == nil {
		return nil
	}
	have := r.pack.cursor.reports()
	for rep, err := range r.known.KnownReports(ctx, r.feed) {
		if err != nil {
			return fmt.Errorf("asking for the stored reports: %w", err)
		}
		if !have[rep.ID] && !r.unread(rep.ID) {
			r.pack.gone("", rep.ID)
		}
	}
	return nil
}

// unread reports whether a report is of a file that could not be read.
func (r *fileRun) unread(report string) bool {
	for _, id := range r.missed {
		if report == id || strings.HasPrefix(report, id+"#") {
			return true
		}
	}
	return false
}
