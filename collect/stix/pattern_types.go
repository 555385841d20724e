package stix

import (
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// patPaths is the table of object paths by patKey. What package ioc says of a
// type comes first; the rest is what STIX or a well-known producer has besides.
var patPaths = func() map[string]ioc.Type {
	m := map[string]ioc.Type{
		"ipv4-addr:value": ioc.IP, "ipv6-addr:value": ioc.IPv6, // a network where the value is one
		"domain-name:value": ioc.Domain, "hostname:value": ioc.Domain, // the latter as OpenCTI writes it
		"x-opencti-hostname:value": ioc.Domain, "x-opencti-user-agent:value": ioc.UserAgent, "x-opencti-cryptocurrency-wallet:value": ioc.Bitcoin, // and wrote it
		"user-agent:value": ioc.UserAgent, "cryptocurrency-wallet:value": ioc.Bitcoin, // likewise
		"url:value": ioc.URL, "directory:path": ioc.FilePath,
		"email-message:message_id":     ioc.Text, // what mail logs say of a message, whatever the kind of log
		"email-message:from_ref.value": ioc.Email, "email-message:sender_ref.value": ioc.Email,
		"network-traffic:extensions.http-request-ext.request_value":       ioc.URLPath,
		"network-traffic:extensions.http-request-ext.request_header.host": ioc.Domain,
	}
	for _, r := range ioc.Types() {
		k := patKey(r.STIX2)
		if _, have := m[k]; !have && k != "" {
			m[k], m[r.STIX2] = r.Type, r.Type // the latter as nearly all write it
		}
	}
	delete(m, "network-traffic:dst_ref.value") // an address of any kind, or a name: told by the value, see patRefs
	return m
}()

// patDigests are the keys of a file's hashes that name a type of ours, by
// patHashKey.
var patDigests = map[string]ioc.Type{
	"MD5": ioc.MD5, "SHA1": ioc.SHA1, "SHA256": ioc.SHA256, "SHA512": ioc.SHA512,
	"SSDEEP": ioc.SSDeep, "IMPHASH": ioc.ImpHash, "PEHASH": ioc.PEHash,
}

// patRefs are the references whose "value" is an address or a name.
var patRefs = map[string]bool{"dst_ref": true, "src_ref": true, "resolves_to_refs": true}

// patFileRefs are the references that lead to a file.
var patFileRefs = map[string]bool{
	"image_ref": true, "binary_ref": true, "body_raw_ref": true, "content_ref": true, "contains_refs": true, "src_payload_ref": true, "dst_payload_ref": true, "raw_email_ref": true,
}

// patRecipients are the references to those whom a message was sent to.
var patRecipients = map[string]bool{"to_refs": true, "cc_refs": true, "bcc_refs": true}

// patTypeOf returns the type of what a path leads to, "" if the value has to
// tell, and the reason for which a value there cannot be hunted, if there is one.
func patTypeOf(path string) (ioc.Type, string) {
	if t, ok := patPaths[path]; ok {
		return t, ""
	}
	if len(path) > patLongPath {
		return "", NoType
	}
	key := patKey(path)
	if t, ok := patPaths[key]; ok {
		return t, ""
	}
	object, prop, _ := strings.Cut(key, ":")
	steps := strings.Split(prop, ".")
	last := steps[len(steps)-1]
	ref := ""
	if len(steps) > 1 {
		ref = steps[len(steps)-2]
	}
	switch {
	case ref == "hashes":
		return patDigest(object, steps[:len(steps)-2], last)
	case last == "value" && patRefs[ref]:
		return "", ""
	case last == "value" && patRecipients[ref]:
		return ioc.Email, Benign
	case last == "name" && patFileRefs[ref]:
		return ioc.FileName, ""
	case last == "imphash" && ref == "windows-pebinary-ext":
		return ioc.ImpHash, ""
	}
	return "", NoType
}

// patDigest returns the type of a hash. What it is a hash of decides: the
// sections of a program have hashes, too, and no log has them.
func patDigest(object string, of []string, key string) (ioc.Type, string) {
	t, known := patDigests[patHashKey(key)]
	switch {
	case !known:
		return "", NoType
	case object == "x509-certificate" && len(of) == 0 && (t == ioc.MD5 || t == ioc.SHA1 || t == ioc.SHA256):
		return ioc.CertHash, ""
	case (object == "file" || object == "artifact") && len(of) == 0:
		return t, ""
	case len(of) > 0 && patFileRefs[of[len(of)-1]]:
		return t, ""
	}
	return "", NoType
}

// patLongPath is more than the length of any path that the table could know.
const patLongPath = 256

// patHashKey makes the spellings of an algorithm one: SHA-256, sha256, SHA_256.
func patHashKey(s string) string {
	return strings.ToUpper(strings.ReplaceAll(strings.ReplaceAll(s, "-", ""), "_", ""))
}

// patKey makes the spellings of a path one: in lower case, without quotes and
// without places in lists.
func patKey(path string) string {
	var b strings.Builder
	depth := 0
	for i := range len(path) {
		switch c := path[i]; {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth == 0 && c != '\'':
			b.WriteByte(c)
		}
	}
	key := strings.ToLower(b.String())
	if head, hash, ok := strings.Cut(key, ":hashes."); ok {
		key = head + ":hashes." + strings.ToLower(patHashKey(hash))
	}
	return key
}
