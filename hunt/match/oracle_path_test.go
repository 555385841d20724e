package match

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// oraclePaths finds the paths of URLs among os: at each place where one may
// begin, the longest that is listed, and one that ends where the query begins.
func oraclePaths(os []ioc.Observable, under text) (fs []found) {
	s := under.b
	for i := range len(s) {
		for _, opener := range openersAt(s, i) {
			for _, j := range listedEnds(os, s, i, opener) {
				for _, id := range pathsAt(os, s, i, j) {
					fs = append(fs, found{id, under.from[i], under.to[j-1], Path})
				}
			}
		}
	}
	return fs
}

// listedEnds returns the last place where the path at s[i] may end and is listed, and where
// its query begins.
func listedEnds(os []ioc.Observable, s string, i int, opener byte) (ends []int) {
	longest := 0
	for _, j := range pathEnds(s, i, opener) {
		if next, _ := utf8.DecodeRuneInString(s[j:]); j > longest && !spacedLetter(next) && len(pathsAt(os, s, i, j)) > 0 {
			longest = j
		}
	}
	if longest > 0 {
		ends = append(ends, longest)
	}
	if q := strings.IndexByte(s[i:hardEnd(s, i)], '?'); q > 0 && i+q != longest {
		ends = append(ends, i+q)
	}
	return ends
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

// openersAt tells what stands before the path of a URL that begins at s[i] and
// says what ends it: nothing behind "://" and a host and behind a method, a
// quote or a separator behind the name of a field.
func openersAt(s string, i int) (openers []byte) {
	before := s[:i]
	if s[i] != '/' && s[i] != '?' {
		return nil
	}
	if hostPartRE.MatchString(before) || s[i] == '/' && methodRE.MatchString(before) {
		openers = append(openers, 0)
	}
	m := fieldRE.FindStringSubmatchIndex(before)
	if s[i] != '/' || m == nil || ofFileRE.MatchString(before[:m[2]]) || inQueryRE.MatchString(before[:m[2]]) {
		return openers
	}
	if m[4] >= 0 {
		return append(openers, before[m[4]])
	}
	if k := strings.IndexAny(s[i:hardEnd(s, i)], ",;"); k >= 0 && s[i+k] == ';' {
		return append(openers, ';')
	}
	return append(openers, ',')
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
