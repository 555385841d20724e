package taxii

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// TempFile is a file for what is too much for memory: an answer until it is
// known to be whole, the objects of a run. Nobody else can read it and, where the
// system allows it, no name leads to it, so that not even kill -9 leaves it.
type TempFile struct {
	*os.File
	named bool // it still has its name, which Close removes
}

// NewTempFile makes one in dir, "" being the system's folder for temporary
// files. What it is for is told in an error, which FromDisk knows.
func NewTempFile(dir, what string) (*TempFile, error) {
	f, err := os.CreateTemp(dir, "iochunt-taxii-*") // 0600
	if err != nil {
		return nil, fmt.Errorf("no temporary file for %s: %w", what, err)
	}
	return &TempFile{f, os.Remove(f.Name()) != nil}, nil
}

// Close gives the file up, with all that is in it.
func (f *TempFile) Close() error {
	err := f.File.Close()
	if f.named {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// FromDisk reports whether err comes from this machine's own files, and not from
// what a server sent or from the way to it: to ask again, or for less, does not
// mend it.
func FromDisk(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path)
}
