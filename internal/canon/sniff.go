package canon

import (
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// sniff tells what a trimmed value is, from its looks. s is the value refanged;
// raw is the value before that, for what is not refanged: file paths and keys
// have backslashes that mean themselves.
func sniff(raw, s string) (ioc.Observable, error) {
	if o, ok := windows(raw); ok {
		return o, nil
	}
	if _, _, ok := splitScheme(s); ok {
		v, err := locator(s)
		return observable(ioc.URL, v, err)
	}
	for i := range len(s) {
		if is(s[i], isSpace) {
			return spaced(s)
		}
		if is(s[i], isControl) {
			return ioc.Observable{}, errControl
		}
	}
	if s[0] == '/' || s[0] == '\\' {
		return sniffPath(s)
	}
	if t, ok := digestOf(len(s)); ok && all(s, isHex) {
		return ioc.Observable{Type: t, Value: lower(s)}, nil
	}
	if v, err := CVE(s); err == nil {
		return ioc.Observable{Type: ioc.CVE, Value: v}, nil
	}
	return sniffHost(s)
}

// spaced serves values with white space inside, of which only two are more
// than text: an address with a display name, and a sloppy CVE.
func spaced(s string) (ioc.Observable, error) {
	if s[len(s)-1] == '>' {
		if v, err := email(s); err == nil {
			return ioc.Observable{Type: ioc.Email, Value: v}, nil
		}
	}
	return ioc.Observable{}, errSpace
}

// sniffPath serves what begins with a slash: a path, or a URL that left its
// scheme to the page it stood on.
func sniffPath(s string) (ioc.Observable, error) {
	if strings.HasPrefix(s, "//") {
		if v, err := locator(s); err == nil {
			return ioc.Observable{Type: ioc.URL, Value: v}, nil
		}
	}
	v, err := urlPath(s)
	return observable(ioc.URLPath, v, err)
}

// sniffHost serves what begins with a host or an address.
func sniffHost(s string) (ioc.Observable, error) {
	slash := strings.IndexAny(s, `/\?#`)
	colon := strings.IndexByte(s, ':')
	switch {
	case slash < 0 && strings.IndexByte(s, '@') >= 0:
		v, err := email(s)
		return observable(ioc.Email, v, err)
	case slash < 0 && colon < 0:
		return sniffName(s)
	case slash < 0:
		return sniffColons(s)
	case is(s[0], isHex) || s[0] == ':' || s[0] == '[':
		if o, done, err := sniffPrefix(s, slash); done {
			return o, err
		}
	}
	if strings.IndexByte(s[:slash], '@') >= 0 {
		if v, err := email(s); err == nil {
			return ioc.Observable{Type: ioc.Email, Value: v}, nil
		}
	}
	v, err := locator(s)
	return observable(ioc.URL, v, err)
}

func isAddr(s string) bool {
	_, err := addr(s)
	return err == nil
}

// sniffPrefix serves an address with something behind a slash. A number there
// is a length and nothing else, even if it is too great for one.
func sniffPrefix(s string, slash int) (o ioc.Observable, done bool, err error) {
	if !isAddr(s[:slash]) || s[slash] != '/' {
		return o, false, nil
	}
	o, err = asPrefix(s)
	done = err == nil || all(s[slash+1:], isDigit) && slash+1 < len(s) && len(s) < slash+5
	return o, done, err
}

// sniffName serves a value without separators other than dots.
func sniffName(s string) (ioc.Observable, error) {
	if last := s[len(s)-1]; is(last, isDigit) || last == ']' {
		o, err := asAddr(s)
		if err == nil || err == error(errZeros) || all(strings.ReplaceAll(s, ".", ""), isDigit) {
			return o, err
		}
	}
	if strings.IndexByte(s, '|') > 0 {
		if a, err := addrPort(s); err == nil {
			return ioc.Observable{Type: ioc.IPPort, Value: a.String()}, nil
		}
	}
	o, err := undeclaredDomain(s)
	if err == nil && isFileName(o.Value) {
		return ioc.Observable{Type: ioc.FileName, Value: s}, nil
	}
	if err == error(errBare) && pairs(s, '-') == 6 {
		v, err := MAC(s)
		return observable(ioc.MAC, v, err)
	}
	return o, err
}

// sniffColons serves a value with colons and without slashes: an address, an
// address or a name with a port, a MAC address, a certificate's fingerprint.
func sniffColons(s string) (ioc.Observable, error) {
	switch n := pairs(s, ':'); n {
	case 6:
		return ioc.Observable{Type: ioc.MAC, Value: lower(s)}, nil
	case 16, 20, 32:
		return ioc.Observable{Type: ioc.CertHash, Value: lower(joined(s))}, nil
	}
	if o, err := asAddr(s); err == nil {
		return o, nil
	}
	a, err := addrPort(s)
	if err == nil {
		return ioc.Observable{Type: ioc.IPPort, Value: a.String()}, nil
	}
	if err == error(errPort) || err == error(errZeros) {
		return ioc.Observable{}, err
	}
	if hasPrefixFold(s, "mailto:") {
		v, err := email(s)
		return observable(ioc.Email, v, err)
	}
	v, err := locator(s)
	return observable(ioc.URL, v, err)
}

// windows serves file paths and registry keys of Windows, which no other value
// looks like.
func windows(s string) (ioc.Observable, bool) {
	t := ioc.FilePath
	switch {
	case len(s) > 3 && is(s[0], isAlpha) && s[1:3] == `:\`:
	case s[0] == '%' && strings.Contains(s, `%\`):
	case hasPrefixFold(s, `HKEY_`) || hasPrefixFold(s, `\REGISTRY\`) || isHive(s):
		t = ioc.RegistryKey
	default:
		return ioc.Observable{}, false
	}
	v, err := literal[t](s)
	return ioc.Observable{Type: t, Value: v}, err == nil
}
