package logfmt

import (
	"bytes"
	"net/netip"
	"testing"
)

// event is checked from the match that stands in the line.
func checkEvent(t *testing.T, format, line, match, direction, outcome string) {
	t.Helper()
	r := Record{Ref: ref}
	if got := Detect([]byte(line), &r); got != format {
		t.Errorf("%s\n\tformat %q, want %q", line, got, format)
		return
	}
	start := bytes.Index([]byte(line), []byte(match))
	if start < 0 {
		t.Fatalf("%s is not in %s", match, line)
	}
	if way := r.Direction(start, start+len(match)); way != direction || r.Outcome != outcome {
		t.Errorf("%s\n\tfrom %s: %q %q, want %q %q", line, match, way, r.Outcome, direction, outcome)
	}
}

func TestSSHEvents(t *testing.T) {
	f := func(msg, direction, outcome string) {
		t.Helper()
		checkEvent(t, "syslog", "Nov 21 02:04:11 web1 sshd[2212]: "+msg, "203.0.113.9", direction, outcome)
		checkEvent(t, "rfc5424", "<38>1 2026-11-21T02:04:11Z web1 sshd 2212 - - "+msg, "203.0.113.9", direction, outcome)
		checkEvent(t, "syslog", "Nov 21 02:04:11 web1 cron[2212]: "+msg, "203.0.113.9", "", "")
	}
	f("Accepted password for bob from 203.0.113.9 port 4711 ssh2", inbound, allowed)
	f("Accepted publickey for bob from 203.0.113.9 port 4711 ssh2: RSA SHA256:abc", inbound, allowed)
	f("Failed password for root from 203.0.113.9 port 4711 ssh2", inbound, blocked)
	f("Failed password for invalid user Accepted from 203.0.113.9 port 4711 ssh2", inbound, blocked)
	f("Failed none for invalid user x from 203.0.113.9 port 4711 ssh2", inbound, blocked)
	f("message repeated 5 times: [ Failed password for root from 203.0.113.9 port 4711 ssh2]", inbound, blocked)
	f("Invalid user Accepted password for x from 203.0.113.9", inbound, blocked)
	f("Connection closed by 203.0.113.9 port 4711 [preauth]", inbound, blocked)
	f("Connection closed by 203.0.113.9 port 4711", inbound, "")
	f("Connection closed by authenticating user root 203.0.113.9 port 4711 [preauth]", inbound, blocked)
	f("Disconnected from invalid user x 203.0.113.9 port 4711 [preauth]", inbound, blocked)
	f("Disconnected from user bob 203.0.113.9 port 4711", inbound, "")
	f("Received disconnect from 203.0.113.9: 11: Bye Bye [preauth]", inbound, blocked)
	f("Received disconnect from 203.0.113.9 port 4711:11: disconnected by user", inbound, "")
	f("error: maximum authentication attempts exceeded for root from 203.0.113.9 port 4711 ssh2 [preauth]", inbound, blocked)
	f("User root from 203.0.113.9 not allowed because listed in DenyUsers", inbound, blocked)
	f("Unable to negotiate with 203.0.113.9 port 4711: no matching key exchange method found. [preauth]", inbound, blocked)
	f("fatal: Unable to negotiate with 203.0.113.9 port 4711: no matching cipher found. Their offer: x", inbound, blocked)
	f("Postponed publickey for bob from 203.0.113.9 port 4711 ssh2 [preauth]", inbound, "")
	f("reverse mapping checking getaddrinfo for a.example [203.0.113.9] failed - POSSIBLE BREAK-IN ATTEMPT!", inbound, "")
	f("Did not receive identification string from 203.0.113.9", inbound, "")
	f("error: connect_to 203.0.113.9 port 80: failed.", "", "")
}

func TestPAMEvents(t *testing.T) {
	f := func(msg, direction, outcome string) {
		t.Helper()
		checkEvent(t, "syslog", "Nov 21 02:04:11 web1 vsftpd[1]: "+msg, "rhost", direction, outcome)
	}
	f("pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=x rhost=203.0.113.9 ", inbound, blocked)
	f("authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=203.0.113.9", inbound, blocked)
	f("PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9  user=root", inbound, blocked)
	f("FAIL LOGIN: authentication failure; rhost=203.0.113.9", "", "")
}

