package indices

import (
	"strings"

	"github.com/iochunt/iochunt/internal/canon"
	"github.com/iochunt/iochunt/internal/ioc"
)

// A keyword is found by equality alone where its value is written plainly: then
// it holds an indicator only if it is that indicator. What is not written
// plainly may hold one in another spelling, or as a part. So beside the
// indicators the index is asked for values that are odd, by a regular
// expression, and these documents are looked at closely. The expressions are the
// complements of what is plain, put together without a complement operator: Lucene
// 10 has none, and the negation of a query would miss a document with one plain
// and one odd value.
//
// They are whole-value expressions in the syntax that Lucene has without its
// optional operators ("flags": "NONE"), which is also Go's.

// oddSmall: anything but small hex digits, which hold a digest only as a whole.
// oddDigest: anything but hex digits of one case, for indices that are full of
// capitals; it takes twice as long, and the digests are sent in capitals, too.
const (
	oddSmall  = `.*[^0-9a-f].*`
	oddDigest = `.*[^0-9a-fA-F].*|.*[a-f].*[A-F].*|.*[A-F].*[a-f].*`
)

// oddEmail: what is not [a-z0-9._+-]+@label(.label)* and has an '@', or a
// character that is in no such address. In a plain address the only mailbox is all
// of it: every byte before the '@' belongs to it, and the name behind it is
// whole.
const oddEmail = `.*[^a-z0-9._+@\-].*|.*\@.*\@.*|.*\@.*\+.*|.*\@[.].*|.*\@.*[.][.].*|.*\@.*[.]|.*\@`

// oddURL: what is not http(s)://name/rest, the name of small letters without a port,
// the rest of characters that neither end a URL, nor stand for others, nor
// begin another one, and not ending in punctuation. A plain URL is in canonical form, its
// only host is behind its scheme, and it ends where the value does.
const oddURL = `[^h].*|h([^t].*)?|ht([^t].*)?|htt([^p].*)?|http([^s:].*)?|https([^:].*)?|https?:([^/].*)?|https?:/([^/].*)?` +
	`|.*[^A-Za-z0-9._~/?=&+$:\-].*|.*:.*:.*` +
	`|https?://[^/]*|https?://[^/]*[^a-z0-9._/\-].*|https?://[./].*|https?://[^/]*[.][./].*` +
	`|.*[.?]`

// oddDots: a dot behind the host. Where URLs without a scheme are listed, what
// stands around it may be the host of one.
const oddDots = `https?://[^/]*/.*[.].*`

// odd returns the expressions for the values of a keyword that may hold one of
// types without being it. With capitals, a digest in capitals is plain.
func (s *sweep) odd(types []ioc.Type, capitals bool) (out []string) {
	for _, t := range types {
		switch {
		case t.Form() == ioc.Digest && capitals:
			out = appendNew(out, oddDigest)
		case t.Form() == ioc.Digest:
			out = appendNew(out, oddSmall)
		case t == ioc.Email:
			out = appendNew(out, oddEmail)
		case t == ioc.URL:
			out = appendNew(out, oddURL)
			if s.schemeless() {
				out = appendNew(out, oddDots)
			}
		}
	}
	return out
}

func appendNew(list []string, v string) []string {
	if contains(list, v) {
		return list
	}
	return append(list, v)
}

// schemeless reports whether a URL without a scheme is listed.
func (s *sweep) schemeless() bool {
	for _, u := range s.values[ioc.URL] {
		if !strings.Contains(u, "://") {
			return true
		}
	}
	return false
}

// The bytes of plain values.
const (
	digits   = "0123456789"
	small    = "abcdefghijklmnopqrstuvwxyz"
	plainURL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + small + digits + "._~/?=&+$:-"
	plainEml = small + digits + "._+@-"
)

// proper reports whether a listed value is looked for by the rules of its type.
// One that is not is looked for as free text, and can stand inside of a plain value
// unless it has a byte that no plain value has.
func proper(t ioc.Type, v string) bool {
	switch {
	case t.Form() == ioc.Digest:
		return len(v) >= 16 && len(v) <= longest && only(v, digits+"abcdef")
	case t == ioc.Email:
		return properEmail(v) || !only(v, plainEml)
	case t == ioc.URL:
		return properURL(v) || !only(v, plainURL)
	}
	return true
}

// longest is the length from which package match looks for a value as free text.
const longest = 4095

func only(v, alphabet string) bool {
	for i := range len(v) {
		if strings.IndexByte(alphabet, v[i]) < 0 {
			return false
		}
	}
	return true
}

func properEmail(v string) bool {
	local, host, ok := strings.Cut(v, "@")
	return ok && local != "" && len(local) <= 256 && !strings.Contains(host, "@") && isName(host)
}

// isName reports whether v is a name of two labels or more.
func isName(v string) bool {
	if len(v) > 253 || !strings.Contains(v, ".") {
		return false
	}
	for l := range strings.SplitSeq(v, ".") {
		if l == "" || !only(l, small+digits+"_-") {
			return false
		}
	}
	return true
}

func properURL(v string) bool {
	u, err := canon.URL(v)
	if err != nil || u != v || len(v) > longest {
		return false
	}
	rest := v
	if _, after, ok := strings.Cut(v, "://"); ok {
		rest = after
	}
	host, _, ok := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, ":")
	return ok && (isName(host) || rest != v && len(host) <= 253 && host != "" && only(host, small+digits+"_-"))
}

// twins returns the spellings of a listed URL that a plain value may have.
func twins(u string) []string {
	if strings.Contains(u, "://") {
		return []string{u}
	}
	out := []string{"http://" + u, "https://" + u}
	host, rest, _ := strings.Cut(u, "/")
	if name, ok := strings.CutSuffix(host, ":80"); ok {
		out = append(out, "http://"+name+"/"+rest)
	}
	if name, ok := strings.CutSuffix(host, ":443"); ok {
		out = append(out, "https://"+name+"/"+rest)
	}
	return out
}
