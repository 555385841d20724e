package match

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/canon"
)

// oracleURL finds the URL v: a piece that begins at a scheme or, if v has none,
// at a host, ends where a URL may end, and has v as its canonical form. Of
// those that begin at one place the longest counts.
func oracleURL(v string, x text, hit func(text, int, int, Rule)) {
	s := x.b
	for i := range len(s) {
		if !alnumByte(s[i]) || i > 0 && s[i-1] > '9' && alnumByte(s[i-1]) || letterLeft(s, i) {
			continue
		}
		best := 0
		for _, j := range urlEnds(s, i) {
			if next, _ := utf8.DecodeRuneInString(s[j:]); j > best && !spacedLetter(next) && urlIs(v, s, i, j) {
				best = j
			}
		}
		if best > 0 {
			hit(x, i, best, Locator)
		}
	}
}

var (
	letterBeforeRE = regexp.MustCompile(`[A-Za-z][0-9+A-Za-z]*$`)
	anySchemeRE    = regexp.MustCompile(`^[0-9A-Za-z+]+://`)
	runRE          = regexp.MustCompile(`^[0-9A-Za-z_.-]+`)
	schemeEndRE    = regexp.MustCompile(`[A-Za-z][0-9A-Za-z+]+://$`)
	userEndRE      = regexp.MustCompile(`[A-Za-z][0-9A-Za-z+]+://[^/?#<>\\"\x00-\x20\x7f]*@$`)
	colonPortRE    = regexp.MustCompile(`^:0{0,4}[1-9][0-9]{0,4}`)
)

var schemeRE = regexp.MustCompile(`^[A-Za-z][0-9A-Za-z+]+://[^/?#\\"<>\s]`)
var userRE = regexp.MustCompile(`^([A-Za-z][0-9A-Za-z+]+://)[^/?#<>\\"\x00-\x20\x7f]*@`)

func urlIs(v, s string, i, j int) bool {
	piece := s[i:j]
	if canon.Refang(piece) != piece || strings.ContainsAny(piece, "\"<>\\ \t#") {
		return false
	}
	schemed := schemeRE.MatchString(piece) && !letterBeforeRE.MatchString(s[:i])
	if !schemed {
		if strings.Contains(piece, "://") && strings.Index(piece, "://") < len(piece)/2 && anySchemeRE.MatchString(piece) {
			return false
		}
		m := runRE.FindString(piece)
		m = strings.TrimRight(m, ".")
		if m == "" || !nameAt(s, i, i+len(m)) || strings.HasSuffix(s[:i], "://") && schemeEndRE.MatchString(s[:i]) {
			return false
		}
		if userEndRE.MatchString(s[:i]) {
			return false
		}
	}
	got, err := canon.URL(piece)
	if err != nil {
		if got, err = canon.URL(piece + "/"); err != nil {
			return false
		}
	}
	if got == v {
		return true
	}
	plain, withPort := canon.Schemeless(got)
	return v == plain || withPort != "" && v == withPort
}

// urlEnds returns where a URL that begins at s[i] may end.
func urlEnds(s string, i int) (may []int) {
	end := i
	for end < len(s) && !strings.ContainsRune(" \t\r\"<>\\#\x00", rune(s[end])) && s[end] > ' ' && s[end] != 0x7f {
		end++
	}
	host := i
	if m := userRE.FindStringIndex(s[i:]); m != nil {
		host += m[1]
	} else if m := anySchemeRE.FindStringIndex(s[i:]); m != nil {
		host += m[1]
	}
	hostEnd := host
	for hostEnd < len(s) && labelByte(s[hostEnd]) || hostEnd+1 < len(s) && s[hostEnd] == '.' && labelByte(s[hostEnd+1]) {
		hostEnd++
	}
	if hostEnd+1 < len(s) && s[hostEnd] == '.' && strings.IndexByte("/:?", s[hostEnd+1]) >= 0 {
		hostEnd++
	}
	if m := colonPortRE.FindString(s[hostEnd:]); m != "" && !(hostEnd+len(m) < len(s) && wordByte(s[hostEnd+len(m)])) {
		hostEnd += len(m)
	} else if strings.HasPrefix(s[hostEnd:], ":/") {
		hostEnd++
	}
	if hostEnd < len(s) && s[hostEnd] == '@' {
		return nil
	}
	if hostEnd == len(s) || s[hostEnd] != '/' && s[hostEnd] != '?' {
		return []int{hostEnd}
	}
	ends := []int{end}
	for k := hostEnd; k < end; k++ {
		if s[k] >= 0x80 || strings.IndexByte("`{}|^", s[k]) >= 0 {
			ends = append(ends, k)
			break
		}
	}
	if i > 0 {
		if c := map[byte]byte{'(': ')', '[': ']', '{': '}', '\'': '\'', ',': ',', ';': ';', '|': '|', '`': '`', '*': '*'}[s[i-1]]; c != 0 {
			if k := strings.IndexByte(s[hostEnd:end], c); k >= 0 {
				ends = append(ends, hostEnd+k)
			}
		}
	}
	for _, e := range ends {
		may = append(may, e)
		for j := e - 1; j >= hostEnd && strings.IndexByte(".,;:!?)]}'*", s[j]) >= 0 && !(e == end && end < len(s) && s[end] == '#'); j-- {
			may = append(may, j)
		}
	}
	return may
}
