package enrich

import (
	"errors"
	"strings"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// Canonical puts type and value of a membership into canonical form. What the
// feed wrote is kept where it says more: Original, if it differs by more than
// the blanks around it, and Declared, if the feed's name of the type is not just
// another word for ours ("hostname" and "ip-dst" say more than domain and ip,
// "IPv4" does not), or if the value turned out to be of another type. It refuses
// what cannot be an indicator, with the reason that canon gives.
//
// It comes first in a chain, for every other step compares values.
func Canonical(m *ioc.Member) Reason {
	o, err := canon.Observable(m.Type, m.Value)
	if err != nil {
		return reason(err)
	}
	if m.Original == "" {
		m.Original = m.Value
	}
	if m.Original = short(m.Original); m.Original == short(o.Value) {
		m.Original = ""
	}
	if m.Declared == "" && m.Type != o.Type {
		m.Declared = string(m.Type)
	}
	if m.Declared = short(m.Declared); redundant(m.Declared, o.Type) {
		m.Declared = ""
	}
	m.Observable = o
	return ""
}

// short is a text of one line, clean before it is compared, so that what Clean
// does later changes nothing.
func short(s string) string { return strings.TrimSpace(cleaned(s, "")) }

// reason takes the reason for counting out of an error of canon.
func reason(err error) Reason {
	var r *canon.Refused
	if errors.As(err, &r) {
		return Reason(r.Reason)
	}
	return Reason(err.Error())
}

// redundant reports whether a feed's name for a type says no more than t: it
// is our own name in any case, the one that OTX would be written with, or the
// only one that MISP has.
func redundant(declared string, t ioc.Type) bool {
	if declared == "" || strings.EqualFold(declared, string(t)) {
		return true
	}
	row := t.Row()
	if len(row.OTX) > 0 && strings.EqualFold(declared, row.OTX[0]) {
		return true
	}
	return len(row.MISP) == 1 && strings.EqualFold(declared, row.MISP[0])
}
