package match

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// add adds the keys under which the observable id is looked up.
func (b *builder) add(id uint32, t ioc.Type) {
	v := string(b.arena[b.value.off : b.value.off+b.value.length])
	ok := false
	switch t.Form() {
	case ioc.Address:
		ok = b.addAddr(id, t, v)
	case ioc.Network:
		ok = b.addNet(id, v)
	case ioc.Name:
		ok = b.addName(id, v)
	case ioc.Locator:
		ok = b.addLocator(id, t, v)
	case ioc.Mailbox:
		ok = b.addMail(id, v)
	case ioc.Digest:
		ok = b.addDigest(id, t, v)
	case ioc.Word:
		ok = b.addWord(id, t, v)
	}
	if !ok {
		b.addText(id, t.Form() == ioc.Exact, v)
	}
	if t == ioc.RegistryKey {
		b.addHives(id, v)
	}
}

func (b *builder) addAddr(id uint32, t ioc.Type, v string) bool {
	if t == ioc.IPPort {
		ap, err := netip.ParseAddrPort(v)
		if err != nil {
			return false
		}
		b.flags |= hasAddrs | hasPorts
		b.put(keyPort, id, portKey(b.buf[:0], addrOf(ap.Addr()), ap.Port()))
		return true
	}
	a, err := netip.ParseAddr(v)
	if err != nil {
		return false
	}
	b.flags |= hasAddrs
	k := addrOf(a)
	b.put(keyAddr, id, k.bytes())
	return true
}

func (b *builder) addNet(id uint32, v string) bool {
	p, err := netip.ParsePrefix(v)
	if err != nil {
		return false
	}
	a, n := addrOf(p.Addr()), p.Bits()
	if a.is4 && !p.Addr().Is4() {
		if n -= 96; n < 0 {
			return false
		}
	}
	b.flags |= hasAddrs | hasNets
	a.mask(n)
	b.put(keyNet, id, append(append(b.buf[:0], byte(n)), a.bytes()...))
	touchNet(&b.nets, &a, n)
	return true
}

// isName reports whether v is a name of two labels or more.
func isName(v string) bool {
	if len(v) > longestName || !strings.Contains(v, ".") {
		return false
	}
	for l := range strings.SplitSeq(v, ".") {
		if l == "" || !allOf(l, label) {
			return false
		}
	}
	return true
}

func allOf(s string, k uint8) bool {
	for i := range len(s) {
		if class[s[i]]&k == 0 {
			return false
		}
	}
	return true
}

func (b *builder) addName(id uint32, v string) bool {
	v = strings.ToLower(v)
	switch {
	case len(v) <= maxLabel && allOf(v, label):
		b.flags |= hasTops
	case !isName(v):
		return false
	}
	b.noteName(v)
	b.put(keyName, id, []byte(v))
	return true
}

// noteName opens the gate for a name.
func (b *builder) noteName(v string) {
	b.flags |= hasNames
	b.gate(gateName, lastTwo([]byte(v)))
}

// lastTwo returns the last two labels of a name.
func lastTwo(name []byte) []byte {
	if i := bytes.LastIndexByte(name, '.'); i >= 0 {
		return name[bytes.LastIndexByte(name[:i], '.')+1:]
	}
	return name
}

func (b *builder) addLocator(id uint32, t ioc.Type, v string) bool {
	if strings.ContainsAny(v, "\"<> \t") {
		return false
	}
	if t == ioc.URLPath {
		p, err := canon.URLPath(v)
		if err != nil || len(p) > maxURL {
			return false
		}
		b.flags |= hasPaths
		addLength(&b.urlPaths, len(p))
		b.put(keyPath, id, []byte(p))
		return true
	}
	u, err := canon.URL(v)
	if err != nil || len(u) > maxURL {
		return false
	}
	scheme, rest, ok := strings.Cut(u, "://")
	if !ok {
		scheme, rest = "", u
	}
	host := rest[:strings.IndexByte(rest, '/')]
	name, port := cutPort(host)
	if !b.noteHost(name, scheme != "") {
		return false
	}
	b.flags |= hasURLs
	if scheme != "" {
		b.putURL(keyURL, id, u)
		return true
	}
	b.putURL(keyBare, id, u)
	for _, s := range schemesOf[port] { // "a.example:80/" is what "http://a.example/" is
		b.putURL(keyURL, id, s+"://"+name+rest[len(host):])
	}
	return true
}

func (b *builder) putURL(k kind, id uint32, u string) {
	addLength(&b.urls, len(u))
	b.put(k, id, []byte(u))
}

// schemesOf names the schemes of a port, defaultPort the port of a scheme.
var schemesOf = map[string][]string{"80": {"http", "ws"}, "443": {"https", "wss"}, "21": {"ftp"}}

