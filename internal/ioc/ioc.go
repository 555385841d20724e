package ioc

import "time"

// Observable is a typed value that can be seen in a log: an address, a name, a
// hash. Value is in canonical form (package canon), so that == is the equality
// of the field and an Observable can be a map key.
type Observable struct {
	Type  Type   `json:"type"`
	Value string `json:"value"`
}

// Report is what a feed published claims in: an OTX pulse, a STIX package, a
// MISP event, a list. (Feed, ID) is its key. All texts are the publisher's:
// hostile, of any length, possibly empty.
type Report struct {
	ID          string    `json:"id"`
	Name        string    `json:"name,omitempty"`
	Author      string    `json:"author,omitempty"`
	Description string    `json:"description,omitempty"`
	Adversary   string    `json:"adversary,omitempty"`
	TLP         string    `json:"tlp,omitempty"` // white, clear, green, amber, amber+strict, red
	URL         string    `json:"url,omitempty"` // where a person can read it
	Tags        []string  `json:"tags,omitempty"`
	References  []string  `json:"references,omitempty"` // free text, not only URLs
	Families    []string  `json:"malware_families,omitempty"`
	Techniques  []string  `json:"attack_ids,omitempty"` // ATT&CK ids
	Countries   []string  `json:"targeted_countries,omitempty"`
	Industries  []string  `json:"industries,omitempty"`
	Created     time.Time `json:"created,omitzero"`
	Modified    time.Time `json:"modified,omitzero"`
}

// Claim is what one report says of one observable, beside naming it.
type Claim struct {
	Declared    string    `json:"declared,omitempty"` // the type's name in the feed, where ours says less ("hostname")
	Original    string    `json:"original,omitempty"` // the value as the feed wrote it, where that is not the canonical form
	Role        string    `json:"role,omitempty"`     // e.g. command_and_control, scanning_host
	Title       string    `json:"title,omitempty"`
	Description string    `json:"indicator_description,omitempty"`
	Content     string    `json:"content,omitempty"` // the rule text of YARA, NIDS, osquery
	Confidence  uint8     `json:"confidence,omitempty"`
	Created     time.Time `json:"added,omitzero"`   // when the observable entered the report
	Expires     time.Time `json:"expires,omitzero"` // zero: never
}

// Member is one membership: this report names this observable. Memberships are
// the truth that a store keeps. A collector fills Type and Value with what the
// feed says (Type may be empty: to be told from the value); the enrich step
// Canonical puts both into canonical form before they are stored.
type Member struct {
	Observable
	Claim
	Report string `json:"report"` // ID of a report of the same feed
}

// ReportList announces the members of a report in a Batch. Members that a
// report had and that were not among those sent between Start and Last are
// withdrawn when Last has been stored. A report read in one go has both set.
type ReportList struct {
	Report
	Revision string // changes whenever the report does; a store may skip a complete report whose revision it has
	Start    bool   // this batch holds the first members
	Last     bool   // this batch holds the last members
}

// Refusal is a value that a feed sent and that cannot be an indicator.
type Refusal struct {
	Report string `json:"report,omitempty"`
	Type   string `json:"type,omitempty"` // as the feed wrote it
	Value  string `json:"value"`
	Reason string `json:"reason"`          // one of few texts, so that refusals can be counted by it
	Place  string `json:"place,omitempty"` // where in the report, for people: "line 12"
}

// Cursor is a collector's own mark of how far it has read. It is opaque to
// everyone else; "" means from the beginning.
type Cursor string

// Batch is what a collector hands over, and a store takes, at a time.
type Batch struct {
	Reports []ReportList
	Members []Member
	Gone    []string  // ids of reports deleted, or no longer subscribed: their members are withdrawn
	Refused []Refusal // values that could not be read
	Next    Cursor    // safe to go on from once this batch is stored; "" leaves the cursor where it is

	Lists []Warninglist // read whole; each is of a report of this batch, by its ID

	Read  map[string]int // what was read for it, by what the protocol calls one: "content block": 4
	Notes []string       // what a person should be told: "a new collection: user_x"
}

// Mention is a report together with what it says of one observable.
type Mention struct {
	Report
	Claim
}

// Indicator is one feed's claim that an Observable is bad: the union of its
// memberships. (Feed, Observable) is its key.
type Indicator struct {
	Observable
	Feed       string    `json:"feed"`
	Provider   string    `json:"provider,omitempty"` // who published it: the author of the newest report
	Reports    []Mention `json:"reports"`            // newest first
	Tags       []string  `json:"tags,omitempty"`     // of all reports
	TLP        string    `json:"tlp,omitempty"`      // the strictest of all reports
	Confidence uint8     `json:"confidence,omitempty"`
	FirstSeen  time.Time `json:"first_seen,omitzero"`
	LastSeen   time.Time `json:"last_seen,omitzero"`
	ModifiedAt time.Time `json:"modified_at,omitzero"`
	ValidUntil time.Time `json:"valid_until,omitzero"` // zero: does not expire
	ArmedSeq   uint64    `json:"armed_seq,omitempty"`  // grows when the indicator must meet old events again

	Arming *Arming `json:"-"` // of the observable; shared, so that no one changes it; nil: nothing is said
}

// Armed reports whether the indicator may raise hits.
func (i *Indicator) Armed() bool { return i.Arming == nil || !i.Arming.Disarmed }

// ValidAt reports whether the claim had not expired at t. Only ValidUntil ends
// a claim: an event older than FirstSeen is still one worth knowing.
func (i *Indicator) ValidAt(t time.Time) bool {
	return i.ValidUntil.IsZero() || t.Before(i.ValidUntil)
}

// Filter says which indicators are wanted; the zero Filter means all that are
// not withdrawn, expired ones included: validity is judged at the event's time.
type Filter struct {
	Types      []Type
	Feeds      []string
	ArmedSince uint64 // only those whose ArmedSeq is greater
	Disarmed   bool   // those that are not armed, too
}
