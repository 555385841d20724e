package match

import (
	"regexp"
	"strings"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// oraclePaths finds the paths of URLs among os: at each place where one may
// begin, the longest that is listed, and one that ends where the query begins.
func oraclePaths(os []ioc.Observable, under text) (fs []found) {
	s := under.b
	for i := range len(s) {
		opener, ok := pathBegins(s, i)
		if !ok {
			continue
		}
		longest := 0
		var ends []int
		for _, j := range pathEnds(s, i, opener) {
			if j > longest && len(pathsAt(os, s, i, j)) > 0 {
				longest = j
			}
		}
		if longest > 0 {
			ends = append(ends, longest)
		}
		if q := strings.IndexByte(s[i:hardEnd(s, i)], '?'); q > 0 && i+q != longest {
			ends = append(ends, i+q)
		}
		for _, j := range ends {
			for _, id := range pathsAt(os, s, i, j) {
				fs = append(fs, found{id, under.from[i], under.to[j-1], Path})
			}
		}
	}
	return fs
}

// pathsAt returns the ids of the paths that s[i:j] is.
func pathsAt(os []ioc.Observable, s string, i, j int) (ids []uint32) {
	piece := s[i:j]
	if canon.Refang(piece) != piece || strings.Contains(piece, `\`) {
		return nil
	}
	if piece != "" && piece[0] == '?' {
		piece = "/" + piece
	}
	got, err := canon.URLPath(piece)
	for id, o := range os {
		if o.Type == ioc.URLPath && err == nil && o.Value == got {
			ids = append(ids, uint32(id))
		}
	}
	return ids
}

var (
	methodRE   = regexp.MustCompile(`(?:^|[^0-9A-Za-z_-])[A-Z][A-Z-]{2,19} $`)
	hostPartRE = regexp.MustCompile(`://[^/?#<>\\"\x00-\x20\x7f]*$`)
	fieldRE    = regexp.MustCompile(`(?i)(?:^|[^0-9A-Za-z\x{80}-\x{10ffff}])(path|uri|url|request|location|uri[_-]?stem|(?:uri|url)path|request(?:uri|url|path))["']?[ \t]{0,8}[=:](?:[ \t]{0,8}(["'])|[ \t]{0,8})$`)
	ofFileRE   = regexp.MustCompile(`(?i)(?:^|[^0-9A-Za-z])(?:file|exe|process|image|folder|log)[._-]$`)
	inQueryRE  = regexp.MustCompile(`[?&/%=#][0-9A-Za-z_.-]*$|[0-9A-Za-z_.-]{65}$`)
)

// pathBegins reports whether the path of a URL may begin at s[i]: behind "://" and a
// host, a method, or the name of a field. opener is what stands before it and
// tells what ends it.
func pathBegins(s string, i int) (opener byte, ok bool) {
	before := s[:i]
	if s[i] != '/' && s[i] != '?' {
		return 0, false
	}
	if hostPartRE.MatchString(before) {
		return 0, true
	}
	if s[i] != '/' {
		return 0, false
	}
	if methodRE.MatchString(before) {
		return 0, true
	}
	m := fieldRE.FindStringSubmatchIndex(before)
	if m == nil || ofFileRE.MatchString(before[:m[2]]) || inQueryRE.MatchString(before[:m[2]]) {
		return 0, false
	}
	if m[4] >= 0 {
		return before[m[4]], true
	}
	if k := strings.IndexAny(s[i:hardEnd(s, i)], ",;"); k >= 0 && s[i+k] == ';' {
		return ';', true
	}
	return ',', true
}

// pathEnds returns where the path that begins at s[i] may end; in double quotes
// where they do, or at the fragment.
func pathEnds(s string, i int, opener byte) []int {
	if opener != '"' {
		return valueEnds(s, i, opener)
	}
	if end := hardEnd(s, i); end < len(s) && (s[end] == '"' || s[end] == '#') {
		return []int{end}
	}
	return nil
}
