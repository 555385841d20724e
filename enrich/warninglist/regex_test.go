package warninglist

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iochunt/iochunt/internal/ioc"
)

func TestRegexTranslated(t *testing.T) {
	f := func(entry, want string) {
		t.Helper()
		if got, err := translate(entry); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", entry, got, err, want)
		}
		if _, _, _, err := compileRegex(entry); err != nil {
			t.Errorf("%s: %v", entry, err)
		}
	}
	f(`/^foo$/`, `^foo$`)
	f(`/^foo$/i`, `(?i)^foo$`)
	f(`/foo/ims`, `(?ims)foo`)
	f(`/foo/gu`, `foo`)
	f(`/foo|bar/A`, `\A(?:foo|bar)`)
	f(`/foo|bar/Ai`, `(?i)\A(?:foo|bar)`)
	f(`#^a/b#i`, `(?i)^a/b`)
	f(`~a\/b~`, `a\/b`)
	f(`^foo$`, `^foo$`)
	f(`/foo`, `/foo`)
	f(`/a/b/`, `a/b`)
	f(`(a|b)c`, `(a|b)c`)
	f(`/^(security|noc|soc|abuse)\@.*\..*$/i`, `(?i)^(security|noc|soc|abuse)\@.*\..*$`)
	f(`/((?:\+|00)61)?(02|03|07|08)(5550|7010)([0-9]{4})/g`, `((?:\+|00)61)?(02|03|07|08)(5550|7010)([0-9]{4})`)
	f(`/(?<host>x)[[:alpha:]]\d\Qa.b\E/`, `(?<host>x)[[:alpha:]]\d\Qa.b\E`)
}

func TestRegexRefused(t *testing.T) {
	f := func(entry, want string) {
		t.Helper()
		re, _, _, err := compileRegex(entry)
		if err == nil {
			t.Fatalf("%.60s is taken, as %.60s", entry, re)
		}
		if err.Error() != want {
			t.Errorf("%.60s: %q, want %q", entry, err, want)
		}
	}
	const cannot = "a regular expression that RE2 cannot do: "
	f(`/foo(?=bar)/`, cannot+"invalid or unsupported Perl syntax")
	f(`/foo(?!bar)/`, cannot+"invalid or unsupported Perl syntax")
	f(`/(?<=foo)bar/`, cannot+"invalid named capture")
	f(`/(?<!foo)bar/`, cannot+"invalid named capture")
	f(`/(?>foo)bar/`, cannot+"invalid or unsupported Perl syntax")
	f(`/(foo)\1/`, cannot+"invalid escape sequence")
	f(`/fo++/`, cannot+"invalid nested repetition operator")
	f(`/(foo/`, cannot+"missing closing )")
	f(`/[foo/`, cannot+"missing closing ]")
	f(`/foo\/i`, cannot+"trailing backslash at end of expression")
	f(`/f o o/x`, "a regular expression with a flag that RE2 has not got")
	f(`/foo/e`, "a regular expression with a flag that RE2 has not got")
	f(strings.Repeat("a", maxRegex+1), "a regular expression over 1 KiB")
	f(`((abc){100}){10}`, "a regular expression of over 2,000 instructions")
	f(`/a*/`, "a regular expression that matches everything")
	f(`/.*/`, "a regular expression that matches everything")
	f(`//`, "a regular expression that matches everything")
	f(`/foo|/`, "a regular expression that matches everything")
}

