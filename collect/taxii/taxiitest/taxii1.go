package taxiitest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Paths of the services of TAXII1.
const (
	Discovery1   = "/taxii/discovery"
	Collections1 = "/taxii/collections"
	Poll1        = "/taxii/poll"
	Inbox1       = "/taxii/inbox"
	Auth1        = "/management/auth"
)

// TAXII1 is a server of TAXII 1.1 and 1.0 (the version of the question) in
// memory: an http.Handler whose answers look like OpenTAXII's. It holds the
// questions to the schema as that does, so that a wrong one is BAD_MESSAGE.
//
// Set the fields before it is used, or between questions under Change.
type TAXII1 struct {
	Collections    []Collection1
	User, Password string // for Basic and for Auth1; no user: everybody may ask
	TokenUses      int    // questions that a token is good for, 0: any number
	PageSize       int    // blocks a part, 0: all in one
	OldLimit       int    // most blocks of an answer in TAXII 1.0, which has no parts, 0: all. The others are left out unsaid
	Count          bool   // say Record_Count
	Prefix         string // of elements, "taxii_11"
	Base           string // scheme and host that answers name, "": those of the question
	Faults         Faults1

	mu      sync.Mutex
	asked   []Request1
	results map[string]result1
	tokens  tokens
}

// Collection1 is a collection of TAXII1.
type Collection1 struct {
	Name, Description string
	Set               bool // a DATA_SET: blocks without labels, no window
	Offline           bool
	Bindings          []string // none: all
	Blocks            []Block1 // in the order of their labels
}

// Block1 is a content block of TAXII1.
type Block1 struct {
	Binding, Subtype, Message string // Binding "": urn:stix.mitre.org:xml:1.1.1
	Label                     time.Time
	Content                   string
	Form                      string // how Content is written: "" as it is (also when it is no XML), "escaped", "cdata", "base64", "hex" (\x…)
}

// Status1 is a Status_Message.
type Status1 struct {
	Type, Message string
	Detail        [][2]string // name, value
	HTTP          int         // 0: 200
}

// Faults1 is what goes wrong. Those of parts concern polls only.
type Faults1 struct {
	Status       *Status1        // the answer to every question
	Parts        map[int]Status1 // the answer to the question for that part, 1 being the Poll_Request
	Page         int             // every answer is an HTML page with that HTTP status
	HTTP         int             // first answers fail with a bare 503, this many
	Retry        int             // first polls are answered RETRY, this many
	Pending      int             // first polls are answered PENDING, this many
	Wait         string          // ESTIMATED_WAIT of Retry and Pending
	NoPendingID  bool            // PENDING without RESULT_ID
	EmptyLast    bool            // the last part with blocks says more="true"; an empty one follows
	MoreForever  bool            // every part says more="true", also an empty one
	SamePart     bool            // every part is part 1
	Unnumbered   bool            // no result_part_number
	PartOff      int             // added to the result_part_number of parts behind the first
	NoResultID   bool            // no result_id
	CountOff     int             // added to Record_Count
	PartialCount bool            // Record_Count says that it is partial
	Reverse      bool            // newest block first
	NoWindow     bool            // begin and end are ignored
	InResponseTo string          // instead of the question's id
	Root         string          // attributes for the root element, such as namespaces
	Inside       string          // put into a Poll_Response before the first block
	Prolog       string          // put before the root element
	Behind       string          // put behind it
	Gzip         bool            // compressed
	ContentType  string          // of every answer, "application/xml"
	Rewrite      func([]byte) []byte
}

// Request1 is a question that was asked.
type Request1 struct {
	Path    string
	Header  http.Header
	Body    []byte
	Message string // local name of the root
	ID      string
	Begin   string
	End     string
	Part    int
}

type result1 struct {
	collection string
	begin, end time.Time
	window     [2]string
	blocks     []Block1
	counted    bool
}

// Change calls f while no question is being answered.
func (s *TAXII1) Change(f func(*TAXII1)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// Asked returns the questions so far, logins for a token included.
func (s *TAXII1) Asked() []Request1 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// Expire forgets all results and tokens.
func (s *TAXII1) Expire() {
	s.Change(func(s *TAXII1) { s.results, s.tokens = nil, nil })
}

// ServeHTTP implements http.Handler.
func (s *TAXII1) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	q := question1{r: r}
	parseErr := xml.Unmarshal(body, &q.msg)
	s.asked = append(s.asked, Request1{r.URL.Path, r.Header.Clone(), body, q.msg.XMLName.Local, q.msg.ID, q.msg.Begin, q.msg.End, q.msg.Part})
	switch {
	case s.Faults.HTTP > 0:
		s.Faults.HTTP--
		page1(w, http.StatusServiceUnavailable)
		return
	case s.Faults.Page != 0:
		page1(w, s.Faults.Page)
		return
	case r.URL.Path == Auth1:
		if !s.tokens.give(s.account(), w, body) {
			page1(w, http.StatusUnauthorized)
		}
		return
	case !slices.Contains([]string{Discovery1, Collections1, Poll1, Inbox1}, r.URL.Path):
		page1(w, http.StatusNotFound)
		return
	case r.Method != http.MethodPost:
		page1(w, http.StatusMethodNotAllowed)
		return
	}
	q.old = r.Header.Get("X-Taxii-Content-Type") == "urn:taxii.mitre.org:message:xml:1.0"
	q.id = q.msg.ID
	s.answer(w, q, s.decide(&q, parseErr))
}

// page1 is what servers and gateways say to people.
func page1(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html>\n<html lang=en>\n<title>%d %[2]s</title>\n<h1>%[2]s</h1>\n", status, http.StatusText(status))
}