func TestPacketEvents(t *testing.T) {
	f := func(prefix, ends, match, direction, outcome string) {
		t.Helper()
		msg := prefix + ends + " LEN=40 PROTO=TCP SPT=4242 DPT=23"
		checkEvent(t, "syslog", "Nov 21 02:04:11 gw kernel: "+msg, match, direction, outcome)
		checkEvent(t, "syslog", "Nov 21 02:04:11 gw app: "+msg, match, "", "")
	}
	const (
		in   = "IN=eth0 OUT= MAC=00 SRC=203.0.113.9 DST=10.0.0.1"
		out  = "IN= OUT=eth0 SRC=10.0.0.1 DST=203.0.113.9"
		thru = "IN=eth1 OUT=eth0 MAC=00 SRC=10.0.0.7 DST=203.0.113.9"
	)
	f("[UFW BLOCK] ", in, "203.0.113.9", inbound, blocked)
	f("[12345.678901] [UFW BLOCK] ", in, "203.0.113.9", inbound, blocked)
	f("[UFW LIMIT BLOCK] ", in, "203.0.113.9", inbound, blocked)
	f("[UFW ALLOW] ", out, "203.0.113.9", outbound, allowed)
	f("[UFW AUDIT] ", thru, "203.0.113.9", outbound, "")
	f("", in, "203.0.113.9", inbound, "")
	f("FINAL_REJECT: ", in, "203.0.113.9", inbound, blocked)
	f("STATE_INVALID_DROP: ", thru, "203.0.113.9", outbound, blocked)
	f("Shorewall:net2fw:DROP:", in, "203.0.113.9", inbound, blocked)
	f("REJECT wan in: ", in, "203.0.113.9", inbound, blocked)
	f("[UFW BLOCK] ", in+" LEN=40 PROTO=TCP SPT=443 DPT=51234 WINDOW=0 RES=0x00 ACK FIN URGP=0", "203.0.113.9", "", blocked) // the end of a connection of ours
	f("[UFW BLOCK] ", in+" LEN=40 PROTO=TCP SPT=4444 DPT=51234 WINDOW=0 RES=0x00 RST URGP=0", "203.0.113.9", "", blocked)
	f("[UFW BLOCK] ", in+" LEN=40 PROTO=TCP SPT=4444 DPT=51234 WINDOW=0 RES=0x00 ACK SYN URGP=0", "203.0.113.9", "", blocked)
	f("[UFW BLOCK] ", in+" LEN=40 PROTO=TCP SPT=4444 DPT=23 WINDOW=0 RES=0x00 SYN URGP=0", "203.0.113.9", inbound, blocked)
	f("[UFW BLOCK] ", in+" LEN=40 PROTO=UDP SPT=53 DPT=51234 LEN=9", "203.0.113.9", "", blocked)
	f("[UFW BLOCK] ", "IN=eth0 OUT= MAC=00 SRC=192.0.2.1 DST=10.0.0.1 PROTO=ICMP TYPE=3 CODE=1 [SRC=10.0.0.1 DST=203.0.113.9 LEN=60 ]", "203.0.113.9", "", blocked)
	f("raw DROP ", "IN=eth1 OUT= MAC=00 SRC=10.0.0.7 DST=203.0.113.9", "203.0.113.9", outbound, blocked) // of the table raw, before the way is known
	f("DROP ", "IN=eth0 x OUT= SRC=203.0.113.9 DST=10.0.0.1", "203.0.113.9", inbound, "")
	f("NFT ACCEPT ", thru, "203.0.113.9", outbound, allowed)
	f("dropbear: ", in, "203.0.113.9", inbound, "")
	f("ACCEPT-or-DROP ", in, "203.0.113.9", inbound, "") // says both
	f("x ", "IN=eth1 OUT=eth2 SRC=10.0.0.7 DST=10.1.0.9", "10.1.0.9", internal, "")
	f("x ", "IN=eth0 OUT=eth1 SRC=203.0.113.9 DST=10.1.0.9", "203.0.113.9", inbound, "")
	f("x ", "IN=eth0 OUT=eth1 SRC=203.0.113.9 DST=198.51.100.1", "203.0.113.9", "", "")
}

func TestNameServerEvents(t *testing.T) {
	f := func(app, msg, match, direction, outcome string) {
		t.Helper()
		checkEvent(t, "syslog", "Nov 21 02:04:11 ns "+app+"[1]: "+msg, match, direction, outcome)
	}
	f("named", "client @0x7f 10.0.0.7#53 (a.evil.example): query: a.evil.example IN A + (10.0.0.1)", "evil.example", outbound, "")
	f("named", "queries: info: client 10.0.0.7#53 (a.evil.example): view lan: query: a.evil.example IN A", "evil.example", outbound, "")
	f("named", "client @0x7f 203.0.113.9#53 (a.example): query: a.example IN A + (10.0.0.1)", "203.0.113.9", inbound, "")
	f("named", "client @0x7f 203.0.113.9#53 (evil.example): query (cache) 'evil.example/A/IN' denied", "203.0.113.9", inbound, blocked)
	f("named", "client @0x7f 203.0.113.9#53 (evil.example): query (cache) 'evil.example/A/IN' denied", "evil.example", inbound, blocked)
	f("named", "client @0x7f 10.0.0.7#53 (evil.example): rpz QNAME NXDOMAIN rewrite evil.example via evil.example.rpz", "evil.example", outbound, blocked)
	f("named", "client @0x7f 10.0.0.7#53 (evil.example): rpz QNAME PASSTHRU rewrite evil.example via evil.example.rpz", "evil.example", outbound, "")
	f("named", "zone evil.example/IN: loaded serial 1", "evil.example", "", "")
	f("named", "client ", "client", "", "")
	f("dnsmasq", "query[A] evil.example from 192.168.1.5", "evil.example", outbound, "")
	f("dnsmasq", "12 192.168.1.5/5353 query[AAAA] evil.example from 192.168.1.5", "evil.example", outbound, "")
	f("dnsmasq", "forwarded evil.example to 9.9.9.9", "evil.example", outbound, "")
	f("dnsmasq", "reply evil.example is 203.0.113.9", "203.0.113.9", outbound, "")
	f("dnsmasq", "gravity blocked evil.example is 0.0.0.0", "evil.example", outbound, blocked)
	f("dnsmasq", "config evil.example is NXDOMAIN", "evil.example", outbound, blocked)
	f("dnsmasq", "config nas.example is 192.168.1.2", "nas.example", outbound, "")
	f("dnsmasq", "started, version 2.90", "started", "", "")
	f("unbound", "[1:0] info: 127.0.0.1 evil.example. A IN", "evil.example", outbound, "")
	f("unbound", "[1:0] info: 10.0.0.7 evil.example. A IN NOERROR 0.01 0 54", "evil.example", outbound, "")
	f("unbound", "[1:0] info: evil.example. always_nxdomain 10.0.0.7@4711 evil.example. A IN", "evil.example", outbound, blocked)
	f("unbound", "[1:0] info: rpz: applied [feed] evil.example. rpz-nxdomain 10.0.0.7@4711 evil.example. A IN", "evil.example", outbound, blocked)
	f("unbound", "[1:0] info: rpz: applied [feed] evil.example. rpz-passthru 10.0.0.7@4711 evil.example. A IN", "evil.example", "", "")
	f("unbound", "[1:0] info: start of service (unbound 1.17.1).", "start", "", "")
	checkEvent(t, "generic", "21-Nov-2026 02:04:11.123 queries: info: client @0x7f 10.0.0.7#53 (evil.example): query: evil.example IN A +", "evil.example", outbound, "")
}

