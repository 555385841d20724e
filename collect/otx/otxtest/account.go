package otxtest

import (
	"strings"
	"time"
)

// DefaultKey is the key of an Account that names none. Like every key of the
// service it has 64 hex digits.
const DefaultKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// Account is the recipe of an account: what its owner is subscribed to and how
// the service treats it. The zero Account is empty and works.
type Account struct {
	Seed uint64 // another seed gives other ids, texts and values
	Key  string // default DefaultKey
	User string // the owner's name, default "demo"

	Pulses             int       // generated pulses that the owner is subscribed to
	IndicatorsPerPulse int       // active indicators in each of them
	OtherPulses        int       // generated pulses of authors that the owner is not subscribed to
	Extra              []Pulse   // pulses said outright; completed as Add does, dated from Start on
	Start              time.Time // when the oldest pulse was modified, default 2024-01-01 UTC
	Step               time.Duration

	MoreIndicatorsEvery int // every n-th generated pulse has its embedded list cut and more_indicators set; 0: none
	Embedded            int // indicators left in a cut list, default half of IndicatorsPerPulse
	InactiveEvery       int // every n-th generated pulse has an inactive indicator besides; 0: none
	PrivateEvery        int // every n-th generated pulse is private: not in /pulses/activity; 0: none

	MaxLimit  int    // the service's ceiling on limit, 0: none
	EmptyPage int    // this page of /pulses/subscribed is empty though the list goes on behind it; 0: none
	PublicURL string // what "next" names, e.g. https://otx.example; default the host of the request
	Throttled bool   // a missing key is answered with 429, as the service does at times, and not with 403
	Gzip      bool   // compress for clients that accept it, as the service's CDN does
}

// withDefaults returns a with every zero field that has a default filled in.
// Times have the service's precision, a microsecond.
func (a Account) withDefaults() Account {
	a.Key = or(a.Key, DefaultKey)
	a.User = or(a.User, "demo")
	a.Start = or(a.Start, time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).UTC().Truncate(time.Microsecond)
	a.Step = or(a.Step, 7*time.Minute)
	a.Embedded = or(a.Embedded, a.IndicatorsPerPulse/2)
	a.PublicURL = strings.TrimRight(a.PublicURL, "/")
	return a
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Pulse is a pulse as its author means it. How it looks on the wire depends on
// the endpoint and on the faults in force.
type Pulse struct {
	ID                string // 24 hex digits
	Name, Description string
	Author            string
	Created, Modified time.Time
	Revision          int
	TLP, Adversary    string
	Private           bool
	Tags, References  []string
	Countries         []string // targeted_countries
	Industries        []string
	AttackIDs         []string
	Families          []string // malware_families
	Indicators        []Indicator
	Embedded          int // > 0: lists embed only so many indicators and set more_indicators
}

// Indicator is one entry of a pulse. An empty Title, Description, Content or
// Role is written as "" or as null by turns, as the service does.
type Indicator struct {
	ID                          int64
	Type, Value                 string
	Created                     time.Time
	Title, Description, Content string
	Role                        string
	Expiration                  time.Time // zero: never
	Inactive                    bool      // listed only with include_inactive=1
}
