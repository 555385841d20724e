package taxii1

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/iochunt/iochunt/internal/xmltok"
)

// maxOffers bounds the services or collections of one answer.
const maxOffers = 100_000

// Binding is a kind of content, such as urn:stix.mitre.org:xml:1.1.1, with the
// subtypes of it that are meant; none means all.
type Binding struct {
	ID       string
	Subtypes []string
}

// String is the id with its subtypes behind it.
func (b Binding) String() string {
	if len(b.Subtypes) == 0 {
		return b.ID
	}
	return b.ID + " > " + strings.Join(b.Subtypes, ", ")
}

// Service is one way to a service, as a Discovery_Response tells it (Services
// §4.3.3).
type Service struct {
	Type      string    // DISCOVERY, COLLECTION_MANAGEMENT (1.0: FEED_MANAGEMENT), POLL or INBOX
	Version   string    // urn:taxii.mitre.org:services:1.1
	Protocol  string    // urn:taxii.mitre.org:protocol:https:1.0
	Address   string    // as the server wrote it: untrusted, goes through taxii.Conn.Resolve before it is asked
	Messages  []string  // message bindings it understands
	Bindings  []Binding // content an inbox takes; none means all, or that it is no inbox
	Queries   []string  // formats of queries it understands
	Available bool      // false only when the server says so
	Message   string    // the server's words about it
}

