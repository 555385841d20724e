package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // a file's name, as cabby makes it
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/collect/taxii/taxii1"
	"github.com/iochunt/iochunt/internal/term"
)

// pollFlags say what is wanted of a collection.
type pollFlags struct {
	taxiiFlags
	collection   string
	destDir      string
	limit        int
	raw          bool
	begin, end   string
	bindings     []string
	subscription string
	countOnly    bool
}

func newTAXIIPoll(a *app) *cobra.Command {
	var f pollFlags
	cmd := &cobra.Command{
		Use: "poll", Short: "Fetch the content of a collection", Args: cobra.NoArgs,
		Example: "  iochunt taxii poll --path https://otx.alienvault.com/taxii/poll -c user_AlienVault --begin 2024-05-01 --username-file otx.key\n" +
			"  iochunt taxii poll --discovery https://taxii.example/taxii/discovery -c feed --dest-dir blocks",
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := f.query() // before anybody is asked for a password
			if err != nil {
				return err
			}
			s, err := a.taxiiSession(cmd, &f.taxiiFlags)
			if err != nil {
				return err
			}
			return s.explain(s.poll(s.tellRetries(cmd.Context(), ""), &f, q))
		},
	}
	s := cmd.Flags()
	s.StringVarP(&f.collection, "collection", "c", "", "name (TAXII 2: id) of the collection")
	s.StringVar(&f.destDir, "dest-dir", "", "write each block (TAXII 2: object) to a file of its own in this folder")
	s.IntVarP(&f.limit, "limit", "l", 0, "stop after so many blocks; 0: all")
	s.BoolVarP(&f.raw, "raw", "r", false, "print the contents alone, without headings")
	s.StringVar(&f.begin, "begin", "", "only what is labelled after this time (2024-05-01, 2024-05-01T10:00:00Z; without a zone: UTC)")
	s.StringVar(&f.end, "end", "", "only what is labelled until this time, that time included")
	s.StringSliceVarP(&f.bindings, "bindings", "b", nil, "only content of these kinds (urn:stix.mitre.org:xml:1.1.1, ...)")
	s.StringVarP(&f.subscription, "subscription", "s", "", "poll by this subscription")
	s.BoolVar(&f.countOnly, "count-only", false, "only ask how many blocks there are")
	f.add(cmd, &a.verbose)
	_ = cmd.MarkFlagRequired("collection")
	return cmd
}

// query is what the flags ask of a TAXII 1 server.
func (f *pollFlags) query() (taxii1.Query, error) {
	q := taxii1.Query{Collection: f.collection, Bindings: f.bindings, SubscriptionID: f.subscription, CountOnly: f.countOnly, MaxBytes: maxTAXIIAnswer}
	switch {
	case f.limit < 0:
		return q, usage("--limit must not be negative")
	case f.collection == "":
		return q, usage("--collection is empty; iochunt taxii collections lists their names")
	}
	var err error
	if q.Begin, err = instant("--begin", f.begin); err != nil {
		return q, err
	}
	if q.End, err = instant("--end", f.end); err != nil {
		return q, err
	}
	if !q.Begin.IsZero() && !q.End.IsZero() && q.End.Before(q.Begin) {
		return q, usage("--end lies before --begin")
	}
	return q, nil
}

// maxTAXIIAnswer bounds one answer, which is spooled on the way.
const maxTAXIIAnswer = 1 << 30

