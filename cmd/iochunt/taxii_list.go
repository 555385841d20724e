package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/collect/taxii/taxii1"
	"github.com/iochunt/iochunt/collect/taxii/taxii2"
	"github.com/iochunt/iochunt/internal/httpx"
)

func newTAXIIDiscovery(a *app) *cobra.Command {
	return a.newTAXIIList("discovery", "List the services (TAXII 2: the API roots) of a server", (*taxiiSession).discovery,
		"  iochunt taxii discovery --path https://otx.alienvault.com/taxii/discovery --username-file otx.key\n"+
			"  iochunt taxii discovery -t 2.1 --host taxii.example")
}

func newTAXIICollections(a *app) *cobra.Command {
	return a.newTAXIIList("collections", "List the collections that an account may read", (*taxiiSession).collections,
		"  iochunt taxii collections --path https://otx.alienvault.com/taxii/collections --username-file otx.key\n"+
			"  iochunt taxii collections -t 2.1 --path https://taxii.example/root/")
}

// newTAXIIList makes a command that shows what a server offers.
func (a *app) newTAXIIList(use, short string, list func(*taxiiSession, context.Context) error, example string) *cobra.Command {
	var f taxiiFlags
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := a.taxiiSession(cmd, &f)
			if err != nil {
				return err
			}
			return s.explain(list(s, s.tellRetries(cmd.Context(), "")))
		},
	}
	f.add(cmd, &a.verbose)
	return cmd
}

// taxiiSession is one command's talk to a server.
type taxiiSession struct {
	*app
	*taxiiFlags
	conn *taxii.Conn
	base *url.URL
	v2   bool
}

func (a *app) taxiiSession(cmd *cobra.Command, f *taxiiFlags) (*taxiiSession, error) {
	base, err := f.base(cmd)
	if err != nil {
		return nil, err
	}
	conn, err := a.dial(cmd.Context(), f, base)
	if err != nil {
		return nil, err
	}
	two, err := f.two()
	return &taxiiSession{app: a, taxiiFlags: f, conn: conn, base: base, v2: two}, err
}

// quiet says that the answers themselves are the output.
func (s *taxiiSession) quiet() bool { return s.asXML }

func (s *taxiiSession) one() *taxii1.Client { return taxii1.New(s.conn, s.version) }
func (s *taxiiSession) two() *taxii2.Client { return taxii2.New(s.conn, s.version) }

// service finds the address of a service of TAXII 1: --path, or what the
// discovery service names.
func (s *taxiiSession) service(ctx context.Context, types ...string) (*url.URL, error) {
	if s.path != "" {
		return s.base, nil
	}
	services, err := s.one().Discover(ctx, s.base)
	if err != nil {
		return nil, err
	}
	there, refused := s.one().Choose(services, types...)
	what := strings.ToLower(types[0])
	switch {
	case len(there) == 1:
		return there[0], nil
	case len(there) > 1:
		return nil, usage("the discovery service names %d %s services; choose one with --path: %s", len(there), what, joined(there))
	case refused != nil:
		return nil, refused
	}
	return nil, fmt.Errorf("the discovery service names no available %s service; give its address with --path", what)
}

// joined writes addresses for people.
func joined(addresses []*url.URL) string {
	texts := make([]string, len(addresses))
	for i, u := range addresses {
		texts[i] = httpx.SafeURL(u)
	}
	return strings.Join(texts, ", ")
}

// serviceJSON is the "taxii_service" object of docs/output.md.
type serviceJSON struct {
	Type      string   `json:"type"`
	Address   string   `json:"address"`
	Version   string   `json:"version,omitempty"`
	Protocol  string   `json:"protocol,omitempty"`
	Messages  []string `json:"message_bindings,omitempty"`
	Content   []string `json:"content_bindings,omitempty"`
	Available bool     `json:"available"`
	Message   string   `json:"message,omitempty"`
}

