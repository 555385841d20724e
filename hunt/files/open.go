package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

var errSwapped = errors.New("replaced while it was opened")

// openFound opens a regular file below a directory. Root keeps the way to it
// inside the directory; that the name is no link, and what was opened no pipe,
// is seen by holding the two against each other. A rotation can come in
// between, so it is tried again.
func openFound(root *os.Root, rel string) (*os.File, error) {
	for range 3 {
		want, err := root.Lstat(rel)
		if err != nil {
			return nil, err
		}
		if !want.Mode().IsRegular() {
			return nil, errSwapped
		}
		f, err := root.OpenFile(rel, os.O_RDONLY|nonblock, 0)
		if err != nil {
			return nil, err
		}
		if got, err := f.Stat(); err == nil && os.SameFile(want, got) {
			return f, nil
		}
		_ = f.Close()
	}
	return nil, errSwapped
}

// openNamed opens what the user named. A pipe is waited for, as the user means
// to write to it, until ctx ends.
func openNamed(ctx context.Context, name string) (*os.File, error) {
	fi, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if fi.Mode()&fs.ModeNamedPipe == 0 {
		return os.OpenFile(name, os.O_RDONLY|nonblock, 0)
	}
	type opened struct {
		f   *os.File
		err error
	}
	done := make(chan opened, 1)
	go func() {
		f, err := os.Open(name)
		done <- opened{f, err}
	}()
	select {
	case o := <-done:
		return o.f, o.err
	case <-ctx.Done():
	}
	// Whoever opens the other end lets the waiting open return. Opened for both,
	// it does so whether that open has begun to wait or not.
	if w, err := os.OpenFile(name, os.O_RDWR|nonblock, 0); err == nil {
		defer w.Close()
		if o := <-done; o.err == nil {
			_ = o.f.Close()
		}
	}
	return nil, ctx.Err()
}

// cause strips the path that Root puts into its errors: it is relative.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
