package storetest

import (
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
)

var (
	one   = ip("192.0.2.1")
	two   = ip("192.0.2.2")
	three = domain("evil.example")
	four  = ioc.Observable{Type: ioc.MD5, Value: "d41d8cd98f00b204e9800998ecf8427e"}
)

func (s *suite) empty() {
	s.cursorIs("a", "")
	s.has()
	s.reports(one)
	if got := collect(s, s.store.KnownReports(s.Context(), "a")); len(got) > 0 {
		s.Errorf("known reports: %v", got)
	}
	s.put(ioc.Batch{}, ioc.Changes{})
	s.sound()
}

func (s *suite) lookup() {
	s.put(whole("r", "1", one, three), ioc.Changes{New: 2, Observables: 2})
	s.has(one, three)
	s.reports(one, "a/r")
	s.reports(two)
	s.reports(ioc.Observable{Type: ioc.Domain, Value: one.Value})
	s.reports(ioc.Observable{Type: "no such type", Value: one.Value})
}

// claims come back as they were stored, to the microsecond.
func (s *suite) claims() {
	r := ioc.Report{ID: "r", Name: "n", Author: "au", Description: "d", Adversary: "ad", TLP: "amber", URL: "https://u.example/",
		Tags: []string{"t1", "t2"}, References: []string{"free text"}, Families: []string{"f"}, Techniques: []string{"T1566"},
		Countries: []string{"c"}, Industries: []string{"i"}, Created: at(1), Modified: at(2)}
	c := ioc.Claim{Declared: "hostname", Original: "EVIL[.]example", Role: "c2", Title: "ti", Description: "de", Content: "rule x {}",
		Confidence: 80, Created: at(3).Add(123456 * time.Microsecond), Expires: at(4)}
	b := ioc.Batch{Reports: []ioc.ReportList{{Report: r, Revision: "1", Start: true, Last: true}},
		Members: []ioc.Member{{Observable: three, Report: "r", Claim: c}}}
	s.put(b, ioc.Changes{New: 1, Observables: 1})
	want := ioc.Indicator{Observable: three, Feed: "a", Provider: "au", Reports: []ioc.Mention{{Report: r, Claim: c}}, Tags: r.Tags,
		TLP: "amber", Confidence: 80, FirstSeen: c.Created, LastSeen: c.Created, ModifiedAt: at(2), ValidUntil: at(4)}
	got := s.only(three)
	want.ArmedSeq = got.ArmedSeq
	if d := cmp.Diff(want, got); d != "" {
		s.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff([]ioc.Report{r}, collect(s, s.store.KnownReports(s.Context(), "a"))); d != "" {
		s.Errorf("known reports (-want +got):\n%s", d)
	}
}

// union: every feed has an indicator of its own, made of all its reports.
func (s *suite) union() {
	list := func(id, author, tlp string, modified int, tags ...string) ioc.ReportList {
		return ioc.ReportList{Start: true, Last: true, Report: ioc.Report{ID: id, Author: author, TLP: tlp, Tags: tags, Modified: at(modified)}}
	}
	claim := func(report string, created, expires int, confidence uint8) ioc.Member {
		return ioc.Member{Observable: one, Report: report, Claim: ioc.Claim{Created: at(created), Expires: at(expires), Confidence: confidence}}
	}
	s.put(ioc.Batch{Reports: []ioc.ReportList{list("old", "ann", "red", 1, "x", "y"), list("new", "bob", "green", 9, "z", "x")},
		Members: []ioc.Member{claim("old", 3, 20, 70), claim("new", 2, 10, 30)}}, ioc.Changes{New: 2, Observables: 1})
	s.putTo("b", ioc.Batch{Reports: []ioc.ReportList{list("other", "cid", "", 5)},
		Members: []ioc.Member{{Observable: one, Report: "other"}}}, ioc.Changes{New: 1})
	s.has(one)
	s.reports(one, "a/new", "a/old", "b/other")
	for _, i := range s.find(one) {
		i.Reports, i.ArmedSeq = nil, 0
		want := ioc.Indicator{Observable: one, Feed: "b", Provider: "cid", ModifiedAt: at(5)}
		if i.Feed == "a" {
			want = ioc.Indicator{Observable: one, Feed: "a", Provider: "bob", Tags: []string{"z", "x", "y"}, TLP: "red", Confidence: 70,
				FirstSeen: at(2), LastSeen: at(3), ModifiedAt: at(9), ValidUntil: at(20)}
		}
		if d := cmp.Diff(want, i); d != "" {
			s.Errorf("(-want +got):\n%s", d)
		}
	}
	if is := s.find(one); is[0].Feed == "a" && is[0].Reports[0].ID != "new" {
		s.Errorf("the newest report is not the first: %v", is[0].Reports)
	}
}

func (s *suite) replace() {
	s.put(whole("r", "1", one, two), ioc.Changes{New: 2, Observables: 2})
	s.put(whole("r", "2", two, three), ioc.Changes{New: 1, Unchanged: 1, Withdrawn: 1, Observables: 1})
	s.has(two, three)
	s.reports(one)
	s.put(whole("r", "3"), ioc.Changes{Withdrawn: 2})
	s.has()
}

func (s *suite) changedClaims() {
	b := whole("r", "1", one, two)
	b.Members[0].Title = "first"
	s.put(b, ioc.Changes{New: 2, Observables: 2})
	b.Reports[0].Revision, b.Reports[0].Name = "2", "renamed"
	b.Members[0].Title, b.Members[0].Role = "second", "c2"
	s.put(b, ioc.Changes{Changed: 1, Unchanged: 1})
	if got := s.only(one).Reports[0]; got.Title != "second" || got.Role != "c2" || got.Name != "renamed" {
		s.Errorf("got %+v", got)
	}
	b.Reports[0].Revision = "3"
	b.Members[0].Claim = ioc.Claim{}
	s.put(b, ioc.Changes{Changed: 1, Unchanged: 1})
}

// revision: what has not changed is not looked at.
func (s *suite) revision() {
	s.put(whole("r", "1", one, two), ioc.Changes{New: 2, Observables: 2})
	s.put(whole("r", "1", one), ioc.Changes{Unchanged: 1})
	s.has(one, two)
	s.put(whole("no revision", "", three), ioc.Changes{New: 1, Observables: 1})
	s.put(whole("no revision", "", four), ioc.Changes{New: 1, Withdrawn: 1, Observables: 1})
	s.putTo("b", whole("r", "1", one), ioc.Changes{New: 1})
}

// parts: the old list stays until the last part is there.
func (s *suite) parts() {
	s.put(whole("r", "1", one, two), ioc.Changes{New: 2, Observables: 2})
	s.put(part("r", "2", true, false, two), ioc.Changes{Unchanged: 1})
	s.put(part("r", "2", false, false, three), ioc.Changes{New: 1, Observables: 1})
	s.has(one, two, three)
	s.put(part("r", "2", false, true, four), ioc.Changes{New: 1, Withdrawn: 1, Observables: 1})
	s.has(two, three, four)
	s.put(part("r", "2", true, false, two), ioc.Changes{Unchanged: 1})
	s.put(part("r", "2", false, true, three), ioc.Changes{Unchanged: 1})
	s.has(two, three, four)
}

// crashInParts: a reading that was broken off is begun anew.
func (s *suite) crashInParts() {
	s.put(whole("r", "1", one, two), ioc.Changes{New: 2, Observables: 2})
	s.put(part("r", "2", true, false, three), ioc.Changes{New: 1, Observables: 1})
	s.put(part("r", "2", true, false, three), ioc.Changes{Unchanged: 1})
	s.put(part("r", "2", false, true, four), ioc.Changes{New: 1, Withdrawn: 2, Observables: 1})
	s.has(three, four)

	// The publisher goes back to what was complete: nothing of it was skipped.
	s.put(part("r", "3", true, false, one), ioc.Changes{New: 1})
	s.put(whole("r", "2", three, four), ioc.Changes{Unchanged: 2, Withdrawn: 1})
	s.has(three, four)
}

// brokenParts: a last part without a first may not withdraw anything.
func (s *suite) brokenParts() {
	s.put(whole("r", "1", one), ioc.Changes{New: 1, Observables: 1})
	s.put(part("r", "2", false, true, two), ioc.Changes{New: 1, Observables: 1})
	s.has(one, two)
	s.put(whole("r", "2", two), ioc.Changes{Unchanged: 1, Withdrawn: 1})
	s.has(two)
}

// mixedParts: the report changed while it was read.
func (s *suite) mixedParts() {
	s.put(whole("r", "1", one), ioc.Changes{New: 1, Observables: 1})
	s.put(part("r", "2", true, false, two), ioc.Changes{New: 1, Observables: 1})
	s.put(part("r", "3", false, true, three), ioc.Changes{New: 1, Observables: 1})
	s.has(one, two, three)
	s.put(whole("r", "3", one, three), ioc.Changes{Unchanged: 2, Withdrawn: 1})
	s.has(one, three)

	// Pages that shift while they are read bring a report twice.
	s.put(join(whole("r", "4", one), whole("r", "5", two)), ioc.Changes{New: 1, Unchanged: 1})
	s.has(one, two, three)
	s.put(join(whole("r", "6", one), whole("r", "6", one)), ioc.Changes{Unchanged: 2, Withdrawn: 2})
	s.has(one)
}

// twice: a list that names an observable twice has one membership, with the
// longer validity.
func (s *suite) twice() {
	b := whole("r", "1", one, one, two)
	b.Members[0].Claim = ioc.Claim{Declared: "domain", Created: at(2), Expires: at(5)}
	b.Members[1].Claim = ioc.Claim{Declared: "hostname", Created: at(1)}
	s.put(b, ioc.Changes{New: 2, Unchanged: 1, Observables: 2})
	want := ioc.Claim{Declared: "domain", Created: at(1)}
	if d := cmp.Diff(want, s.only(one).Reports[0].Claim); d != "" {
		s.Errorf("(-want +got):\n%s", d)
	}
	b.Reports[0].Revision = "2"
	s.put(b, ioc.Changes{Unchanged: 3})
}

func (s *suite) twiceOverParts() {
	read := func(revision string, first, second ioc.Changes) {
		s.Helper()
		b := part("r", revision, true, false, one)
		b.Members[0].Claim = ioc.Claim{Title: "first", Expires: at(5)}
		s.put(b, first)
		b = part("r", revision, false, true, one)
		b.Members[0].Claim = ioc.Claim{Title: "second", Expires: at(9)}
		s.put(b, second)
		if got := s.only(one).Reports[0]; got.Title != "first" || !got.Expires.Equal(at(9)) {
			s.Errorf("got %+v", got)
		}
	}
	read("1", ioc.Changes{New: 1, Observables: 1}, ioc.Changes{Changed: 1})
	read("2", ioc.Changes{Changed: 1}, ioc.Changes{Changed: 1})
}

// unannounced: members of a report that the batch does not list are added.
func (s *suite) unannounced() {
	s.put(whole("r", "1", one), ioc.Changes{New: 1, Observables: 1})
	s.put(ioc.Batch{Members: []ioc.Member{member("r", two), member("new", two)}}, ioc.Changes{New: 2, Observables: 1})
	s.has(one, two)
	s.reports(two, "a/new", "a/r")
	if got := s.only(one).Reports[0].Name; got != "report r" {
		s.Errorf("the report is called %q now", got)
	}
	s.put(whole("r", "1", one), ioc.Changes{Unchanged: 1})
	s.has(one, two)
}

func (s *suite) gone() {
	s.put(join(whole("r", "1", one, two), whole("q", "1", two)), ioc.Changes{New: 3, Observables: 2})
	s.put(ioc.Batch{Gone: []string{"r", "r", "never seen"}}, ioc.Changes{Withdrawn: 2})
	s.has(two)
	s.reports(two, "a/q")
	s.put(ioc.Batch{Gone: []string{"r"}}, ioc.Changes{})
	if got := collect(s, s.store.KnownReports(s.Context(), "a")); len(got) != 1 || got[0].ID != "q" {
		s.Errorf("known reports: %v", got)
	}

	// It is back, though its revision is the same.
	s.put(whole("r", "1", one, two), ioc.Changes{New: 2})
	s.reports(two, "a/q", "a/r")

	// What is both listed and gone is there.
	b := whole("r", "2", one)
	b.Gone = []string{"r"}
	s.put(b, ioc.Changes{Unchanged: 1, Withdrawn: 1})
	s.has(one, two)
}

// back: what was withdrawn and is listed again says what it says now.
func (s *suite) back() {
	b := whole("r", "1", one)
	b.Members[0].Title = "then"
	s.put(b, ioc.Changes{New: 1, Observables: 1})
	s.put(whole("r", "2"), ioc.Changes{Withdrawn: 1})
	s.has()
	s.put(whole("r", "3", one), ioc.Changes{New: 1})
	s.has(one)
	if got := s.only(one).Reports[0].Title; got != "" {
		s.Errorf("the old title is back: %q", got)
	}
}

// bigList: a list of any length, in one batch and in parts.
func (s *suite) bigList() {
	const n = 20_000
	list := func(from int) (os []ioc.Observable) {
		for i := range n {
			os = append(os, ip(fmt.Sprintf("10.0.%d.%d", (from+i)>>8, (from+i)&255)))
		}
		return os
	}
	s.put(whole("r", "1", list(0)...), ioc.Changes{New: n, Observables: n})
	s.put(whole("r", "2", list(n/2)...), ioc.Changes{New: n / 2, Unchanged: n / 2, Withdrawn: n / 2, Observables: n / 2})
	os := list(0)
	s.put(part("r", "3", true, false, os[:n/2]...), ioc.Changes{New: n / 2})
	s.put(part("r", "3", false, true, os[n/2:]...), ioc.Changes{Unchanged: n / 2, Withdrawn: n / 2})
	s.has(os...)
	s.put(ioc.Batch{Gone: []string{"r"}}, ioc.Changes{Withdrawn: n})
	s.has()
}
