package collect

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// An archive of lists is read twice. The first time tells whether it is whole
// and what is in it, before anything of it is stored: half an archive would
// withdraw the lists that stand in the other half. The second time reads the
// lists that have changed, one at a time, and makes sure that it is the same
// archive still. Nothing of an archive is ever written to a disk, and its names
// are ids, no paths.

// Bounds on an archive, beside max_mib.
const (
	maxMembers    = 100_000 // called *.json
	maxMemberName = 1 << 10 // bytes
)

// isArchive reports whether a file is a tar archive, plain or in gzip. Its name
// does not tell: the address of an archive of a repository need not end in
// .tar.gz.
func isArchive(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	_, is := untar(f)
	return is, nil
}

// untar undoes gzip and tells tar by its sign (POSIX ustar and what came of it).
func untar(r io.Reader) (*bufio.Reader, bool) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); string(magic) == "\x1f\x8b" {
		z, err := gzip.NewReader(b)
		if err != nil {
			return b, false
		}
		b = bufio.NewReader(z)
	}
	head, _ := b.Peek(512)
	return b, len(head) == 512 && string(head[257:262]) == "ustar"
}

// archive reads the lists of an archive that have changed. Its error says that
// the archive as a whole could not be read.
func (r *listRun) archive(ctx context.Context, s *source) error {
	in, sum, err := r.index(ctx, s)
	if err != nil {
		return err
	}
	mark := s.mark
	mark.Sum, mark.None = sum+"/"+r.how, true
	mark.Reports = slices.Sorted(maps.Keys(in.sums))
	for _, id := range mark.Reports {
		r.here[id] = true
	}
	old, had := r.pack.cursor.Files[s.id]
	if had && old.Sum == mark.Sum {
		r.pack.keep(s.id, mark)
		return nil
	}
	// Whoever is stopped from here on must not take the archive for the old one.
	r.pack.keep(s.id, fileMark{Size: -1, None: old.None || !had})
	r.alone = false
	if err := r.members(ctx, s, in, sum); err != nil {
		return err
	}
	if len(r.missed) == 0 {
		r.none[s.id] = mark
	}
	return nil
}

// members reads the lists that have changed.
func (r *listRun) members(ctx context.Context, s *source, in *contents, sum string) error {
	again, err := r.walk(ctx, s, func(m *member) error {
		id := in.id(m.name)
		switch {
		case !m.isList() || r.have(id, in.sums[id]):
			return nil
		case r.excluded(id):
			r.leave(id, fileMark{Size: m.header.Size, Sum: in.sums[id] + "/" + r.how})
			return nil
		case m.bad != nil:
			return r.failed(ctx, id, s.shown+": "+id, m.bad)
		}
		err := r.member(s, in, m)
		if errors.Is(err, errChanged) {
			return err
		}
		return r.failed(ctx, id, s.shown+": "+id, err)
	})
	if err == nil && again != sum {
		err = errChanged
	}
	return err
}

// have reports whether what a member holds is what was read of it before.
func (r *listRun) have(id, sum string) bool {
	old, had := r.pack.cursor.Files[id]
	return had && old.Sum == sum+"/"+r.how
}

func (r *listRun) member(s *source, in *contents, m *member) error {
	id := in.id(m.name)
	v := &reading{id: id, url: s.url, mtime: m.header.ModTime.UTC()}
	h := sha256.New()
	if err := v.parse(io.TeeReader(m.body, h)); err != nil {
		return err
	}
	sum := hex.EncodeToString(h.Sum(nil)[:16])
	if sum != in.sums[id] {
		return errChanged
	}
	v.mark = fileMark{Size: m.header.Size, Sum: sum + "/" + r.how}
	return r.take(v)
}

// contents says what is in an archive.
type contents struct {
	top  string            // the folder that everything lies in, with its slash; "" there is none
	sums map[string]string // of what may be lists, by id
}

// id is the name below the top folder.
func (c *contents) id(name string) string { return fileID(strings.TrimPrefix(name, c.top)) }

// index reads an archive for the first time.
func (r *listRun) index(ctx context.Context, s *source) (*contents, string, error) {
	sums, top := make(map[string]string), &topFolder{}
	sum, err := r.walk(ctx, s, func(m *member) error {
		top.add(m)
		if !m.isList() {
			return nil
		}
		if _, twice := sums[m.name]; twice {
			return fmt.Errorf("it holds %.200q twice", m.name)
		}
		if len(sums) == maxMembers {
			return fmt.Errorf("it holds more than %d JSON files", maxMembers)
		}
		sum, err := m.sum()
		sums[m.name] = sum
		return err
	})
	if err != nil {
		return nil, "", err
	}
	c := &contents{top: top.common, sums: make(map[string]string, len(sums))}
	for name, sum := range sums {
		id := c.id(name)
		if _, twice := c.sums[id]; twice || id == s.id {
			return nil, "", fmt.Errorf("two things in it have the id %.200q", id)
		}
		c.sums[id] = sum
	}
	return c, sum, nil
}

