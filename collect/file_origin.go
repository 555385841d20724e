package collect

import (
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
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/iochunt/iochunt/collect/filefmt"
	"github.com/iochunt/iochunt/internal/httpx"
)

// origin is where the files of a feed come from: a path or a URL.
type origin struct {
	path   string
	url    *url.URL // nil: path
	http   *http.Client
	maxMiB int64  // most content of one file, unpacked
	how    string // fingerprint of what decides how a file is read
}

// newOrigin checks the settings that all feeds of files have. Exactly one of
// path and address is set.
func newOrigin(path, address string, allowHTTP bool, maxMiB int64, client *http.Client) (o origin, err error) {
	o = origin{path: path, http: client, maxMiB: maxMiB}
	if (path == "") == (address == "") {
		return o, errors.New("either path or url has to be set")
	}
	if maxMiB < 1 || maxMiB > 1<<20 {
		return o, fmt.Errorf("max_mib: %d is not between 1 and %d", maxMiB, 1<<20)
	}
	if address == "" {
		return o, nil
	}
	o.url, err = url.Parse(address)
	if err != nil || o.url.Host == "" {
		return o, errors.New("url: it is not a URL such as https://host/list.txt") // the URL itself may hold a secret
	}
	switch {
	case o.url.Scheme == "https":
	case o.url.Scheme != "http":
		return o, fmt.Errorf("url: the scheme %q is not https", o.url.Scheme)
	case !httpx.Loopback(o.url.Hostname()) && !allowHTTP:
		return o, fmt.Errorf("url: a list over plain http from %s can be changed on its way; use https, or set allow_http: true", o.url.Host)
	}
	if client == nil {
		o.http, err = httpx.New(httpx.Options{})
	}
	return o, err
}

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

// sources lists the files, or fetches what is behind the URL.
func (o *origin) sources(ctx context.Context, c fileCursor) ([]*source, error) {
	if o.url == nil {
		return o.list()
	}
	id := urlID(o.url)
	s, err := o.fetch(ctx, id, c.Files[id])
	return []*source{s}, err
}

// readAsNow reports whether a file was read as it would be now.
func (o *origin) readAsNow(m fileMark) bool { return strings.HasSuffix(m.Sum, o.how) }

// untouched reports whether a file is as it was, by what can be told without
// reading it.
func (o *origin) untouched(s *source, old fileMark) bool {
	return o.url == nil && s.err == nil && old.Size == s.mark.Size && old.MTime == s.mark.MTime && old.Changed == s.mark.Changed
}

// list returns the files that path leads to, sorted by id. There is always at
// least one.
func (o *origin) list() ([]*source, error) {
	base, names, err := match(o.path)
	if err != nil {
		return nil, fmt.Errorf("path %s: %w", o.path, err)
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
func (o *origin) fetch(ctx context.Context, id string, old fileMark) (*source, error) {
	s := &source{id: id, shown: id, url: httpx.SafeURL(o.url), temp: true}
	req, err := o.request(ctx)
	if err != nil {
		return nil, err
	}
	conditional := o.readAsNow(old) && old.ETag+old.Modified != ""
	if conditional {
		setUnlessEmpty(req.Header, "If-None-Match", old.ETag)
		setUnlessEmpty(req.Header, "If-Modified-Since", old.Modified)
	}
	err = httpx.Policy{MaxBody: o.limit()}.Do(o.http, req, func(resp *http.Response) error {
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

func (o *origin) limit() int64 { return o.maxMiB << 20 }

func (o *origin) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url.String(), nil)
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

// open lets use read the plain content of a file and returns the digest of the
// file as it lies there.
func (o *origin) open(ctx context.Context, s *source, use func(r io.Reader, head []byte) error) (string, error) {
	file, err := os.Open(s.file)
	if err != nil {
		return "", err
	}
	defer file.Close()
	raw := &summed{ctx: ctx, r: file, sum: sha256.New()}
	r, err := filefmt.Open(raw, o.limit())
	if err == nil {
		head, _ := r.Peek(filefmt.HeadSize)
		err = use(r, head)
	}
	if errors.Is(err, filefmt.ErrTooBig) {
		err = fmt.Errorf("%w; raise max_mib (%d) if it is meant to be that long", err, o.maxMiB)
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
