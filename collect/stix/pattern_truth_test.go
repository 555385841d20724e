package stix

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// random makes a pattern with leaves of its own, each a mutex of another name,
// so that what stands alone can be told by truth.
type random struct {
	*rand.Rand
	leaves []randomLeaf
}

type randomLeaf struct {
	value  string
	equals bool
}

func (r *random) leaf() string {
	v := fmt.Sprintf("v%d", len(r.leaves))
	op := []string{"=", "=", "=", "IN", "!=", "LIKE", "NOT =", "NOT !="}[r.IntN(8)]
	r.leaves = append(r.leaves, randomLeaf{v, op == "=" || op == "IN" || op == "NOT !="})
	if op == "IN" {
		w := fmt.Sprintf("v%d", len(r.leaves))
		r.leaves = append(r.leaves, randomLeaf{w, true})
		return fmt.Sprintf("mutex:name IN ('%s', '%s')", v, w)
	}
	return fmt.Sprintf("mutex:name %s '%s'", op, v)
}

func (r *random) comparison(depth int) string {
	if depth == 0 || r.IntN(3) == 0 {
		return r.leaf()
	}
	s := r.comparison(depth-1) + []string{" AND ", " OR "}[r.IntN(2)] + r.comparison(depth-1)
	if r.IntN(2) == 0 {
		return "(" + s + ")"
	}
	return s
}

func (r *random) observation(depth int) string {
	if depth == 0 || r.IntN(3) == 0 {
		s := "[" + r.comparison(2) + "]"
		if r.IntN(5) == 0 {
			s += " REPEATS 2 TIMES"
		}
		return s
	}
	s := r.observation(depth-1) + []string{" AND ", " OR ", " OR ", " FOLLOWEDBY "}[r.IntN(4)] + r.observation(depth-1)
	switch r.IntN(4) {
	case 0:
		return "(" + s + ") WITHIN 5 SECONDS"
	case 1:
		return "(" + s + ")"
	}
	return s
}

// truth is the slow judge: it evaluates the text of a pattern, given the one
// value that is seen, by the rules of precedence alone. It shares no code with
// the parser: it cuts a text at the loosest operator outside all brackets.
func truth(s, seen string) bool {
	s = strings.TrimSpace(s)
	for _, op := range []string{" FOLLOWEDBY ", " OR ", " AND "} {
		if parts := cutOutside(s, op); len(parts) > 1 {
			for _, p := range parts {
				if truth(p, seen) == (op == " OR ") {
					return op == " OR "
				}
			}
			return op != " OR "
		}
	}
	switch {
	case strings.HasSuffix(s, " SECONDS") || strings.HasSuffix(s, " TIMES"):
		return false // one value, seen once, is not enough to know
	case s[0] == '(' || s[0] == '[':
		return truth(s[1:len(s)-1], seen)
	}
	return strings.Contains(s, "'"+seen+"'") && !strings.Contains(s, "LIKE") &&
		(strings.Contains(s, "NOT !=") || !strings.Contains(s, "NOT") && !strings.Contains(s, "!="))
}

// cutOutside cuts s at op where no bracket is open.
func cutOutside(s, op string) []string {
	var parts []string
	depth, from := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		}
		if depth == 0 && strings.HasPrefix(s[i:], op) {
			parts = append(parts, s[from:i])
			from = i + len(op)
		}
	}
	return append(parts, s[from:])
}

func TestPatternValuesByTruth(t *testing.T) {
	aloneSeen, leftSeen := 0, 0
	for seed := range uint64(20_000) {
		r := &random{Rand: rand.New(rand.NewPCG(seed, 7))}
		pattern := r.observation(3)
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Fatalf("%s: %v", pattern, err)
		}
		got := make(map[string]bool)
		alone, left := p.Values()
		for _, v := range alone {
			got[v.Value] = true
		}
		if len(alone)+len(left) != len(r.leaves) {
			t.Fatalf("%s: %d values of %d", pattern, len(alone)+len(left), len(r.leaves))
		}
		for _, l := range r.leaves {
			want := truth(pattern, l.value)
			if got[l.value] != want || want && !l.equals {
				t.Fatalf("%s: %s stands alone: %v, but by truth: %v", pattern, l.value, got[l.value], want)
			}
		}
		aloneSeen += len(alone)
		leftSeen += len(left)
	}
	if aloneSeen < 9_000 || leftSeen < 9_000 {
		t.Errorf("the patterns are too much alike: %d alone, %d left", aloneSeen, leftSeen)
	}
}

// python returns the interpreter that has stix2 and stix2-patterns.
func python(t *testing.T) string {
	t.Helper()
	py := os.Getenv("IOCHUNT_STIX_PYTHON")
	if py == "" {
		t.Skip("IOCHUNT_STIX_PYTHON names no python with stix2 and stix2-patterns")
	}
	return py
}

