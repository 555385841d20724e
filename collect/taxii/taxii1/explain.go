package taxii1

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/iochunt/iochunt/internal/httpx"
)

// explain adds to an error what helps: a 404 is mostly a path that is misspelt.
func explain(err error, u *url.URL) error {
	var s *httpx.StatusError
	if !errors.As(err, &s) || s.Code != http.StatusNotFound || s.URL != httpx.SafeURL(u) { // of the token service, say
		return err
	}
	if other := likely(u.Path); other != "" {
		return fmt.Errorf("%w: there is nothing at the path %s; did you mean %s?", err, u.Path, other)
	}
	return fmt.Errorf("%w: there is nothing at the path %s; the discovery service (often /taxii/discovery) says where the services are", err, u.Path)
}

// usual are the folders that paths of TAXII 1 services mostly consist of.
var usual = []string{"taxii", "discovery", "collections", "poll", "inbox", "services"}

// likely corrects the folders of a path that are nearly a usual one; "" when
// none is.
func likely(path string) string {
	folders := strings.Split(path, "/")
	changed := false
	for i, folder := range folders {
		for _, word := range usual {
			if near(folder, word) {
				folders[i], changed = word, true
			}
		}
	}
	if !changed {
		return ""
	}
	return strings.Join(folders, "/")
}

// near reports whether a differs from b by case, by one letter, or in a long
// word by two.
func near(a, b string) bool {
	if a == b || len(a) > 2*len(b) {
		return false
	}
	return distance(strings.ToLower(a), b) <= max(1, len(b)/4)
}

// distance is the number of letters to change, add, drop or swap with the next
// (restricted Damerau-Levenshtein).
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
