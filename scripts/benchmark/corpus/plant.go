package corpus

import (
	"strconv"
	"strings"
)

// slotOf says which slot shows an indicator of a type.
var slotOf = map[string]string{
	"hostname": "host", "domain": "host", "url": "url", "sha256": "hash", "sha1": "hash",
	"md5": "hash", "ipv4": "ip", "ipv6": "ip", "email": "note", "cve": "note",
}

// plant puts an indicator, or a near miss of it, into the slots. It returns the
// class and the text, or no class when this format cannot show it.
func (p *pen) plant(f *format, v indicator, trap bool) (class, text string) {
	slot := slotOf[v.typ]
	if !strings.Contains(f.holds, slot) {
		return "", ""
	}
	roll := p.r.n(100)
	if trap {
		class, text = p.trap(slot, v, roll)
	} else {
		class, text = p.hit(f, slot, v, roll)
	}
	if class != "" {
		p.fill(slot, text)
	}
	return class, text
}

func (p *pen) fill(slot, text string) {
	p.planted = slot
	switch slot {
	case "host":
		p.host = text
	case "url":
		p.url = text
	case "hash":
		p.hash = text
	case "note":
		p.note = text
	case "ip":
		p.src, p.dst = text, text
	}
}

// hit writes an indicator as logs do.
func (p *pen) hit(f *format, slot string, v indicator, roll int) (class, text string) {
	switch {
	case slot == "host":
		return p.hitHost(f, v, roll)
	case slot == "url" && roll < 8 && f.name == "ecs.json":
		return "hit-jsonesc", strings.ReplaceAll(v.val, "/", `\/`)
	case slot == "url" && roll < 14 && f.name == "auth.log":
		return "hit-defang", strings.Replace(defang(v.val), "http", "hxxp", 1)
	case slot == "hash" && roll < 25:
		return "hit-case", strings.ToUpper(v.val)
	case v.typ == "ipv6" && roll < 30:
		return "hit-ip6full", full6(v.val)
	}
	return "hit-plain", v.val
}

func (p *pen) hitHost(f *format, v indicator, roll int) (class, text string) {
	switch {
	case roll < 25 && v.typ == "domain":
		return "hit-sub", subLabel(p.r) + "." + v.val
	case roll < 35:
		return "hit-case", strings.ToUpper(v.val)
	case roll < 40:
		return "hit-dot", v.val + "."
	case roll < 45 && f.name != "dns.log" && f.name != "squid.log":
		return "hit-defang", defang(v.val)
	}
	return "hit-plain", v.val
}

func defang(s string) string { return strings.ReplaceAll(s, ".", "[.]") }

// trap writes what looks like an indicator and is another thing.
func (p *pen) trap(slot string, v indicator, roll int) (class, text string) {
	switch slot {
	case "host":
		return p.trapHost(v, roll)
	case "url":
		if strings.HasSuffix(v.val, "/") {
			return "", ""
		}
		return "trap-path", v.val + p.r.text(lower, 3)
	case "hash":
		return p.trapHash(v, roll)
	case "ip":
		return p.trapAddress(v, roll)
	}
	if v.typ == "cve" {
		return "trap-cve", v.val + "7"
	}
	return "trap-email", "not" + v.val
}

func (p *pen) trapHost(v indicator, roll int) (class, text string) {
	switch {
	case roll < 35:
		return "trap-left", p.r.pick([]string{"not", "x", "the", "a"}) + v.val
	case roll < 55:
		return "trap-hyphen", p.r.pick([]string{"my-", "pre-", "x-"}) + v.val
	case roll < 80:
		return "trap-inner", v.val + ".example.net"
	default:
		return "trap-right", v.val + p.r.pick([]string{"x", "munity", "-eu.example.org"})
	}
}

func (p *pen) trapHash(v indicator, roll int) (class, text string) {
	switch {
	case roll < 40:
		return "trap-longhex", v.val + p.r.text(hexd, 1+p.r.n(32))
	case roll < 80:
		return "trap-longhex", p.r.text(hexd, 1+p.r.n(32)) + v.val
	default:
		return "trap-word", "build" + v.val
	}
}

// trapAddress adds a digit where the result is still an address.
func (p *pen) trapAddress(v indicator, roll int) (class, text string) {
	switch {
	case v.typ == "ipv6" && len(v.val)-strings.LastIndexByte(v.val, ':') > 4:
		return "", ""
	case v.typ == "ipv6":
		return "trap-ip6", v.val + "f"
	case strings.IndexByte(v.val, '.') <= 2 && roll < 60:
		return "trap-ip", "1" + v.val
	case len(v.val)-strings.LastIndexByte(v.val, '.') <= 2:
		return "trap-ip", v.val + strconv.Itoa(p.r.n(10))
	}
	return "", ""
}
