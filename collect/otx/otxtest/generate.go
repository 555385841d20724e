package otxtest

import (
	"fmt"
	"strconv"
	"time"
)

// firstIndicatorID lies above 2^31: the service's ids passed that mark.
const firstIndicatorID = 3_689_509_382

// generator turns numbers into pulses. Pulse i and its indicator j depend on
// the account alone, so nothing that it makes has to be kept.
type generator struct{ a Account }

// total is how many pulses there are to generate; those from a.Pulses on are
// by authors that the owner is not subscribed to.
func (g generator) total() int { return g.a.Pulses + g.a.OtherPulses }

func (g generator) other(i int) bool { return i >= g.a.Pulses }

func (g generator) rnd(i int, salt uint64) uint64 {
	return mix(mix(g.a.Seed+salt) ^ uint64(i))
}

func (g generator) id(i int) string {
	return fmt.Sprintf("%08x%08x%08x", uint32(g.created(i).Unix()), uint32(g.rnd(i, 1)), uint32(i)^0x5eed)
}

// modified spreads the pulses over time. Two things of the service that clients
// stumble over are in it: some times have no fraction, and some pulses share
// theirs with a neighbour.
func (g generator) modified(i int) time.Time {
	switch {
	case i%32 == 31:
		return g.modified(i - 1)
	case i%16 == 0:
		return g.slot(i).Truncate(time.Second)
	}
	return g.slot(i).Add(time.Duration(g.rnd(i, 2)%1e6) * time.Microsecond)
}

func (g generator) slot(i int) time.Time {
	if g.other(i) {
		span := time.Duration(max(g.a.Pulses, g.a.OtherPulses)) * g.a.Step
		return g.a.Start.Add(time.Duration(i-g.a.Pulses)*(span/time.Duration(max(1, g.a.OtherPulses))) + g.a.Step/3)
	}
	return g.a.Start.Add(time.Duration(i) * g.a.Step)
}

// created lies up to ten days before the last change.
func (g generator) created(i int) time.Time {
	return g.modified(i).Add(-time.Duration(g.rnd(i, 3)%10) * 24 * time.Hour)
}

var (
	authors      = []string{"AlienVault", "otx-watch", "Nachtwache", "blue_harbour", "cert.example"}
	otherAuthors = []string{"passer-by", "nobody42", "J. Random Analyst"}
	tlps         = []string{"white", "green", "white", "amber", "white", "red"}
	adjectives   = []string{"amber", "brisk", "cold", "drab", "eager", "faint", "grim", "hasty", "idle", "jaded", "keen", "livid", "meek", "numb", "odd", "pale"}
	nouns        = []string{"falcon", "harbour", "lantern", "magpie", "needle", "orchard", "piston", "quarry", "raven", "saddle", "thistle", "urchin", "viper", "walrus", "yarrow", "zephyr"}
	families     = []string{"WHIRLPOOL", "Zinnober", "Trojan:Win32/Quarrel", "MAGPIE_RAT"}
	industries   = []string{"Finance", "Energy", "Healthcare", "Government"}
	countries    = []string{"Germany", "Korea, Republic of", "United States of America", "Côte d'Ivoire"}
	techniques   = []string{"T1059", "T1566", "T1531", "T1071.001"}
	roles        = []string{"", "", "", "scanning_host", "command_and_control", "malware_hosting", "phishing"}
	titles       = []string{"", "", "", "is__elf", "Trojan:Win32/Quarrel", "phishing kit"}
)

func (g generator) author(i int) string {
	if g.other(i) {
		return otherAuthors[g.rnd(i, 4)%uint64(len(otherAuthors))]
	}
	return authors[g.rnd(i, 4)%uint64(len(authors))]
}

func (g generator) private(i int) bool { return every(g.a.PrivateEvery, i) }

func (g generator) name(i int) string {
	r := g.rnd(i, 5)
	return "Generated pulse " + strconv.Itoa(i) + ": " + pick(adjectives, r) + " " + pick(nouns, r>>8)
}

// head makes pulse i without its indicators.
func (g generator) head(i int) Pulse {
	r := g.rnd(i, 6)
	p := Pulse{ID: g.id(i), Name: g.name(i), Author: g.author(i), Created: g.created(i), Modified: g.modified(i),
		Revision: 1 + int(r%4), TLP: pick(tlps, r>>4), Private: g.private(i),
		Tags:       []string{pick(nouns, r>>8), "generated", ""}, // blank entries occur
		References: []string{"https://reports.example/" + strconv.Itoa(i), "see also: private communication"}[:r>>12%3],
		AttackIDs:  techniques[:r>>16%4], Families: families[:r>>20%3], Industries: industries[:r>>24%3], Countries: countries[:r>>28%4]}
	if r>>32%2 == 0 {
		p.Description, p.Adversary = "Sightings of "+pick(adjectives, r>>36)+" "+pick(nouns, r>>40)+".\r\nSecond line, <b>with markup</b> & “quotes”.", "Grim Magpie"
	}
	if every(g.a.MoreIndicatorsEvery, i) {
		p.Embedded = max(1, min(g.a.Embedded, g.a.IndicatorsPerPulse))
	}
	return p
}

// size returns how many indicators pulse i has, and how many of them are
// active; the active ones come first.
func (g generator) size(i int) (all, active int) {
	active = g.a.IndicatorsPerPulse
	if every(g.a.InactiveEvery, i) {
		return active + 1, active
	}
	return active, active
}

// indicator makes indicator j of pulse i. The number n behind its value is its
// own in the whole account.
func (g generator) indicator(i, j int) Indicator {
	n := uint64(i)*uint64(g.a.IndicatorsPerPulse+1) + uint64(j)
	r := mix(g.a.Seed ^ mix(n+7))
	ind := Indicator{ID: firstIndicatorID + int64(n), Created: g.created(i).Truncate(time.Second), Title: pick(titles, r), Role: pick(roles, r>>8)}
	ind.Type, ind.Value, ind.Content = value(g.a.Seed, n)
	if r>>16%4 == 0 {
		ind.Description = "seen by " + pick(nouns, r>>20)
	}
	switch {
	case j >= g.a.IndicatorsPerPulse:
		ind.Inactive, ind.Title, ind.Expiration = true, "Expired", ind.Created.AddDate(0, 0, 1)
	case r>>24%5 == 0: // in the past for every clock that is a few months behind Start
		ind.Expiration = ind.Created.AddDate(0, 0, 30).Truncate(time.Hour)
	case r>>24%5 == 1:
		ind.Expiration = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return ind
}

func every(n, i int) bool { return n > 0 && i%n == n-1 }

func pick(from []string, r uint64) string { return from[r%uint64(len(from))] }

// mix is the finisher of SplitMix64: a bijection of 64 bits, so distinct
// numbers stay distinct.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
