package files

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync/atomic"

	"github.com/iochunt/iochunt/hunt"
)

// Walk yields the named files and those below the named directories as logs, a
// directory's entries in the order of their names. A path that cannot be read is
// yielded as an error (*fs.PathError), and the walk goes on. What is left out
// without the user having asked for it is told to onSkip, which may be nil: links
// and special files that were found, second names of one file, and directories
// when Options.NoRecurse is set. onSkip is called within the iteration, never by
// two goroutines at a time.
//
// A file is opened, by its name below the directory that was opened first, when
// it is read: one that a rotation has replaced since is read as it then is, one
// that is gone is an error.
func Walk(opts Options, onSkip func(path, reason string), paths ...string) iter.Seq2[hunt.Log, error] {
	return func(yield func(hunt.Log, error) bool) {
		if err := opts.check(); err != nil {
			yield(nil, err)
			return
		}
		w := &walker{opts: opts, skip: onSkip, yield: yield, seen: make(map[any]string)}
		if onSkip == nil {
			w.skip = func(string, string) {}
		}
		for _, p := range paths {
			if !w.named(p, true) {
				return
			}
		}
	}
}

// walker walks. Its methods return false when the consumer wants no more.
type walker struct {
	opts  Options
	skip  func(path, reason string)
	yield func(hunt.Log, error) bool
	seen  map[any]string // identity of each file and directory, and its first name
}

// tree is a directory that was named, open for as long as files below it may
// have to be opened. One that is forgotten is closed by the finalizer of Root.
type tree struct {
	root *os.Root
	name string
	refs atomic.Int32
}

func (t *tree) release() {
	if t.refs.Add(-1) == 0 {
		_ = t.root.Close()
	}
}

// named reads a path that the user gave, or a link that is followed.
func (w *walker) named(name string, byUser bool) bool {
	fi, err := os.Stat(name)
	if err != nil {
		return w.yield(nil, err)
	}
	switch {
	case !fi.IsDir():
		if !byUser && !fi.Mode().IsRegular() {
			w.skip(name, kind(fi.Mode())+": only read when named")
			return true
		}
		return w.file(name, fi, func(ctx context.Context) (*os.File, error) { return openNamed(ctx, name) })
	case byUser && w.opts.NoRecurse:
		w.skip(name, "directory: not read, as recursion is off")
		return true
	case !w.opts.wantsDir(name):
		return true
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return w.yield(nil, err)
	}
	t := &tree{root: root, name: name}
	t.refs.Store(1)
	defer t.release()
	return w.dir(t, ".")
}

// dir reads the directory rel of t, and what is below it.
func (w *walker) dir(t *tree, rel string) bool {
	name := filepath.Join(t.name, rel)
	entries, fresh, err := w.list(t, rel, name)
	if err != nil && !w.yield(nil, &fs.PathError{Op: "read directory", Path: name, Err: cause(err)}) {
		return false
	}
	if !fresh {
		return true
	}
	for _, fi := range entries {
		if !w.entry(t, path.Join(rel, fi.Name()), fi) {
			return false
		}
	}
	return true
}

// list returns the entries by name; fresh is false if the directory was read
// before, or cannot be.
func (w *walker) list(t *tree, rel, name string) (entries []fs.FileInfo, fresh bool, err error) {
	d, err := t.root.OpenFile(rel, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, false, err
	}
	defer d.Close()
	fi, err := d.Stat()
	if err != nil {
		return nil, false, err
	}
	if !fi.IsDir() {
		return nil, false, errSwapped
	}
	if w.again(name, fi) {
		return nil, false, nil
	}
	all, err := d.ReadDir(-1)
	for _, e := range all {
		info, gone := e.Info()
		if gone != nil {
			err = errors.Join(err, gone)
			continue
		}
		entries = append(entries, info)
	}
	slices.SortFunc(entries, func(a, b fs.FileInfo) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, true, err
}

// entry deals with one entry of a directory.
func (w *walker) entry(t *tree, rel string, fi fs.FileInfo) bool {
	name := filepath.Join(t.name, rel)
	switch mode := fi.Mode(); {
	case mode.IsDir():
		return !w.opts.wantsDir(name) || w.dir(t, rel)
	case mode.IsRegular():
		t.refs.Add(1)
		var opened atomic.Bool
		return w.file(name, fi, func(context.Context) (*os.File, error) {
			if opened.Swap(true) {
				return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("read a second time")}
			}
			defer t.release()
			f, err := openFound(t.root, rel)
			if err != nil {
				return nil, &fs.PathError{Op: "open", Path: name, Err: cause(err)}
			}
			return f, nil
		})
	case mode&fs.ModeSymlink != 0 && w.opts.FollowLinks:
		return w.named(name, false)
	case !w.opts.wantsFile(name):
	case mode&fs.ModeSymlink != 0:
		w.skip(name, "symbolic link: not followed")
	default:
		w.skip(name, kind(mode)+": only read when named")
	}
	return true
}

// file yields a file that the globs want and that was not there before.
func (w *walker) file(name string, fi fs.FileInfo, open func(context.Context) (*os.File, error)) bool {
	if !w.opts.wantsFile(name) || fi.Mode().IsRegular() && w.again(name, fi) {
		return true
	}
	f := &File{name: name, open: open, opts: w.opts}
	if fi.Mode().IsRegular() {
		f.mtime, f.size = fi.ModTime(), fi.Size()
	}
	return w.yield(f, nil)
}

// again reports whether the file or directory was met under another name.
func (w *walker) again(name string, fi fs.FileInfo) bool {
	id := identity(name, fi)
	if first, ok := w.seen[id]; ok {
		w.skip(name, "the same as "+first+", which is read once")
		return true
	}
	w.seen[id] = name
	return false
}

// kind names what is no regular file.
func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}
