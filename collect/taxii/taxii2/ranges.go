package taxii2

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
)

// span is what a TAXII 2.0 answer says about which items it holds (2.0 §3.4):
// "Content-Range: items 0-99/250".
type span struct {
	said        bool
	first, last int
	total       int // -1: not known
}

var contentRange = regexp.MustCompile(`^\s*items[ =]+(?:(\d{1,9})-(\d{1,9})|\*)/(\d{1,9}|\*)\s*$`)

func spanOf(resp *http.Response) span {
	m := contentRange.FindStringSubmatch(resp.Header.Get("Content-Range"))
	if m == nil || m[1] == "" {
		return span{total: -1}
	}
	s := span{said: true, total: -1}
	s.first, _ = strconv.Atoi(m[1]) // digits, by the pattern
	s.last, _ = strconv.Atoi(m[2])
	if m[3] != "*" {
		s.total, _ = strconv.Atoi(m[3])
	}
	return s
}

// next is where the items behind these begin; n is how many came. Where the
// two disagree the earlier is right: what comes twice does no harm.
func (s span) next(n int) int {
	if n == 0 {
		return s.last + 1
	}
	return s.first + min(n, max(s.last-s.first+1, 1))
}

// more reports whether there are items from start on, as far as is known.
func (s span) more(start int) bool { return s.said && (s.total < 0 || start < s.total) }

// rangeOf asks for n items. The standard writes "items=", and there are servers
// that want "items ".
func rangeOf(start, n int, space bool) string {
	sep := "="
	if space {
		sep = " "
	}
	return fmt.Sprintf("items%s%d-%d", sep, start, start+n-1)
}
