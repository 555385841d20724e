package logfmt

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/testdir"
)

// TestRealEvents counts what became of the events of real logs, and counts them
// again with regular expressions that know nothing of the formats.
func TestRealEvents(t *testing.T) {
	dir := testdir.Shared(t, "data", "logs")
	// again says for a line which of the counts it belongs to; the first rule that
	// matches counts.
	type again []struct{ is, says string }
	f := func(name string, rules again, want map[string]int) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var res []*regexp.Regexp
		for _, r := range rules {
			res = append(res, regexp.MustCompile(r.is))
		}
		got, recount := map[string]int{}, map[string]int{}
		for l := range bytes.SplitSeq(bytes.TrimSuffix(b, []byte("\n")), []byte("\n")) {
			l = bytes.TrimRight(l, "\r")
			r := Record{Ref: ref}
			Detect(l, &r)
			said := strings.TrimSpace(r.Direction(0, 0) + " " + r.Outcome)
			got[said]++
			told := ""
			for i, re := range res {
				if re.Match(l) {
					told = rules[i].says
					break
				}
			}
			recount[told]++
			if said != told {
				t.Errorf("%s: %q, by the rules of the test %q: %s", name, said, told, l)
			}
		}
		t.Log(name, got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if !maps.Equal(got, recount) {
			t.Errorf("%s: counted %v, and again %v", name, got, recount)
		}
	}
	ssh := again{ // from this machine to itself is no way in
		{`sshd.*: (Accepted|Starting session:) .* from 127\.0\.0\.1 `, "allowed"},
		{`sshd.*: Failed .* from 127\.0\.0\.1 |sshd.* rhost=127\.0\.0\.1 |sshd.* by 127\.0\.0\.1 .*\[preauth\]`, "blocked"},
		{`sshd.* (from|by) 127\.0\.0\.1 `, ""},
		{`sshd.*: Accepted (password|publickey) for .* from |sshd.*: Starting session: .* from `, "inbound allowed"},
		{`sshd.*(: |\[ )Failed \w+ for .* from [0-9.]+ port`, "inbound blocked"},
		{`sshd.*(: I|: input_userauth_request: i)nvalid user `, "inbound blocked"},
		{`sshd.*: error: maximum authentication attempts exceeded for .* from .*\[preauth\]$`, "inbound blocked"},
		{`sshd.*: Disconnecting: (Too many authentication failures|.*\[preauth\]$)`, "inbound blocked"},
		{`sshd\[\d+\]: (Connection (closed|reset) by|(error: )?Received disconnect from|Disconnected from) .*\[preauth\]\s*$`, "inbound blocked"},
		{`: (pam_\w+\(\S+\): |PAM \d+ more )?authentication failures?; .* rhost=\S`, "inbound blocked"},
		{`sshd.*: fatal: Timeout before authentication for `, "inbound blocked"},
		{`sshd.*: refused connect from`, "inbound blocked"},
		{`sshd.*: Unable to negotiate with `, "inbound blocked"},
		{`sshd.* (from|by|for|identification) .*\b\d+\.\d+\.\d+\.\d+\b`, "inbound"},
	}
	f("auth.log", ssh, map[string]int{"": 3973, "allowed": 2, "blocked": 3, "inbound": 483, "inbound allowed": 235, "inbound blocked": 2425})
	f("OpenSSH.log", ssh, map[string]int{"": 145, "inbound": 96, "inbound allowed": 1, "inbound blocked": 1758})
	f("Apache.log", again{
		{`\[client [0-9.]+\] Directory index forbidden by rule`, "inbound blocked"},
		{`\[client `, "inbound"},
	}, map[string]int{"": 1968, "inbound blocked": 32})
	f("Proxifier.log", again{
		{` - \S+ open through proxy | - \S+ close, `, "outbound allowed"},
		{` - \S+ `, "outbound"},
	}, map[string]int{"outbound": 97, "outbound allowed": 1903})
	f("nginxplus.json.log", nil, map[string]int{"": 500}) // counters of a server, no events
}
