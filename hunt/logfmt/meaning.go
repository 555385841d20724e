package logfmt

import (
	"strings"
)

// meaning is what a key of a record, whoever wrote it, says of the event.
type meaning uint8

const (
	isNothing meaning = iota
	isSourceAddr
	isDestinationAddr
	isAction      // a word for what was done with it: deny, accept
	isSuccess     // success or failure
	isWay         // inbound, egress
	isCEFWay      // 0 inbound, 1 outbound
	isStatus      // of HTTP
	isCategory    // ECS: authentication
	isQuestion    // of a name server
	isSuricata    // event_type: dns, drop
	isEventCode   // of Windows
	isEventSource // of Windows: the security log
	isConnState   // of Zeek
	isProtocol    // of Zeek
	isLocalOrig
	isLocalResp
	isClient  // of a web server, if there is a request: what reaches it is inbound
	isRequest // of HTTP, as a web server logs it
	isCaller  // of AWS
	isLogin   // success or failure of a log-in
	isSourcePort
	isDestinationPort
	isFlowSource // of Suricata: who began
	isProgram    // of journald
	isMessage    // of journald
)

// meanings has the keys with their whole path. Where a key is not enough by
// itself ("status" is a number in one log and a word in the next), its values
// are: a value that is none of the known words says nothing.
//
// Sources: ECS 8.17 (network.direction, event.outcome, event.type, dns, http);
// Suricata's eve-json-format (event_type, alert.action, verdict.action); AWS'
// flow log records (action, flow-direction) and CloudTrail's record contents
// (sourceIPAddress, responseElements.ConsoleLogin; errorCode AccessDenied is not
// among them, as whoever gets it has shown valid keys); Google's firewall rules
// logging; Zeek's conn.log
// and dns.log; nginx' variables, as a log_format with escape=json has them; the
// extension dictionary of CEF (act, deviceDirection, outcome) and its names in
// full; Sophos' log_subtype and SonicWall's fw_action.
var meanings = map[string]meaning{
	"source.ip": isSourceAddr, "client.ip": isSourceAddr, "source.address": isSourceAddr,
	"src_ip": isSourceAddr, "srcip": isSourceAddr, "src": isSourceAddr, "SRC": isSourceAddr, "srcaddr": isSourceAddr, "src_addr": isSourceAddr,
	"id.orig_h": isSourceAddr, "sourceAddress": isSourceAddr, "source_ip": isSourceAddr, "SourceIp": isSourceAddr, "SourceAddress": isSourceAddr,
	"destination.ip": isDestinationAddr, "server.ip": isDestinationAddr, "destination.address": isDestinationAddr,
	"dest_ip": isDestinationAddr, "dst_ip": isDestinationAddr, "dstip": isDestinationAddr, "dst": isDestinationAddr, "DST": isDestinationAddr,
	"dstaddr": isDestinationAddr, "dst_addr": isDestinationAddr, "id.resp_h": isDestinationAddr, "destinationAddress": isDestinationAddr,
	"destination_ip": isDestinationAddr, "DestinationIp": isDestinationAddr, "DestAddress": isDestinationAddr,

	"action": isAction, "act": isAction, "Action": isAction, "deviceAction": isAction, "fw_action": isAction, "log_subtype": isAction, "verdict": isAction,
	"disposition": isAction, "decision": isAction, "outcome": isAction, "status": isAction, "result": isAction,
	"event.type": isAction, "event.action": isAction, "rule.action": isAction, "alert.action": isAction, "verdict.action": isAction, "flow.action": isAction,
	"event.outcome": isSuccess, "categoryOutcome": isSuccess, "eventOutcome": isSuccess, "responseElements.ConsoleLogin": isLogin,
	"jsonPayload.connection.src_ip": isSourceAddr, "jsonPayload.connection.dest_ip": isDestinationAddr, "jsonPayload.disposition": isAction,
	"source.port": isSourcePort, "src_port": isSourcePort, "srcport": isSourcePort, "spt": isSourcePort, "srcPort": isSourcePort, "SPT": isSourcePort,
	"destination.port": isDestinationPort, "dest_port": isDestinationPort, "dstport": isDestinationPort, "dpt": isDestinationPort, "dstPort": isDestinationPort,
	"DPT": isDestinationPort, "dst_port": isDestinationPort, "flow.src_ip": isFlowSource,
	"jsonPayload.connection.src_port": isSourcePort, "jsonPayload.connection.dest_port": isDestinationPort,
	"network.direction": isWay, "direction": isWay, "deviceDirection": isCEFWay, "flow-direction": isWay, "flow_direction": isWay, "flowDirection": isWay,
	"http.response.status_code": isStatus, "status_code": isStatus, "http.status": isStatus,
	"event.category":    isCategory,
	"dns.question.name": isQuestion, "dns.rrname": isQuestion, "dns.queries.rrname": isQuestion, "qtype_name": isQuestion, "QueryName": isQuestion,
	"event_type": isSuricata,
	"event.code": isEventCode, "winlog.event_id": isEventCode, "EventID": isEventCode, "Event.System.EventID": isEventCode,
	"winlog.channel": isEventSource, "winlog.provider_name": isEventSource, "Channel": isEventSource, "SourceName": isEventSource, "event.provider": isEventSource,
	"Event.System.Channel": isEventSource,
	"conn_state":           isConnState, "proto": isProtocol, "local_orig": isLocalOrig, "local_resp": isLocalResp,
	"SYSLOG_IDENTIFIER": isProgram, "MESSAGE": isMessage,
	"remote_addr": isClient, "sourceIPAddress": isCaller,
	"request": isRequest, "request_uri": isRequest, "request_method": isRequest, "http_user_agent": isRequest, "server_protocol": isRequest,
	"body_bytes_sent": isRequest, "time_local": isRequest,
}