func TestMailEvents(t *testing.T) {
	f := func(app, msg, match, direction, outcome string) {
		t.Helper()
		checkEvent(t, "syslog", "Nov 21 02:04:11 mx "+app+": "+msg, match, direction, outcome)
	}
	f("postfix/smtpd[1]", "NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 <x@y>: Relay access denied; from=<a@evil.example>", "203.0.113.9", inbound, blocked)
	f("postfix/submission/smtpd[1]", "warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6", "203.0.113.9", inbound, blocked)
	f("postfix/smtpd[1]", "connect from reject.example[203.0.113.9]", "203.0.113.9", inbound, "")
	f("postfix/smtpd[1]", "4F7: client=unknown[203.0.113.9]", "203.0.113.9", inbound, "")
	f("postfix/postscreen[1]", "NOQUEUE: reject: RCPT from [203.0.113.9]:4711: 550 5.7.1 blocked using x", "203.0.113.9", inbound, blocked)
	f("postfix/cleanup[1]", "4F7: message-id=<reject: x@evil.example>", "evil.example", "", "")
	f("postfix/smtp[1]", "4F7: to=<x@evil.example>, relay=mx.evil.example[203.0.113.9]:25, delay=1, dsn=2.0.0, status=sent (250 ok)", "203.0.113.9", outbound, allowed)
	f("postfix/smtp[1]", "4F7: to=<x@evil.example>, relay=none, delay=1, dsn=4.4.1, status=deferred (timed out, status=sent)", "evil.example", outbound, "")
	f("dovecot", "imap-login: Login: user=<bob>, method=PLAIN, rip=203.0.113.9, lip=10.0.0.1, TLS", "203.0.113.9", inbound, allowed)
	f("dovecot", "imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<bob>, method=PLAIN, rip=203.0.113.9, lip=10.0.0.1", "203.0.113.9", inbound, blocked)
	f("dovecot", "pop3-login: Aborted login (auth failed, 3 attempts): user=<bob>, rip=203.0.113.9, lip=10.0.0.1", "203.0.113.9", inbound, blocked)
	f("dovecot", "imap-login: Aborted login (no auth attempts): user=<(auth failed, >, rip=203.0.113.9, lip=10.0.0.1", "203.0.113.9", inbound, "")
	f("dovecot", "imap(bob): Logged out in=1 out=2", "bob", "", "")
}

func TestCiscoEvents(t *testing.T) {
	f := func(msg, match, direction, outcome string) {
		t.Helper()
		checkEvent(t, "syslog", "<166>Nov 21 2026 02:04:11 asa1 : "+msg, match, direction, outcome)
	}
	f(`%ASA-4-106023: Deny tcp src outside:203.0.113.9/4242 dst inside:10.0.0.5/22 by access-group "outside_in" [0x0, 0x0]`, "203.0.113.9", inbound, blocked)
	f(`%ASA-4-106023: Deny tcp src inside:10.0.0.5/4242 dst outside:203.0.113.9/443 by access-group "out"`, "203.0.113.9", outbound, blocked)
	f("%ASA-2-106001: Inbound TCP connection denied from 203.0.113.9/4242 to 198.51.100.1/22 flags SYN on interface outside", "203.0.113.9", inbound, blocked)
	f("%ASA-2-106006: Deny inbound UDP from 203.0.113.9/5353 to 198.51.100.1/4242 on interface outside", "203.0.113.9", inbound, blocked)
	f("%ASA-6-106015: Deny TCP (no connection) from 203.0.113.9/4444 to 10.0.0.5/51234 flags RST ACK on interface outside", "203.0.113.9", "", blocked)
	f("%ASA-2-106001: Inbound TCP connection denied from 203.0.113.9/4444 to 10.0.0.5/51234 flags SYN ACK on interface outside", "203.0.113.9", "", blocked)
	f("%ASA-2-106001: Inbound TCP connection denied from 203.0.113.9/4444 to 10.0.0.5/51234 flags PSH ACK on interface outside", "203.0.113.9", "", blocked)
	f("%ASA-3-710003: TCP access denied by ACL from 10.0.0.5/4242 to inside:10.0.0.1/22 # 203.0.113.9", "203.0.113.9", internal, blocked)
	f("%ASA-6-113015: AAA user authentication Rejected : reason = Invalid password : local database : user = x : user IP = 10.0.0.1 : user IP = 203.0.113.9", "203.0.113.9", inbound, blocked)
	f("%ASA-6-106015: Deny TCP (no connection) from 10.0.0.5/4242 to 203.0.113.9/443 flags RST on interface inside", "203.0.113.9", outbound, blocked)
	f("%ASA-6-302013: Built outbound TCP connection 1 for outside:203.0.113.9/443 (203.0.113.9/443) to inside:10.0.0.5/4711 (198.51.100.1/4711)", "203.0.113.9", outbound, allowed)
	f("%ASA-6-302013: Built inbound TCP connection 1 for outside:203.0.113.9/4711 (203.0.113.9/4711) to dmz:10.0.0.5/443 (198.51.100.1/443)", "203.0.113.9", inbound, allowed)
	f("%ASA-6-302015: Built outbound UDP connection 1 for outside:2001:db8::9/53 (2001:db8::9/53) to inside:fd00::5/4711 (fd00::5/4711)", "2001:db8::9", outbound, allowed)
	f("%ASA-6-302014: Teardown TCP connection 1 for outside:203.0.113.9/443 to inside:10.0.0.5/4711 duration 0:00:30 bytes 0 SYN Timeout", "203.0.113.9", "", "")
	f("%ASA-3-710003: TCP access denied by ACL from 203.0.113.9/4242 to outside:198.51.100.1/22", "203.0.113.9", inbound, blocked)
	f(`%ASA-6-605004: Login denied from 203.0.113.9/4242 to outside:198.51.100.1/ssh for user "root"`, "203.0.113.9", inbound, blocked)
	f("%ASA-6-106100: access-list acl permitted tcp inside/10.0.0.5(4711) -> outside/203.0.113.9(443) hit-cnt 1 first hit", "203.0.113.9", outbound, allowed)
	f("%ASA-6-106100: access-list acl denied tcp outside/203.0.113.9(4711) -> inside/10.0.0.5(443) hit-cnt 1 first hit", "203.0.113.9", inbound, blocked)
	f("%SEC-6-IPACCESSLOGP: list 101 denied tcp 203.0.113.9(4711) -> 10.0.0.5(22), 1 packet", "203.0.113.9", inbound, blocked)
	f("%ASA-6-305011: Built dynamic TCP translation from inside:10.0.0.5/4711 to outside:203.0.113.9/4711", "203.0.113.9", "", "")
}

