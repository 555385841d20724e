// Package corpus makes what scanners for indicators are measured on: lists of
// indicators, logs in which some of them are planted, and the truth about it.
//
// # Why logs are made
//
// A real log does not say which of its lines hold an indicator, and may not be
// handed on. These logs look like real ones to a matcher (six formats, names
// and addresses drawn as they are in traffic, some often and most seldom), and for every
// planted line the truth says what was planted and how it is written. So one run
// tells both how fast a tool is and whether it is right.
//
// # What is planted
//
// A hit is an indicator as it stands in logs: plain, as a subdomain, with a
// final dot, in capitals, defanged, with the escapes of JSON, an IPv6 address
// with all its zeros. A trap looks like one and is none: notevil.example,
// evil.example.net, one digit more. A line holds one planted thing, never two.
//
// Every list is the beginning of the longer ones, and only the first thousand
// indicators are planted: the truth is the same however long the list is. Names
// and addresses of the background differ from those of indicators in a bit of
// their hash (side), so an unplanted line never holds a true indicator.
//
// # The same bytes everywhere
//
// Numbers come from splitmix64, and nothing here depends on the clock, the
// machine or Go's own generator: the same options give the same bytes. The test
// holds their sums; who changes what is drawn, or in which order, changes every
// figure that was ever published, and has to say so.
package corpus
