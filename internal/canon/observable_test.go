package canon

import (
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
)

func TestObservable(t *testing.T) {
	f := func(declared ioc.Type, in string, typ ioc.Type, want string) {
		t.Helper()
		o, err := Observable(declared, in)
		if err != nil || o.Type != typ || o.Value != want {
			t.Errorf("Observable(%q, %q) = %s %q, %v; want %s %q", declared, in, o.Type, o.Value, err, typ, want)
		}
	}
	// what fits its type
	f(ioc.IP, " 192.0.2.1 ", ioc.IP, "192.0.2.1")
	f(ioc.IP, "192.0.2[.]1", ioc.IP, "192.0.2.1")
	f(ioc.IPv6, "2001:DB8:0::1", ioc.IPv6, "2001:db8::1")
	f(ioc.Domain, "WWW.Example.com.", ioc.Domain, "www.example.com")
	f(ioc.Domain, "hidden.onion", ioc.Domain, "hidden.onion")
	f(ioc.URL, "hxxp://Example[.]com", ioc.URL, "http://example.com/")
	f(ioc.URL, "example.com/x", ioc.URL, "example.com/x")
	f(ioc.Email, "Bob@Example.com", ioc.Email, "bob@example.com")
	f(ioc.JA3, "E7D705A3286E19EA42F587B344EE6865", ioc.JA3, "e7d705a3286e19ea42f587b344ee6865")
	f(ioc.CertHash, "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD", ioc.CertHash, "aabbccddeeff00112233445566778899aabbccdd")
	f(ioc.CertHash, "aa bb cc dd ee ff 00 11 22 33 44 55 66 77 88 99 aa bb cc dd", ioc.CertHash, "aabbccddeeff00112233445566778899aabbccdd")
	f(ioc.CVE, "cve-2024-12345", ioc.CVE, "CVE-2024-12345")
	f(ioc.MAC, "AA-BB-CC-DD-EE-0F", ioc.MAC, "aa:bb:cc:dd:ee:0f")
	f(ioc.MAC, "aabb.ccdd.ee0f", ioc.MAC, "aa:bb:cc:dd:ee:0f")
	f(ioc.Bitcoin, "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", ioc.Bitcoin, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
	f(ioc.FilePath, `C:\\Users\\x\\a.exe`, ioc.FilePath, `C:\Users\x\a.exe`)
	f(ioc.FilePath, `"C:\Program Files\a.exe"`, ioc.FilePath, `C:\Program Files\a.exe`)
	f(ioc.Mutex, ` Global\{A-b} `, ioc.Mutex, `Global\{A-b}`)
	f(ioc.UserAgent, "Mozilla/4.0 [.] x", ioc.UserAgent, "Mozilla/4.0 [.] x")
	// what plainly is something else
	f(ioc.Domain, "http://example.com/x", ioc.URL, "http://example.com/x")
	f(ioc.Domain, "http://example.com", ioc.URL, "http://example.com/")
	f(ioc.Domain, "example.com/x", ioc.URL, "example.com/x")
	f(ioc.Domain, "example.com/", ioc.Domain, "example.com")
	f(ioc.Domain, "example.com:8080", ioc.URL, "example.com:8080/")
	f(ioc.Domain, "192.0.2.1", ioc.IP, "192.0.2.1")
	f(ioc.Domain, "192.0.2.1:80", ioc.IPPort, "192.0.2.1:80")
	f(ioc.Domain, "bob@example.com", ioc.Email, "bob@example.com")
	f(ioc.IP, "192.0.2.0/24", ioc.CIDR, "192.0.2.0/24")
	f(ioc.IP, "192.0.2.77/24", ioc.CIDR, "192.0.2.0/24")
	f(ioc.IP, "192.0.2.1:80", ioc.IPPort, "192.0.2.1:80")
	f(ioc.IP, "2001:db8::1", ioc.IPv6, "2001:db8::1")
	f(ioc.IPv6, "::ffff:192.0.2.1", ioc.IP, "192.0.2.1")
	f(ioc.IPPort, "192.0.2.1|80", ioc.IPPort, "192.0.2.1:80")
	f(ioc.CIDR, "192.0.2.1/32", ioc.IP, "192.0.2.1")
	f(ioc.CIDR, "2001:db8::1/128", ioc.IPv6, "2001:db8::1")
	f(ioc.CIDR, "192.0.2.1", ioc.IP, "192.0.2.1")
	f(ioc.URL, "example.com", ioc.Domain, "example.com")
	f(ioc.URL, "192.0.2.1:80", ioc.IPPort, "192.0.2.1:80")
	f(ioc.URL, "/x/y.php", ioc.URLPath, "/x/y.php")
	f(ioc.MD5, "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", ioc.SHA256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
	// outside the table, and not hunted
	f("Tox-ID", " AbC ", "tox-id", "AbC")
	f("IPv4-addr", "x", "ipv4-addr", "x")
	f("URL", "example.com/x", ioc.URL, "example.com/x")
	f(ioc.YARA, "rule x {\n}\n", ioc.YARA, "rule x {\n}\n")
}

func TestSniff(t *testing.T) {
	f := func(in string, typ ioc.Type, want string) {
		t.Helper()
		if o, ok := Sniff(in); !ok || o.Type != typ || o.Value != want {
			t.Errorf("Sniff(%q) = %s %q, %v; want %s %q", in, o.Type, o.Value, ok, typ, want)
		}
	}
	f("example.com", ioc.Domain, "example.com")
	f("*.example.com", ioc.Domain, "example.com")
	f("'example.com'", ioc.Domain, "example.com")
	f("\ufeffexample.com", ioc.Domain, "example.com")
	f("bücher.example", ioc.Domain, "xn--bcher-kva.example")
	f("_dmarc.example-.com", ioc.Domain, "_dmarc.example-.com")
	f("run.sh", ioc.Domain, "run.sh") // a list has domains of Saint Helena, not scripts
	f("svchost.exe", ioc.FileName, "svchost.exe")
	f("192.0.2.1", ioc.IP, "192.0.2.1")
	f("[192.0.2.1]", ioc.IP, "192.0.2.1")
	f("192.0.2.0/255.255.255.128", ioc.CIDR, "192.0.2.0/25")
	f("2001:db8::/32", ioc.CIDR, "2001:db8::/32")
	f("::ffff:192.0.2.0/120", ioc.CIDR, "192.0.2.0/24")
	f("fe80::1%eth0", ioc.IPv6, "fe80::1")
	f("[2001:db8::1]:0443", ioc.IPPort, "[2001:db8::1]:443")
	f("192.0.2.1/x.php", ioc.URL, "192.0.2.1/x.php")
	f("192.0.2.1:8080/x", ioc.URL, "192.0.2.1:8080/x")
	f("//example.com/x", ioc.URL, "example.com/x")
	f("example.com/24", ioc.URL, "example.com/24")
	f("tcp://example.com:4444", ioc.URL, "tcp://example.com:4444/")
	f("/gate.php?id=", ioc.URLPath, "/gate.php?id=")
	f("Bob <bob@example.com>", ioc.Email, "bob@example.com")
	f("mailto:bob@example.com?subject=x", ioc.Email, "bob@example.com")
	f("aa:bb:cc:dd:ee:0F", ioc.MAC, "aa:bb:cc:dd:ee:0f")
	f("cve-2024-1234", ioc.CVE, "CVE-2024-1234")
	f("D41D8CD98F00B204E9800998ECF8427E", ioc.MD5, "d41d8cd98f00b204e9800998ecf8427e")
	f(`C:\Windows\Temp\x.exe`, ioc.FilePath, `C:\Windows\Temp\x.exe`)
	f(`%APPDATA%\x.exe`, ioc.FilePath, `%APPDATA%\x.exe`)
	f(`HKLM\Software\x`, ioc.RegistryKey, `HKEY_LOCAL_MACHINE\Software\x`)
	f(`hkey_local_machine\Software\x`, ioc.RegistryKey, `HKEY_LOCAL_MACHINE\Software\x`)
	f(`HKCU:\Software\x`, ioc.RegistryKey, `HKEY_CURRENT_USER\Software\x`)
	f(`\REGISTRY\MACHINE\Software\x`, ioc.RegistryKey, `HKEY_LOCAL_MACHINE\Software\x`)
	f(`\Registry\User\S-1-5-18\x`, ioc.RegistryKey, `HKEY_USERS\S-1-5-18\x`)
	f(`HKU\S-1-5-18\x`, ioc.RegistryKey, `HKEY_USERS\S-1-5-18\x`)
	f(`HKCR\.x`, ioc.RegistryKey, `HKEY_CLASSES_ROOT\.x`)
	f(`HKEY_LOCAL_MACHINES\x`, ioc.RegistryKey, `HKEY_LOCAL_MACHINES\x`)
}

func TestRefused(t *testing.T) {
	f := func(declared ioc.Type, in string, want *Refused) {
		t.Helper()
		if o, err := Observable(declared, in); err != error(want) {
			t.Errorf("Observable(%q, %q) = %v, %v; want %q", declared, in, o, err, want.Reason)
		}
	}
	f("", " \t", errEmpty)
	f(ioc.Mutex, " ", errEmpty)
	f("tox-id", " ", errEmpty)
	f(ioc.YARA, " ", errEmpty)
	f("", "localhost", errBare)
	f(ioc.Domain, "com", errBare)
	f(ioc.Domain, "co.uk", errSuffix)
	f(ioc.Domain, "a..com", errName)
	f(ioc.Domain, "1.2.3", errName)
	f("", "C192.0.2.1", errName)
	f("", "www\\.[a-z]{2}\\.(top|club)$", errPattern)
	f("", "*evil*.com", errPattern)
	f("", "Failed password", errSpace)
	f("", "192.0.2.256", errAddr)
	f("", "192.0.02.1", errZeros)
	f(ioc.IP, "192.0.2.1-192.0.2.9", errAddr)
	f("", "192.0.2.1:0", errPort)
	f("", "192.0.2.1:65536", errPort)
	f("", "192.0.2.1:22:443", errPort)
	f("", "192.0.2.0/33", errPrefix)
	f("", "0.0.0.0/0", errAll)
	f(ioc.IP, "::/0", errAll)
	f("", "http://", errHost)
	f(ioc.URL, "http://exa mple.com/", errName)
	f("", "/", errRoot)
	f("", "bob@localhost", errBare)
	f(ioc.SHA256, "xyz", errHex)
	f(ioc.MD5, "abcd", errDigits)
	f(ioc.ImpHash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", errDigits)
	f(ioc.CVE, "CVE-24-1", errCVE)
	f(ioc.MAC, "aa:bb", errMAC)
	f(ioc.Bitcoin, "0x!", errBitcoin)
	f(ioc.UserAgent, "a\nb", errControl)
	f(ioc.Text, "a\u009bb", errControl)
	f("", string(make([]byte, maxLen+1)), errTooLong)
}
