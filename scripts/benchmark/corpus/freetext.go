package corpus

import (
	"fmt"
	"os"
	"strconv"
)

// freeText makes what no typed token can be: paths, names of mutexes, browsers,
// registry keys, subjects of mail. Many begin as lines of the background do, so
// that a search which looks only at beginnings gains nothing; each ends in
// letters that were drawn, so none is in the logs.
func freeText(r *rng) string {
	id := r.text(alnum, 10)
	switch r.n(6) {
	case 0:
		return `file_path:C:\Users\Public\` + r.pick(words) + `\` + id + `.exe`
	case 1:
		return "file_path:/tmp/.x/" + r.pick(words) + "/" + id
	case 2:
		return `mutex:Global\` + r.pick(words) + "_" + id
	case 3:
		return "user_agent:Mozilla/5.0 (" + r.pick(systems) + ") " + r.pick(words) + "/" + strconv.Itoa(r.n(20)) + "." + id
	case 4:
		return `registry_key:HKLM\Software\Microsoft\Windows\CurrentVersion\Run\` + r.pick(words) + id
	default:
		return "text:" + r.pick(words) + " " + r.pick(words) + " " + r.pick(words) + " " + id
	}
}

// WriteMixed writes the list at from and, added to it, n indicators of free text.
func WriteMixed(path, from string, seed uint64, n int) error {
	list, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("the list to add free text to: %w", err)
	}
	r := newRNG(seed, "free text")
	for range n {
		list = append(append(list, freeText(r)...), '\n')
	}
	return os.WriteFile(path, list, 0o600)
}
