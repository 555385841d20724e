//go:build unix

package files

import (
	"io/fs"
	"syscall"
)

// nonblock lets the open of a pipe return at once; files on a disk ignore it.
const nonblock = syscall.O_NONBLOCK

// stored reports whether a file has blocks on a disk. Those of /proc and /sys
// have none, whatever size they say they are of.
func stored(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && st.Blocks > 0
}

// identity tells whether two names are those of one file.
func identity(name string, fi fs.FileInfo) any {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return [2]uint64{uint64(st.Dev), uint64(st.Ino)} //nolint:unconvert // their types differ between systems
	}
	return name
}