func defaultPort(scheme []byte) int {
	switch string(scheme) {
	case "http", "ws":
		return 80
	case "https", "wss":
		return 443
	case "ftp":
		return 21
	}
	return 0
}

// cutPort parts host and port.
func cutPort(s string) (host, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// noteHost opens the gates for the host of a URL. It reports whether the host
// will be recognised in text.
func (b *builder) noteHost(host string, schemed bool) bool {
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		b.flags |= hasAddrs
		k := addrOf(a)
		b.gate(gateHostAddr, k.bytes())
		return true
	}
	switch {
	case isName(host):
		b.noteName(host)
	case schemed && host != "" && allOf(host, label):
		b.flags |= hasBareHost
	default:
		return false
	}
	b.gate(gateHost, []byte(host))
	return true
}

func (b *builder) addMail(id uint32, v string) bool {
	v = strings.ToLower(v)
	i := strings.LastIndexByte(v, '@')
	if i < 1 || i > maxLocal || !isName(v[i+1:]) {
		return false
	}
	for _, c := range []byte(v[:i]) {
		if !localByte[c] {
			return false
		}
	}
	b.flags |= hasMail
	b.put(keyMail, id, []byte(v))
	return true
}

func (b *builder) addDigest(id uint32, t ioc.Type, v string) bool {
	v = strings.ToLower(v)
	if len(v) > maxURL || len(v) < minDigest || !allOf(v, hexa) {
		return false
	}
	b.flags |= hasDigests
	addLength(&b.digests, len(v))
	b.put(keyDigest, id, []byte(v))
	if t == ioc.CertHash {
		b.flags |= hasCerts
		b.put(keyCert, id, []byte(v))
	}
	return true
}

func (b *builder) addWord(id uint32, t ioc.Type, v string) bool {
	if t == ioc.CVE {
		c, err := canon.CVE(v)
		if err == nil {
			b.flags |= hasCVEs
			b.put(keyCVE, id, []byte(strings.ToLower(c)))
		}
		return err == nil
	}
	m, err := canon.MAC(v)
	if t != ioc.MAC || err != nil {
		return false
	}
	b.flags |= hasMACs
	b.put(keyMAC, id, []byte(strings.ReplaceAll(m, ":", "")))
	return true
}

// addText adds a value that is looked for anywhere in the text.
func (b *builder) addText(id uint32, exact bool, v string) {
	folded := make([]byte, len(v))
	blank := make([]byte, len(v))
	for i, c := range []byte(v) {
		if c == '\n' {
			c = ' '
		}
		folded[i], blank[i] = fold[c], blanks(c)
	}
	if exact {
		b.put(keyExact, id, blank)
	} else {
		b.put(keyFolded, id, folded)
	}
	b.texts = append(b.texts, b.intern(folded))
}

// addHives adds a registry key under the other names of its root.
func (b *builder) addHives(id uint32, v string) {
	names, rest := canon.Hive(v)
	for _, n := range names {
		if k := n + rest; !strings.EqualFold(k, v) && len(k) <= maxKey {
			b.addText(id, false, k)
		}
	}
}

// blanks makes the blanks inside a line alike and leaves letters as they are.
func blanks(c byte) byte {
	if c == '\t' || c == '\r' {
		return ' '
	}
	return c
}

// intern returns where text lies in the arena: at the end if the last key put
// there is another.
func (b *builder) intern(text []byte) span {
	if last := b.keys[len(b.keys)-1]; string(b.arena[last.off:last.off+last.length]) == string(text) {
		return span{last.off, last.length}
	}
	b.arena = append(b.arena, text...)
	return span{uint32(len(b.arena) - len(text)), uint32(len(text))}
}

// address is an IP address as the keys have it; IPv4 is in the first four bytes.
type address struct {
	b   [16]byte
	is4 bool
}

// addrOf drops the zone and maps ::ffff:192.0.2.1 to 192.0.2.1.
func addrOf(a netip.Addr) (k address) {
	if a = a.Unmap(); a.Is4() {
		v4 := a.As4()
		copy(k.b[:], v4[:])
		k.is4 = true
		return k
	}
	k.b = a.As16()
	return k
}

func (a *address) bytes() []byte {
	if a.is4 {
		return a.b[:4]
	}
	return a.b[:]
}

// mask clears the bits behind the first n.
func (a *address) mask(n int) {
	for i := range a.bytes() {
		keep := min(max(n-8*i, 0), 8)
		a.b[i] &= ^byte(0xff >> keep)
	}
}

func portKey(dst []byte, a address, port uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, a.bytes()...), port)
}
