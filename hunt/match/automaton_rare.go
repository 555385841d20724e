package match

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"sync"
)

// Which of its grams a text is looked for by decides how often a log has to be
// looked at more closely: "C:\Windows\Temp\qzx.exe" is best looked for by "qzx.",
// not by "wind". How rare a gram is in logs is guessed from a few lines that
// sound like logs, and from the list itself: what many of its texts share is likely
// to be in logs too, and makes long buckets.

// usual is what logs say.
const usual = `
127.0.0.1 - - [10/oct/2024:13:55:36 +0000] "get /index.html?id=1&page=2 http/1.1" 200 2326 "https://www.example.com/search?q=test" "mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) chrome/120.0.0.0 safari/537.36 edg/119.0"
192.168.1.10 - admin [01/jan/2025:00:00:00 +0100] "post /wp-login.php http/2.0" 302 0 "-" "mozilla/5.0 (macintosh; intel mac os x 10_15_7) version/16.1 mobile/15e148 safari/605.1.15" "mozilla/5.0 (x11; linux x86_64; rv:109.0) gecko/20100101 firefox/115.0" "mozilla/4.0 (compatible; msie 8.0; windows nt 6.1; trident/4.0; .net clr 2.0.50727)" "mozilla/5.0 (compatible; googlebot/2.1; +http://www.google.com/bot.html)" "mozilla/5.0 (iphone; cpu iphone os 17_0 like mac os x)" "mozilla/5.0 (linux; android 10; k)" "curl/7.68.0" "python-requests/2.31.0" "wget/1.20"
/images/ /css/style.css /js/jquery.min.js /api/v1/users /favicon.ico /robots.txt /admin/ /login /static/ /assets/ /download/ /upload/ /content/ /cgi-bin/ .html .php .aspx .jsp .json .xml .png .jpg .gif .svg .woff2 .zip .gz .tar head put delete options connect
nov 21 02:21:56 web01 sshd[1234]: failed password for invalid user root from 10.0.0.1 port 22 ssh2 accepted publickey for user session opened for user root by (uid=0) session closed pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost= connection closed by disconnected from received disconnect preauth
sudo: user : tty=pts/0 ; pwd=/home/user ; user=root ; command=/usr/bin/apt-get update cron[99]: (root) cmd (command -v debian-sa1 > /dev/null && /usr/lib/sysstat/) systemd[1]: started session of user. stopped starting stopping reached target kernel: [ 12.345678] iptables in=eth0 out= mac= src= dst= len=60 tos=0x00 prec=0x00 ttl=64 id=0 proto=tcp spt= dpt= window=1024 res=0x00 syn urgp=0 dnsmasq[1]: query[a] query[aaaa] from forwarded to reply is cached cname nxdomain named[1]: client @0x7f info: view internal: query: in a + (10.0.0.1)
/usr/bin/ /usr/sbin/ /usr/local/bin/ /usr/lib/ /usr/share/ /etc/passwd /etc/ /var/log/ /var/run/ /var/lib/ /var/tmp/ /var/www/html/ /tmp/ /home/ /root/ /opt/ /dev/null /dev/shm/ /proc/self/ /bin/bash /bin/sh
c:\windows\system32\cmd.exe /c c:\windows\syswow64\ c:\windows\temp\ c:\windows\microsoft.net\framework64\v4.0.30319\ c:\program files\common files\ c:\program files (x86)\ c:\programdata\microsoft\windows\start menu\programs\startup\ c:\users\administrator\appdata\local\temp\ c:\users\public\ c:\users\user\appdata\roaming\microsoft\ c:\documents and settings\all users\application data\ %appdata%\ %temp%\ %systemroot%\ svchost.exe explorer.exe powershell.exe rundll32.exe services.exe lsass.exe winlogon.exe conhost.exe chrome.exe .exe .dll .sys .tmp .bat .vbs .ps1 .lnk .dat .log .txt .pdf .docx .xlsx setup install update service manager client server
powershell -noprofile -executionpolicy bypass -windowstyle hidden -encodedcommand -command "new-object system.net.webclient invoke-expression downloadstring
hkey_local_machine\software\microsoft\windows\currentversion\run hkey_current_user\software\ hklm\system\currentcontrolset\services\ hkcu\software\classes\ hklm\software\wow6432node\microsoft\windows nt\currentversion\ controlset001\control\ explorer\shell folders policies runonce clsid\{00000000-0000-0000-c000-000000000046} global\ local\ _mutex mutex
{"@timestamp":"2024-01-01T00:00:00.000z","event":{"kind":"event","category":["process"],"type":["start"],"action":"created","outcome":"success","dataset":"system.auth","module":"system","id":"","code":4624,"provider":"microsoft-windows-security-auditing"},"host":{"name":"host01","hostname":"","ip":["10.0.0.1"],"mac":[],"os":{"family":"windows","platform":"linux","version":"10.0"}},"process":{"name":"","executable":"c:\\windows\\system32\\","command_line":"","pid":1234,"parent":{"name":""},"args":[],"hash":{"md5":"","sha1":"","sha256":""},"entity_id":""},"user":{"name":"system","domain":"nt authority","id":"s-1-5-18"},"file":{"path":"","extension":"exe","directory":""},"source":{"ip":"","port":443,"address":"","bytes":0,"packets":0},"destination":{"ip":"","port":0,"geo":{"country_iso_code":"us"}},"url":{"original":"http://","domain":"","path":"","full":"https://"},"http":{"request":{"method":"get","referrer":""},"response":{"status_code":200,"body":{"bytes":0}},"version":"1.1"},"user_agent":{"original":""},"dns":{"question":{"name":"","type":"a"}},"network":{"transport":"tcp","protocol":"http","direction":"inbound"},"message":"","log":{"level":"info","file":{"path":"/var/log/"}},"agent":{"type":"filebeat","version":"8.11.0"},"ecs":{"version":"8.11.0"},"tags":[],"labels":{},"service":{"name":""},"error":null,"true":false}
2024-01-01 12:34:56,789 info [main] org.apache.hadoop.zookeeper.server.quorum.nioservercnxn: com.example.service.impl java.lang.exception at java.util.concurrent.threadpoolexecutor closed socket connection for client sessionid warn error debug trace fatal notice warning compute manager request [instance: ] http status: 200 len: 1024 time: 0.5 servicing package for windows with state installed ~amd64~~10.0.1.1 proxy.example.org:8080 open through proxy https close, bytes sent, bytes received, lifetime
1700000000.123 456 10.0.0.1 tcp_miss/200 1234 get http://www. tcp_tunnel/200 connect www.google.com:443 - hier_direct/93.184.216.34 text/html image/jpeg application/json application/javascript conn.log s0 sf rej shadfdr tcp dns ssl http udp - - t f cjx
the quick and of to in is that for it as was with be by on not he this are or his from at which but have an had they you were their one all we can her has there been if more when will would who so no out up into than them only some time these two may then do first any my now such like our over even most after also made many must before through other another because between without against during system message error request response value number string object default access denied permission user name file not found could cannot unable to open read write failed success successful successfully connection timeout closed reset refused host address port remote local network interface device driver memory process thread start stop running installed version update check status security policy certificate key session login logon logoff account group domain controller microsoft google facebook amazon cloud apple adobe java chrome office outlook word excel
`

