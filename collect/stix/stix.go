// Package stix reads STIX: the XML of STIX 1.x with its CybOX objects, and the
// JSON of STIX 2.x with its patterns. It is pure: bytes in, claims out; no
// network, no clock, no store.
//
// What makes STIX hard is not its size but that a value in it may say several
// things. "192.0.2.1" can be an indicator, a part of one that holds only
// together with others, an example of what is not meant (negate, DoesNotEqual),
// the victim's own address, or a prefix. Hunting the wrong ones buries the
// right ones, and leaving one out unsaid makes "0 hits" a lie. So the rule of
// this package is: each value comes out exactly once, either as a member, or as
// refused with the reason for which it does not stand alone. The reasons are the
// few texts below, so that they can be counted.
package stix

import "github.com/iochunt/iochunt/internal/ioc"

// Item is what a reader yields, one of three things: a value (a Member; its
// Type is empty where the document does not say), a refusal (Refused is set,
// Type and Value say what was left out), or what the document tells of a report
// (About is set).
//
// Report is the key of the report that it is of, "" for the document itself. An
// About of a report may come after its members, since STIX tells names behind
// what they name; the last one of a key is the complete one.
type Item struct {
	ioc.Member
	ID      string      // id of the indicator, observable or object that says it
	Refused string      // one of the reasons, or one of package canon
	Detail  string      // with Refused, for people: what exactly is wrong, or the object path; of any length
	About   *ioc.Report // its ID is the name that the publisher gave: the package's id, the pulse's, the indicator's
}

// Emit takes what a reader found; the item is the reader's again afterwards.
// An error of it ends the reading and is returned as it is.
type Emit func(*Item) error

// Options changes what is read.
type Options struct {
	// Context also takes what is told as a bare observation (STIX 2 objects such
	// as ipv4-addr that no indicator's pattern names).
	Context bool
	// Each makes every STIX 2 indicator a report of its own: its key is the
	// indicator's id. Without it the key is "" and the document is the report.
	Each bool
}

// The reasons for which a value is left out.
const (
	TogetherOnly = "holds only together with others (AND, FOLLOWEDBY, a qualifier)"
	NotEquality  = "a condition other than equality" // Contains, LIKE, MATCHES, <, ExclusiveBetween …
	Negated      = "negated: it says what is not meant"
	Observation  = "an observation, not an indicator"
	Benign       = "related to an indicator, but not said to be bad"
	Unresolved   = "a reference to what the document does not hold"
	NoType       = "of a kind that cannot be hunted" // a port, a process id, a size
	BadPattern   = "not a STIX pattern"
	OtherPattern = "a pattern in a language that is not hunted" // sigma, snort, pcre …; YARA rules are kept as such
	Malformed    = "not a STIX object"                          // no JSON, no type, too big, too deep
	Clash        = "another object with the same id and time"   // of which the first one counts
)
