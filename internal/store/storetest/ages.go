package storetest

import (
	"testing"
	"time"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/store"
)

// RunAges tests that a store arms anew what lives longer because a claim was made
// anew that ends by a lifetime: open makes an empty store that knows which do.
func RunAges(t *testing.T, open func(t *testing.T, ages store.Ages) Store) {
	s := &suite{T: t, store: open(t, func(feed string, typ ioc.Type) bool { return feed == "a" && typ == ioc.IP })}
	one, other := ip("192.0.2.1"), domain("evil.example")
	last := map[ioc.Observable]uint64{}
	step := func(feed, report, revision string, o ioc.Observable, created, expires time.Time, wantArmed bool) {
		t.Helper()
		b := whole(report, revision, o)
		b.Members[0].Created, b.Members[0].Expires = created, expires
		if _, err := s.store.PutBatch(t.Context(), feed, b); err != nil {
			t.Fatal(err)
		}
		s.sound()
		seq := uint64(0)
		for _, i := range s.find(o) {
			seq = max(seq, i.ArmedSeq)
		}
		if armed := seq > last[o]; armed != wantArmed {
			t.Errorf("feed %s, report %s, revision %s of %s: armed anew %v, want %v", feed, report, revision, o.Value, armed, wantArmed)
		}
		last[o] = seq
	}
	never := time.Time{}
	step("a", "r", "1", one, at(1), never, true)
	step("a", "r", "1", one, at(1), never, false) // nothing is new
	step("a", "r", "2", one, at(1), never, false) // another revision of the same
	step("a", "r", "3", one, at(5), never, true)  // claimed again, later
	step("a", "q", "1", one, at(6), never, true)  // claimed by another report
	step("a", "p", "1", one, at(7), at(9), false) // a claim with an end does not end the others
	step("a", "o", "1", one, never, never, true)  // of the report's date,
	step("a", "o", "2", one, never, never, true)  // which may be another one now
	step("a", "r", "1", other, at(1), never, true)
	step("a", "n", "1", other, at(5), never, false) // of a type that does not age
	step("b", "r", "1", one, at(8), never, false)   // of a feed whose claims do not
}
