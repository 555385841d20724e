package logfmt

import "net/netip"

// The words of Record.Outcome and of Direction: those of ECS where it has them
// (network.direction).
const (
	inbound  = "inbound"
	outbound = "outbound"
	internal = "internal"

	allowed = "allowed"
	blocked = "blocked"
)

// event is what a format learns of direction and outcome while it reads.
type event struct {
	way      string // the direction, where the format states it; "" it does not
	asks     bool   // a question to a name server: its name is on the way out
	src, dst zone   // where the two ends are
	said     said
	login    bool   // it is a log-in, so that a failure is a refusal
	code     int    // event id of Windows
	security bool   // it is of Windows' security log
	local    uint8  // Zeek's local_orig and local_resp, two bits each
	half     bool   // Zeek saw no answer
	loose    bool   // the protocol has no handshake
	status   string // outcome by a status of HTTP
	number   string // outcome by a number that is one, if there is a client of a web server
	client   bool   // there is a client of a web server
}

// said collects what a record says of the outcome. What says so outright (an
// action of a firewall) weighs more than what only suggests it (an event's
// success, the status of a reply), whatever stands first.
type said uint8

const (
	saidAllowed said = 1 << iota
	saidBlocked
	hintAllowed
	hintBlocked
	hintFailed // is blocked if the event is a log-in; a look-up may fail too
)

// says notes a word of the record; "" is none.
func (e *event) says(outcome string) {
	switch outcome {
	case allowed:
		e.said |= saidAllowed
	case blocked:
		e.said |= saidBlocked
	}
}

// hints notes what only suggests an outcome.
func (e *event) hints(outcome string) {
	switch outcome {
	case allowed:
		e.said |= hintAllowed
	case blocked:
		e.said |= hintBlocked
	}
}

// outcome weighs what was said; who says both says nothing.
func (e *event) outcome() string {
	if e.said&hintFailed != 0 && e.login {
		e.said |= hintBlocked
	}
	weighed := e.said & (saidAllowed | saidBlocked)
	if weighed == 0 {
		weighed = e.said >> 2 & (saidAllowed | saidBlocked)
	}
	switch weighed {
	case saidAllowed:
		return allowed
	case saidBlocked:
		return blocked
	}
	return ""
}

// settle draws the conclusions, when the line has been read.
func (r *Record) settle() {
	e := &r.event
	e.windows()
	e.zeek()
	e.http()
	r.Outcome = e.outcome()
}

// http concludes from the status of a reply. A server out there that refuses has
// been reached; it is ours that turn strangers away.
func (e *event) http() {
	status := e.status
	if status == "" && e.client {
		status = e.number
	}
	if status == blocked && (e.way == outbound || e.way == "" && e.src == inside && e.dst == outside) {
		status = allowed
	}
	e.hints(status)
}

// zone is the side of the network's edge on which an address lies.
type zone uint8

const (
	nowhere zone = iota // not known, or neither: a broadcast, a multicast group
	inside
	outside
	both // an end of two addresses, one on either side
)

// sharedNet is that of carriers' NAT (RFC 6598), which no one routes either.
var sharedNet = netip.MustParsePrefix("100.64.0.0/10")

func zoneOf(a netip.Addr) zone {
	a = a.Unmap().WithZone("")
	switch {
	case a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || sharedNet.Contains(a):
		return inside
	case a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return nowhere
	}
	return outside
}

// meets notes an address of one end.
func (e *event) meets(side string, a netip.Addr) {
	end := &e.src
	switch side {
	case "source":
	case "destination":
		end = &e.dst
	default:
		return
	}
	switch z := zoneOf(a); {
	case *end == nowhere:
		*end = z
	case z != nowhere && z != *end:
		*end = both
	}
}

// Direction returns which way the event went, seen from line[start:end]:
// "inbound", "outbound" or "internal", and "" where the record does not say.
//
// What the format states comes first. A question to a name server is outbound
// for the name that is asked, whoever passed it on, but inbound for the address
// of a stranger who asks. Else the addresses of both ends decide, by which of
// them is private (RFC 1918, RFC 4193, RFC 6598, loopback and link-local); two
// public ones do not say which is ours.
func (r *Record) Direction(start, end int) string {
	e := &r.event
	if e.asks && !(e.src == outside && (e.dst == inside || r.isSource(start, end))) {
		return outbound
	}
	if e.asks {
		return inbound
	}
	if e.way != "" {
		return e.way
	}
	switch {
	case e.src == inside && e.dst == inside:
		return internal
	case e.src == inside && e.dst == outside:
		return outbound
	case e.src == outside && e.dst == inside:
		return inbound
	}
	return ""
}

// isSource reports whether line[start:end] is the address that the event comes
// from.
func (r *Record) isSource(start, end int) bool {
	return meaningOf(r.FieldAt(start, end)) == isSourceAddr
}

// httpOutcome tells from a status of HTTP whether the request was served. The
// statuses of a refusal are 401, 403, 407 (RFC 9110) and 429 (RFC 6585), and of
// nginx's own 444, no answer at all, and 495 to 497, the wrong certificate or
// none (nginx.org, ngx_http_ssl_module). Whoever gets 404 has been answered.
func httpOutcome(status []byte) string {
	if len(status) != 3 || !allDigits(status) || status[0] < '1' || status[0] > '5' {
		return ""
	}
	switch string(status) {
	case "401", "403", "407", "429", "444", "495", "496", "497":
		return blocked
	}
	return allowed
}
