package collect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"

	"github.com/iochunt/iochunt/collect/filefmt"
	"github.com/iochunt/iochunt/internal/httpx"
	"github.com/iochunt/iochunt/internal/ioc"
)

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
	if f.url != nil && isPage(head) {
		return filefmt.Format{}, errors.New("a page for people came in place of a list; to read its text all the same, set format: text")
	}
	return filefmt.Detect(name, head), nil
}

// isPage tells a page of a login or a portal by its beginning.
func isPage(head []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(head[:min(len(head), 512)]))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
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
