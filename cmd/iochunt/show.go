package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/iochunt/iochunt/internal/term"
)

// How values are shown to people.

func escape(s string) string { return term.EscapeString(s) }

// plural is "1 hit", "2 hits", "3 entries"; a third word is the plural where it
// is another one.
func plural(n int, words ...string) string {
	one, many := words[0], words[0]+"s"
	if stem, ok := strings.CutSuffix(one, "ry"); ok {
		many = stem + "ries"
	}
	if len(words) > 1 {
		many = words[1]
	}
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int) string {
	s := strconv.Itoa(n)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// size writes a number of bytes in units of 1,000.
func size(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB", "PB"}
	f, u := float64(n), 0
	for f >= 1000 && u < len(units)-1 {
		f, u = f/1000, u+1
	}
	if u == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[u])
}

// shortDuration drops the digits that nobody reads.
func shortDuration(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Millisecond).String()
	}
}

// ago writes how long before now t was.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	switch {
	case d < 0:
		return "in the future (" + t.UTC().Format(time.RFC3339) + ")"
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// day writes a date, "-" for none.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02")
}

// colours says whether standard output gets colours.
func (a *app) colours() bool {
	f, _ := a.out.(*os.File)
	return term.Colours(a.colour, f, a.env)
}

// width is the terminal's in columns, 0 where there is none.
func (a *app) width() int {
	f, _ := a.out.(*os.File)
	return term.Width(f)
}

// shorten cuts s after n runes and says so with an ellipsis.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}

// firstFew joins messages; of more than five only the first are shown and the
// rest is counted.
func firstFew(all []string) string {
	if len(all) <= 5 {
		return strings.Join(all, "; ")
	}
	return strings.Join(all[:5], "; ") + fmt.Sprintf("; and %s more", thousands(len(all)-5))
}
