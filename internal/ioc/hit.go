package ioc

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Where says at which place in which log a Hit lies: a line of a file or a
// document of an index.
type Where struct {
	Host   string `json:"host,omitempty"`
	Path   string `json:"path,omitempty"`
	Line   int64  `json:"line,omitempty"`   // counts from 1
	Offset int64  `json:"offset"`           // of the match, in bytes from the start of the decompressed input
	Index  string `json:"index,omitempty"`  // for a document
	DocID  string `json:"doc_id,omitempty"` // for a document
	Field  string `json:"field,omitempty"`  // ECS name of the field, where the format is known
}

// Where a Hit's Time comes from.
const (
	TimeRecord = "record" // the record says so
	TimeMTime  = "mtime"  // the file's last change, as the record has no time
	TimeNow    = "now"    // standard input without times
)

// Hit is one Observable found in one record, with what every feed says of it:
// the unit that sinks receive. Indicators become ECS threat.enrichments[].
type Hit struct {
	ID string
	Observable
	Indicators      []Indicator // the claims valid at Time
	Matched         string      // the text as it stands in the record
	Rule            string      // what made it match: exact, subdomain, cidr, refanged, ...
	Where           Where
	Time            time.Time // when the event happened
	TimeSource      string    // one of TimeRecord, TimeMTime, TimeNow
	BeforeFirstSeen bool      // the event is older than every claim
	Occurred        time.Time // when the match was made, ECS matched.occurred
	Format          string    // log format of the record, "" unknown
	Record          []byte    // the line or document, without its line end
	Clipped         bool      // Record is only the surroundings of the match: the line is longer than a hit carries
	Start, End      int       // of the match in Record
	Direction       string    // of the event: Inbound, Outbound, Internal; "" not known
	Outcome         string    // Allowed, Blocked; "" not known

	// What follows is not of the event: it is computed or looked up when the hit
	// is read.
	Arming   *Arming  // of the observable
	Score    Score    // at Time
	Severity Severity //
	Alert    bool     // it is at or above the thresholds
	Mark     *Mark    // what a person said of it
}

// DocHitID returns the id of a hit in a document of an index: a hash of the
// source's name, the document's id and time, and the observable. To index the
// document again, into another index too, changes none of them.
func DocHitID(source, docID string, at time.Time, o Observable) string {
	in := make([]byte, 0, 1<<9)
	in = appendPart(in, source)
	in = appendPart(in, docID)
	in = appendPart(in, at.UTC().AppendFormat(make([]byte, 0, 40), time.RFC3339Nano))
	in = appendPart(in, o.Type)
	in = appendPart(in, o.Value)
	sum := sha256.Sum256(in)
	return hex.EncodeToString(sum[:16])
}

// FileHitID returns the id of a hit in a file: a hash of the host, the record,
// its offset in the decompressed content and the observable. Rotation,
// renaming and compression change none of them, so the same hit keeps its id.
func FileHitID(host string, record []byte, recordOffset int64, o Observable) string {
	in := make([]byte, 0, 1<<10) // on the stack, if the record is as long as most
	in = appendPart(in, host)
	in = appendPart(in, record)
	in = appendPart(in, strconv.AppendInt(make([]byte, 0, 20), recordOffset, 10))
	in = appendPart(in, o.Type)
	in = appendPart(in, o.Value)
	sum := sha256.Sum256(in)
	return hex.EncodeToString(sum[:16])
}

// appendPart appends part behind its length, so that no two lists of parts give
// the same bytes.
func appendPart[T ~string | ~[]byte](dst []byte, part T) []byte {
	dst = strconv.AppendInt(dst, int64(len(part)), 10)
	dst = append(dst, ':')
	return append(dst, part...)
}

// Sighting is the sum of the Hits of one Observable, in the sense of STIX and
// CTIM: how often, from when to when, where.
type Sighting struct {
	Observable
	Count     int       `json:"count"`
	FirstSeen time.Time `json:"first_seen,omitzero"`
	LastSeen  time.Time `json:"last_seen,omitzero"`
	Logs      []string  `json:"logs,omitempty"`
}

var tlpOrder = []string{"", "white", "clear", "green", "amber", "amber+strict", "red"}

// StricterTLP returns the stricter of two TLP markings of any case; one that is
// not of the standard (FIRST TLP 2.0, 1.0) counts as the strictest.
func StricterTLP(a, b string) string {
	if tlpRank(b) > tlpRank(a) {
		return strings.ToLower(b)
	}
	return strings.ToLower(a)
}

func tlpRank(s string) int {
	s = strings.TrimPrefix(strings.ToLower(s), "tlp:")
	for i, t := range tlpOrder {
		if s == t {
			return i
		}
	}
	return len(tlpOrder)
}
