package canon

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// URL returns the normal form of a URL (RFC 3986 §6.2.2 and §6.2.3):
//
//   - scheme and host in lower case, the host as Domain or Addr writes it; a
//     single label and odd spellings of an address (0x7f.1) are left standing
//   - no userinfo, no default port, no fragment: none of them is in the request
//     line that a log shows, and the first may hold a password
//   - "/" for an empty path
//   - escapes of unreserved characters decoded, the others in capitals; white
//     space, control characters, what is not ASCII and a '%' that begins no
//     escape are escaped
//   - backslashes, which browsers read as slashes, are slashes; `\/` is '/' in
//     the query as well; defanged spellings are undone
//
// Dot segments and doubled slashes stay: an attack may consist of them.
//
// A URL without a scheme is one if it has a path, a query or a port; it is
// returned without a scheme and names the same place under every scheme. See
// Schemeless for how the two meet.
func URL(s string) (string, error) {
	return locator(Refang(trim(s)))
}

// locator is URL for a value that is trimmed and refanged.
func locator(s string) (string, error) {
	if len(s) > maxLen {
		return "", errTooLong
	}
	scheme, rest, ok := splitScheme(s)
	if !ok {
		rest = strings.TrimPrefix(s, "//")
	}
	i := strings.IndexAny(rest, `/\?#`)
	if i < 0 {
		i = len(rest)
	}
	authority, path := rest[:i], rest[i:]
	var buf [256]byte
	b, err := appendAuthority(buf[:0], scheme, authority, path == "")
	if err != nil {
		return "", err
	}
	b = appendPath(b, path)
	if string(b) == s {
		return s, nil
	}
	return settled(string(b), locator)
}

// settled returns s, or what again makes of it if the decoding of escapes has
// completed a defanged spelling ("[%2E]"). There is no third time: what is
// decoded stays decoded.
func settled(s string, again func(string) (string, error)) (string, error) {
	if v := Refang(s); v != s {
		return again(v)
	}
	return s, nil
}

