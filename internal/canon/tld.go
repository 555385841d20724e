package canon

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// words makes a set of the words of s.
func words(s string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// fileExt are the ends of file names that are no top-level domains.
var fileExt = words(`7z apk asp aspx avi bak bat bin bmp c cfg cgi cmd conf cpl cpp crx css csv dat db dex dll
	dmg dmp doc docm docx drv dylib elf eml exe gif gz h hta htm html ico img inf ini iso jar java jpeg jpg js jse json
	jsp key lnk log lua manifest mp3 mp4 msg msi msp ocx odt old pcap pdb pdf php phtml plist png pptm ppt pptx ps1 psd psm1
	rar raw rb reg rtf scr sct svg swf sys tar tbz tgz tmp tsv ttf txt url vbe vbs vhd vhdx war wav wsf
	wsh xhtml xla xlam xls xlsb xlsm xlsx xml yaml yml zst`)

// eitherExt are top-level domains that more often end a file name in prose.
var eitherExt = words(`cab inc map md mov properties ps py save sh so zip`)

// innerTLD are the domains of name systems beside the DNS that malware uses.
var innerTLD = words(`bazar bbs bit chan coin crypto cyb dyn emc eth exit fur geek gopher i2p indy lib libre neo null o onion oss oz parody pirate`)

// isFileName reports whether a canonical name looks like a file's and cannot be
// a domain of the DNS.
func isFileName(name string) bool {
	return fileExt[lastLabel(name)]
}

func lastLabel(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// knownTLD reports whether a canonical name ends in a public suffix, or in the
// domain of another name system, and has a label before it.
func knownTLD(name string) bool {
	suffix, icann := publicsuffix.PublicSuffix(name)
	if len(suffix) == len(name) {
		return false
	}
	return icann || strings.IndexByte(suffix, '.') >= 0 || innerTLD[suffix]
}