func (s *taxiiSession) discovery(ctx context.Context) error {
	if s.v2 {
		return s.roots(ctx)
	}
	services, err := s.one().Discover(ctx, s.base)
	if err != nil || s.quiet() {
		return err
	}
	for _, v := range services {
		if s.json {
			j := serviceJSON{v.Type, v.Address, v.Version, v.Protocol, v.Messages, bindingTexts(v.Bindings), v.Available, v.Message}
			if err := s.line("taxii_service", j); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(s.out, "%s\n", escape(v.Type))
		field(s.out, "", "address", v.Address)
		field(s.out, "", "version", v.Version)
		field(s.out, "", "messages", strings.Join(v.Messages, ", "))
		field(s.out, "", "content", strings.Join(bindingTexts(v.Bindings), ", "))
		field(s.out, "", "available", yesNo(v.Available))
		field(s.out, "", "message", v.Message)
	}
	return s.counted("services", len(services), "service")
}

// counted ends a list.
func (s *taxiiSession) counted(what string, n int, words ...string) error {
	if s.json {
		return s.line("summary", map[string]int{what: n})
	}
	s.note("%s", plural(n, words...))
	return nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}

func bindingTexts(bs []taxii1.Binding) []string {
	var out []string
	for _, b := range bs {
		out = append(out, b.String())
	}
	return out
}

// collectionJSON is the "taxii_collection" object of docs/output.md.
type collectionJSON struct {
	Name        string   `json:"name"` // what is polled by: the name, or the id
	Title       string   `json:"title,omitempty"`
	Description string   `json:"description,omitempty"`
	Type        string   `json:"type,omitempty"`
	Readable    bool     `json:"readable"`
	Writable    bool     `json:"writable"`
	Volume      int64    `json:"volume,omitempty"` // content blocks, where the server says
	Content     []string `json:"content,omitempty"`
	Poll        []string `json:"poll,omitempty"` // addresses of poll services, or the API root
}

func (s *taxiiSession) collections(ctx context.Context) error {
	list, failed := s.listCollections(ctx)
	if len(list) == 0 && failed != nil || s.quiet() {
		return failed
	}
	for _, c := range list {
		if s.json {
			if err := s.line("taxii_collection", c); err != nil {
				return err
			}
			continue
		}
		s.showCollection(&c)
	}
	if err := s.counted("collections", len(list), "collection"); err != nil || failed == nil {
		return err
	}
	return &exitError{code: partialCode(failed), err: fmt.Errorf("an API root cannot be read: %w", failed)}
}

func (s *taxiiSession) showCollection(c *collectionJSON) {
	fmt.Fprintf(s.out, "%s\n", escape(c.Name))
	field(s.out, "", "title", c.Title)
	field(s.out, "", "description", c.Description)
	field(s.out, "", "type", c.Type)
	if c.Volume > 0 {
		field(s.out, "", "volume", plural(int(c.Volume), "content block"))
	}
	if !c.Readable {
		field(s.out, "", "available", "NO")
	}
	field(s.out, "", "content", strings.Join(c.Content, ", "))
	field(s.out, "", "poll", strings.Join(c.Poll, ", "))
}

func (s *taxiiSession) listCollections(ctx context.Context) ([]collectionJSON, error) {
	if s.v2 {
		return s.rootCollections(ctx)
	}
	u, err := s.service(ctx, "COLLECTION_MANAGEMENT", "FEED_MANAGEMENT")
	if err != nil {
		return nil, err
	}
	list, err := s.one().Collections(ctx, u)
	if err != nil {
		return nil, err
	}
	out := make([]collectionJSON, 0, len(list))
	for _, c := range list {
		j := collectionJSON{
			Name: c.Name, Description: c.Description, Type: c.Type, Readable: c.Available, Writable: len(c.Inbox) > 0,
			Volume: max(c.Volume, 0), Content: bindingTexts(c.Bindings),
		}
		for _, p := range c.Poll {
			j.Poll = append(j.Poll, p.Address)
		}
		out = append(out, j)
	}
	return out, nil
}
