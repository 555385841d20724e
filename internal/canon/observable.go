package canon

import (
	"strings"
	"unicode"

	"github.com/iochunt/iochunt/internal/ioc"
)

// Observable returns the canonical form of a value that a feed declares to be
// of a type; "" declares nothing. The error is a *Refused.
//
// A value that does not fit its declared type is re-typed if it plainly is of
// another one: a URL under domain, a network under ip, a SHA-256 under md5. The
// less obvious cases:
//
//   - "example.com" under url is a domain: with neither scheme nor path it
//     names a host. "example.com/" and "http://example.com" are URLs.
//   - "example.com/" under domain is the domain; with a scheme it is a URL.
//   - "example.com:8080" is the URL "example.com:8080/", which has no scheme. To
//     drop the port would turn a claim about one service into one about all of
//     its host, and some hosts (tunnels, dynamic names) serve many customers.
//   - Digests of what is not a file (imphash, ja3, jarm, a certificate) are not
//     re-typed by length, as the length says nothing about what was digested.
//   - Public suffixes ("co.uk") and the whole address space ("0.0.0.0/0") are
//     values like any other; whether they are too broad to be hunted is for
//     others to say. A top-level domain ("com") is one only where it is declared
//     to be a domain: else it is more likely a word.
//
// A value of a type that is not hunted is taken as it is. One of a type that
// the table does not know is kept under that type's name in lower case.
func Observable(declared ioc.Type, value string) (ioc.Observable, error) {
	if !declared.Known() {
		return foreign(declared, value)
	}
	if !declared.Huntable() {
		if strings.TrimSpace(value) == "" {
			return ioc.Observable{}, errEmpty
		}
		return ioc.Observable{Type: declared, Value: value}, nil
	}
	if f := literal[declared]; f != nil {
		v, err := f(value)
		return observable(declared, v, err)
	}
	return structured(declared, value)
}

// Sniff tells what a value is from its looks alone.
func Sniff(value string) (ioc.Observable, bool) {
	o, err := Observable("", value)
	return o, err == nil
}

// foreign serves types that are not in the table under that very spelling.
func foreign(declared ioc.Type, value string) (ioc.Observable, error) {
	name := strings.Map(visible, strings.ToLower(strings.TrimSpace(string(declared))))
	if name == "" {
		return structured("", value)
	}
	if t, ok := ioc.ParseType(name); ok {
		return Observable(t, value)
	}
	value = strings.TrimSpace(value)
	if value == "" {
		return ioc.Observable{}, errEmpty
	}
	return ioc.Observable{Type: ioc.Type(name), Value: value}, nil
}

// visible keeps a feed's name for a type from breaking the line it is shown in.
func visible(r rune) rune {
	if unicode.IsControl(r) {
		return '_'
	}
	return r
}

// observable makes the answer of a function for one type; its errors are all
// *Refused.
func observable(t ioc.Type, v string, err error) (ioc.Observable, error) {
	if err != nil {
		return ioc.Observable{}, err
	}
	return ioc.Observable{Type: t, Value: v}, nil
}

// literal holds the types whose values are never re-typed: texts, of which any
// could be one, and digests of what is not a file.
var literal = map[ioc.Type]func(string) (string, error){
	ioc.EmailSubject: phrase,
	ioc.Mutex:        phrase,
	ioc.UserAgent:    phrase,
	ioc.RegistryKey:  RegistryKey,
	ioc.SSDeep:       phrase,
	ioc.Text:         phrase,
	ioc.FileName:     FilePath,
	ioc.FilePath:     FilePath,
	ioc.Bitcoin:      Bitcoin,
	ioc.ImpHash:      digest(ioc.ImpHash),
	ioc.PEHash:       digest(ioc.PEHash),
	ioc.JA3:          digest(ioc.JA3),
	ioc.JARM:         digest(ioc.JARM),
	ioc.CertHash:     digest(ioc.CertHash),
}

func digest(t ioc.Type) func(string) (string, error) {
	return func(s string) (string, error) { return Digest(t, s) }
}

