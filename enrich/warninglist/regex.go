package warninglist

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// Bounds of regular expressions. Matching takes time in proportion to the
// length of the value times the size of the program.
const (
	maxRegex   = 1 << 10 // bytes of one expression
	maxProgram = 2000    // instructions of one
	maxAll     = 100_000 // instructions of all together
	maxNumber  = 4096    // of expressions
	maxChoices = 64      // of texts one of which is required
)

// regex is one entry of a list of type regex.
type regex struct {
	re    *regexp.Regexp
	entry uint32
	list  uint16
}

var (
	errRegexLong = errors.New("a regular expression over 1 KiB")
	errRegexBig  = errors.New("a regular expression of over 2,000 instructions")
	errRegexAll  = errors.New("a regular expression that matches everything")
	errRegexFlag = errors.New("a regular expression with a flag that RE2 has not got")
)

// compileRegex compiles an entry. Of the texts of required, which are in lower
// case, a value without others than ASCII must hold one to match; none means
// that this cannot be told. size is its number of instructions.
func compileRegex(entry string) (re *regexp.Regexp, required []string, size int, err error) {
	if len(entry) > maxRegex {
		return nil, nil, 0, errRegexLong
	}
	expr, err := translate(strings.TrimSpace(entry))
	if err != nil {
		return nil, nil, 0, err
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, nil, 0, cannot(err)
	}
	if size = instructions(tree); size > maxProgram {
		return nil, nil, 0, errRegexBig
	}
	if re, err = regexp.Compile(expr); err != nil {
		return nil, nil, 0, cannot(err)
	}
	if re.MatchString("") && re.MatchString(unlikely) {
		return nil, nil, 0, errRegexAll
	}
	return re, requiredTexts(tree), size, nil
}

// unlikely is a value that no expression means.
var unlikely = strings.Repeat("\x00\x7f", 40)

// cannot names what RE2 cannot do in one of the few texts of its parser, without
// the part of the expression that it is about.
func cannot(err error) error {
	var e *syntax.Error
	if errors.As(err, &e) {
		return errors.New("a regular expression that RE2 cannot do: " + string(e.Code))
	}
	return errors.New("a regular expression that RE2 cannot do")
}

// translate rewrites an expression of PCRE as PHP writes it, "/foo/i", for RE2.
// Without delimiters it is taken as it stands. g is a flag of other languages;
// MISP's lists have it, and it changes nothing about whether there is a match.
func translate(entry string) (string, error) {
	const delimiters = "/#~!@%"
	if entry == "" || !strings.Contains(delimiters, entry[:1]) {
		return entry, nil
	}
	end := strings.LastIndexByte(entry, entry[0])
	if end == 0 {
		return entry, nil
	}
	expr, flags := entry[1:end], ""
	for _, f := range entry[end+1:] {
		switch f {
		case 'i', 'm', 's', 'U':
			flags += string(f)
		case 'A':
			expr = `\A(?:` + expr + `)`
		case 'u', 'g', 'D', 'S': // Unicode, which RE2 always has; all matches; $ at the very end, as RE2 has it; study
		default:
			return "", errRegexFlag
		}
	}
	if flags != "" {
		expr = "(?" + flags + ")" + expr
	}
	return expr, nil
}

// instructions estimates the size of the program for an expression, from above
// and without expanding it.
func instructions(re *syntax.Regexp) int {
	n := 0
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpConcat:
	case syntax.OpRepeat: // of the optional ones, each has a branch before it
		n = (n + 1) * max(re.Min, re.Max, 1)
	case syntax.OpAlternate:
		n += len(re.Sub)
	default: // a leaf, a loop or, with two, a capture
		n += 2
	}
	return min(n, 1<<20) // below where further products could overflow
}

// requiredTexts returns texts one of which stands in whatever re matches, apart
// from case, provided that the value is of ASCII: to (?i), the Kelvin sign is a
// k. It returns none where it cannot tell.
func requiredTexts(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		s := string(re.Rune)
		if re.Flags&syntax.FoldCase != 0 && !isASCII(s) {
			return nil
		}
		return []string{fold(s)}
	case syntax.OpCapture, syntax.OpPlus:
		return requiredTexts(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return requiredTexts(re.Sub[0])
		}
	case syntax.OpConcat:
		return best(re.Sub)
	case syntax.OpAlternate:
		return union(re.Sub)
	}
	return nil
}

// best returns the texts of the part that is the hardest to meet.
func best(subs []*syntax.Regexp) []string {
	var found []string
	for _, sub := range subs {
		if s := requiredTexts(sub); s != nil && shortest(s) > shortest(found) {
			found = s
		}
	}
	return found
}

// union returns the texts of all of subs, if all have some.
func union(subs []*syntax.Regexp) []string {
	var all []string
	for _, sub := range subs {
		s := requiredTexts(sub)
		if s == nil || len(all)+len(s) > maxChoices {
			return nil
		}
		all = append(all, s...)
	}
	return all
}

func shortest(texts []string) int {
	n := 0
	for i, s := range texts {
		if i == 0 || len(s) < n {
			n = len(s)
		}
	}
	return n
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
