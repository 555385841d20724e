package otx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/httpx"
)

// Page is one page of a list.
type Page[T any] struct {
	Results []T
	Bad     []Bad     // objects of the page that could not be read
	Size    int       // objects in the page, the bad ones among them
	Count   int       // of the whole list as the server says, which may be wrong; -1 when it does not
	More    bool      // there is a further page, even when this one is short or empty
	Date    time.Time // the server's clock, zero when it does not tell
}

// Bad is an object that could not be read.
type Bad struct {
	ID          string // as far as known
	Type, Value string // of an indicator, as far as known
	Reason      string
}

// Error implements error.
func (b *Bad) Error() string {
	return strings.TrimSpace(b.ID + ": " + b.Reason)
}

// Pulse is a report with its indicators. Texts are the community's: any
// length, any character.
type Pulse struct {
	ID, Name, Description, Author, Adversary string
	TLP                                      string // lower case
	Revision                                 string
	Created, Modified                        time.Time // zero when not told
	Tags, References, Families               []string
	AttackIDs, Countries, Industries         []string
	Public                                   bool
	Indicators                               []Indicator // inactive ones too
	Bad                                      []Bad       // indicators that could not be read
	Whole                                    bool        // Indicators and Bad are the pulse's whole list; otherwise read PulseIndicators
}

// Indicator is one value that a pulse names.
type Indicator struct {
	ID, Value, Type                   string // Type in OTX's words, of any case
	Title, Description, Content, Role string
	Created                           time.Time
	Expires                           time.Time // zero: never; may lie in the past
	Active                            bool
}

// Event is something that happened to the account's subscriptions.
type Event struct {
	ID         string
	Action     string // subscribe, unsubscribe, delete
	ObjectType string // pulse, user, group
	ObjectID   string // a pulse's id, a user's or a group's name
	Created    time.Time
}

// User is an account.
type User struct {
	Username, ID string
	Pulses       int // its own, -1 unknown
	Subscribers  int // -1 unknown
}

// elementReader reads one element of a list from the decoder. A *Bad error
// means that the element has been read over and the next may be read.
type elementReader[T any] func(*json.Decoder) (T, error)

// maxIndicators is how many indicators of one page are kept. The pulses whose
// indicators are beyond it are not Whole.
const maxIndicators = 50_000

// readPage reads a page and returns its "next" beside it. It holds one element
// at a time beside those it returns.
func readPage[T any](r io.Reader, read elementReader[T]) (p Page[T], next string, err error) {
	p.Count = -1
	dec := newDecoder(r)
	results := other
	err = object(dec, func(key string) error {
		var l loose
		var n number
		switch key {
		case "results":
			var err error
			results, err = p.elements(dec, read)
			return err
		case "count":
			err := dec.Decode(&n)
			p.Count = int(n)
			return err
		case "next":
			err := dec.Decode(&l)
			next = string(l)
			p.More = l != "" && l != "false"
			return err
		}
		return skip(dec)
	})
	if err == nil && results != aList {
		err = errors.New("it has no list of results")
	}
	if err != nil {
		return Page[T]{}, "", unreadable(err)
	}
	return p, next, nil
}

// elements reads the list of results.
func (p *Page[T]) elements(dec *json.Decoder, read elementReader[T]) (found, error) {
	p.Results, p.Bad, p.Size = nil, nil, 0
	return eachOf(dec, func() error {
		p.Size++
		v, err := read(dec)
		var bad *Bad
		switch {
		case err == nil:
			p.Results = append(p.Results, v)
		case errors.As(err, &bad):
			p.Bad = append(p.Bad, *bad)
		default:
			return err
		}
		return nil
	})
}

// newDecoder returns a decoder that reads over numbers of any size.
func newDecoder(r io.Reader) *json.Decoder {
	dec := json.NewDecoder(r)
	dec.UseNumber()
	return dec
}

// readOne reads an answer that is one object.
func readOne[T any](r io.Reader, read elementReader[T]) (T, error) {
	v, err := read(newDecoder(r))
	var bad *Bad
	if err != nil && !errors.As(err, &bad) {
		err = unreadable(err)
	}
	return v, err
}

