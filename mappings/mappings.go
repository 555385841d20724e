// Package mappings is what a cluster and a hunt have to agree on: the indices
// that hold indicators, hits and state, and which field of a log may hold which
// kind of indicator (FieldMap).
//
// An index is described by a file: settings and mapping, as the cluster takes
// them. The mappings are strict about nothing and index only what is searched
// or counted ("dynamic": false): a million indicators are to cost little more
// than their text. Whatever comes back out of the store as it went in stands
// in an object that is not indexed at all ("enabled": false).
package mappings

import "embed"

//go:embed *.json
var bodies embed.FS

// The indices. Their names in a cluster have a prefix of the user's before them.
const (
	IOCIndex = "ioc_index" // indicators, a document per feed and observable
	IOCHits  = "ioc_hits"  // hits, as ECS alerts
	IOCState = "ioc_state" // cursors, reports, decisions, runs, leases, coverage
)

// Names returns the names of the indices.
func Names() []string { return []string{IOCIndex, IOCHits, IOCState} }

// Index returns the body with which the index of that name is created: settings
// and mappings, in JSON. It is nil for a name that is not in Names.
func Index(name string) []byte {
	b, err := bodies.ReadFile(name + ".json")
	if err != nil {
		return nil
	}
	return b
}
