package match

// fieldBefore reports whether the value of a field begins at t[i] whose name
// says that it is the path of a URL: {"path":"/x"}, uri=/x, url.path: "/x". It
// returns the quote before the value, or a comma where there is none: what
// opens a value tells walk what closes it.
func fieldBefore(t []byte, i int) (opener byte) {
	k := i
	opener = ','
	switch at(t, i-1) {
	case '"', '\'':
		k--
		opener = t[k]
	case '=', ':', ' ', '\t':
	default:
		return 0
	}
	k = beforeBlanks(t, k)
	if b := at(t, k-1); b != '=' && b != ':' {
		return 0
	}
	k = beforeBlanks(t, k-1)
	if b := at(t, k-1); b == '"' || b == '\'' {
		k--
	}
	if !namesPath(t, k) {
		return 0
	}
	return opener
}

// separator returns the first sign of value that parts it from the next field.
func separator(value []byte) byte {
	for _, b := range value {
		switch {
		case b == ';':
			return b
		case b == ',' || ending[b] == endsHard:
			return ','
		}
	}
	return ','
}

// maxBlanks bounds the blanks around the sign between a name and a value.
const maxBlanks = 8

// beforeBlanks returns where the blanks begin that end at t[:i].
func beforeBlanks(t []byte, i int) int {
	for n := 0; n < maxBlanks && (at(t, i-1) == ' ' || at(t, i-1) == '\t'); n++ {
		i--
	}
	return i
}

// pathNames are the names that the path of a URL goes by: whole, or behind a dot,
// '_' or '-', as in url.path, cs-uri-stem and request_uri.
var pathNames = []string{
	"path", "uri", "url", "request", "location", "uri_stem", "uri-stem", "uristem",
	"uripath", "urlpath", "requesturi", "requesturl", "requestpath",
}

// fileNames are what makes another path of one: file_path, exe.path.
var fileNames = []string{"file", "exe", "process", "image", "folder", "log"}

// namesPath reports whether a name ends at t[:i] that is one of pathNames. The
// key of a value in the query of a URL ("?url=/x") is none.
func namesPath(t []byte, i int) bool {
	for _, name := range pathNames {
		k := i - len(name)
		if k < 0 || !equalFold(t[k:i], name) || is(t, k-1, alnum|high) {
			continue
		}
		if is(t, k-1, run) && endsIn(t, k-1, fileNames) {
			return false
		}
		return !inQuery(t, k)
	}
	return false
}

// endsIn reports whether one of names ends at t[:i].
func endsIn(t []byte, i int, names []string) bool {
	for _, name := range names {
		if k := i - len(name); k >= 0 && equalFold(t[k:i], name) && !is(t, k-1, alnum) {
			return true
		}
	}
	return false
}

// maxField bounds the name of a field.
const maxField = 64

// inQuery reports whether the name whose end begins at t[i] is part of a URL.
func inQuery(t []byte, i int) bool {
	first := i
	for is(t, i-1, run) {
		if i--; first-i > maxField {
			return true
		}
	}
	switch at(t, i-1) {
	case '?', '&', '/', '%', '=', '#':
		return true
	}
	return false
}
