package otxtest

import "time"

// Demo returns the account of iochunt demo: ten invented pulses, whose
// indicators occur in the sample logs (package testdata lists where). Addresses
// are those kept for documentation (RFC 5737, RFC 3849), names those that
// cannot exist (RFC 2606), digests those of no file. The pulses are dated
// within the last month by the clock of this machine, so that a collector's
// look-back reaches them.
func Demo() Account {
	return Account{
		User:  "demo",
		Start: time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -30),
		Step:  67*time.Hour + 13*time.Minute + 1250*time.Millisecond,
		Extra: []Pulse{demoScanners(), demoKit(), demoLoader(), demoInvoices(), demoSamples(), demoHole(), demoMagpie(), demoOld(), demoOddments(), demoSecondOpinion()},
	}
}

const (
	demoMD5    = "84cf356c1a892edf884ff070ba16e2d1"
	demoSHA1   = "01ca39d1ee7a45c7350b7387f785423eca37b734"
	demoSHA256 = "82792ED55687918F5DE20F6363C9A30083DE674E4775C2BF173BDBB5A494FE44"
	demoJA3    = "896bf6a5a662cc786ebd1c40b31b54f5"
)

func demoScanners() Pulse {
	return Pulse{ID: "d0000000000000000000a001", Name: "Sample: scanners of the spring fleet", Author: "otx-watch", TLP: "white",
		Description: "Addresses that try passwords and known holes. Invented, as all pulses of this demonstration.",
		Adversary:   "Grim Magpie", Tags: []string{"ssh", "bruteforce", "scanner", ""}, AttackIDs: []string{"T1110", "T1595"},
		References: []string{"https://reports.example/spring-fleet", "see also: the fleet's logbook"},
		Indicators: []Indicator{
			{Type: "IPv4", Value: "203.0.113.9", Title: "tries ssh passwords", Role: "bruteforce"},
			{Type: "IPv4", Value: "203.0.113.45", Role: "scanning_host"},
			{Type: "IPv4", Value: "203.0.113.77:8443", Title: "panel of the fleet", Role: "command_and_control"},
			{Type: "IPv6", Value: "2001:db8:bad::17", Role: "scanning_host"},
			{Type: "CIDR", Value: "198.51.100.128/26", Title: "rented network"},
		}}
}

func demoKit() Pulse {
	return Pulse{ID: "d0000000000000000000a002", Name: "Sample: landing names of the ZX kit", Author: "AlienVault", TLP: "white",
		Tags: []string{"exploit kit", "zx"}, Families: []string{"ZxGate"}, Countries: []string{"Germany", "Côte d'Ivoire"}, Industries: []string{"Finance"},
		Indicators: []Indicator{
			{Type: "domain", Value: "evil.example", Title: "landing", Role: "malware_hosting"},
			{Type: "hostname", Value: "cdn.evil-updates.example", Role: "malware_hosting"},
			{Type: "domain", Value: "bücher-schatz.example"},
		}}
}

func demoLoader() Pulse {
	return Pulse{ID: "d0000000000000000000a003", Name: "Sample: where the loader lies", Author: "Nachtwache", TLP: "green", Tags: []string{"loader"}, Families: []string{"ZxGate"},
		Indicators: []Indicator{
			{Type: "URL", Value: "http://files.badhost.example/stage/loader.bin", Title: "first stage"},
			{Type: "URI", Value: "/wp-content/plugins/zx/panel.php", Title: "the kit's panel"},
		}}
}

func demoInvoices() Pulse {
	return Pulse{ID: "d0000000000000000000a004", Name: "Sample: invoices that are none", Author: "cert.example", TLP: "amber", Tags: []string{"phishing", "bec"}, AttackIDs: []string{"T1566"},
		Indicators: []Indicator{{Type: "email", Value: "Billing@Invoices-Desk.example", Role: "phishing", Expiration: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)}}}
}