func TestAccessEvents(t *testing.T) {
	f := func(client, request, status, match, direction, outcome string) {
		t.Helper()
		line := client + ` - - [21/Nov/2026:02:04:11 +0000] "` + request + `" ` + status + ` 153 "http://ref.example/" "agent/1"`
		checkEvent(t, "access", line, match, direction, outcome)
	}
	f("203.0.113.9", "GET /x HTTP/1.1", "200", "203.0.113.9", inbound, allowed)
	f("203.0.113.9", "GET /x HTTP/1.1", "404", "ref.example", inbound, allowed)
	f("203.0.113.9", "GET /x HTTP/1.1", "403", "agent/1", inbound, blocked)
	f("10.0.0.7", "GET /x HTTP/1.1", "500", "10.0.0.7", "", allowed) // one of ours, or the proxy that strangers come through
	f("10.0.0.7", "GET /x HTTP/1.1", "403", "agent/1", "", "")
	f("pc1.example", "GET /x HTTP/1.1", "403", "agent/1", "", "")
	f("pc1.example", "GET http://evil.example/ HTTP/1.1", "403", "evil.example", "", "")
	f("a.example:80 203.0.113.9", "GET /x HTTP/1.1", "403", "203.0.113.9", inbound, blocked)
	f("203.0.113.9 10.0.0.7", "GET /x HTTP/1.1", "403", "203.0.113.9", "", "") // a Host header that is an address
	f("10.0.0.7 203.0.113.9", "GET /x HTTP/1.1", "403", "203.0.113.9", "", "")
	f("203.0.113.5, 10.0.0.7", "GET /x HTTP/1.1", "403", "agent/1", "", "") // X-Forwarded-For
	f("fd00::7", "GET /x HTTP/1.1", "403", "agent/1", "", "")
	for _, status := range []string{"401", "407", "429", "444", "495", "496", "497"} {
		f("203.0.113.9", "GET /denied HTTP/1.1", status, "203.0.113.9", inbound, blocked)
	}
	f("203.0.113.9", "GET http://evil.example/ HTTP/1.1", "200", "evil.example", "", allowed) // a stranger who looks for an open proxy, or ours at a proxy
	f("203.0.113.9", "GET http://evil.example/ HTTP/1.1", "200", "203.0.113.9", inbound, allowed)
	f("10.0.0.7", "GET http://evil.example/ HTTP/1.1", "403", "evil.example", outbound, "") // whose answer is it?
	f("10.0.0.7", "GET http://evil.example/ HTTP/1.1", "200", "evil.example", outbound, allowed)
	f("10.0.0.7", "CONNECT evil.example:443 HTTP/1.1", "403", "evil.example", outbound, blocked)
	f("203.0.113.9", `\x16\x03\x01`, "000", "203.0.113.9", inbound, "")
}

func TestSquidEvents(t *testing.T) {
	f := func(client, result, match, direction, outcome string) {
		t.Helper()
		line := "1795226651.603    310 " + client + " " + result + " 1234 GET http://evil.example/x - HIER_DIRECT/203.0.113.9 text/html"
		checkEvent(t, "squid", line, match, direction, outcome)
	}
	f("10.0.0.7", "TCP_MISS/200", "evil.example", outbound, allowed)
	f("10.0.0.7", "TCP_MISS/403", "203.0.113.9", outbound, allowed) // the server's answer
	checkEvent(t, "squid", "1795226651.603 310 10.0.0.7 TCP_MISS/200 1234 GET http://evil.example/x - FIRSTUP_PARENT/10.0.0.2 text/html", "evil.example", outbound, allowed)
	f("10.0.0.7", "TCP_MISS/407", "evil.example", outbound, allowed)
	f("10.0.0.7", "TCP_DENIED/403", "evil.example", outbound, blocked)
	f("10.0.0.7", "TCP_DENIED/407", "evil.example", outbound, blocked)
	f("10.0.0.7", "TCP_DENIED_REPLY/403", "evil.example", outbound, blocked)
	f("10.0.0.7", "TCP_MISS/503", "evil.example", outbound, "")
	f("10.0.0.7", "NONE_NONE/000", "evil.example", outbound, "")
	f("10.0.0.7", "TCP_MISS_ABORTED/200", "evil.example", outbound, "")
	f("203.0.113.7", "TCP_MISS/200", "evil.example", "", allowed)
	line := "1795226651.603    310 10.0.0.7 TCP_MISS/200 1234 GET http://evil.example/x - HIER_NONE/- text/html ERR_ACCESS_DENIED"
	checkEvent(t, "squid", line, "evil.example", outbound, blocked)
}

