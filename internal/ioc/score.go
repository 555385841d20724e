package ioc

import "time"

// Score says how much a hit on an observable is worth, and of what that is made
// up. It is computed from the claims whenever it is asked for and never stored;
// docs/scoring.md has the formula. Factors are between 0 and 1.
type Score struct {
	Value   uint8        // 0 to 100
	Claims  []ClaimScore // one for each claim, in their order
	Claimed float64      // what the claims add up to
	Seen    float64      // what the true positives made of that
	False   float64      // by what the false positives multiply it; 1 there are none
	Near    float64      // by what the lists that lower it multiply it; 1 there are none
}

// ClaimScore is the part of one feed's claim.
type ClaimScore struct {
	Feed        string
	Confidence  float64       // the claim's, or the feed's where it has none
	Said        bool          // the claim has a confidence of its own
	Reliability float64       // of the feed
	Age         time.Duration // how far the moment lies outside of the time in which the claim was made
	Undated     bool          // the claim has no date, so it has no age
	HalfLife    time.Duration // of the type; 0: does not age
	Decay       float64       // what Age left
	Publishers  int           // different authors of its reports
	Points      float64       // what the claim is worth, 0 to 1
	Same        bool          // another feed's better claim is of the same provider, so this one does not count
}

// Severity says how much a hit matters: the score, weighed by what happened.
type Severity struct {
	Value  uint8   // 0 to 100
	Event  float64 // by direction and outcome
	Type   float64 // by the observable's type
	Repeat float64 // by how often it was seen; 1 once
	Times  int     // how often that was
}

// Levels of severity, from the least. A level begins at 20 times its place.
var Levels = []string{"info", "low", "medium", "high", "critical"}

// Level returns the level's name.
func (s Severity) Level() string { return Levels[min(int(s.Value)/20, len(Levels)-1)] }

// Directions of an event, seen from the network that the logs are of (ECS
// network.direction), and what became of it. "" is not known.
const (
	Inbound  = "inbound"
	Outbound = "outbound"
	Internal = "internal"

	Allowed = "allowed" // it took place: a connection, a reply, a log-in
	Blocked = "blocked" // it was refused: by a firewall, a password, a policy
)
