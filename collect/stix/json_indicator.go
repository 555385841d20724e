package stix

import (
	"regexp"
	"strings"

	"github.com/iochunt/iochunt/internal/ioc"
)

// indicator emits what an indicator's pattern names.
func (o *jObject) indicator(report string, emit Emit) error {
	pattern := o.text(jPattern)
	if pattern == "" {
		return emit(o.refusal(report, o.text(jName), BadPattern, "it has no pattern"))
	}
	switch language := strings.ToLower(o.text(jPatternType)); language {
	case "", "stix": // STIX 2.0 knows no other
		return o.pattern(report, pattern, emit)
	case "yara":
		return o.rule(report, yaraName(pattern), pattern, emit)
	default:
		i := o.refusal(report, pattern, OtherPattern, language)
		return emit(i)
	}
}

// pattern emits the values of a STIX pattern.
func (o *jObject) pattern(report, text string, emit Emit) error {
	p, err := ParsePattern(text)
	if err != nil {
		return emit(o.refusal(report, text, BadPattern, err.Error()))
	}
	alone, left := p.Values()
	if len(alone)+len(left) == 0 {
		return emit(o.refusal(report, text, NoType, "it names no value"))
	}
	whole := o.item(report)
	for _, v := range alone {
		i := whole
		i.Type, i.Value = v.Type, v.Value
		if err := emit(&i); err != nil {
			return err
		}
	}
	for _, v := range left {
		i := o.refusal(report, jFirst(v.Value, v.Path), v.Reason, v.Path)
		i.Type = v.Type
		if err := emit(i); err != nil {
			return err
		}
	}
	return nil
}

// rule emits a YARA rule, which is kept whole under its name.
func (o *jObject) rule(report, name, text string, emit Emit) error {
	i := o.item(report)
	i.Type, i.Value, i.Content = ioc.YARA, jFirst(jFirst(name, i.Title), jClip(text, jShown)), text
	return emit(&i)
}

// yaraRule finds the beginning of a rule: modifiers, the word, and a name.
var yaraRule = regexp.MustCompile(`(?m)^\s*(?:(?:private|global)\s+)*rule\s+([A-Za-z_][A-Za-z0-9_]{0,127})`)

// yaraName returns "rule NAME" of the first rule in a text.
func yaraName(text string) string {
	if m := yaraRule.FindStringSubmatch(text); m != nil {
		return "rule " + m[1]
	}
	return ""
}

// vulnerability emits the id of a vulnerability.
func (o *jObject) vulnerability(report string, emit Emit) error {
	id := o.cve()
	if id == "" {
		return emit(o.refusal(report, jFirst(o.text(jName), o.id), NoType, "a vulnerability without a CVE id"))
	}
	i := o.item(report)
	i.Type, i.Value, i.Role = ioc.CVE, id, ""
	if strings.EqualFold(i.Title, id) {
		i.Title = ""
	}
	return emit(&i)
}