// Discover asks the discovery service at u which services there are. An empty
// list is an answer, too.
func (c *Client) Discover(ctx context.Context, u *url.URL) ([]Service, error) {
	var out []Service
	err := c.ask(ctx, u, newMessage(c.d, "Discovery_Request"), c.small("Discovery_Response", func(r *xmltok.Reader) error {
		out = nil // a repeat starts afresh
		return children(r, func(n xmltok.Name) error {
			if n.Local != "Service_Instance" {
				return r.Skip()
			}
			s, err := readService(r)
			out = append(out, s)
			return enough(len(out), err)
		})
	}))
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Choose returns the addresses of those services that are available and of one of
// types, in whatever case these are written: each once, in the order of services.
// refused says why others of them will not be asked, as one on another host
// (taxii.ErrHost).
func (c *Client) Choose(services []Service, types ...string) (addresses []*url.URL, refused error) {
	for i := range services {
		s := &services[i]
		if !s.Available || !slices.ContainsFunc(types, func(t string) bool { return strings.EqualFold(t, s.Type) }) {
			continue
		}
		u, err := c.conn.Resolve(s.Address)
		refused = errors.Join(refused, err)
		if err == nil && !slices.ContainsFunc(addresses, func(a *url.URL) bool { return a.String() == u.String() }) {
			addresses = append(addresses, u)
		}
	}
	return addresses, refused
}

// enough is err, or an error when an answer holds more than anybody offers.
func enough(n int, err error) error {
	if err == nil && n > maxOffers {
		return fmt.Errorf("the answer lists more than %d entries", maxOffers)
	}
	return err
}

// readService reads the Service_Instance at whose start r stands.
func readService(r *xmltok.Reader) (Service, error) {
	var s Service
	s.Type, _ = r.Attr("", "service_type")
	s.Version, _ = r.Attr("", "service_version")
	s.Available = available(r)
	var e Endpoint
	err := children(r, func(n xmltok.Name) (err error) {
		switch n.Local {
		case "Message":
			s.Message, err = r.Content()
		case "Supported_Query":
			id, _ := r.Attr("", "format_id")
			s.Queries = append(s.Queries, id)
			err = r.Skip()
		default:
			err = e.child(r, n)
		}
		return err
	})
	s.Protocol, s.Address, s.Messages, s.Bindings = e.Protocol, e.Address, e.Messages, e.Bindings
	return s, err
}

// available reads the attribute of that name, which may be missing.
func available(r *xmltok.Reader) bool {
	v, said := r.Attr("", "available")
	return !said || isTrue(v)
}

// isTrue reads an xs:boolean.
func isTrue(s string) bool {
	s = strings.TrimSpace(s)
	return s == "1" || strings.EqualFold(s, "true")
}

// Endpoint is an address at which a service about a collection is asked.
type Endpoint struct {
	Protocol string
	Address  string // as the server wrote it: untrusted, goes through taxii.Conn.Resolve before it is asked
	Messages []string
	Bindings []Binding // of an inbox: content it takes; none means all
}

// child reads one element of an endpoint.
func (e *Endpoint) child(r *xmltok.Reader, n xmltok.Name) (err error) {
	var text string
	switch n.Local {
	case "Protocol_Binding":
		e.Protocol, err = r.Content()
	case "Address":
		e.Address, err = r.Content()
	case "Message_Binding":
		text, err = r.Content()
		e.Messages = append(e.Messages, text)
	case "Content_Binding":
		var b Binding
		b, err = readBinding(r)
		e.Bindings = append(e.Bindings, b)
	default:
		err = r.Skip()
	}
	return err
}

// readBinding reads the Content_Binding at whose start r stands: 1.1 has the id
// as an attribute, 1.0 as the text.
func readBinding(r *xmltok.Reader) (Binding, error) {
	id, said := r.Attr("", "binding_id")
	if !said {
		text, err := r.Content()
		return Binding{ID: text}, err
	}
	b := Binding{ID: id}
	err := children(r, func(n xmltok.Name) error {
		if sub, ok := r.Attr("", "subtype_id"); ok && n.Local == "Subtype" {
			b.Subtypes = append(b.Subtypes, sub)
		}
		return enough(len(b.Subtypes), r.Skip())
	})
	return b, err
}

// Collection is a collection (1.0: a feed) that a server offers (Services
// §4.3.5).
type Collection struct {
	Name        string
	Type        string // DATA_FEED: blocks are ordered by their time labels; DATA_SET: they are not, and a poll has no window
	Description string
	Available   bool       // false only when the server says so
	Volume      int64      // usual number of blocks, -1 when not said
	Bindings    []Binding  // content there may be in it; none means all
	Push        []Endpoint // ways in which the server can push it, without an address
	Poll        []Endpoint
	Subscribe   []Endpoint
	Inbox       []Endpoint
}

// Collections asks the collection management service at u (1.0: feed
// management) which collections this login may see.
func (c *Client) Collections(ctx context.Context, u *url.URL) ([]Collection, error) {
	var out []Collection
	answer := strings.Replace(c.d.listing, "Request", "Response", 1)
	err := c.ask(ctx, u, newMessage(c.d, c.d.listing), c.small(answer, func(r *xmltok.Reader) error {
		out = nil
		return children(r, func(n xmltok.Name) error {
			if n.Local != "Collection" && n.Local != "Feed" {
				return r.Skip()
			}
			col, err := readCollection(r)
			out = append(out, col)
			return enough(len(out), err)
		})
	}))
	if err != nil {
		return nil, err
	}
	return out, nil
}

// readCollection reads the Collection or Feed at whose start r stands.
func readCollection(r *xmltok.Reader) (Collection, error) {
	c := Collection{Volume: -1, Available: available(r), Type: "DATA_FEED"} // the schema's default
	c.Name, _ = r.Attr("", "collection_name")
	if c.Name == "" {
		c.Name, _ = r.Attr("", "feed_name")
	}
	if t, ok := r.Attr("", "collection_type"); ok {
		c.Type = t
	}
	err := children(r, func(n xmltok.Name) error { return c.child(r, n) })
	return c, err
}

// child reads one element of a collection.
func (c *Collection) child(r *xmltok.Reader, n xmltok.Name) (err error) {
	switch n.Local {
	case "Description":
		c.Description, err = r.Content()
	case "Collection_Volume":
		c.Volume, err = number(r)
	case "Content_Binding":
		var b Binding
		b, err = readBinding(r)
		c.Bindings = append(c.Bindings, b)
	case "Push_Method":
		err = endpoint(r, &c.Push)
	case "Polling_Service":
		err = endpoint(r, &c.Poll)
	case "Subscription_Service":
		err = endpoint(r, &c.Subscribe)
	case "Receiving_Inbox_Service":
		err = endpoint(r, &c.Inbox)
	default:
		err = r.Skip()
	}
	return err
}

// endpoint reads the endpoint at whose start r stands into list.
func endpoint(r *xmltok.Reader, list *[]Endpoint) error {
	var e Endpoint
	err := children(r, func(n xmltok.Name) error { return e.child(r, n) })
	*list = append(*list, e)
	return err
}

// number reads an xs:nonNegativeInteger; -1 is none.
func number(r *xmltok.Reader) (int64, error) {
	text, err := r.Content()
	n, bad := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if bad != nil || n < 0 {
		n = -1
	}
	return n, err
}
