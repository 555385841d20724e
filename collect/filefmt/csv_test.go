package filefmt

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCSV(t *testing.T) {
	f := func(content string, want ...string) {
		t.Helper()
		check(t, "csv", Options{}, content, want...)
	}
	f("")
	f("sha256,comment\n")
	f("domain,ip\nevil.com,192.0.2.1\n", "domain evil.com", "ip 192.0.2.1")
	f("\xef\xbb\xbfMD5;Comment\r\n44d88612fea8a8f36de82e1278abb02f;\"a \"\"quoted\"\" word; more\"\r\n",
		`md5 44d88612fea8a8f36de82e1278abb02f title=a "quoted" word; more`)
	f("Indicator type,Indicator,Description\nFileHash-MD5,44d88612fea8a8f36de82e1278abb02f,it\nhostname,a.evil.com,\n",
		"md5 44d88612fea8a8f36de82e1278abb02f declared=FileHash-MD5 title=it", "domain a.evil.com declared=hostname")
	f("value\ttype\tcomment\n1.2.3.4|80\tip-dst|port\tc2\n", "ip_port 1.2.3.4|80 declared=ip-dst|port title=c2")
	f("C2 Server,File Size\nevil[.]net,12\n-,1\n", "evil[.]net")
	f("URL,Confidence Level,First Seen\nhttp://evil.com/,75,2026-01-02 03:04:05\n", "url http://evil.com/ created=2026-01-02T03:04:05 confidence=75")
	f("ip,expires\n192.0.2.1,2027-01-01\n192.0.2.2,soon\n", "ip 192.0.2.1 expires=2027-01-01T00:00:00", "ip 192.0.2.2")
	f("Domains,x\n\"evil.com; evil.net\nevil.org\",\n",
		`! line 1: "x": a column of a meaning we do not know; to read it, or to ignore it, name it in the setting columns`,
		"domain evil.com", "domain evil.net", "domain evil.org")
	f("value,type,to_ids,date\nevil.com,domain,1,20260102\ngood.com,domain,0,\n",
		"domain evil.com created=2026-01-02T00:00:00", `! line 3: "good.com": `+NotForDetection)
	f("file name,md5\nPort Details.doc,\n", "file_name Port Details.doc")
	f("# a comment\n\n# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\"\n\"2026-01-02 00:00:00\", \"7\", \"1.2.3.4:80\", \"ip:port\"\n# end\n",
		`! line 3: "ioc_id": a column of a meaning we do not know; to read it, or to ignore it, name it in the setting columns`,
		"ip_port 1.2.3.4:80 declared=ip:port created=2026-01-02T00:00:00")
	f("ip,comment\n192.0.2.1,a,b,c\n", "ip 192.0.2.1 title=a", `! line 2: "b": a field more than the header has columns`)
	f("ip,comment\n192.0.2.1,\"open\n192.0.2.2,x\n", `! line 2: "192.0.2.1,\"open": a quote that is opened and never closed`, "ip 192.0.2.2 title=x")
	f("ip,comment\n192.0.2.1,"+strings.Repeat("x", 70_000)+"\n192.0.2.2,\n",
		`! line 2: "192.0.2.1,`+strings.Repeat("x", 190)+"…\": "+longLine, "ip 192.0.2.2")
}

func TestCSVColumns(t *testing.T) {
	o := Options{Columns: map[string]string{"wo": "domain", "was": "title", "wann": "ignore"}}
	check(t, "csv", o, "Wo,Was,Wann\nevil.com,böse,gestern\n", "domain evil.com title=böse")
	if got, err := items(t, "csv", Options{}, "Wo,Was\nevil.com,x\n"); err == nil || !strings.Contains(err.Error(), "columns") {
		t.Errorf("%q, %v; want an error that names the setting", got, err)
	}
	if err := CheckColumns(o.Columns); err != nil {
		t.Error(err)
	}
	if err := CheckColumns(map[string]string{"a": "nonsense"}); err == nil {
		t.Error("an unknown meaning of a column is not noticed")
	}
}

func TestSplitRow(t *testing.T) {
	f := func(row string, open bool, want ...string) {
		t.Helper()
		got, o := splitRow(row, ',')
		if d := cmp.Diff(want, got); d != "" || o != open {
			t.Errorf("%q: open %v\n%s", row, o, d)
		}
	}
	f("", false, "")
	f("a", false, "a")
	f("a,", false, "a", "")
	f(",", false, "", "")
	f(`"a",b`, false, "a", "b")
	f(`"a,b""c" ,d`, false, `a,b"c `, "d")
	f(`a "b" c,d`, false, `a "b" c`, "d")
	f(`a,"b`, true, "a", "")
	f(`"a"x,b`, false, "ax", "b")
}

func TestParseTime(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		got := parseTime(s)
		if want == "" && !got.IsZero() || want != "" && got.Format("2006-01-02T15:04:05Z07:00") != want {
			t.Errorf("%q: %v, want %s", s, got, want)
		}
	}
	f("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z")
	f("2026-01-02T03:04:05.123456", "2026-01-02T03:04:05Z")
	f("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z")
	f("2026-01-02 03:04:05", "2026-01-02T03:04:05Z")
	f("2026-01-02", "2026-01-02T00:00:00Z")
	f("1658223000", "2022-07-19T09:30:00Z")
	f("yesterday", "")
	f("-1", "")
	f("", "")
}
