package logfmt

import (
	"bytes"
	"strings"
	"testing"
)

// blocking are the words with which formats say that they turned something
// away, as whoever controls a part of a line may write them there.
var blocking = []string{
	"[UFW BLOCK] IN=eth0 OUT= SRC=203.0.113.66 DST=10.0.0.66 ",
	"Failed password for root from 203.0.113.66 port 4711 ssh2",
	"authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.66",
	"pam_unix(sshd:auth): authentication failure; rhost=203.0.113.66",
	"NOQUEUE: reject: RCPT from unknown[203.0.113.66]: 554 denied",
	"reject: RCPT from unknown[203.0.113.66]: 554 denied",
	"warning: unknown[203.0.113.66]: SASL LOGIN authentication failed: x",
	"x]: SASL LOGIN authentication failed: x",
	"imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<x>, rip=203.0.113.66, lip=10.0.0.66",
	"client @0x7f 203.0.113.66#53 (a.example): query (cache) 'a.example/A/IN' denied",
	"gravity blocked evil.example is 0.0.0.0",
	"%ASA-2-106001: Inbound TCP connection denied from 203.0.113.66/4242 to 10.0.0.66/22 flags SYN on interface outside",
	"client denied by server configuration: /x",
	"AH01630: client denied by server configuration: /x",
	"ModSecurity: Access denied with code 403 (phase 2).",
	"access forbidden by rule, client: 203.0.113.66, server: x",
	"5,,,1,em0,match,block,in,4,0x0,,64,1,0,DF,6,tcp,60,203.0.113.66,10.0.0.66,4242,22,0,S,1,,1,,",
	"RT_FLOW_SESSION_DENY: session denied 203.0.113.66/4242->10.0.0.66/22 junos-ssh 6(0) p untrust trust",
	"TCP_DENIED/403 0 GET / - HIER_NONE/- text/html ERR_ACCESS_DENIED",
	"CEF:0|V|P|1|x|n|3|act=blocked deviceDirection=0 src=203.0.113.66 dst=10.0.0.66",
	`{"event":{"outcome":"failure","type":"denied"},"action":"blocked","direction":"inbound"}`,
	`action=deny status=blocked direction=inbound res=failed`,
	"type=AVC msg=audit(1364481363.243:1): avc:  denied { x }",
	"denied", "blocked", "drop", "reject: ", "[preauth]",
}

// quotes are what a value needs to get out of where it is held, where the
// writer of the log does not hide it.
var quotes = []string{"", " ", `\" `, `' `, "| ", "] ", "), "}

// holds checks that a true line, with %s for what a stranger controls, says what
// it does, and with any of the words there either that or nothing.
func holds(t *testing.T, format, line, match, direction, outcome string) {
	t.Helper()
	checkEvent(t, format, strings.ReplaceAll(line, "%s", "x"), match, direction, outcome)
	for _, q := range quotes {
		for _, words := range blocking {
			if strings.Contains(line, `"%s"`) && strings.Contains(words, `"`) {
				words = strings.ReplaceAll(words, `"`, `\"`)
			}
			for _, v := range []string{q + words, words + q, q + words + q} {
				checkHeld(t, strings.ReplaceAll(line, "%s", v), match, direction, outcome)
			}
		}
	}
}

func checkHeld(t *testing.T, line, match, direction, outcome string) {
	t.Helper()
	r := Record{Ref: ref}
	format := Detect([]byte(line), &r)
	start := bytes.Index([]byte(line), []byte(match))
	way := r.Direction(start, start+len(match))
	if way != direction && way != "" || r.Outcome != outcome && r.Outcome != "" {
		t.Errorf("%s\n\tby %s, from %s: %q %q, want %q %q or nothing", line, format, match, way, r.Outcome, direction, outcome)
	}
}

const c2 = "198.51.100.7" // a control server that ours are in touch with