// eventData are the keys of Windows that stand in one of several objects.
var eventData = map[string]meaning{
	"IpAddress": isSourceAddr, "SourceAddress": isSourceAddr, "SourceIp": isSourceAddr,
	"DestAddress": isDestinationAddr, "DestinationIp": isDestinationAddr, "Direction": isWay, "QueryName": isQuestion,
}

// key is what is known of a key of a record.
type key struct {
	name   string
	means  meaning
	number uint8 // of those that decide, from 1 on, so that one that comes twice is noticed
}

var keys = func() map[string]key {
	all := make(map[string]key, len(meanings))
	last := uint8(0)
	for name, m := range meanings {
		k := key{name: name, means: m}
		if decides(m) {
			last++
			k.number = last
		}
		all[name] = k
	}
	return all
}()

// keyOf returns what is known of a key; its name is cut where no sane one is that
// long.
func keyOf(name []byte) key {
	if k, ok := keys[string(name)]; ok {
		return k
	}
	text := short(name)
	return key{name: text, means: meaningOfData(text)}
}

// decides reports whether a key of this meaning has a say by itself. Addresses
// and names may be there several times.
func decides(m meaning) bool {
	switch m {
	case isNothing, isSourceAddr, isDestinationAddr, isClient, isCaller, isRequest, isQuestion, isFlowSource:
		return false
	}
	return true
}

// once notes a key of the record. A key that is there twice, as where somebody
// wrote it into a value that the log did not hide, does not decide: neither the
// first nor the last is to be believed.
func (e *event) once(k key) {
	if k.number == 0 {
		return
	}
	e.touched = true
	word, bit := &e.keys[k.number>>6&1], uint64(1)<<(k.number&63)
	if *word&bit == 0 {
		*word |= bit
		return
	}
	switch k.means {
	case isWay, isCEFWay, isLocalOrig, isLocalResp:
		e.unsure |= noWay
	case isSourcePort, isDestinationPort:
		e.turned = true
	case isProgram, isMessage:
		e.unsure |= noWay | noOutcome
	default:
		e.unsure |= noOutcome
	}
}