// splitScheme cuts the scheme off a URL, and the slashes behind it. For the
// schemes that always have a host any number of slashes will do, as browsers
// have it; elsewhere there must be two, and more begin a path without a host.
func splitScheme(s string) (scheme, rest string, ok bool) {
	i := strings.IndexByte(s, ':')
	if i < 2 || i > 32 || !is(s[0], isAlpha) || i+1 >= len(s) {
		return "", s, false
	}
	for k := range i {
		if !is(s[k], isAlnum) && s[k] != '+' && s[k] != '-' {
			return "", s, false
		}
	}
	scheme, rest = lower(s[:i]), s[i+1:]
	host := strings.TrimLeft(rest, `/\`)
	slashes := rest[:len(rest)-len(host)]
	switch {
	case slashes == "" || len(slashes) == 1 && defaultPort(scheme) == 0:
		return "", s, false
	case strings.Count(slashes, "/") > 2 && defaultPort(scheme) == 0:
		host = "/" + host
	}
	if scheme == "meow" {
		scheme = "http"
	}
	return scheme, host, true
}

// defaultPort returns the port of a scheme that has one, or 0.
func defaultPort(scheme string) uint16 {
	switch scheme {
	case "http", "ws":
		return 80
	case "https", "wss":
		return 443
	case "ftp":
		return 21
	}
	return 0
}

// appendAuthority appends scheme, host and port. Without a scheme the host has
// to be one that can be told from a file or a word.
func appendAuthority(b []byte, scheme, s string, bare bool) ([]byte, error) {
	at := strings.LastIndexByte(s, '@')
	if at >= 0 && scheme == "" {
		return nil, errURL
	}
	host, p, err := splitPort(s[at+1:])
	if err != nil {
		return nil, err
	}
	if host == "" {
		return nil, errHost
	}
	if scheme == "" {
		if err := checkBare(host, bare, p); err != nil {
			return nil, err
		}
	} else {
		b = append(append(b, scheme...), "://"...)
	}
	if b, err = appendHost(b, host); err != nil {
		return nil, err
	}
	if p != 0 && p != defaultPort(scheme) {
		b = strconv.AppendUint(append(b, ':'), uint64(p), 10)
	}
	return b, nil
}

// splitPort cuts the port off host; 0 means that there is none.
func splitPort(s string) (host string, p uint16, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.IndexByte(s[i:], ']') >= 0 {
		return s, 0, nil
	}
	if i+1 == len(s) {
		return s[:i], 0, nil
	}
	p, ok := port(s[i+1:])
	if !ok {
		return s, 0, errPort
	}
	return s[:i], p, nil
}

// checkBare tells a URL without a scheme from what looks like one: a mere name
// or address, and an address with a port, have types of their own.
func checkBare(host string, bare bool, p uint16) error {
	_, err := addr(host)
	isAddr := err == nil
	if bare && (p == 0 || isAddr) {
		return errNoPath
	}
	if isAddr {
		return nil
	}
	if strings.IndexByte(host, ':') >= 0 {
		return errPort
	}
	if strings.HasPrefix(host, ".") || strings.HasPrefix(host, "*") {
		return errURL
	}
	if err == errZeros {
		return err
	}
	if strings.IndexByte(host, '%') < 0 {
		_, err = domain(host)
		return err
	}
	return errURL
}

// appendHost appends a host in canonical form.
func appendHost(b []byte, s string) ([]byte, error) {
	if s[0] == '[' || strings.IndexByte(s, ':') >= 0 {
		return appendIPv6(b, s)
	}
	if strings.IndexByte(s, '%') >= 0 {
		s = unescaped(s)
	}
	name, err := hostName(s)
	return append(b, name...), err
}

// appendIPv6 appends an address in brackets, or without where it maps an IPv4
// address. An address that lost its brackets is not guessed at: its last group
// may be a port.
func appendIPv6(b []byte, s string) ([]byte, error) {
	if s[0] != '[' || s[len(s)-1] != ']' {
		return nil, errAddr
	}
	a, err := addr(s)
	if err != nil {
		return nil, err
	}
	return appendAddr(b, a), nil
}

func appendAddr(b []byte, a netip.Addr) []byte {
	if a.Is4() {
		return a.AppendTo(b)
	}
	return append(a.AppendTo(append(b, '[')), ']')
}

// unescaped decodes every percent escape of a host.
func unescaped(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if c, ok := escapeAt(s, i); ok {
			b = append(b, c)
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// appendPath appends path and query in canonical form, without the fragment.
func appendPath(b []byte, s string) []byte {
	if i := strings.IndexByte(s, '#'); i >= 0 {
		s = s[:i]
	}
	if s == "" || s[0] == '?' {
		b = append(b, '/')
	}
	query := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			b, i = appendEscape(b, s, i)
		case c == '\\':
			b, i = appendSlash(b, s, i, query)
		case c >= utf8.RuneSelf || is(c, isSpace|isControl):
			b = escape(b, c)
		default:
			query = query || c == '?'
			b = append(b, c)
		}
	}
	return b
}

// appendEscape appends the escape at s[i], and returns where its last byte
// stands.
func appendEscape(b []byte, s string, i int) ([]byte, int) {
	c, ok := escapeAt(s, i)
	switch {
	case !ok:
		return escape(b, '%'), i
	case is(c, isUnreserved):
		return append(b, c), i + 2
	}
	return escape(b, c), i + 2
}

// appendSlash appends what the backslashes at s[i] stand for: before a slash
// they are its JSON escape; alone each is a slash in a path, itself in a query.
func appendSlash(b []byte, s string, i int, query bool) ([]byte, int) {
	end := i
	for end < len(s) && s[end] == '\\' {
		end++
	}
	switch {
	case end < len(s) && s[end] == '/':
		return append(b, '/'), end
	case query:
		return append(b, s[i:end]...), end - 1
	}
	for range end - i {
		b = append(b, '/')
	}
	return b, end - 1
}

func escape(b []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(b, '%', digits[c>>4], digits[c&15])
}

// escapeAt returns the byte that the percent escape at s[i] stands for.
func escapeAt(s string, i int) (byte, bool) {
	if s[i] != '%' || i+2 >= len(s) || !is(s[i+1], isHex) || !is(s[i+2], isHex) {
		return 0, false
	}
	return unhex(s[i+1])<<4 | unhex(s[i+2]), true
}

func unhex(c byte) byte {
	if is(c, isDigit) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// URLPath returns the normal form, as URL has it, of a path that begins with a
// slash, with its query. The root path is refused: every site has it.
func URLPath(s string) (string, error) {
	return urlPath(Refang(trim(s)))
}

func urlPath(s string) (string, error) {
	if s == "" || s[0] != '/' && s[0] != '\\' {
		return "", errPath
	}
	if len(s) > maxLen {
		return "", errTooLong
	}
	var buf [256]byte
	b := appendPath(buf[:0], s)
	switch string(b) {
	case "/":
		return "", errRoot
	case s:
		return s, nil
	}
	return settled(string(b), urlPath)
}

// Schemeless returns the two ways in which a list without schemes names a
// canonical URL that has one: as it is but for the scheme, and, where the port
// is the scheme's own, with that port written out ("" elsewhere). A matcher
// that looks a URL up looks these two up as well.
func Schemeless(url string) (plain, withPort string) {
	i := strings.IndexByte(url, '/')
	if i < 1 || url[i-1] != ':' {
		return "", ""
	}
	p := defaultPort(url[:i-1])
	plain = url[i+2:]
	i = strings.IndexByte(plain, '/')
	if i < 0 || p == 0 || hasPort(plain[:i]) {
		return plain, ""
	}
	return plain, plain[:i] + ":" + strconv.Itoa(int(p)) + plain[i:]
}

// hasPort reports whether a canonical authority ends in a port.
func hasPort(s string) bool {
	i := strings.LastIndexByte(s, ':')
	return i >= 0 && strings.IndexByte(s[i:], ']') < 0
}