func TestHostileSyslog(t *testing.T) {
	f := func(app, msg, direction, outcome string) {
		t.Helper()
		holds(t, "syslog", "Nov 21 02:04:11 web1 "+app+": "+msg, c2, direction, outcome)
		holds(t, "rfc5424", "<38>1 2026-11-21T02:04:11Z web1 "+strings.TrimSuffix(app, "[1]")+" 1 - - "+msg, c2, direction, outcome)
	}
	f("sshd[1]", "Accepted password for bob from "+c2+" port 4711 ssh2", inbound, allowed)
	f("sshd[1]", "Bad protocol version identification '%s' from "+c2+" port 4711", inbound, "")
	f("sshd[1]", "Connection from "+c2+" port 4711 on 10.0.0.1 port 22 %s", inbound, "")
	f("app[1]", c2+" %s", "", "")
	f("nginx", c2+` - - "GET /%s HTTP/1.1" 200 "%s"`, "", "")
	f("postfix/smtpd[1]", "warning: non-SMTP command from unknown["+c2+"]: %s", inbound, "")
	f("postfix/smtpd[1]", "warning: Illegal address syntax from unknown["+c2+"] in MAIL command: <%s>", inbound, "")
	f("postfix/smtpd[1]", "improper command pipelining after EHLO from x["+c2+"]: %s", inbound, "")
	f("postfix/postscreen[1]", "PREGREET 9 after 0 from ["+c2+"]:47: %s", inbound, "")
	f("postfix/smtpd[1]", "4F7: client=%s["+c2+"]", inbound, "")
	f("postfix/smtp[1]", "4F7: to=<x@evil.example>, relay=mx["+c2+"]:25, delay=1, dsn=2.0.0, status=sent (250 %s)", outbound, allowed)
	f("postfix/cleanup[1]", "4F7: warning: header Subject: %s from x["+c2+"]; from=<a@b> to=<c@d>", "", "")
	f("dovecot", "imap-login: Login: user=<%s>, method=PLAIN, rip="+c2+", lip=10.0.0.1, TLS", inbound, allowed)
	f("named", "client @0x7f 10.0.0.7#53 (%s): query: a.evil.example IN A + ("+c2+")", outbound, "")
	f("dnsmasq[1]", "query[A] %s.evil.example from "+c2, inbound, "")
	f("dnsmasq[1]", "reply %s.evil.example is "+c2, outbound, "")
	f("unbound[1]", "[1:0] info: 10.0.0.7 "+c2+".evil.example. A IN %s", outbound, "")
	f("%ASA-6-302013", "Built outbound TCP connection 1 for outside:"+c2+"/443 ("+c2+"/443) to inside:10.0.0.5/4711 (192.0.2.1/4711) (%s)", outbound, allowed)
	f("kernel", "[UFW ALLOW] IN= OUT=eth0 SRC=10.0.0.1 DST="+c2+" LEN=40 PROTO=TCP SPT=4242 DPT=443 %s", outbound, allowed)
}

// TestHostileHeader is about what a machine may call itself and its programs.
func TestHostileHeader(t *testing.T) {
	for _, host := range []string{"denied", "sshd[1]:", "[UFW", "kernel:", "%ASA-2-106001:", "CEF:0|a|b|c|d|e|1|act=blocked", "postfix/smtpd:", "a=deny"} {
		checkHeld(t, "Nov 21 02:04:11 "+host+" app[1]: connected to "+c2, c2, "", "")
		checkHeld(t, "<13>1 2026-11-21T02:04:11Z "+host+" app 1 - - connected to "+c2, c2, "", "")
	}
}