// learnKey is learn for a key that ought to be there once.
func (e *event) learnKey(k key, v []byte) {
	if k.means != isNothing {
		e.once(k)
		e.learn(k.means, v)
	}
}

// meaningOf is keyOf of a name that is a field's.
func meaningOf(name string) meaning {
	if k, ok := keys[name]; ok {
		return k.means
	}
	return meaningOfData(name)
}

// meaningOfData returns what a key below an object of Windows' event data says.
func meaningOfData(name string) meaning {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || !strings.HasSuffix(name[:dot], "EventData") && !strings.HasSuffix(strings.ToLower(name[:dot]), "event_data") {
		return isNothing
	}
	return eventData[name[dot+1:]]
}

// learn notes what the value of a key says.
func (e *event) learn(m meaning, v []byte) {
	e.touched = true
	switch m {
	case isSourceAddr, isDestinationAddr, isClient, isCaller, isFlowSource:
		e.learnAddr(m, v)
	case isRequest:
		e.request = true
	case isLogin:
		e.fails(v)
		e.login = true
	case isSourcePort:
		e.learnPort(0, v)
	case isDestinationPort:
		e.learnPort(1, v)
	case isAction:
		e.says(actionOutcome(v))
		e.fails(v)
		if number := httpOutcome(v); number != "" {
			e.number = number
		}
	case isSuccess:
		e.fails(v)
	case isWay, isCEFWay:
		e.learnWay(m, v)
	case isStatus:
		e.replies(httpOutcome(v))
	case isCategory:
		e.login = e.login || string(v) == "authentication"
	case isQuestion:
		e.asks = true
	case isSuricata:
		e.suricata = string(v) == "drop" || string(v) == "alert"
		if string(v) == "drop" {
			e.says(blocked)
		}
	case isConnState:
		e.learnConn(v)
	case isProtocol:
		e.loose = e.loose || string(v) == "udp" || string(v) == "icmp"
	case isLocalOrig:
		e.learnLocal(v, 0)
	case isLocalResp:
		e.learnLocal(v, 2)
	case isEventCode, isEventSource:
		e.learnWindows(m, v)
	}
}

func (e *event) learnAddr(m meaning, v []byte) {
	a, ok := addrOf(v)
	if !ok {
		return
	}
	switch m {
	case isDestinationAddr:
		e.meets("destination", a)
	case isFlowSource:
		e.forth = e.forth || e.src == zoneOf(a)
	case isClient:
		e.client = true
		e.meets("source", a)
	case isCaller:
		e.meets("source", a)
		e.comes()
	default:
		e.meets("source", a)
	}
}

func (e *event) learnPort(end int, v []byte) {
	c := cursor{v, 0}
	if p, ok := c.num(1, 5); ok && c.done() {
		e.ports[end] = uint16(min(p, 65535))
	}
}

// learnWay reads a direction. ECS has ingress and egress for a host's own view,
// which is the network's unless both ends are within it; CEF's deviceDirection
// is 0 or 1, and Windows' 14592 and 14593 are texts of its message table
// (event 5156).
func (e *event) learnWay(m meaning, v []byte) {
	if m == isCEFWay {
		switch string(v) {
		case "0":
			e.goes(inbound)
		case "1":
			e.goes(outbound)
		}
		return
	}
	var w word
	switch string(w.lower(v)) {
	case "inbound", "ingress", "%%14592":
		e.goes(inbound)
	case "outbound", "egress", "%%14593":
		e.goes(outbound)
	case "internal":
		e.goes(internal)
	case "to_server": // Suricata: which way the packet went
		e.forth = true
	case "to_client":
		e.turned = true
	}
}

