package local

import (
	"fmt"
	"os"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

// TestClaimsInOrder: feeds whose every member has a text of its own are stored
// page after page. Rows that come in no order leave the pages half full, and
// are written several times.
func TestClaimsInOrder(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const members, each = 20_000, 500
	title := fmt.Sprintf("%0*d", each, 0)
	b := ioc.Batch{Reports: []ioc.ReportList{{Report: ioc.Report{ID: "r"}, Start: true, Last: true}}}
	for n := range members {
		b.Members = append(b.Members, ioc.Member{
			Observable: ioc.Observable{Type: ioc.Domain, Value: fmt.Sprintf("n%d.example.com", n)},
			Claim:      ioc.Claim{Title: fmt.Sprintf("%s %d", title, n)}, Report: "r",
		})
	}
	if _, err := s.PutBatch(t.Context(), "f", b); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	if perMember := fi.Size() / members; perMember > each*3/2 {
		t.Errorf("%d bytes a member, whose text has %d", perMember, each)
	} else {
		t.Logf("%d bytes a member", perMember)
	}
}