func demoSamples() Pulse {
	return Pulse{ID: "d0000000000000000000a005", Name: "Sample: files of the ZX kit", Author: "AlienVault", TLP: "white", Families: []string{"ZxGate"},
		Indicators: []Indicator{
			{Type: "FileHash-MD5", Value: demoMD5, Title: "dropper"},
			{Type: "FileHash-SHA1", Value: demoSHA1, Title: "is__elf"},
			{Type: "FileHash-SHA256", Value: demoSHA256, Title: "implant"},
			{Type: "FileHash-IMPHASH", Value: "7c1d9e3b5a2f40688e6d4c2b1a093f57"},
		}}
}

func demoHole() Pulse {
	return Pulse{ID: "d0000000000000000000a006", Name: "Sample: a hole that is scanned for", Author: "otx-watch", TLP: "white",
		References: []string{"https://advisories.example/2099-1234"}, Indicators: []Indicator{{Type: "CVE", Value: "CVE-2099-1234"}}}
}

func demoMagpie() Pulse {
	return Pulse{ID: "d0000000000000000000a007", Name: "Sample: traces on hosts", Author: "Nachtwache", TLP: "green", Adversary: "Grim Magpie",
		Indicators: []Indicator{
			{Type: "FilePath", Value: `C:\Users\Public\svch0st.exe`},
			{Type: "FilePath", Value: "/var/tmp/.magpie/zx.so"},
			{Type: "Mutex", Value: `Global\ZxGateMutex-7f3a`},
			{Type: "YARA", Value: "0d5c1b3e5a7f9081726354a5b6c7d8e9f0a1b2c3", Content: "rule ZxGate { strings: $a = \"zxgate\" condition: $a }"},
			{Type: "NIDS", Value: "2999001", Content: `alert http any any -> any any (msg:"ZxGate panel"; content:"/zx/panel.php"; sid:2999001;)`},
			{Type: "osquery", Value: "5b6c7d8e9f0a1b2c30d5c1b3e5a7f9081726354a", Content: "SELECT * FROM mutexes WHERE name LIKE '%ZxGate%';"},
		}}
}

// demoOld has expired: what it names stands in the logs and is no hit.
func demoOld() Pulse {
	over := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	return Pulse{ID: "d0000000000000000000a008", Name: "Sample: a campaign that is over", Author: "AlienVault", TLP: "white",
		Indicators: []Indicator{
			{Type: "IPv4", Value: "198.51.100.66", Expiration: over},
			{Type: "domain", Value: "old-campaign.example", Expiration: over},
			{Type: "IPv4", Value: "192.0.2.31", Title: "Expired", Expiration: over, Inactive: true},
		}}
}

func demoOddments() Pulse {
	return Pulse{ID: "d0000000000000000000a009", Name: "Sample: oddments \x1b[31mwith an escape sequence in the name\x1b[0m", Author: "otx-watch", TLP: "white",
		Indicators: []Indicator{
			{Type: "JA3", Value: demoJA3, Title: "client of the loader"},
			{Type: "JARM", Value: "2ad2ad0002ad2ad00042d42d00000061256b1d2f3c4a5b6978879695a4b3c2"},
			{Type: "SSLCertFingerprint", Value: "c6a1f02b8f3a4d5e6f708192a3b4c5d6e7f80912"},
			{Type: "BitcoinAddress", Value: bitcoin(1, 1)},
			{Type: UnknownType, Value: "ZxGateUpdater"},
		}}
}

// demoSecondOpinion repeats an address of another pulse, in a list that is cut
// when it is embedded.
func demoSecondOpinion() Pulse {
	return Pulse{ID: "d0000000000000000000a00a", Name: "Sample: seen by our honeypot", Author: "cert.example", TLP: "amber", Tags: []string{"honeypot"}, Embedded: 1,
		Indicators: []Indicator{
			{Type: "IPv4", Value: "203.0.113.9", Role: "scanning_host", Description: "4,711 attempts in a night"},
			{Type: "domain", Value: "evil.example", Description: "named in the payload"},
		}}
}
