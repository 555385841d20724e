package main

import (
	"bytes"
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/collect/taxii/taxii1"
)

// pushFlags say what is sent, and where to.
type pushFlags struct {
	taxiiFlags
	content, binding, subtype string
	bindingSaid               bool
	dest                      []string
}

func newTAXIIPush(a *app) *cobra.Command {
	var f pushFlags
	cmd := &cobra.Command{
		Use: "push", Short: "Send content to an inbox (TAXII 2: objects to a collection)", Args: cobra.NoArgs,
		Example: "  iochunt taxii push --path https://taxii.example/taxii/inbox --dest mine --binding urn:stix.mitre.org:xml:1.1.1 --content-file package.xml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.bindingSaid = cmd.Flags().Changed("binding")
			s, err := a.taxiiSession(cmd, &f.taxiiFlags)
			if err != nil {
				return err
			}
			return s.explain(s.push(s.tellRetries(cmd.Context(), ""), &f))
		},
	}
	s := cmd.Flags()
	s.StringVarP(&f.content, "content-file", "f", "", "file with the content; - is standard input")
	s.StringVar(&f.binding, "binding", "urn:stix.mitre.org:xml:1.1.1", "kind of the content (TAXII 1)")
	s.StringVar(&f.subtype, "subtype", "", "subtype of the binding")
	s.StringArrayVar(&f.dest, "dest", nil, "collection that it is for (may be repeated)")
	f.add(cmd, &a.verbose)
	_ = cmd.MarkFlagRequired("content-file")
	return cmd
}

// push sends one file.
func (s *taxiiSession) push(ctx context.Context, f *pushFlags) error {
	content, err := s.readContent(f.content)
	if err != nil {
		return err
	}
	if s.v2 {
		return s.pushObjects(ctx, f, content)
	}
	if f.binding == "" {
		return usage("--binding is empty; it says what the content is, such as urn:stix.mitre.org:xml:1.2")
	}
	u, err := s.service(ctx, "INBOX")
	if err != nil {
		return err
	}
	m := taxii1.InboxMessage{Collections: f.dest, Binding: f.binding, Subtype: f.subtype, Content: content}
	if err := s.one().Push(ctx, u, m); err != nil {
		return err
	}
	return s.pushed(1, "content block")
}

// pushObjects sends a bundle, or an envelope, to one collection.
func (s *taxiiSession) pushObjects(ctx context.Context, f *pushFlags, content []byte) error {
	if len(f.dest) != 1 || f.bindingSaid || f.subtype != "" {
		return usage("TAXII 2 sends objects to one collection: give --dest ID, and neither --binding nor --subtype")
	}
	root, id, err := s.pollAddress(ctx, f.dest[0])
	if err != nil {
		return err
	}
	st, err := s.two().Push(ctx, root, id, bytes.NewReader(content))
	if err != nil {
		return err
	}
	for _, bad := range st.Failures {
		s.note("iochunt: the server did not take %s: %s", bad.ID, bad.Message)
	}
	if st.Pending > 0 {
		s.note("iochunt: the server has not yet dealt with %s", plural(st.Pending, "object"))
	}
	if err := s.pushed(st.Success, "object"); err != nil || len(st.Failures) == 0 {
		return err
	}
	return quietly(exitPartial)
}

// pushed says what was taken.
func (s *taxiiSession) pushed(n int, word string) error {
	if s.json {
		return s.line("summary", map[string]int{"pushed": n})
	}
	if !s.quiet() {
		s.note("%s pushed", plural(n, word))
	}
	return nil
}

// maxPush bounds what is sent at a time.
const maxPush = 100 << 20

func (s *taxiiSession) readContent(path string) ([]byte, error) {
	in := s.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	content, err := io.ReadAll(io.LimitReader(in, maxPush+1))
	if err == nil && len(content) > maxPush {
		err = usage("%s has more than %s; send it in parts", path, size(maxPush))
	}
	if err == nil && len(bytes.TrimSpace(content)) == 0 {
		err = usage("%s is empty", path)
	}
	return content, err
}
