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
	touched  bool   // something was learned
	way      string // the direction, where the format states it; "" it does not
	asks     bool   // a question to a name server: its name is on the way out
	src, dst zone   // where the two ends are
	said     said
	login    bool      // it is a log-in, so that a failure is a refusal
	code     int       // event id of Windows
	security bool      // it is of Windows' security log
	local    uint8     // Zeek's local_orig and local_resp, two bits each
	half     bool      // Zeek saw no answer
	loose    bool      // the protocol has no handshake
	status   string    // outcome by a status of HTTP
	number   string    // outcome by a number that is one, if there is a client of a web server
	client   bool      // there is a client of a web server
	request  bool      // and what it asked for
	relays   bool      // of a proxy that may be ours or open to strangers
	suricata bool      // its source is that of a packet, unless it says more
	turned   bool      // the packet went back to who began
	forth    bool      // the packet came from who began
	ports    [2]uint16 // of source and destination, 0 where not known
	keys     [2]uint64
	unsure   doubt
}

// doubt is what a record cannot be asked.
type doubt uint8

const (
	noWay doubt = 1 << iota
	noOutcome
)

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
	if e.unsure&noOutcome != 0 {
		return ""
	}
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

// comes notes that somebody came to a machine of ours, who is a stranger unless
// the address says otherwise: what is inside may be a machine of ours, and may
// be the proxy that strangers come through.
func (e *event) comes() {
	if e.src == outside || e.src == nowhere {
		e.goes(inbound)
	}
}

// goes notes a direction; two that differ are none.
func (e *event) goes(way string) {
	if e.way != "" && e.way != way {
		e.unsure |= noWay
	}
	e.way = way
}

// replies notes what a status of HTTP says; two that differ say nothing.
func (e *event) replies(outcome string) {
	if e.status != "" && e.status != outcome {
		e.unsure |= noOutcome
	}
	e.status = outcome
}

// http concludes from the status of a reply. It is our servers that turn
// strangers away; a server out there that refuses has been reached, and it
// chooses what it answers: a control server that answers 403 is not blocked.
func (e *event) http() {
	if e.client && e.request {
		e.comes()
		if e.status == "" {
			e.status = e.number
		}
	}
	status := e.status
	if status == blocked {
		switch e.heading() {
		case inbound:
		case outbound:
			status = allowed
		default:
			status = ""
		}
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
	e.touched = true
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
// What the format states comes first, unless the addresses of both ends say the
// opposite. A question to a name server is outbound for the name that is asked,
// whoever passed it on, but inbound for the address of a stranger who asks. Else
// the addresses decide, by which of them is private (RFC 1918, RFC 4193, RFC 6598,
// loopback and link-local); two public ones do not say which is ours.
func (r *Record) Direction(start, end int) string {
	e := &r.event
	if e.unsure&noWay != 0 {
		return ""
	}
	if e.asks && (e.isReply() || !(e.src == outside && (e.dst == inside || r.isSource(start, end)))) {
		return outbound
	}
	if e.asks {
		return inbound
	}
	way := e.heading()
	if way == inbound && e.relays && !r.isSource(start, end) {
		return ""
	}
	return way
}

// heading is the direction of the event as a whole.
func (e *event) heading() string {
	way, ends := e.way, e.between()
	switch {
	case e.unsure&noWay != 0, e.src == both, e.dst == both:
		return ""
	case way == "":
		way = ends
	case ends == internal && (way == inbound || way == outbound):
		way = internal // a host's own view of what stayed within the network
	case ends != "" && ends != way:
		return ""
	}
	if way == inbound && (e.isReply() || e.suricata && !e.forth && !e.isQuestion()) {
		return ""
	}
	return way
}

// isReply reports whether a packet may belong to a connection that began at the
// other end: it comes from the port of a service, or back to who began. Packets
// that come late, when the firewall has forgotten the connection, are blocked
// all day, and are no scan.
func (e *event) isReply() bool {
	return e.turned || !e.forth && servicePort(e.ports[0]) && e.ports[1] > lastService
}

// isQuestion reports whether a packet goes to the port of a service.
func (e *event) isQuestion() bool { return servicePort(e.ports[1]) && e.ports[0] > lastService }

// lastService is the last of the system ports (RFC 6335).
const lastService = 1023

func servicePort(p uint16) bool { return 0 < p && p <= lastService }

// between is the direction that the addresses of both ends show.
func (e *event) between() string {
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