// TestRegexSize: the estimate is not below the size of the program.
func TestRegexSize(t *testing.T) {
	for _, expr := range []string{``, `a`, `abc`, `(abc)`, `a|b|cd|`, `(a*)*?b+c?`, `a{3}`, `a{3,}`, `(ab){2,7}`, `((a|b.){3,5}){4}`, `[a-z]{0,9}x`, `(?i)abc[^x]`, `^$\b(?:x|)`, `(a{0,3}){0,3}`} {
		tree, err := syntax.Parse(expr, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		estimate := instructions(tree)
		prog, err := syntax.Compile(tree.Simplify())
		if err != nil {
			t.Fatal(err)
		}
		const ends = 3 // every program has: fail, match, and an empty expression's nothing
		if n := len(prog.Inst) - ends; n > estimate {
			t.Errorf("%s: %d instructions, estimated %d", expr, n, estimate)
		}
	}
}

func TestRequiredTexts(t *testing.T) {
	f := func(expr string, want ...string) {
		t.Helper()
		tree, err := syntax.Parse(expr, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, requiredTexts(tree)); d != "" {
			t.Errorf("%s (-want +got):\n%s", expr, d)
		}
	}
	f(`^www\.google\.com$`, "www.google.com")
	f(`(?i)^WWW`, "www")
	f(`ab.cde.f`, "cde")
	f(`(security|noc|abuse)@`, "security", "noc", "abuse")
	f(`foo|b.r`, "foo", "b")
	f(`foo|.`)
	f(`(foo)?b+`, "b")
	f(`(foo){2,}`, "foo")
	f(`(foo){0,2}`)
	f(`(foo)*`)
	f(`[0-9]+`)
	f(`bücher`, "bücher")
	f(`(?i)bücher`)
}

// TestRegexTexts: an expression is not tried where its text is missing, and its
// text is not asked for where a value could match without it.
func TestRegexTexts(t *testing.T) {
	f := func(value, want string) {
		t.Helper()
		m := mustCompile(t, ioc.Warninglist{Name: "r", Kind: "regex", Entries: []string{`/^skype/i`, `/a(b|c)d|dear/`, `/^[0-9]+$/`}})
		if got := said(m.Find(nil, ioc.Observable{Type: ioc.Text, Value: value})); got != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
	f("SKYPE", `regex /^skype/i`)
	f("\u017fkype", `regex /^skype/i`) // to (?i), a long s is an s
	f("s\u212aype", `regex /^skype/i`) // and a Kelvin sign is a k
	f("my skype", "")
	f("xacd", `regex /a(b|c)d|dear/`)
	f("dear", `regex /a(b|c)d|dear/`)
	f("12", `regex /^[0-9]+$/`)
	f("12a", "")
}

// TestRegexLinear: expressions that take a backtracking engine exponential time
// end on 100 kB. That they are linear is RE2's promise; that it is RE2 which
// runs, with no more steps than it counts, is what this test shows: with
// backtracking it would not end.
func TestRegexLinear(t *testing.T) {
	m := mustCompile(t, ioc.Warninglist{Name: "r", Kind: "regex", Entries: []string{`/^(a+)+$/`, `/^(a|aa)+$/`, `/(.*a){12}b/`, `/^(a|a?)+$/`, `/(x+x+)+y/`}})
	for _, c := range []string{"a", "x"} {
		if got := m.Find(nil, ioc.Observable{Type: ioc.Text, Value: strings.Repeat(c, 100_000) + "!"}); got != nil {
			t.Errorf("%d times %s and ! is held: %v", 100_000, c, got)
		}
	}
	if got := m.Find(nil, ioc.Observable{Type: ioc.Text, Value: strings.Repeat("a", 100_000)}); len(got) != 1 {
		t.Errorf("held by %v", got)
	}
}

// TestRegexBudget: all expressions together have a bound, and who goes beyond
// it is told.
func TestRegexBudget(t *testing.T) {
	l := ioc.Warninglist{Name: "r", Kind: "regex"}
	for i := range 80 {
		l.Entries = append(l.Entries, fmt.Sprintf(`x%d(?:y.){450}`, i))
	}
	m, refused, err := Compile(each(l), Options{})
	if err != nil || len(m.regexes) == 80 || len(m.regexes)+len(refused) != 80 || refused[0].Reason != errNumber.Error() {
		t.Errorf("%v: %d taken, refused: %v", err, len(m.regexes), refused)
	}
}
