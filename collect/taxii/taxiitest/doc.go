// Package taxiitest has TAXII servers to test clients with: fakes in memory whose
// faults can be chosen, a way to break any reply off at any byte, and a way to
// start two servers that others wrote.
//
// # Why fakes
//
// A client of TAXII is right when it misses nothing, and what makes it miss
// something is seldom in the standard: a server loses an answer after its cursor
// has moved, says "more" for ever, cuts its dates to seconds, sends a page for
// people with status 200, breaks off inside the last block. A real server does so
// once a month. TAXII1 and TAXII2 do it when a field says so, and each field of
// their Faults is a fault of a server that was met, or one that the standard
// leaves room for.
//
// # The parts
//
//	TAXII1   TAXII 1.1 and 1.0, by the version of the question. It answers as
//	         OpenTAXII does, and is as strict as the schema: a wrong question is
//	         BAD_MESSAGE, so that a client which builds one does not pass.
//	TAXII2   TAXII 2.1 or 2.0, as its field Version says. It answers as medallion
//	         does; Next and Dates choose among the ways in which servers lead from
//	         page to page and date what they send.
//	Cut      stands before one of them, or before any handler, and ends the
//	         connection after so many bytes. EveryByte goes through all of them:
//	         after each cut, what the client says it has must be what was sent.
//	Start    starts OpenTAXII and medallion themselves on loopback, with contents
//	         that Expected knows by heart; a fake shows what we think that servers
//	         do, only these show what they do. A test is skipped where their Python
//	         environment is not made (scripts/taxii-servers).
//
// # How a test goes
//
// Each fake is an http.Handler. Fill its fields, serve it, poll, and look at what
// came and at what was asked:
//
//	s := &taxiitest.TAXII2{
//		Collections: []taxiitest.Collection2{{ID: "c", Objects: objects}},
//		Next:        taxiitest.Cursor2,
//		PageSize:    2,
//	}
//	s.Faults.Lose = func(r taxiitest.Request2) bool { return r.Query.Has("next") && lost.CompareAndSwap(false, true) }
//	server := httptest.NewServer(s)
//	…
//	for _, r := range s.Asked() { … }
//
// Between questions the fields may be changed under Change, which waits until no
// question is being answered: objects are added, a fault is mended, and the next
// run must bring what the last one could not. Expire makes the server forget its
// results, cursors and tokens.
//
// A collection is handed out as it is written down: a Block1's Content and an
// Object2's JSON go over the wire as they are, and are not checked, for broken ones
// are what readers are tested with. Blocks and objects belong in the order of their
// labels and dates, unless disorder is what is tested.
//
// With User set, a question needs Basic or a token of the path Auth1 or Auth2;
// TokenUses makes tokens run out.
package taxiitest
