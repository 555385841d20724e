package collect

import (
	"io/fs"
	"syscall"
)

// changed returns when the file's data or entry last changed, in Unix
// nanoseconds; no program can set it back as it can the modification time.
func changed(fi fs.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int64(st.Ctim.Sec)*1e9 + int64(st.Ctim.Nsec) //nolint:unconvert // 32 bits on some machines
	}
	return 0
}
