//go:build !unix

package files

import (
	"io/fs"
	"path/filepath"
)

const nonblock = 0

// stored reports whether a file lies on a disk.
func stored(fs.FileInfo) bool { return true }

// identity tells whether two names are those of one file, by where they lead
// to: hard links look different here.
func identity(name string, _ fs.FileInfo) any {
	abs, err := filepath.Abs(name)
	if err != nil {
		return name
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	return abs
}
