//go:build !unix

package match

import "io"

// mapFile reads a file whole: where there is no mmap, memory takes its place.
func mapFile(path string) ([]byte, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, complaint(path, damaged("%w", err))
	}
	return data, nil
}

// unmap has nothing to give back.
func unmap([]byte) {}

// giveBack has nothing to give back: the memory is all that there is of the file.
func giveBack([]byte) {}