func TestErrorLogEvents(t *testing.T) {
	module := "authz_core"
	f := func(msg, direction, outcome string) {
		t.Helper()
		checkEvent(t, "apache_error", "[Fri Sep 09 10:42:29.902022 2011] ["+module+":error] [pid 7] [client 203.0.113.9:4711] "+msg, "203.0.113.9", direction, outcome)
	}
	f("AH01630: client denied by server configuration: /srv/www/x", inbound, blocked)
	f("client denied by server configuration: /srv/www/x", inbound, blocked)
	f("Directory index forbidden by rule: /srv/www/", inbound, blocked)
	f(`AH01617: user bob: authentication failure for "/x": Password Mismatch`, inbound, blocked)
	f("AH01618: user bob not found: /x", inbound, blocked)
	f("ModSecurity: Access denied with code 403 (phase 2).", inbound, blocked)
	f("ModSecurity: Warning. Access denied with nothing", inbound, "")
	f("File does not exist: /srv/client denied by server configuration: x", inbound, "")
	module = "php7"
	f("AH01630: client denied by server configuration: /srv/www/x", inbound, "") // what a program printed
	g := func(msg, direction, outcome string) {
		t.Helper()
		checkEvent(t, "nginx_error", "2026/11/21 02:04:11 [error] 1234#0: *5 "+msg+`, client: 203.0.113.9, server: a.example, request: "GET /x HTTP/1.1"`, "203.0.113.9", direction, outcome)
	}
	g("access forbidden by rule", inbound, blocked)
	g(`directory index of "/srv/x/" is forbidden`, inbound, blocked)
	g(`user "bob": password mismatch`, inbound, blocked)
	g(`user "bob" was not found in "/etc/htpasswd"`, inbound, blocked)
	g("limiting requests, excess: 5.1 by zone \"one\"", inbound, blocked)
	g("limiting requests, dry run, excess: 5.1 by zone \"one\"", inbound, "")
	g(`open() "/srv/access forbidden by rule" failed (2: No such file or directory)`, inbound, "")
	checkEvent(t, "apache_error", "[Sat Nov 21 04:47:44 2026] [notice] child 4711 started, config /etc/x", "4711", "", "")
}

func TestKeyValueEvents(t *testing.T) {
	f := func(pairs, direction, outcome string) {
		t.Helper()
		checkEvent(t, "keyvalue", "date=2026-11-21 time=02:04:11 "+pairs, "203.0.113.9", direction, outcome)
	}
	const fg = `devname="fw1" devid="FG100" logid="0000000013" `
	const out = `srcip=10.0.0.4 dstip=203.0.113.9 `
	f(fg+out+`action="accept"`, outbound, allowed)
	f(fg+out+`action="deny"`, outbound, blocked)
	f(fg+out+`action="close"`, outbound, allowed)
	f(fg+out+`action="server-rst"`, outbound, allowed)
	f(fg+out+`action="timeout"`, outbound, "") // allowed by the policy, but perhaps never answered
	f(fg+out+`action="ip-conn"`, outbound, "")
	f(fg+out+`action="blocked" direction="incoming"`, outbound, blocked)
	f(fg+out+`action="passthrough" direction=inbound`, outbound, allowed) // of the packet, not of the session
	f(fg+`srcip=198.51.100.4 srcintfrole="lan" dstip=203.0.113.9 dstintfrole="wan" action="accept"`, outbound, allowed)
	f(fg+`srcip=203.0.113.9 srcintfrole="wan" dstip=198.51.100.4 dstintfrole="dmz" action="deny"`, inbound, blocked)
	f(fg+`srcip=203.0.113.9 srcintfrole="undefined" dstip=10.0.0.4 dstintfrole="lan" action="deny"`, inbound, blocked)
	f(out+"action=close", outbound, "") // of who knows what
	f(out+"action=Drop", outbound, blocked)
	f(out+"log_subtype=Denied", outbound, blocked)
	f(out+"fw_action=drop action=accept", outbound, "") // says both
	f(out+"direction=egress", outbound, "")
	f("IN=eth0 SRC=203.0.113.9 DST=10.0.0.4", inbound, "")
	f("srcip=203.0.113.9 msg=denied", "", "")
	f("status=failed addr=203.0.113.9", "", "")
}

