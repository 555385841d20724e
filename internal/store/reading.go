package store

import "github.com/iochunt/iochunt/internal/ioc"

// Reading is how far a report's list has been read. A list may come in
// several batches, and the program may die between any two of them; the rules
// here keep every member that might still be listed:
//
//   - A Start opens a new generation. Members that come are of it. The old
//     ones stay until the Last part, which withdraws what is not of the
//     generation. A Start while a reading is open begins anew.
//   - When parts do not fit together (a part without a Start, or the revision
//     changed in mid-list) members are added, nothing is withdrawn, and the
//     report counts as incomplete, so that it is read again.
//   - A list whose revision is that of the stored, complete one is skipped.
type Reading struct {
	Complete   string // revision of the stored list if it is complete, else ""
	Pending    string // revision of the list being read
	Open       bool   // a list is being read
	Mixed      bool   // the parts of the list being read do not fit together
	Generation int64  // of the list being read, or of the last one
}

// Step says what to do with one part of a report's list.
type Step uint8

// The steps.
const (
	Skip     Step = iota // the list is stored: leave everything alone
	Add                  // store the members
	Withdraw             // store the members, then withdraw those of older generations
)

// Part takes notice of one part of the list and returns what to do with it.
func (r *Reading) Part(l List) Step {
	known := l.Revision != "" && l.Revision == r.Complete && !l.Mixed
	switch {
	case known:
		return Skip
	case l.Start:
		*r = Reading{Pending: l.Revision, Open: true, Generation: r.Generation + 1}
	case !r.Open:
		*r = Reading{Pending: l.Revision, Open: true, Mixed: true, Generation: r.Generation + 1}
	}
	r.Complete = ""
	r.Mixed = r.Mixed || l.Mixed || l.Revision != r.Pending
	if !l.Last {
		return Add
	}
	return r.last()
}

func (r *Reading) last() Step {
	r.Open = false
	if r.Mixed {
		return Add
	}
	r.Complete = r.Pending
	return Withdraw
}

// Forget makes the next list be read whatever its revision.
func (r *Reading) Forget() { *r = Reading{Generation: r.Generation} }

// List is a ReportList of a batch in which the report stands once.
type List struct {
	ioc.ReportList
	Mixed     bool // the batch had parts of two revisions
	Announced bool // false: the batch has members of the report, but no ReportList
}

// Lists returns the reports that a batch speaks of, each once: parts of one
// report that are in the same batch are joined, and reports that only have
// members follow, unannounced. A report that is listed and gone is listed.
func Lists(b ioc.Batch) (lists []List, gone []string) {
	at := make(map[string]int, len(b.Reports))
	for _, l := range b.Reports {
		if i, dup := at[l.ID]; dup {
			lists[i].join(l)
			continue
		}
		at[l.ID] = len(lists)
		lists = append(lists, List{ReportList: l, Announced: true})
	}
	for _, m := range b.Members {
		if _, ok := at[m.Report]; !ok {
			at[m.Report] = len(lists)
			lists = append(lists, List{ReportList: ioc.ReportList{Report: ioc.Report{ID: m.Report}}})
		}
	}
	for _, id := range b.Gone {
		if _, ok := at[id]; !ok {
			at[id] = -1
			gone = append(gone, id)
		}
	}
	return lists, gone
}

func (l *List) join(m ioc.ReportList) {
	l.Mixed = l.Mixed || l.Revision != m.Revision
	l.Start = l.Start || m.Start
	l.Last = l.Last || m.Last
	if m.Modified.After(l.Modified) {
		l.Report, l.Revision = m.Report, m.Revision
	}
}