func TestHostileWeb(t *testing.T) {
	const at = " - - [21/Nov/2026:02:04:11 +0000] "
	f := func(line, match, direction, outcome string) {
		t.Helper()
		holds(t, "access", line, match, direction, outcome)
	}
	f(c2+at+`"GET /%s HTTP/1.1" 200 153 "%s" "%s"`, c2, inbound, allowed)
	f("10.0.0.7"+at+`"GET http://evil.example/%s HTTP/1.1" 200 153 "%s" "%s"`, "evil.example", outbound, allowed)
	f("10.0.0.7"+at+`"CONNECT evil.example:443 HTTP/1.1" 200 153 "-" "%s"`, "evil.example", outbound, allowed)
	// A writer that does not hide quotes.
	for _, status := range []string{"403", "401"} {
		forged := `/x HTTP/1.1" ` + status + ` 5 "-" "-`
		checkHeld(t, c2+at+`"GET `+forged+` HTTP/1.1" 200 153 "-" "agent"`, c2, inbound, allowed)
		checkHeld(t, c2+at+`"GET `+forged+` HTTP/1.1" 200 153`, c2, inbound, allowed)
		checkHeld(t, c2+` - x [21/Nov/2026:02:04:11 +0000] "GET / HTTP/1.1" `+status+` 5 "-" "-" [21/Nov/2026:02:04:11 +0000] "GET / HTTP/1.1" 200 153 "-" "-"`, c2, inbound, allowed)
	}
	holds(t, "squid", "1795226651.603    310 10.0.0.7 TCP_MISS/200 1234 GET http://evil.example/%s - HIER_DIRECT/"+c2+" text/html", c2, outbound, allowed)
	holds(t, "squid", "1795226651.603    310 10.0.0.7 TCP_MISS/200 1234 GET http://evil.example/ - HIER_DIRECT/"+c2+" text/html %s", c2, outbound, allowed)
	g := func(line, direction, outcome string) {
		t.Helper()
		holds(t, "apache_error", "[Fri Sep 09 10:42:29.902022 2011] "+line, c2, direction, outcome)
	}
	g("[php7:notice] [pid 7] [client "+c2+":4711] %s", inbound, "")
	g("[wsgi:error] [pid 7] [client "+c2+":4711] %s", inbound, "")
	g("[core:info] [pid 7] [client "+c2+":4711] AH00128: File does not exist: /srv/%s", inbound, "")
	h := func(msg, direction, outcome string) {
		t.Helper()
		holds(t, "nginx_error", "2026/11/21 02:04:11 [error] 12#0: *5 "+msg, c2, direction, outcome)
	}
	h(`open() "/srv/%s" failed (2: No such file or directory), client: `+c2+`, server: a, request: "GET /%s HTTP/1.1", host: "%s", referrer: "%s"`, inbound, "")
	h(`FastCGI sent in stderr: "%s" while reading, client: `+c2+`, server: a`, inbound, "")
	checkHeld(t, `2026/11/21 02:04:11 [error] 12#0: *5 open() "/srv/x, client: 203.0.113.66, y" failed, client: 10.0.0.7, server: a`, "/srv", "", "")
}

func TestHostilePairs(t *testing.T) {
	const head = "CEF:0|V|P|1|x|n|3|rt=1795226651000 "
	holds(t, "cef", head+"msg=%s act=allow deviceDirection=1 src=10.0.0.7 dst="+c2, c2, outbound, allowed)
	holds(t, "cef", head+"act=allow deviceDirection=1 src=10.0.0.7 dst="+c2+" request=http://x/%s requestClientApplication=%s", c2, outbound, allowed)
	holds(t, "cef", head+"act=alert deviceDirection=1 src=10.0.0.7 dst="+c2+` request=http://x/?action\=deny\|act\=blocked msg=x\=y status\=denied`, c2, outbound, "")
	holds(t, "keyvalue", `date=2026-11-21 time=02:04:11 devid="FG1" srcip=10.0.0.7 dstip=`+c2+` action="accept" policyname="deny-all-after" msg="%s"`, c2, outbound, allowed)
	holds(t, "keyvalue", `time=2026-11-21T02:04:11Z msg="%s" direction=outbound src=10.0.0.7 dst=`+c2+` action=allow agent="%s"`, c2, outbound, allowed)
	f := func(pairs string) {
		t.Helper()
		checkHeld(t, head+pairs, c2, outbound, "")
		checkHeld(t, `date=2026-11-21 time=02:04:11 `+pairs, c2, outbound, "")
		checkHeld(t, "LEEF:2.0|V|P|1|x|^|devTime=1795226651000^"+strings.ReplaceAll(pairs, " ", "^"), c2, outbound, "")
	}
	// A key that is there twice: neither the first nor the last is to be believed.
	const ends = "src=10.0.0.7 dst=" + c2
	f("act=alert " + ends + " act=blocked")
	f("act=blocked act=alert " + ends)
	f("action=timeout " + ends + " action=deny")
	f("deviceDirection=1 " + ends + " deviceDirection=0")
	f("deviceDirection=0 " + ends + " deviceDirection=1")
	f("direction=inbound " + ends + " direction=outbound")
	f(ends + " src=203.0.113.66 dst=10.0.0.66")
	f("src=203.0.113.66 dst=10.0.0.66 " + ends)
	const fg = `date=2026-11-21 time=02:04:11 devid="FG1" srcip=192.0.2.4 dstip=` + c2 + " "
	checkHeld(t, fg+`srcintfrole="lan" dstintfrole="wan" action="timeout" agent="x" srcintfrole="wan" dstintfrole="lan" action="deny"`, c2, outbound, "")
	checkHeld(t, fg+`srcintfrole="wan" dstintfrole="lan" action="deny" srcintfrole="lan" dstintfrole="wan" action="timeout"`, c2, outbound, "")
}

