package collect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/iochunt/iochunt/collect/filefmt"
	"github.com/iochunt/iochunt/internal/httpx"
	"github.com/iochunt/iochunt/internal/ioc"
)

// source is one file to be read.
type source struct {
	id    string // the path below the configured one, or the URL without its secrets
	shown string // where it is, for errors
	file  string // where to open it
	url   string // where a person can read it
	temp  bool   // file is ours and goes with the run
	same  bool   // the server says that it has not changed
	err   error  // why it cannot be read
	mark  fileMark
	mtime time.Time
}

func (s *source) close() {
	if s.temp {
		os.Remove(s.file)
	}
}

// list returns the files that path leads to, sorted by id. There is always at
// least one.
func (f *fileFeed) list() ([]*source, error) {
	base, names, err := match(f.set.Path)
	if err != nil {
		return nil, fmt.Errorf("path %s: %w", f.set.Path, err)
	}
	out := make([]*source, 0, len(names))
	for _, n := range names {
		p := filepath.Join(base, filepath.FromSlash(n))
		s := &source{id: fileID(n), shown: p, file: p}
		st, err := os.Stat(p)
		switch {
		case err != nil:
			s.err = err
		case !st.Mode().IsRegular():
			s.err = errors.New("not a regular file")
		default:
			s.mtime = st.ModTime().UTC()
			s.mark = fileMark{Size: st.Size(), MTime: s.mtime.UnixNano(), Changed: changed(st)}
		}
		out = append(out, s)
	}
	return out, nil
}

// fileID makes a file's name one that JSON can hold and that no report within
// another file can have.
func fileID(name string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(name, "\uFFFD"), "#", "%23")
}

// match returns the folder in which the files lie, and their names below it.
func match(pattern string) (base string, names []string, err error) {
	st, err := os.Stat(pattern)
	switch {
	case err == nil && !st.IsDir():
		return filepath.Dir(pattern), []string{filepath.Base(pattern)}, nil
	case err == nil:
		base, pattern = pattern, "**"
	case !strings.ContainsAny(pattern, "*?[{"):
		return "", nil, err
	default:
		base, pattern = doublestar.SplitPattern(filepath.ToSlash(pattern))
		if _, err := os.Stat(base); err != nil {
			return "", nil, err
		}
	}
	names, err = doublestar.Glob(os.DirFS(base), pattern, doublestar.WithFailOnIOErrors(), doublestar.WithFilesOnly())
	if err != nil {
		return "", nil, err
	}
	if !strings.HasPrefix(pattern, ".") && !strings.Contains(pattern, "/.") {
		names = slices.DeleteFunc(names, hidden)
	}
	if len(names) == 0 {
		return "", nil, fmt.Errorf("it leads to no file: %w", fs.ErrNotExist)
	}
	slices.Sort(names)
	return base, slices.Compact(names), nil
}

// hidden reports whether a part of name begins with a dot: as in a shell, such
// files are only meant when they are named.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.Contains(name, "/.")
}

// urlID is the id of the report behind a URL: without the user, and with a
// digest in place of the query, since both may be secrets.
func urlID(u *url.URL) string {
	id := httpx.SafeURL(u)
	if u.RawQuery != "" {
		sum := sha256.Sum256([]byte(u.RawQuery))
		id += "?" + hex.EncodeToString(sum[:4])
	}
	return id
}

// fetch gets what is behind the URL into a temporary file, unless the server
// says that it is what we have.
func (f *fileFeed) fetch(ctx context.Context, id string, old fileMark) (*source, error) {
	s := &source{id: id, shown: id, url: httpx.SafeURL(f.url), temp: true}
	req, err := f.request(ctx)
	if err != nil {
		return nil, err
	}
	conditional := strings.HasSuffix(old.Sum, f.how) && old.ETag+old.Modified != ""
	if conditional {
		setUnlessEmpty(req.Header, "If-None-Match", old.ETag)
		setUnlessEmpty(req.Header, "If-Modified-Since", old.Modified)
	}
	err = httpx.Policy{MaxBody: f.limit()}.Do(f.http, req, func(resp *http.Response) error {
		if resp.StatusCode == http.StatusNotModified && conditional {
			s.same = true
			return nil
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: status %d, which is not an answer to what was asked", id, resp.StatusCode)
		}
		return s.save(resp)
	})
	if err != nil {
		s.close()
		return nil, authError(err)
	}
	return s, nil
}

func (f *fileFeed) limit() int64 { return f.set.MaxMiB << 20 }

func (f *fileFeed) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url.String(), nil)
	if err != nil {
		return nil, errors.New("url: no request can be made of it")
	}
	return req, nil
}

func setUnlessEmpty(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

// authError marks an error that another credential would mend.
func authError(err error) error {
	var status *httpx.StatusError
	if errors.As(err, &status) && (status.Code == http.StatusUnauthorized || status.Code == http.StatusForbidden) {
		return fmt.Errorf("%w: %w", ErrAuth, err)
	}
	return err
}

// save writes the body of an answer to a temporary file.
func (s *source) save(resp *http.Response) (err error) {
	s.close() // of a try before this one
	tmp, err := os.CreateTemp("", "iochunt-*.list")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tmp.Close()) }()
	s.file = tmp.Name()
	n, err := io.Copy(tmp, resp.Body)
	s.mtime, _ = http.ParseTime(resp.Header.Get("Last-Modified"))
	s.mtime = s.mtime.UTC()
	s.mark = fileMark{Size: n, ETag: resp.Header.Get("ETag"), Modified: resp.Header.Get("Last-Modified")}
	return err
}