// actions are the words of firewalls, proxies and intrusion prevention for what
// they did. "alert", "detected" or "monitored" is not among them: it says that
// something was written down. Neither is FortiGate's "timeout": the policy let
// the session pass, but it may have ended half open, without an answer
// (Fortinet, Understanding Action Close, Reset and Timeout, 407206).
var actions = map[string]string{
	"allow": allowed, "allowed": allowed, "accept": allowed, "accepted": allowed, "pass": allowed, "passed": allowed,
	"passthrough": allowed, "permit": allowed, "permitted": allowed, "est-allowed": allowed, "forward": allowed, "forwarded": allowed,
	"deny": blocked, "denied": blocked, "block": blocked, "blocked": blocked, "drop": blocked, "dropped": blocked, "discard": blocked,
	"discarded": blocked, "reject": blocked, "rejected": blocked, "refuse": blocked, "refused": blocked, "forbidden": blocked,
	"prevent": blocked, "prevented": blocked, "quarantine": blocked, "quarantined": blocked, "access denied": blocked,
	"reset-client": blocked, "reset-server": blocked, "reset-both": blocked, "block-url": blocked, "block-continue": blocked,
	"drop-packet": blocked, "drop-all-packets": blocked, "drop-icmp": blocked,
}

func actionOutcome(v []byte) string {
	var w word
	return actions[string(w.lower(v))]
}

// maxWord is longer than any word that is known here.
const maxWord = 24

// word has room for one, so that none is made for each hit.
type word [maxWord]byte

// lower returns v in lower case, nothing if it is too long to be known.
func (w *word) lower(v []byte) []byte {
	if len(v) > len(w) {
		return nil
	}
	for i, ch := range v {
		if 'A' <= ch && ch <= 'Z' {
			ch |= 0x20
		}
		w[i] = ch
	}
	return w[:len(v)]
}

// fails notes whether an event succeeded.
func (e *event) fails(v []byte) {
	var w word
	switch string(w.lower(v)) {
	case "success", "/success":
		e.hints(allowed)
	case "failure", "failed", "/failure":
		e.said |= hintFailed
	}
}

// learnConn reads Zeek's conn_state (docs.zeek.org, base/protocols/conn).
func (e *event) learnConn(state []byte) {
	switch string(state) {
	case "SF", "S1", "S2", "S3", "RSTO", "RSTR":
		e.says(allowed)
	case "REJ":
		e.says(blocked)
	case "S0", "RSTOS0", "SH":
		e.half = true
	}
}

// Zeek's local_orig and local_resp, each two bits of event.local.
const (
	localYes = 1
	localNo  = 2
)

func (e *event) learnLocal(v []byte, shift int) {
	switch string(v) {
	case "T", "true":
		e.local |= localYes << shift
	case "F", "false":
		e.local |= localNo << shift
	}
}

// zeek concludes from what Zeek said: a handshake that was not answered was
// refused, while UDP and ICMP need no answer; and Zeek knows the local networks,
// which may be public ones.
func (e *event) zeek() {
	if e.half && !e.loose {
		e.says(blocked)
	}
	switch e.local {
	case localYes | localYes<<2:
		e.src, e.dst = inside, inside
	case localYes | localNo<<2:
		e.src, e.dst = inside, outside
	case localNo | localYes<<2:
		e.src, e.dst = outside, inside
	}
}

func (e *event) learnWindows(m meaning, v []byte) {
	if m == isEventSource {
		e.security = e.security || string(v) == "Security" || string(v) == "Microsoft-Windows-Security-Auditing"
		return
	}
	c := cursor{v, 0}
	if code, ok := c.num(1, 5); ok && c.done() {
		e.code = code
	}
}

// windows concludes from an event of Windows' security log (learn.microsoft.com,
// Appendix L: Events to Monitor): a log-in and one that failed, a Kerberos
// ticket refused, and what the filtering platform did with a packet or a
// connection. Log-ins with an address came over the network.
func (e *event) windows() {
	if !e.security {
		return
	}
	switch e.code {
	case 4624, 5156:
		e.says(allowed)
	case 4625, 4771, 5152, 5157:
		e.says(blocked)
	}
	if (e.code == 4624 || e.code == 4625 || e.code == 4771) && e.src != nowhere {
		e.comes()
	}
}
