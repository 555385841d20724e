package canon

import "testing"

func TestSplitHost(t *testing.T) {
	f := func(url, host, port, rest string) {
		t.Helper()
		if h, p, r := SplitHost(url); h != host || p != port || r != rest {
			t.Errorf("SplitHost(%q) = %q, %q, %q; want %q, %q, %q", url, h, p, r, host, port, rest)
		}
	}
	f("http://evil.example/", "evil.example", "", "/")
	f("http://evil.example:8080/a?b=c:d", "evil.example", ":8080", "/a?b=c:d")
	f("evil.example:8080/", "evil.example", ":8080", "/")
	f("evil.example/x?u=http://good.example/", "evil.example", "", "/x?u=http://good.example/")
	f("evil.example?u=http://good.example/", "evil.example", "", "?u=http://good.example/")
	f("http://[2001:db8::1]/", "[2001:db8::1]", "", "/")
	f("http://[2001:db8::1]:80/x", "[2001:db8::1]", ":80", "/x")
	f("evil.example", "evil.example", "", "")
	f("", "", "", "")
}