// topFolder finds the folder that all members lie in.
type topFolder struct {
	common string
	begun  bool
}

func (t *topFolder) add(m *member) {
	if m.outside() {
		return
	}
	folder, _, below := strings.Cut(m.name, "/")
	if folder += "/"; !below && m.header.Typeflag != tar.TypeDir {
		folder = ""
	}
	if !t.begun {
		t.begun, t.common = true, folder
	}
	if t.common != folder {
		t.common = ""
	}
}

// member is one thing in an archive.
type member struct {
	header *tar.Header
	name   string // clean
	body   io.Reader
	bad    error // why it cannot be read
}

func (m *member) isList() bool {
	return strings.HasSuffix(strings.ToLower(m.name), ".json") && m.header.Typeflag != tar.TypeDir && (m.outside() || !hidden(m.name))
}

// outside reports whether the name leads out of the archive, on any system.
func (m *member) outside() bool { return !fs.ValidPath(m.name) || strings.Contains(m.name, `\`) }

// walk shows all members of an archive and returns the digest of the file. An
// archive without its end is an error, as is one that unpacks to too much.
func (r *listRun) walk(ctx context.Context, s *source, visit func(*member) error) (string, error) {
	file, err := os.Open(s.file)
	if err != nil {
		return "", err
	}
	defer file.Close()
	raw := &summed{ctx: ctx, r: file, sum: sha256.New()}
	plain, is := untar(raw)
	if !is {
		return "", errChanged // it was one when it was looked at
	}
	packed, bodies := r.newBudget(plain), r.newBudget(nil)
	if err = each(tar.NewReader(packed), bodies, visit); err == nil && packed.zeros < 512 {
		err = errors.New("it has been cut: the mark of its end is missing")
	}
	if err == nil {
		_, err = io.Copy(io.Discard, packed) // with the checksum of gzip behind it
	}
	if err == nil {
		_, err = io.Copy(io.Discard, raw)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("it has been cut: %w", err)
	}
	if err != nil && !errors.Is(err, errFileStop) {
		err = fmt.Errorf("archive: %w", err)
	}
	return hex.EncodeToString(raw.sum.Sum(nil)[:16]), err
}

func each(t *tar.Reader, bodies *budget, visit func(*member) error) error {
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		bodies.r = t
		m := &member{header: h, name: strings.ToValidUTF8(path.Clean(h.Name), "\uFFFD"), body: bodies}
		if h.Typeflag == tar.TypeXGlobalHeader || m.name == "." {
			continue
		}
		m.bad = m.check()
		if err := visit(m); err != nil {
			return err
		}
	}
}

// sum is the digest of what the member holds, "" where that is not read.
func (m *member) sum() (sum string, err error) {
	if m.bad == nil {
		h := sha256.New()
		_, err = io.Copy(h, m.body)
		sum = hex.EncodeToString(h.Sum(nil)[:16])
	}
	return sum, err
}

// check says why a member cannot be read.
func (m *member) check() error {
	switch {
	case len(m.name) > maxMemberName:
		m.name = m.name[:maxMemberName] + ".json"
		return fmt.Errorf("its name is longer than %d bytes", maxMemberName)
	case m.outside():
		return errors.New("its name leads out of the archive")
	case m.header.Typeflag != tar.TypeReg:
		return errors.New("it is no plain file; links in an archive are not followed")
	}
	return nil
}

// budget bounds what comes out of an archive, and counts the zeros at its end.
type budget struct {
	r      io.Reader
	left   int64
	maxMiB int64
	zeros  int64
}

func (r *listRun) newBudget(rd io.Reader) *budget {
	return &budget{r: rd, left: r.limit(), maxMiB: r.maxMiB}
}

func (b *budget) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, fmt.Errorf("it unpacks to more than %d MiB; raise max_mib if it is meant to be that long", b.maxMiB)
	}
	i := n
	for i > 0 && p[i-1] == 0 {
		i--
	}
	if i > 0 {
		b.zeros = 0
	}
	b.zeros += int64(n - i)
	return n, err
}