// instant reads a time as people write it; without a zone it is UTC.
func instant(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, day := range []string{"2006-01-02T", "2006-01-02 "} {
		for _, clock := range []string{"15:04:05.999999999", "15:04"} {
			for _, zone := range []string{"", "Z07:00", "Z0700", " Z07:00", " Z0700"} {
				if t, err := time.Parse(day+clock+zone, s); err == nil {
					return t.UTC(), nil
				}
			}
		}
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	return time.Time{}, usage("%s %q is no time such as 2024-05-01 or 2024-05-01T10:20:30Z", flag, s)
}

// errPollLimit ends a poll that has brought what was asked for.
var errPollLimit = errors.New("the limit is reached")

// poll fetches a collection.
func (s *taxiiSession) poll(ctx context.Context, f *pollFlags, q taxii1.Query) error {
	if f.destDir != "" {
		if err := os.MkdirAll(f.destDir, 0o755); err != nil {
			return err
		}
	}
	out := &blockWriter{session: s, flags: f}
	if s.v2 {
		return s.pollObjects(ctx, f, q, out)
	}
	u, err := s.service(ctx, "POLL")
	if err != nil {
		return err
	}
	res, err := s.one().Poll(ctx, u, q, out.block)
	if errors.Is(err, errPollLimit) {
		s.note("iochunt: stopped after %s, as --limit says; the collection may have more", plural(out.n, "content block"))
		err = nil
	}
	for _, m := range append(res.Messages, res.Notes...) {
		s.note("iochunt: %s", m)
	}
	if f.countOnly && err == nil {
		return s.tellCount(res)
	}
	return out.end(err, "content block")
}

// tellCount shows the answer to COUNT_ONLY. A partial count is one that the
// whole is not below.
func (s *taxiiSession) tellCount(res taxii1.Result) error {
	n, least := res.Count, ""
	if n < 0 {
		n, least = res.PartialCount, "at least "
	}
	if n < 0 {
		s.note("iochunt: the server did not say how many there are")
		return quietly(exitPartial)
	}
	if s.json {
		return s.line("summary", map[string]any{"count": n, "at_least": least != ""})
	}
	fmt.Fprintf(s.out, "%s%s\n", least, plural(n, "content block"))
	return nil
}

// blockWriter shows or keeps the blocks of a poll.
type blockWriter struct {
	session *taxiiSession
	flags   *pollFlags
	n, bad  int
}

// blockJSON is the "taxii_block" object of docs/output.md.
type blockJSON struct {
	Collection string    `json:"collection"`
	Part       int       `json:"part,omitempty"`
	Index      int       `json:"index"`
	Binding    string    `json:"binding,omitempty"`
	Label      time.Time `json:"label,omitzero"`
	Bytes      int       `json:"bytes"`
	File       string    `json:"file,omitempty"`
	Bad        string    `json:"bad,omitempty"` // why it cannot be read; the content is what came
	Content    string    `json:"content,omitempty"`
}

// block takes one content block.
func (w *blockWriter) block(b *taxii1.Block) error {
	content, err := io.ReadAll(b.Content())
	if err != nil {
		return err
	}
	j := blockJSON{Collection: w.flags.collection, Part: b.Part, Index: b.Index, Binding: b.Binding, Label: b.Label, Bytes: len(content)}
	if b.Bad != nil {
		w.bad++
		j.Bad = b.Bad.Error()
		w.session.note("iochunt: block %d of part %d cannot be read: %v", b.Index, b.Part, b.Bad)
	}
	return w.put(&j, content)
}

// put shows or keeps one piece of content.
func (w *blockWriter) put(j *blockJSON, content []byte) (err error) {
	w.n++
	s := w.session
	switch {
	case w.flags.destDir != "":
		if j.File, err = w.save(content); err == nil {
			err = w.told(j)
		}
	case s.quiet():
	case s.json:
		j.Content = string(content)
		err = s.line("taxii_block", j)
	default:
		err = w.show(j, content)
	}
	if err == nil && w.flags.limit > 0 && w.n >= w.flags.limit {
		err = errPollLimit
	}
	return err
}

// told says where a block was written.
func (w *blockWriter) told(j *blockJSON) error {
	switch s := w.session; {
	case s.json:
		return s.line("taxii_block", j)
	case !s.quiet():
		fmt.Fprintln(s.out, escape(j.File))
	}
	return nil
}

// save writes a block to a file named as cabby names it: by the collection and
// the MD5 of the content, so that the same block is the same file.
func (w *blockWriter) save(content []byte) (string, error) {
	sum := md5.Sum(content) //nolint:gosec // a name
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, w.flags.collection) + "_" + hex.EncodeToString(sum[:])
	path := filepath.Join(w.flags.destDir, name)
	tmp, err := os.CreateTemp(w.flags.destDir, ".iochunt-*")
	if err != nil {
		return "", err
	}
	_, err = tmp.Write(content)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(tmp.Name()))
	}
	return path, nil
}

// show prints a block. What a feed sent may hold anything, so a terminal gets
// it escaped.
func (w *blockWriter) show(j *blockJSON, content []byte) error {
	s := w.session
	if !w.flags.raw {
		label := ""
		if !j.Label.IsZero() {
			label = ", labelled " + j.Label.Format(time.RFC3339Nano)
		}
		fmt.Fprintf(s.out, "== block %d (%s%s)\n", w.n, escape(cmp.Or(j.Binding, "no binding")), label)
	}
	if terminal(s.out) {
		return showLines(s.out, content)
	}
	_, err := s.out.Write(append(bytes.TrimRight(content, "\n"), '\n'))
	return err
}

// showLines writes text line by line with everything escaped that a terminal
// would obey.
func showLines(out io.Writer, text []byte) error {
	w := bufio.NewWriter(out)
	for line := range bytes.Lines(text) {
		fmt.Fprintln(w, term.EscapeString(string(bytes.TrimRight(line, "\r\n"))))
	}
	return w.Flush()
}

// end closes a poll: what came is counted also where it broke off.
func (w *blockWriter) end(err error, word string) error {
	s := w.session
	switch {
	case s.quiet():
	case s.json:
		if e := s.line("summary", map[string]int{"blocks": w.n, "bad": w.bad}); err == nil {
			err = e
		}
	case err == nil || w.n > 0:
		s.note("%s polled", plural(w.n, word))
	}
	switch {
	case err != nil && w.n > 0:
		return &exitError{code: partialCode(err), err: fmt.Errorf("after %s: %w", plural(w.n, word), err)}
	case err != nil:
		return err
	case w.bad > 0:
		return quietly(exitPartial)
	}
	return nil
}
