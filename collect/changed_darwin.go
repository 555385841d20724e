package collect

import (
	"io/fs"
	"syscall"
)

// changed returns when the file's data or entry last changed, in Unix
// nanoseconds; no program can set it back as it can the modification time.
func changed(fi fs.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return st.Ctimespec.Sec*1e9 + st.Ctimespec.Nsec
	}
	return 0
}
