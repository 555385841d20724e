package files

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// check refuses globs that cannot match anything.
func (o Options) check() error {
	for _, list := range [][]string{o.Include, o.Exclude, o.ExcludeDir} {
		for _, g := range list {
			if g == "" || !doublestar.ValidatePattern(g) {
				return fmt.Errorf("glob %q: %w", g, doublestar.ErrBadPattern)
			}
		}
	}
	return nil
}

// wantsFile reports whether the globs let a file through.
func (o Options) wantsFile(name string) bool {
	return (len(o.Include) == 0 || matchAny(o.Include, name)) && !matchAny(o.Exclude, name)
}

// wantsDir reports whether the globs let a directory through. "." stands for
// where the user is, and no glob means that.
func (o Options) wantsDir(name string) bool {
	return filepath.Clean(name) == "." || !matchAny(o.ExcludeDir, name)
}

func matchAny(globs []string, name string) bool {
	name = path.Clean(filepath.ToSlash(name))
	for _, g := range globs {
		if matchGlob(strings.TrimSuffix(g, "/"), name) {
			return true
		}
	}
	return false
}

// matchGlob follows GNU grep: a glob is held against any end of the path that
// begins after a slash, which for one without a slash is the last element.
func matchGlob(glob, name string) bool {
	if !strings.Contains(glob, "/") {
		return doublestar.MatchUnvalidated(glob, path.Base(name))
	}
	if doublestar.MatchUnvalidated(glob, name) {
		return true
	}
	for i := range len(name) {
		if name[i] == '/' && doublestar.MatchUnvalidated(glob, name[i+1:]) {
			return true
		}
	}
	return false
}
