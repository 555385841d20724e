// Package testdata carries the sample logs in the binary, for iochunt demo.
//
// The logs are invented. Names are those of RFC 2606, addresses those of
// RFC 5737 and RFC 3849, and most lines are clean. What the pulses of
// otxtest.Demo hit in them is listed in Expected; lines that look alike and
// must not hit stand among them.
package testdata

import "embed"

// Logs holds the sample logs in the folder logs: syslog of both RFCs, a web
// server's access log with its compressed predecessor, ECS as JSON lines, and
// a name server's query log.
//
//go:embed logs/*.log logs/*.gz logs/*.ndjson
var Logs embed.FS

// Expected is the list of hits, logs/EXPECTED.tsv: a heading, then one hit a
// line with file, line, type, canonical value and the rule in words, between
// tabs. It is no part of Logs, as it would hit itself.
//
//go:embed logs/EXPECTED.tsv
var Expected string