func TestCEFEvents(t *testing.T) {
	f := func(pairs, direction, outcome string) {
		t.Helper()
		checkEvent(t, "cef", "CEF:0|V|P|1|x|Drop|3|rt=1795226651000 "+pairs, "203.0.113.9", direction, outcome)
		checkEvent(t, "leef", "LEEF:2.0|V|P|1|x|^|devTime=1795226651000^"+string(bytes.ReplaceAll([]byte(pairs), []byte(" "), []byte("^"))), "203.0.113.9", direction, outcome)
	}
	f("act=blocked src=203.0.113.9 dst=10.0.0.1", inbound, blocked)
	f("act=allow src=10.0.0.1 dst=203.0.113.9", outbound, allowed)
	f("act=alert src=10.0.0.1 dst=203.0.113.9", outbound, "")
	f("deviceAction=Deny src=203.0.113.9", "", blocked)
	f("deviceDirection=0 src=203.0.113.9 dst=198.51.100.1", inbound, "")
	f("deviceDirection=1 src=203.0.113.9 dst=198.51.100.1", outbound, "")
	f("deviceDirection=7 src=203.0.113.9 dst=198.51.100.1", "", "")
	f("src=203.0.113.9 categoryOutcome=/Success", "", allowed)
	f("src=203.0.113.9 outcome=failure", "", "") // of what?
	f("src=203.0.113.9 act=permitted outcome=denied", "", "")
}

func TestZeekEvents(t *testing.T) {
	f := func(line, match, direction, outcome string) {
		t.Helper()
		checkEvent(t, "zeek", "1795226651.181431\tCjhGID4nQcgTWjvg4c\t"+line, match, direction, outcome)
	}
	conn := func(src, dst, proto, state, orig, resp string) string {
		return src + "\t36844\t" + dst + "\t443\t" + proto + "\tssl\t1.2\t512\t1024\t" + state + "\t" + orig + "\t" + resp + "\t0\tShADadFf\t12\t1200\t10\t2000\t-"
	}
	f(conn("10.0.0.7", "203.0.113.9", "tcp", "SF", "T", "F"), "203.0.113.9", outbound, allowed)
	f(conn("10.0.0.7", "203.0.113.9", "tcp", "S0", "-", "-"), "203.0.113.9", outbound, blocked)
	f(conn("10.0.0.7", "203.0.113.9", "udp", "S0", "T", "F"), "203.0.113.9", outbound, "")
	f(conn("203.0.113.9", "10.0.0.7", "tcp", "REJ", "F", "T"), "203.0.113.9", inbound, blocked)
	f(conn("203.0.113.9", "10.0.0.7", "tcp", "RSTOS0", "F", "T"), "203.0.113.9", inbound, blocked)
	f(conn("203.0.113.9", "198.51.100.7", "tcp", "RSTO", "F", "T"), "203.0.113.9", inbound, allowed) // Zeek knows its own networks
	f(conn("203.0.113.9", "198.51.100.7", "tcp", "OTH", "F", "F"), "203.0.113.9", "", "")
	f(conn("10.0.0.7", "10.0.0.8", "tcp", "SF", "T", "T"), "10.0.0.8", internal, allowed)
	f("10.0.0.7\t36844\t10.0.0.1\t53\tudp\t26564\t0.1\tevil.example\t1\tC_INTERNET\t1\tA\t0\tNOERROR", "evil.example", outbound, "")
	f("203.0.113.9\t36844\t10.0.0.1\t53\tudp\t26564\t0.1\tour.example\t1\tC_INTERNET\t1\tA\t0\tNOERROR", "our.example", inbound, "")
	f("10.0.0.7\t36844\t203.0.113.9\t80\t1\tGET\tevil.example\t/x\t-\t1.1\tcurl/8\t-\t0\t153\t403\tForbidden", "evil.example", outbound, allowed)
	f("203.0.113.9\t36844\t10.0.0.7\t80\t1\tGET\tour.example\t/x\t-\t1.1\tcurl/8\t-\t0\t153\t403\tForbidden", "203.0.113.9", inbound, blocked)
	f("10.0.0.7\t36844\t203.0.113.9\t443\tTLSv12\tTLS_X\tsecp256r1\tevil.example\tF", "evil.example", outbound, "")
}

