package canon

import "strings"

// SplitHost splits a URL in canonical form, with or without a scheme: host, with
// the brackets of an IPv6 address; port, with its colon, "" where there is none;
// and rest, the path with all that follows it.
func SplitHost(url string) (host, port, rest string) {
	if i := strings.Index(url, "://"); i >= 0 && i < strings.IndexAny(url, "/?") {
		url = url[i+len("://"):]
	}
	if i := strings.IndexAny(url, "/?"); i >= 0 {
		url, rest = url[:i], url[i:]
	}
	if i := strings.LastIndexByte(url, ':'); i >= 0 && strings.IndexByte(url[i:], ']') < 0 {
		url, port = url[:i], url[i:]
	}
	return url, port, rest
}
