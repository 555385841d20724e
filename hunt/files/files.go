// Package files is the local side of a hunt: it turns paths and standard input
// into logs.
//
// What stands in a log directory is not to be trusted. Programs that run with
// few rights write there, while the hunt runs with many; so a directory may be
// swapped for a link while it is read, a name may be that of a pipe which no
// one writes to, and ten kilobytes may unpack to a terabyte. The rules:
//
//   - A path that was named is what the user wants: it is read whatever it is,
//     and a symbolic link is followed. What is found below a named directory is
//     read only if it is a regular file, is opened relative to that directory,
//     and can never lead out of it ([os.Root]).
//   - A file is read once, however many names lead to it, and one name is told.
//   - Compression is known by its first bytes, not by the file's name.
//   - What cannot be read, or hides what it holds (an archive, a binary log), is
//     an error of that one log. All that could be read is handed over first; the
//     rest of the hunt goes on.
//   - Nothing is cut off. A line of any length is searched in full, in fixed
//     memory (see [hunt.Chunk]).
//
// Offsets and lines count in what the log says, not in what the disk holds:
// after decompression, and after UTF-16 has become UTF-8.
package files

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"time"

	"github.com/iochunt/iochunt/hunt"
)

const (
	bufferSize  = 1 << 20   // of a chunk: longer lines come in several
	readSize    = 256 << 10 // of a chunk, where the lines are no longer: it stays in the cache of a core
	overlapSize = 128 << 10 // of the chunks of one long line: every token up to half of it is seen whole

	// DefaultMaxDecompressed is far above what logs unpack to: 64 GiB.
	DefaultMaxDecompressed = 64 << 30
)

// Options says what is read and how. The zero value is what most want.
type Options struct {
	NoRecurse   bool // a directory is skipped, not read
	FollowLinks bool // also follow links that are found, even out of a named directory

	// Globs, "**" included. One without a slash is held against the last
	// element of the path, one with a slash against the path or its end, as in
	// GNU grep. If Include has any, a file must match one of them.
	Include    []string
	Exclude    []string
	ExcludeDir []string

	NoDecompress    bool  // search compressed files as they are
	MaxDecompressed int64 // bytes that one log may unpack to; 0 means DefaultMaxDecompressed

	buffer, overlap int // tests make them small
	partSize        int64
}

func (o Options) maxDecompressed() int64 {
	if o.MaxDecompressed > 0 {
		return o.MaxDecompressed
	}
	return DefaultMaxDecompressed
}

// part returns how big the parts of a file are.
func (o Options) part() int64 {
	if o.partSize > 0 {
		return o.partSize
	}
	return partSize
}

// File is a log that is a file on disk. It is opened when it is read, which can
// be done once.
type File struct {
	name  string
	open  func(context.Context) (*os.File, error)
	opts  Options
	mtime time.Time
	size  int64 // of a regular file, when it was found
	notes []string
}

var (
	_ hunt.Log   = (*File)(nil)
	_ hunt.Dated = (*File)(nil)
	_ hunt.Noted = (*File)(nil)
)

// Name returns the path, as it follows from what was named.
func (f *File) Name() string { return f.name }

// ModTime returns when the file was last written; the time is not known of a
// pipe or device.
func (f *File) ModTime() (time.Time, bool) { return f.mtime, !f.mtime.IsZero() }

// Notes returns what was odd about the file.
func (f *File) Notes() []string { return f.notes }

// Chunks reads the file.
func (f *File) Chunks(ctx context.Context) iter.Seq2[hunt.Chunk, error] {
	return func(yield func(hunt.Chunk, error) bool) {
		file, err := f.open(ctx)
		if err != nil {
			yield(hunt.Chunk{}, err)
			return
		}
		defer file.Close()
		fi, err := file.Stat()
		if err != nil {
			yield(hunt.Chunk{}, err)
			return
		}
		if fi.Mode().IsRegular() {
			f.mtime = fi.ModTime()
		}
		stop := context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Unix(1, 0)) })
		defer stop()
		src := io.Reader(file)
		if fi.Mode().IsRegular() {
			src = &endless{File: file}
		}
		f.notes = read(ctx, src, !fi.Mode().IsRegular(), f.opts, yield)
	}
}

// endless reads a file that calls itself regular. Some of /proc wait for news
// at their end, like a pipe: that wait is made an error. Files on a disk take
// no deadline, and need none.
type endless struct {
	*os.File
	idle time.Duration // how long one read may wait; 0 means a second
}

func (e *endless) Read(p []byte) (int, error) {
	idle := e.idle
	if idle == 0 {
		idle = time.Second
	}
	waits := e.SetReadDeadline(time.Now().Add(idle)) == nil
	n, err := e.File.Read(p)
	if waits && errors.Is(err, os.ErrDeadlineExceeded) {
		err = errors.New("it has no end: it waits for news like a pipe")
	}
	return n, err
}

// Stdin returns standard input, or any other stream, as a log. What arrives is
// searched as soon as a line is complete. A cancelled ctx ends the reading at
// once, even while r waits; r then still has one Read going on.
func Stdin(opts Options, r io.Reader, label string) hunt.Log {
	s := &stream{r: r, label: label, opts: opts}
	if f, ok := r.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if fi, err := f.Stat(); err == nil && fi.Mode().IsRegular() {
			s.mtime = fi.ModTime()
		}
	}
	return s
}

type stream struct {
	r     io.Reader
	label string
	opts  Options
	mtime time.Time // known where input is redirected from a file
	notes []string
}

func (s *stream) Name() string               { return s.label }
func (s *stream) ModTime() (time.Time, bool) { return s.mtime, !s.mtime.IsZero() }
func (s *stream) Notes() []string            { return s.notes }

func (s *stream) Chunks(ctx context.Context) iter.Seq2[hunt.Chunk, error] {
	return func(yield func(hunt.Chunk, error) bool) {
		s.notes = read(ctx, &patient{ctx: ctx, r: s.r}, true, s.opts, yield)
	}
}

// patient is a reader whose wait ends with ctx. The read itself goes on in its
// goroutine, with a buffer of its own.
type patient struct {
	ctx  context.Context
	r    io.Reader
	buf  []byte
	done chan result
}

type result struct {
	n   int
	err error
}

func (p *patient) Read(dst []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err // a read that was left waiting still has buf
	}
	if p.done == nil {
		p.done = make(chan result, 1)
		p.buf = make([]byte, 64<<10)
	}
	buf := p.buf[:min(len(dst), len(p.buf))]
	go func() {
		n, err := p.r.Read(buf)
		p.done <- result{n, err}
	}()
	select {
	case got := <-p.done:
		return copy(dst, buf[:got.n]), got.err
	case <-p.ctx.Done():
		return 0, p.ctx.Err()
	}
}