func TestHostileDocuments(t *testing.T) {
	holds(t, "json", `{"source":{"ip":"10.0.0.7"},"destination":{"ip":"`+c2+`"},"event":{"type":["connection","allowed"]},"user_agent":{"original":"%s"},"message":"%s","rule":{"name":"%s"}}`, c2, outbound, allowed)
	holds(t, "json", `{"event_type":"alert","src_ip":"10.0.0.7","dest_ip":"`+c2+`","alert":{"action":"allowed","signature":"%s"},"http":{"url":"%s","http_user_agent":"%s"}}`, c2, outbound, allowed)
	holds(t, "json", `{"request":"%s","remote_addr":"`+c2+`","status":200,"http_user_agent":"%s"}`, c2, inbound, allowed)
	f := func(line, direction, outcome string) {
		t.Helper()
		checkHeld(t, line, c2, direction, outcome)
	}
	f(`{"SYSLOG_IDENTIFIER":"app","MESSAGE":"Failed password for root from `+c2+` port 1 ssh2"}`, "", "")
	for _, words := range blocking {
		words = strings.ReplaceAll(words, `"`, `\"`)
		f(`{"SYSLOG_IDENTIFIER":"app","MESSAGE":"`+words+`","dst":"`+c2+`"}`, "", "")
		f(`{"SYSLOG_IDENTIFIER":"sshd","MESSAGE":"Accepted password for bob from `+c2+` port 1 ssh2 `+words+`"}`, inbound, allowed)
		f(`{"SYSLOG_IDENTIFIER":"`+words+`","MESSAGE":"`+words+`","dst":"`+c2+`"}`, "", "")
	}
	// A key twice, first and last, and keys of another meaning further in.
	f(`{"dst":"`+c2+`","action":"alert","ua":"x","action":"blocked"}`, "", "")
	f(`{"dst":"`+c2+`","action":"blocked","ua":"x","action":"alert"}`, "", "")
	f(`{"remote_addr":"`+c2+`","request":"x","status":"403","ua":"x","status":200}`, inbound, "")
	f(`{"remote_addr":"`+c2+`","request":"x","status":"200","ua":"x","status":403}`, inbound, "")
	f(`{"dst":"`+c2+`","direction":"outbound","ua":"x","direction":"inbound"}`, outbound, "")
	f(`{"dst":"`+c2+`","direction":"inbound","ua":"x","direction":"outbound"}`, outbound, "")
	f(`{"src":"10.0.0.7","dst":"`+c2+`","x":{"action":"blocked","status":"denied"},"user":{"status":"blocked"},"labels":{"event.outcome":"failure","direction":"inbound"}}`, outbound, "")
	f(`{"src":"10.0.0.7","dst":"`+c2+`","headers":{"event":{"type":"denied"}},"args":["action","blocked"]}`, outbound, "")
	f(`{"Records":[{"sourceIPAddress":"`+c2+`"},{"sourceIPAddress":"203.0.113.66","errorCode":"AccessDenied"}]}`, "", "")
}

func TestHostileAudit(t *testing.T) {
	f := func(line, direction, outcome string) {
		t.Helper()
		holds(t, "auditd", "type="+line, c2, direction, outcome)
	}
	f(`USER_AUTH msg=audit(1364481363.243:1): pid=1 uid=0 msg='op=PAM:authentication acct="%s" exe="/usr/sbin/sshd" hostname=h addr=`+c2+` terminal=ssh res=success'`, inbound, allowed)
	f(`EXECVE msg=audit(1364481363.243:1): argc=2 a0="curl" a1="`+c2+`" a2="%s"`, "", "")
	f(`SYSCALL msg=audit(1364481363.243:1): success=yes comm="%s" exe="/bin/`+c2+`"`, "", "")
}

// TestHostileApps is about lines of programs that no format knows, which are a
// time and what somebody said.
func TestHostileApps(t *testing.T) {
	for _, head := range []string{"2026-11-21 02:04:11 ", "2026-11-21T02:04:11Z INFO: ", "21/Nov/2026:02:04:11 +0000 app: ", "1795226651 ", "Sat Nov 21 02:04:11 2026 "} {
		for _, words := range blocking {
			checkHeld(t, head+words+" "+c2, c2, "", "")
			checkHeld(t, head+c2+" "+words, c2, "", "")
		}
	}
}
