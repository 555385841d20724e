package emit

import (
	"context"
	"encoding/csv"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iochunt/iochunt/hunt"
	"github.com/iochunt/iochunt/internal/ioc"
	"github.com/iochunt/iochunt/internal/term"
)

func init() {
	register(Kind{"csv", "a table with a header, one row a hit, safe to open in a spreadsheet", newCSV})
}

// csvHeader names the columns. New ones are added at the end.
var csvHeader = []string{"time", "time_source", "type", "value", "matched", "rule", "host", "path", "line", "offset", "field", "feeds", "reports", "authors",
	"adversaries", "malware_families", "roles", "tlp", "urls", "record", "record_clipped", "id",
	"score", "severity", "level", "alert", "direction", "outcome", "state", "mark"}

// table writes hits as CSV (RFC 4180, but with LF). What several claims say is
// joined by "; " in one cell, so that a row is a hit.
type table struct {
	o      Options
	out    output
	csv    *csv.Writer
	headed bool
}

func newCSV(o Options) (hunt.Sink, error) {
	s := &table{o: o, out: output{w: o.Out}}
	s.csv = csv.NewWriter(&s.out)
	return s, noSettings(o)
}

// Write lets csv.Writer write into an output.
func (o *output) Write(p []byte) (int, error) {
	o.b = append(o.b, p...)
	o.spill()
	return len(p), o.err
}

func (s *table) Emit(_ context.Context, hits []ioc.Hit) error {
	s.head()
	for i := range hits {
		row := csvRow(&hits[i])
		for k := range row {
			row[k] = s.cell(row[k])
		}
		_ = s.csv.Write(row) // its error is that of the output
	}
	s.csv.Flush()
	return s.out.flush()
}

// Close writes the header of a table without rows.
func (s *table) Close() error {
	s.head()
	s.csv.Flush()
	return s.out.flush()
}

func (s *table) head() {
	if !s.headed {
		s.headed = true
		_ = s.csv.Write(csvHeader)
	}
}

func csvRow(h *ioc.Hit) []string {
	var feeds, reports, authors, adversaries, families, roles, tlps, urls joined
	for i := range h.Indicators {
		ind := &h.Indicators[i]
		feeds.add(ind.Feed)
		tlps.add(ind.TLP)
		for k := range ind.Reports {
			m := &ind.Reports[k]
			reports.add(m.Name)
			authors.add(m.Author)
			adversaries.add(m.Adversary)
			families.add(m.Families...)
			roles.add(m.Role)
			urls.add(m.URL)
		}
	}
	when := ""
	if !h.Time.IsZero() {
		when = h.Time.UTC().Format(time.RFC3339Nano)
	}
	line, offset, clipped := "", "", ""
	if h.Clipped {
		clipped = "yes"
	}
	if h.Where.Index == "" {
		line, offset = strconv.FormatInt(h.Where.Line, 10), strconv.FormatInt(h.Where.Offset, 10)
	}
	row := []string{when, h.TimeSource, string(h.Type), h.Value, h.Matched, h.Rule, h.Where.Host, place(h), line, offset, h.Where.Field,
		feeds.cell(), reports.cell(), authors.cell(), adversaries.cell(), families.cell(), roles.cell(), tlps.cell(), urls.cell(), string(h.Record), clipped, h.ID}
	return append(row, csvWorth(h)...)
}

// csvWorth returns the columns that say what a hit is worth; those of a score
// are empty where there is none.
func csvWorth(h *ioc.Hit) []string {
	score, severity, level, alert := "", "", "", ""
	if isScored(h) {
		score, severity, level = strconv.Itoa(int(h.Score.Value)), strconv.Itoa(int(h.Severity.Value)), h.Severity.Level()
		alert = "no"
		if h.Alert {
			alert = "yes"
		}
	}
	state := "armed"
	if notArmed(h) {
		state = "not armed: " + whyNot(h.Arming)
	}
	mark := ""
	if h.Mark != nil {
		mark = h.Mark.Verdict
		if h.Mark.Why != "" {
			mark += ": " + h.Mark.Why
		}
	}
	return []string{score, severity, level, alert, h.Direction, h.Outcome, state, mark}
}

// whyNot returns why an observable is not armed: what was said, or at least by
// which rule.
func whyNot(a *ioc.Arming) string {
	if a.Why != "" {
		return a.Why
	}
	return a.By
}

// joined is a cell of several values, each once. A value may stand in ten
// thousand reports.
type joined struct {
	values []string
	seen   map[string]bool
}

func (j *joined) add(values ...string) {
	for _, v := range values {
		if v == "" || j.seen[v] {
			continue
		}
		if j.seen == nil {
			j.seen = make(map[string]bool)
		}
		j.seen[v] = true
		j.values = append(j.values, v)
	}
}

func (j *joined) cell() string { return strings.Join(j.values, "; ") }

// cell makes a value safe: one that a spreadsheet would take for a formula gets
// an apostrophe before it (CWE-1236), unless the user wants it raw.
func (s *table) cell(v string) string {
	if s.o.Terminal || s.o.Safe {
		v = term.EscapeString(v)
	}
	if !s.o.Raw && isFormula(v) {
		return "'" + v
	}
	return v
}

func isFormula(v string) bool {
	r, _ := utf8.DecodeRuneInString(v)
	switch r {
	case '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠':
		return true
	}
	return false
}