// question1 is a question under way.
type question1 struct {
	r   *http.Request
	msg message1
	old bool
	id  string // what in_response_to says
}

// message1 is any message, read by the standard library.
type message1 struct {
	XMLName xml.Name
	ID      string   `xml:"message_id,attr"`
	Name    string   `xml:"collection_name,attr"`
	Feed    string   `xml:"feed_name,attr"`
	Result  string   `xml:"result_id,attr"`
	Part    int      `xml:"result_part_number,attr"`
	Begin   string   `xml:"Exclusive_Begin_Timestamp"`
	End     string   `xml:"Inclusive_End_Timestamp"`
	Sub     *string  `xml:"Subscription_ID"`
	Params  *params1 `xml:"Poll_Parameters"`
	Old     []string `xml:"Content_Binding"`
	To      []string `xml:"Destination_Collection_Name"`
	Blocks  []struct {
		Binding struct {
			ID   string `xml:"binding_id,attr"`
			Text string `xml:",chardata"`
			Sub  struct {
				ID string `xml:"subtype_id,attr"`
			} `xml:"Subtype"`
		} `xml:"Content_Binding"`
		Content struct {
			Inner string `xml:",innerxml"`
		} `xml:"Content"`
		Message string `xml:"Message"`
	} `xml:"Content_Block"`
}

type params1 struct {
	Response string `xml:"Response_Type"`
	Binding  []struct {
		ID string `xml:"binding_id,attr"`
	} `xml:"Content_Binding"`
}

const binding1 = "urn:taxii.mitre.org:message:xml:1."

var spaces1 = map[bool]string{
	true:  "http://taxii.mitre.org/messages/taxii_xml_binding-1",
	false: "http://taxii.mitre.org/messages/taxii_xml_binding-1.1",
}

// label1 is the schema's TimestampLabelType.
var label1 = regexp.MustCompile(`^-?[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(((\+|-)[0-9]{2}:[0-9]{2})|Z)$`)

var digits1 = regexp.MustCompile(`^[0-9]+$`)

// decide finds the answer, as a function that writes it.
func (s *TAXII1) decide(q *question1, parseErr error) func(*bytes.Buffer, question1) int {
	fail := func(id string, st Status1) func(*bytes.Buffer, question1) int {
		q.id = id
		return s.status(st)
	}
	h := q.r.Header
	switch {
	case h.Get("X-Taxii-Services") == "":
		return fail(q.id, Status1{Type: "FAILURE", Message: "Header X-TAXII-Services was not specified"})
	case h.Get("X-Taxii-Content-Type") == "":
		return fail("0", Status1{Type: "FAILURE", Message: "Header X-TAXII-Content-Type was not specified"})
	case !strings.HasPrefix(h.Get("Content-Type"), "application/xml"):
		return fail("0", Status1{Type: "FAILURE", Message: "The specified value of Content-Type is not supported"})
	case !s.tokens.know(s.account(), q.r):
		return fail("0", Status1{Type: "UNAUTHORIZED"})
	case parseErr != nil:
		return fail("0", Status1{Type: "BAD_MESSAGE", Message: "Request was invalid XML"})
	case q.wrong() != "":
		return fail("0", Status1{Type: "BAD_MESSAGE", Message: "Request was not schema valid: " + q.wrong()})
	case s.Faults.Status != nil:
		return s.status(*s.Faults.Status)
	}
	m := q.msg.XMLName.Local
	switch {
	case q.r.URL.Path == Discovery1 && m == "Discovery_Request":
		return s.discovery
	case q.r.URL.Path == Collections1 && (m == "Collection_Information_Request" || m == "Feed_Information_Request"):
		return s.collections
	case q.r.URL.Path == Poll1 && m == "Poll_Request":
		return s.poll(*q)
	case q.r.URL.Path == Poll1 && m == "Poll_Fulfillment" && !q.old:
		return s.fulfil(*q)
	case q.r.URL.Path == Inbox1 && m == "Inbox_Message":
		return s.inbox(*q)
	}
	return s.status(Status1{Type: "FAILURE", Message: "Message not supported by this service"})
}

// wrong is what the schema would say, as far as clients get it wrong.
func (q question1) wrong() string {
	m := q.msg
	switch {
	case m.XMLName.Space != spaces1[q.old]:
		return "namespace"
	case m.ID == "" || q.old && !digits1.MatchString(m.ID):
		return "message_id"
	case m.Begin != "" && !label1.MatchString(m.Begin), m.End != "" && !label1.MatchString(m.End):
		return "TimestampLabelType"
	case m.XMLName.Local == "Poll_Request" && !q.old && (m.Params == nil) == (m.Sub == nil):
		return "one of Subscription_ID, Poll_Parameters"
	case m.XMLName.Local == "Poll_Request" && q.collection() == "":
		return "collection_name"
	}
	return ""
}

func (q question1) collection() string {
	if q.old {
		return q.msg.Feed
	}
	return q.msg.Name
}

// find returns the collection, or the status that says why not.
func (s *TAXII1) find(name string) (*Collection1, *Status1) {
	i := slices.IndexFunc(s.Collections, func(c Collection1) bool { return c.Name == name })
	switch {
	case i < 0:
		return nil, &Status1{Type: "NOT_FOUND", Message: "Requested collection was not found", Detail: [][2]string{{"ITEM", name}}}
	case s.Collections[i].Offline:
		return nil, &Status1{Type: "FAILURE", Message: "The collection is not available", Detail: [][2]string{{"ITEM", name}}}
	}
	return &s.Collections[i], nil
}

func (s *TAXII1) account() account { return account{s.User, s.Password, s.TokenUses} }