func TestJSONEvents(t *testing.T) {
	f := func(line, match, direction, outcome string) {
		t.Helper()
		checkEvent(t, "json", line, match, direction, outcome)
	}
	// ECS
	f(`{"source":{"ip":"10.0.0.7"},"destination":{"ip":"203.0.113.9"},"event":{"type":["connection","denied"],"outcome":"success"}}`, "203.0.113.9", outbound, blocked)
	f(`{"source.ip":"203.0.113.9","network.direction":"inbound","event.type":"allowed"}`, "203.0.113.9", inbound, allowed)
	f(`{"source.ip":"203.0.113.9","event.category":["authentication"],"event.outcome":"failure"}`, "203.0.113.9", "", blocked)
	f(`{"source.ip":"203.0.113.9","event.category":["network"],"event.outcome":"failure"}`, "203.0.113.9", "", "")
	f(`{"source.ip":"203.0.113.9","event.outcome":"success"}`, "203.0.113.9", "", allowed)
	f(`{"dns":{"question":{"name":"evil.example"}},"source":{"ip":"10.0.0.7"},"destination":{"ip":"10.0.0.1"}}`, "evil.example", outbound, "")
	f(`{"dns":{"question":{"name":"our.example"}},"source":{"ip":"203.0.113.9"},"destination":{"ip":"10.0.0.1"}}`, "our.example", inbound, "")
	f(`{"url":{"full":"http://evil.example/"},"event":{"action":"blocked"}}`, "evil.example", "", blocked)
	f(`{"source":{"ip":"203.0.113.9"},"destination":{"ip":"10.0.0.7"},"http":{"response":{"status_code":403}}}`, "203.0.113.9", inbound, blocked)
	f(`{"source":{"ip":"10.0.0.7"},"destination":{"ip":"203.0.113.9"},"http":{"response":{"status_code":403}}}`, "203.0.113.9", outbound, allowed)
	f(`{"source":{"ip":["203.0.113.9","10.1.1.1"]},"destination":{"ip":"10.0.0.7"}}`, "203.0.113.9", "", "") // which is it?
	// Suricata
	f(`{"event_type":"alert","src_ip":"203.0.113.9","dest_ip":"10.0.0.7","alert":{"action":"blocked","signature":"allowed"}}`, "203.0.113.9", "", blocked) // a packet: of whose connection?
	f(`{"event_type":"alert","src_ip":"203.0.113.9","src_port":4444,"dest_ip":"10.0.0.7","dest_port":51234,"direction":"to_client","alert":{"action":"blocked"}}`, "203.0.113.9", "", blocked)
	f(`{"event_type":"alert","src_ip":"203.0.113.9","dest_ip":"10.0.0.7","direction":"to_server","alert":{"action":"blocked"}}`, "203.0.113.9", inbound, blocked)
	f(`{"event_type":"alert","src_ip":"203.0.113.9","dest_ip":"10.0.0.7","alert":{"action":"blocked"},"flow":{"src_ip":"203.0.113.9","dest_ip":"10.0.0.7"}}`, "203.0.113.9", inbound, blocked)
	f(`{"event_type":"alert","src_ip":"203.0.113.9","dest_ip":"10.0.0.7","alert":{"action":"blocked"},"flow":{"src_ip":"10.0.0.7","dest_ip":"203.0.113.9"}}`, "203.0.113.9", "", blocked)
	f(`{"event_type":"alert","src_ip":"203.0.113.9","src_port":40000,"dest_ip":"10.0.0.7","dest_port":22,"alert":{"action":"blocked"}}`, "203.0.113.9", inbound, blocked)
	f(`{"event_type":"dns","src_ip":"9.9.9.9","src_port":53,"dest_ip":"10.0.0.7","dest_port":51234,"dns":{"type":"answer","rrname":"evil.example"}}`, "evil.example", outbound, "")
	f(`{"event_type":"alert","src_ip":"10.0.0.7","dest_ip":"203.0.113.9","alert":{"action":"allowed"}}`, "203.0.113.9", outbound, allowed)
	f(`{"event_type":"drop","src_ip":"203.0.113.9","src_port":4242,"dest_ip":"10.0.0.7","dest_port":23}`, "203.0.113.9", inbound, blocked)
	f(`{"event_type":"drop","src_ip":"203.0.113.9","src_port":443,"dest_ip":"10.0.0.7","dest_port":51234}`, "203.0.113.9", "", blocked)
	f(`{"event_type":"dns","src_ip":"10.0.0.7","dest_ip":"10.0.0.1","dns":{"type":"query","rrname":"evil.example"}}`, "evil.example", outbound, "")
}

func TestJSONProducts(t *testing.T) {
	f := func(line, match, direction, outcome string) {
		t.Helper()
		checkEvent(t, "json", line, match, direction, outcome)
	}
	// AWS
	f(`{"srcaddr":"203.0.113.9","dstaddr":"172.31.16.21","action":"REJECT","flow-direction":"ingress"}`, "203.0.113.9", inbound, blocked)
	f(`{"srcaddr":"172.31.16.21","dstaddr":"203.0.113.9","action":"ACCEPT"}`, "203.0.113.9", outbound, allowed)
	f(`{"eventSource":"iam.amazonaws.com","eventName":"ListUsers","sourceIPAddress":"203.0.113.9","errorCode":"AccessDenied"}`, "203.0.113.9", inbound, "") // with keys of ours
	f(`{"eventName":"ConsoleLogin","sourceIPAddress":"203.0.113.9","responseElements":{"ConsoleLogin":"Failure"}}`, "203.0.113.9", inbound, blocked)
	f(`{"srcaddr":"203.0.113.9","srcport":443,"dstaddr":"172.31.16.21","dstport":51234,"action":"REJECT","flow-direction":"ingress"}`, "203.0.113.9", "", blocked) // the way back
	// Google
	f(`{"jsonPayload":{"connection":{"src_ip":"203.0.113.9","src_port":4242,"dest_ip":"10.0.0.5","dest_port":22},"disposition":"DENIED","rule_details":{"action":"DENY"}}}`, "203.0.113.9", inbound, blocked)
	// journald
	f(`{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":"Failed password for root from 203.0.113.9 port 4711 ssh2","_HOSTNAME":"web1"}`, "203.0.113.9", inbound, blocked)
	f(`{"MESSAGE":"[UFW ALLOW] IN= OUT=eth0 SRC=10.0.0.1 DST=203.0.113.9 LEN=40","SYSLOG_IDENTIFIER":"kernel"}`, "203.0.113.9", outbound, allowed)
	f(`{"SYSLOG_IDENTIFIER":"app","MESSAGE":"Failed password for root from 203.0.113.9 port 4711 ssh2"}`, "203.0.113.9", "", "")
	f(`{"SYSLOG_IDENTIFIER":"app","MESSAGE":"Failed password for root from 203.0.113.9 port 4711 ssh2","SYSLOG_IDENTIFIER":"sshd"}`, "203.0.113.9", "", "")
	// a host's own view
	f(`{"source.ip":"10.0.0.7","destination.ip":"10.0.0.8","network.direction":"ingress","event.type":"denied"}`, "10.0.0.7", internal, blocked)
	f(`{"source.ip":"10.0.0.7","destination.ip":"203.0.113.9","network.direction":"ingress"}`, "203.0.113.9", "", "")
	// of two public addresses, the server chose the status
	f(`{"event_type":"http","src_ip":"198.51.100.1","dest_ip":"203.0.113.9","http":{"status":403}}`, "203.0.113.9", "", "")
	f(`{"eventName":"ConsoleLogin","sourceIPAddress":"203.0.113.9","responseElements":{"ConsoleLogin":"Success"}}`, "203.0.113.9", inbound, allowed)
	f(`{"eventName":"Describe","sourceIPAddress":"203.0.113.9","errorCode":"Throttling"}`, "203.0.113.9", inbound, "")
	// Zeek
	f(`{"id.orig_h":"10.0.0.7","id.resp_h":"203.0.113.9","proto":"tcp","conn_state":"REJ","local_orig":true,"local_resp":false}`, "203.0.113.9", outbound, blocked)
	f(`{"id.orig_h":"10.0.0.7","id.resp_h":"203.0.113.9","conn_state":"S0","proto":"udp"}`, "203.0.113.9", outbound, "")
	f(`{"id.orig_h":"10.0.0.7","id.resp_h":"10.0.0.1","query":"evil.example","qtype_name":"A"}`, "evil.example", outbound, "")
	// Windows
	f(`{"winlog":{"channel":"Security","event_id":4625,"event_data":{"IpAddress":"203.0.113.9","TargetUserName":"x"}}}`, "203.0.113.9", inbound, blocked)
	f(`{"winlog":{"channel":"Security","event_id":"4624","event_data":{"IpAddress":"203.0.113.9"}}}`, "203.0.113.9", inbound, allowed)
	f(`{"winlog":{"channel":"Application","event_id":4625,"event_data":{"IpAddress":"203.0.113.9"}}}`, "203.0.113.9", "", "")
	f(`{"Event":{"System":{"EventID":5157,"Channel":"Security"},"EventData":{"Direction":"%%14593","SourceAddress":"10.0.0.7","DestAddress":"203.0.113.9"}}}`, "203.0.113.9", outbound, blocked)
	f(`{"winlog":{"channel":"Microsoft-Windows-Sysmon/Operational","event_id":22,"event_data":{"QueryName":"evil.example"}}}`, "evil.example", outbound, "")
	// nginx, and whatever
	f(`{"remote_addr":"203.0.113.9","request":"GET /x HTTP/1.1","status":"403"}`, "203.0.113.9", inbound, blocked)
	f(`{"remote_addr":"203.0.113.9","request":"GET /x HTTP/1.1","status":200}`, "203.0.113.9", inbound, allowed)
	f(`{"remote_addr":"203.0.113.9","action":"blocked"}`, "203.0.113.9", "", blocked) // no web server
	f(`{"address":"203.0.113.9","status":403}`, "203.0.113.9", "", "")
	f(`{"address":"203.0.113.9","status":"Denied"}`, "203.0.113.9", "", blocked)
	f(`{"address":"203.0.113.9","action":"allow","status":"denied"}`, "203.0.113.9", "", "")
	f(`{"address":"203.0.113.9","message":"denied blocked dropped"}`, "203.0.113.9", "", "")
	f(`{"address":"203.0.113.9","direction":"0"}`, "203.0.113.9", "", "")
}