// structured serves the types whose values have a grammar.
func structured(declared ioc.Type, value string) (ioc.Observable, error) {
	s := trim(value)
	if s == "" {
		return ioc.Observable{}, errEmpty
	}
	if len(s) > maxLen {
		return ioc.Observable{}, errTooLong
	}
	if declared == "" {
		o, err := sniff(s, Refang(s))
		return o, patternReason(s, err)
	}
	o, err := as(declared, s)
	if err == nil {
		return o, nil
	}
	if o, other := sniff(s, Refang(s)); other == nil && retypes(o.Type) {
		return o, nil
	}
	return ioc.Observable{}, patternReason(s, err)
}

// patternReason gives a regular expression its own reason instead of the one
// for which a part of it was refused.
func patternReason(s string, err error) error {
	if (err == error(errName) || err == error(errBare)) && strings.ContainsAny(s, `^$*()[]{}|`) {
		return errPattern
	}
	return err
}

// retypes reports whether looking like t is proof enough against the declared
// type. Looking like the name of a file is not.
func retypes(t ioc.Type) bool { return literal[t] == nil || t == ioc.JARM || t == ioc.CertHash }

// as reads a trimmed value as one of the types with a grammar.
func as(t ioc.Type, s string) (ioc.Observable, error) {
	switch t {
	case ioc.IP, ioc.IPv6:
		return asAddr(Refang(s))
	case ioc.CIDR:
		return asPrefix(Refang(s))
	case ioc.IPPort:
		a, err := addrPort(Refang(s))
		return observable(t, a.String(), err)
	case ioc.Domain:
		v, err := declaredDomain(Refang(s))
		return observable(t, v, err)
	case ioc.URL:
		v, err := locator(Refang(s))
		return observable(t, v, err)
	case ioc.URLPath:
		v, err := urlPath(Refang(s))
		return observable(t, v, err)
	case ioc.Email:
		v, err := email(Refang(s))
		return observable(t, v, err)
	case ioc.CVE:
		v, err := CVE(s)
		return observable(t, v, err)
	case ioc.MAC:
		v, err := MAC(s)
		return observable(t, v, err)
	}
	v, err := Digest(t, s)
	return observable(t, v, err)
}

// asAddr reads an address, of the family that it is.
func asAddr(s string) (ioc.Observable, error) {
	a, err := addr(s)
	if err != nil {
		return ioc.Observable{}, err
	}
	t := ioc.IPv6
	if a.Is4() {
		t = ioc.IP
	}
	if is4 := a.Is4(); is4 && a.String() == s {
		return ioc.Observable{Type: t, Value: s}, nil
	}
	return ioc.Observable{Type: t, Value: a.String()}, nil
}

// asPrefix reads a network. One of a single address is that address.
func asPrefix(s string) (ioc.Observable, error) {
	p, err := prefix(s)
	if err != nil {
		return ioc.Observable{}, err
	}
	switch {
	case p.IsSingleIP() && p.Addr().Is4():
		return ioc.Observable{Type: ioc.IP, Value: p.Addr().String()}, nil
	case p.IsSingleIP():
		return ioc.Observable{Type: ioc.IPv6, Value: p.Addr().String()}, nil
	}
	return ioc.Observable{Type: ioc.CIDR, Value: p.String()}, nil
}

// declaredDomain reads what a feed calls a domain: a name, which may have a slash
// behind it, or a top-level domain.
func declaredDomain(s string) (string, error) {
	s = strings.TrimSuffix(s, "/")
	v, err := domain(s)
	if err == error(errBare) {
		if top, _ := hostName(dropWildcard(s)); PublicSuffix(top) {
			return top, nil
		}
	}
	return v, err
}

// undeclaredDomain is declaredDomain for what nobody calls a domain: a label
// alone is a word then.
func undeclaredDomain(s string) (ioc.Observable, error) {
	v, err := domain(strings.TrimSuffix(s, "/"))
	return observable(ioc.Domain, v, err)
}
