package warninglist

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/misplist"
	"github.com/iochunt/iochunt/internal/testdir"
)

// TestRealLists: nothing of real lists is unusable, and they hold what one would
// think.
func TestRealLists(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testdir.Shared(t, "data/warninglists"), "*.json"))
	if err != nil || len(files) != 13 {
		t.Fatalf("%v, %d files, want 13", err, len(files))
	}
	var ls []ioc.Warninglist
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		l, refused, err := misplist.Parse(bytes.NewReader(text), filepath.Base(file))
		if err != nil || len(refused) > 0 {
			t.Fatal(err, refused)
		}
		ls = append(ls, l)
	}
	m := mustCompile(t, ls...)
	f := func(o, want string) {
		t.Helper()
		if got := said(m.Find(nil, observable(t, o))); got != want {
			t.Errorf("%s: %s, want %s", o, got, want)
		}
	}
	f("domain google.com", "exact google.com; exact .google.com")
	f("domain evil.duckdns.org", "below .duckdns.org lowers")
	f("ip 10.1.2.3", "within 10.0.0.0/8; within 10.0.0.0/8")
	f("ip 1.0.0.1", "exact 1.0.0.1")
	f("ip_port 143.215.130.7:80", "within 143.215.130.0/24")
	f("md5 d41d8cd98f00b204e9800998ecf8427e", "exact d41d8cd98f00b204e9800998ecf8427e; exact d41d8cd98f00b204e9800998ecf8427e")
	f("url http://bit.ly/x", "below bit.ly lowers")
	f("url http://evil.example.com/", "")
	f("domain evil-of-nobody.com", "")
}