func TestAuditEvents(t *testing.T) {
	f := func(kind, rest, direction, outcome string) {
		t.Helper()
		checkEvent(t, "auditd", "type="+kind+" msg=audit(1364481363.243:24287): "+rest, "203.0.113.9", direction, outcome)
	}
	f("USER_LOGIN", `pid=1 uid=0 msg='op=login acct="x" exe="/usr/sbin/sshd" hostname=? addr=203.0.113.9 terminal=ssh res=failed'`, inbound, blocked)
	f("USER_AUTH", `pid=1 uid=0 msg='op=PAM:authentication acct="bob" exe="/usr/sbin/sshd" hostname=h addr=203.0.113.9 terminal=ssh res=success'`, inbound, allowed)
	f("SYSCALL", `success=no exit=-2 comm="203.0.113.9" exe="/bin/cat"`, "", "")
	f("USER_LOGIN", "pid=1 msg='op=login addr=203.0.113.9 terminal=ssh res=failed'\x1dUID=\"root\"", inbound, blocked)
	f("AVC", `avc:  denied  { read } for pid=1 comm="203.0.113.9" path="/x"`, "", blocked)
	f("AVC", `avc:  granted  { read } for pid=1 comm="203.0.113.9" path="/denied"`, "", "")
}

func TestZones(t *testing.T) {
	f := func(addr string, want zone) {
		t.Helper()
		if got := zoneOf(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: zone %d, want %d", addr, got, want)
		}
	}
	for _, a := range []string{"10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "100.64.0.1", "::1", "fe80::1%eth0", "fd00::1", "::ffff:10.1.2.3"} {
		f(a, inside)
	}
	for _, a := range []string{"8.8.8.8", "172.32.0.1", "203.0.113.9", "100.128.0.1", "2001:db8::1", "::ffff:8.8.8.8"} {
		f(a, outside)
	}
	for _, a := range []string{"0.0.0.0", "255.255.255.255", "224.0.0.251", "::", "ff02::1"} {
		f(a, nowhere)
	}
}

// TestQuads holds the quick reading of IPv4 addresses to that of netip.
func TestQuads(t *testing.T) {
	for _, s := range []string{"1.2.3.4", "0.0.0.0", "255.255.255.255", "256.1.1.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.00", "1.2.3.4 ", " 1.2.3.4", "1..3.4", "1.2.3.4a", "1.2.3.1000", "", "1.2.3."} {
		want, err := netip.ParseAddr(s)
		got, ok := quadOf([]byte(s))
		if ok != (err == nil) || ok && got != want {
			t.Errorf("%q: %v %v, want %v %v", s, got, ok, want, err)
		}
	}
}
