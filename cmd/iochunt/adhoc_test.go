package main

import (
	"strings"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

// What would hit on everything is not looked for, though a store keeps it.
func TestTooBroad(t *testing.T) {
	f := func(typ ioc.Type, value, want string) {
		t.Helper()
		m := ioc.Member{Observable: ioc.Observable{Type: typ, Value: value}}
		if got := prepareAdHoc(&m); got != want {
			t.Errorf("%s %q in a list: %q, want %q", typ, value, got, want)
		}
		_, err := typed(string(typ) + ":" + value)
		if (err != nil) != (want != "") || want != "" && !strings.Contains(err.Error(), want) {
			t.Errorf("-e %s:%s: %v, want %q", typ, value, err, want)
		}
	}
	f(ioc.Domain, "com", "a public suffix")
	f(ioc.Domain, "Co.Uk", "a public suffix")
	f(ioc.CIDR, "0.0.0.0/0", "the whole address space")
	f(ioc.CIDR, "::/0", "the whole address space")
	f(ioc.Domain, "evil.co.uk", "")
	f(ioc.CIDR, "192.0.2.0/24", "")

	// what nobody calls a network is looked for as it stands
	for _, v := range []string{"0.0.0.0/0", "co.uk", "com"} {
		if all, err := typed(v); err != nil || len(all) != 1 || all[0] != (ioc.Observable{Type: ioc.Text, Value: v}) {
			t.Errorf("-e %s: %v, %v", v, all, err)
		}
	}
}
