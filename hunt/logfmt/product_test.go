package logfmt

import "testing"

func TestFirewallEvents(t *testing.T) {
	f := func(app, msg, direction, outcome string) {
		t.Helper()
		checkEvent(t, "syslog", "Nov 21 02:04:11 gw "+app+": "+msg, "203.0.113.9", direction, outcome)
	}
	f("filterlog[1]", "5,,,1000000103,igb0,match,block,in,4,0x0,,64,0,0,DF,6,tcp,60,203.0.113.9,10.0.0.1,4242,23,0,S,123,,64240,,mss", inbound, blocked)
	f("filterlog[1]", "5,,,1000000103,igb0,match,block,in,4,0x0,,64,0,0,DF,6,tcp,60,203.0.113.9,10.0.0.1,4444,51234,0,FA,123,,64240,,mss", "", blocked)
	f("filterlog[1]", "5,,,1000000103,igb1,match,pass,in,4,0x0,,64,0,0,DF,17,udp,60,10.0.0.1,203.0.113.9,4242,53,0", outbound, allowed)
	f("filterlog[1]", "5,,,1000000103,igb0,match,block,in,4,0x0,,64,0,0,DF,6,tcp,60,203.0.113.9,198.51.100.1,4242,23,0,S,123,,64240,,mss", "", blocked)
	f("filterlog[1]", "5,,,1000000103,igb1,match,block,out,6,0x00,0x0,64,TCP,6,40,fd00::5,2001:db8::9,4242,443,0,S,1,,1,, 203.0.113.9", outbound, blocked)
	f("filterlog[1]", "203.0.113.9,block,in", "", "")
	f("RT_FLOW", "RT_FLOW_SESSION_DENY: session denied 203.0.113.9/4242->10.0.0.5/22 junos-ssh 6(0) deny-all untrust trust", inbound, blocked)
	f("RT_FLOW", "RT_FLOW_SESSION_CREATE: session created 10.0.0.5/4242->203.0.113.9/443 junos-https 192.0.2.1/1->203.0.113.9/443 deny-all-after None 6 p trust untrust 1", outbound, allowed)
	f("RT_FLOW", "RT_FLOW_SESSION_CLOSE: session closed TCP FIN: 10.0.0.5/4242->203.0.113.9/443 x", "", "")
	f("haproxy[1]", `203.0.113.9:33318 [21/Nov/2026:02:04:11.123] fe be/srv 10/0/30/69/109 403 2750 - - PR-- 1/1/1/1/0 0/0 "GET /x HTTP/1.1"`, inbound, blocked)
	f("haproxy[1]", `203.0.113.9:33318 [21/Nov/2026:02:04:11.123] fe be/srv 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {|x} "GET /403 HTTP/1.1"`, inbound, allowed)
	f("haproxy[1]", `203.0.113.9:33318 [21/Nov/2026:02:04:11.123] fe be/srv 0/0/5007 403 -- 0/0/0/0/3 0/0`, inbound, "") // bytes
	f("haproxy[1]", `10.0.0.7:33318 [21/Nov/2026:02:04:11.123] fe be/srv 10/0/30/69/109 403 2750 - - ---- 1/1/1/1/0 0/0 {203.0.113.9} "GET / HTTP/1.1"`, "", "")
}

// TestKeyNumbers holds the keys that decide to the bits that there are for them.
func TestKeyNumbers(t *testing.T) {
	last := 0
	for _, k := range keys {
		last = max(last, int(k.number))
	}
	if bits := 64 * len(event{}.keys); last == 0 || last >= bits {
		t.Errorf("%d keys for %d bits", last, bits)
	}
}

// TestUnknownProducts reads lines of products that have no format here: what they
// say is not known, and not guessed.
func TestUnknownProducts(t *testing.T) {
	f := func(line string) {
		t.Helper()
		checkHeld(t, line, "203.0.113.9", "", "")
	}
	f("Nov 21 02:04:11 pa1 1,2026/11/21 02:04:11,0011,TRAFFIC,drop,2049,2026/11/21 02:04:11,203.0.113.9,10.0.0.5,0.0.0.0,0.0.0.0,deny-all,,,not-applicable,vsys1,untrust,trust,ae1,,x,2026/11/21 02:04:11,0,1,4242,22,0,0,0x0,tcp,deny,60")
	f("Nov 21 02:04:11 rb1 firewall,info drop input: in:ether1 out:(unknown 0), proto TCP (SYN), 203.0.113.9:4242->10.0.0.1:23, len 40")
	f("2026-11-21 02:04:11 DROP TCP 203.0.113.9 10.0.0.1 4242 445 60 S 1 0 1 - - - RECEIVE")
	f("2026-11-21 02:04:11 10.0.0.1 GET /x - 443 - 203.0.113.9 Mozilla/5.0 - 403 0 0 1")
	f("2 123456789010 eni-1 203.0.113.9 172.31.16.21 20641 22 6 20 4249 1795226651 1795226691 REJECT OK")
	f(`https 2026-11-21T02:04:11.1Z app/lb/1 203.0.113.9:2817 10.0.0.1:80 0.0 0.0 0.0 403 403 34 366 "GET https://a.example/ HTTP/1.1" "x" - -`)
	f(`{"time":"2026-11-21T02:04:11Z","category":"NetworkSecurityGroupFlowEvent","properties":{"flows":[{"rule":"DenyAll","flows":[{"flowTuples":["1795226651,203.0.113.9,10.0.0.4,4242,22,T,I,D,B,,,,","1795226652,10.0.0.4,203.0.113.9,4242,443,T,O,A,E,1,1,1,1"]}]}]}}`)
	f(`{"eventType":"user.session.start","outcome":{"result":"FAILURE","reason":"INVALID_CREDENTIALS"},"client":{"ipAddress":"203.0.113.9"}}`)
	f(`{"Operation":"UserLoginFailed","ResultStatus":"Failed","ClientIP":"203.0.113.9"}`)
	f(`{"response_code":403,"downstream_remote_address":"203.0.113.9:5000","response_flags":"UAEX"}`)
}

// TestRefusalsLeaveNothing holds what a format that refuses a line may leave
// behind to what is noticed, and thrown away.
func TestRefusalsLeaveNothing(t *testing.T) {
	lines := [][]byte{[]byte("request= src= direction="), []byte(`{"request":"", "dns.question.name":""`), []byte("date=x"), []byte("CEF:0|a|b|c|d|e|1|direction=")}
	for _, more := range samples(t) {
		lines = append(lines, more...)
	}
	for _, f := range formats {
		for _, l := range lines {
			for cut := range len(l) {
				r := Record{Ref: ref}
				if !f.parse(l[:cut], &r) && !r.touched() && r.event != (event{}) {
					t.Fatalf("%s left %+v of %s", f.name, r.event, l[:cut])
				}
			}
		}
	}
}
