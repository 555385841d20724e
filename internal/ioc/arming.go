package ioc

import "time"

// Arming is what speaks for and against an observable raising hits: the verdict,
// the rule that gave it, every list that was found to hold it, and what people
// said of its hits. The zero Arming is that of nearly all: nothing speaks
// against it, so it is armed.
//
// A verdict is derived, from lists and decisions, and may be derived anew at any
// time. It belongs to the observable, whatever feed claims it.
type Arming struct {
	Disarmed bool        `json:"disarmed,omitempty"`
	By       string      `json:"by,omitempty"`    // the rule that decided, one of the By constants; "" none did
	Why      string      `json:"why,omitempty"`   // for people: the list and its entry, or what a person wrote
	Lists    []ListMatch `json:"lists,omitempty"` // all that hold it, also those that only lower its score
	Marks    Marks       `json:"marks,omitzero"`
}

// IsZero reports whether nothing is said.
func (a *Arming) IsZero() bool {
	return !a.Disarmed && a.By == "" && len(a.Lists) == 0 && a.Marks == Marks{}
}

// The rules that decide, the strongest first.
const (
	ByPerson   = "person"          // iochunt indicators arm, disarm, add
	ByDeny     = "deny list"       // known to be bad: armed, whatever other lists say
	ByAllow    = "allow list"      // known to be good
	ByOwn      = "own hosts"       // this machine, and what the configuration calls ours
	ByFeedback = "false positives" // people marked hits as false, so many times
	ByService  = "service"         // a service that was asked holds it for harmless: OTX's validation
	ByBreadth  = "too broad"       // it would hit on nearly everything
	ByList     = "warninglist"
)

// ListMatch is one list that holds an observable.
type ListMatch struct {
	Feed   string `json:"feed,omitempty"` // that the list came with; "" built in
	List   string `json:"list"`           // its name
	Entry  string `json:"entry"`          // as the list has it
	Match  string `json:"match"`          // one of the Match constants
	Lowers bool   `json:"lowers,omitempty"`
}

// How a list holds an observable.
const (
	MatchExact     = "exact"     // it is the entry
	MatchBelow     = "below"     // a name below the entry, or a URL on such a host
	MatchWithin    = "within"    // an address or network in the entry
	MatchSubstring = "substring" // the entry is a part of it
	MatchRegex     = "regex"
)

// Marks counts what people said of an observable's hits. One act of marking
// counts once, however many hits it covered.
type Marks struct {
	True     int       `json:"true_positives,omitempty"`
	False    int       `json:"false_positives,omitempty"`
	LastTrue time.Time `json:"last_true,omitzero"` // the newest event among the hits marked true
}

// Decision is what somebody decided about one observable, and why. (Observable,
// Source) is its key.
type Decision struct {
	Observable
	Source  string    `json:"source"`  // SourcePerson, or the name of a service: "otx"
	Verdict string    `json:"verdict"` // Arm or Disarm; "" takes the decision back
	Why     string    `json:"why"`
	By      string    `json:"by,omitempty"` // the user
	At      time.Time `json:"at"`
}

// Verdicts of a Decision, and its most usual source.
const (
	Arm          = "arm"
	Disarm       = "disarm"
	SourcePerson = "person"
)

// Facts is what a store knows of an observable beside its claims.
type Facts struct {
	Decisions []Decision // one of each source
	Marks     Marks
}

// Judge derives the arming of an observable. It is pure: the same lists and
// facts give the same answer. Why and Lists must not depend on the time.
type Judge func(o Observable, f Facts) Arming

// Mark is what a person says of some hits.
type Mark struct {
	Verdict string    `json:"verdict"` // TruePositive or FalsePositive; "" takes it back
	Why     string    `json:"why,omitempty"`
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at"`
}

// Verdicts of a Mark.
const (
	TruePositive  = "TP"
	FalsePositive = "FP"
)

// Warninglist is a list of what is known to be harmless, in MISP's form
// (github.com/MISP/misp-warninglists, schema.json).
type Warninglist struct {
	Feed        string   // that brought it; "" built in
	ID          string   // of the report that it came as
	Name        string   //
	Description string   //
	Version     string   //
	Kind        string   // string, substring, hostname, cidr or regex
	Attributes  []string // MISP attribute types that it is for; none: all
	Entries     []string
}
