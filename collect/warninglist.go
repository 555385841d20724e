package collect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/iochunt/iochunt/internal/ioc"
)

func init() {
	register(Kind{Name: "warninglist", Doc: "lists of what is known to be harmless, in MISP's form: files, a folder, a URL, an archive of a repository", New: newWarninglist})
}

// warninglistSettings are the settings of a feed of kind warninglist. Exactly
// one of Path and URL is set.
type warninglistSettings struct {
	Path      string   `mapstructure:"path"`       // a list, a .tar.gz of lists, a folder with all below it, or a glob with ** for folders
	URL       string   `mapstructure:"url"`        // of a list or of a .tar.gz; https, or http to this machine
	Only      []string `mapstructure:"only"`       // globs of ids or names; empty: all lists
	Except    []string `mapstructure:"except"`     // the same, of lists to leave out
	AllowHTTP bool     `mapstructure:"allow_http"` // url may be plain http to another machine
	MaxMiB    int64    `mapstructure:"max_mib"`    // most content of one file or archive, unpacked; 256
}

// listReaderVersion is part of every list's revision: it grows when the reader
// makes other entries of the same list.
const listReaderVersion = 1

// listFeed reads warninglists: each file or member of an archive that is one is
// a report without members. A list that cannot be read whole is skipped, and
// the form it had stays. One that has vanished is withdrawn, but where no list
// is left at all the run ends with an error and withdraws nothing: without its
// lists a feed of indicators raises alarm over everything that is harmless.
//
// JSON of another kind lies beside the lists in their public repository. It is
// left out with a note, unless the file is called list.json, was named by the
// settings, or was a list before: there a list is missing.
type listFeed struct {
	origin
	feed  string
	only  []string
	not   []string
	known Known
}

func newWarninglist(o Options) (Collector, error) {
	set := warninglistSettings{MaxMiB: 256}
	if err := o.Decode(&set); err != nil {
		return nil, err
	}
	f := &listFeed{feed: o.Feed, known: o.Known, only: set.Only, not: set.Except}
	var err error
	f.origin, err = newOrigin(set.Path, set.URL, set.AllowHTTP, set.MaxMiB, o.HTTP)
	if err = errors.Join(err, checkGlobs("only", set.Only), checkGlobs("except", set.Except)); err != nil {
		return nil, fmt.Errorf("feed %s: %w", o.Feed, err)
	}
	f.how = digest(listReaderVersion, set.Only, set.Except)
	return f, nil
}

func checkGlobs(key string, globs []string) (err error) {
	for _, g := range globs {
		if g == "" || !doublestar.ValidatePattern(g) {
			err = errors.Join(err, fmt.Errorf("%s: %q is not a glob such as *dns*", key, g))
		}
	}
	return err
}

// wanted reports whether only and except leave a list in. A glob is held
// against the id, its short form and the name, whatever their case.
func (f *listFeed) wanted(id, name string) bool {
	return (len(f.only) == 0 || fits(f.only, id, name)) && !fits(f.not, id, name)
}

// excluded reports whether a list need not be read to know that it is left out.
// One that is broken can be left out so.
func (f *listFeed) excluded(id string) bool { return fits(f.not, id, "") }

func fits(globs []string, id, name string) bool {
	for _, g := range globs {
		g = strings.ToLower(g)
		for _, s := range []string{id, shortID(id)} {
			if doublestar.MatchUnvalidated(g, strings.ToLower(s)) {
				return true
			}
		}
		if doublestar.MatchUnvalidated(flat(g), flat(strings.ToLower(name))) {
			return true
		}
	}
	return false
}

// flat makes a slash in a name a letter like others, where a glob's * ends at
// one.
func flat(s string) string { return strings.ReplaceAll(s, "/", "\u2215") }

// shortID is what people call a list of a repository: "google" for
// lists/google/list.json, and for google.json.
func shortID(id string) string {
	id = strings.TrimSuffix(id, "/list.json")
	return strings.TrimSuffix(id[strings.LastIndexByte(id, '/')+1:], ".json")
}

// Collect implements Collector.
func (f *listFeed) Collect(ctx context.Context, from ioc.Cursor) iter.Seq2[ioc.Batch, error] {
	return func(yield func(ioc.Batch, error) bool) {
		r := &listRun{
			listFeed: f, fresh: from == "", pack: packer{yield: yield}, stored: make(map[string]bool),
			here: make(map[string]bool), missed: make(map[string]bool), none: make(map[string]fileMark),
		}
		err := r.all(ctx, from)
		if err != nil && !errors.Is(err, errFileStop) {
			yield(ioc.Batch{}, err)
		}
	}
}

// Check implements Checker. It reads all of it.
func (f *listFeed) Check(ctx context.Context) (string, error) {
	all := *f
	all.known = nil
	lists, entries := 0, 0
	var bad []error
	for b, err := range all.Collect(ctx, "") {
		if err != nil {
			bad = append(bad, err)
			continue
		}
		lists += b.Read[readLists]
		entries += b.Read[readEntries]
	}
	says := fmt.Sprintf("lists: %d, entries: %d", lists, entries)
	if len(bad) > 1 {
		return says, fmt.Errorf("%w; and %d more could not be read", bad[0], len(bad)-1)
	}
	return says, errors.Join(bad...)
}

// What is counted in Batch.Read.
const (
	readLists   = "list"
	readEntries = "list entry"
)

// lists returns the files to be read. alone is true for one that the settings
// name. A folder, or a glob that ends in *, does not say how its files are
// called: others than JSON are left out there.
func (f *listFeed) lists(ctx context.Context, c fileCursor) (files []*source, alone bool, others []string, err error) {
	files, err = f.sources(ctx, c)
	if err != nil || f.url != nil {
		return files, true, nil, err
	}
	st, err := os.Stat(f.path)
	folder := err == nil && st.IsDir()
	if err == nil && !folder {
		return files, true, nil, nil
	}
	if !folder && strings.Trim(path.Base(filepath.ToSlash(f.path)), "*") != "" {
		return files, false, nil, nil
	}
	kept := files[:0]
	for _, s := range files {
		if isList(s.id) {
			kept = append(kept, s)
		} else {
			others = append(others, s.id)
		}
	}
	return kept, false, others, nil
}

// isList reports whether a file is called as a list may be.
func isList(name string) bool {
	name = strings.ToLower(name)
	for _, end := range []string{".gz", ".zst", ".bz2"} {
		name = strings.TrimSuffix(name, end)
	}
	return strings.HasSuffix(name, ".json")
}
