package match

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/iochunt/iochunt/internal/ioc"
)

// oraclePhrase finds the free text o in x, a registry key under every name of
// its root.
func oraclePhrase(o ioc.Observable, x text, hit report) {
	values := []string{o.Value}
	if o.Type == ioc.RegistryKey {
		values = rootNames(o.Value)
	}
	for _, v := range values {
		for i := 0; i+len(v) <= len(x.b); i++ {
			if isPhrase(o, v, x.b, i, i+len(v)) {
				hit(x, i, i+len(v), Text)
			}
		}
	}
}

// rootNames returns a registry key with each of the names of its root.
func rootNames(key string) (all []string) {
	root, rest, _ := strings.Cut(key, `\`)
	for _, n := range strings.Fields(map[string]string{
		"HKEY_LOCAL_MACHINE":  `HKLM HKLM: \REGISTRY\MACHINE`,
		"HKEY_CURRENT_USER":   `HKCU HKCU:`,
		"HKEY_CLASSES_ROOT":   `HKCR HKCR:`,
		"HKEY_USERS":          `HKU HKU: \REGISTRY\USER`,
		"HKEY_CURRENT_CONFIG": `HKCC HKCC:`,
	}[strings.ToUpper(root)]) {
		all = append(all, n+`\`+rest)
	}
	return append(all, key)
}

func isPhrase(o ioc.Observable, value, s string, i, j int) bool {
	if s[i]|0x20 != value[0]|0x20 && value[0] > ' ' {
		return false
	}
	blank := strings.NewReplacer("\t", " ", "\r", " ")
	x, v := blank.Replace(s[i:j]), blank.Replace(value)
	if o.Type.Form() == ioc.Exact && x != v || asciiLower(x) != asciiLower(v) {
		return false
	}
	if wordByte(s[i]) && (i > 0 && wordByte(s[i-1]) || letterLeft(s, i)) || wordByte(s[j-1]) && (j < len(s) && wordByte(s[j]) || letterRight(s, i, j)) {
		return false
	}
	switch o.Type {
	case ioc.FileName:
		return !beforeNameRE.MatchString(s[:i]+"\x00"+s[i:i+1]) && !afterNameRE.MatchString(s[j-1:])
	case ioc.FilePath:
		return !beforePathRE.MatchString(s[:i]+"\x00"+s[i:min(len(s), i+2)]) && !afterNameRE.MatchString(s[j-1:]) && !afterPathRE.MatchString(s[j-1:])
	}
	return true
}

// What makes a file's name or path a part of a longer one; a zero byte marks
// where the name or path begins.
var (
	beforeNameRE = regexp.MustCompile(`([-+~$]|[0-9A-Za-z_` + spacedScripts + `]\.)\x00[0-9A-Za-z_]$`)
	afterNameRE  = regexp.MustCompile(`^[0-9A-Za-z_]([-+~]|\.[0-9A-Za-z_` + spacedScripts + `+~-])`)
	beforePathRE = regexp.MustCompile(`[-+~.%}0-9A-Za-z_` + spacedScripts + `]/*\x00/.?$|([-+~$]|[0-9A-Za-z_` + spacedScripts + `]\.)\x00[0-9A-Za-z_][^:]?$`)
	afterPathRE  = regexp.MustCompile(`^[0-9A-Za-z_][/\\][.0-9A-Za-z_` + spacedScripts + `+~-]`)
)

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 32
		}
	}
	return string(b)
}

// letterLeft and letterRight report whether a letter beyond ASCII, of a script
// with blanks between words, goes on the word that begins at s[i] or is s[i:j].
func letterLeft(s string, i int) bool {
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return (labelByte(s[i]) || s[i] == '.') && spacedLetter(r)
}

func letterRight(s string, i, j int) bool {
	r, _ := utf8.DecodeRuneInString(s[j:])
	return j > i && (labelByte(s[j-1]) || s[j-1] == '.') && spacedLetter(r)
}

func spacedLetter(r rune) bool { return r >= utf8.RuneSelf && spacedRE.MatchString(string(r)) }

const spacedScripts = `\p{Latin}\p{Greek}\p{Cyrillic}\x{300}-\x{36f}`

var spacedRE = regexp.MustCompile("[" + spacedScripts + "]")

var (
	countedRE = regexp.MustCompile(`^(\((?:[1-9]|[1-5][0-9]|6[0-3])\)[0-9A-Za-z_-]+){2,}\(0\)$`)
	lengthRE  = regexp.MustCompile(`\(([0-9]+)\)([0-9A-Za-z_-]*)`)
)

// countedName returns the name whose labels s[i:j] has behind their lengths, or "".
func countedName(s string, i, j int) string {
	if i > 0 && labelByte(s[i-1]) || !countedRE.MatchString(s[i:j]) {
		return ""
	}
	if r, _ := utf8.DecodeLastRuneInString(s[:i]); spacedLetter(r) {
		return ""
	}
	var labels []string
	for _, m := range lengthRE.FindAllStringSubmatch(s[i:j], -1) {
		if m[1] != strconv.Itoa(len(m[2])) {
			return ""
		}
		labels = append(labels, strings.ToLower(m[2]))
	}
	return strings.Join(labels[:len(labels)-1], ".")
}
