package taxii1

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/iochunt/iochunt/collect/taxii"
	"github.com/iochunt/iochunt/internal/xmltok"
)

// Status types (Services §4.3.1, Table 4); a server may add its own, which
// are URIs.
const (
	Success                    = "SUCCESS"
	AsynchronousPollError      = "ASYNCHRONOUS_POLL_ERROR"
	BadMessage                 = "BAD_MESSAGE"
	Denied                     = "DENIED"
	DestinationCollectionError = "DESTINATION_COLLECTION_ERROR"
	Failure                    = "FAILURE"
	InvalidResponsePart        = "INVALID_RESPONSE_PART"
	NetworkError               = "NETWORK_ERROR"
	NotFound                   = "NOT_FOUND"
	Pending                    = "PENDING"
	PollingUnsupported         = "POLLING_UNSUPPORTED"
	Retry                      = "RETRY"
	Unauthorized               = "UNAUTHORIZED"
	UnsupportedMessage         = "UNSUPPORTED_MESSAGE"
	UnsupportedContent         = "UNSUPPORTED_CONTENT"
	UnsupportedProtocol        = "UNSUPPORTED_PROTOCOL"
	UnsupportedQuery           = "UNSUPPORTED_QUERY"
)

// Names of details (Services §4.3.1).
const (
	DetailDestination      = "ACCEPTABLE_DESTINATION"
	DetailEstimatedWait    = "ESTIMATED_WAIT" // seconds
	DetailItem             = "ITEM"           // what was not found
	DetailMaxPart          = "MAX_PART_NUMBER"
	DetailResultID         = "RESULT_ID"
	DetailSupportedBinding = "SUPPORTED_BINDING"
	DetailSupportedContent = "SUPPORTED_CONTENT"
)

// StatusError is a Status_Message other than SUCCESS.
type StatusError struct {
	Type    string              // one of the status types, or a URI of the server's own
	Message string              // what the server says, for people; untrusted text
	Detail  map[string][]string // by name of the detail; TAXII 1.0 has one, without a name
	HTTP    int                 // the HTTP status it came with, mostly 200
}

// Error says the status, what it means for the one who asked, and the server's
// own words, all cut short.
func (e *StatusError) Error() string {
	s := "the server answered " + clip(e.Type, 80)
	if d := e.details(); d != "" {
		s += " (" + clip(d, 400) + ")"
	}
	if e.Message != "" {
		s += ": " + clip(e.Message, 300)
	}
	if hint := hints[e.Type]; hint != "" {
		s += "; " + hint
	}
	return s
}

// details are the names and values of the details, the first of many.
func (e *StatusError) details() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(e.Detail)) {
		for _, v := range e.Detail[name] {
			out = append(out, strings.TrimSpace(clip(name, 40)+" "+clip(v, 100)))
		}
		if len(out) > 20 {
			out = append(out[:20], "…")
			break
		}
	}
	return strings.Join(out, ", ")
}

// hints say what the one who asked can do.
var hints = map[string]string{
	Unauthorized:       "check the user name and the password (OTX: the key as user name, an empty password)",
	Denied:             "this login may not do that",
	UnsupportedContent: "ask without a content binding, or for one that the server lists",
	UnsupportedMessage: "the address is that of another service, or of another version of TAXII",
	PollingUnsupported: "the collection cannot be polled",
}

// Is makes UNAUTHORIZED and DENIED a taxii.ErrAuth.
func (e *StatusError) Is(target error) bool {
	return target == taxii.ErrAuth && (e.Type == Unauthorized || e.Type == Denied)
}

// first returns the first value of the detail name.
func (e *StatusError) first(name string) string {
	if vs := e.Detail[name]; len(vs) > 0 {
		return strings.TrimSpace(vs[0])
	}
	return ""
}

// wait returns the ESTIMATED_WAIT; 0 when the server gave none.
func (e *StatusError) wait() time.Duration {
	s, err := strconv.ParseFloat(e.first(DetailEstimatedWait), 64)
	if err != nil || !(s > 0) {
		return 0
	}
	return time.Duration(min(s, 1e6) * float64(time.Second))
}

// readStatus reads the Status_Message at whose start r stands. The values of
// the details are kept whole but for a bound on their number.
func readStatus(r *xmltok.Reader) (*StatusError, error) {
	e := &StatusError{Detail: map[string][]string{}}
	e.Type, _ = r.Attr("", "status_type")
	err := children(r, func(n xmltok.Name) (err error) {
		switch n.Local {
		case "Message":
			e.Message, err = r.Content()
		case "Status_Detail":
			err = e.readDetail(r)
		default:
			err = r.Skip()
		}
		return err
	})
	if err == nil && e.Type == "" {
		err = errors.New("a Status_Message without status_type")
	}
	return e, err
}

// Bounds on the details that are kept of one Status_Message: their number, and
// where they are one text, about how long it is; errors quote far less.
const (
	maxDetails = 1000
	maxPlain   = 64 << 10
)

// readDetail reads a Status_Detail: Detail elements in 1.1, a text in 1.0.
func (e *StatusError) readDetail(r *xmltok.Reader) error {
	var plain strings.Builder
	depth, n := r.Depth(), 0
	for {
		kind, err := r.Next()
		switch {
		case err != nil:
			return whole(err)
		case kind == xmltok.Text:
			if plain.Len() < maxPlain {
				plain.Write(r.Text())
			}
		case kind == xmltok.End && r.Depth() == depth:
			if s := strings.TrimSpace(plain.String()); s != "" && n == 0 {
				e.Detail[""] = []string{s}
			}
			return nil
		case kind == xmltok.Start:
			if n++; n > maxDetails {
				return fmt.Errorf("a Status_Message with more than %d details", maxDetails)
			}
			name, _ := r.Attr("", "name")
			text, err := r.Content()
			if err != nil {
				return whole(err)
			}
			e.Detail[name] = append(e.Detail[name], text)
		}
	}
}

// children calls f at the start of each TAXII element inside the element at
// whose start r stands; f consumes it. Elements of others are passed over
// (Extended_Headers and signatures are not for us).
func children(r *xmltok.Reader, f func(xmltok.Name) error) error {
	depth := r.Depth()
	for {
		kind, err := r.Next()
		switch {
		case err != nil:
			return whole(err)
		case kind == xmltok.End && r.Depth() == depth:
			return nil
		case kind != xmltok.Start:
			continue
		case ours(r.Name()):
			err = f(r.Name())
		default:
			err = r.Skip()
		}
		if err != nil {
			return whole(err)
		}
	}
}

// whole makes an end of the input inside of an element what it is.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// clip makes one short line of a server's text, without control characters.
func clip(s string, most int) string {
	if len(s) > 8*most {
		s = s[:8*most]
	}
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
