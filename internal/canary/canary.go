// Package canary has made-up secrets that tests give to a program, to look for
// them afterwards in all that it prints, logs and stores: what sings there has
// leaked.
//
// Tests alone import this one.
package canary

import (
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// Secrets holds the secrets by their names. Each has a word of its own, "kanarie-"
// and its name, which stays whole when it is quoted or escaped, and some of them
// signs behind it that do not.
var Secrets = map[string]string{
	"user":     `kanarie-user "1"/&`,
	"password": `kanarie-password "2"/&`,
	"token":    "kanarie-token.3",
	"header":   `kanarie-header "4"/&`,
	"proxy":    "kanarie-proxy-5",
	"query":    "kanarie-query+6/&",
	"key":      "kanarie-key-7",
}

// Leaked names the secrets that stand in a text, in order: as they are, however
// quoted or escaped, in hex or in base64. "basic" is user and password as HTTP
// Basic has them (RFC 7617 §2).
func Leaked(text string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(Secrets)) {
		secret := Secrets[name]
		if holdsAny(text, "kanarie-"+name, unpadded(secret), hex.EncodeToString([]byte(secret))) {
			out = append(out, name)
		}
	}
	if holdsAny(text, unpadded(Secrets["user"]+":"+Secrets["password"])) {
		out = append(out, "basic")
	}
	return out
}

func holdsAny(text string, forms ...string) bool {
	return slices.ContainsFunc(forms, func(f string) bool { return strings.Contains(text, f) })
}

// unpadded is base64 without the signs that fill it up, which may be cut off.
func unpadded(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) }