// TestPatternGrammarAgrees asks the parser that the standard's authors made of
// their grammar which of many texts are patterns.
func TestPatternGrammarAgrees(t *testing.T) {
	py := python(t)
	const script = `
import sys, json
from stix2patterns.v21.pattern import Pattern
for line in sys.stdin:
    try:
        Pattern(json.loads(line)); print(1)
    except Exception:
        print(0)
`
	corpus := grammarCorpus()
	var in bytes.Buffer
	for _, p := range corpus {
		if err := json.NewEncoder(&in).Encode(p); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), py, "-c", script)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	sc := bufio.NewScanner(bytes.NewReader(out))
	taken, n := 0, 0
	for ; sc.Scan(); n++ {
		_, err := ParsePattern(corpus[n])
		if (err == nil) != (sc.Text() == "1") {
			t.Errorf("%s: the grammar takes it: %s; we: %v", corpus[n], sc.Text(), err)
		}
		if err == nil {
			taken++
		}
	}
	if n != len(corpus) || taken < n/5 || taken > n*4/5 {
		t.Errorf("%d of %d answered, %d taken: the corpus does not tell", n, len(corpus), taken)
	}
}

// grammarCorpus is what the table of values holds, and random patterns, whole
// and with one piece taken out, doubled or put elsewhere. What we take beyond
// the grammar on purpose is not in it.
func grammarCorpus() []string {
	out := []string{
		"[a:b = 'c']", "[a:b == 'c']", "[a:b <> 'c']", "[a:b IN ()]", "[a:b = true]", "[a:b > true]", "[a:b = +5]", "[a:b = -5]", "[a:b = 5.]", "[a:b = .5]",
		"[a:b = 05]", "[a:b = h'0a']", "[a:b = h'0']", "[a:b = b'YQ==']", "[a:b = b'YQ=']", "[a:b = b'']", "[a:b = h'']", "[a:b = '']", "[a:b = t'2026-01-01T00:00:00Z']",
		"[a:b = t'2026-01-01T00:00:00.123456789012Z']", "[a:b = t'2026-01-01T00:00:00']", "[a:b = t'2026-13-01T00:00:00Z']", "[a:b = t'2026-01-01T00:00:60Z']",
		"[a:b LIKE 5]", "[a:b MATCHES 'x']", "[a:b ISSUBSET 'x']", "[a:b ISSUPERSET h'00']", "[EXISTS a:b]", "[NOT a:b = 'c']", "[a:b NOT = 'c']", "[NOT EXISTS a:b]",
		"[a:b[0] = 1]", "[a:b[-1] = 1]", "[a:b[*] = 1]", "[a:b[1.5] = 1]", "[a:b[] = 1]", "[a:b.'c d'.e = 1]", "[a:'b' = 1]", "[a:b.0 = 1]", "[a-b:c = 1]",
		"[a : b . c = 1]", "[a:b = 1] WITHIN 5 SECONDS", "[a:b = 1] WITHIN 5.5 SECONDS", "[a:b = 1] WITHIN -5 SECONDS", "[a:b = 1] REPEATS 5 TIMES", "[a:b = 1] REPEATS 5.5 TIMES",
		"[a:b = 1] START t'2026-01-01T00:00:00Z' STOP t'2026-01-02T00:00:00Z'", "[a:b = 1] START t'2026-01-01T00:00:00Z'", "([a:b = 1] AND [a:b = 2]) REPEATS 5 TIMES WITHIN 5 SECONDS",
		"[a:b = 1 AND a:b = 2 OR a:b = 3]", "[(a:b = 1)]", "[((a:b = 1) OR a:b = 2)]", "[()]", "()", "[a:b = 1][a:b = 2]", "[a:b = 1] FOLLOWEDBY [a:b = 2] OR [a:b = 3]",
		`[a:b = 'it\'s']`, `[a:b = 'a\b']`, `[a:b = '\\']`, `[a:b = 'a'b']`, "[a:b = 'a\nb']", "[a:b = \"c\"]", "[a:b = c]", "[a:b]", "[a = 1]", "[:b = 1]", "a:b = 1", "", " ",
		"/* c */[a:b = 1]", "[a:b = 1] // c", "[a:b /* c */ = 1]", "[a:b = 1] /* c", "[a:b\u00a0=\u20031]", "[a:b=1]AND[a:b=2]", "[a:b=1AND a:b=2]", "[a:b IN (1,2,'c',true)]", "[a:b IN (1,)]", "[a:b IN 1]",
		"[_a:_b = 1]", "[1a:b = 1]", "[a:b = 1]]", "[[a:b = 1]]", "[a:b = 1] OR", "OR [a:b = 1]", "[a:b = 1 OR]", "[a:b != 1]", "[a:b =! 1]", "[a:b >= 1]", "[a:b => 1]", "[a:b <= 'x']",
	}
	for seed := range uint64(300) {
		r := &random{Rand: rand.New(rand.NewPCG(seed, 11))}
		words := strings.Fields(r.observation(2))
		out = append(out, strings.Join(words, " "))
		i, j := r.IntN(len(words)), r.IntN(len(words))
		switch seed % 3 {
		case 0:
			words = append(words[:i:i], words[i+1:]...)
		case 1:
			words = append(words[:i:i], append([]string{words[j]}, words[i:]...)...)
		case 2:
			words[i], words[j] = words[j], words[i]
		}
		out = append(out, strings.Join(words, " "))
	}
	return out
}
