package warninglist

import (
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// types is a set of types, one bit for each, by its code.
type types uint64

// foreign stands for all types that the table does not have.
const (
	foreign  types = 1
	allTypes       = ^types(0)
)

var (
	codes     = codesByType()
	addresses = bit(ioc.IP) | bit(ioc.IPv6) | bit(ioc.CIDR) | bit(ioc.IPPort)
	respelt   = bit(ioc.MAC) | bit(ioc.CertHash) // their canonical form has other separators
)

func codesByType() map[ioc.Type]types {
	m := make(map[ioc.Type]types)
	for _, r := range ioc.Types() {
		m[r.Type] = 1 << r.Code
	}
	return m
}

// bit returns the set that has t alone.
func bit(t ioc.Type) types {
	if b, ok := codes[t]; ok {
		return b
	}
	return foreign
}

// typesOf returns the types that a list with these matching_attributes is for.
func typesOf(attributes []string) types {
	if len(attributes) == 0 {
		return allTypes
	}
	var set types
	for _, a := range attributes {
		switch strings.ToLower(strings.TrimSpace(a)) {
		case "all": // MISP's own word, in its data base, for no attributes
			return allTypes
		case "malware-sample": // the name and MD5 of a file
			a = "filename|md5"
		}
		for part := range strings.SplitSeq(a, "|") {
			if t, ok := ioc.FromMISP(part); ok {
				set |= covered(t)
			}
		}
	}
	return set
}

// covered returns the types of ours that MISP writes under its name for t.
func covered(t ioc.Type) types {
	switch t {
	case ioc.IP, ioc.IPPort:
		return addresses
	case ioc.FileName:
		return bit(ioc.FileName) | bit(ioc.FilePath)
	}
	return bit(t)
}
