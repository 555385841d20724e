//go:build unix

package match

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// mapFile maps a file whole, to be read only. Processes that map the same file
// share its memory.
func mapFile(path string) ([]byte, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("open set: map %s: %w", path, err)
	}
	return data, nil
}

// unmap gives back what mapFile returned. It fails for nothing else.
func unmap(data []byte) { _ = unix.Munmap(data) }

// giveBack takes the pages of a mapping from this process; the system may keep
// them for others. Where that fails they stay, and nothing else is different.
func giveBack(data []byte) { _ = unix.Madvise(data, unix.MADV_DONTNEED) }
