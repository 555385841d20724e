package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// errHeld says that somebody else has the lock.
var errHeld = errors.New("held")

// How often a lock that is held is asked for again.
const (
	firstPause = 10 * time.Millisecond
	longPause  = 500 * time.Millisecond
)

// Lock takes the turn for something of that name ("collect otx") among all
// processes that use the store, and waits for it until the context ends; the
// error then names the process that has it. A process that dies loses its
// locks. The file stays: to remove it would let two processes hold locks on
// two files of one name.
func (s *Store) Lock(ctx context.Context, name string) (release func(), err error) {
	path := filepath.Join(s.dir, "lock-"+dirHash(name))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock for %s: %w", name, err)
	}
	if err := waitLock(ctx, f); err != nil {
		defer f.Close()
		if errors.Is(err, errHeld) {
			return nil, fmt.Errorf("%s: %w; %s holds %s", name, context.Cause(ctx), holder(f), path)
		}
		return nil, fmt.Errorf("lock for %s: %s: %w", name, path, err)
	}
	if err := sign(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock for %s: %w", name, err)
	}
	return func() { f.Close() }, nil
}

// waitLock asks for the lock until it is given or the context ends.
func waitLock(ctx context.Context, f *os.File) error {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		err := tryLock(f)
		if !errors.Is(err, errHeld) {
			return err
		}
		select {
		case <-ctx.Done():
			return errHeld
		case <-time.After(pause):
		}
	}
}

// sign writes who holds the lock.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func holder(f *os.File) string {
	b := make([]byte, 32)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "another process"
	}
	var pid int
	if _, err := fmt.Sscan(string(b[:n]), &pid); err != nil {
		return "another process"
	}
	return fmt.Sprintf("process %d", pid)
}
