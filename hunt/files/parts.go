package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"os"
	"sync/atomic"
	"time"

	"github.com/iochunt/iochunt/hunt"
)

// partSize is how much of a big file one part holds, but for the line that goes
// on behind it: so much that the search of it takes far longer than its start,
// and so little that the hits of a part, which wait for those before it, are few.
const partSize = 8 << 20

var errShrunk = errors.New("it became shorter while it was read")

var _ hunt.Parted = (*File)(nil)

// Parts cuts a big file that is text as it stands on the disk. A part holds the
// lines that begin in it, to their ends. The last one also holds what was written
// to the file since.
func (f *File) Parts(ctx context.Context) []hunt.Log {
	size := f.opts.part()
	if f.size < 2*size {
		return nil
	}
	file, failed := f.open(ctx)
	f.open = func(context.Context) (*os.File, error) { return file, failed } // where it is read in one go
	if failed != nil {
		return nil
	}
	fi, err := file.Stat()
	if err != nil || !fi.Mode().IsRegular() || !stored(fi) {
		return nil
	}
	head := make([]byte, sniffed)
	n, err := file.ReadAt(head, 0)
	start, plain := plainText(head[:n], f.opts)
	if err != nil && !errors.Is(err, io.EOF) || !plain {
		return nil
	}
	f.mtime = fi.ModTime()
	return f.cut(file, start, fi.Size(), size)
}

// plainText reports whether a file that begins with head is searched as it is,
// and where its text starts.
func plainText(head []byte, opts Options) (start int64, ok bool) {
	if !opts.NoDecompress && (codecOf(head) != nil || hides(head) != nil) {
		return 0, false
	}
	if bytes.HasPrefix(head, []byte{0xFF, 0xFE}) || bytes.HasPrefix(head, []byte{0xFE, 0xFF}) {
		return 0, false
	}
	if bytes.HasPrefix(head, []byte(bom)) {
		start = int64(len(bom))
	}
	return start, true
}

// cut makes the parts of file[start:]. They share the open file.
func (f *File) cut(file *os.File, start, end, size int64) []hunt.Log {
	shared := &sharedFile{File: file}
	var logs []hunt.Log
	for from := start; from < end; from += size {
		logs = append(logs, &part{
			file: shared, name: f.name, mtime: f.mtime, opts: f.opts,
			lines: section{r: file, at: from, from: from, to: from + size, size: end},
			first: from == start,
		})
	}
	if len(logs) < 2 {
		return nil
	}
	logs[len(logs)-1].(*part).lines.to = math.MaxInt64
	shared.users.Store(int32(len(logs)))
	return logs
}

// sharedFile is closed when the last part of it was read. If the run ends before
// that, the finalizer of os.File does it.
type sharedFile struct {
	*os.File
	users atomic.Int32
}

func (s *sharedFile) release() {
	if s.users.Add(-1) == 0 {
		_ = s.File.Close()
	}
}

// part is a part of a big file.
type part struct {
	file  *sharedFile
	name  string
	mtime time.Time
	opts  Options
	lines section
	first bool
}

func (p *part) Name() string               { return p.name }
func (p *part) ModTime() (time.Time, bool) { return p.mtime, !p.mtime.IsZero() }

// Chunks reads the part.
func (p *part) Chunks(ctx context.Context) iter.Seq2[hunt.Chunk, error] {
	return func(yield func(hunt.Chunk, error) bool) {
		defer p.file.release()
		c, done := newCutter(p.opts)
		defer done()
		var err error
		if !p.first {
			err = p.lines.seek(ctx, c.buf)
		}
		c.src, c.off = &p.lines, p.lines.at
		more := true
		if err == nil {
			more, err = c.chunks(ctx, yield)
		}
		if more && err != nil && !errors.Is(err, io.EOF) {
			yield(hunt.Chunk{}, err)
		}
	}
}

// section reads the lines that begin in [from, to) of a file.
type section struct {
	r        io.ReaderAt
	at       int64 // of the next byte to read
	from, to int64
	size     int64 // of the file when it was cut; it may have grown
	done     bool
}

// seek moves to the first line that begins in the section; io.EOF if none does.
func (s *section) seek(ctx context.Context, buf []byte) error {
	s.at = s.from - 1
	for last := s.to - 1; s.at < last; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := s.r.ReadAt(buf[:min(int64(len(buf)), last-s.at)], s.at)
		if i := bytes.IndexByte(buf[:n], '\n'); i >= 0 {
			s.at += int64(i) + 1
			return nil
		}
		s.at += int64(n)
		if err != nil {
			return s.whole(err)
		}
	}
	return io.EOF
}

// Read reads until the end of the last line.
func (s *section) Read(p []byte) (int, error) {
	if s.done {
		return 0, io.EOF
	}
	n, err := s.r.ReadAt(p, s.at)
	if last := s.to - 1 - s.at; last < int64(n) {
		from := max(last, 0)
		if i := bytes.IndexByte(p[from:n], '\n'); i >= 0 {
			n = int(from) + i + 1
			s.done, err = true, io.EOF
		}
	}
	s.at += int64(n)
	if err != nil && !s.done {
		err = s.whole(err)
	}
	return n, err
}

// whole returns err, or what it means that the file ends here.
func (s *section) whole(err error) error {
	if errors.Is(err, io.EOF) && s.at < s.size {
		return errShrunk
	}
	return err
}