// unreadable marks an answer that is not what the protocol says. A gateway may
// have written it, or a cut may have ended it, so it is worth another try.
func unreadable(err error) error {
	if errors.Is(err, httpx.ErrTooBig) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends in the middle")
	}
	return httpx.Temporary(fmt.Errorf("the answer is not what OTX sends: %w", err))
}

// object reads an object and hands each key, in lower case, to field, which
// reads the value. Anything else is read over and reported as *wrongType.
func object(dec *json.Decoder, field func(key string) error) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		if err := skipRest(dec, t); err != nil {
			return err
		}
		return &wrongType{"an object", clip(fmt.Sprintf("%v", t), 40)}
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		if err := field(strings.ToLower(key.(string))); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

// What eachOf found.
type found uint8

const (
	aList found = iota + 1
	aNull
	other
)

// eachOf reads a list, calling element at each element; it reads over anything
// else and says what it was.
func eachOf(dec *json.Decoder, element func() error) (found, error) {
	t, err := dec.Token()
	if err != nil {
		return other, err
	}
	switch t {
	case nil:
		return aNull, nil
	case json.Delim('['):
	default:
		return other, skipRest(dec, t)
	}
	for dec.More() {
		if err := element(); err != nil {
			return aList, err
		}
	}
	_, err = dec.Token()
	return aList, err
}

// skip reads over one value.
func skip(dec *json.Decoder) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	return skipRest(dec, t)
}

// maxDepth is how deep a value that nobody needs may nest: each level takes a
// few bytes of the decoder's memory.
const maxDepth = 1 << 20

// skipRest reads over what follows an opening bracket; other tokens are whole.
func skipRest(dec *json.Decoder, t json.Token) error {
	depth := 0
	for {
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		if depth > maxDepth {
			return fmt.Errorf("it nests deeper than %d", maxDepth)
		}
		var err error
		if t, err = dec.Token(); err != nil {
			return err
		}
	}
}

// tolerate turns the error of a value of the wrong type into *Bad; the decoder
// has read over the value. Other errors mean that the text is no JSON.
func tolerate(err error, b Bad) error {
	var wrong *wrongType
	var mismatch *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		b.Reason = wrong.Error()
	case errors.As(err, &mismatch):
		b.Reason = "it is a " + mismatch.Value + " where an object should be"
	default:
		return err
	}
	return &b
}

func readIndicator(dec *json.Decoder) (Indicator, error) {
	w := wireIndicator{Active: true}
	if err := dec.Decode(&w); err != nil {
		return Indicator{}, tolerate(err, Bad{})
	}
	in, err := w.indicator()
	if err != nil {
		return in, &Bad{ID: in.ID, Type: clip(in.Type, 64), Value: clip(in.Value, 256), Reason: err.Error()}
	}
	return in, nil
}

func readEvent(dec *json.Decoder) (Event, error) {
	var w struct {
		ID         loose `json:"id"`
		Action     loose `json:"action"`
		ObjectType loose `json:"object_type"`
		ObjectID   named `json:"object_id"`
		Created    date  `json:"created"`
	}
	if err := dec.Decode(&w); err != nil {
		return Event{}, tolerate(err, Bad{ID: string(w.ID)})
	}
	e := Event{ID: string(w.ID), Action: strings.ToLower(string(w.Action)), ObjectType: strings.ToLower(string(w.ObjectType)),
		ObjectID: w.ObjectID.name, Created: w.Created.Time}
	if e.Action == "" || e.ObjectID == "" {
		return e, &Bad{ID: e.ID, Reason: "the event does not say what happened to what"}
	}
	return e, nil
}

func readUser(dec *json.Decoder) (User, error) {
	w := struct {
		Username    loose  `json:"username"`
		UserID      loose  `json:"user_id"`
		ID          loose  `json:"id"`
		Pulses      number `json:"pulse_count"`
		Subscribers number `json:"subscriber_count"`
	}{Pulses: -1, Subscribers: -1}
	if err := dec.Decode(&w); err != nil {
		return User{}, tolerate(err, Bad{})
	}
	return User{Username: string(w.Username), ID: firstOf(string(w.UserID), string(w.ID)), Pulses: int(w.Pulses), Subscribers: int(w.Subscribers)}, nil
}

// goodID is what a pulse's id must look like to be put into a path. The
// service's are 24 hex digits; the SDK takes any letters and digits.
var goodID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)