// checkURL reads the beginning of what is behind the URL.
func (f *fileFeed) checkURL(ctx context.Context) (string, error) {
	req, err := f.request(ctx)
	if err != nil {
		return "", err
	}
	says := ""
	err = httpx.Policy{Attempts: 2}.Do(f.http, req, func(resp *http.Response) error {
		r, err := filefmt.Open(resp.Body, f.limit())
		if err != nil {
			return err
		}
		head, _ := r.Peek(filefmt.HeadSize)
		form, err := f.formatOf(f.url.Path, head)
		says = "answers, looks like " + form.Name
		return err
	})
	return says, authError(err)
}

// formatOf returns the format to read a file in. A page of a login or a portal
// in place of a list is not mistaken for one.
func (f *fileFeed) formatOf(name string, head []byte) (filefmt.Format, error) {
	if f.format.Name != "" {
		return f.format, nil
	}
	start := bytes.ToLower(bytes.TrimSpace(head[:min(len(head), 512)]))
	if f.url != nil && (bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))) {
		return filefmt.Format{}, errors.New("a page for people came in place of a list; to read its text all the same, set format: text")
	}
	return filefmt.Detect(name, head), nil
}

// survey is what the first reading of a file finds out.
type survey struct {
	sum    string // of the content, and of how it is read
	format filefmt.Format
	about  map[string]*ioc.Report // by the key of the report in the file
	keys   []string               // of about, in the order of the file
}

// maxReports is how many reports one file may hold, as all of them are in
// memory while it is read.
const maxReports = 200_000

var errChanged = errors.New("it changed while it was read; the next run reads it again")

// survey reads a file to its end: to find out whether it can be read at all
// before anything of it is stored, whether it is new, and what it says of its
// reports, which may stand behind their values.
func (f *fileFeed) survey(ctx context.Context, s *source) (*survey, error) {
	v := &survey{about: make(map[string]*ioc.Report)}
	sum, err := f.open(ctx, s, func(r io.Reader, head []byte) (err error) {
		if v.format, err = f.formatOf(s.id, head); err != nil {
			return err
		}
		if !v.format.Whole {
			_, err = io.Copy(io.Discard, r)
			return err
		}
		return v.format.Read(r, f.options, v.note)
	})
	v.sum = sum + "/" + f.how
	return v, err
}

// note keeps what a file says of its reports.
func (v *survey) note(i *filefmt.Item) error {
	if i.About == nil {
		return nil
	}
	if _, seen := v.about[i.Report]; !seen {
		if len(v.keys) == maxReports {
			return fmt.Errorf("it holds more than %d reports; split it", maxReports)
		}
		v.keys = append(v.keys, i.Report)
	}
	rep := *i.About
	v.about[i.Report] = &rep
	return nil
}

// read reads a file for the second time and makes sure that it is the same.
func (f *fileFeed) read(ctx context.Context, s *source, v *survey, emit filefmt.Emit) error {
	sum, err := f.open(ctx, s, func(r io.Reader, _ []byte) error { return v.format.Read(r, f.options, emit) })
	if err == nil && sum+"/"+f.how != v.sum {
		return errChanged
	}
	return err
}

// open lets use read the plain content of a file and returns the digest of the
// file as it lies there.
func (f *fileFeed) open(ctx context.Context, s *source, use func(r io.Reader, head []byte) error) (string, error) {
	file, err := os.Open(s.file)
	if err != nil {
		return "", err
	}
	defer file.Close()
	raw := &summed{ctx: ctx, r: file, sum: sha256.New()}
	r, err := filefmt.Open(raw, f.limit())
	if err == nil {
		head, _ := r.Peek(filefmt.HeadSize)
		err = use(r, head)
	}
	if errors.Is(err, filefmt.ErrTooBig) {
		err = fmt.Errorf("%w; raise max_mib (%d) if it is meant to be that long", err, f.set.MaxMiB)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, raw) // what the format left
	}
	return hex.EncodeToString(raw.sum.Sum(nil)[:16]), err
}

// summed adds up what is read, and ends with its context.
type summed struct {
	ctx context.Context
	r   io.Reader
	sum hash.Hash
}

func (s *summed) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	return n, err
}

// report returns what is known of a report of a file.
func (s *source) report(v *survey, key string) ioc.Report {
	var r ioc.Report
	if a := v.about[key]; a != nil {
		r = *a
	}
	own := r.ID
	r.ID = s.id
	if key != "" {
		r.ID = s.id + "#" + firstOf(own, key)
	}
	r.Name = firstOf(r.Name, path.Base(s.id))
	r.URL = firstOf(r.URL, s.url)
	if r.Modified.IsZero() {
		r.Modified = s.mtime
	}
	return r
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
