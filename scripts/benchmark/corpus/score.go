package corpus

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Place is a line of a log.
type Place struct {
	File string // base name
	Line int    // from 1
}

// Truth is what was planted, by where.
type Truth map[Place]Planted

// ReadTruth reads the truth of a folder of logs.
func ReadTruth(path string) (Truth, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t := Truth{}
	in := bufio.NewScanner(f)
	for n := 1; in.Scan(); n++ {
		p, err := parsePlanted(in.Text())
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		t[Place{p.File, p.Line}] = p
	}
	return t, in.Err()
}

func parsePlanted(text string) (Planted, error) {
	c := strings.Split(text, "\t")
	if len(c) != 6 {
		return Planted{}, fmt.Errorf("%d columns, want 6: make the logs anew", len(c))
	}
	line, err := strconv.Atoi(c[1])
	if err != nil {
		return Planted{}, fmt.Errorf("line number %q: make the logs anew", c[1])
	}
	return Planted{c[0], line, c[2], c[3], c[4], c[5]}, nil
}

// Reported is what a tool says of a line; Value is the indicator, where the tool
// names one.
type Reported struct {
	Place
	Value string
}

// Count says how many of the planted lines of a class and type were reported.
type Count struct {
	Class, Type    string
	Reported, Have int
}

// Score compares reports with the truth. Lines are counted, each once.
type Score struct {
	Found, Missed int // hits
	Traps         int // traps that were reported
	Stray         int // lines that were reported and hold nothing
	Wrong         int // hits found under another indicator only
	Parents       int // traps that are rightly reported, as the list holds a name above theirs too
	Classes       []Count
}

// False is the number of lines reported wrongly.
func (s Score) False() int { return s.Traps + s.Stray }

func (s Score) String() string {
	return fmt.Sprintf("%d found, %d missed, %d false (%d traps, %d stray), %d by another indicator, %d traps below a listed name", s.Found, s.Missed, s.False(), s.Traps, s.Stray, s.Wrong, s.Parents)
}

// Score judges reports. A report without Value is right about any planted line.
func (t Truth) Score(reports []Reported) Score {
	var s Score
	named := map[Place]bool{} // places reported, and whether under the right name
	for _, r := range reports {
		p, planted := t[r.Place]
		if planted && p.below(r.Value) {
			s.Parents++
			continue
		}
		named[r.Place] = named[r.Place] || planted && (r.Value == "" || same(r.Value, p.Indicator))
	}
	classes := map[[2]string]Count{}
	for at, p := range t {
		c := classes[[2]string{p.Class, p.Type}]
		right, reported := named[at]
		if c.Have++; reported {
			c.Reported++
		}
		classes[[2]string{p.Class, p.Type}] = c
		s.add(strings.HasPrefix(p.Class, "hit"), reported, right)
		delete(named, at)
	}
	s.Stray = len(named)
	for k, c := range classes {
		s.Classes = append(s.Classes, Count{k[0], k[1], c.Reported, c.Have})
	}
	slices.SortFunc(s.Classes, func(a, b Count) int {
		return cmp.Or(strings.Compare(a.Class, b.Class), strings.Compare(a.Type, b.Type))
	})
	return s
}

// below reports whether a trap is a name below the indicator that a tool names. The
// longest lists hold such an indicator; the logs are the same for all of them.
func (p Planted) below(indicator string) bool {
	return indicator != "" && strings.HasPrefix(p.Class, "trap") && strings.HasSuffix(strings.ToLower(p.Text), "."+strings.ToLower(indicator))
}

func (s *Score) add(hit, reported, right bool) {
	switch {
	case hit && reported:
		s.Found++
		if !right {
			s.Wrong++
		}
	case hit:
		s.Missed++
	case reported:
		s.Traps++
	}
}

// same compares an indicator as a tool names it with the listed one: letters of
// any case.
func same(named, listed string) bool { return strings.EqualFold(named, listed) }