// usage holds how often, in powers of two, pairs and longer grams are in usual.
type usage struct {
	pairs [1 << 16]uint8
	grams [1 << 16]uint8 // of four bytes, by hash
}

var usageOf = sync.OnceValue(func() *usage {
	u := &usage{}
	var pairs, grams [1 << 16]int
	t := []byte(strings.ReplaceAll(usual, "\n", " "))
	for i := range len(t) - 4 {
		pairs[pairAt(t, i)]++
		grams[fourAt(t, i)]++
	}
	for i := range pairs {
		u.pairs[i], u.grams[i] = uint8(bits.Len(uint(pairs[i]))), uint8(bits.Len(uint(grams[i])))
	}
	return u
})

func pairAt(t []byte, i int) int { return int(t[i]|0x20)<<8 | int(t[i+1]|0x20) }

// fourAt returns a hash of the four bytes at t[i:].
func fourAt(t []byte, i int) uint32 {
	return (binary.LittleEndian.Uint32(t[i:]) | ' '*eachByte&0xffffffff) * gramLow >> 16
}

// Weights of what speaks against a gram, in powers of two of how often it
// will be met, more or less.
const (
	seenUsual = 6 // four bytes of it are in usual
	seenList  = 2 // for each power of two of how often it is in the list
	digitPair = 5 // instead of what usual says: numbers are everywhere, but each is rare
)

// chooser chooses grams.
type chooser struct {
	arena  []byte
	n      int     // of the gramKinds in use
	seen   []uint8 // how often a gram is in the list, by hash; 255 is that often or more
	shift  uint    // of a hash, for seen
	kinds  byte    // those of which a gram was picked
	picked []pick
}

// pick is an entry to be, with its gram.
type pick struct {
	gram  uint64
	entry gramEntry
}

// kind returns the kind of a text's grams, and how many of them come into question.
func (c *chooser) kind(s span) (kind gramKind, n, places int) {
	n = kindOf(s.length, c.n)
	kind = gramKinds[n]
	return kind, n, min(int(s.length)-kind.width, maxGramOff) + 1
}

// count fills seen.
func (c *chooser) count(texts []span) {
	c.seen = make([]uint8, min(max(64*pow2(len(texts)), 1<<12), 1<<22))
	c.shift = shiftFor(len(c.seen))
	for _, s := range texts {
		kind, _, places := c.kind(s)
		for i := range places {
			if p := &c.seen[c.seenAt(kind, s, i)]; *p < 255 {
				*p++
			}
		}
	}
}

// seenAt returns the place in seen of a gram.
func (c *chooser) seenAt(kind gramKind, s span, i int) int {
	b, _ := bucketOf(kind.gramAt(c.arena[s.off:s.off+s.length], i), c.shift)
	return b
}

// choose picks for each way that a text can lie its cheapest gram.
func (c *chooser) choose(k uint32, s span) {
	kind, n, places := c.kind(s)
	t := c.arena[s.off : s.off+s.length]
	c.kinds |= 1 << n
	for way := range kind.stride {
		best, least := way, 1<<30
		for i := way; i < places; i += kind.stride {
			cost := c.cost(t[i:i+kind.width]) + seenList*bits.Len(uint(c.seen[c.seenAt(kind, s, i)]-1))
			if cost < least {
				best, least = i, cost
			}
		}
		c.picked = append(c.picked, pick{kind.gramAt(t, best), gramEntry(k) | gramEntry(best)<<32})
	}
}

// cost says how often a gram is likely to be met, in powers of two. What is
// rare in one half makes all of it rare.
func (c *chooser) cost(g []byte) (cost int) {
	u := usageOf()
	for i := range len(g) - 1 {
		if is(g, i, digit) && is(g, i+1, digit) {
			cost += digitPair
		} else {
			cost += int(u.pairs[pairAt(g, i)])
		}
	}
	for i := range max(len(g)-3, 0) {
		if w := int(u.grams[fourAt(g, i)]); w > 0 {
			cost += seenUsual + w
		}
	}
	return cost
}
