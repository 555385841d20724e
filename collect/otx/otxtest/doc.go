// Package otxtest is a fake of the OTX REST service (DirectConnect, API v1)
// for tests and demonstrations. It speaks the wire format of the service and
// shares no code with the client that reads it: what a client believes of the
// format is held against this package, so both must have learnt it apart from
// each other. It imports the standard library alone.
//
//	s := otxtest.New(otxtest.Account{Pulses: 100, IndicatorsPerPulse: 50})
//	if err := s.Start(); err != nil { ... }
//	defer s.Close()
//	// read s.URL() with the key s.Key, then compare with s.Truth()
//
// # The account
//
// An Account is a recipe, not data: pulse i and its indicator j follow from the
// seed, so an account of 10,000 pulses with 1,000,000 distinct indicators costs
// a few megabytes, and the same recipe gives the same bytes on every machine.
// What a test wants to say exactly goes into Extra. Values are distinct over
// the account and stay so after they are brought into canonical form. As on the
// service, some do not fit their type (a URL without a scheme, an upper-case
// hash, a mailbox in mixed case), some texts are null and some empty, and some
// types are ones that no client knows.
//
// Generated addresses lie in public space and generated names below the
// reserved .example and .test (RFC 2606).
//
// # Change
//
// Modify, Touch, Add, Delete, Subscribe and Unsubscribe change the account as
// its owner and the authors would: a changed pulse moves to the front of the
// list, so that every page behind it shifts; a deletion shifts them the other
// way; both ends of a subscription show in /pulses/events alone. Called from
// an OnRequest hook they do so in the middle of a client's reading.
//
// # Faults
//
// A Fault says which requests go wrong, how often, and how: the faults that
// users of the service have reported, each on demand. See Fault and the
// functions that return an Effect.
//
// # Where the service is not known
//
// Some behaviours are documented nowhere. Here the fake is the stricter one, so
// that a client which relies on luck fails: a modified_since that is no
// date (a "+" that became a space) is answered with 400, as is a page or a
// limit that is no number; a URL in a path that is not escaped as one segment
// gets 404. A page behind the last is empty. The sections of an indicator other
// than general are served in outline only.
package otxtest
